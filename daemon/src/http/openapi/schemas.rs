//! Schemas of bodies: those of kinds come from the contract, the others stand here beside no other copy.

use fleet_proto::kinds::KINDS;
use fleet_proto::reflect;
use serde_json::{Map, Value, json};

/// Every schema by its name.
pub(super) fn all() -> Value {
    let mut all = Map::new();
    for row in KINDS {
        let input = reflect::kind_input(row.kind);
        all.insert(format!("{}Patch", row.title), partial(input.clone()));
        all.insert(format!("{}Input", row.title), input);
        all.insert(row.title.to_owned(), reflect::kind_output(row.kind));
        let items = json!({"type": "array", "items": {"$ref": format!("#/components/schemas/{}", row.title)}});
        let next = json!({"type": "string", "description": "`after` of the next page; none: this is the last"});
        all.insert(
            format!("{}List", row.title),
            object(&["items"], &json!({"items": items, "next": next})),
        );
    }
    for part in [problems(), of_devices(), of_people(), of_readings(), of_others()] {
        if let Value::Object(part) = part {
            all.extend(part);
        }
    }
    Value::Object(all)
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties})
}

/// An object to which answers may get more.
fn open(required: &[&str], properties: &Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties})
}

/// The same with nothing required, as in a merge patch.
fn partial(mut schema: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                if fields.contains_key("properties") {
                    fields.shift_remove("required");
                }
                fields.values_mut().for_each(walk);
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            _ => {}
        }
    }
    walk(&mut schema);
    schema
}

fn text() -> Value {
    json!({"type": "string"})
}

fn short(most: u32) -> Value {
    json!({"type": "string", "maxLength": most})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

fn maybe(kind: &str) -> Value {
    json!({"type": [kind, "null"]})
}

fn moment() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn problems() -> Value {
    let issue = object(
        &["path", "message", "code"],
        &json!({"path": text(), "message": text(), "help": text(), "code": text()}),
    );
    let problem = object(
        &["code", "title", "detail"],
        &json!({
            "code": text(), "title": text(), "detail": text(),
            "retryAfter": {"type": "integer", "minimum": 1, "description": "Seconds"},
            "issues": list(&issue),
        }),
    );
    json!({"Problem": problem})
}

fn of_devices() -> Value {
    let device = json!({"type": "string", "description": "Name or uid of the device of the path"});
    let stamp = json!({
        "description": "RFC 3339, or milliseconds since 1970",
        "oneOf": [moment(), {"type": "integer"}],
    });
    let reading = json!({
        "deviceId": text(), "dataType": text(), "value": {}, "unit": text(), "timestamp": stamp,
        "slaveId": {"type": "integer", "minimum": 0, "maximum": 255}, "bus": text(), "registerLabel": text(),
        "quality": {"enum": ["good", "uncertain", "bad"]},
    });
    let one = open(&["dataType", "value"], &reading);
    let batch = open(&["readings"], &json!({"deviceId": text(), "readings": list(&one)}));
    let message = open(
        &["value"],
        &json!({
            "tenant": text(), "device_id": text(), "sensor_id": text(), "value": {}, "unit": text(), "timestamp": stamp,
            "topic": {"type": "string", "description": "`tenants/T/devices/D/sensors/S`: what the message does not name itself"},
        }),
    );
    let either = json!({"anyOf": [batch, one]});
    let log = object(
        &["level", "message"],
        &json!({"timestamp": stamp, "level": {"enum": ["debug", "info", "warning", "error", "help"]}, "message": text()}),
    );
    json!({
        "Provision": open(&["hwId", "claimToken"], &json!({
            "hwId": short(100), "model": short(100), "firmwareVersion": text(), "claimToken": text(), "csr": text(),
        })),
        "CertificateRequest": open(&["csr"], &json!({"csr": text()})),
        "Certificate": open(&["certificate", "caChain", "notAfter"], &json!({
            "certificate": text(), "caChain": text(), "notAfter": moment(),
        })),
        "Provisioned": open(&["deviceId", "configVersion", "serverTime", "polling"], &json!({
            "deviceId": text(), "name": text(), "token": maybe("string"), "certificate": text(), "caChain": text(), "notAfter": moment(), "configVersion": maybe("string"),
            "serverTime": moment(), "polling": open(&[], &json!({"telemetryMs": count(), "heartbeatMs": count()})),
        })),
        "ConfigRequest": open(&[], &json!({
            "deviceId": device, "firmwareVersion": text(), "configVersion": text(),
            "schemaVersion": {"type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32},
        })),
        "Config": {"type": "object", "description": "In the gateway's terms, by schemaVersion"},
        "Heartbeat": open(&["uptimeSeconds"], &json!({
            "deviceId": device, "uptimeSeconds": count(), "firmwareVersion": text(), "configVersion": text(),
            "freeHeap": count(), "rssi": {"type": "integer", "minimum": -200, "maximum": 100}, "errors": {"type": "array"},
        })),
        "Beat": open(&["serverTime", "commands"], &json!({
            "serverTime": moment(),
            "commands": list(&open(&["id", "type", "params", "expiresAt"], &json!({
                "id": text(), "type": text(), "params": {}, "expiresAt": moment(),
            }))),
        })),
        "CommandResult": open(&["status"], &json!({
            "status": {"enum": ["confirmed", "rejected", "failed"]}, "detail": text(), "readback": {},
        })),
        "Logs": open(&["entries"], &json!({"entries": {"type": "array", "maxItems": 1000, "items": log}})),
        "Taken": open(&["accepted"], &json!({"accepted": count()})),
        "Readings": {"anyOf": [either, list(&either)]},
        "Messages": {"anyOf": [message, {"type": "array", "maxItems": 10_000, "items": message}]},
        "MessagesTaken": open(&["accepted", "duplicates"], &json!({"accepted": count(), "duplicates": count()})),
        "PartialWrite": open(&["code", "title", "detail", "accepted", "duplicates", "rejected"], &json!({
            "code": {"const": "partial_write"}, "title": text(), "detail": text(), "message": text(), "error": text(),
            "accepted": count(), "duplicates": count(), "rejectedTotal": count(),
            "rejected": list(&open(&["code", "detail"], &json!({"line": count(), "index": count(), "code": text(), "detail": text()}))),
        })),
        "Ingested": open(&["accepted", "rejected", "duplicates"], &json!({
            "accepted": count(), "duplicates": count(), "rejectedTotal": count(),
            "rejected": list(&open(&["index", "code", "detail"], &json!({"index": count(), "code": text(), "detail": text()}))),
        })),
    })
}

fn of_people() -> Value {
    let grant = open(
        &["org", "sites", "permissions", "origin"],
        &json!({
            "org": text(), "sites": list(&text()), "nowhere": {"type": "boolean"},
            "permissions": list(&text()), "origin": text(),
        }),
    );
    let own = |more: &[(&str, Value)]| -> Value {
        let limits = [
            ("displayName", 200),
            ("firstName", 100),
            ("lastName", 100),
            ("mobileNumber", 15),
            ("address", 1000),
            ("language", 35),
        ];
        let fields =
            limits.map(|(name, most)| (name.to_owned(), json!({"type": ["string", "null"], "maxLength": most})));
        let more = more.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone()));
        fields.into_iter().chain(more).collect::<Map<_, _>>().into()
    };
    let name = json!({"type": "string", "minLength": 1, "maxLength": 128});
    let site = object(
        &["org"],
        &json!({"org": text(), "site": text(), "allSites": {"const": true}}),
    );
    json!({
        "Login": object(&["user", "password"], &json!({
            "user": text(), "password": {"type": "string", "maxLength": 1024, "writeOnly": true}, "org": text(),
            "tokens": {"type": "boolean", "description": "Tokens in the answer instead of cookies"},
        })),
        "Refresh": object(&[], &json!({"refreshToken": text()})),
        "Session": object(&["user", "accessExpiresAt", "refreshExpiresAt", "csrfToken"], &json!({
            "user": text(), "accessExpiresAt": moment(), "refreshExpiresAt": moment(), "csrfToken": text(),
            "accessToken": text(), "refreshToken": text(),
        })),
        "Register": object(&["user", "email"], &own(&[("user", name), ("email", short(254))])),
        "ChangePassword": object(&["oldPassword", "newPassword"], &json!({
            "oldPassword": {"type": "string", "writeOnly": true}, "newPassword": {"type": "string", "writeOnly": true},
        })),
        "Profile": object(&[], &own(&[])),
        "Me": object(&["actor", "user", "grants"], &json!({
            "actor": text(), "grants": list(&grant),
            "user": {"anyOf": [{"$ref": "#/components/schemas/User"}, {"type": "null"}]},
        })),
        "Validated": object(&["valid", "actor", "permissions", "sites", "grants"], &json!({
            "valid": {"const": true}, "actor": text(), "user": maybe("string"), "permissions": list(&text()),
            "sites": list(&site), "grants": list(&grant),
        })),
    })
}

/// Answers to questions about readings.
fn of_readings() -> Value {
    let (number, moment_or_none) = (
        maybe("number"),
        json!({"type": ["string", "null"], "format": "date-time"}),
    );
    let value = json!({"type": ["number", "null"], "description": "null: there is no number"});
    let reading = object(
        &["timestamp", "sensor_type", "unit", "value"],
        &json!({
            "device_id": text(), "timestamp": moment(), "sensor_type": text(), "source": text(), "unit": text(), "value": value,
            "text": {"description": "A value that is no number"},
            "quality": {"enum": ["uncertain", "bad"], "description": "Where it is not good"},
            "reason": text(),
            "received": {"type": "string", "format": "date-time", "description": "Where that was more than a second off"},
        }),
    );
    let interval = object(
        &["timestamp", "sensor_type", "unit", "value", "count", "bad"],
        &json!({
            "timestamp": moment(), "sensor_type": text(), "unit": text(), "value": value, "group": text(),
            "count": {"type": "integer", "minimum": 0, "description": "Numbers that it stands on; 0 where it was filled in"},
            "bad": {"type": "integer", "minimum": 0, "description": "Readings that were not good"},
        }),
    );
    let data = list(&json!({"anyOf": [reading, interval]}));
    let next = json!({"type": "string", "description": "`after` of the next page; none: this is the last"});
    let figures = object(
        &["sensor_type", "unit", "count", "bad"],
        &json!({
            "sensor_type": text(), "source": text(), "unit": text(), "count": count(), "bad": count(), "min": number,
            "max": number, "mean": number, "stddev": number, "first": number, "last": number, "p50": number, "p95": number,
            "p99": number, "first_timestamp": moment_or_none, "last_timestamp": moment_or_none,
        }),
    );
    json!({
        "Told": object(&["data"], &json!({"data": data, "next": next})),
        "ToldOfDevice": object(&["device_id", "data"], &json!({"device_id": text(), "data": data, "next": next})),
        "Figures": object(&["device_id", "from", "to", "data"], &json!({
            "device_id": text(), "from": moment(), "to": moment(), "data": list(&figures),
        })),
    })
}

fn of_others() -> Value {
    let named = object(
        &["kind", "org", "name"],
        &json!({"kind": text(), "org": text(), "name": text()}),
    );
    let reading = object(
        &["device", "sensor", "timestamp", "value", "quality"],
        &json!({
            "device": text(), "sensor": text(), "source": text(), "unit": text(), "timestamp": moment(), "value": {},
            "quality": {"enum": ["good", "uncertain", "bad"]},
        }),
    );
    let entry = object(
        &[
            "seq",
            "org",
            "timestamp",
            "level",
            "user",
            "action",
            "message",
            "details",
            "address",
            "device",
            "site",
            "count",
        ],
        &json!({
            "seq": count(), "org": text(), "timestamp": moment(), "level": {"enum": ["info", "warning", "error", "help"]},
            "user": text(), "action": text(), "message": text(), "details": {"type": "object"}, "address": text(),
            "device": text(), "site": text(), "count": count(),
        }),
    );
    json!({
        "Document": {"type": "object"},
        "Status": object(&["status"], &json!({"status": text()})),
        "Deleted": object(&["deleted", "cleared", "revision"], &json!({
            "deleted": list(&named), "cleared": list(&named), "revision": count(),
        })),
        "NewLogEntry": object(&["message"], &json!({
            "org": text(), "level": {"enum": ["info", "warning", "error", "help"]},
            "message": {"type": "string", "minLength": 1, "maxLength": 4096},
            "action": {"type": "string", "maxLength": 255, "pattern": "^[A-Za-z0-9._ /-]*$"},
            "details": {"type": "object"}, "device": text(), "site": text(),
        })),
        "LogEntry": entry,
        "LogPage": object(&["items"], &json!({"items": list(&entry), "next": text()})),
        "Latest": object(&["items"], &json!({"items": list(&reading)})),
        "Kpis": object(&["devices", "sites"], &json!({
            "devices": object(&["total", "online", "offline"], &json!({"total": count(), "online": count(), "offline": count()})),
            "sites": object(&["total"], &json!({"total": count()})),
        })),
    })
}

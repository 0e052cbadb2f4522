//! Every route of the HTTP door.

use axum::routing::on;
use fleet_proto::kinds::Kind;

use super::routes::Needs::{Caller, Device, Nothing, Readings, Stranger};
use super::routes::On::{Delete, Get, Patch, Post, Put};
use super::routes::Shape::{Bytes, Image, Json, Page, Resource, Text};
use super::routes::{EDIT, Queries, Route, Shape, VIEW, route, view, write};
use super::{
    auth, devices, ingest, log, me, openapi, provision, readings, remote_write, renamed, resources, sockets, system,
    webhook, write_lines,
};

/// The table.
pub(super) fn all() -> Vec<Route> {
    [
        of_devices(),
        of_programs(),
        of_fleetd(),
        of_resources(),
        of_people(),
        of_own_things(),
        of_logs(),
        of_other_names(),
        of_readings(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_devices() -> Vec<Route> {
    vec![
        route(
            Post,
            "/api/devices/provision",
            Nothing,
            |m| on(m, provision::provision),
            "Makes a device known by a claim token, or gives a known one a new token",
        )
        .takes(Json("Provision"))
        .gives(Json("Provisioned")),
        route(
            Post,
            "/api/devices/{id}/config",
            Device,
            |m| on(m, devices::config),
            "The configuration that the device is to run",
        )
        .takes(Json("ConfigRequest"))
        .gives(Json("Config")),
        route(
            Post,
            "/api/devices/{id}/heartbeat",
            Device,
            |m| on(m, devices::heartbeat),
            "Says that the device lives; gives commands that wait for it",
        )
        .takes(Json("Heartbeat"))
        .gives(Json("Beat")),
        route(
            Post,
            "/api/devices/{id}/commands/{command}/result",
            Device,
            |m| on(m, devices::command_result),
            "What became of a command",
        )
        .takes(Json("CommandResult"))
        .gives(Json("Status")),
        route(
            Post,
            "/api/devices/{id}/logs",
            Device,
            |m| on(m, devices::logs),
            "Lines of the device's log",
        )
        .takes(Json("Logs"))
        .gives(Json("Taken")),
        route(
            Post,
            "/api/devices/{id}/certificate",
            Device,
            |m| on(m, provision::renew),
            "Gives the device its next certificate over its current credential",
        )
        .takes(Json("CertificateRequest"))
        .gives(Json("Certificate")),
        route(
            Post,
            "/api/telemetry/ingest",
            Device,
            |m| on(m, ingest::ingest),
            "Readings, one or many; answered when they are durable",
        )
        .takes(Json("Readings"))
        .gives(Json("Ingested")),
        route(
            Get,
            "/ws/devices",
            Device,
            |m| on(m, sockets::devices),
            "A WebSocket: each text holds what /api/telemetry/ingest takes, and is answered with what that gives, in \
             order; `id` and `seq` of a message stand in its answer",
        )
        .with(101),
    ]
}

/// What programs write for devices of an organization; answered when it is durable.
fn of_programs() -> Vec<Route> {
    let lines = |path, does| {
        route(Post, path, Readings, |m| on(m, write_lines::write), does)
            .asks(Queries::Write)
            .takes(Text("text/plain"))
            .with(204)
    };
    vec![
        lines(
            "/write",
            "Readings in InfluxDB's line protocol; the tag `device` names the device, each field is a sensor",
        ),
        lines("/api/v2/write", "The same, as clients of InfluxDB 2 write it"),
        route(
            Post,
            remote_write::PATH,
            Readings,
            |m| on(m, remote_write::write),
            "Samples as Prometheus writes them remotely (1.0); the label `device` names the device",
        )
        .asks(Queries::Org)
        .takes(Bytes("application/x-protobuf"))
        .with(204),
        route(
            Post,
            "/ingest/",
            Readings,
            |m| on(m, webhook::ingest),
            "Readings as a broker's webhook sends them, one or several",
        )
        .takes(Json("Messages"))
        .gives(Json("MessagesTaken"))
        .with(201),
    ]
}

fn of_fleetd() -> Vec<Route> {
    vec![
        route(Get, "/healthz", Nothing, |m| on(m, system::healthz), "fleetd runs").gives(Json("Status")),
        route(
            Get,
            "/readyz",
            Nothing,
            |m| on(m, system::readyz),
            "fleetd can write what it is sent",
        )
        .gives(Json("Status")),
        route(
            Get,
            "/metrics",
            Nothing,
            |m| on(m, system::metrics),
            "Figures for Prometheus",
        )
        .gives(Text("text/plain")),
        route(
            Get,
            "/api/openapi.json",
            Nothing,
            |m| on(m, openapi::document),
            "This document",
        )
        .gives(Json("Document")),
    ]
}

fn of_resources() -> Vec<Route> {
    let one = Resource(None);
    vec![
        route(
            Get,
            "/api/v1/{kind}",
            VIEW,
            |m| on(m, resources::list),
            "Resources of a kind, in order of their names",
        )
        .asks(Queries::List)
        .gives(Page(None)),
        route(
            Post,
            "/api/v1/{kind}",
            EDIT,
            |m| on(m, resources::create),
            "Makes a resource that does not exist yet",
        )
        .asks(Queries::Org)
        .takes(one)
        .gives(one)
        .with(201),
        route(
            Get,
            "/api/v1/{kind}/{name}",
            VIEW,
            |m| on(m, resources::get),
            "A resource, by name or uid",
        )
        .asks(Queries::Org)
        .gives(one),
        route(
            Put,
            "/api/v1/{kind}/{name}",
            EDIT,
            |m| on(m, resources::replace),
            "Replaces a resource",
        )
        .asks(Queries::Org)
        .takes(one)
        .gives(one),
        route(
            Patch,
            "/api/v1/{kind}/{name}",
            EDIT,
            |m| on(m, resources::patch),
            "Changes a resource by a JSON merge patch",
        )
        .asks(Queries::Org)
        .takes(Shape::Patch)
        .gives(one),
        route(
            Delete,
            "/api/v1/{kind}/{name}",
            EDIT,
            |m| on(m, resources::delete),
            "Deletes a resource that nothing refers to",
        )
        .asks(Queries::Delete)
        .gives(Json("Deleted")),
    ]
}

fn of_people() -> Vec<Route> {
    vec![
        route(
            Post,
            "/api/auth/login",
            Stranger,
            |m| on(m, auth::login),
            "Begins a session: in cookies, or with `tokens` in the answer",
        )
        .takes(Json("Login"))
        .gives(Json("Session")),
        route(
            Post,
            "/api/auth/refresh",
            Stranger,
            |m| on(m, auth::refresh),
            "New tokens for a refresh token, of the cookie or the body",
        )
        .takes(Json("Refresh"))
        .gives(Json("Session")),
        route(
            Post,
            "/api/auth/register",
            Stranger,
            |m| on(m, me::register),
            "Makes oneself known; answered alike for known addresses",
        )
        .takes(Json("Register"))
        .gives(Json("Status"))
        .with(202),
        route(
            Post,
            "/api/auth/logout",
            Caller,
            |m| on(m, auth::logout),
            "Ends the session",
        )
        .with(204),
        route(
            Post,
            "/api/auth/change-password",
            Caller,
            |m| on(m, auth::change_password),
            "Changes one's own password; other sessions end",
        )
        .takes(Json("ChangePassword"))
        .with(204),
        route(
            Get,
            "/api/auth/validate-token",
            Caller,
            |m| on(m, auth::validate),
            "Whose credential it is, and where it may do what",
        )
        .gives(Json("Validated")),
        route(
            Post,
            "/api/auth/validate-token",
            Caller,
            |m| on(m, auth::validate),
            "The same",
        )
        .gives(Json("Validated")),
        route(
            Get,
            "/api/validate-token",
            Caller,
            |m| on(m, auth::validate),
            "The same",
        )
        .gives(Json("Validated")),
    ]
}

fn of_own_things() -> Vec<Route> {
    vec![
        route(
            Get,
            "/api/auth/me",
            Caller,
            |m| on(m, me::get),
            "Who the caller is, and where it may do what",
        )
        .gives(Json("Me")),
        route(
            Patch,
            "/api/auth/me",
            Caller,
            |m| on(m, me::patch),
            "Changes one's own profile",
        )
        .takes(Json("Profile"))
        .gives(Json("Me")),
        route(
            Get,
            "/api/auth/avatar",
            Caller,
            |m| on(m, me::avatar),
            "One's own picture",
        )
        .gives(Image),
        route(
            Put,
            "/api/auth/avatar",
            Caller,
            |m| on(m, me::set_avatar),
            "Sets one's own picture: PNG, JPEG or WebP, at most 1 MiB",
        )
        .takes(Image)
        .with(204),
        route(
            Delete,
            "/api/auth/avatar",
            Caller,
            |m| on(m, me::remove_avatar),
            "Removes one's own picture",
        )
        .with(204),
    ]
}

fn of_logs() -> Vec<Route> {
    vec![
        route(
            Get,
            "/api/logs/",
            view("log"),
            |m| on(m, log::list),
            "What happened in an organization or on the platform, the newest first",
        )
        .asks(Queries::Log)
        .gives(Json("LogPage")),
        route(
            Post,
            "/api/logs/",
            write("log"),
            |m| on(m, log::add),
            "Adds an entry, such as a call for help",
        )
        .takes(Json("NewLogEntry"))
        .gives(Json("LogEntry"))
        .with(201),
    ]
}

/// What front ends that are there already call by other paths; the bodies are the same.
fn of_other_names() -> Vec<Route> {
    let (list, one) = (
        "The same as `/api/v1/` with the kind",
        "The same as `/api/v1/` with the kind and name",
    );
    let page = |path, noun, handler, kind| {
        route(Get, path, view(noun), handler, list)
            .asks(Queries::List)
            .gives(Page(Some(kind)))
    };
    let single = |path, noun, handler, kind| {
        route(Get, path, view(noun), handler, one)
            .asks(Queries::Org)
            .gives(Resource(Some(kind)))
    };
    vec![
        page("/api/devices/", "device", |m| on(m, renamed::devices), Kind::Device),
        single("/api/devices/{id}/", "device", |m| on(m, renamed::device), Kind::Device),
        page("/api/users/", "user", |m| on(m, renamed::users), Kind::User),
        single("/api/users/{id}/", "user", |m| on(m, renamed::user), Kind::User),
        page(
            "/api/customers/",
            "customer",
            |m| on(m, renamed::customers),
            Kind::Customer,
        ),
        single(
            "/api/customers/{id}/",
            "customer",
            |m| on(m, renamed::customer),
            Kind::Customer,
        ),
        page("/assets/sites/", "site", |m| on(m, renamed::sites), Kind::Site),
        single("/assets/sites/{id}/", "site", |m| on(m, renamed::site), Kind::Site),
        page("/assets/assets/", "asset", |m| on(m, renamed::assets), Kind::Asset),
        single("/assets/assets/{id}/", "asset", |m| on(m, renamed::asset), Kind::Asset),
        page("/assets/devices/", "device", |m| on(m, renamed::devices), Kind::Device),
        single(
            "/assets/devices/{id}/",
            "device",
            |m| on(m, renamed::device),
            Kind::Device,
        ),
        route(
            Get,
            "/api/telemetry/",
            view("telemetry"),
            |m| on(m, renamed::latest),
            "The newest reading of each sensor of a device",
        )
        .asks(Queries::Latest)
        .gives(Json("Latest")),
        route(
            Get,
            "/ws/live",
            view("telemetry"),
            |m| on(m, sockets::live),
            "A WebSocket: `{\"subscribe\": {\"org\", \"device\", \"sensor\", \"site\"}}` begins, and `unsubscribe` with the \
             same ends, to show readings as they are committed",
        )
        .with(101),
        route(
            Get,
            "/api/health/",
            Stranger,
            |m| on(m, system::readyz),
            "The same as /readyz",
        )
        .gives(Json("Status")),
        route(
            Get,
            "/api/kpis/",
            view("device"),
            |m| on(m, renamed::kpis),
            "How many devices and sites there are, and how many devices are online",
        )
        .asks(Queries::Org)
        .gives(Json("Kpis")),
    ]
}

/// Questions about readings.
fn of_readings() -> Vec<Route> {
    let ask = |path, handler, names, does| {
        route(Get, path, view("telemetry"), handler, does)
            .asks(Queries::Readings(names))
            .gives(Json("Told"))
    };
    vec![
        ask(
            "/ingest/latest/{device}/",
            |m| on(m, readings::latest),
            readings::LATEST,
            "The newest reading of each sensor of a device",
        )
        .gives(Json("ToldOfDevice")),
        ask(
            "/ingest/history/{device}/",
            |m| on(m, readings::history),
            readings::HISTORY,
            "The readings of a device, sensor after sensor in order of time; with `interval` what each interval holds",
        )
        .gives(Json("ToldOfDevice")),
        ask(
            "/ingest/summary/{device}/",
            |m| on(m, readings::summary),
            readings::SUMMARY,
            "Figures about the readings of a device, by sensor",
        )
        .gives(Json("Figures")),
        ask(
            "/ingest/telemetry/",
            |m| on(m, readings::telemetry),
            readings::TELEMETRY,
            "The readings of devices, device after device and sensor after sensor in order of time; with `interval` what each interval holds",
        ),
        ask(
            "/ingest/readings/",
            |m| on(m, readings::readings),
            readings::READINGS,
            "The readings of devices, device after device and sensor after sensor in order of time",
        ),
        ask(
            "/ingest/aggregates/",
            |m| on(m, readings::aggregates),
            readings::AGGREGATES,
            "What each interval of the readings of devices holds; an interval is an hour unless said",
        ),
        ask(
            "/api/telemetry/historical",
            |m| on(m, readings::telemetry),
            readings::TELEMETRY,
            "The same as `/ingest/telemetry/`",
        ),
        ask(
            "/api/tracked-variables/{name}/samples",
            |m| on(m, readings::samples),
            &["org"],
            "The newest readings of a tracked variable, in order of time",
        )
        .gives(Json("ToldOfDevice")),
    ]
}

#[cfg(test)]
mod tests {
    use fleet_proto::access::{Permission, every};

    use super::*;
    use crate::http::routes::Needs;

    #[test]
    fn every_permission_of_a_route_exists_and_no_row_stands_twice() {
        let mut seen = std::collections::HashSet::new();
        for row in all() {
            if let Needs::Permission(permission) = row.needs {
                let text = permission.to_string();
                assert!(
                    Permission::of_method(&text).is_some()
                        && (text.ends_with(":resource") || every().any(|p| p == permission)),
                    "{}: {text}",
                    row.path
                );
                assert_eq!(text.ends_with(":resource"), row.path.contains("{kind}"), "{}", row.path);
            }
            assert!(seen.insert((row.on.text(), row.path)), "{}", row.path);
        }
    }

    #[test]
    fn what_devices_call_costs_no_gate() {
        for row in of_devices() {
            assert!(!row.is_gated(), "{}", row.path);
        }
    }
}

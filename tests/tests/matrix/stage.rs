//! fleetd with everybody who calls, and calls as they are on the wire.

use std::fmt::Write as _;

use fleet_proto::reflect;
use fleet_tests::device::Device;
use fleet_tests::{World, process};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

pub const PASSWORD: &str = "correct battery staple horse";
const ORGS: &str = "
kind: Organization
metadata: {name: one}
spec: {}
---
kind: Organization
metadata: {name: two}
spec: {}
---
kind: Organization
metadata: {name: three}
spec: {}
---
kind: Site
metadata: {org: one, name: a}
spec: {settings: {operatorControl: true}}
---
kind: Site
metadata: {org: one, name: b}
spec: {settings: {operatorControl: true}}
---
kind: Site
metadata: {org: two, name: a}
spec: {settings: {operatorControl: true}}
---
kind: Site
metadata: {org: three, name: a}
spec: {}
---
kind: Device
metadata: {org: one, name: device-a}
spec: {serial: aa, site: a}
---
kind: Device
metadata: {org: one, name: behind-a}
spec: {serial: a2, site: a, gateway: device-a}
---
kind: Device
metadata: {org: one, name: device-b}
spec: {serial: bb, site: b}
---
kind: Device
metadata: {org: two, name: device-c}
spec: {serial: cc, site: a}
---
kind: Device
metadata: {org: one, name: spare-device-a}
spec: {site: a}
---
kind: Device
metadata: {org: one, name: spare-device-b}
spec: {site: b}
---
kind: Device
metadata: {org: two, name: spare-device-c}
spec: {site: a}
---
kind: Device
metadata: {org: one, name: other-device-a}
spec: {site: a}
---
kind: Device
metadata: {org: one, name: other-device-b}
spec: {site: b}
---
kind: Device
metadata: {org: two, name: other-device-c}
spec: {site: a}
---
kind: TrackedVariable
metadata: {org: one, name: of-device-a}
spec: {device: device-a, sensor: t, site: a}
---
kind: TrackedVariable
metadata: {org: one, name: of-device-b}
spec: {device: device-b, sensor: t, site: b}
---
kind: TrackedVariable
metadata: {org: two, name: of-device-c}
spec: {device: device-c, sensor: t, site: a}
";

/// Callers: name, and roles as (organization, role, sites); no site: all.
type Role = (&'static str, &'static str, &'static [&'static str]);
const PEOPLE: &[(&str, &[Role])] = &[
    ("viewer", &[("one", "viewer", &["a"])]),
    ("operator", &[("one", "operator", &["a"])]),
    ("manager", &[("one", "site-manager", &["a"])]),
    ("developer", &[("one", "developer", &["a"])]),
    // Two roles at two sites: their union, and not their product.
    ("pair", &[("one", "viewer", &["a"]), ("one", "site-manager", &["b"])]),
    ("admin", &[("one", "org-admin", &[])]),
    ("nothing", &[]),
    ("suspended", &[("three", "org-admin", &[])]),
    ("victim-a", &[("one", "viewer", &["a"])]),
    ("victim-b", &[("one", "viewer", &["b"])]),
    ("victim-c", &[("two", "viewer", &[])]),
];

/// About what: organization, site, device, user.
pub const TARGETS: &[(&str, [&str; 4])] = &[
    ("own site", ["one", "a", "device-a", "victim-a"]),
    ("other site", ["one", "b", "device-b", "victim-b"]),
    ("other org", ["two", "a", "device-c", "victim-c"]),
    ("missing", ["nope", "a", "device-n", "nobody"]),
];

/// Messages as they are on the wire.
#[derive(Clone, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(buffer, &item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = bytes::Buf::remaining(buffer);
        let mut item = vec![0; length];
        bytes::Buf::copy_to_slice(buffer, &mut item);
        Ok(Some(item))
    }
}

/// fleetd with everybody who calls.
pub struct Stage {
    pub world: World,
    runtime: Runtime,
    pub channel: Channel,
    local: Channel,
    /// Names and credentials, in the order of the golden file.
    pub callers: Vec<(String, Option<String>)>,
    /// Who has readings.
    pub devices: Vec<Device>,
}

impl Stage {
    pub fn set() -> Self {
        let world = World::empty(&[
            "--grpc-listen",
            "127.0.0.1:0",
            "--password-cost",
            "19456,2,1",
            // Everybody calls everything as fast as it goes.
            "--rate-caller",
            "off",
            "--rate-org",
            "off",
            "--rate-stranger",
            "off",
        ]);
        let mut manifests = ORGS.to_owned();
        for (name, roles) in PEOPLE {
            let _ = write!(manifests, "---\nkind: User\nmetadata: {{name: {name}}}\nspec: {{}}\n");
            for (at, (org, role, sites)) in roles.iter().enumerate() {
                let place = if sites.is_empty() {
                    "allSites: true".to_owned()
                } else {
                    format!("sites: [{}]", sites.join(", "))
                };
                let _ = write!(
                    manifests,
                    "---\nkind: RoleBinding\nmetadata: {{org: {org}, name: {name}-{at}}}\nspec: {{user: {name}, role: {role}, {place}}}\n"
                );
            }
        }
        manifests
            .push_str("---\nkind: User\nmetadata: {name: platform-admin}\nspec: {platformRoles: [platform-admin]}\n");
        manifests.push_str("---\nkind: User\nmetadata: {name: somebody}\nspec: {}\n");
        let manifests: String = manifests
            .split("\nkind:")
            .collect::<Vec<_>>()
            .join("\napiVersion: fleet/v1\nkind:");
        world.rpc().apply(&manifests);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let connect = |to: String| {
            let _context = runtime.enter();
            Endpoint::from_shared(to).unwrap().connect_lazy()
        };
        let channel = connect(world.fleetd.grpc().to_owned());
        let local = connect(format!("unix://{}", world.fleetd.socket().display()));
        let mut stage = Self {
            world,
            runtime,
            channel,
            local,
            callers: Vec::new(),
            devices: Vec::new(),
        };
        stage.cast();
        stage
    }

    /// Gives everybody a credential.
    fn cast(&mut self) {
        let names = PEOPLE
            .iter()
            .map(|(name, _)| *name)
            .chain(["platform-admin", "somebody"]);
        for name in names {
            self.admin(
                "AccessService.SetPassword",
                &json!({"user": name, "password": PASSWORD}),
            );
        }
        let mut callers = vec![("anonymous".to_owned(), None)];
        for name in [
            "nothing",
            "viewer",
            "operator",
            "manager",
            "developer",
            "pair",
            "admin",
            "platform-admin",
        ] {
            callers.push((name.to_owned(), Some(self.login(name))));
        }
        let token = |wanted: Value| self.admin("AccessService.CreateToken", &wanted);
        let scoped = token(json!({"org": "one", "scopes": ["view:device"]}));
        callers.push(("token view:device".to_owned(), Some(text(&scoped["token"]))));
        let revoked = token(json!({"org": "one", "scopes": ["*:*"]}));
        self.admin(
            "AccessService.RevokeToken",
            &json!({"org": "one", "id": revoked["apiToken"]["id"]}),
        );
        callers.push(("revoked".to_owned(), Some(text(&revoked["token"]))));
        let expired = token(json!({"org": "one", "scopes": ["*:*"], "expiresInSeconds": 1}));
        let expired = text(&expired["token"]);
        let over = || {
            let said = self.call(&self.channel, "AccessService.WhoAmI", &json!({}), Some(&expired));
            said.is_err().then_some(())
        };
        process::until(fleet_tests::fleetd::PATIENCE, over).expect("a second goes by");
        callers.push(("expired".to_owned(), Some(expired)));
        let device = |serial: &str, org: &str| {
            let claim = self.world.claim_token(org);
            Device::provision(self.world.fleetd.http(), serial, &claim)
        };
        let gateway = device("aa", "one");
        callers.push(("gateway".to_owned(), Some(gateway.token.clone())));
        callers.push(("device".to_owned(), Some(device("a2", "one").token)));
        let devices = vec![gateway, device("bb", "one"), device("cc", "two")];
        let suspended = self.login("suspended");
        let manifest = "apiVersion: fleet/v1\nkind: Organization\nmetadata: {name: three}\nspec: {suspended: true}\n";
        self.world.rpc().apply(manifest);
        callers.push(("suspended org".to_owned(), Some(suspended)));
        self.callers = callers;
        self.devices = devices;
    }

    pub fn login(&self, user: &str) -> String {
        text(&self.admin("AccessService.Login", &json!({"user": user, "password": PASSWORD}))["accessToken"])
    }

    /// Calls as the platform's administrator.
    pub fn admin(&self, method: &str, request: &Value) -> Value {
        self.call(&self.local, method, request, None)
            .unwrap_or_else(|status| panic!("{method}: {status}"))
    }

    /// The first message of the answer, or why there is none.
    pub fn call(&self, channel: &Channel, method: &str, request: &Value, token: Option<&str>) -> Result<Value, Status> {
        let method = find(method);
        let message =
            DynamicMessage::deserialize(method.input(), request).unwrap_or_else(|error| panic!("{request}: {error}"));
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let mut grpc = tonic::client::Grpc::new(channel.clone());
        let answer = self.runtime.block_on(async {
            grpc.ready().await.unwrap();
            let mut request = Request::new(tokio_stream::iter([message.encode_to_vec()]));
            if let Some(token) = token {
                let value = format!("Bearer {token}").parse().unwrap();
                request.metadata_mut().insert("authorization", value);
            }
            let mut answer = grpc.streaming(request, path.parse().unwrap(), Raw).await?.into_inner();
            let first = answer.message().await?.unwrap_or_default();
            // A refusal may stand behind what comes first; what has no end is left.
            if !matches!(method.name(), "Watch" | "Tail") {
                while answer.message().await?.is_some() {}
            }
            Ok::<_, Status>(first)
        })?;
        let message = DynamicMessage::decode(method.output(), answer.as_slice()).unwrap();
        Ok(serde_json::to_value(&message).unwrap())
    }

    /// Something of the target's that the call may end.
    pub fn prepare(&self, method: &str, target: &[&str; 4]) -> String {
        let [org, site, device, user] = target;
        if *org == "nope" {
            return "00000000000000000000000000000000".to_owned();
        }
        let (method, request, field) = match method {
            "DeviceService.RevokeClaimToken" => (
                "DeviceService.CreateClaimToken",
                json!({"org": org, "site": site}),
                "/claimToken/id",
            ),
            "DeviceService.RevokeCredential" => (
                "DeviceService.RotateToken",
                json!({"org": org, "device": format!("other-{device}")}),
                "/credential/id",
            ),
            "AccessService.RevokeToken" => (
                "AccessService.CreateToken",
                json!({"org": org, "scopes": ["view:device"], "sites": [site]}),
                "/apiToken/id",
            ),
            "AccessService.RevokeSession" => (
                "AccessService.Login",
                json!({"user": user, "password": PASSWORD}),
                "/session",
            ),
            _ => return String::new(),
        };
        text(self.admin(method, &request).pointer(field).unwrap())
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn find(method: &str) -> MethodDescriptor {
    let (service, name) = method.split_once('.').unwrap();
    let service = reflect::pool()
        .get_service_by_name(&format!("fleet.v1.{service}"))
        .unwrap();
    let found = service.methods().find(|method| method.name() == name);
    found.unwrap_or_else(|| panic!("{method} is gone from the contract"))
}

//! fleetd's gRPC socket without fleetctl: what a test sets up before its story begins.

use std::path::Path;

use fleet_proto::manifest::{self, Source};
use fleet_proto::pb;
use fleet_proto::pb::device_service_client::DeviceServiceClient;
use fleet_proto::pb::resource_service_client::ResourceServiceClient;
use tokio::runtime::{Builder, Runtime};
use tonic::transport::{Channel, Endpoint};

/// Most submissions of one message.
const CHUNK: usize = 500;

/// A connection to fleetd.
pub struct Rpc {
    runtime: Runtime,
    channel: Channel,
}

impl Rpc {
    /// Connects to the socket when it is first used.
    pub fn new(socket: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).unwrap();
        let channel = {
            let _context = runtime.enter();
            endpoint.connect_lazy()
        };
        Self { runtime, channel }
    }

    /// Applies manifests, which must be valid.
    pub fn apply(&self, manifests: &str) {
        let bundle = manifest::read(vec![Source {
            name: "test".to_owned(),
            text: manifests.as_bytes().to_vec(),
        }]);
        let problems: Vec<String> = bundle.problems.iter().map(|problem| bundle.render(problem)).collect();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        let submissions = bundle.submissions();
        let mut requests = vec![pb::ApplyRequest {
            options: Some(pb::apply_request::Options { ..Default::default() }),
            submissions: Vec::new(),
        }];
        requests.extend(submissions.chunks(CHUNK).map(|some| pb::ApplyRequest {
            options: None,
            submissions: some.to_vec(),
        }));
        self.runtime.block_on(async {
            let mut client = ResourceServiceClient::new(self.channel.clone());
            let mut answers = client.apply(tokio_stream::iter(requests)).await.unwrap().into_inner();
            let mut issues = Vec::new();
            let mut summary = None;
            loop {
                match answers.message().await {
                    Ok(Some(answer)) => {
                        issues.extend(answer.issues);
                        summary = summary.or(answer.summary);
                    }
                    Ok(None) => break,
                    Err(status) => panic!("{status}: {issues:#?}"),
                }
            }
            assert!(summary.is_some(), "no summary: {issues:#?}");
        });
    }

    /// A claim token for up to 1,000 devices of an organization.
    pub fn claim_token(&self, org: &str) -> String {
        let wanted = pb::CreateClaimTokenRequest {
            org: org.to_owned(),
            max_uses: 1000,
            ..Default::default()
        };
        self.runtime.block_on(async {
            let mut client = DeviceServiceClient::new(self.channel.clone());
            client.create_claim_token(wanted).await.unwrap().into_inner().token
        })
    }

    /// Queues a command for a device.
    pub fn command(&self, org: &str, device: &str, kind: &str) -> pb::Command {
        let wanted = pb::SendCommandRequest {
            org: org.to_owned(),
            device: device.to_owned(),
            r#type: kind.to_owned(),
            ..Default::default()
        };
        self.runtime.block_on(async {
            let mut client = DeviceServiceClient::new(self.channel.clone());
            client.send_command(wanted).await.unwrap().into_inner().command.unwrap()
        })
    }
}

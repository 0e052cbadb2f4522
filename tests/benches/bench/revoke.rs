//! How long a revoked token's open stream lives.

use std::time::Instant;

use fleet_proto::pb;
use fleet_proto::pb::access_service_client::AccessServiceClient;
use fleet_proto::pb::resource_service_client::ResourceServiceClient;
use fleet_proto::pb::watch_response::Event;
use fleet_tests::World;
use fleet_tests::world::ORG;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};

use crate::figure;

const REVOCATIONS: usize = 1_000;
/// Streams of others that stay open meanwhile.
const BESIDE: usize = 90;

/// Token after token is given out, watches, and is revoked; from the call to the end of its stream.
pub(crate) fn revoke() {
    let world = World::with(&["--grpc-listen", "127.0.0.1:0", "--rate-org", "off"]);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let socket = format!("unix://{}", world.fleetd.socket().display());
    let mut taken: Vec<f64> = runtime.block_on(async {
        let local = Endpoint::from_shared(socket).unwrap().connect().await.unwrap();
        let mut admin = AccessServiceClient::new(local);
        let connect = || Endpoint::from_shared(world.fleetd.grpc().to_owned()).unwrap();
        let (beside, channel) = (connect().connect().await.unwrap(), connect().connect().await.unwrap());
        let mut others = Vec::new();
        for _ in 0..BESIDE {
            let (_, token) = create(&mut admin).await;
            others.push(watch(&beside, &token).await);
        }
        let mut taken = Vec::with_capacity(REVOCATIONS);
        for _ in 0..REVOCATIONS {
            let (id, token) = create(&mut admin).await;
            let mut stream = watch(&channel, &token).await;
            let begin = Instant::now();
            let revoke = pb::RevokeTokenRequest {
                org: ORG.to_owned(),
                id,
            };
            admin.revoke_token(revoke).await.unwrap();
            let ended: Result<_, Status> = stream.message().await;
            assert!(ended.is_err(), "the stream ends with its token");
            taken.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        taken
    });
    taken.sort_by(f64::total_cmp);
    let at = |part: f64| taken[((taken.len() - 1) as f64 * part) as usize];
    figure(
        "revocation of a token to the end of its stream",
        &format!(
            "p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
            at(0.5),
            at(0.99),
            at(1.0)
        ),
        "p99 <= 1 s",
    );
}

async fn create(admin: &mut AccessServiceClient<Channel>) -> (String, String) {
    let wanted = pb::CreateTokenRequest {
        org: ORG.to_owned(),
        scopes: vec!["view:*".to_owned()],
        ..pb::CreateTokenRequest::default()
    };
    let made = admin.create_token(wanted).await.unwrap().into_inner();
    (made.api_token.unwrap().id, made.token)
}

/// A watch that has told what there is.
async fn watch(channel: &Channel, token: &str) -> Streaming<pb::WatchResponse> {
    let filter = pb::Filter {
        org: ORG.to_owned(),
        ..pb::Filter::default()
    };
    let mut request = Request::new(pb::WatchRequest {
        filter: Some(filter),
        from_revision: 0,
    });
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    let mut stream = ResourceServiceClient::new(channel.clone())
        .watch(request)
        .await
        .unwrap()
        .into_inner();
    loop {
        let told = stream.message().await.unwrap().expect("a mark");
        if matches!(told.event, Some(Event::Synced(_))) {
            return stream;
        }
    }
}

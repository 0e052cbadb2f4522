//! `LogService`.

use std::pin::Pin;

use fleet_proto::pb;
use fleet_proto::pb::log_service_server::LogService;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use super::{driven, gate};
use crate::services::log::Log;

pub(super) struct Door {
    log: Log,
}

impl Door {
    pub(super) fn new(log: Log) -> Self {
        Self { log }
    }
}

#[tonic::async_trait]
impl LogService for Door {
    type SearchStream = Pin<Box<dyn Stream<Item = Result<pb::SystemLogSearchResponse, Status>> + Send>>;

    async fn add(
        &self,
        request: Request<pb::SystemLogAddRequest>,
    ) -> Result<Response<pb::SystemLogAddResponse>, Status> {
        let caller = gate::caller(&request)?;
        let entry = self.log.add(&caller, request.into_inner()).await?;
        Ok(Response::new(pb::SystemLogAddResponse { entry: Some(entry) }))
    }

    async fn search(
        &self,
        request: Request<pb::SystemLogSearchRequest>,
    ) -> Result<Response<Self::SearchStream>, Status> {
        let caller = gate::caller(&request)?;
        let wanted = request.into_inner();
        let (sender, receiver) = mpsc::channel(4);
        let log = self.log.clone();
        let pages = driven(async move { log.search(&caller, &wanted, sender).await }, receiver);
        Ok(Response::new(Box::pin(pages.map(|page| {
            page.map(|entries| pb::SystemLogSearchResponse { entries })
        }))))
    }
}

//! `AuditService`.

use std::pin::Pin;

use fleet_proto::pb;
use fleet_proto::pb::audit_service_server::AuditService;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use super::{driven, gate};
use crate::services::audit::Audit;

pub(super) struct Door {
    audit: Audit,
}

impl Door {
    pub(super) fn new(audit: Audit) -> Self {
        Self { audit }
    }
}

#[tonic::async_trait]
impl AuditService for Door {
    type SearchStream = Pin<Box<dyn Stream<Item = Result<pb::AuditSearchResponse, Status>> + Send>>;

    async fn search(&self, request: Request<pb::AuditSearchRequest>) -> Result<Response<Self::SearchStream>, Status> {
        let caller = gate::caller(&request)?;
        let wanted = request.into_inner();
        let (sender, receiver) = mpsc::channel(4);
        let audit = self.audit.clone();
        let pages = driven(async move { audit.search(&caller, &wanted, sender).await }, receiver);
        Ok(Response::new(Box::pin(
            pages.map(|page| page.map(|events| pb::AuditSearchResponse { events })),
        )))
    }

    async fn head(&self, request: Request<pb::AuditHeadRequest>) -> Result<Response<pb::AuditHead>, Status> {
        let caller = gate::caller(&request)?;
        Ok(Response::new(self.audit.head(&caller, &request.get_ref().org).await?))
    }
}

//! `SystemService`.

use fleet_proto::pb;
use fleet_proto::pb::system_service_server::SystemService;
use tonic::{Request, Response, Status};

use super::gate;
use crate::services::system::System;

pub(super) struct Door {
    system: System,
}

impl Door {
    pub(super) fn new(system: System) -> Self {
        Self { system }
    }
}

#[tonic::async_trait]
impl SystemService for Door {
    async fn status(&self, request: Request<pb::StatusRequest>) -> Result<Response<pb::StatusResponse>, Status> {
        let caller = gate::caller(&request)?;
        Ok(Response::new(self.system.status(&caller).await?))
    }
}

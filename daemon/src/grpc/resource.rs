//! `ResourceService`.

use std::pin::Pin;

use fleet_proto::kinds::{KINDS, Kind};
use fleet_proto::pb;
use fleet_proto::pb::resource_service_server::ResourceService;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, Streaming};

use super::bundle::{Bundle, Room};
use super::{applied, aside, driven, gate};
use crate::domain::{Key, Object};
use crate::services::devices::Devices;
use crate::services::resources::{DeleteRequest, Event, Filter, Outcome, Resources};
use crate::services::telemetry::Telemetry;
use crate::services::{Error, Result as Done};

/// Submissions from which on a bundle is large.
const LARGE: usize = 500;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Resources in one message of an answer.
pub(super) const BATCH: usize = 200;

pub(super) struct Door {
    resources: Resources,
    devices: Devices,
    telemetry: Telemetry,
    room: Room,
}

impl Door {
    pub(super) fn new(resources: Resources, devices: Devices, telemetry: Telemetry) -> Self {
        Self {
            resources,
            devices,
            telemetry,
            room: Room::default(),
        }
    }

    async fn submitted(
        &self,
        request: Request<Streaming<pb::ApplyRequest>>,
        only_plan: bool,
    ) -> Result<Response<Answers<pb::ApplyResponse>>, Status> {
        let caller = gate::caller(&request)?;
        let Bundle {
            submissions,
            mut options,
            taken,
        } = self.room.receive(request.into_inner()).await?;
        options.dry_run |= only_plan;
        let dry_run = options.dry_run;
        let is_large = submissions.len() > LARGE;
        let work = Box::pin(self.resources.apply(&caller, submissions, options));
        let outcome = if is_large {
            Box::pin(aside(work)).await
        } else {
            work.await
        };
        drop(taken);
        self.told(outcome, dry_run).await
    }

    async fn told(
        &self,
        outcome: Done<Outcome>,
        dry_run: bool,
    ) -> Result<Response<Answers<pb::ApplyResponse>>, Status> {
        let answers = match outcome {
            Ok(outcome) => {
                let online = self.devices.online(&outcome.impact.devices).await?;
                let refusal = outcome.refusal().map(|error| Err(error.into()));
                let answers = applied::answer(&outcome, dry_run, online).into_iter().map(Ok);
                answers.chain(refusal).collect()
            }
            // A status travels in a header, which is small: all issues go in the body before it.
            Err(Error::Invalid(issues)) => {
                let body = issues.chunks(BATCH).map(|issues| {
                    Ok(pb::ApplyResponse {
                        issues: issues.to_vec(),
                        ..Default::default()
                    })
                });
                body.chain([Err(Status::from(Error::Invalid(issues.clone())))])
                    .collect::<Vec<_>>()
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Response::new(Box::pin(futures_util::stream::iter(answers))))
    }
}

#[tonic::async_trait]
impl ResourceService for Door {
    type ListStream = Answers<pb::ListResponse>;
    type WatchStream = Answers<pb::WatchResponse>;
    type PlanStream = Answers<pb::ApplyResponse>;
    type ApplyStream = Answers<pb::ApplyResponse>;
    type RestoreStream = Answers<pb::ApplyResponse>;
    type HistoryStream = Answers<pb::HistoryResponse>;

    async fn get(&self, request: Request<pb::GetRequest>) -> Result<Response<pb::GetResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::GetRequest { org, kind, name, at } = request.into_inner();
        let kind = kind_of(&kind)?;
        if let Some(at) = applied::at(at)? {
            let object = self.resources.find_at(&caller, &org, kind, &name, at).await?;
            let resource = Some(pb::Resource::from(&object));
            return Ok(Response::new(pb::GetResponse { resource }));
        }
        let object = self.resources.find(&caller, &org, kind, &name).await?;
        let shown = self.devices.with_status(vec![object]).await?;
        let resource = self.telemetry.with_budgets(&caller, shown).await?.pop();
        Ok(Response::new(pb::GetResponse { resource }))
    }

    async fn list(&self, request: Request<pb::ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        let caller = gate::caller(&request)?;
        let pb::ListRequest { filter, limit, at } = request.into_inner();
        let filter = Filter::try_from(filter.unwrap_or_default())?;
        if let Some(at) = applied::at(at)? {
            let (sender, receiver) = mpsc::channel(2);
            let resources = self.resources.clone();
            let work = async move { resources.list_at(&caller, &filter, limit, at, &sender).await };
            let page = |page: Vec<Object>| pb::ListResponse {
                resources: page.iter().map(pb::Resource::from).collect(),
            };
            let pages = driven(work, receiver).map(move |found| found.map(page));
            return Ok(Response::new(Box::pin(pages)));
        }
        let (sender, receiver) = mpsc::channel(2);
        let (resources, devices) = (self.resources.clone(), self.devices.clone());
        let work = async move { resources.list(&caller, &filter, limit, &sender).await };
        let pages = driven(work, receiver).then(move |page| {
            let devices = devices.clone();
            async move {
                Ok(pb::ListResponse {
                    resources: devices.with_status(page?).await?,
                })
            }
        });
        Ok(Response::new(Box::pin(pages)))
    }

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let caller = gate::caller(&request)?;
        let pb::WatchRequest { filter, from_revision } = request.into_inner();
        let filter = Filter::try_from(filter.unwrap_or_default())?;
        let (sender, receiver) = mpsc::channel(64);
        let resources = self.resources.clone();
        let work = async move { resources.watch(&caller, filter, from_revision, sender).await };
        Ok(Response::new(Box::pin(
            driven(work, receiver).map(|event| event.map(told)),
        )))
    }

    async fn plan(&self, request: Request<Streaming<pb::ApplyRequest>>) -> Result<Response<Self::PlanStream>, Status> {
        self.submitted(request, true).await
    }

    async fn apply(
        &self,
        request: Request<Streaming<pb::ApplyRequest>>,
    ) -> Result<Response<Self::ApplyStream>, Status> {
        self.submitted(request, false).await
    }

    async fn restore(&self, request: Request<pb::RestoreRequest>) -> Result<Response<Self::RestoreStream>, Status> {
        let caller = gate::caller(&request)?;
        let request = applied::restore(request.into_inner())?;
        let outcome = self.resources.restore(&caller, &request).await;
        self.told(outcome, request.dry_run).await
    }

    async fn history(&self, request: Request<pb::HistoryRequest>) -> Result<Response<Self::HistoryStream>, Status> {
        let caller = gate::caller(&request)?;
        let request = request.into_inner();
        let (sender, receiver) = mpsc::channel(2);
        let resources = self.resources.clone();
        let work = async move { resources.history(&caller, &request, &sender).await };
        let pages = driven(work, receiver).map(|page| Ok(applied::history(page?)));
        Ok(Response::new(Box::pin(pages)))
    }

    async fn owners(&self, request: Request<pb::OwnersRequest>) -> Result<Response<pb::OwnersResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::OwnersRequest { org, kind, name } = request.into_inner();
        let owned = self.resources.owners(&caller, &org, kind_of(&kind)?, &name).await?;
        Ok(Response::new(applied::owned(owned)))
    }

    async fn delete(&self, request: Request<pb::DeleteRequest>) -> Result<Response<pb::DeleteResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::DeleteRequest { keys, dry_run, cascade } = request.into_inner();
        let keys = keys.into_iter().map(key).collect::<Done<_>>()?;
        let deleted = self
            .resources
            .delete(&caller, DeleteRequest { keys, dry_run, cascade })
            .await?;
        let view = |objects: &[Object]| objects.iter().map(pb::Resource::from).collect();
        Ok(Response::new(pb::DeleteResponse {
            deleted: view(&deleted.deleted),
            cleared: view(&deleted.cleared),
            revision: deleted.revision,
        }))
    }

    async fn list_kinds(&self, _: Request<pb::ListKindsRequest>) -> Result<Response<pb::ListKindsResponse>, Status> {
        let kinds = KINDS.iter().enumerate().map(|(order, row)| pb::KindInfo {
            kind: row.title.to_owned(),
            singular: row.singular.to_owned(),
            plural: row.plural.to_owned(),
            short: row.short.iter().map(|&short| short.to_owned()).collect(),
            platform: row.platform,
            order: order as u32,
            columns: row
                .columns
                .iter()
                .map(|column| pb::kind_info::Column {
                    title: column.title.to_owned(),
                    path: column.path.to_owned(),
                    wide: column.wide,
                })
                .collect(),
        });
        Ok(Response::new(pb::ListKindsResponse { kinds: kinds.collect() }))
    }
}

pub(super) fn kind_of(text: &str) -> Done<Kind> {
    Kind::find(text).ok_or_else(|| Error::NotFound(format!("kind `{text}`")))
}

pub(super) fn key(key: pb::delete_request::Key) -> Done<(Key, u64)> {
    Ok((
        Key {
            org: key.org,
            kind: kind_of(&key.kind)?,
            name: key.name,
        },
        key.revision,
    ))
}

fn told(event: Event) -> pb::WatchResponse {
    use pb::watch_response::{Event as Told, Synced};
    let (event, revision) = match event {
        Event::Put(object, revision) => (Told::Put(pb::Resource::from(&*object)), revision),
        Event::Deleted(object, revision) => (Told::Deleted(pb::Resource::from(&*object)), revision),
        Event::Synced(revision) => (Told::Synced(Synced { revision }), revision),
    };
    pb::WatchResponse {
        event: Some(event),
        revision,
    }
}

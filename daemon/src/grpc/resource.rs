//! `ResourceService`.

use std::pin::Pin;

use fleet_proto::kinds::{KINDS, Kind};
use fleet_proto::pb;
use fleet_proto::pb::resource_service_server::ResourceService;
use futures_util::{Stream, StreamExt as _};
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, Streaming};

use super::{driven, gate, required};
use crate::domain::{Caller, Key, Object};
use crate::services::devices::Devices;
use crate::services::resources::{Action, DeleteRequest, Event, Filter, Options, Outcome, Resources};
use crate::services::{Error, Result as Done};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Resources in one message of an answer.
const BATCH: usize = 200;

pub(super) struct Door {
    resources: Resources,
    devices: Devices,
}

impl Door {
    pub(super) fn new(resources: Resources, devices: Devices) -> Self {
        Self { resources, devices }
    }

    async fn apply_all(
        &self,
        caller: &Caller,
        bundle: Vec<pb::Submission>,
        options: Options,
    ) -> Done<Vec<pb::ApplyResponse>> {
        let outcome = self.resources.apply(caller, bundle, options).await?;
        Ok(answer(outcome, options.dry_run))
    }
}

#[tonic::async_trait]
impl ResourceService for Door {
    type ListStream = Answers<pb::ListResponse>;
    type WatchStream = Answers<pb::WatchResponse>;
    type ApplyStream = Answers<pb::ApplyResponse>;

    async fn get(&self, request: Request<pb::GetRequest>) -> Result<Response<pb::GetResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::GetRequest { org, kind, name } = request.into_inner();
        let object = self.resources.find(&caller, &org, kind_of(&kind)?, &name).await?;
        let resource = self.devices.with_status(vec![object]).await?.pop();
        Ok(Response::new(pb::GetResponse { resource }))
    }

    async fn list(&self, request: Request<pb::ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        let caller = gate::caller(&request)?;
        let pb::ListRequest { filter, limit } = request.into_inner();
        let filter = Filter::try_from(filter.unwrap_or_default())?;
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

    async fn apply(
        &self,
        request: Request<Streaming<pb::ApplyRequest>>,
    ) -> Result<Response<Self::ApplyStream>, Status> {
        let caller = gate::caller(&request)?;
        let (bundle, options) = collect(request.into_inner()).await?;
        let answers = match self.apply_all(&caller, bundle, options).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
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

fn kind_of(text: &str) -> Done<Kind> {
    Kind::find(text).ok_or_else(|| Error::NotFound(format!("kind `{text}`")))
}

fn key(key: pb::delete_request::Key) -> Done<(Key, u64)> {
    Ok((
        Key {
            org: key.org,
            kind: kind_of(&key.kind)?,
            name: key.name,
        },
        key.revision,
    ))
}

async fn collect(mut messages: Streaming<pb::ApplyRequest>) -> Result<(Vec<pb::Submission>, Options), Status> {
    let (mut bundle, mut options, mut bytes) = (Vec::new(), None, 0);
    while let Some(message) = messages.message().await? {
        bytes += message.encoded_len();
        if bytes > fleet_proto::manifest::BUNDLE_LIMIT {
            return Err(Status::from(Error::Exhausted {
                budget: "the size of a bundle (256 MiB)".to_owned(),
                retry_after_ms: 0,
            }));
        }
        if options.is_none() {
            options = message.options;
        }
        bundle.extend(message.submissions);
    }
    let options = required(options, "options")?;
    Ok((
        bundle,
        Options {
            dry_run: options.dry_run,
        },
    ))
}

fn answer(outcome: Outcome, dry_run: bool) -> Vec<pb::ApplyResponse> {
    let count = |action| u32::try_from(outcome.count(action)).unwrap_or(u32::MAX);
    let summary = pb::apply_response::Summary {
        created: count(Action::Created),
        updated: count(Action::Updated),
        unchanged: count(Action::Unchanged),
        dry_run,
        revision: outcome.revision,
    };
    let applied: Vec<_> = outcome
        .applied
        .iter()
        .map(|applied| pb::apply_response::Applied {
            index: applied.index as u32,
            action: match applied.action {
                Action::Unchanged => pb::apply_response::Action::Unchanged,
                Action::Created => pb::apply_response::Action::Created,
                Action::Updated => pb::apply_response::Action::Updated,
            } as i32,
            resource: Some(pb::Resource::from(&applied.object)),
        })
        .collect();
    applied
        .chunks(BATCH)
        .map(|applied| pb::ApplyResponse {
            applied: applied.to_vec(),
            ..Default::default()
        })
        .chain([pb::ApplyResponse {
            summary: Some(summary),
            ..Default::default()
        }])
        .collect()
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

//! Paths by which front ends that are there already know what `/api/v1/` has, and the figures of their first pages.

use std::collections::HashSet;

use axum::extract::State;
use axum::response::Response;
use axum::{Extension, Json};
use fleet_proto::access::{Permission, Verb};
use fleet_proto::kinds::Kind;
use fleet_proto::pb;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::answers::Problem;
use super::extract::{Path, Query};
use super::gate::Tenant;
use super::resources::{ListQuery, OrgQuery, one, org, org_of, page};
use crate::domain::Caller;
use crate::domain::object::timestamp;
use crate::domain::telemetry::Value as Measured;
use crate::services::resources::Filter;
use crate::services::telemetry::LatestRow;

type Answer = Result<Response, Problem>;

/// A page of one kind, and one resource of it, by the same handlers as `/api/v1/`.
macro_rules! renamed {
    ($($list:ident $one:ident = $kind:ident;)+) => {$(
        pub(super) async fn $list(
            State(services): State<Shared>,
            Extension(caller): Extension<Caller>,
            Extension(tenant): Extension<Tenant>,
            Query(query): Query<ListQuery>,
        ) -> Answer {
            page(&services, &caller, &tenant, Kind::$kind, query).await
        }

        pub(super) async fn $one(
            State(services): State<Shared>,
            Extension(caller): Extension<Caller>,
            Extension(tenant): Extension<Tenant>,
            Path(name): Path<String>,
            Query(query): Query<OrgQuery>,
        ) -> Answer {
            one(&services, &caller, &tenant, Kind::$kind, &name, &query.org).await
        }
    )+};
}

renamed! {
    devices device = Device;
    users user = User;
    customers customer = Customer;
    sites site = Site;
    assets asset = Asset;
}

/// Which readings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LatestQuery {
    #[serde(default)]
    org: String,
    device: String,
    #[serde(default)]
    sensor: String,
}

/// The newest reading of each sensor of a device.
pub(super) async fn latest(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    Query(query): Query<LatestQuery>,
) -> Result<Json<Value>, Problem> {
    if query.device.is_empty() {
        return Err(Problem::bad_request("`device` is empty"));
    }
    let wanted = pb::LatestRequest {
        org: org_of(&services, &caller, &tenant, Kind::Device, &query.org).await?,
        device: query.device,
        sensor: query.sensor,
        ..pb::LatestRequest::default()
    };
    let rows = services.telemetry.latest(&caller, wanted).await?;
    Ok(Json(json!({"items": rows.iter().map(reading).collect::<Vec<_>>()})))
}

pub(super) fn reading(row: &LatestRow) -> Value {
    let value = match &row.sample.value {
        Measured::Number(number) => json!(number),
        Measured::Json(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        Measured::Missing => Value::Null,
    };
    json!({
        "device": row.device,
        "sensor": row.series.key.sensor,
        "source": row.series.key.source,
        "unit": row.series.unit,
        "timestamp": timestamp(row.sample.timestamp).to_string(),
        "value": value,
        "quality": row.sample.quality.text(),
    })
}

/// How much there is of what the caller may see.
pub(super) async fn kpis(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    Query(query): Query<OrgQuery>,
) -> Result<Json<Value>, Problem> {
    let org = org(&services, &caller, &tenant, &query.org).await?;
    let seen = async |kind: Kind| {
        let view = Permission::of(Verb::View, kind);
        let asking = caller.clone().asking(view, caller.origin().clone());
        let filter = Filter::try_from(pb::Filter {
            org: org.clone(),
            kind: kind.singular().to_owned(),
            ..pb::Filter::default()
        })?;
        let found = services.resources.page(&asking, &filter, 0).await?;
        Ok::<_, Problem>(found.into_iter().map(|object| object.uid).collect::<HashSet<_>>())
    };
    let devices = seen(Kind::Device).await?;
    let online = services.devices.online(&devices).await?;
    let sites = seen(Kind::Site).await?;
    Ok(Json(json!({
        "devices": {"total": devices.len(), "online": online, "offline": devices.len() - online},
        "sites": {"total": sites.len()},
    })))
}

//! `/api/v1/{kind}`: resources of every kind by the one mechanism.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use fleet_proto::kinds::Kind;
use fleet_proto::pb::{self, Issue, Submission};
use fleet_proto::{codes, manifest, reflect};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::Problem;
use super::extract::{Path, Query, RawBody, json as json_body};
use super::gate::Tenant;
use super::{Services, Shared};
use crate::domain::{Caller, Key, Object};
use crate::services::Error;
use crate::services::resources::{DeleteRequest, Filter, Options};

/// Resources of a page, unless it says otherwise.
pub(super) const PAGE: u32 = 100;
/// And at most.
pub(super) const LARGEST_PAGE: u32 = 1_000;

type Answer = Result<Response, Problem>;

/// Which organization is meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrgQuery {
    #[serde(default)]
    pub(super) org: String,
}

/// What narrows and pages a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    #[serde(default)]
    org: String,
    #[serde(default)]
    selector: String,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "ref")]
    reference: String,
    limit: Option<u32>,
    #[serde(default)]
    after: String,
}

/// How to delete.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteQuery {
    #[serde(default)]
    org: String,
    #[serde(default)]
    cascade: bool,
}

pub(super) fn invalid(path: &str, message: String) -> Problem {
    let issue = Issue {
        path: path.to_owned(),
        message,
        code: codes::OUT_OF_RANGE.to_owned(),
        ..Issue::default()
    };
    Error::Invalid(vec![issue]).into()
}

pub(super) fn kind_of(text: &str) -> Result<Kind, Problem> {
    Ok(Kind::find(text).ok_or_else(|| Error::NotFound(format!("kind `{text}`")))?)
}

/// The organization that a request means: that of the host name, the one that it names, or the caller's only one; empty
/// where none of them says.
pub(super) async fn org(services: &Services, caller: &Caller, tenant: &Tenant, named: &str) -> Result<String, Problem> {
    let missing = || Problem::from(Error::NotFound(format!("organization/{named}")));
    match &tenant.0 {
        Some(own) if named.is_empty() || named == own.name || named == own.uid.to_string() => Ok(own.name.clone()),
        Some(_) => Err(missing()),
        None if !named.is_empty() => Ok(named.to_owned()),
        None => match caller
            .orgs()
            .map(|orgs| orgs.into_iter().collect::<Vec<_>>())
            .as_deref()
        {
            Some([only]) => Ok(services.resources.org(&only.to_string()).await?.name),
            _ => Ok(String::new()),
        },
    }
}

/// [`org`], where one is needed.
pub(super) async fn org_of(
    services: &Services,
    caller: &Caller,
    tenant: &Tenant,
    kind: Kind,
    named: &str,
) -> Result<String, Problem> {
    if kind.is_platform() {
        return Ok(String::new());
    }
    match org(services, caller, tenant, named).await? {
        found if found.is_empty() => Err(invalid("org", "is missing: name the organization".to_owned())),
        found => Ok(found),
    }
}

pub(super) async fn list(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    Path(kind): Path<String>,
    Query(query): Query<ListQuery>,
) -> Answer {
    page(&services, &caller, &tenant, kind_of(&kind)?, query).await
}

/// A page of a kind.
pub(super) async fn page(
    services: &Services,
    caller: &Caller,
    tenant: &Tenant,
    kind: Kind,
    query: ListQuery,
) -> Answer {
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(invalid("limit", format!("is not 1 to {LARGEST_PAGE}")));
    }
    let org = org(services, caller, tenant, &query.org).await?;
    let is_spread = org.is_empty() && !kind.is_platform();
    let filter = pb::Filter {
        org,
        kind: kind.singular().to_owned(),
        selector: query.selector,
        reference: query.reference,
        name_glob: query.name,
    };
    let mut filter = Filter::try_from(filter)?;
    if !query.after.is_empty() {
        filter = behind(services, caller, filter, &query.after, is_spread).await?;
    }
    // One more tells whether there is a next page.
    let mut found = services.resources.page(caller, &filter, limit + 1).await?;
    let goes_on = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| goes_on).map(|last| cursor(last, is_spread));
    let shown = services.devices.with_status(found).await?;
    let items: Vec<Value> = shown.iter().map(reflect::to_json).collect();
    let mut answer = json!({"items": items});
    if let Some(next) = next {
        answer["next"] = next.into();
    }
    Ok(Json(answer).into_response())
}

/// Over several organizations a name alone does not say where a page ends.
fn cursor(last: &Object, is_spread: bool) -> String {
    match &last.org {
        Some(org) if is_spread => format!("{}/{}", org.name, last.name),
        _ => last.name.clone(),
    }
}

async fn behind(
    services: &Services,
    caller: &Caller,
    filter: Filter,
    after: &str,
    is_spread: bool,
) -> Result<Filter, Problem> {
    if !is_spread {
        let org = match filter.org() {
            "" => None,
            name => Some(services.resources.org_for(caller, name).await?.uid),
        };
        return Ok(filter.after(org, after));
    }
    let (org, name) = after
        .split_once('/')
        .ok_or_else(|| invalid("after", "is no `next` of such a list".to_owned()))?;
    let org = services.resources.org_for(caller, org).await?.uid;
    Ok(filter.after(Some(org), name))
}

pub(super) async fn get(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    Path((kind, name)): Path<(String, String)>,
    Query(query): Query<OrgQuery>,
) -> Answer {
    one(&services, &caller, &tenant, kind_of(&kind)?, &name, &query.org).await
}

/// A resource of a kind.
pub(super) async fn one(
    services: &Services,
    caller: &Caller,
    tenant: &Tenant,
    kind: Kind,
    name: &str,
    named: &str,
) -> Answer {
    let org = org_of(services, caller, tenant, kind, named).await?;
    let object = services.resources.find(caller, &org, kind, name).await?;
    shown(services, caller, StatusCode::OK, object).await
}

/// A resource with its revision as tag.
async fn shown(services: &Services, caller: &Caller, status: StatusCode, object: Object) -> Answer {
    let tag = format!("\"{}\"", object.revision);
    let shown = services.devices.with_status(vec![object]).await?;
    let shown = services.telemetry.with_budgets(caller, shown).await?;
    let body: Value = shown.first().map(reflect::to_json).unwrap_or_default();
    let mut response = (status, Json(body)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// Refuses a change of what is no longer as the caller saw it.
fn matches(headers: &HeaderMap, object: &Object) -> Result<(), Problem> {
    let Some(tags) = headers.get(header::IF_MATCH) else {
        return Ok(());
    };
    let own = object.revision.to_string();
    let fits = tags
        .to_str()
        .unwrap_or_default()
        .split(',')
        .map(|tag| tag.trim().trim_matches('"'))
        .any(|tag| tag == "*" || tag == own);
    if fits {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "precondition_failed",
        format!("{} is at revision {own}: somebody else wrote it since", object.key()),
    ))
}

/// The body as a submission; the organization of its metadata must be the one that is meant.
fn submitted(kind: Kind, body: &Value) -> Result<Submission, Problem> {
    Ok(manifest::submission(kind, body).map_err(Error::Invalid)?)
}

fn metadata(submission: &mut Submission) -> &mut pb::Metadata {
    let resource = submission.resource.get_or_insert_default();
    resource.metadata.get_or_insert_default()
}

/// Writes one resource that was at revision `base`; 0: that did not exist.
async fn write(services: &Services, caller: &Caller, mut submission: Submission, base: u64) -> Result<Object, Problem> {
    submission.base = Some(base);
    let options = Options {
        replace: true,
        ..Options::default()
    };
    let outcome = services.resources.apply(caller, vec![submission], options).await?;
    let written = outcome.done()?.applied.into_iter().next().map(|applied| applied.object);
    written.ok_or_else(|| Error::Unavailable("nothing was written".to_owned()).into())
}

pub(super) async fn create(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    Path(kind): Path<String>,
    Query(query): Query<OrgQuery>,
    headers: HeaderMap,
    body: RawBody,
) -> Answer {
    let kind = kind_of(&kind)?;
    let mut submission = submitted(kind, &json_body(&headers, body)?)?;
    let said = metadata(&mut submission).org.clone();
    if !query.org.is_empty() && !said.is_empty() && query.org != said {
        return Err(invalid("metadata.org", format!("is not `{}`", query.org)));
    }
    if !kind.is_platform() {
        let named = if query.org.is_empty() { &said } else { &query.org };
        let org = org_of(&services, &caller, &tenant, kind, named).await?;
        metadata(&mut submission).org = services.resources.org_for(&caller, &org).await?.name;
    }
    let key = Key {
        org: metadata(&mut submission).org.clone(),
        kind,
        name: metadata(&mut submission).name.clone(),
    };
    let written = write(&services, &caller, submission, 0).await;
    let object = written.map_err(|problem| problem.or_exists(&key))?;
    shown(&services, &caller, StatusCode::CREATED, object).await
}

pub(super) async fn replace(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    Path((kind, name)): Path<(String, String)>,
    Query(query): Query<OrgQuery>,
    headers: HeaderMap,
    body: RawBody,
) -> Answer {
    let kind = kind_of(&kind)?;
    let body = json_body(&headers, body)?;
    let org = org_of(&services, &caller, &tenant, kind, &query.org).await?;
    let current = services.resources.find(&caller, &org, kind, &name).await?;
    matches(&headers, &current)?;
    change(&services, &caller, &current, &body).await
}

pub(super) async fn patch(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    Path((kind, name)): Path<(String, String)>,
    Query(query): Query<OrgQuery>,
    headers: HeaderMap,
    body: RawBody,
) -> Answer {
    let kind = kind_of(&kind)?;
    let patch = json_body(&headers, body)?;
    if !patch.is_object() {
        return Err(invalid("", "a merge patch of a resource is an object".to_owned()));
    }
    let org = org_of(&services, &caller, &tenant, kind, &query.org).await?;
    let current = services.resources.find(&caller, &org, kind, &name).await?;
    matches(&headers, &current)?;
    let mut whole = reflect::to_manifest_json(&pb::Resource::from(&current));
    merge(&mut whole, patch);
    change(&services, &caller, &current, &whole).await
}

/// JSON merge patch, RFC 7396. What is nested too deep was refused before.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(fields) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            fields.shift_remove(&name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Makes a resource what a body says; its place and name stay.
async fn change(services: &Services, caller: &Caller, current: &Object, body: &Value) -> Answer {
    let mut submission = submitted(current.kind, body)?;
    let said = metadata(&mut submission);
    let own = current.key();
    let is_own = |text: &str, known: &str, uid: Option<String>| {
        text.is_empty() || text == known || uid.is_some_and(|uid| uid == text)
    };
    if !is_own(&said.name, &own.name, Some(current.uid.to_string())) || !said.renamed_from.is_empty() {
        return Err(invalid(
            "metadata.name",
            format!("is `{}` in the path, and is not changed here", own.name),
        ));
    }
    if !is_own(&said.org, &own.org, current.org.as_ref().map(|org| org.uid.to_string())) {
        return Err(invalid(
            "metadata.org",
            format!("is `{}`, and is not changed here", own.org),
        ));
    }
    (said.name, said.org) = (own.name, own.org);
    let object = write(services, caller, submission, current.revision).await?;
    shown(services, caller, StatusCode::OK, object).await
}

pub(super) async fn delete(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    Path((kind, name)): Path<(String, String)>,
    Query(query): Query<DeleteQuery>,
    headers: HeaderMap,
) -> Answer {
    let kind = kind_of(&kind)?;
    let org = org_of(&services, &caller, &tenant, kind, &query.org).await?;
    let current = services.resources.find(&caller, &org, kind, &name).await?;
    matches(&headers, &current)?;
    let request = DeleteRequest {
        keys: vec![(current.key(), current.revision)],
        dry_run: false,
        cascade: query.cascade,
    };
    let deleted = services.resources.delete(&caller, request).await?;
    let named = |objects: &[Object]| -> Vec<Value> {
        let of = |object: &Object| {
            let key = object.key();
            json!({"kind": key.kind.row().title, "org": key.org, "name": key.name})
        };
        objects.iter().map(of).collect()
    };
    let answer = json!({
        "deleted": named(&deleted.deleted), "cleared": named(&deleted.cleared), "revision": deleted.revision,
    });
    Ok(Json(answer).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_patch_does_what_its_rfc_says() {
        // From the table of RFC 7396, appendix A.
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target;
            merge(&mut merged, patch);
            assert_eq!(merged, result);
        }
    }
}

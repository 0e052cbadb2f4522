//! The shape of the route table: who may use a route, what it takes, and what it gives. The router, the gate, and the
//! OpenAPI document are made from its rows; a row that does not say whom it lets in does not compile.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter};
use fleet_proto::access::{Permission, RESOURCE, Verb};
use fleet_proto::kinds::Kind;

use super::{Shared, gate};

/// Whom a route lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Everybody, without any work.
    Nothing,
    /// Everybody, as often as an address may.
    Stranger,
    /// A device, with a credential of its own; the handler asks for it.
    Device,
    /// Whoever is known.
    Caller,
    /// Who has it somewhere: where, the service decides. The noun `resource` is the kind in the path.
    Permission(Permission),
    /// The same of who may write readings: not the call is counted, but the readings.
    Readings,
}

/// To write readings.
pub(super) const READINGS: Permission = Permission {
    verb: Verb::Write,
    noun: "telemetry",
};

/// To look at something.
pub(super) const fn view(noun: &'static str) -> Needs {
    Needs::Permission(Permission { verb: Verb::View, noun })
}

/// To add to something.
pub(super) const fn write(noun: &'static str) -> Needs {
    Needs::Permission(Permission {
        verb: Verb::Write,
        noun,
    })
}

/// To look at resources of the kind in the path.
pub(super) const VIEW: Needs = view(RESOURCE);
/// To change them.
pub(super) const EDIT: Needs = Needs::Permission(Permission {
    verb: Verb::Edit,
    noun: RESOURCE,
});

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub(super) enum On {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl On {
    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }

    /// As the document writes it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// What a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing.
    None,
    /// JSON, by the name of its schema in the document.
    Json(&'static str),
    /// A resource of the kind in the path, or of this one.
    Resource(Option<Kind>),
    /// A page of such resources.
    Page(Option<Kind>),
    /// A merge patch of such a resource.
    Patch,
    /// Text of a media type.
    Text(&'static str),
    /// Bytes of a media type.
    Bytes(&'static str),
    /// A picture.
    Image,
}

/// What a query holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queries {
    /// Nothing.
    None,
    /// The organization.
    Org,
    /// What narrows and pages a list.
    List,
    /// The organization, and whether contents go along.
    Delete,
    /// Which readings.
    Latest,
    /// The same by these parameters.
    Readings(&'static [&'static str]),
    /// What narrows and pages the log.
    Log,
    /// What programs say of the lines that they write.
    Write,
}

/// A row of the table.
pub(super) struct Route {
    pub(super) on: On,
    /// With parameters as `{name}`.
    pub(super) path: &'static str,
    pub(super) needs: Needs,
    pub(super) handler: fn(MethodFilter) -> MethodRouter<Shared>,
    /// What it does, for readers of the document.
    pub(super) does: &'static str,
    pub(super) queries: Queries,
    pub(super) takes: Shape,
    pub(super) gives: Shape,
    /// Where all goes well.
    pub(super) status: u16,
}

/// A row: nothing in the query or body, and 200 with nothing that is described.
pub(super) fn route(
    on: On,
    path: &'static str,
    needs: Needs,
    handler: fn(MethodFilter) -> MethodRouter<Shared>,
    does: &'static str,
) -> Route {
    Route {
        on,
        path,
        needs,
        handler,
        does,
        queries: Queries::None,
        takes: Shape::None,
        gives: Shape::None,
        status: 200,
    }
}

impl Route {
    pub(super) fn asks(self, queries: Queries) -> Self {
        Self { queries, ..self }
    }

    pub(super) fn takes(self, takes: Shape) -> Self {
        Self { takes, ..self }
    }

    pub(super) fn gives(self, gives: Shape) -> Self {
        Self { gives, ..self }
    }

    pub(super) fn with(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The gate stands before it.
    pub(super) fn is_gated(&self) -> bool {
        !matches!(self.needs, Needs::Nothing | Needs::Device)
    }

    /// Largest body.
    fn limit(&self) -> usize {
        match (self.path, self.takes) {
            ("/api/telemetry/ingest", _) => super::BATCH,
            _ if self.needs == Needs::Readings => super::BATCH,
            (_, Shape::Image) => super::me::LARGEST_AVATAR + 1,
            _ => super::BODY,
        }
    }
}

/// The router of these rows.
pub(super) fn router(rows: &[Route], services: &Shared) -> Router<Shared> {
    let mut router = Router::new();
    for row in rows {
        let mut handler = (row.handler)(row.on.filter());
        if row.is_gated() {
            handler = handler.layer(from_fn_with_state((Arc::clone(services), row.needs), gate::enter));
        }
        let handler = handler.layer(DefaultBodyLimit::max(row.limit()));
        router = router.route(row.path, handler.clone());
        if row.is_gated() {
            // Front ends write some of these paths with a slash at the end, and some without.
            let other = match row.path.strip_suffix('/') {
                Some(bare) => bare.to_owned(),
                None => format!("{}/", row.path),
            };
            router = router.route(&other, handler);
        }
    }
    router
}

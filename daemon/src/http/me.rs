//! What people do about themselves.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use fleet_proto::{pb, reflect};
use serde_json::{Map, Value, json};

use super::answers::Problem;
use super::auth::{grant_json, grants};
use super::extract::{RawBody, bytes, form};
use super::{Services, Shared};
use crate::domain::{Caller, Object};
use crate::services::access::{Avatar, Registration};

/// Bytes of a picture.
pub(super) const LARGEST_AVATAR: usize = 1 << 20;
/// A registration is answered after this time, whatever became of it.
const REGISTERED_AFTER: Duration = Duration::from_millis(300);

pub(super) async fn get(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    let user = services.access.own_user(&caller).await?;
    told(&services, &caller, user.as_ref()).await
}

pub(super) async fn patch(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Json<Value>, Problem> {
    let fields: Map<String, Value> = form(&headers, body)?;
    let user = services.access.change_profile(&caller, fields).await?;
    told(&services, &caller, Some(&user)).await
}

async fn told(services: &Services, caller: &Caller, user: Option<&Object>) -> Result<Json<Value>, Problem> {
    let grants = grants(services, caller).await?;
    let user = user.map(|user| reflect::to_json(&pb::Resource::from(user)));
    Ok(Json(json!({
        "actor": caller.actor(),
        "user": user,
        "grants": grants.iter().map(grant_json).collect::<Vec<_>>(),
    })))
}

/// What a picture is by its first bytes; the header says what it likes.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some("image/png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

pub(super) async fn set_avatar(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    body: RawBody,
) -> Result<StatusCode, Problem> {
    let bytes = bytes(body)?;
    if bytes.len() > LARGEST_AVATAR {
        let detail = "a picture has at most 1 MiB";
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
    }
    let Some(media_type) = media_type(&bytes) else {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "a picture is PNG, JPEG or WebP",
        ));
    };
    let avatar = Avatar {
        media_type: media_type.to_owned(),
        bytes: bytes.to_vec(),
    };
    services.access.set_avatar(&caller, Some(&avatar)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn avatar(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let avatar = services.access.avatar(&caller).await?;
    Ok(([(header::CONTENT_TYPE, avatar.media_type)], avatar.bytes).into_response())
}

pub(super) async fn remove_avatar(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Problem> {
    services.access.set_avatar(&caller, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes oneself known. Neither the answer nor its time tells whether the address was known.
pub(super) async fn register(
    State(services): State<Shared>,
    Extension(connection): Extension<super::Peer>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Problem> {
    let mut fields: Map<String, Value> = form(&headers, body)?;
    if !services.settings.allow_registration {
        let detail = "registration is off: ask an administrator for an invitation";
        return Err(Problem::new(StatusCode::FORBIDDEN, "registration_off", detail));
    }
    let mut text = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Problem::bad_request(format!("`{name}` is missing, or no text"))),
    };
    let (user, email) = (text("user")?, text("email")?);
    services.rates.registration(connection.address.ip())?;
    let wanted = Registration { user, email, fields };
    let (done, ()) = tokio::join!(services.access.register(wanted), tokio::time::sleep(REGISTERED_AFTER));
    done?;
    Ok((StatusCode::ACCEPTED, Json(json!({"status": "accepted"}))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_first_bytes() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(media_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(media_type(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        for other in [&b"<svg onload=alert(1)>"[..], b"GIF89a", b"", b"RIFF\0\0\0\0WAVE"] {
            assert_eq!(media_type(other), None);
        }
    }
}

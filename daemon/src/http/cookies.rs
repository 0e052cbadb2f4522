//! Cookies of browsers: the two tokens, which no script reads, and what a page shows with its changes.

use axum::http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

pub(super) const ACCESS: &str = "fleet_access";
pub(super) const REFRESH: &str = "fleet_refresh";
pub(super) const FORM: &str = "fleet_csrf";

/// The value of a cookie. Two of the same name are none: one of them was set by somebody else.
pub(super) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
    let first = values.next().filter(|value| !value.is_empty());
    if values.next().is_some() { None } else { first }
}

/// Whether scripts may read a cookie, and where it is sent.
#[derive(Clone, Copy)]
struct Rules {
    path: &'static str,
    same_site: &'static str,
    hidden: bool,
}

fn rules(name: &str) -> Rules {
    let (path, same_site) = match name {
        REFRESH => ("/api/auth", "Strict"),
        _ => ("/", "Lax"),
    };
    Rules {
        path,
        same_site,
        hidden: name != FORM,
    }
}

/// Sets a cookie for so many seconds; 0 removes it.
pub(super) fn set(headers: &mut HeaderMap, name: &str, value: &str, seconds: i64, secure: bool) {
    let Rules {
        path,
        same_site,
        hidden,
    } = rules(name);
    let hidden = if hidden { "; HttpOnly" } else { "" };
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path={path}; Max-Age={seconds}; SameSite={same_site}{hidden}{secure}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.append(SET_COOKIE, value);
    }
}

/// Removes all of them.
pub(super) fn clear(headers: &mut HeaderMap, secure: bool) {
    for name in [ACCESS, REFRESH, FORM] {
        set(headers, name, "", 0, secure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_stands_twice_is_none() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("a=1; fleet_access=x.y.z; b=2"));
        assert_eq!(find(&headers, ACCESS), Some("x.y.z"));
        assert_eq!(find(&headers, REFRESH), None);
        headers.append(COOKIE, HeaderValue::from_static("fleet_access=other"));
        assert_eq!(find(&headers, ACCESS), None);
    }
}

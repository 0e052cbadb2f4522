//! Browsers: sessions in cookies, pages of other sites, profiles and pictures, and strangers who want to be known.

use std::collections::BTreeSet;
use std::time::Instant;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::http::Answer;
use fleet_tests::{Fleetd, Http, World, process};
use reqwest::Method;
use serde_json::{Value, json};

use super::http_management::{login, tenants};

const PASSWORD: &str = "correct battery staple horse";
const FRIEND: &str = "https://front.example";

/// A browser after a login: it sends its cookies with whatever a page asks for.
struct Browser {
    http: Http,
    cookies: Vec<(String, String, String)>,
    form: String,
}

impl Browser {
    fn login(http: &Http, user: &str) -> Self {
        let answer = http
            .post("/api/auth/login", &json!({"user": user, "password": PASSWORD}))
            .is(200);
        assert!(answer.body.get("accessToken").is_none() && answer.body.get("refreshToken").is_none());
        Self::of(http, &answer)
    }

    fn of(http: &Http, answer: &Answer) -> Self {
        Self {
            http: http.clone(),
            cookies: answer.cookies(),
            form: answer.body["csrfToken"].as_str().unwrap().to_owned(),
        }
    }

    /// A page asks without the session's token.
    fn page(&self) -> Http {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value, _)| format!("{name}={value}"))
            .collect();
        self.http.with("cookie", &pairs.join("; "))
    }

    /// fleetd's own page asks.
    fn own_page(&self) -> Http {
        self.page().with("x-csrf-token", &self.form)
    }
}

#[test]
fn a_browser_has_its_session_in_cookies_that_no_script_reads() {
    let world = tenants(&[], &["umc-admin"]);
    let door = Http::new(world.fleetd.http());
    let browser = Browser::login(&door, "umc-admin");
    let rules: Vec<(&str, &str)> = browser
        .cookies
        .iter()
        .map(|(name, _, rules)| (name.as_str(), rules.as_str()))
        .collect();
    let [(access, a), (refresh, r), (form, f)] = rules[..] else {
        panic!("{rules:?}")
    };
    assert_eq!((access, refresh, form), ("fleet_access", "fleet_refresh", "fleet_csrf"));
    assert!(
        a.contains("Path=/;") && a.contains("SameSite=Lax") && a.contains("HttpOnly") && !a.contains("Secure"),
        "{a}"
    );
    assert!(
        r.contains("Path=/api/auth;") && r.contains("SameSite=Strict") && r.contains("HttpOnly"),
        "{r}"
    );
    assert!(f.contains("SameSite=Lax") && !f.contains("HttpOnly"), "{f}");
    assert_eq!(
        browser.page().get("/api/auth/me").is(200).body["user"]["metadata"]["name"],
        "umc-admin"
    );
    // Cookies count only where nothing else is shown, and only once.
    browser.page().token("wrong.wrong.wrong").get("/api/auth/me").is(401);
    browser
        .page()
        .with("cookie", "fleet_access=x")
        .get("/api/auth/me")
        .is(401);
    // New tokens, and the old refresh token ends the session when it comes again later.
    browser.page().post("/api/auth/refresh", &json!({})).is(403);
    let renewed = browser.own_page().post("/api/auth/refresh", &json!({})).is(200);
    let renewed = Browser::of(&door, &renewed);
    assert_eq!(renewed.form, browser.form, "it belongs to the session");
    renewed.page().get("/api/auth/me").is(200);
    let left = renewed.own_page().post("/api/auth/logout", &json!({})).is(204);
    assert!(
        left.cookies()
            .iter()
            .all(|(_, value, rules)| value.is_empty() && rules.contains("Max-Age=0"))
    );
    for old in [&browser, &renewed] {
        old.page().get("/api/auth/me").is(401);
        old.own_page().post("/api/auth/refresh", &json!({})).is(401);
    }
    let again = login(&world, "umc-admin");
    let change = json!({"oldPassword": PASSWORD, "newPassword": "short"});
    again.post("/api/auth/change-password", &change).is(400);
    let change = json!({"oldPassword": "wrong", "newPassword": "another battery staple"});
    again.post("/api/auth/change-password", &change).is(403);
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let world = tenants(&["--cors-origin", FRIEND], &["umc-admin"]);
    let door = Http::new(world.fleetd.http());
    let browser = Browser::login(&door, "umc-admin");
    let site = json!({"metadata": {"name": "planted"}, "spec": {}});
    // By cookie alone, with a made-up token, or with that of another session.
    let other = Browser::login(&door, "umc-admin");
    browser.page().post("/api/v1/sites", &site).is(403);
    browser
        .page()
        .with("x-csrf-token", "0".repeat(32).as_str())
        .post("/api/v1/sites", &site)
        .is(403);
    browser
        .page()
        .with("x-csrf-token", &other.form)
        .post("/api/v1/sites", &site)
        .is(403);
    // Even with the token, a foreign origin is refused; null and lookalikes are foreign.
    let own = world.fleetd.http().to_owned();
    for origin in [
        "https://evil.example",
        "null",
        "https://front.example.evil.example",
        "http://front.example",
        &format!("{own}0"),
    ] {
        browser
            .own_page()
            .with("origin", origin)
            .post("/api/v1/sites", &site)
            .is(403);
        browser
            .own_page()
            .with("origin", origin)
            .delete("/api/v1/devices/esp32-02")
            .is(403);
        door.with("origin", origin)
            .post("/api/auth/login", &json!({"user": "umc-admin", "password": PASSWORD}))
            .is(403);
        let read = browser.page().with("origin", origin).get("/api/v1/sites").is(200);
        assert_eq!(read.header("access-control-allow-origin"), "", "{origin}");
    }
    browser.page().get("/api/v1/sites/planted").is(404);
    // A program with a token is asked for neither.
    let token = login(&world, "umc-admin");
    token.post("/api/v1/sites", &site).is(201);
    token.delete("/api/v1/sites/planted").is(200);
    for origin in [own.as_str(), FRIEND] {
        browser
            .own_page()
            .with("origin", origin)
            .post("/api/v1/sites", &site)
            .is(201);
        browser
            .own_page()
            .with("origin", origin)
            .delete("/api/v1/sites/planted")
            .is(200);
    }

    let preflight = |origin: &str| {
        let request = door.with("origin", origin).with("access-control-request-method", "PUT");
        Answer::from(request.request(Method::OPTIONS, "/api/v1/sites/x").send().unwrap())
    };
    let asked = preflight(FRIEND).is(204);
    assert_eq!(asked.header("access-control-allow-origin"), FRIEND);
    assert_eq!(asked.header("access-control-allow-credentials"), "true");
    assert!(asked.header("access-control-allow-headers").contains("x-csrf-token"));
    let refused = preflight("https://evil.example");
    assert_eq!(refused.status, 405);
    assert_eq!(refused.header("access-control-allow-origin"), "");
    assert_eq!(refused.header("vary"), "origin");
}

#[test]
fn every_answer_has_the_headers_that_browsers_heed() {
    let world = tenants(&[], &["umc-admin"]);
    let umc = login(&world, "umc-admin");
    let door = Http::new(world.fleetd.http());
    for answer in [
        umc.get("/api/v1/sites"),
        umc.get("/api/v1/sites/none"),
        door.get("/healthz"),
        door.get("/api/openapi.json"),
        door.get("/nothing"),
        door.post("/api/telemetry/ingest", &json!({})),
    ] {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'none'")
        );
        assert_eq!(answer.header("strict-transport-security"), "", "there is no TLS");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}

#[test]
fn with_tls_cookies_and_answers_insist_on_it() {
    let tls = tempfile::tempdir().unwrap();
    let mut command = Fleetd::command();
    process::run(command.args(["tls", "init", "--dir"]).arg(tls.path()), b"", PATIENCE).ok();
    let file = |name: &str| tls.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (file("server.crt"), file("server.key"));
    let world = tenants(&["--tls-cert", &certificate, "--tls-key", &key], &["umc-admin"]);
    let door = Http::by(world.fleetd.client(), world.fleetd.http());
    let body = json!({"user": "umc-admin", "password": PASSWORD});
    let answer = door.post("/api/auth/login", &body).is(200);
    assert!(answer.cookies().iter().all(|(_, _, rules)| rules.ends_with("; Secure")));
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    let plain = world.fleetd.http().replace("https://", "http://");
    door.with("origin", &plain).post("/api/auth/login", &body).is(403);
    door.with("origin", world.fleetd.http())
        .post("/api/auth/login", &body)
        .is(200);
}

#[test]
fn one_changes_of_oneself_what_is_listed_and_nothing_else() {
    let world = tenants(&[], &["umc-night", "root-admin"]);
    let night = login(&world, "umc-night");
    let own = json!({"displayName": "Nights", "firstName": "Nina", "lastName": "Nox", "mobileNumber": "+431", "address": "A 1", "language": "de-AT"});
    let changed = night.patch("/api/auth/me", &own).is(200).body;
    for (name, value) in own.as_object().unwrap() {
        assert_eq!(changed["user"]["spec"][name], *value);
    }
    assert_eq!(changed["user"]["spec"]["email"], "night@umc.example");
    let before = night.get("/api/auth/me").is(200).body;
    for planted in [
        json!({"platformRoles": ["platform-admin"]}),
        json!({"email": "root@umc.example"}),
        json!({"active": true}),
        json!({"identities": []}),
        json!({"subscription": {"deviceLimit": 9}}),
        json!({"displayName": "x", "name": "root-admin"}),
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"spec": {"platformRoles": ["platform-admin"]}}),
        json!({"displayName": 7}),
        json!({"language": "x".repeat(36)}),
        json!([]),
    ] {
        night.patch("/api/auth/me", &planted).is(400);
        assert_eq!(night.get("/api/auth/me").is(200).body, before, "{planted}");
    }
    assert!(
        night.patch("/api/auth/me", &json!({"address": null})).is(200).body["user"]["spec"]
            .get("address")
            .is_none()
    );
    let history = world.fleetctl(&["history", "user/umc-night", "-o", "json"]);
    assert!(history.stdout.contains("user/umc-night"), "{history}");

    // A picture is what its bytes are.
    let put = |bytes: &[u8], media: &str| {
        let request = night
            .request(Method::PUT, "/api/auth/avatar")
            .header("content-type", media.to_owned());
        Answer::from(request.body(bytes.to_vec()).send().unwrap())
    };
    night.get("/api/auth/avatar").is(404);
    for garbage in [
        &b"<svg onload=alert(1)>"[..],
        b"",
        b"GIF89a",
        b"\x89PNX\r\n\x1a\n",
        b"<html>",
    ] {
        put(garbage, "image/png").is(415);
    }
    put(&[&b"\x89PNG\r\n\x1a\n"[..], &vec![0; 1 << 20]].concat(), "image/png").is(413);
    night.get("/api/auth/avatar").is(404);
    let picture = b"\xff\xd8\xff\xe0 a small picture";
    put(picture, "text/html").is(204);
    let read = night.request(Method::GET, "/api/auth/avatar").send().unwrap();
    assert_eq!(read.headers()["content-type"], "image/jpeg");
    assert_eq!(read.bytes().unwrap().as_ref(), picture);
    login(&world, "root-admin").get("/api/auth/avatar").is(404);
    night.delete("/api/auth/avatar").is(204);
    night.get("/api/auth/avatar").is(404);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn strangers_are_answered_alike() {
    let closed = World::empty(&[]);
    let wanted = json!({"user": "newcomer", "email": "newcomer@umc.example"});
    Http::new(closed.fleetd.http())
        .post("/api/auth/register", &wanted)
        .is(403);
    drop(closed);
    let world = tenants(&["--allow-registration"], &["root-admin"]);
    let door = Http::new(world.fleetd.http());
    let register = |user: &str, email: &str| {
        let body = json!({"user": user, "email": email, "displayName": "Somebody"});
        let began = Instant::now();
        (door.post("/api/auth/register", &body), began.elapsed())
    };
    let (fresh, took) = register("newcomer", "newcomer@umc.example");
    for (user, email) in [
        ("other", "admin@umc.example"),
        ("other", "ADMIN@umc.example"),
        ("umc-admin", "unknown@umc.example"),
        ("newcomer", "newcomer@umc.example"),
    ] {
        let (known, took_now) = register(user, email);
        assert_eq!(
            (known.status, &known.body),
            (fresh.status, &fresh.body),
            "{user} {email}"
        );
        assert!(took.as_millis() >= 300 && took_now.as_millis() >= 300);
    }
    assert_eq!(fresh.status, 202);
    for (user, email) in [
        ("Other", "admin@umc.example"),
        ("Other", "unknown@umc.example"),
        ("other", "nothing"),
    ] {
        assert_eq!(register(user, email).0.status, 400);
    }
    let root = login(&world, "root-admin");
    let made = root.get("/api/v1/users/newcomer").is(200).body;
    assert_eq!(
        made["spec"],
        json!({"displayName": "Somebody", "email": "newcomer@umc.example"})
    );
    root.get("/api/v1/users/other").is(404);
    assert_eq!(
        root.get("/api/v1/users").is(200).body["items"]
            .as_array()
            .unwrap()
            .len(),
        6
    );
    let planted: Value = json!({"user": "sly", "email": "sly@umc.example", "platformRoles": ["platform-admin"]});
    let answer = door.post("/api/auth/register", &planted);
    assert_eq!(answer.status, 400, "{}", answer.body);
    root.get("/api/v1/users/sly").is(404);
}

/// Far more calls than anybody has, by several at once, so that a busy machine makes them fast enough.
fn all_at_once(call: impl Fn() -> Answer + Sync) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| (0..80).map(|_| call()).collect::<Vec<_>>()))
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    })
}

#[test]
fn who_calls_too_often_is_told_when_again() {
    let world = tenants(&[], &["umc-admin", "umc-night"]);
    let (busy, quiet) = (login(&world, "umc-admin").hasty(), login(&world, "umc-night").hasty());
    let refused = all_at_once(|| busy.get("/api/auth/me"))
        .into_iter()
        .find(|answer| answer.status != 200);
    let refused = refused.expect("50 a second are fewer").is(429);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(refused.body["retryAfter"].as_u64().unwrap() >= 1);
    quiet.get("/api/auth/me").is(200);
    // Whoever runs the organization is told, in a number.
    let list = ["log", "list", "--org", "umc", "--action", "limit.calls", "-o", "json"];
    let told = process::until(PATIENCE, || {
        world.fleetctl(&list).ok().json().as_array().unwrap().first().cloned()
    });
    let told = told.expect("a caller was made to wait");
    assert_eq!(
        (&told["user"], &told["level"]),
        (&json!("user/umc-admin"), &json!("warning"))
    );
    // Strangers are counted by their address, where they may ask for something.
    let guess = Http::new(world.fleetd.http()).hasty();
    let guessed = || guess.post("/api/auth/refresh", &json!({"refreshToken": "x"}));
    let told: BTreeSet<u16> = all_at_once(guessed)
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    assert_eq!(told, BTreeSet::from([401, 429]));
    quiet.get("/api/auth/me").is(200);
}

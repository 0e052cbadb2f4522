//! Logins against a real database and a clock that is turned by hand.

use std::collections::HashSet;
use std::sync::Arc;

use fleet_proto::pb;
use fleet_proto::pb::resource::Spec;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::domain::clock::ManualClock;
use crate::domain::sealing::Sealer;
use crate::services::resources::Options;
use crate::storage::Db;
use crate::storage::access::sessions as stored;

const SECOND: Micros = 1_000_000;
const START: Micros = 1_770_000_000 * SECOND;
const PASSWORD: &str = "correct battery staple horse";

mod waiting;

struct World {
    _dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    access: Access,
}

fn me() -> Caller {
    Caller::with_everything(Who::Socket(0))
}

fn peer(address: &str) -> Peer {
    Peer {
        address: address.to_owned(),
        agent: "test".to_owned(),
    }
}

fn login(user: &str, password: &str) -> Login {
    Login {
        user: user.to_owned(),
        password: password.into(),
        org: String::new(),
    }
}

impl World {
    /// One user, `ada`, with a mail address and a password.
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let db = Db::open_sqlite(&dir.path().join("fleetd.db")).await.unwrap();
        let time = Arc::clone(&clock) as Arc<dyn Clock>;
        let resources = Resources::open(db, Arc::clone(&time), Arc::new(Sealer::new(&[1; 32])))
            .await
            .unwrap();
        let access = Access::open(resources, time, Cost::for_tests()).await.unwrap();
        let world = Self {
            _dir: dir,
            clock,
            access,
        };
        let user = pb::Resource {
            metadata: Some(pb::Metadata {
                name: "ada".into(),
                ..pb::Metadata::default()
            }),
            spec: Some(Spec::User(pb::UserSpec {
                email: Some("Ada@Example.org".into()),
                ..pb::UserSpec::default()
            })),
            ..pb::Resource::default()
        };
        let submission = pb::Submission {
            resource: Some(user),
            ..pb::Submission::default()
        };
        let resources = &world.access.resources;
        let applied = resources
            .apply(&me(), vec![submission], Options::default())
            .await
            .unwrap();
        applied.done().unwrap();
        world.access.set_password(&me(), "ada", PASSWORD).await.unwrap();
        world
    }

    async fn tokens(&self) -> pb::Tokens {
        self.access
            .login(&login("ada", PASSWORD), &peer("192.0.2.1"))
            .await
            .unwrap()
    }
}

/// The name and mail address as people and attackers write them.
fn variants() -> Vec<String> {
    let mut all: Vec<String> = [
        "ada",
        "ADA",
        " ada ",
        "Ada\t",
        "ａｄａ",
        "a\u{200b}da",
        "\u{feff}ada",
        "ad\u{ad}a",
    ]
    .map(str::to_owned)
    .to_vec();
    all.extend(
        [
            "ada@example.org",
            "ADA@EXAMPLE.ORG",
            " Ada@example.ORG\n",
            "ada＠example.org",
        ]
        .map(str::to_owned),
    );
    all
}

#[tokio::test]
async fn ten_thousand_guesses_are_few_and_the_owner_gets_in() {
    let world = World::start().await;
    world.tokens().await;
    let names = variants();
    let (mut looked_at, mut told_to_wait) = (0, 0);
    for nth in 0..10_000_usize {
        // Half a second apart, from four addresses; every variant is the same account.
        world.clock.advance(SECOND / 2);
        let from = peer(&format!("203.0.113.{}", nth % 4));
        let guess = format!("not the password {nth}");
        match world
            .access
            .login(&login(&names[nth % names.len()], &guess), &from)
            .await
        {
            Err(Error::Unauthenticated(_)) => looked_at += 1,
            Err(Error::Exhausted { retry_after_ms, .. }) => {
                assert!((1..=10_000).contains(&retry_after_ms));
                told_to_wait += 1;
            }
            other => panic!("{other:?}"),
        }
        if nth % 1_000 == 0 {
            world.tokens().await;
        }
    }
    // 5,000 s at two guesses in 10 s, however many addresses and spellings there are.
    assert!(
        looked_at <= 1_010 && told_to_wait >= 8_990,
        "{looked_at} looked at, {told_to_wait} not"
    );
}

#[tokio::test]
async fn every_spelling_is_the_same_person_and_no_other() {
    let world = World::start().await;
    for name in variants() {
        let tokens = world.access.login(&login(&name, PASSWORD), &peer("192.0.2.1")).await;
        assert_eq!(tokens.unwrap_or_else(|error| panic!("{name:?}: {error}")).user, "ada");
    }
    for (nth, name) in ["adа", "ada.", "a da", "", "@", "ada@example.org@", "root", "ada\0"]
        .iter()
        .enumerate()
    {
        let from = peer(&format!("198.51.100.{nth}"));
        world.clock.advance(10 * SECOND);
        let refused = world.access.login(&login(name, PASSWORD), &from).await;
        assert!(
            matches!(refused, Err(Error::Unauthenticated(_))),
            "{name:?}: {refused:?}"
        );
    }
}

/// A session as it should be: its newest tokens and what happened to those before.
#[derive(Default)]
struct Model {
    current: String,
    previous: Option<String>,
    used: Vec<String>,
    dead: bool,
}

#[tokio::test]
async fn ten_thousand_refreshes_are_what_a_model_says() {
    let world = World::start().await;
    let mut random = StdRng::seed_from_u64(7);
    let mut sessions: Vec<Model> = Vec::new();
    let from = peer("192.0.2.1");
    let mut outcomes = [0_u32; 4];
    for _ in 0..10_000 {
        if sessions.iter().filter(|session| !session.dead).count() < 20 {
            sessions.push(Model {
                current: world.tokens().await.refresh_token,
                ..Model::default()
            });
        }
        let at = random.random_range(0..sessions.len());
        let session = &mut sessions[at];
        let dice = random.random_range(0..100);
        let shown = match dice {
            0..80 => session.current.clone(),
            80..95 => session.previous.clone().unwrap_or_else(|| session.current.clone()),
            95..98 if !session.used.is_empty() => {
                let nth = random.random_range(0..session.used.len());
                session.used[nth].clone()
            }
            _ => session.current.replace('3', "4"),
        };
        let answer = world.access.refresh(&shown, &from).await;
        let wanted = if session.dead {
            0
        } else if shown == session.current {
            1
        } else if session.previous.as_ref() == Some(&shown) {
            2
        } else if session.used.contains(&shown) {
            3
        } else {
            0
        };
        outcomes[wanted] += 1;
        match (wanted, answer) {
            (1, Ok(tokens)) => {
                session.used.extend(session.previous.replace(shown));
                session.current = tokens.refresh_token;
            }
            (2, Ok(tokens)) => {
                // The successor was never shown, and now counts as stolen.
                session
                    .used
                    .push(std::mem::replace(&mut session.current, tokens.refresh_token));
            }
            (3, Err(Error::Unauthenticated(_))) => session.dead = true,
            (0, Err(Error::Unauthenticated(_))) => {}
            (wanted, answer) => panic!("{wanted}: {answer:?}"),
        }
    }
    assert!(outcomes.iter().all(|count| *count > 50), "{outcomes:?}");
}

#[tokio::test]
async fn of_a_race_with_one_token_one_answer_lives() {
    let world = World::start().await;
    for _ in 0..40 {
        let first = world.tokens().await.refresh_token;
        let from = peer("192.0.2.1");
        let all = (0..25).map(|_| world.access.refresh(&first, &from));
        let answers = futures_util::future::join_all(all).await;
        let given: HashSet<String> = answers
            .into_iter()
            .flatten()
            .map(|tokens| tokens.refresh_token)
            .collect();
        assert_eq!(given.len(), 25, "each answer was lost to the next one");
        // Exactly one of them is the session's; the others were superseded, and end it.
        let id = texts::id(TokenKind::Refresh, &first).unwrap().to_owned();
        let mut tx = world.access.resources.db().read().await.unwrap();
        let session = stored::find(&mut tx, &id).await.unwrap().unwrap();
        drop(tx);
        let (live, stale): (Vec<_>, Vec<_>) = given.iter().partition(|text| texts::matches(text, &session.current));
        assert_eq!((live.len(), stale.len()), (1, 24));
        assert!(world.access.refresh(stale[0], &from).await.is_err());
        assert!(
            world.access.refresh(live[0], &from).await.is_err(),
            "a thief and its victim both lose"
        );
    }
}

#[tokio::test]
async fn what_expires_expires() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let bearer = |tokens: &pb::Tokens| Credential::Bearer(tokens.access_token.as_str().into());
    assert_eq!(
        world.access.authenticate(&bearer(&tokens)).await.unwrap().actor(),
        "user/ada"
    );
    world.clock.advance(15 * 60 * SECOND);
    assert!(world.access.authenticate(&bearer(&tokens)).await.is_err(), "15 minutes");
    let from = peer("192.0.2.1");
    let tokens = world.access.refresh(&tokens.refresh_token, &from).await.unwrap();
    world.access.authenticate(&bearer(&tokens)).await.unwrap();
    world.clock.advance(7 * 86_400 * SECOND);
    assert!(
        world.access.refresh(&tokens.refresh_token, &from).await.is_err(),
        "7 days unused"
    );
    // In use, a session lives a month; its signing key is another by then.
    let mut tokens = world.tokens().await;
    let mut days = 0;
    while let Ok(next) = world.access.refresh(&tokens.refresh_token, &from).await {
        world.access.authenticate(&bearer(&next)).await.unwrap();
        tokens = next;
        world.clock.advance(86_400 * SECOND);
        days += 1;
    }
    assert_eq!(days, 30);
    let before = format!("{:?}", world.access.signer);
    let tokens = world.tokens().await;
    assert_ne!(format!("{:?}", world.access.signer), before, "a new key");
    world.access.authenticate(&bearer(&tokens)).await.unwrap();
    let token = NewToken {
        scopes: vec!["view:device".into()],
        expires_in_seconds: 60,
        ..NewToken::default()
    };
    let (_, text) = world.access.create_token(&me(), token).await.unwrap();
    let shown = Credential::Bearer(text.into());
    world.access.authenticate(&shown).await.unwrap();
    world.clock.advance(60 * SECOND);
    assert!(world.access.authenticate(&shown).await.is_err());
}

#[tokio::test]
async fn a_restart_makes_no_stranger_of_an_owner() {
    let world = World::start().await;
    world.tokens().await;
    let access = Access::open(
        world.access.resources.clone(),
        Arc::clone(&world.clock) as Arc<dyn Clock>,
        Cost::for_tests(),
    )
    .await
    .unwrap();
    // Strangers keep the account busy; the owner at the known address does not wait for them.
    for nth in 0..50 {
        let from = peer(&format!("203.0.113.{nth}"));
        let _ = access.login(&login("ada", "not the password"), &from).await;
    }
    access.login(&login("ada", PASSWORD), &peer("192.0.2.1")).await.unwrap();
    let elsewhere = access.login(&login("ada", PASSWORD), &peer("192.0.2.77")).await;
    assert!(matches!(elsewhere, Err(Error::Exhausted { .. })), "{elsewhere:?}");
}

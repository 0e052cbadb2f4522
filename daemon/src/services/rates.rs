//! How often somebody may call, the same at every door: who is known, by who they are, and together with all of their
//! organization; who is not, by their network. Whoever shows a right credential is never counted by network: many may
//! share one.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};
use uuid::Uuid;

use super::error::{Error, Result};
use crate::domain::Caller;
use crate::domain::caller::Who;

/// Those who are remembered before the ones who have been quiet are forgotten.
const MOST: usize = 50_000;
/// What a registration costs of the calls of a stranger.
const REGISTRATION: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);

/// Calls a second, and at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_second: NonZeroU32,
    at_once: NonZeroU32,
}

/// Reads `PER_SECOND,AT_ONCE`.
impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let numbers = text
            .split_once(',')
            .and_then(|(per_second, at_once)| Some((per_second.trim().parse().ok()?, at_once.trim().parse().ok()?)));
        let (per_second, at_once) = numbers.ok_or_else(|| {
            format!("`{text}` is no rate: write calls a second and calls at once, such as 50,200, or `off`")
        })?;
        Ok(Self { per_second, at_once })
    }
}

/// How often who may call; none: as often as they like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// A user over all sessions, or a token.
    pub caller: Option<Rate>,
    /// All callers of an organization together.
    pub org: Option<Rate>,
    /// A device, readings excepted.
    pub device: Option<Rate>,
    /// Strangers of one network: at what is open to all, and again with wrong credentials.
    pub stranger: Option<Rate>,
}

/// One budget for each of many.
#[derive(Debug)]
struct Budgets<K: Hash + Eq + Clone, C: Clock> {
    limiter: RateLimiter<K, DashMapStateStore<K>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    per_second: NonZeroU32,
    /// As many are known when the quiet ones are forgotten: looking for them each time would cost more than they do.
    sweep_at: AtomicUsize,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Budgets<K, C> {
    fn new(rate: Rate, clock: &C) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.at_once);
        Self {
            limiter: RateLimiter::new(quota, DashMapStateStore::default(), clock.clone()),
            clock: clock.clone(),
            per_second: rate.per_second,
            sweep_at: AtomicUsize::new(MOST),
        }
    }

    /// Spends; or says when there is enough again.
    fn spend(&self, key: &K, cost: NonZeroU32) -> std::result::Result<(), C::Instant> {
        if self.limiter.len() > self.sweep_at.load(Ordering::Relaxed) {
            self.limiter.retain_recent();
            self.sweep_at.store(MOST.max(2 * self.limiter.len()), Ordering::Relaxed);
        }
        let again = |until: NotUntil<C::Instant>| until.earliest_possible();
        match self.limiter.check_key_n(key, cost) {
            Ok(told) => told.map_err(again),
            // Dearer than all that may be spent at once: it takes all of it.
            Err(most) => {
                let all = NonZeroU32::new(most.0).unwrap_or(NonZeroU32::MIN);
                self.limiter.check_key_n(key, all).unwrap_or(Ok(())).map_err(again)
            }
        }
    }

    fn wait(&self, until: C::Instant) -> u64 {
        let wait: Duration = until.duration_since(self.clock.now()).into();
        u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

#[derive(Debug)]
struct All<C: Clock> {
    callers: Option<Budgets<String, C>>,
    orgs: Option<Budgets<Uuid, C>>,
    devices: Option<Budgets<Uuid, C>>,
    strangers: Option<Budgets<IpAddr, C>>,
    wrong: Option<Budgets<IpAddr, C>>,
    /// Networks that have shown too many wrong credentials, until they may show others.
    debtors: RwLock<HashMap<IpAddr, C::Instant>>,
}

/// How often who has called.
#[derive(Clone, Debug)]
pub struct Rates<C: Clock = DefaultClock>(Arc<All<C>>);

/// Of IPv6 a customer has a network, and not an address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

impl Rates {
    /// By the machine's own clock, which never goes back.
    pub fn new(settings: Settings) -> Self {
        Self::by(settings, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> Rates<C> {
    fn by(settings: Settings, clock: &C) -> Self {
        Self(Arc::new(All {
            callers: settings.caller.map(|rate| Budgets::new(rate, clock)),
            orgs: settings.org.map(|rate| Budgets::new(rate, clock)),
            devices: settings.device.map(|rate| Budgets::new(rate, clock)),
            strangers: settings.stranger.map(|rate| Budgets::new(rate, clock)),
            wrong: settings.stranger.map(|rate| Budgets::new(rate, clock)),
            debtors: RwLock::default(),
        }))
    }

    /// Counts a call of somebody who is known. The local socket is the machine's own.
    pub fn caller(&self, caller: &Caller) -> Result<()> {
        let (Some(budgets), Some(key)) = (&self.0.callers, key(caller)) else {
            return Ok(());
        };
        budgets.spend(&key, NonZeroU32::MIN).map_err(|until| {
            let budget = format!(
                "the rate of {} ({} calls per second)",
                caller.actor(),
                budgets.per_second
            );
            Error::exhausted("caller", budget, budgets.wait(until))
        })
    }

    /// Counts a call in the organization of whoever calls. Those of the platform are in none, and what one of several
    /// organizations has used up must not hold up the others.
    pub fn organization(&self, caller: &Caller) -> Result<()> {
        let (Some(budgets), Some(_), Some(org)) = (&self.0.orgs, key(caller), caller.home()) else {
            return Ok(());
        };
        budgets.spend(&org, NonZeroU32::MIN).map_err(|until| {
            let budget = format!(
                "the rate of the organization, all of its callers together ({} calls per second)",
                budgets.per_second
            );
            Error::exhausted("organization", budget, budgets.wait(until))
        })
    }

    /// Counts a call of a device that is known.
    pub fn device(&self, device: Uuid) -> Result<()> {
        let Some(budgets) = &self.0.devices else { return Ok(()) };
        budgets.spend(&device, NonZeroU32::MIN).map_err(|until| {
            let budget = format!("the rate of the device ({} calls per second)", budgets.per_second);
            Error::exhausted("device", budget, budgets.wait(until))
        })
    }

    /// Counts a call at what is open to all.
    pub fn stranger(&self, address: IpAddr) -> Result<()> {
        self.open_call(address, NonZeroU32::MIN)
    }

    /// Counts a registration, which is dearer than other calls.
    pub fn registration(&self, address: IpAddr) -> Result<()> {
        self.open_call(address, REGISTRATION)
    }

    fn open_call(&self, address: IpAddr, cost: NonZeroU32) -> Result<()> {
        let Some(budgets) = &self.0.strangers else {
            return Ok(());
        };
        budgets.spend(&network(address), cost).map_err(|until| {
            let of = network(address);
            let budget = format!(
                "the rate of strangers at {of} ({} calls per second)",
                budgets.per_second
            );
            Error::exhausted("stranger", budget, budgets.wait(until))
        })
    }

    /// Looks up who shows a credential at this address. Wrong ones are counted; where there were too many, only what
    /// `is_familiar` is looked up for a while: that is what a flood of them can cost.
    pub async fn looked_up<T>(
        &self,
        address: IpAddr,
        is_familiar: impl FnOnce() -> bool,
        look_up: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        if let Some(refusal) = self.in_debt(address)
            && !is_familiar()
        {
            return Err(refusal());
        }
        let found = look_up.await;
        if let (Err(Error::Unauthenticated(_)), Some(budgets)) = (&found, &self.0.wrong)
            && let Err(until) = budgets.spend(&network(address), NonZeroU32::MIN)
        {
            let mut debtors = self.0.debtors.write().unwrap_or_else(PoisonError::into_inner);
            let now = budgets.clock.now();
            debtors.retain(|_, until| *until > now);
            debtors.insert(network(address), until);
            return Err(too_many_wrong(budgets, address, until));
        }
        found
    }

    fn in_debt(&self, address: IpAddr) -> Option<impl FnOnce() -> Error> {
        let budgets = self.0.wrong.as_ref()?;
        let until = {
            let debtors = self.0.debtors.read().unwrap_or_else(PoisonError::into_inner);
            // Nobody is, as a rule.
            if debtors.is_empty() {
                return None;
            }
            debtors.get(&network(address)).copied()
        };
        let until = until.filter(|until| *until > budgets.clock.now())?;
        Some(move || too_many_wrong(budgets, address, until))
    }
}

fn too_many_wrong<C: Clock + Clone>(budgets: &Budgets<IpAddr, C>, address: IpAddr, until: C::Instant) -> Error {
    let of = network(address);
    let budget = format!(
        "the rate of wrong credentials at {of} ({} calls per second)",
        budgets.per_second
    );
    Error::exhausted("credentials", budget, budgets.wait(until))
}

/// Under what somebody is counted who comes over the network.
pub(super) fn key(caller: &Caller) -> Option<String> {
    match caller.who() {
        Who::User { uid, .. } => Some(uid.to_string()),
        Who::Token { id, .. } => Some(id.clone()),
        Who::Socket(_) | Who::Fleetd(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use fleet_proto::access::Permissions;
    use governor::clock::FakeRelativeClock;

    use super::*;
    use crate::domain::caller::Grant;

    const SECOND: Duration = Duration::from_secs(1);

    fn rates() -> (Rates<FakeRelativeClock>, FakeRelativeClock) {
        let rate = |text: &str| Some(text.parse().unwrap());
        let settings = Settings {
            caller: rate("5,10"),
            org: rate("10,15"),
            device: rate("1,2"),
            stranger: rate("2,30"),
        };
        let clock = FakeRelativeClock::default();
        (Rates::by(settings, &clock), clock)
    }

    fn caller(who: Who, orgs: &[u128]) -> Caller {
        let grant = |org: &u128| Grant {
            org: Some(Uuid::from_u128(*org)),
            sites: None,
            permissions: Permissions::default(),
            origin: String::new(),
        };
        Caller::new(who, Arc::new(orgs.iter().map(grant).collect()), None)
    }

    fn user(number: u128, session: &str, orgs: &[u128]) -> Caller {
        let who = Who::User {
            uid: Uuid::from_u128(number),
            name: format!("u{number}"),
            session: session.to_owned(),
        };
        caller(who, orgs)
    }

    fn until_refused(mut call: impl FnMut() -> Result<()>) -> (usize, String, u64) {
        let mut done = 0;
        loop {
            match call() {
                Ok(()) => done += 1,
                Err(Error::Exhausted { budget, retry_after_ms }) => return (done, budget, retry_after_ms),
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn a_user_has_one_budget_over_all_sessions_and_its_organization_one_over_all_users() {
        let (rates, clock) = rates();
        let call = |caller: &Caller| rates.caller(caller).and_then(|()| rates.organization(caller));
        let (one, again, two) = (user(1, "a", &[1]), user(1, "b", &[1]), user(2, "c", &[1]));
        let refused = until_refused(|| call(&one));
        assert_eq!(
            refused,
            (10, "the rate of user/u1 (5 calls per second)".to_owned(), 200)
        );
        assert_eq!(until_refused(|| call(&again)).0, 0, "another session is the same user");
        let (done, budget, _) = until_refused(|| call(&two));
        assert_eq!(done, 5, "the organization has 15");
        assert!(budget.starts_with("the rate of the organization"), "{budget}");
        let token = Who::Token {
            id: "t".into(),
            name: String::new(),
        };
        let token = caller(token, &[1]);
        assert_eq!(until_refused(|| call(&token)).0, 0, "its tokens, too");
        assert_eq!(
            until_refused(|| call(&user(3, "d", &[2]))).0,
            10,
            "another organization has its own"
        );
        assert_eq!(
            until_refused(|| call(&user(4, "e", &[1, 2]))).0,
            10,
            "what one of several organizations has used up holds up nobody elsewhere"
        );
        clock.advance(SECOND);
        assert_eq!(until_refused(|| call(&one)).0, 5);
        for local in [Who::Socket(0), Who::Fleetd("x".into())] {
            let local = Caller::with_everything(local);
            assert!((0..1_000).all(|_| call(&local).is_ok()));
        }
    }

    #[test]
    fn strangers_are_counted_by_network_and_devices_by_themselves() {
        let (rates, clock) = rates();
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(until_refused(|| rates.stranger(at("2001:db8::1"))).0, 30);
        assert!(rates.stranger(at("2001:db8::2")).is_err(), "the same network");
        assert!(rates.stranger(at("2001:db8:0:1::2")).is_ok());
        assert_eq!(until_refused(|| rates.registration(at("192.0.2.1"))).0, 1);
        assert_eq!(until_refused(|| rates.stranger(at("192.0.2.1"))).0, 10);
        assert!(rates.stranger(at("::ffff:192.0.2.1")).is_err(), "the same address");
        assert_eq!(until_refused(|| rates.device(Uuid::from_u128(1))).0, 2);
        assert!(rates.device(Uuid::from_u128(2)).is_ok());
        clock.advance(SECOND);
        assert_eq!(until_refused(|| rates.device(Uuid::from_u128(1))).0, 1);
    }

    #[tokio::test]
    async fn a_flood_of_wrong_credentials_is_looked_up_no_more_and_right_ones_always() {
        let (rates, clock) = rates();
        let (flood, elsewhere) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let looked = Cell::new(0);
        let wrong = async |address, familiar: bool| {
            let look_up = async {
                looked.set(looked.get() + 1);
                Err::<(), _>(Error::Unauthenticated("wrong".to_owned()))
            };
            rates.looked_up(address, || familiar, look_up).await.unwrap_err()
        };
        let right = async |familiar: bool| rates.looked_up(flood, || familiar, async { Ok(()) }).await.is_ok();
        let mut told = 0;
        for _ in 0..1_000 {
            told += usize::from(matches!(wrong(flood, false).await, Error::Unauthenticated(_)));
        }
        assert_eq!((told, looked.get()), (30, 31));
        assert!(right(true).await, "a credential that is known is looked up in a flood");
        assert!(!right(false).await);
        assert!(matches!(wrong(elsewhere, false).await, Error::Unauthenticated(_)));
        assert!(rates.stranger(flood).is_ok(), "logins have a budget of their own");
        // One that was known and no longer counts is counted like another.
        assert!(matches!(wrong(flood, true).await, Error::Exhausted { .. }));
        clock.advance(SECOND);
        assert!(right(false).await, "right ones are not counted");
        assert!(matches!(wrong(flood, false).await, Error::Unauthenticated(_)));
        assert!(right(false).await);
    }

    #[test]
    fn what_is_off_is_not_counted_and_who_is_quiet_is_forgotten() {
        let off = Rates::new(Settings::default());
        assert!((0..1_000).all(|_| off.stranger(IpAddr::from([192, 0, 2, 1])).is_ok()));
        let (rates, clock) = rates();
        let known = |rates: &Rates<FakeRelativeClock>| rates.0.devices.as_ref().unwrap().limiter.len();
        let call = |number: usize| drop(rates.device(Uuid::from_u128(number as u128)));
        (0..=MOST).for_each(call);
        assert_eq!(known(&rates), MOST + 1);
        clock.advance(10 * SECOND);
        call(0);
        assert!(known(&rates) <= 1, "{}", known(&rates));
    }

    #[test]
    fn a_rate_is_two_numbers() {
        let rate: Rate = "50, 200".parse().unwrap();
        assert_eq!((rate.per_second.get(), rate.at_once.get()), (50, 200));
        for wrong in ["", "50", "0,1", "1,0", "-1,2", "a,b", "1,2,3"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}

//! How often somebody may call: by who they are once that is known, before that by their address.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::services::Error;

const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// Calls a second of one caller, and at once.
const CALLER: (NonZeroU32, NonZeroU32) = (at_least_one(50), at_least_one(200));
/// Calls a second of strangers at one address, and at once.
const STRANGER: (NonZeroU32, NonZeroU32) = (at_least_one(20), at_least_one(60));
/// What a registration costs of them.
const REGISTRATION: NonZeroU32 = at_least_one(20);
/// Callers and addresses that are remembered before those who have been quiet are forgotten.
const MOST: usize = 50_000;

/// How often who has called.
#[derive(Clone, Debug)]
pub struct Limits {
    callers: Arc<DefaultKeyedRateLimiter<String>>,
    strangers: Arc<DefaultKeyedRateLimiter<IpAddr>>,
}

impl Default for Limits {
    fn default() -> Self {
        let quota = |(rate, burst): (NonZeroU32, NonZeroU32)| Quota::per_second(rate).allow_burst(burst);
        Self {
            callers: Arc::new(RateLimiter::keyed(quota(CALLER))),
            strangers: Arc::new(RateLimiter::keyed(quota(STRANGER))),
        }
    }
}

fn exhausted(wait: Duration) -> Error {
    Error::Exhausted {
        budget: "the number of calls for now".to_owned(),
        retry_after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1),
    }
}

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

impl Limits {
    /// Counts a call of somebody who is known.
    pub(super) fn caller(&self, key: &str) -> Result<(), Error> {
        if self.callers.len() > MOST {
            self.callers.retain_recent();
        }
        let told = self.callers.check_key(&key.to_owned());
        told.map_err(|until| exhausted(until.wait_time_from(DefaultClock::default().now())))
    }

    /// Counts a call of somebody who is not, at a route that is open to all.
    pub(super) fn stranger(&self, address: IpAddr) -> Result<(), Error> {
        if self.strangers.len() > MOST {
            self.strangers.retain_recent();
        }
        let told = self.strangers.check_key(&network(address));
        told.map_err(|until| exhausted(until.wait_time_from(DefaultClock::default().now())))
    }

    /// Counts a registration, which is dearer than other calls.
    pub(super) fn registration(&self, address: IpAddr) -> Result<(), Error> {
        match self.strangers.check_key_n(&network(address), REGISTRATION) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => Err(exhausted(until.wait_time_from(DefaultClock::default().now()))),
            Err(_) => Err(exhausted(Duration::from_secs(1))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_burst_of_their_own() {
        let limits = Limits::default();
        let refused = |key: &str| (0..300).filter(|_| limits.caller(key).is_err()).count();
        assert!(refused("a") > 50 && limits.caller("b").is_ok());
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let same_network: IpAddr = "2001:db8::2".parse().unwrap();
        while limits.stranger(one).is_ok() {}
        assert!(limits.stranger(same_network).is_err());
        assert!(limits.stranger("192.0.2.1".parse().unwrap()).is_ok());
    }
}

//! The system log: what happened that whoever runs the fleet wants to know. fleetd writes it, and so do people and
//! programs; an entry is seen by those who see its site, and one without a site by those who see all of the organization.

use std::num::NonZeroU32;
use std::sync::Arc;

use fleet_proto::kinds::Kind;
use fleet_proto::levels::Level;
use fleet_proto::pb::{self, SystemLogEntry};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::error::{Error, Result};
use super::pages::{self, END, Span, Wanted};
use super::rates;
use super::resources::{Resources, denied};
use crate::domain::caller::Place;
use crate::domain::log::{Entry, LONGEST_MESSAGE, LONGEST_NAME, Named};
use crate::domain::telemetry::Micros;
use crate::domain::{Caller, Clock, Object, plain};
use crate::storage::log::{self, Narrow};
use crate::storage::{Tx, resources};

/// Bytes of details.
const LARGEST_DETAILS: usize = 16 << 10;
/// Entries of one caller a minute, and at once: the log has room for others, too.
const PACE: (NonZeroU32, NonZeroU32) = (NonZeroU32::MIN.saturating_add(29), NonZeroU32::MIN.saturating_add(99));
/// Callers that are remembered before those who have been quiet are forgotten.
const MOST_CALLERS: usize = 10_000;

/// The system log.
#[derive(Clone, Debug)]
pub struct Log {
    resources: Resources,
    clock: Arc<dyn Clock>,
    pace: Arc<DefaultKeyedRateLimiter<(String, Uuid)>>,
}

/// Writes entries, with the names and sites of devices looked up.
pub(super) async fn append(tx: &mut Tx, mut entries: Vec<Entry>) -> Result<u64> {
    for entry in &mut entries {
        place(tx, entry).await?;
    }
    Ok(log::append(tx, &entries).await?)
}

/// Where the device of an entry is. What is gone leaves the entry to the organization as a whole.
async fn place(tx: &mut Tx, entry: &mut Entry) -> Result<()> {
    let Some(device) = entry.device.as_mut().filter(|device| device.name.is_empty()) else {
        return Ok(());
    };
    let Some(object) = resources::find_by_uid(tx, device.uid).await? else {
        return Ok(());
    };
    device.name.clone_from(&object.name);
    entry.org = object.org.as_ref().map(|org| org.uid);
    if entry.site.is_none() {
        entry.site = site_of(tx, &object).await?;
    }
    Ok(())
}

/// The site that a device is at.
pub(super) async fn site_of(tx: &mut Tx, device: &Object) -> Result<Option<Named>> {
    let Place::Sites(org, sites) = Place::of(device) else {
        return Ok(None);
    };
    let Some(name) = sites.into_iter().next() else {
        return Ok(None);
    };
    let uid = resources::find_uid(tx, Some(org), Kind::Site, &name).await?;
    Ok(uid.map(|uid| Named { uid, name }))
}

impl Resources {
    /// Notes something at the place of a device, or about it; in the organization as a whole where that is gone.
    pub async fn tell_near(&self, org: &str, device: &str, is_about_it: bool, entry: Entry) -> Result<()> {
        let mut tx = self.db().read().await?;
        let Ok(org) = Self::org_in(&mut tx, org).await else {
            return Ok(());
        };
        let mut entry = entry.of(org.uid);
        if let Some(object) = resources::find(&mut tx, Some(org.uid), Kind::Device, device).await? {
            entry.site = site_of(&mut tx, &object).await?;
            entry.device = is_about_it.then(|| Named {
                uid: object.uid,
                name: object.name.clone(),
            });
        }
        self.notes().log(entry);
        Ok(())
    }
}

/// The least level of an entry, or its own: those of the system log.
fn level(word: &str) -> Result<Level> {
    match Level::find(word) {
        _ if word.is_empty() => Ok(Level::Info),
        Some(level) if level > Level::Debug => Ok(level),
        _ => Err(Error::field(
            "level",
            format!("`{word}` is no level"),
            "info, warning, error or help",
        )),
    }
}

/// What somebody looks for.
struct Search {
    org: Option<Uuid>,
    /// As the caller names it.
    org_name: String,
    narrow: Narrow,
}

impl Wanted for Search {
    type Row = SystemLogEntry;

    async fn page(&self, tx: &mut Tx, between: (u64, u64), newest: bool, limit: u32) -> Result<Vec<SystemLogEntry>> {
        let mut found = log::list(tx, self.org, between, &self.narrow, newest, limit).await?;
        found.iter_mut().for_each(|entry| entry.org.clone_from(&self.org_name));
        Ok(found)
    }

    async fn head(&self, tx: &mut Tx) -> Result<u64> {
        Ok(log::head(tx, self.org).await?)
    }

    fn seq(row: &SystemLogEntry) -> u64 {
        row.seq
    }
}

impl Log {
    /// Works on the database of `resources`.
    pub fn new(resources: Resources, clock: Arc<dyn Clock>) -> Self {
        let (a_minute, at_once) = PACE;
        Self {
            resources,
            clock,
            pace: Arc::new(RateLimiter::keyed(Quota::per_minute(a_minute).allow_burst(at_once))),
        }
    }

    /// Adds an entry in the caller's name.
    pub async fn add(&self, caller: &Caller, wanted: pb::SystemLogAddRequest) -> Result<SystemLogEntry> {
        let details = checked(&wanted)?;
        let level = level(&wanted.level)?;
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let (org, device, site) = Self::target(&mut tx, caller, &wanted).await?;
        self.spend(caller, org.as_ref().map(|org| org.uid))?;
        let action = match (wanted.action.as_str(), level) {
            ("", Level::Help) => "help",
            ("", _) => "note",
            (own, _) => own,
        };
        let entry = Entry {
            at: self.clock.now(),
            org: org.as_ref().map(|org| org.uid),
            device,
            site,
            ..Entry::new(level, action, wanted.message).by(caller).with(details)
        };
        let seq = append(&mut tx, vec![entry.clone()]).await?;
        let search = Search {
            org: entry.org,
            org_name: org.map(|org| org.name).unwrap_or_default(),
            narrow: Narrow::default(),
        };
        let found = search.page(&mut tx, (seq - 1, seq + 1), false, 1).await?;
        tx.commit().await?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| Error::Unavailable("the entry was not kept".to_owned()))
    }

    /// What an entry is about, if the caller may add there.
    async fn target(
        tx: &mut Tx,
        caller: &Caller,
        wanted: &pb::SystemLogAddRequest,
    ) -> Result<(Option<Named>, Option<Named>, Option<Named>)> {
        if wanted.org.is_empty() {
            if !caller.may(caller.asked(), &Place::Platform) {
                return Err(denied(caller.asked(), &"the platform"));
            }
            return Ok((None, None, None));
        }
        let org = Resources::org_for_in(tx, caller, &wanted.org).await?;
        let named = |uid, name: &str| Named {
            uid,
            name: name.to_owned(),
        };
        let of = Some(named(org.uid, &org.name));
        if !wanted.device.is_empty() {
            let device = Resources::find_for(tx, caller, &org.name, Kind::Device, &wanted.device).await?;
            let site = site_of(tx, &device).await?;
            return Ok((of, Some(named(device.uid, &device.name)), site));
        }
        if !wanted.site.is_empty() {
            let site = Resources::find_for(tx, caller, &org.name, Kind::Site, &wanted.site).await?;
            return Ok((of, None, Some(named(site.uid, &site.name))));
        }
        // Whoever works at one site need not name it.
        if let Some([only]) = caller.sites(caller.asked(), org.uid).as_deref()
            && let Some(uid) = resources::find_uid(tx, Some(org.uid), Kind::Site, only).await?
        {
            return Ok((of, None, Some(named(uid, only))));
        }
        Resources::place_for(tx, caller, &org.name, "").await?;
        Ok((of, None, None))
    }

    /// By who somebody is, and not by a name, which others choose; the same caller once for each log.
    fn spend(&self, caller: &Caller, org: Option<Uuid>) -> Result<()> {
        let who = rates::key(caller).unwrap_or_else(|| caller.actor());
        let key = (who, org.unwrap_or_default());
        if self.pace.len() > MOST_CALLERS {
            self.pace.retain_recent();
        }
        self.pace.check_key(&key).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            Error::Exhausted {
                budget: "the number of entries for now".to_owned(),
                retry_after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1),
            }
        })
    }

    async fn wanted(&self, caller: &Caller, wanted: &pb::SystemLogSearchRequest) -> Result<Search> {
        let mut narrow = Narrow {
            level: level(&wanted.level)?.number(),
            user: wanted.user.clone(),
            action: wanted.action.clone(),
            text: wanted.text.clone(),
            from: wanted.from_us,
            to: wanted.to_us,
            ..Narrow::default()
        };
        if wanted.org.is_empty() {
            return if caller.may(caller.asked(), &Place::Platform) {
                Ok(Search {
                    org: None,
                    org_name: String::new(),
                    narrow,
                })
            } else {
                Err(denied(caller.asked(), &"the platform"))
            };
        }
        let mut tx = self.resources.db().read().await?;
        let org = Resources::org_for_in(&mut tx, caller, &wanted.org).await?;
        if !wanted.device.is_empty() {
            let device = Resources::find_for(&mut tx, caller, &org.name, Kind::Device, &wanted.device).await?;
            narrow.device = device.uid.to_string();
        }
        if let Some(sites) = caller.sites(caller.asked(), org.uid) {
            let mut uids = Vec::new();
            for site in sites {
                uids.extend(resources::find_uid(&mut tx, Some(org.uid), Kind::Site, &site).await?);
            }
            narrow.sites = Some(uids);
        }
        Ok(Search {
            org: Some(org.uid),
            org_name: org.name,
            narrow,
        })
    }

    /// Sends entries, oldest first; with `follow` until the receiver is gone.
    pub async fn search(
        &self,
        caller: &Caller,
        wanted: &pb::SystemLogSearchRequest,
        pages: mpsc::Sender<Vec<SystemLogEntry>>,
    ) -> Result<()> {
        let search = self.wanted(caller, wanted).await?;
        let span = Span {
            after: wanted.after_seq,
            limit: wanted.limit,
            follow: wanted.follow,
        };
        pages::send(self.resources.db(), &search, span, &pages).await
    }

    /// The newest entries before a position, newest first; 0: the newest of all.
    pub async fn newest(
        &self,
        caller: &Caller,
        wanted: &pb::SystemLogSearchRequest,
        before: u64,
    ) -> Result<Vec<SystemLogEntry>> {
        let search = self.wanted(caller, wanted).await?;
        let to = if before == 0 { END } else { before.min(END) };
        let mut tx = self.resources.db().read().await?;
        search.page(&mut tx, (0, to), true, wanted.limit).await
    }

    /// Tells of something on the platform, unless it was told within so many microseconds, in an earlier life, too.
    pub async fn remind(&self, entry: Entry, within: Micros) -> Result<()> {
        let now = self.clock.now();
        let mut tx = self.resources.db().begin().await?;
        if !log::was_told(&mut tx, None, &entry.topic, now - within).await? {
            append(&mut tx, vec![Entry { at: now, ..entry }]).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Drops what is too old.
    pub async fn prune(&self) -> Result<()> {
        let mut tx = self.resources.db().begin().await?;
        log::prune(&mut tx, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }
}

/// The details, if the request is one.
fn checked(wanted: &pb::SystemLogAddRequest) -> Result<Json> {
    if wanted.message.trim().is_empty() || wanted.message.chars().count() > LONGEST_MESSAGE {
        return Err(Error::field(
            "message",
            format!("has 1 to {LONGEST_MESSAGE} characters"),
            "say in a sentence what happened",
        ));
    }
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || ".-_ /".contains(sign);
    if wanted.action.chars().count() > LONGEST_NAME || !wanted.action.chars().all(is_plain) {
        return Err(Error::field(
            "action",
            format!("has at most {LONGEST_NAME} letters, digits, `.`, `-`, `_`, `/`, spaces"),
            "such as calibration.failed",
        ));
    }
    let details = if wanted.details.is_empty() {
        Some(json!({}))
    } else {
        serde_json::from_str::<Json>(&wanted.details).ok()
    };
    let details = details
        .filter(Json::is_object)
        .filter(|_| wanted.details.len() <= LARGEST_DETAILS)
        .ok_or_else(|| {
            Error::field(
                "details",
                format!("is no JSON object of at most {LARGEST_DETAILS} bytes"),
                "such as '{\"step\": 3}'",
            )
        })?;
    // Many read the log.
    for (path, holds) in [
        ("message", plain::holds_token(&wanted.message)),
        ("action", plain::holds_token(&wanted.action)),
        ("details", plain::json(&details) != details),
    ] {
        if holds {
            return Err(Error::field(
                path,
                "holds a token".to_owned(),
                "leave it out, and revoke it",
            ));
        }
    }
    Ok(details)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::caller::Who;
    use crate::domain::clock::ManualClock;
    use crate::domain::sealing::Sealer;
    use crate::storage::Db;

    #[tokio::test]
    async fn a_budget_belongs_to_a_token_and_a_log_and_not_to_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&dir.path().join("fleetd.db")).await.unwrap();
        let clock = Arc::new(ManualClock::at(0)) as Arc<dyn Clock>;
        let sealer = Arc::new(Sealer::new(&[1; 32]));
        let resources = Resources::open(db, Arc::clone(&clock), sealer).await.unwrap();
        let log = Log::new(resources, clock);
        let token = |id: &str| {
            let (id, name) = (id.to_owned(), "ci".to_owned());
            Caller::new(Who::Token { id, name }, Arc::default(), None)
        };
        let (one, other) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
        let spent = (0..200).take_while(|_| log.spend(&token("a"), one).is_ok()).count();
        assert!((100..200).contains(&spent), "{spent}");
        assert!(log.spend(&token("b"), one).is_ok(), "of the same name");
        assert!(log.spend(&token("a"), other).is_ok());
    }
}

//! Certificates near their end.

use std::collections::BTreeMap;

use fleet_proto::levels::Level;
use serde_json::json;
use uuid::Uuid;

use super::Devices;
use super::certificates::DAY;
use crate::domain::log::Entry;
use crate::domain::object::timestamp;
use crate::domain::telemetry::Micros;
use crate::services::error::Result;
use crate::services::log;
use crate::storage::devices::certificates;

/// A device renews when a third of 90 days is left: one that has not done so by now has missed it.
const NEAR: Micros = 14 * DAY;
/// Certificates of an organization that are told of one by one.
const ONE_BY_ONE: usize = 10;
/// Certificates that are looked at together.
const PAGE: u32 = 1_000;

impl Devices {
    /// The last moment of the authority's certificate; none: nothing can be issued anyway.
    pub fn authority_ends(&self) -> Option<Micros> {
        self.issuer.not_after()
    }

    /// Tells of devices whose newest certificate ends soon, of each certificate once.
    pub async fn look_at_certificates(&self) -> Result<()> {
        let now = self.clock.now();
        loop {
            let mut tx = self.resources.db().begin().await?;
            let ending = certificates::ending(&mut tx, now, now + NEAR, PAGE).await?;
            let is_last = ending.len() < PAGE as usize;
            let mut by_org: BTreeMap<Uuid, Vec<_>> = BTreeMap::new();
            for certificate in ending {
                certificates::ending_told(&mut tx, &certificate.serial).await?;
                by_org.entry(certificate.org).or_default().push(certificate);
            }
            let mut entries = Vec::new();
            for (org, ending) in by_org {
                let entry = |message: String| Entry {
                    at: now,
                    ..Entry::new(Level::Warning, "certificate.ending", message).of(org)
                };
                if ending.len() > ONE_BY_ONE {
                    let message = format!("certificates of {} devices end within 14 days", ending.len());
                    entries.push(entry(message).with(json!({"devices": ending.len()})));
                    continue;
                }
                entries.extend(ending.iter().map(|certificate| {
                    let ends = timestamp(certificate.not_after).to_string();
                    entry(format!(
                        "the device's certificate ends on {ends}, and it has not renewed it"
                    ))
                    .about(certificate.device)
                    .with(json!({"credential": certificate.serial, "notAfter": ends}))
                }));
            }
            log::append(&mut tx, entries).await?;
            tx.commit().await?;
            if is_last {
                return Ok(());
            }
        }
    }
}

//! Which series a question is about.

use std::sync::Arc;

use fleet_proto::kinds::Kind;
use fleet_proto::pb;
use fleet_proto::pb::resource::Spec;
use tokio::sync::mpsc;

use super::Telemetry;
use crate::domain::telemetry::{Micros, Series};
use crate::domain::{Caller, Object};
use crate::services::error::{Error, Result};
use crate::services::resources::Filter;

/// Which readings are meant.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// Name of the organization.
    pub org: String,
    /// Name or uid of the device; empty: those that selector, site and customer leave.
    pub device: String,
    /// Labels of devices.
    pub selector: String,
    /// Name of their site; empty: any.
    pub site: String,
    /// Name of their customer; empty: any.
    pub customer: String,
    /// Name of the sensor.
    pub sensor: String,
    /// `bus:slaveId`; empty: the only source that there is.
    pub source: String,
    /// From, inclusive.
    pub from: Micros,
    /// To, exclusive.
    pub to: Micros,
}

/// A series with the device whose it is.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) device: Arc<Object>,
    pub(super) series: Arc<Series>,
}

impl Telemetry {
    /// Devices that a range means, by name.
    pub(super) async fn devices(&self, caller: &Caller, range: &Range) -> Result<Vec<Arc<Object>>> {
        if !range.device.is_empty() {
            for (field, value) in [
                ("selector", &range.selector),
                ("site", &range.site),
                ("customer", &range.customer),
            ] {
                if !value.is_empty() {
                    return Err(Error::field(field, "stands beside a device", "name one or the other"));
                }
            }
            let device = self.resources.find(caller, &range.org, Kind::Device, &range.device);
            return Ok(vec![Arc::new(device.await?)]);
        }
        let reference = match (range.site.as_str(), range.customer.as_str()) {
            ("", "") => String::new(),
            ("", customer) => format!("customer/{customer}"),
            (site, _) => format!("site/{site}"),
        };
        for (kind, name) in [(Kind::Site, &range.site), (Kind::Customer, &range.customer)] {
            if !name.is_empty() {
                // Whoever mistypes it is told, instead of being shown nothing.
                self.resources.find(caller, &range.org, kind, name).await?;
            }
        }
        let filter = Filter::try_from(pb::Filter {
            org: range.org.clone(),
            kind: Kind::Device.to_string(),
            selector: range.selector.clone(),
            reference,
            ..pb::Filter::default()
        })?;
        let (sender, mut pages) = mpsc::channel(1);
        let mut devices = Vec::new();
        let reading = async move { self.resources.list(caller, &filter, 0, &sender).await };
        let collecting = async {
            while let Some(page) = pages.recv().await {
                let of = |object: &Object| range.customer.is_empty() || customer(object) == range.customer;
                devices.extend(page.into_iter().filter(of).map(Arc::new));
            }
        };
        tokio::join!(reading, collecting).0?;
        devices.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(devices)
    }

    /// Every series that a range means, by device, sensor and source. Without a sensor these are all, with one it is one
    /// of each device that has it.
    pub(super) async fn chosen(&self, caller: &Caller, range: &Range) -> Result<Vec<Chosen>> {
        let mut chosen = Vec::new();
        for device in self.devices(caller, range).await? {
            let mut all = self.store.series_of(device.uid);
            if range.sensor.is_empty() {
                all.retain(|series| range.source.is_empty() || series.key.source == range.source);
                all.sort_by(|a, b| (&a.key.sensor, &a.key.source).cmp(&(&b.key.sensor, &b.key.source)));
                chosen.extend(all.into_iter().map(|series| Chosen {
                    device: Arc::clone(&device),
                    series,
                }));
                continue;
            }
            match one(&all, &device.name, range) {
                Ok(series) => chosen.push(Chosen { device, series }),
                Err(Error::NotFound(_)) if range.device.is_empty() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(chosen)
    }

    /// The one series that a range means.
    pub(super) async fn one(&self, caller: &Caller, range: &Range) -> Result<(Arc<Series>, String)> {
        let device = self.resources.find(caller, &range.org, Kind::Device, &range.device);
        let device = device.await?;
        let series = one(&self.store.series_of(device.uid), &device.name, range)?;
        Ok((series, device.name))
    }
}

/// The series of a sensor among those of a device.
pub(super) fn one(all: &[Arc<Series>], device: &str, range: &Range) -> Result<Arc<Series>> {
    let fitting = all.iter().filter(|series| {
        series.key.sensor == range.sensor && (range.source.is_empty() || series.key.source == range.source)
    });
    let mut fitting: Vec<_> = fitting.collect();
    match fitting.as_slice() {
        [one] => Ok(Arc::clone(one)),
        [] => {
            let mut known: Vec<_> = all.iter().map(|series| series.key.sensor.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            let help = if known.is_empty() {
                "it has no readings yet".to_owned()
            } else {
                format!("it has {}", known.join(", "))
            };
            Err(Error::NotFound(format!(
                "sensor `{}` of device/{device} ({help})",
                range.sensor
            )))
        }
        _ => {
            // The reading without a source is the device's own.
            if let Some(own) = fitting.iter().position(|series| series.key.source.is_empty()) {
                return Ok(Arc::clone(fitting.swap_remove(own)));
            }
            let sources: Vec<_> = fitting.iter().map(|series| series.key.source.as_str()).collect();
            Err(Error::field(
                "source",
                format!("the sensor of device/{device} has more than one source"),
                &format!("choose one of {}", sources.join(", ")),
            ))
        }
    }
}

/// The site that a device names.
pub(super) fn site(device: &Object) -> &str {
    match &device.spec {
        Spec::Device(spec) => spec.site.as_deref().unwrap_or_default(),
        _ => "",
    }
}

/// The customer that a device names.
pub(super) fn customer(device: &Object) -> &str {
    match &device.spec {
        Spec::Device(spec) => spec.customer.as_deref().unwrap_or_default(),
        _ => "",
    }
}

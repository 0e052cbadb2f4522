//! Tracked variables: their samples are readings that are stored already, so nothing is kept twice.

use std::sync::Arc;

use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;

use super::choose::{Range, one};
use super::{LatestRow, Telemetry};
use crate::domain::Caller;
use crate::domain::telemetry::Micros;
use crate::services::error::{Error, Result};

/// Samples of a variable that does not say how many.
const USUAL: u32 = 50;

impl Telemetry {
    /// The newest readings of a TrackedVariable, in order of time, and the name of its device. Without a reading there are
    /// none; whoever may not see the device's readings has no variable of it.
    pub async fn samples(&self, caller: &Caller, org: &str, variable: &str) -> Result<(String, Vec<LatestRow>)> {
        let missing = || Error::NotFound(format!("{}/{variable}", Kind::TrackedVariable));
        let found = self
            .resources
            .find(caller, org, Kind::TrackedVariable, variable)
            .await?;
        let Spec::TrackedVariable(spec) = &found.spec else {
            return Err(missing());
        };
        let device = match self.resources.find(caller, org, Kind::Device, spec.device()).await {
            Ok(device) => device,
            Err(Error::NotFound(_)) => return Err(missing()),
            Err(error) => return Err(error),
        };
        let range = Range {
            sensor: spec.sensor().to_owned(),
            source: spec.source().to_owned(),
            ..Range::default()
        };
        let series = match one(&self.store.series_of(device.uid), &device.name, &range) {
            Ok(series) => series,
            Err(Error::NotFound(_)) => return Ok((device.name, Vec::new())),
            Err(error) => return Err(error),
        };
        let most = spec.max_samples.unwrap_or(USUAL) as usize;
        let samples = self.store.newest(series.id, Micros::MIN, Micros::MAX, most).await?;
        let row = |sample| LatestRow {
            device: device.name.clone(),
            series: Arc::clone(&series),
            sample,
        };
        let rows = samples.into_iter().map(row).collect();
        Ok((device.name.clone(), rows))
    }
}

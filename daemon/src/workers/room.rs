//! Looks how much room is left on the disk of readings, whatever else goes on.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::services::telemetry::Telemetry;

/// Between two looks: at 10 MB a second the room that stays free lasts for several of them.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks until `stop`.
pub async fn watch(telemetry: Telemetry, stop: CancellationToken) {
    loop {
        if let Err(error) = telemetry.look_for_room() {
            tracing::warn!(%error, "nobody knows how much room is left on the disk");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

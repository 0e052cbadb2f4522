//! Has files of readings compacted, at a pace that leaves the machine to those who wait for answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::Clock;
use crate::storage::telemetry::{Compactor, Progress};

/// Rest after a step, in times that it took: a tenth of one core at most. With as much rest as work, readings that came in
/// meanwhile lost a third of their rate.
const REST: u32 = 9;
/// Between two looks for something to do.
const PAUSE: Duration = Duration::from_secs(1);
/// The same after an error, such as a full disk.
const PAUSE_OF_TROUBLE: Duration = Duration::from_secs(30);

/// Compacts until `stop`. A step that is cut off is done anew after the next start.
pub async fn run(mut compactor: Compactor, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        let begun = Instant::now();
        let pause = match compactor.advance(clock.now()).await {
            Ok(Progress::Step) => begun.elapsed() * REST,
            Ok(Progress::Idle) => PAUSE,
            Ok(Progress::Ended) => return stop.cancelled().await,
            Err(error) => {
                tracing::warn!(%error, "readings could not be compacted; they stay in their segments until it works");
                PAUSE_OF_TROUBLE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

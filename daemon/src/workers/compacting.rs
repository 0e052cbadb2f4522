//! Has files of readings compacted, and dropped what is kept no longer, at a pace that leaves the machine to those who
//! wait for answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::Clock;
use crate::domain::retention::Kept;
use crate::services::telemetry::Telemetry;
use crate::storage::telemetry::{Compactor, Progress};

/// Rest after a step, in times that it took: a tenth of one core at most. With as much rest as work, readings that came in
/// meanwhile lost a third of their rate.
const REST: u32 = 9;
/// The same while the writer of readings is busy: a fiftieth.
const REST_UNDER_LOAD: u32 = 49;
/// Between two looks for something to do.
const PAUSE: Duration = Duration::from_secs(1);
/// The same after an error, such as a full disk.
const PAUSE_OF_TROUBLE: Duration = Duration::from_secs(30);
/// What is kept for how long is looked up anew after this.
const AGE: Duration = Duration::from_secs(60);

/// Compacts and drops until `stop`. A step that is cut off is done anew after the next start.
pub async fn run(mut compactor: Compactor, telemetry: Telemetry, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut load = Load::new(&compactor);
    let mut keeping = Keeping::default();
    let mut trouble = Instant::now();
    loop {
        let begun = Instant::now();
        let is_low = telemetry.is_low_on_room();
        let rest = match (is_low, load.is_high(&compactor)) {
            (true, _) => 0,
            (_, true) => REST_UNDER_LOAD,
            (_, false) => REST,
        };
        let pause = if begun < trouble {
            PAUSE
        } else {
            match step(&mut compactor, &telemetry, &mut keeping, clock.as_ref()).await {
                Ok(Progress::Step) => begun.elapsed() * rest,
                Ok(Progress::Idle) => PAUSE,
                Ok(Progress::Ended) => return stop.cancelled().await,
                Err(error) => {
                    tracing::warn!(%error, "readings could not be compacted or dropped; they stay where they are until it works");
                    trouble = Instant::now() + PAUSE_OF_TROUBLE;
                    PAUSE
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What is over goes first: it need not be compacted.
async fn step(
    compactor: &mut Compactor,
    telemetry: &Telemetry,
    keeping: &mut Keeping,
    clock: &dyn Clock,
) -> crate::services::Result<Progress> {
    let kept = keeping.now(telemetry).await?;
    match compactor.expire(kept, clock.now()).await? {
        // What is moved stands twice for a moment: for that there must be room.
        Progress::Idle if !telemetry.is_low_on_room() => Ok(compactor.advance(clock.now()).await?),
        progress => Ok(progress),
    }
}

/// For how long series are kept, as it was looked up last.
#[derive(Default)]
struct Keeping {
    kept: Kept,
    since: Option<Instant>,
}

impl Keeping {
    async fn now(&mut self, telemetry: &Telemetry) -> crate::services::Result<&Kept> {
        if self.since.is_none_or(|since| since.elapsed() >= AGE) {
            self.kept = telemetry.kept().await?;
            self.since = Some(Instant::now());
        }
        Ok(&self.kept)
    }
}

/// What the writer of readings does with its time.
struct Load {
    since: Instant,
    /// The time that commits had taken by then.
    committing: Duration,
    is_high: bool,
}

impl Load {
    fn new(compactor: &Compactor) -> Self {
        Self {
            since: Instant::now(),
            committing: compactor.committing(),
            is_high: false,
        }
    }

    /// Was it at work for more than half of the last second? Then a step would make callers wait.
    fn is_high(&mut self, compactor: &Compactor) -> bool {
        let (now, committing) = (Instant::now(), compactor.committing());
        let passed = now - self.since;
        if passed >= PAUSE {
            self.is_high = committing.saturating_sub(self.committing) * 2 > passed;
            (self.since, self.committing) = (now, committing);
        }
        self.is_high
    }
}

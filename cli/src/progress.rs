//! Signs of life while fleetd is at work: a spinner on a terminal, a line now and then elsewhere.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::context::Context;

/// Time between two lines.
const BEAT: Duration = Duration::from_secs(15);

/// Waits for `work`, and says so in between; `what` reads as `applying 20 manifests`.
pub async fn shown<T>(cx: &mut Context, what: &str, work: impl Future<Output = T>) -> T {
    let bar = (cx.io.asks && !cx.io.quiet && !is_accessible()).then(|| {
        let bar = indicatif::ProgressBar::new_spinner().with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    });
    let begun = Instant::now();
    let mut beat = interval_at(begun + BEAT, BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut work = std::pin::pin!(work);
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            _ = beat.tick() => if bar.is_none() {
                cx.io.say(&format!("still {what}, {} s so far", begun.elapsed().as_secs()));
            },
        }
    };
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    done
}

/// The user wants lines that are only appended: no spinner, no cursor movement.
pub fn is_accessible() -> bool {
    std::env::var_os("FLEETCTL_ACCESSIBLE").is_some_and(|value| value == "1")
}

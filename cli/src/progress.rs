//! Signs of life while fleetd is at work: a spinner on a terminal, a line now and then elsewhere.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::context::Context;
use crate::io::Io;

/// Time between two lines.
const BEAT: Duration = Duration::from_secs(15);

/// Waits for `work`, and says so in between; `what` reads as `applying 20 manifests`.
pub async fn shown<T>(cx: &mut Context, what: &str, work: impl Future<Output = T>) -> T {
    Meter::new(&cx.io, what).wait(&mut cx.io, work).await
}

/// The same for work of many parts.
#[derive(Debug)]
pub struct Meter {
    what: String,
    bar: Option<indicatif::ProgressBar>,
    begun: Instant,
    next: Instant,
}

impl Meter {
    /// Begins; `what` reads as `applying 20 manifests`.
    pub fn new(io: &Io, what: &str) -> Self {
        let bar = (io.asks && !io.quiet && !is_accessible()).then(|| {
            let bar = indicatif::ProgressBar::new_spinner().with_message(what.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let begun = Instant::now();
        Self {
            what: what.to_owned(),
            bar,
            begun,
            next: begun + BEAT,
        }
    }

    /// What is under way now.
    pub fn set(&mut self, what: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.clone());
        }
        self.what = what;
    }

    /// Waits for a part of the work.
    pub async fn wait<T>(&mut self, io: &mut Io, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = sleep_until(self.next) => self.beat(io),
            }
        }
    }

    /// Between two parts of work that waits for nothing: lets signals be heard.
    pub async fn pause(&mut self, io: &mut Io) {
        tokio::task::yield_now().await;
        self.beat(io);
    }

    fn beat(&mut self, io: &mut Io) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + BEAT;
        if self.bar.is_none() {
            io.say(&format!(
                "still {}, {} s so far",
                self.what,
                self.begun.elapsed().as_secs()
            ));
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The user wants lines that are only appended: no spinner, no cursor movement.
pub fn is_accessible() -> bool {
    std::env::var_os("FLEETCTL_ACCESSIBLE").is_some_and(|value| value == "1")
}

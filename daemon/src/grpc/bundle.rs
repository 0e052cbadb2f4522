//! Bundles as they arrive: bounded each by itself, and all together by the memory that they may take.

use std::sync::Arc;
use std::time::Duration;

use fleet_proto::manifest::BUNDLE_LIMIT;
use fleet_proto::pb;
use futures_util::{Stream, StreamExt as _};
use prost::Message as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use super::{applied, required};
use crate::services::resources::Options;
use crate::services::{Error, Result as Done};

/// What all bundles that are being received and applied may take, KiB as they are sent.
const ROOM: usize = 512 << 10;
/// Between two messages of a bundle.
const PAUSE: Duration = Duration::from_secs(30);
/// When a refused one may come again, milliseconds.
const AGAIN_MS: u64 = 1_000;

/// The memory for bundles.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

/// What a bundle takes of it, until this is dropped.
#[derive(Debug, Default)]
pub(super) struct Taken {
    permit: Option<OwnedSemaphorePermit>,
    kib: usize,
}

/// A bundle that has arrived.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) submissions: Vec<pb::Submission>,
    pub(super) options: Options,
    pub(super) taken: Taken,
}

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

impl Room {
    /// Takes what a bundle of so many bytes needs, if then as much is left: some that are large leave room for those
    /// that are small.
    fn hold(&self, taken: &mut Taken, bytes: usize) -> Done<()> {
        let kib = bytes.div_ceil(1024);
        let more = kib.saturating_sub(taken.kib);
        let full = || {
            let budget = format!("the room for bundles that are being applied ({} MiB)", ROOM >> 10);
            Error::exhausted("bundles", budget, AGAIN_MS)
        };
        if self.0.available_permits() < more + kib {
            return Err(full());
        }
        let count = u32::try_from(more).map_err(|_| full())?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(count).map_err(|_| full())?;
        match &mut taken.permit {
            Some(own) => own.merge(permit),
            none => *none = Some(permit),
        }
        taken.kib = kib;
        Ok(())
    }

    /// Receives a bundle.
    pub(super) async fn receive<S>(&self, mut messages: S) -> Result<Bundle, Status>
    where
        S: Stream<Item = Result<pb::ApplyRequest, Status>> + Unpin,
    {
        let (mut submissions, mut options, mut bytes) = (Vec::new(), None, 0);
        let mut taken = Taken::default();
        loop {
            let next = tokio::time::timeout(PAUSE, messages.next()).await;
            let paused =
                |_| Status::deadline_exceeded("the bundle stopped half-way: nothing was changed; send it again");
            let Some(message) = next.map_err(paused)?.transpose()? else {
                break;
            };
            bytes += message.encoded_len();
            if bytes > BUNDLE_LIMIT {
                let budget = "the size of a bundle (256 MiB)";
                return Err(Error::exhausted("bundle", budget, 0).into());
            }
            self.hold(&mut taken, bytes)?;
            if options.is_none() {
                options = message.options;
            }
            submissions.extend(message.submissions);
        }
        Ok(Bundle {
            submissions,
            options: applied::options(required(options, "options")?)?,
            taken,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn some_large_ones_leave_room_for_small_ones() {
        let room = Room::default();
        let take = |bytes| {
            let mut taken = Taken::default();
            room.hold(&mut taken, bytes).map(|()| taken)
        };
        let mut growing = Taken::default();
        for mib in 1..=256 {
            room.hold(&mut growing, mib * MIB).unwrap();
        }
        assert!(matches!(take(200 * MIB), Err(Error::Exhausted { .. })));
        let held: Vec<_> = (0..20).map_while(|_| take(30 * MIB).ok()).collect();
        assert!((4..=8).contains(&held.len()), "{}", held.len());
        take(MIB).unwrap();
        drop((growing, held));
        assert_eq!(room.0.available_permits(), ROOM);
    }

    #[tokio::test]
    async fn what_is_refused_half_way_gives_its_room_back() {
        let room = Room::default();
        let message = pb::ApplyRequest {
            options: Some(pb::apply_request::Options::default()),
            ..Default::default()
        };
        let broken = [Ok(message.clone()), Err(Status::cancelled("gone"))];
        assert!(room.receive(futures_util::stream::iter(broken)).await.is_err());
        assert_eq!(room.0.available_permits(), ROOM);
        let whole = room.receive(futures_util::stream::iter([Ok(message)])).await.unwrap();
        assert!(whole.submissions.is_empty());
    }
}

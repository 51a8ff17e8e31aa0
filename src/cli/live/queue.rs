//! What is kept ready between the thread that reads and the one that looks, bounded.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::cli::failure::Failure;
use crate::decode::{Bundle, ScopeNames};
use crate::source::FileInfo;
use crate::source::live::CaptureError;
use crate::time::Time;
use crate::write::RotatingWriter;

/// Findings in a bundle, about: of several small ones one is made.
const FULL: usize = 2_048;
/// Empty bundles kept for further packets; more are given back to the system.
pub(super) const SPARE: usize = 16;

/// What both threads know.
#[derive(Default)]
pub(super) struct State {
    /// In capture order.
    pub(super) ready: VecDeque<Bundle>,
    /// Memory that `ready` takes, in bytes.
    pub(super) held: usize,
    pub(super) spare: Vec<Bundle>,
    pub(super) scopes: Vec<ScopeNames>,
    pub(super) source: FileInfo,
    pub(super) copies: u64,
    /// When the end was asked for.
    pub(super) asked: Option<(Instant, Time)>,
    /// Nothing could be read at all.
    pub(super) unreadable: Option<CaptureError>,
    pub(super) failure: Option<Failure>,
    /// The reader gives nothing more.
    pub(super) ended: bool,
    /// The interface has gone away.
    pub(super) gone: bool,
    /// Nobody takes anything more.
    pub(super) left: bool,
}

pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// There is something to take.
    pub(super) filled: Condvar,
    /// There is room again.
    pub(super) emptied: Condvar,
    pub(super) writer: Mutex<Option<RotatingWriter>>,
    /// Bytes kept ready at most.
    pub(super) most: usize,
}

impl Shared {
    /// A panic in the other thread leaves the state as whole as it was.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Option<RotatingWriter>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn writing(&self, how: impl FnOnce(&mut RotatingWriter) -> io::Result<()>) -> Result<(), Failure> {
        self.writer().as_mut().map_or(Ok(()), |writer| {
            how(writer).map_err(|error| Failure::file(&writer.path().display().to_string(), error))
        })
    }

    /// Puts `bundle` behind what is ready, as soon as there is room; gives an empty one for it. `None` when nobody is
    /// there any more.
    pub(super) fn put(&self, mut bundle: Bundle) -> Option<Bundle> {
        let mut state = self.lock();
        while state.held >= self.most && !state.left {
            state = self.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.left {
            return None;
        }
        let was_empty = state.ready.is_empty();
        let last = state.ready.back_mut().filter(|last| !last.is_full(FULL));
        let bundle = if let Some(last) = last {
            let before = last.footprint();
            last.append(&mut bundle);
            let more = last.footprint() - before;
            state.held += more;
            bundle
        } else {
            state.held += bundle.footprint();
            state.ready.push_back(bundle);
            state.spare.pop().unwrap_or_default()
        };
        drop(state);
        if was_empty {
            self.filled.notify_one();
        }
        Some(bundle)
    }
}

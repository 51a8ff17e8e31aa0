//! A capture from a pipe as a live source: a thread reads and keeps a bounded stretch of packets ready, so that whoever
//! takes them can also wait for a limited time.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{CaptureError, Feed, Next};
use crate::source::{FileInfo, LinkType, Packet, open_reader};
use crate::time::Time;

/// Bytes kept ready at most; the reader waits then, and so does whoever writes into the pipe.
const READY: usize = 4 << 20;

/// Packets one behind the other.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    records: Vec<(u64, Time, LinkType, u32, usize)>,
}

#[derive(Default)]
struct State {
    ready: Batch,
    info: Vec<FileInfo>,
    failed: Option<CaptureError>,
    ended: bool,
    /// Nobody takes packets any more.
    left: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    /// A panic in the other thread leaves the state as whole as it was.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Packets from a pipe.
pub struct Piped {
    shared: Arc<Shared>,
    batch: Batch,
    next: usize,
    at: usize,
    name: String,
    taken: u64,
    link: LinkType,
}

impl Piped {
    /// Reads a capture from `input` in a thread of its own.
    pub fn open(name: &str, input: Box<dyn Read + Send>) -> Piped {
        let shared = Arc::new(Shared::default());
        let (theirs, called) = (Arc::clone(&shared), name.to_owned());
        std::thread::spawn(move || read(&theirs, &called, input));
        let batch = Batch::default();
        Piped { shared, batch, next: 0, at: 0, name: name.to_owned(), taken: 0, link: LinkType::ETHERNET }
    }

    /// Why nothing could be read at all, once that is known.
    pub fn failure(&self) -> Option<CaptureError> {
        self.shared.lock().failed.clone()
    }

    fn refill(&mut self, wait: Duration) -> bool {
        let mut state = self.shared.lock();
        if state.ready.records.is_empty() && !state.ended {
            let waited =
                self.shared.changed.wait_timeout_while(state, wait, |s| s.ready.records.is_empty() && !s.ended);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.batch.bytes.clear();
        self.batch.records.clear();
        std::mem::swap(&mut self.batch, &mut state.ready);
        (self.next, self.at) = (0, 0);
        self.shared.changed.notify_all();
        state.ended
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        self.shared.lock().left = true;
        self.shared.changed.notify_all();
    }
}

fn read(shared: &Shared, name: &str, input: Box<dyn Read + Send>) {
    let mut source = match open_reader(name, input) {
        Ok(source) => source,
        Err(error) => {
            let mut state = shared.lock();
            let cause = error.failures.first().map_or_else(String::new, |(_, cause)| cause.clone());
            state.failed = Some(CaptureError(format!("{name}: {cause}")));
            state.ended = true;
            shared.changed.notify_all();
            return;
        }
    };
    let mut first = true;
    loop {
        if std::mem::take(&mut first) {
            shared.lock().info = source.files();
        }
        let Some(packet) = source.next() else { break };
        let mut state = shared.lock();
        while state.ready.bytes.len() > READY && !state.left {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.left {
            return;
        }
        let idle = state.ready.records.is_empty();
        state.ready.bytes.extend_from_slice(packet.data);
        state.ready.records.push((packet.number, packet.time, packet.link, packet.wire_len, packet.data.len()));
        drop(state);
        if idle {
            shared.changed.notify_all();
        }
    }
    let mut state = shared.lock();
    state.info = source.files();
    state.ended = true;
    shared.changed.notify_all();
}

impl Feed for Piped {
    fn take(&mut self) -> Option<Packet<'_>> {
        let &(number, time, link, wire_len, len) = self.batch.records.get(self.next)?;
        let data = &self.batch.bytes[self.at..self.at + len];
        self.next += 1;
        self.at += len;
        self.taken += 1;
        self.link = link;
        Some(Packet { number, time, link, wire_len, data })
    }

    fn next(&mut self, wait: Duration) -> Next<'_> {
        let ended = self.next >= self.batch.records.len() && self.refill(wait);
        match self.take() {
            Some(packet) => Next::Packet(packet),
            None if ended => Next::End,
            None => Next::Idle,
        }
    }

    fn info(&mut self) -> FileInfo {
        let info = self.shared.lock().info.first().cloned().unwrap_or_default();
        FileInfo { name: self.name.clone(), packets: self.taken, ..info }
    }

    fn link(&self) -> LinkType {
        self.link
    }
}

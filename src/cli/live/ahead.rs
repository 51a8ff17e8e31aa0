//! Reading in a thread of its own: what passes is written to a file if that is wanted, decoded, and kept ready.
//!
//! So packets wait for nobody: not for a look at all connections, not for a slow terminal or disk behind standard output.
//! What is kept ready is bounded; when it is full the reader waits, the kernel's ring fills up, and what does not fit
//! there is counted by the kernel as dropped (a pipe's writer waits instead).

use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::queue::{SPARE, Shared, State};
use super::run::wall_clock;
use crate::cli::failure::Failure;
use crate::decode::{Bundle, Decoder, ScopeNames};
use crate::source::live::{Capture, CaptureError, Feed, Passed, Piped};
use crate::source::{FileInfo, Packet};
use crate::time::Time;
use crate::write::RotatingWriter;

/// Where packets come from.
pub enum Input {
    /// An interface.
    Interface(Box<Capture>),
    /// Standard input, or what stands for it.
    Pipe(Box<dyn Read + Send>),
}

impl Input {
    /// As in messages.
    pub fn name(&self) -> &str {
        match self {
            Input::Interface(capture) => capture.name(),
            Input::Pipe(_) => "-",
        }
    }

    /// It may be silent for ever without anybody being told.
    pub fn is_pipe(&self) -> bool {
        matches!(self, Input::Pipe(_))
    }
}

/// Time that an interface is waited for in one go.
const WAIT: Duration = Duration::from_millis(50);
/// The kernel holds packets back for a moment: what passed before the end was asked for has come when nothing has for
/// this time.
const LAST: Duration = Duration::from_millis(120);
/// Between two times at which the kernel's drop counter is asked.
const INFO: Duration = Duration::from_millis(200);

/// What was read ahead.
pub enum Ready {
    /// Packets, and scopes that are new in them or in later ones.
    Bundle(Bundle, Vec<ScopeNames>),
    /// Nothing for as long as was waited.
    Idle,
    /// There will be no more.
    End,
}

/// The reader, seen from the thread that takes what it reads.
pub struct Ahead {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    piped: bool,
}

impl Ahead {
    /// Begins to read `input`, at most `count` packets; keeps about `most` bytes ready.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(input: Input, count: Option<u64>, writer: Option<RotatingWriter>, most: usize) -> io::Result<Ahead> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            writer: Mutex::new(writer),
            most,
        });
        shared.lock().source.name = input.name().to_owned();
        let (piped, theirs) = (input.is_pipe(), Arc::clone(&shared));
        let thread = thread::Builder::new().name("read".to_owned()).spawn(move || {
            let _ended = Ended(&theirs);
            match input {
                Input::Interface(mut capture) => read(&theirs, capture.as_mut(), count, piped),
                Input::Pipe(input) => read(&theirs, &mut Piped::open("-", input), count, piped),
            }
        })?;
        Ok(Ahead { shared, thread: Some(thread), piped })
    }

    /// Asks for the end: what passed until now still comes.
    pub fn ask(&self) {
        self.shared.lock().asked.get_or_insert_with(|| (Instant::now(), wall_clock()));
    }

    /// What comes next, waiting at most `wait` for it.
    pub fn next(&mut self, wait: Duration) -> Ready {
        let mut state = self.shared.lock();
        if state.ready.is_empty() && !state.ended {
            let nothing = |s: &mut State| s.ready.is_empty() && !s.ended;
            let waited = self.shared.filled.wait_timeout_while(state, wait, nothing);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if let Some(bundle) = state.ready.pop_front() {
            state.held = state.held.saturating_sub(bundle.footprint());
            let scopes = std::mem::take(&mut state.scopes);
            drop(state);
            self.shared.emptied.notify_one();
            return Ready::Bundle(bundle, scopes);
        }
        // Who waits for a pipe may wait for ever.
        let waited = state.asked.is_some_and(|(asked, _)| asked.elapsed() >= LAST);
        let ended = state.ended;
        let over = ended || (self.piped && waited);
        if !over {
            return Ready::Idle;
        }
        drop(state);
        if let Some(Err(panic)) = self.thread.take().filter(|_| ended).map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        Ready::End
    }

    /// Takes back a bundle that is no longer needed.
    pub fn give_back(&self, mut bundle: Bundle) {
        bundle.clear();
        let mut state = self.shared.lock();
        if state.spare.len() < SPARE {
            state.spare.push(bundle);
        }
    }

    /// What is known of the source, packets left out because another interface had shown them, and packets that wait.
    pub fn source(&self) -> (FileInfo, u64, u64) {
        let state = self.shared.lock();
        (state.source.clone(), state.copies, state.ready.iter().map(Bundle::packets).sum())
    }

    /// Why nothing could be read at all.
    pub fn unreadable(&self) -> Option<CaptureError> {
        self.shared.lock().unreadable.clone()
    }

    /// Whether the interface has gone away, which nobody had asked for.
    pub fn gone(&self) -> bool {
        let state = self.shared.lock();
        state.gone && state.asked.is_none()
    }

    /// Hands on to the file what was written so far.
    ///
    /// # Errors
    /// When writing fails, or has failed.
    pub fn flush(&self) -> Result<(), Failure> {
        if let Some(failure) = self.shared.lock().failure.clone() {
            return Err(failure);
        }
        self.shared.writing(RotatingWriter::flush)
    }

    /// When the end was asked for, by the time of day.
    pub fn asked(&self) -> Option<Time> {
        self.shared.lock().asked.map(|(_, time)| time)
    }

    /// Ends the file, at `time`; the capture `ended` then, if that is known.
    ///
    /// # Errors
    /// When writing fails, or has failed.
    pub fn finish(&self, time: Time, ended: Option<Time>) -> Result<(), Failure> {
        self.flush()?;
        let (packets, dropped) = {
            let state = self.shared.lock();
            (state.source.packets, state.source.dropped.unwrap_or(0))
        };
        self.shared.writing(|writer| writer.finish(time, ended, (packets + dropped, dropped)))?;
        // Whatever else a pipe may give is for nobody.
        self.shared.writer().take();
        Ok(())
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.shared.lock().left = true;
        self.shared.emptied.notify_all();
    }
}

/// However the reader ends, nobody waits for it any longer.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.filled.notify_all();
    }
}

fn read(shared: &Shared, feed: &mut dyn Feed, count: Option<u64>, piped: bool) {
    let (mut decoder, mut bundle) = (Decoder::new(), Bundle::default());
    let (mut packets, mut scopes, mut latest) = (0, 0, Time(i64::MIN));
    let mut informed = None;
    loop {
        let most = count.map_or(u64::MAX, |count| count - packets);
        let writes = shared.writer().is_some();
        let mut failure = None;
        let passed = feed.packets(WAIT, most, &mut |packet: &Packet<'_>| {
            bundle.packet(&mut decoder, packet);
            latest = latest.max(packet.time);
            if writes && failure.is_none() {
                failure = shared.writing(|writer| writer.packet(packet)).err();
            }
        });
        packets += bundle.packets();
        let new = decoder.scopes_since(scopes);
        scopes += new.len();
        let mut state = shared.lock();
        state.scopes.extend_from_slice(new);
        let first = state.source.packets == 0;
        state.source.packets = packets;
        let (asked, left) = (state.asked, state.left);
        drop(state);
        let waited = asked.is_some_and(|(asked, _)| asked.elapsed() >= LAST);
        let ended = match passed {
            Passed::End => true,
            Passed::Nothing => waited,
            // However far behind: until here it is what passed before the end was asked for. A pipe has a time of its own,
            // and is not read to its end: there may be none.
            Passed::Some => waited && (piped || asked.is_some_and(|(_, at)| latest > at)),
        };
        let gone = passed == Passed::End && !piped;
        let ended = ended || failure.is_some() || count.is_some_and(|count| packets >= count);
        if bundle.packets() > 0 {
            match shared.put(bundle) {
                Some(empty) => bundle = empty,
                None => return,
            }
        }
        if ended || first || informed.is_none_or(|at: Instant| at.elapsed() >= INFO) {
            let (source, copies, unreadable) = (feed.info(), feed.copies(), feed.failure());
            let mut state = shared.lock();
            (state.source, state.copies, state.unreadable, state.failure) = (source, copies, unreadable, failure);
            state.gone = gone;
            informed = Some(Instant::now());
        }
        if ended || left {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// A capture of so many packets, each an IPv4 segment of its own port.
    fn capture(packets: u16) -> Vec<u8> {
        let mut out = b"\x4d\x3c\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x65\0\0\0".to_vec();
        for n in 1..=packets {
            out.extend([u32::from(n), 0, 40, 40].map(u32::to_le_bytes).concat());
            out.extend([0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
            out.extend(n.to_be_bytes());
            out.extend([0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
        }
        out
    }

    /// A pipe into which is written what is sent to it.
    struct Pipe(Receiver<Vec<u8>>, io::Cursor<Vec<u8>>);

    impl Read for Pipe {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            loop {
                match self.1.read(out)? {
                    0 => match self.0.recv() {
                        Ok(bytes) => self.1 = io::Cursor::new(bytes),
                        Err(_) => return Ok(0),
                    },
                    got => return Ok(got),
                }
            }
        }
    }

    /// The times of all packets until the end, in seconds.
    fn rest(ahead: &mut Ahead) -> Vec<i64> {
        let mut times = Vec::new();
        loop {
            match ahead.next(Duration::from_millis(20)) {
                Ready::Bundle(bundle, _) => {
                    times.extend(bundle.found().iter().map(|found| match found {
                        crate::decode::Decoded::Segment(seg) => seg.time.0 / 1_000_000_000,
                        other => panic!("{other:?}"),
                    }));
                    ahead.give_back(bundle);
                }
                Ready::Idle => {}
                Ready::End => return times,
            }
        }
    }

    #[test]
    fn everything_comes_in_order_however_little_is_kept_ready() {
        for most in [1, 100_000, usize::MAX] {
            let input = Input::Pipe(Box::new(io::Cursor::new(capture(10_000))));
            let mut ahead = Ahead::start(input, None, None, most).unwrap();
            assert_eq!(rest(&mut ahead), (1..=10_000).collect::<Vec<i64>>());
            assert_eq!(ahead.source().0.packets, 10_000);
        }
    }

    #[test]
    fn no_more_than_were_asked_for() {
        let input = Input::Pipe(Box::new(io::Cursor::new(capture(10_000))));
        let mut ahead = Ahead::start(input, Some(77), None, usize::MAX).unwrap();
        assert_eq!(rest(&mut ahead).len(), 77);
    }

    #[test]
    fn a_silent_pipe_is_not_waited_for_when_the_end_was_asked_for() {
        let (send, pipe) = channel();
        let mut ahead =
            Ahead::start(Input::Pipe(Box::new(Pipe(pipe, io::Cursor::default()))), None, None, usize::MAX).unwrap();
        send.send(capture(3)).unwrap();
        assert!(matches!(ahead.next(Duration::from_secs(60)), Ready::Bundle(..)));
        ahead.ask();
        assert!(rest(&mut ahead).is_empty());
        assert_eq!(ahead.source().0.packets, 3);
        drop(send);
    }

    #[test]
    fn what_is_no_capture_is_told() {
        let input = Input::Pipe(Box::new(io::Cursor::new(b"something else".to_vec())));
        let mut ahead = Ahead::start(input, None, None, usize::MAX).unwrap();
        assert!(rest(&mut ahead).is_empty());
        assert!(ahead.unreadable().is_some());
    }
}

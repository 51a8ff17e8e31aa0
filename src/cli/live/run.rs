//! The loop: packets in, time handed on, events out, until something ends it.

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::metrics::Page;
use super::screen::Screen;
use super::stop::Stop;
use super::stream::Stream;
use crate::cli::failure::Failure;
use crate::live::Watcher;
use crate::source::live::{Capture, CaptureError, Feed, Next, Piped};
use crate::source::{FileInfo, Packet};
use crate::time::{Span, Time};
use crate::write::RotatingWriter;

/// Between two times at which what has changed is shown.
const TURN: Duration = Duration::from_millis(50);
/// The kernel holds packets back for a moment: what passed before the end was asked for has come when nothing has for
/// this time.
const LAST: Duration = Duration::from_millis(120);
/// Between two looks at all connections, which are taken a stretch at a time: at least this, and five times what a
/// stretch takes.
const ASSESS: Duration = Duration::from_secs(1);

/// Where packets come from.
pub enum Input {
    /// An interface.
    Interface(Box<Capture>),
    /// Standard input.
    Pipe(Piped),
}

impl Input {
    fn feed(&mut self) -> &mut dyn Feed {
        match self {
            Input::Interface(capture) => capture.as_mut(),
            Input::Pipe(piped) => piped,
        }
    }

    /// As in messages.
    pub fn name(&self) -> &str {
        match self {
            Input::Interface(capture) => capture.name(),
            Input::Pipe(_) => "-",
        }
    }

    /// Why nothing could be read at all.
    pub fn failure(&self) -> Option<CaptureError> {
        match self {
            Input::Interface(_) => None,
            Input::Pipe(piped) => piped.failure(),
        }
    }
}

/// Where events go.
pub enum Front {
    /// To a file or pipe, line by line.
    Stream(Box<Stream>),
    /// To a terminal.
    Screen(Box<Screen>),
    /// Nowhere; there will be a report.
    Silent,
}

/// Packets taken in one go.
const MANY: u64 = 256;

/// What was taken so far.
struct Tally {
    packets: u64,
    latest: Time,
}

impl Tally {
    fn take(
        &mut self,
        packet: &Packet<'_>,
        watcher: &mut Watcher,
        writer: Option<&mut RotatingWriter>,
    ) -> Result<(), Failure> {
        self.packets += 1;
        self.latest = self.latest.max(packet.time);
        watcher.packet(packet);
        writer.map_or(Ok(()), |writer| writer.packet(packet)).map_err(|error| Failure::file("--write", error))
    }
}

/// Capture time as it goes on between packets: that of the last packet and what has passed since it came. So a pipe
/// from yesterday has yesterday's time.
struct Clock {
    packet: Time,
    since: Instant,
}

impl Clock {
    fn now(&self) -> Time {
        self.packet + Span(i64::try_from(self.since.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }
}

/// The time of day.
pub fn wall_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// What goes on beside the watching, and what ends it.
pub struct Run {
    /// Signals.
    pub stop: Stop,
    /// `--write`.
    pub writer: Option<RotatingWriter>,
    /// `--metrics`.
    pub page: Option<Page>,
    /// `--duration`.
    pub duration: Option<Span>,
    /// `--count`.
    pub count: Option<u64>,
}

impl Run {
    /// Watches until the end; says what is known of the source.
    pub fn watch(mut self, input: &mut Input, watcher: &mut Watcher, front: &mut Front) -> Result<FileInfo, Failure> {
        let piped = matches!(input, Input::Pipe(_));
        let feed = input.feed();
        let begun = Instant::now();
        let limit = self.duration.map(|span| Duration::from_nanos(span.0.max(0).unsigned_abs()));
        // A pipe's time begins with its first packet.
        let mut clock = (!piped).then(|| Clock { packet: wall_clock(), since: begun });
        let (mut turn, mut assess) = (begun, begun);
        let mut tally = Tally { packets: 0, latest: Time(i64::MIN) };
        let mut asked = None;
        let mut source = feed.info();
        loop {
            if self.stop.asked() || limit.is_some_and(|limit| begun.elapsed() >= limit) {
                asked.get_or_insert_with(|| (Instant::now(), wall_clock()));
            }
            let waited = asked.is_some_and(|(asked, _)| asked.elapsed() >= LAST);
            // A pipe is not read to its end: there may be none.
            let mut ended = waited && piped;
            let next = feed.next(TURN.saturating_sub(turn.elapsed()));
            match next {
                Next::Packet(packet) => {
                    tally.take(&packet, watcher, self.writer.as_mut())?;
                    // The clock and the signals can wait for a while of packets.
                    for _ in 1..MANY.min(self.count.map_or(MANY, |count| count.saturating_sub(tally.packets - 1))) {
                        let Some(packet) = feed.take() else { break };
                        tally.take(&packet, watcher, self.writer.as_mut())?;
                    }
                    ended |= self.count.is_some_and(|count| tally.packets >= count);
                    // However far behind: until here it is what passed before the end was asked for.
                    ended |= waited && asked.is_some_and(|(_, at)| tally.latest > at);
                }
                Next::Idle => ended |= waited,
                Next::End => ended = true,
            }
            let instant = Instant::now();
            // Time does not go back, whatever the packets say.
            if tally.packets > 0 && clock.as_ref().is_none_or(|clock| tally.latest > clock.packet) {
                clock = Some(Clock { packet: tally.latest, since: instant });
            }
            if instant - turn < TURN && !ended {
                continue;
            }
            turn = instant;
            if let Some(clock) = &clock {
                watcher.advance(clock.now());
            }
            if instant >= assess || ended {
                source = feed.info();
                let begun = Instant::now();
                let dropped = source.dropped.unwrap_or(0);
                let mut more = watcher.assess(dropped);
                while more && ended {
                    more = watcher.assess(dropped);
                }
                assess = begun + if more { TURN } else { ASSESS }.max(begun.elapsed() * 5);
                if let Some(page) = &self.page {
                    page.set(watcher.page(&source, feed.copies()));
                }
                if let Some(writer) = &mut self.writer {
                    writer.flush().map_err(|error| Failure::file("--write", error))?;
                }
            }
            let goes_on = match front {
                Front::Stream(stream) => unless_closed(stream.update(watcher, &source))?,
                Front::Screen(screen) => {
                    screen.update(watcher, &source).map_err(|error| Failure::file("terminal", error))?
                }
                Front::Silent => {
                    watcher.events();
                    true
                }
            };
            if ended || !goes_on {
                break;
            }
        }
        if let Some(writer) = &mut self.writer {
            let dropped = source.dropped.unwrap_or(0);
            let finished = writer.finish(watcher.now(), tally.packets + dropped, dropped);
            finished.map_err(|error| Failure::file("--write", error))?;
        }
        Ok(source)
    }
}

/// Whether there is still somebody to write for; a closed pipe is no failure.
pub fn unless_closed(result: io::Result<()>) -> Result<bool, Failure> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::file("standard output", error)),
    }
}

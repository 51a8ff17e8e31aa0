//! The loop: packets in, time handed on, events out, until something ends it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::ahead::{Ahead, Ready};
use super::metrics::{Page, taken};
use super::screen::Screen;
use super::stop::Stop;
use super::stream::Stream;
use crate::cli::failure::Failure;
use crate::live::Watcher;
use crate::source::FileInfo;
use crate::time::{Span, Time};

/// Between two times at which what has changed is shown.
const TURN: Duration = Duration::from_millis(50);
/// Between two looks at all connections, which are taken a stretch at a time; also between two pages of metrics.
const EVERY: Duration = Duration::from_secs(1);
/// Looks take a tenth of the time at most, and next to none of it while packets wait.
const SHARE: u32 = 10;
const SHARE_BEHIND: u32 = 50;
/// So many packets that wait are no burst any more.
const BEHIND: u64 = 20_000;

/// Where events go.
pub enum Front {
    /// To a file or pipe, line by line.
    Stream(Box<Stream>),
    /// To a terminal.
    Screen(Box<Screen>),
    /// Nowhere; there will be a report.
    Silent,
}

impl Front {
    /// What happened goes there; whether there is still somebody to watch.
    fn update(&mut self, watcher: &mut Watcher, source: &FileInfo) -> Result<bool, Failure> {
        match self {
            Front::Stream(stream) => {
                let written = stream.update(watcher, source);
                stream.unless_closed(written)
            }
            Front::Screen(screen) => screen.update(watcher, source).map_err(|error| Failure::file("terminal", error)),
            Front::Silent => {
                watcher.events();
                Ok(true)
            }
        }
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
    /// `--metrics`.
    pub page: Option<Page>,
    /// `--duration`.
    pub duration: Option<Span>,
    /// Time goes by the clock before the first packet has come; a pipe's begins with its first packet.
    pub clocked: bool,
}

impl Run {
    /// Watches until the end; says what is known of the source.
    pub fn watch(self, ahead: &mut Ahead, watcher: &mut Watcher, front: &mut Front) -> Result<FileInfo, Failure> {
        let begun = Instant::now();
        let limit = self.duration.map(|span| Duration::from_nanos(span.0.max(0).unsigned_abs()));
        let mut clock = self.clocked.then(|| Clock { packet: wall_clock(), since: begun });
        let (mut turn, mut assess, mut inform) = (begun, begun, begun);
        loop {
            if self.stop.asked() || limit.is_some_and(|limit| begun.elapsed() >= limit) {
                ahead.ask();
            }
            let mut ended = false;
            let mut latest = None;
            match ahead.next(TURN.saturating_sub(turn.elapsed())) {
                Ready::Bundle(bundle, scopes) => {
                    watcher.bundle(&bundle, scopes);
                    latest = bundle.span().map(|(_, last)| last);
                    ahead.give_back(bundle);
                }
                Ready::Idle => {}
                Ready::End => ended = true,
            }
            let instant = Instant::now();
            // Time does not go back, whatever the packets say.
            if let Some(latest) = latest.filter(|latest| clock.as_ref().is_none_or(|clock| *latest > clock.packet)) {
                clock = Some(Clock { packet: latest, since: instant });
            }
            if instant - turn < TURN && !ended {
                continue;
            }
            turn = instant;
            if let Some(clock) = &clock {
                watcher.advance(clock.now());
            }
            let (mut source, copies, waiting) = ahead.source();
            if instant >= assess || ended {
                let begun = Instant::now();
                let dropped = source.dropped.unwrap_or(0);
                let mut more = watcher.assess(dropped);
                while more && ended {
                    more = watcher.assess(dropped);
                }
                let share = if waiting > BEHIND { SHARE_BEHIND } else { SHARE };
                assess = begun + if more { TURN } else { EVERY }.max(begun.elapsed() * share);
            }
            if instant >= inform || ended {
                inform = instant + EVERY;
                if let Some(page) = &self.page {
                    page.set(watcher.page(&source, copies, waiting) + &taken(wall_clock()));
                }
                ahead.flush()?;
            }
            let goes_on = front.update(watcher, &source)?;
            if ended || !goes_on {
                let ends = if ended { ahead.asked() } else { Some(wall_clock()).filter(|_| waiting == 0) };
                source.until = self.until(ends, watcher);
                ahead.finish(watcher.now(), source.until)?;
                return Ok(source);
            }
        }
    }
}

impl Run {
    /// When the capture ended, which was to be at `ends`: a packet may have come while it was waited for earlier ones. The time
    /// of a pipe is that of no clock here.
    fn until(&self, ends: Option<Time>, watcher: &Watcher) -> Option<Time> {
        let (ends, last) = ends.zip(watcher.capture().last).filter(|_| self.clocked)?;
        Some(ends.max(last))
    }
}

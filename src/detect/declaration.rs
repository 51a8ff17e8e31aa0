//! What one anomaly is: everything said about it anywhere is said here, once.

use super::cause::Cause;
use super::quality::DOUBTFUL;
use super::scene::Scene;
use super::services::Services;
use super::sign::Signs;
use super::sink::Sink;
use super::threshold::Threshold;
use super::view::{Facts, View};
use crate::report::{Severity, Side};
use crate::segment::IcmpKind;
use crate::time::Span;

/// One kind of anomaly. `explain`, the schema, completions and the validation of names all read this.
pub struct Declaration {
    /// Short code, grouped by letter, never reused.
    pub code: &'static str,
    /// Says what was found; reads well after "allow".
    pub name: &'static str,
    /// The severity it usually has; single cases may be less or more.
    pub severity: Severity,
    /// One line.
    pub summary: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How it is decided, with the RFC's section, the kernel's file, or the measurement.
    pub decided: &'static str,
    /// What looks like it and is not.
    pub confused: &'static str,
    /// What to do.
    pub advice: &'static str,
    /// Where it draws its lines.
    pub thresholds: &'static [&'static Threshold],
    /// It rests on something *not* being in the capture, so that a lossy or one-sided capture makes it doubtful.
    pub absence: bool,
    /// At which end it shows.
    pub witness: Witness,
    /// Must raise it.
    pub raises: Example,
    /// A near miss: must not raise it.
    pub silent: Example,
    /// Finds it.
    pub detect: Detect,
}

/// Beside which end a capture shows an anomaly best, where there is one at each: what an end does shows beside itself, what
/// becomes of it on the way beside the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// The end that it is about.
    Itself,
    /// The end that it is about, which waits for an answer.
    Waiting,
    /// Its peer: it is about what reaches that, or does not.
    Peer,
    /// Its peer, which waits for an answer. Where a RST answers it, only the end that sends it shows why.
    WaitingPeer,
    /// Either, the end that it is about rather, if it is about one.
    Either,
}

impl Witness {
    /// The end that sees it, of an anomaly about `accused` with these facts.
    pub fn of(self, accused: Side, facts: &Facts) -> Side {
        let answered = || facts.get("reset.cause").is_some_and(|cause| cause == Cause::NoSocket.name());
        match self {
            Witness::Peer => accused.other(),
            Witness::WaitingPeer if !answered() => accused.other(),
            _ => accused,
        }
    }

    /// Whether an anomaly with these facts is that an end waits, up to the end of what is known.
    pub fn waits(self, facts: &Facts) -> bool {
        matches!(self, Witness::Waiting | Witness::WaitingPeer) && facts.contains_key("for_at_least")
    }
}

/// Where an anomaly shows.
pub enum Detect {
    /// In one connection; it is asked only where one of the signs is there.
    Connection(Signs, fn(&View<'_>, &mut Sink<'_>)),
    /// Only in many together, or in the capture as a whole.
    Capture(fn(&Scene, &Services<'_>) -> Vec<Shown>),
    /// Only in many of one service together, whose number is given: its server is to blame, and no connection shows more than
    /// one of these.
    Service(fn(&Scene, &Services<'_>) -> Vec<(u32, Shown)>),
}

/// An example in the notation of [`crate::ladder`].
pub struct Example {
    /// One connection.
    pub ladder: &'static str,
    /// How many times, each from another port.
    pub times: u32,
    /// Each to another port, too.
    pub scans: bool,
    /// From one to the next.
    pub every: Span,
    /// One of its segments, by its number from 1, is answered by this ICMP error 1 ms later.
    pub told: Option<(u64, IcmpKind)>,
    /// All but the client's SYNs is from and to another address of the server.
    pub elsewhere: bool,
    /// By how much the capture's clock is set back before the last segment.
    pub set_back: Span,
}

impl Example {
    /// A single connection.
    pub const fn one(ladder: &'static str) -> Example {
        Example::many(ladder, 1, Span(0))
    }

    /// Many alike, one after the other.
    pub const fn many(ladder: &'static str, times: u32, every: Span) -> Example {
        Example { ladder, times, scans: false, every, told: None, elsewhere: false, set_back: Span(0) }
    }

    /// Many alike, one after the other, each to another port of the server.
    pub const fn scan(ladder: &'static str, times: u32, every: Span) -> Example {
        Example { scans: true, ..Example::many(ladder, times, every) }
    }

    /// A single connection during which the capture's clock is set back by `span`, just before the last segment.
    pub const fn set_back(ladder: &'static str, span: Span) -> Example {
        Example { set_back: span, ..Example::one(ladder) }
    }

    /// A single connection whose segment of that number, from 1, is answered by an ICMP error.
    pub const fn told(ladder: &'static str, segment: u64, error: IcmpKind) -> Example {
        Example { told: Some((segment, error)), ..Example::one(ladder) }
    }

    /// A single attempt to open a connection, of which all but the client's SYNs is from and to another address of the server.
    pub const fn from_elsewhere(ladder: &'static str) -> Example {
        Example { elsewhere: true, ..Example::one(ladder) }
    }
}

/// What a capture-wide detector found: a finding without the parts that its declaration fills in.
#[derive(Clone, Debug)]
pub struct Shown {
    /// How bad it is.
    pub severity: Severity,
    /// How many connections (or packets, where the message says so) show it.
    pub count: u64,
    /// One sentence.
    pub message: String,
    /// Whose doing it is.
    pub at: Option<Side>,
    /// All connections that show it, those to look at first; none where it is a matter of the capture.
    pub connections: Vec<u64>,
    /// Packets that prove it.
    pub packets: Vec<u64>,
    /// The numbers behind it.
    pub facts: Facts,
}

impl Shown {
    /// The same; it counts for less, and says so, if it is doubtful for this reason.
    pub(super) fn doubted(mut self, why: Option<String>) -> Shown {
        if let Some(why) = why {
            self.severity = self.severity.min(Severity::Note);
            self.message = format!("{}; {DOUBTFUL}: {why}", self.message);
            self.facts.insert(DOUBTFUL, why.into());
        }
        self
    }
}

impl Declaration {
    /// Whether `text` names it, by code or name, with hyphens or underscores, in any case.
    pub fn is_called(&self, text: &str) -> bool {
        let plain = |s: &str| s.trim().to_ascii_lowercase().replace('_', "-");
        plain(text) == self.name || plain(text) == self.code.to_ascii_lowercase()
    }
}

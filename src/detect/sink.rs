//! Where a detector puts what it finds: always a light record, words and numbers only where somebody will read them.

use std::fmt::Write;

use serde_json::Value;

use super::ALL;
use super::plain::Plain;
use super::quality::{DOUBTFUL, ONE_DIRECTION};
use super::view::{Facts, View};
use crate::report::{Anomaly, Severity, Side};
use crate::time::{Span, Time};

/// The fact of what holds up to the end of a capture that is too short to wait for the usual time.
pub const SHORT_CAPTURE: &str = "short_capture";

/// The fact that tells why a RST was sent.
pub(super) const RESET_CAUSE: &str = "reset.cause";

/// What was found, and its words if it is put into words already.
pub type Found<'a> = (&'a Brief, Option<&'a str>);

/// What was found, without words: what findings are grouped and sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brief {
    /// When it began.
    pub time: Time,
    /// The packet that shows it best; 0 for none.
    pub packet: u64,
    /// How long it lasted (facts `for` and `for_at_least`), in microseconds; 0 if that was not said.
    pub length: i64,
    /// The number that capture-wide detectors read: SYNs sent, whether one was unanswered, segments sent again after the
    /// handshake, or microseconds of idleness.
    pub number: u64,
    /// Why a RST was sent (fact `reset.cause`).
    pub cause: Option<&'static str>,
    /// Which anomaly: index into [`ALL`].
    pub declaration: u8,
    /// How bad it is.
    pub severity: Severity,
    /// Where it happens.
    pub endpoint: Option<Side>,
}

impl Brief {
    /// Of `anomaly`, as reported; `None` if there is no such anomaly.
    pub fn of(anomaly: &Anomaly) -> Option<Brief> {
        let declaration = ALL.iter().position(|d| d.code == anomaly.code)?;
        let number = |name: &str| anomaly.facts.get(name).and_then(Value::as_f64);
        let micros = |seconds: f64| (seconds * 1e6).round();
        let cause = anomaly.facts.get(RESET_CAUSE).and_then(Value::as_str);
        let measure = match anomaly.name {
            "idle-death" => number("idle").map(micros),
            "syn-retried" => {
                anomaly.facts.get("unanswered").and_then(Value::as_bool).map(|told| f64::from(u8::from(told)))
            }
            "syn-unanswered" => number("syns"),
            "retransmissions" => number("settled"),
            "reordering" => number("segments"),
            _ => None,
        };
        Some(Brief {
            time: anomaly.time,
            packet: anomaly.packet.unwrap_or(0),
            length: number("for_at_least").or(number("for")).map_or(0, |s| micros(s) as i64),
            number: measure.map_or(0, |n| n as u64),
            cause: cause.and_then(super::cause::known),
            declaration: declaration as u8,
            severity: anomaly.severity,
            endpoint: anomaly.endpoint,
        })
    }
}

/// Where a detector puts what it finds.
pub struct Sink<'a> {
    declaration: u8,
    view: &'a View<'a>,
    briefs: &'a mut Vec<Brief>,
    full: Option<&'a mut Vec<Anomaly>>,
}

impl<'a> Sink<'a> {
    /// Takes findings of the anomaly with this index into [`ALL`]: in short, and in full if there is a place for that.
    #[inline]
    pub fn new(
        declaration: u8,
        view: &'a View<'a>,
        briefs: &'a mut Vec<Brief>,
        full: Option<&'a mut Vec<Anomaly>>,
    ) -> Sink<'a> {
        Sink { declaration, view, briefs, full }
    }

    /// Raises the anomaly, which began at `time` and shows best in `packet` (0: in none). Where it rests on something
    /// absent and the capture is known to miss things, it counts for less and says so.
    pub fn raise(
        &mut self,
        severity: Severity,
        time: Time,
        packet: u64,
        message: impl FnOnce() -> String,
    ) -> Raised<'_> {
        let declaration = ALL[usize::from(self.declaration)];
        let waits = declaration.thresholds.iter().any(|threshold| threshold.waits);
        let doubt = if declaration.absence { Doubt::about(self.view, severity, waits) } else { None };
        let severity = if doubt.is_some() { severity.min(Severity::Note) } else { severity };
        let at = self.briefs.len();
        self.briefs.push(Brief {
            time,
            packet,
            length: 0,
            number: 0,
            cause: None,
            declaration: self.declaration,
            severity,
            endpoint: None,
        });
        let anomaly = self.full.as_deref_mut().map(|full| {
            let (mut message, mut facts) = (message(), Facts::new());
            if let Some(doubt) = doubt {
                let why = doubt.why(self.view);
                ["; ", DOUBTFUL, ": ", &why].into_iter().for_each(|words| message.push_str(words));
                facts.insert(DOUBTFUL, Value::from(why));
            }
            let (code, name) = (declaration.code, declaration.name);
            let packet = (packet != 0).then_some(packet);
            let at = full.len();
            full.push(Anomaly { code, name, severity, endpoint: None, time, packet, message, facts });
            &mut full[at]
        });
        Raised { view: self.view, brief: &mut self.briefs[at], anomaly }
    }
}

/// Why an anomaly that rests on absence is doubtful.
#[derive(Clone, Copy)]
enum Doubt {
    OneSided,
    Lossy,
    Stepped,
}

impl Doubt {
    /// How long something was waited for is doubtful in whatever is told; that it was missing, where much is made of it.
    fn about(view: &View<'_>, severity: Severity, waits: bool) -> Option<Doubt> {
        let quality = &view.scene.quality;
        let (own, peer) = (&view.connection.ends[view.client], &view.connection.ends[view.server()]);
        let only_syns = peer.packets == 0 && own.packets == u64::from(own.syns);
        let lossy = || if only_syns { quality.may_lack_answers() } else { quality.is_lossy() };
        if waits && quality.is_stepped() {
            Some(Doubt::Stepped)
        } else if severity <= Severity::Note {
            None
        } else if view.is_one_sided() {
            Some(Doubt::OneSided)
        } else {
            lossy().then_some(Doubt::Lossy)
        }
    }

    fn why(self, view: &View<'_>) -> String {
        match self {
            Doubt::Stepped => view.scene.quality.how_stepped(),
            Doubt::OneSided => ONE_DIRECTION.to_owned(),
            Doubt::Lossy => view.scene.quality.how_lossy(),
        }
    }
}

/// An anomaly just raised, to which the rest is added.
pub struct Raised<'a> {
    view: &'a View<'a>,
    brief: &'a mut Brief,
    anomaly: Option<&'a mut Anomaly>,
}

impl Raised<'_> {
    /// End `e` is where it happens.
    pub fn at(mut self, e: usize) -> Self {
        let side = Some(self.view.side(e));
        self.brief.endpoint = side;
        if let Some(anomaly) = &mut self.anomaly {
            anomaly.endpoint = side;
        }
        self
    }

    /// A number behind it.
    pub fn fact(self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fact_with(name, || value.into())
    }

    /// A fact that it takes some work to write.
    pub fn fact_with(mut self, name: &'static str, value: impl FnOnce() -> Value) -> Self {
        if let Some(anomaly) = &mut self.anomaly {
            anomaly.facts.insert(name, value());
        }
        self
    }

    /// A duration behind it, in seconds.
    pub fn span(self, name: &'static str, span: Span) -> Self {
        self.fact_with(name, || seconds(span))
    }

    /// How long it lasted: fact `for`, or `for_at_least`, by which the worst of many is found.
    pub fn lasted(self, name: &'static str, span: Span) -> Self {
        self.brief.length = micros(span);
        self.span(name, span)
    }

    /// If it has `lasted` up to the end of the capture for less than `usual`: says that the capture ends before that, and is
    /// no more than a note.
    pub fn short_of(mut self, lasted: Span, usual: Span) -> Self {
        if lasted >= usual {
            return self;
        }
        self.brief.severity = self.brief.severity.min(Severity::Note);
        if let Some(anomaly) = &mut self.anomaly {
            anomaly.severity = self.brief.severity;
            let length = Plain(self.view.scene.length.unwrap_or_default());
            // Writing to a string cannot fail.
            let _ = write!(anomaly.message, "; the capture ({length}) ends before the usual {} are over", Plain(usual));
        }
        self.fact(SHORT_CAPTURE, true)
    }

    /// A number behind it that capture-wide detectors read.
    pub fn count(self, name: &'static str, count: u32) -> Self {
        self.brief.number = u64::from(count);
        self.fact(name, count)
    }

    /// Whether something holds, which capture-wide detectors read.
    pub fn holds(self, name: &'static str, whether: bool) -> Self {
        self.brief.number = u64::from(whether);
        self.fact(name, whether)
    }

    /// How long nothing had passed, which capture-wide detectors read.
    pub fn idle(self, name: &'static str, span: Span) -> Self {
        self.brief.number = micros(span).max(0).unsigned_abs();
        self.span(name, span)
    }

    /// Why a RST was sent: fact `reset.cause`.
    pub fn cause(self, cause: &'static str) -> Self {
        self.brief.cause = Some(cause);
        self.fact(RESET_CAUSE, cause)
    }
}

/// A duration as facts write it, in microseconds.
pub(super) fn micros(span: Span) -> i64 {
    /// Up to here what the floating point loses is less than a nanosecond.
    const EXACT: i64 = 1_000_000_000_000_000;
    let rest = span.0 % 1_000;
    // Halfway between two it decides.
    if rest != 500 && (0..EXACT).contains(&span.0) {
        return span.0 / 1_000 + i64::from(rest > 500);
    }
    (span.as_secs_f64() * 1e6).round() as i64
}

/// A duration as JSON: seconds, rounded to microseconds.
pub fn seconds(span: Span) -> Value {
    Value::from((span.as_secs_f64() * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(nanos: i64) {
        assert_eq!(micros(Span(nanos)), (Span(nanos).as_secs_f64() * 1e6).round() as i64, "{nanos} ns");
    }

    #[test]
    fn microseconds_are_rounded_as_floats_are_at_the_edges() {
        for exponent in 0..63 {
            for around in [1 << exponent, 10_i64.saturating_pow(exponent), -(1 << exponent)] {
                (-1_002..1_003).for_each(|off| check(around.saturating_add(off)));
            }
        }
        [0, i64::MIN, i64::MAX, 999_999_999_999_499, 999_999_999_999_501].into_iter().for_each(check);
    }

    proptest! {
        #[test]
        fn microseconds_are_rounded_as_floats_are(nanos: i64, shift in 0_u32..63, digits in 0..1_000_i64) {
            let nanos = nanos >> shift;
            check(nanos);
            check(nanos / 1_000 * 1_000 + digits);
            check(nanos / 1_000 * 1_000 + 499 + digits % 3);
        }
    }
}

//! Time at an end: when it took its steps, which of its timers have run out, and when a FIN would have been repeated.

use super::log::{Step, Tail};
use super::mark::{Mark, Place};
use super::profile::Profile;
use super::rules::{Event, Events};
use super::state::{Evidence, State};
use super::verdict::Verdict;
use crate::time::{Span, Time};

/// A first retransmission comes this soon after a round trip (initial RTO of RFC 6298, with room).
pub const RETRY: Span = Span::millis(1_200);
/// The timer of a first retransmission is no longer than this and a round trip (RFC 6298 5.7, after a lost SYN).
pub const LATEST_RETRY: Span = Span::secs(3);

/// So late a timer of minutes may run out.
pub const LATE: Span = Span::millis(4_100);

/// The least time from the tap to an end and back in microseconds, by what was least so far and another sample.
#[inline]
pub fn least_turnaround(least: Option<u32>, span: Span) -> Option<u32> {
    let micros = u32::try_from(span.0.max(0) / 1_000).unwrap_or(u32::MAX);
    Some(least.map_or(micros, |t| t.min(micros)))
}

/// A round trip from an end, by the least time from the tap to it and back in microseconds, if that is known.
pub fn round_trip(turnaround: Option<u32>) -> Span {
    turnaround.map_or(Span::millis(200), |t| Span(i64::from(t) * 2_000))
}

/// The most recent capture time at which something sent towards an end could not yet have shaped what it sends at `now`, by the
/// least time from the tap to it and back in microseconds, if that is known.
pub fn horizon(turnaround: Option<u32>, now: Time) -> Time {
    const UNKNOWN: Span = Span::millis(100);
    /// Queues make single packets late; retransmissions come after 200 ms at the earliest (Linux `TCP_RTO_MIN`).
    const MARGIN: i64 = 20_000_000;
    match turnaround {
        Some(micros) => now - Span(i64::from(micros) * 1_500 + MARGIN),
        None => now - UNKNOWN,
    }
}

/// The longest that the retransmission timer of an end can be when it starts out: three times the first sample (RFC 6298
/// 2.2), which is at most how long its SYN or SYN,ACK waited for the acknowledgment.
pub fn first_timer(waited: Span) -> Span {
    RETRY.max(Span(waited.0.saturating_mul(3))).min(LATEST_RETRY)
}

/// The FINs of an end that is taken to have received the acknowledgment of one of them.
pub struct Fins {
    /// When the first was captured.
    pub first: Time,
    /// When the last was.
    pub last: Time,
    /// Its retransmission timer at most.
    pub timer: Span,
    /// From it and back.
    pub round_trip: Span,
}

impl Fins {
    fn apart(&self) -> Span {
        self.last - self.first
    }

    /// How long after the last one the next would come at least. Exponential backoff: about as long after it as that was
    /// after the first.
    pub fn next(&self) -> Span {
        self.apart().max(RETRY)
    }

    /// Whether, at `end`, it is too early to tell that no more come after the acknowledgment at `acked`.
    pub fn may_go_on(&self, acked: Time, end: Time) -> bool {
        end - acked < self.next() || end < self.last + self.apart() + self.timer + self.round_trip
    }
}

/// The timer that has run out by `end` in the state where a history ends, if one has; `sent` is when the end sent its last
/// segment.
pub fn expired(sent: Option<Time>, tail: &Tail, end: Time, profile: &Profile) -> Option<Mark> {
    let mut end = end;
    let mut last = tail.last?;
    if last.0.event == Event::Replaced {
        end = end.min(last.1);
        last = tail.previous?;
    }
    let (rule, since) = last;
    let (event, expiry) = match rule.to {
        // Each repeated FIN is acknowledged again and starts the wait anew (RFC 9293 3.10.7.4).
        State::TimeWait => (Event::TwoMsl, sent.map_or(since, |t| t.max(since)) + profile.two_msl),
        State::SynSent => (Event::GiveUp, since + profile.syn_sent),
        State::SynRcvd => (Event::GiveUp, since + profile.syn_rcvd),
        _ => return None,
    };
    (expiry <= end && sent.is_none_or(|t| t < expiry)).then(|| Mark::sure(event, Evidence::Timer, expiry, 0))
}

/// Whether an end whose TIME_WAIT a RST ended may still be in it: Linux with tcp_rfc1337, and other stacks always, ignore the RST
/// (RFC 1337).
pub fn may_outlast_reset(steps: &[Step], end: Time, profile: &Profile) -> bool {
    let [.., waits, killed] = steps else { return false };
    let ended = (waits.rule.to, killed.mark.event) == (State::TimeWait, Event::RcvRst);
    ended && waits.mark.time + profile.two_msl > end
}

/// Whether the wait that `timer` ends may still last at `end`: a timer of minutes runs out late, on Linux by up to the
/// granularity of its level of the timer wheel, for one minute 2 s at 250 Hz and 4 s at 1,000 Hz (kernel/time/timer.c).
pub fn may_last(timer: &Mark, end: Time) -> bool {
    timer.event == Event::TwoMsl && end - timer.time < LATE
}

/// From the tap to an end, by the least time there and back in microseconds: nothing where the tap is at the end.
#[inline]
pub fn way(turnaround: Option<u32>) -> Span {
    /// Below this the tap is at the end, and what is measured is its processing.
    const AT_THE_END: u32 = 1_000;
    match turnaround {
        Some(micros) if micros >= AT_THE_END => Span(i64::from(micros) * 500),
        _ => Span(0),
    }
}

/// Whether the tap is so close to an end that what was captured on the way to it arrived, by the least times from the tap to it and
/// to the other, and back.
#[inline]
pub fn is_near(here: Option<u32>, there: Option<u32>) -> bool {
    here.zip(there).is_some_and(|(here, there)| here < 1_000 && here < there / 3)
}

/// When an end took the step of `mark`, if it could: `sent` if by something that it sent; `half` is the way from the tap to it.
#[inline(always)]
pub fn taken_at(mark: &Mark, sent: bool, half: Span, end: Time) -> Time {
    let captured = mark.time;
    match mark.place {
        _ if mark.evidence == Evidence::Timer || mark.packet == 0 => captured,
        Place::At if !sent => (captured + half).min(end.max(captured)),
        Place::After if !sent => captured,
        _ => captured - half,
    }
}

/// What an end does by sending something.
pub const SENT: Events = Events::of(&[Event::SndSyn, Event::SndSynAck, Event::SndFin, Event::SndRst, Event::Replaced]);

/// Dates `steps` as the end took them (see [`Verdict`]), by the least time from the tap to it and back in microseconds.
pub fn date(turnaround: Option<u32>, steps: &mut [Step], end: Time) {
    let half = way(turnaround);
    let mut earliest = Time(i64::MIN);
    for step in steps {
        step.at = taken_at(&step.mark, SENT.has(step.rule.event), half, end).max(earliest);
        earliest = step.at;
    }
}

/// A SYN or FIN that was not captured is dated by the segment that shows it to have been received. Who sent it did so
/// one way before that, of which the tap, by the `turnarounds` of the ends, knows the least; unless it was later that it
/// entered the state before.
pub fn date_unseen(turnarounds: [Option<u32>; 2], verdicts: &mut [Verdict; 2]) {
    /// What is sent, and what shows that it was received.
    const UNSEEN: [(Event, [Event; 2]); 2] =
        [(Event::SndSyn, [Event::RcvSyn, Event::SndSynAck]), (Event::SndFin, [Event::RcvFin; 2])];
    if !verdicts.iter().flat_map(|verdict| &verdict.steps).any(|s| s.mark.evidence == Evidence::Assumed) {
        return;
    }
    for e in 0..2 {
        for (sent, received) in UNSEEN {
            let is_unseen =
                |s: &Step| s.mark.event == sent && s.mark.evidence == Evidence::Assumed && !s.mark.is_hypothetical();
            let Some(i) = verdicts[e].steps.iter().position(is_unseen) else { continue };
            let receipt = verdicts[1 - e].steps.iter().find(|s| received.contains(&s.mark.event));
            let Some(receipt) = receipt.map(|s| s.at) else { continue };
            let before = i.checked_sub(1).map_or(Time(i64::MIN), |previous| verdicts[e].steps[previous].at);
            let path = Span(turnarounds.iter().map(|t| way(*t).0).sum());
            let step = &mut verdicts[e].steps[i];
            step.at = step.at.min(receipt - path).max(before);
        }
    }
}

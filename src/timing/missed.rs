//! Acknowledgments that the capture missed.
//!
//! A TCP acknowledges within half a second (RFC 9293 3.8.6.3, RFC 5681 4.2), and one that sees no acknowledgment sends
//! again when its timer runs out, which it sets by the round trips it has seen (RFC 6298 2). So where an end that was not
//! heard for long then sends payload, and that acknowledges what was never sent again, an acknowledgment came before it
//! that was not captured: what passed in between is no round trip, and the network did not need it.
//!
//! Long is more than a second and twice the round trip that is known: the least, or the latest that took more than a
//! second until a segment without payload came, as on a slow or overfull link. An acknowledgment alone is believed:
//! as a rule nothing but what it acknowledges makes an end send one. An end that acknowledges less, or sends what does
//! not acknowledge it yet, shows that it had not received it, so the wait counts from there.
//!
//! A link on which that is the truth, as its round trips come and go by more, or an end that does not keep to half a
//! second loses its longest samples so; they are counted among those left out.

use super::flow::Flow;
use crate::segment::Segment;
use crate::time::{Span, Time};

/// No wait up to this is too long: half a second for the acknowledgment, and as much for whatever else.
pub(super) const PROMPT: Span = Span::secs(1);
/// A round trip where none is known, which makes three seconds: the longest initial timer (RFC 6298 5.7).
const UNKNOWN: Span = Span::secs(1);

impl Flow {
    /// End `x` sends `seg`, which acknowledges something after `span`, and had acknowledged more the last time at
    /// `progress`. Whether it had acknowledged that before, without the capture showing it.
    #[inline(always)]
    pub(super) fn is_missed(&mut self, x: usize, seg: &Segment, span: Span, progress: Time) -> bool {
        span > PROMPT && self.is_missed_long_ago(x, seg, span, progress)
    }

    #[cold]
    fn is_missed_long_ago(&mut self, x: usize, seg: &Segment, span: Span, progress: Time) -> bool {
        if seg.seq_len() == 0 {
            self.trips[x].note_slow(span);
            return false;
        }
        let sent = Time(seg.time.0.saturating_sub(span.0));
        let silent_since = sent.max(progress).max(self.spoke(x).unwrap_or(sent));
        let missed = seg.time - silent_since > self.limit(x);
        if missed {
            self.trips[x].exclude();
        }
        missed
    }

    /// When end `x` must have [heard](Flow::heard) that all was acknowledged that it had sent before it speaks again at `now`,
    /// if so much time has passed since, though not all of it was acknowledged as far as was captured.
    #[inline(always)]
    pub(super) fn settled_unseen(&self, x: usize, now: Time) -> Option<Time> {
        let y = 1 - x;
        if now - self.trips[y].progress() > PROMPT { self.settled_long_ago(x, y, now) } else { None }
    }

    #[cold]
    fn settled_long_ago(&self, x: usize, y: usize, now: Time) -> Option<Time> {
        let progress = self.trips[y].progress();
        let waits_since = progress.max(self.spoke(x).unwrap_or(progress));
        (now - waits_since > self.limit(y)).then(|| self.heard(x, waits_since + self.known(y).unwrap_or_default(), now))
    }

    /// The last payload of end `x`, if the other has sent none since.
    fn spoke(&self, x: usize) -> Option<Time> {
        if self.turns.talker() == Some(x) { self.content.time() } else { None }
    }

    /// The round trip towards end `x`, as far as it is known.
    fn known(&self, x: usize) -> Option<Span> {
        self.least(x).max(self.trips[x].slow())
    }

    /// The longest that an acknowledgment of end `x` may take.
    fn limit(&self, x: usize) -> Span {
        let known = self.known(x).unwrap_or(UNKNOWN);
        Span(known.0.saturating_mul(2).saturating_add(PROMPT.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::handshake::Handshake;
    use super::super::samples::Kind;
    use super::super::testing::{ack, data, fin};
    use super::*;
    use crate::timing::blame::{Cause, Opening, Situation};

    /// End 0 sends, end 1 acknowledges; what is towards end 1 is sampled.
    #[derive(Default)]
    struct Talk {
        flow: Flow,
        handshake: Handshake,
    }

    impl Talk {
        fn new() -> Talk {
            let mut talk = Talk::default();
            talk.flow.ttl = [Some(64); 2];
            let mut opening = Opening::default();
            opening.open(Time(0));
            talk.flow.blame = opening.account();
            talk
        }

        /// End `x` sends `seg`.
        fn says(mut self, x: usize, advances: bool, seg: Segment) -> Talk {
            if seg.has(crate::segment::Flags::FIN) {
                self.flow.acknowledges(x, &seg, &Situation::default());
                self.flow.news(x, &seg, Situation::default());
            } else {
                self.flow.usual(x, advances, &seg, &self.handshake);
            }
            self
        }

        /// Samples towards end 1 in milliseconds, and how many were left out.
        fn told(&self) -> (Vec<i64>, u32) {
            let samples = self.flow.samples.exact().filter(|(kind, _)| *kind == Kind::Trip(1));
            (samples.map(|(_, span)| span.0 / 1_000_000).collect(), self.flow.trips[1].excluded())
        }

        fn spent(&self, cause: Cause, last: i64) -> i64 {
            let last = Time(last * 1_000_000);
            self.flow.blame.closed((Time(0), last), &Situation::default(), false, None)[cause.index()].0 / 1_000_000
        }
    }

    /// Payload that also acknowledges.
    fn reply(ms: i64, seq: u32, acks: u32) -> Segment {
        Segment { ack: acks, ..data(ms, seq, 10) }
    }

    fn known() -> Talk {
        Talk::new().says(0, false, data(0, 100, 10)).says(1, true, reply(30, 500, 110))
    }

    #[test]
    fn payload_after_long_silence_tells_no_round_trip() {
        let talk = known().says(0, true, reply(100, 110, 510)).says(1, true, reply(58_000, 510, 120));
        assert_eq!(talk.told(), (vec![30], 1));
        let talk = known().says(0, true, reply(100, 110, 510)).says(1, true, Segment { ack: 120, ..fin(58_000, 510) });
        assert_eq!(talk.told(), (vec![30], 1));
    }

    #[test]
    fn an_acknowledgment_alone_is_believed_and_payload_then_as_well() {
        let talk = known().says(0, true, reply(100, 110, 510)).says(1, true, ack(3_100, 120));
        assert_eq!(talk.told(), (vec![30, 3_000], 0));
        let talk = talk.says(0, false, data(4_000, 120, 10)).says(1, true, reply(8_000, 510, 130));
        assert_eq!(talk.told(), (vec![30, 3_000, 4_000], 0));
    }

    #[test]
    fn a_slow_link_is_slow_from_the_start() {
        let slow = Talk::new().says(0, false, data(0, 100, 10)).says(1, true, reply(1_500, 500, 110));
        let slow = slow.says(0, true, reply(2_000, 110, 510)).says(1, true, reply(5_900, 510, 120));
        assert_eq!(slow.told(), (vec![1_500, 3_900], 0));
    }

    #[test]
    fn who_sends_what_does_not_acknowledge_it_had_not_received_it() {
        let mut talk = known().says(0, true, reply(100, 110, 510));
        for n in 0..6_u32 {
            talk = talk.says(1, false, reply(600 * i64::from(n) + 200, 510 + 10 * n, 110));
        }
        assert_eq!(talk.says(1, true, reply(3_700, 570, 120)).told(), (vec![30, 3_600], 0));
        // It acknowledges what came before.
        let two = known().says(0, true, reply(100, 110, 510)).says(0, false, data(101, 120, 10));
        let two = two.says(1, true, ack(1_000, 120)).says(1, true, reply(1_900, 510, 130));
        assert_eq!(two.told(), (vec![30, 900, 1_799], 0));
    }

    #[test]
    fn the_network_does_not_need_the_time_in_which_nothing_passes() {
        let talk = known().says(1, false, reply(100, 510, 110)).says(1, false, reply(58_100, 520, 110));
        let talk = talk.says(1, false, reply(58_400, 530, 110));
        // Of the last the acknowledgment may still be on its way.
        assert_eq!((talk.spent(Cause::Idle, 58_400), talk.spent(Cause::Network, 58_400)), (57_970, 430));
    }
}

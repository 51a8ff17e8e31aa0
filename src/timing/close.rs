//! The close in time: FIN to its acknowledgment, FIN to FIN, and how long it took in all.

use super::handshake::{Leg, elapsed};
use super::maybe::Maybe;
use super::pause::GAP;
use crate::segment::Segment;
use crate::time::{Span, Time};

/// The FIN of one end, as it was sent until it was acknowledged.
#[derive(Clone, Copy, Debug, Default)]
struct Fin {
    first: Maybe,
    last: Maybe,
    /// The first acknowledgment of it.
    acked: Maybe,
    end: u32,
    /// What its sender expects next.
    expects: u32,
    /// TSval of the first and the last copy, if all had one.
    stamps: [u32; 2],
    copies: u16,
    stamped: bool,
    told: Told,
    /// Who acknowledged it had sent nothing that its sender had not received.
    answered_by_nothing: bool,
}

/// Which copy of a FIN was acknowledged.
#[derive(Clone, Copy, Debug, Default)]
enum Told {
    #[default]
    Nothing,
    First,
    Last,
}

impl Fin {
    fn leg(&self) -> Leg {
        let leg = match (self.first.time(), self.last.time(), self.acked.time()) {
            (Some(first), Some(last), Some(acked)) => match self.told {
                Told::First => Leg::Exact(acked - first),
                Told::Last => Leg::Exact(acked - last),
                Told::Nothing => Leg::Between([acked - last, acked - first]),
            },
            _ => Leg::Unseen,
        };
        leg.forwards()
    }
}

/// The close of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Close {
    fins: [Fin; 2],
    /// For each end, from the last payload of either end to its FIN.
    after_data: [Maybe; 2],
    /// The first FIN or RST.
    first: Maybe,
    /// The last segment since.
    last: Maybe,
}

impl Close {
    /// End `x` sends a FIN; `content` is the last payload of either end before.
    pub fn fin(&mut self, x: usize, seg: &Segment, content: Option<Time>) {
        let stamp = seg.options.timestamps.map(|t| t.value);
        let fin = &mut self.fins[x];
        if fin.first.is_some() {
            if !fin.acked.is_some() {
                fin.last = seg.time.into();
                fin.copies = fin.copies.saturating_add(1);
                fin.stamped &= stamp.is_some();
                fin.stamps[1] = stamp.unwrap_or_default();
            }
            return;
        }
        let time = Maybe::from(seg.time);
        let stamps = [stamp.unwrap_or_default(); 2];
        let (end, expects) = (seg.end(), seg.ack);
        *fin = Fin { first: time, last: time, end, expects, stamps, copies: 1, stamped: stamp.is_some(), ..*fin };
        let content = if seg.len > 0 { Some(seg.time) } else { content };
        self.after_data[x] = elapsed(content, Some(seg.time)).map_or(Maybe::NONE, Maybe::from);
        self.first.or_set(seg.time);
    }

    /// A RST.
    pub fn reset(&mut self, seg: &Segment) {
        self.first.or_set(seg.time);
        self.last = seg.time.into();
    }

    /// Any segment of end `x` with an acknowledgment.
    #[inline]
    pub fn segment(&mut self, x: usize, seg: &Segment, ack: bool) {
        if self.has_begun() {
            self.goes_on(x, seg, ack);
        }
    }

    fn goes_on(&mut self, x: usize, seg: &Segment, ack: bool) {
        self.last = seg.time.into();
        let fin = &mut self.fins[1 - x];
        let covered = ack && fin.first.is_some() && (seg.ack.wrapping_sub(fin.end) as i32) >= 0;
        if !covered || fin.acked.is_some() {
            return;
        }
        fin.acked = seg.time.into();
        fin.answered_by_nothing = seg.seq == fin.expects && seg.len == 0;
        let echo = seg.options.timestamps.map(|t| t.echo).filter(|_| fin.stamped && fin.stamps[0] != fin.stamps[1]);
        fin.told = match echo {
            _ if fin.copies == 1 => Told::First,
            Some(echo) if echo == fin.stamps[0] => Told::First,
            Some(echo) if echo == fin.stamps[1] => Told::Last,
            _ => Told::Nothing,
        };
    }

    /// For each end, from its FIN to the first acknowledgment of it.
    pub fn acked(&self, x: usize) -> Leg {
        self.fins[x].leg()
    }

    /// Whether the other end acknowledged the FIN of end `x`, and had nothing under way to it that was not captured.
    pub fn found_silence(&self, x: usize) -> bool {
        self.fins[x].answered_by_nothing
    }

    /// From the last payload of either end to the FIN of end `x`.
    pub fn after_data(&self, x: usize) -> Option<Span> {
        self.after_data[x].span()
    }

    /// From the first FIN of one end to the first FIN of the other.
    pub fn fin_to_fin(&self) -> Option<Span> {
        let [a, b] = &self.fins;
        a.first.time().zip(b.first.time()).map(|(a, b)| Span((a - b).0.saturating_abs()))
    }

    /// From the first FIN or RST to the last segment; not where a FIN is the last, as it tells nothing of what followed.
    pub fn duration(&self) -> Option<Span> {
        let fin = self.fins.iter().any(|fin| fin.first.is_some()) && !self.fins.iter().any(|fin| fin.acked.is_some());
        if fin && self.last == self.first {
            return None;
        }
        self.first.time().zip(self.last.time()).map(|(first, last)| (last - first).max(Span(0)))
    }

    /// Whether a FIN was sent more than once.
    pub fn has_copies(&self) -> bool {
        self.fins.iter().any(|fin| fin.copies > 1)
    }

    /// Whether end `x` has sent its FIN.
    pub fn has_fin(&self, x: usize) -> bool {
        self.fins[x].first.is_some()
    }

    /// Whether end `x`, by its segment `seg`, has not received the other's FIN, so long after that was sent that it was lost.
    pub fn is_unheard(&self, x: usize, seg: &Segment) -> bool {
        let fin = &self.fins[1 - x];
        let late = fin.first.time().is_some_and(|first| seg.time - first >= GAP);
        late && !fin.acked.is_some() && (seg.ack.wrapping_sub(fin.end) as i32) < 0
    }

    /// Whether a FIN or RST was sent.
    pub fn has_begun(&self) -> bool {
        self.first.is_some()
    }
}

crate::pack::pack_fields!(Fin { first, last, acked, end, expects, stamps, copies, stamped, told, answered_by_nothing });
crate::pack::pack_choice!(Told { Nothing, First, Last });
crate::pack::pack_fields!(Close { fins, after_data, first, last });

#[cfg(test)]
mod tests {
    use super::super::testing::{ack, fin};
    use super::*;

    #[test]
    fn a_plain_close() {
        let mut close = Close::default();
        close.fin(0, &fin(1_000, 50), Some(Time(400_000_000)));
        close.segment(1, &ack(1_030, 51), true);
        close.fin(1, &fin(5_000, 90), Some(Time(400_000_000)));
        close.segment(1, &fin(5_000, 90), true);
        close.segment(0, &ack(5_001, 91), true);
        assert_eq!([0, 1].map(|x| close.acked(x)), [Leg::Exact(Span::millis(30)), Leg::Exact(Span::millis(1))]);
        assert_eq!(close.fin_to_fin(), Some(Span::secs(4)));
        assert_eq!(close.duration(), Some(Span::millis(4_001)));
        assert_eq!(close.after_data(0), Some(Span::millis(600)));
    }

    #[test]
    fn a_fin_that_is_the_last_segment_tells_no_time() {
        let mut close = Close::default();
        close.fin(0, &fin(1_000, 50), None);
        close.segment(0, &fin(1_000, 50), true);
        assert_eq!(close.duration(), None);
        close.segment(1, &ack(1_030, 50), true);
        assert_eq!(close.duration(), Some(Span::millis(30)));
    }

    #[test]
    fn a_repeated_fin_leaves_a_range() {
        let mut close = Close::default();
        close.fin(0, &fin(0, 50), None);
        close.fin(0, &fin(200, 50), None);
        close.segment(1, &ack(230, 51), true);
        assert_eq!(close.acked(0), Leg::Between([Span::millis(30), Span::millis(230)]));
    }
}

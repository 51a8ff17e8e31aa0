//! The close in time: FIN to its acknowledgment, FIN to FIN, and how long it took in all.

use super::handshake::Leg;
use crate::segment::Segment;
use crate::time::{Span, Time};

/// The FIN of one end.
#[derive(Clone, Copy, Debug)]
struct Fin {
    end: u32,
    first: Time,
    last: Time,
    stamps: Option<[u32; 2]>,
    copies: u16,
}

/// The close of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Close {
    fins: [Option<Fin>; 2],
    /// For each end, from its FIN to the first acknowledgment of it.
    pub acked: [Leg; 2],
    /// For each end, from the last payload of either end to its FIN.
    pub after_data: [Option<Span>; 2],
    /// The first FIN or RST.
    pub first: Option<Time>,
    /// The last segment since.
    last: Option<Time>,
    /// A RST was sent.
    pub reset: bool,
}

impl Close {
    /// End `x` sends a FIN; `content` is the last payload of either end before.
    pub fn fin(&mut self, x: usize, seg: &Segment, content: Option<Time>) {
        let stamp = seg.options.timestamps.map(|t| t.value);
        match &mut self.fins[x] {
            Some(fin) => {
                fin.last = seg.time;
                fin.copies = fin.copies.saturating_add(1);
                fin.stamps = fin.stamps.zip(stamp).map(|([one, _], two)| [one, two]);
            }
            None => {
                self.fins[x] = Some(Fin {
                    end: seg.end(),
                    first: seg.time,
                    last: seg.time,
                    stamps: stamp.map(|s| [s; 2]),
                    copies: 1,
                });
                let content = if seg.len > 0 { Some(seg.time) } else { content };
                self.after_data[x] = content.map(|t| seg.time - t);
                self.first.get_or_insert(seg.time);
            }
        }
    }

    /// A RST.
    pub fn reset(&mut self, seg: &Segment) {
        self.reset = true;
        self.first.get_or_insert(seg.time);
        self.last = Some(seg.time);
    }

    /// Any segment of end `x` with an acknowledgment.
    pub fn segment(&mut self, x: usize, seg: &Segment, ack: bool) {
        if self.first.is_none() {
            return;
        }
        self.last = Some(seg.time);
        let y = 1 - x;
        let Some(fin) = self.fins[y].filter(|f| ack && (seg.ack.wrapping_sub(f.end) as i32) >= 0) else { return };
        if self.acked[y] != Leg::Unseen {
            return;
        }
        let first = seg.time - fin.first;
        let last = seg.time - fin.last;
        let echo = seg.options.timestamps.map(|t| t.echo);
        self.acked[y] = match (fin.copies, fin.stamps, echo) {
            (1, _, _) => Leg::Exact(first),
            (_, Some([one, two]), Some(echo)) if echo == one && one != two => Leg::Exact(first),
            (_, Some([one, two]), Some(echo)) if echo == two && one != two => Leg::Exact(last),
            _ => Leg::Between([last, first]),
        };
    }

    /// From the first FIN of one end to the first FIN of the other.
    pub fn fin_to_fin(&self) -> Option<Span> {
        let [a, b] = self.fins;
        a.zip(b).map(|(a, b)| Span((a.first - b.first).0.saturating_abs()))
    }

    /// From the first FIN or RST to the last segment.
    pub fn duration(&self) -> Option<Span> {
        self.first.zip(self.last).map(|(first, last)| (last - first).max(Span(0)))
    }

    /// Whether end `x` has sent its FIN.
    pub fn has_fin(&self, x: usize) -> bool {
        self.fins[x].is_some()
    }
}

crate::pack::pack_fields!(Fin { end, first, last, stamps, copies });
crate::pack::pack_fields!(Close { fins, acked, after_data, first, last, reset });

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
        assert_eq!(close.acked, [Leg::Exact(Span::millis(30)), Leg::Exact(Span::millis(1))]);
        assert_eq!(close.fin_to_fin(), Some(Span::secs(4)));
        assert_eq!(close.duration(), Some(Span::millis(4_001)));
        assert_eq!(close.after_data[0], Some(Span::millis(600)));
    }

    #[test]
    fn a_repeated_fin_leaves_a_range() {
        let mut close = Close::default();
        close.fin(0, &fin(0, 50), None);
        close.fin(0, &fin(200, 50), None);
        close.segment(1, &ack(230, 51), true);
        assert_eq!(close.acked[0], Leg::Between([Span::millis(30), Span::millis(230)]));
    }
}

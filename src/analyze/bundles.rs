//! Taking what was found in packets elsewhere: many segments at a time, which costs less than one after the other.

use super::Analysis;
use crate::decode::{Bundle, Decoded};
use crate::segment::Segment;
use crate::tracker::{LookUp, TOGETHER};

impl Analysis {
    /// Takes what was found in packets elsewhere, in capture order: the same as taking these packets, if at the end the
    /// decoder is handed over too.
    pub fn bundle(&mut self, bundle: &Bundle) {
        self.take_whole(bundle, |_| {});
    }

    /// The same; `connections` gets the index of the connection of each segment in it, in their order.
    pub fn bundle_of(&mut self, bundle: &Bundle, connections: &mut Vec<usize>) {
        connections.clear();
        self.take_whole(bundle, |connection| connections.push(connection));
    }

    /// Takes all of `bundle`; `took` is told the index of the connection of each segment.
    fn take_whole(&mut self, bundle: &Bundle, mut took: impl FnMut(usize)) {
        let mut from = 0;
        while let Some(next) = self.take_bundle(bundle, from, &mut took) {
            from = next;
        }
    }

    /// Takes `bundle` from its segment (or error) number `from` on, up to the one with which the analysis is
    /// [due](Analysis::is_due): returns the number of the next one then.
    pub fn bundle_until_due(&mut self, bundle: &Bundle, from: usize) -> Option<usize> {
        self.take_bundle(bundle, from, |_| {})
    }

    #[inline]
    fn take_bundle(&mut self, bundle: &Bundle, from: usize, took: impl FnMut(usize)) -> Option<usize> {
        if from == 0 {
            self.capture.packets += bundle.packets();
            self.capture.undecoded += bundle.undecoded();
            if let Some((first, last)) = bundle.span() {
                self.until(first);
                self.until(last);
            }
        }
        let found = bundle.found().get(from..).unwrap_or(&[]);
        let few = self.tracker.has_few() || self.is_due();
        let taken = if few { self.take_few(found, took) } else { self.take_many(found, took) };
        // Wherever bundles end, it is the same segment with which it is due.
        taken.map(|taken| from + taken)
    }

    /// Takes what was `found` where there are few connections, up to the one with which the analysis is due: how many these
    /// are then.
    #[inline]
    fn take_few(&mut self, found: &[Decoded], mut took: impl FnMut(usize)) -> Option<usize> {
        let mut rest = found.iter();
        while let Some(one) = rest.next() {
            if let Decoded::Segment(segment) = one {
                self.count(segment);
                let (connection, steady) = self.tracker.pass_next(segment);
                took(connection);
                if steady
                    && let Some(Decoded::Segment(next)) = rest.as_slice().first()
                    && follows(segment, next)
                {
                    let more = self.take_run(segment, rest.as_slice());
                    (0..more).for_each(|_| took(connection));
                    rest = rest.as_slice()[more..].iter();
                }
            } else {
                self.take_other(one);
            }
            if self.is_due() && self.may_let_go(one) {
                return Some(found.len() - rest.len());
            }
        }
        None
    }

    /// Takes the run behind the segment `first`, which was just taken and steady: how many of what was `found` behind it. The
    /// first of these follows it; a run of one would cost more than it saves. Being due is asked behind each.
    #[inline(never)]
    fn take_run(&mut self, first: &Segment, found: &[Decoded]) -> usize {
        let [Decoded::Segment(next), Decoded::Segment(after), ..] = found else { return 0 };
        if !follows(next, after) || self.is_due() {
            return 0;
        }
        let run = self.tracker.pass_run(first, segments_of(found).map_while(|segment| segment));
        if let Some(Decoded::Segment(last)) = run.count.checked_sub(1).and_then(|last| found.get(last)) {
            self.capture.tcp_segments += run.count as u64;
            self.watch.run(&run, last);
        }
        run.count
    }

    /// The same where there are many, which are looked up ahead; it is not due yet, and is not before there are more.
    #[inline]
    fn take_many(&mut self, found: &[Decoded], mut took: impl FnMut(usize)) -> Option<usize> {
        let mut up = LookUp::default();
        for (n, some) in found.chunks(TOGETHER).enumerate() {
            let ahead = self.tracker.look_up(&mut up, n, |n| segments(found, n));
            for (i, (ahead, found)) in ahead.iter().zip(some).enumerate() {
                let Decoded::Segment(segment) = found else {
                    self.take_other(found);
                    continue;
                };
                self.count(segment);
                if let Some(connection) = self.tracker.pass_usual(segment, *ahead) {
                    took(connection);
                    continue;
                }
                took(self.tracker.pass(segment, *ahead));
                if self.is_due() && self.may_let_go(found) {
                    return Some(n * TOGETHER + i + 1);
                }
            }
        }
        None
    }

    /// Takes what is no segment.
    #[cold]
    fn take_other(&mut self, found: &Decoded) {
        if let Decoded::Icmp(error) = found {
            self.icmp(error);
        }
    }
}

/// Whether `next` begins where `segment` ends, as one of the same end does.
#[inline]
fn follows(segment: &Segment, next: &Segment) -> bool {
    next.seq == segment.seq.wrapping_add(segment.len)
}

/// Segments of what was `found`, number `n` of all [`TOGETHER`] after [`TOGETHER`].
#[inline]
fn segments(found: &[Decoded], n: usize) -> impl Iterator<Item = Option<&Segment>> {
    let from = found.len().min(n * TOGETHER);
    segments_of(&found[from..found.len().min(from + TOGETHER)])
}

/// Segments of what was `found`.
#[inline]
fn segments_of(found: &[Decoded]) -> impl Iterator<Item = Option<&Segment>> {
    found.iter().map(|found| if let Decoded::Segment(segment) = found { Some(segment) } else { None })
}

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
        let taken = if self.tracker.has_few() { self.take_few(found, took) } else { self.take_many(found, took) };
        // Wherever bundles end, it is the same segment with which it is due.
        taken.map(|taken| from + taken)
    }

    /// Takes what was `found` where there are few connections, up to the one with which the analysis is due: how many these
    /// are then.
    #[inline]
    fn take_few(&mut self, found: &[Decoded], mut took: impl FnMut(usize)) -> Option<usize> {
        for (n, found) in found.iter().enumerate() {
            if let Decoded::Segment(segment) = found {
                self.count(segment);
                took(self.tracker.pass_next(segment));
            } else {
                self.take_other(found);
            }
            if self.is_due() && self.may_let_go(found) {
                return Some(n + 1);
            }
        }
        None
    }

    /// The same where there are many, which are looked up ahead.
    #[inline]
    fn take_many(&mut self, found: &[Decoded], mut took: impl FnMut(usize)) -> Option<usize> {
        let mut up = LookUp::default();
        for (n, some) in found.chunks(TOGETHER).enumerate() {
            let ahead = self.tracker.look_up(&mut up, n, |n| segments(found, n));
            for (i, (ahead, found)) in ahead.iter().zip(some).enumerate() {
                if let Decoded::Segment(segment) = found {
                    took(self.pass(segment, *ahead));
                } else {
                    self.take_other(found);
                }
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

/// Segments of what was `found`, number `n` of all [`TOGETHER`] after [`TOGETHER`].
#[inline]
fn segments(found: &[Decoded], n: usize) -> impl Iterator<Item = Option<&Segment>> {
    let some = found.get(n * TOGETHER..).unwrap_or(&[]).iter().take(TOGETHER);
    some.map(|found| if let Decoded::Segment(segment) = found { Some(segment) } else { None })
}

//! The samples of one connection, each kind by itself: put apart by counting, so that there is no question about each.

use smallvec::SmallVec;

use super::samples::{KINDS, Kind, Samples};
use crate::time::Span;

/// Samples of the kinds that are exact.
#[derive(Clone, Debug, Default)]
pub struct Apart {
    /// All of them, kind by kind.
    spans: SmallVec<[i64; 32]>,
    /// Where each kind ends; it begins where the one before it ends. Behind the last kind there are none.
    ends: [usize; 8],
}

impl Apart {
    /// Puts all of `samples`, and one `more` if its kind is exact, where there are none yet.
    #[inline(always)]
    pub fn put(&mut self, samples: &Samples, more: Option<(Kind, Span)>) {
        let more = more.filter(|(kind, _)| samples.rough(*kind).is_none());
        let mut counts = samples.all_kept();
        if let Some((kind, _)) = more {
            counts[kind.index()] += 1;
        }
        // Where the next one of each kind is put.
        let (mut next, mut all) = ([0; 8], 0);
        for (next, count) in next.iter_mut().zip(counts) {
            *next = all;
            all += count;
        }
        let Apart { spans, ends } = self;
        spans.resize(all, 0);
        let spans = spans.as_mut_slice();
        let mut put = |i: usize, span: i64| {
            let next = &mut next[i & 7];
            if let Some(place) = spans.get_mut(*next) {
                *place = span;
            }
            *next += 1;
        };
        samples.each(|i, span| put(i, span.0));
        if let Some((kind, span)) = more {
            put(kind.index(), span.0);
        }
        next[KINDS..].fill(all);
        *ends = next;
    }

    /// Those of a kind, in the order in which they came.
    pub fn kind(&mut self, kind: Kind) -> &mut [i64] {
        let i = kind.index();
        let begin = i.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.spans.get_mut(begin..self.ends[i]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::quantile::CONNECTION;
    use super::*;

    #[test]
    fn each_kind_keeps_its_order() {
        let mut samples = Samples::default();
        for i in 0..20 {
            samples.add(Kind::ALL[i as usize * 5 % KINDS], Span(i));
        }
        let more = (Kind::Response(0), Span(99));
        for more in [None, Some(more)] {
            let mut apart = Apart::default();
            apart.put(&samples, more);
            for kind in Kind::ALL {
                let all = samples.exact().chain(more).filter(|(of, _)| *of == kind);
                assert_eq!(apart.kind(kind).to_vec(), all.map(|(_, span)| span.0).collect::<Vec<_>>(), "{kind:?}");
            }
        }
    }

    #[test]
    fn kinds_with_too_many_are_left_out() {
        let mut samples = Samples::default();
        samples.add(Kind::Answer(1), Span(7));
        (0..=CONNECTION as i64).for_each(|i| samples.add(Kind::Trip(1), Span(i)));
        for more in [None, Some((Kind::Trip(1), Span(3)))] {
            let mut apart = Apart::default();
            apart.put(&samples, more);
            assert_eq!(apart.kind(Kind::Answer(1)).to_vec(), [7]);
            assert!(apart.kind(Kind::Trip(1)).is_empty());
        }
    }
}

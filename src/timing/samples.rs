//! What was sampled of one connection: all kinds in one row of bytes, in the order in which they came.

use super::packed::Row;
use super::quantile::{CONNECTION, Quantiles};
use crate::time::Span;

/// What is sampled, with the index of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A round trip between the tap and that end.
    Trip(usize),
    /// From the other's last byte to its first.
    Answer(usize),
    /// From the other's last byte to its own last before the other speaks again.
    Response(usize),
}

/// How many kinds there are.
pub const KINDS: usize = 6;

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; KINDS] =
        [Kind::Trip(0), Kind::Trip(1), Kind::Answer(0), Kind::Answer(1), Kind::Response(0), Kind::Response(1)];

    /// Its place in [`Kind::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Kind::Trip(x) => x & 1,
            Kind::Answer(x) => 2 + (x & 1),
            Kind::Response(x) => 4 + (x & 1),
        }
    }
}

/// The kind of each label there can be: only the first ones are given.
const BY_LABEL: [Kind; 16] = {
    let mut kinds = [Kind::Trip(0); 16];
    let mut label = 0;
    while label < KINDS {
        kinds[label] = Kind::ALL[label];
        label += 1;
    }
    kinds
};

/// The samples of one connection; negative ones count as 0. Exact up to [`CONNECTION`] of each kind.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// Kind and span.
    bytes: Row<55>,
    counts: [u16; KINDS],
    /// The kinds that are not exact any more: none of them is in `bytes`.
    rough: Option<Box<[Quantiles; KINDS]>>,
}

impl Samples {
    /// Begins anew.
    pub fn restart(&mut self) {
        self.bytes.restart();
        (self.counts, self.rough) = ([0; KINDS], None);
    }

    /// Takes one sample.
    #[inline]
    pub fn add(&mut self, kind: Kind, span: Span) {
        let i = kind.index();
        let span = span.0.max(0);
        if usize::from(self.counts[i]) >= CONNECTION {
            return self.add_rough(i, span);
        }
        self.counts[i] += 1;
        self.bytes.push(i as u8, span as u64);
    }

    /// Takes some of a kind.
    #[inline]
    pub fn add_all(&mut self, kind: Kind, spans: &[Span]) {
        match self.rough.as_mut().and_then(|rough| rough[kind.index()].histogram_mut()) {
            Some(histogram) => spans.iter().for_each(|span| histogram.take(span.0.max(0))),
            None => spans.iter().for_each(|span| self.add(kind, *span)),
        }
    }

    /// Takes one of a kind of which there are too many to keep.
    #[inline(never)]
    fn add_rough(&mut self, i: usize, span: i64) {
        match self.rough.as_mut().and_then(|rough| rough[i].histogram_mut()) {
            Some(histogram) => histogram.take(span),
            None => self.make_rough(i, span),
        }
    }

    #[cold]
    fn make_rough(&mut self, i: usize, span: i64) {
        let rough = self.rough.get_or_insert_with(|| Box::new(std::array::from_fn(|_| Quantiles::new(CONNECTION))));
        let q = &mut rough[i];
        if q.count() == 0 {
            let bytes = std::mem::take(&mut self.bytes);
            for (label, value) in bytes.entries() {
                if usize::from(label) == i {
                    q.push(value as i64);
                } else {
                    self.bytes.push(label, value);
                }
            }
        }
        q.push(span);
    }

    /// Gives all samples of the kinds that are exact, in the order in which they came.
    pub fn exact(&self) -> impl Iterator<Item = (Kind, Span)> {
        self.bytes.entries().map(|(label, value)| (BY_LABEL[usize::from(label & 15)], Span(value as i64)))
    }

    /// Gives the place in [`Kind::ALL`] of each of them and the sample.
    #[inline]
    pub fn each(&self, mut take: impl FnMut(usize, Span)) {
        self.bytes.entries().for_each(|(label, value)| take(usize::from(label), Span(value as i64)));
    }

    /// How many of a kind are kept as they are.
    #[inline]
    pub fn kept(&self, kind: Kind) -> usize {
        if self.rough(kind).is_some() { 0 } else { usize::from(self.counts[kind.index()]) }
    }

    /// The same of each kind.
    #[inline]
    pub fn all_kept(&self) -> [usize; KINDS] {
        match self.rough {
            None => self.counts.map(usize::from),
            Some(_) => Kind::ALL.map(|kind| self.kept(kind)),
        }
    }

    /// Whether there are too many of any kind to keep.
    pub fn is_rough(&self) -> bool {
        self.rough.is_some()
    }

    /// The samples of a kind of which there are too many to keep.
    pub fn rough(&self, kind: Kind) -> Option<&Quantiles> {
        self.rough.as_ref().map(|r| &r[kind.index()]).filter(|q| q.count() > 0)
    }
}

crate::pack::pack_fields!(Samples { bytes, counts, rough });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        let mut samples = Samples::default();
        for (i, kind) in (0..).zip(Kind::ALL) {
            samples.add(kind, Span::millis(i));
        }
        let expected: Vec<(Kind, Span)> = Kind::ALL.into_iter().zip((0..).map(Span::millis)).collect();
        assert_eq!(samples.exact().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_the_kind_with_too_many_becomes_rough() {
        let mut samples = Samples::default();
        samples.add(Kind::Answer(1), Span(7));
        (0..=CONNECTION as i64).for_each(|i| samples.add(Kind::Trip(0), Span(i)));
        assert_eq!(samples.exact().collect::<Vec<_>>(), [(Kind::Answer(1), Span(7))]);
        assert_eq!(samples.rough(Kind::Trip(0)).map(Quantiles::count), Some(CONNECTION as u64 + 1));
        assert!(samples.rough(Kind::Answer(1)).is_none());
    }
}

//! An analysis that is looked at: somebody else's, or one that nobody else needs any more.

use std::ops::Deref;

use super::Analysis;
use super::notes::Glimpse;
use crate::detect::Glance;
use crate::tracker::Scratch;

/// Whose it is.
pub(super) enum Held<'a> {
    /// Somebody else's, who goes on with it.
    Lent(&'a Analysis),
    /// Nobody else's: what was looked at can be let go.
    Own(Box<Analysis>),
}

impl Deref for Held<'_> {
    type Target = Analysis;

    fn deref(&self) -> &Analysis {
        match self {
            Held::Lent(analysis) => analysis,
            Held::Own(analysis) => analysis,
        }
    }
}

impl Held<'_> {
    /// A glance at connection `i`.
    pub(super) fn glance(&mut self, i: usize, scratch: &mut Scratch<Glimpse>) -> (Glance, u64) {
        match self {
            Held::Lent(analysis) => analysis.tracker.glance(i, scratch),
            Held::Own(analysis) => analysis.tracker.first_glance(i, scratch),
        }
    }
}

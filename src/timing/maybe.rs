//! Times and spans that may be unknown, in eight bytes instead of sixteen: there are many of them in every connection.

use crate::time::{Span, Time};

/// A time or a span in nanoseconds, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maybe(i64);

impl Default for Maybe {
    fn default() -> Maybe {
        Maybe::NONE
    }
}

impl From<Time> for Maybe {
    fn from(time: Time) -> Maybe {
        // Nothing happened 292 years before 1970; the one value that means nothing is out of the way.
        Maybe(time.0.max(i64::MIN + 1))
    }
}

impl From<Span> for Maybe {
    fn from(span: Span) -> Maybe {
        Maybe(span.0.max(i64::MIN + 1))
    }
}

impl Maybe {
    /// Nothing.
    pub const NONE: Maybe = Maybe(i64::MIN);

    /// Whether it is known.
    pub fn is_some(self) -> bool {
        self != Maybe::NONE
    }

    /// As a time.
    pub fn time(self) -> Option<Time> {
        self.is_some().then_some(Time(self.0))
    }

    /// As a span.
    pub fn span(self) -> Option<Span> {
        self.is_some().then_some(Span(self.0))
    }

    /// Sets it, unless it is known.
    pub fn or_set(&mut self, value: impl Into<Maybe>) {
        if !self.is_some() {
            *self = value.into();
        }
    }
}

impl crate::pack::Pack for Maybe {
    fn blank() -> Self {
        Maybe::NONE
    }

    #[inline]
    fn is_blank(&self) -> bool {
        !self.is_some()
    }

    #[inline]
    fn pack(&self, out: &mut crate::pack::Out<'_>) {
        out.time(self.0);
    }

    #[inline]
    fn read(&mut self, from: &mut crate::pack::In<'_>) {
        *self = Maybe(from.time());
    }
}

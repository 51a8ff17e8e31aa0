//! How long an endpoint spent in each state.

use serde::Serialize;

use crate::time::Span;
use crate::tracker::{State, States};

/// Time spent in each state that was entered, even if it passed in no time. Serialised as an object of spans by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeInState {
    /// One bit each: few are, and one after the other is found at once.
    entered: u16,
    spent: [Span; State::ALL.len()],
}

impl TimeInState {
    /// Adds a stay.
    pub fn add(&mut self, state: State, span: Span) {
        self.entered |= 1 << state as u16;
        let spent = &mut self.spent[state as usize].0;
        *spent = spent.saturating_add(span.0);
    }

    /// Time spent in `state`, if it was entered.
    pub fn get(&self, state: State) -> Option<Span> {
        (self.entered & 1 << state as u16 != 0).then(|| self.spent[state as usize])
    }

    /// Each state entered, in RFC 9293's order.
    pub fn iter(&self) -> impl Iterator<Item = (State, Span)> {
        let mut left = self.entered;
        std::iter::from_fn(move || {
            let next = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            Some((*State::ALL.get(next)?, *self.spent.get(next)?))
        })
    }
}

impl FromIterator<(State, Span)> for TimeInState {
    fn from_iter<I: IntoIterator<Item = (State, Span)>>(stays: I) -> TimeInState {
        let mut spent = TimeInState::default();
        stays.into_iter().for_each(|(state, span)| spent.add(state, span));
        spent
    }
}

impl Serialize for TimeInState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// As a list, in RFC 9293's order.
impl Serialize for States {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

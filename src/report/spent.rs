//! How long an endpoint spent in each state.

use serde::Serialize;

use crate::time::Span;
use crate::tracker::{State, States};

/// Time spent in each state that was entered, even if it passed in no time. Serialised as an object of spans by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeInState {
    entered: States,
    spent: [Span; State::ALL.len()],
}

impl TimeInState {
    /// Adds a stay.
    pub fn add(&mut self, state: State, span: Span) {
        self.entered = self.entered.with(state);
        let spent = &mut self.spent[state as usize].0;
        *spent = spent.saturating_add(span.0);
    }

    /// Time spent in `state`, if it was entered.
    pub fn get(&self, state: State) -> Option<Span> {
        self.entered.has(state).then(|| self.spent[state as usize])
    }

    /// The states entered.
    pub fn states(&self) -> States {
        self.entered
    }

    /// Each state entered, in RFC 9293's order.
    pub fn iter(&self) -> impl Iterator<Item = (State, Span)> {
        self.entered.iter().map(|state| (state, self.spent[state as usize]))
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

//! Where an end is, in the sentences of findings: with as much doubt as its history has.

use std::fmt;

use super::plain::Word;
use super::view::View;
use crate::tracker::{Evidence, State, States};

/// Where an end is when the capture ends: `in CLOSE_WAIT`, `most likely in FIN_WAIT_2, or gone`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stands {
    state: State,
    /// A segment shows it, or a timer.
    known: bool,
    others: States,
}

impl Stands {
    /// The same where something else is said of `state`.
    pub fn apart_from(self, state: State) -> Stands {
        Stands { others: self.others.iter().filter(|other| *other != state).fold(States::EMPTY, States::with), ..self }
    }
}

impl View<'_> {
    /// Where end `e` is.
    pub fn stands(&self, e: usize) -> Stands {
        let grade = self.steps(e).last().map_or(Evidence::Assumed, |step| step.mark.evidence);
        let known = !matches!(grade, Evidence::Inferred | Evidence::Assumed);
        Stands { state: self.state(e), known, others: self.verdicts[e].possible }.apart_from(self.state(e))
    }
}

impl Word for Stands {
    fn put(&self, sentence: &mut String) {
        let mut at = |words: &str, state: State| {
            sentence.push_str(words);
            if state == State::Closed {
                return sentence.push_str("gone");
            }
            sentence.push_str("in ");
            sentence.push_str(state.name());
        };
        at(if self.known { "" } else { "most likely " }, self.state);
        // CLOSED, the first of all, is said last.
        let (gone, others) = (self.others.has(State::Closed), self.apart_from(State::Closed).others);
        others.iter().chain(gone.then_some(State::Closed)).for_each(|other| at(", or ", other));
    }
}

impl fmt::Display for Stands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words![*self])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_is_told() {
        let told = |state, known, others: &[State]| Stands { state, known, others: States::of(others) }.to_string();
        assert_eq!(told(State::CloseWait, true, &[]), "in CLOSE_WAIT");
        let others = [State::Closed, State::FinWait1];
        assert_eq!(told(State::FinWait2, false, &others), "most likely in FIN_WAIT_2, or in FIN_WAIT_1, or gone");
        assert_eq!(told(State::Closed, false, &[State::SynSent]), "most likely gone, or in SYN_SENT");
        let stands = Stands { state: State::FinWait2, known: true, others: States::of(&others) };
        assert_eq!(stands.apart_from(State::Closed).to_string(), "in FIN_WAIT_2, or in FIN_WAIT_1");
    }
}

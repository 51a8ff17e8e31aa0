//! What became of a connection and who closed it first, by the histories of its ends that are shown.

use super::{ClosedFirst, Endpoint, Outcome};
use crate::time::Time;
use crate::tracker::rules::Event;
use crate::tracker::{State, States, Verdict};

/// Who has entered one of these has sent its FIN (RFC 9293 Figure 5).
const SENT_FIN: States =
    States::of(&[State::FinWait1, State::FinWait2, State::Closing, State::LastAck, State::TimeWait]);
/// Who has entered one of these has received the other's FIN.
const RECEIVED_FIN: States = States::of(&[State::CloseWait, State::Closing, State::LastAck, State::TimeWait]);
/// Who has entered one of these was open.
const OPEN: States = States::of(&[State::Established, State::FinWait1, State::CloseWait]);

/// What an end went through, in one look at its history.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// All states entered.
    visited: States,
    /// When it began to close: its FIN, or the RST that ended what was open or about to be.
    began: Option<Time>,
    /// A RST passed at its end.
    reset: bool,
}

impl Course {
    /// That of an end of which nothing is known.
    const BLANK: Course = Course { visited: States::EMPTY, began: None, reset: false };

    /// That of an end that sent a SYN and nothing else.
    pub const ASKED: Course = Course { visited: States::of(&[State::SynSent]), ..Course::BLANK };

    /// That of an end to which `verdict` came.
    #[inline]
    pub fn of(verdict: &Verdict) -> Course {
        let mut course = Course::BLANK;
        for step in &verdict.steps {
            course.enters(step.rule.to, step.mark.event, step.at);
        }
        course
    }

    /// That of an end of a report.
    pub fn shown(endpoint: &Endpoint) -> Course {
        let mut course = Course::BLANK;
        for entry in &endpoint.history {
            // Whatever else led there is told by the state.
            let event = Event::ALL.into_iter().find(|event| event.cause() == entry.cause);
            course.enters(entry.state, event.unwrap_or(Event::WasOpen), entry.time);
        }
        course
    }

    #[inline]
    fn enters(&mut self, state: State, event: Event, at: Time) {
        let known = self.visited.has(State::Established) || self.visited.has(State::SynRcvd);
        self.visited = self.visited.with(state);
        match event {
            Event::SndFin | Event::HadClosed => self.begins(at),
            Event::SndRst | Event::RcvRst => {
                self.reset = true;
                if known && event == Event::SndRst {
                    self.begins(at);
                }
            }
            _ => {}
        }
    }

    fn begins(&mut self, at: Time) {
        self.began = Some(self.began.map_or(at, |began| began.min(at)));
    }

    fn was_in(&self, states: States) -> bool {
        !self.visited.intersection(states).is_empty()
    }

    /// Whether its history, or that of its peer, shows that it sent its FIN.
    fn has_closed(&self, peer: &Course) -> bool {
        self.was_in(SENT_FIN) || peer.was_in(RECEIVED_FIN)
    }
}

/// What became of a connection whose ends went through this; nothing where that does not show.
pub fn outcome(client: &Course, server: &Course) -> Option<Outcome> {
    let reset = client.reset || server.reset;
    let requested = server.visited.has(State::SynRcvd);
    Some(match (client.has_closed(server), server.has_closed(client)) {
        (true, true) => Outcome::Closed,
        _ if !requested && client.visited.has(State::SynSent) && !client.was_in(OPEN) => match reset {
            true => Outcome::Refused,
            false => Outcome::Unanswered,
        },
        _ if reset => Outcome::Reset,
        (false, false) if client.was_in(OPEN) && server.was_in(OPEN) => Outcome::Open,
        (false, false) if requested || client.visited.has(State::SynRcvd) => Outcome::HalfOpen,
        (false, false) => return None,
        _ => Outcome::HalfClosed,
    })
}

/// Who closed first. An end that passed CLOSE_WAIT had received the other's FIN before it closed itself; two in CLOSING
/// had both closed before they heard of the other's close. Only where the states leave it open, the times decide.
pub fn closed_first(client: &Course, server: &Course) -> Option<ClosedFirst> {
    if [client, server].iter().all(|end| end.visited.has(State::Closing)) {
        return Some(ClosedFirst::Both);
    }
    match [client, server].map(|end| end.visited.has(State::CloseWait)) {
        [true, false] => return Some(ClosedFirst::Server),
        [false, true] => return Some(ClosedFirst::Client),
        // Each would have answered the other.
        [true, true] => return None,
        [false, false] => {}
    }
    match (client.began, server.began) {
        (Some(a), Some(b)) if a <= b => Some(ClosedFirst::Client),
        (Some(_), None) => Some(ClosedFirst::Client),
        (_, Some(_)) => Some(ClosedFirst::Server),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::*;

    fn course(history: &[(State, Event, i64)]) -> Course {
        let mut course = Course::BLANK;
        history.iter().for_each(|(state, event, at)| course.enters(*state, *event, Time(*at)));
        course
    }

    fn told(client: &[(State, Event, i64)], server: &[(State, Event, i64)]) -> (Option<Outcome>, Option<ClosedFirst>) {
        let [client, server] = [client, server].map(course);
        (outcome(&client, &server), closed_first(&client, &server))
    }

    const OPENED: (State, Event, i64) = (Established, Event::WasOpen, 0);

    #[test]
    fn who_was_in_close_wait_did_not_close_first_whatever_the_times() {
        let passive = [OPENED, (CloseWait, Event::RcvFin, 5), (LastAck, Event::SndFin, 5)];
        let active = [OPENED, (FinWait1, Event::SndFin, 9), (FinWait2, Event::RcvAckOfFin, 9)];
        assert_eq!(told(&passive, &active), (Some(Outcome::Closed), Some(ClosedFirst::Server)));
        assert_eq!(told(&active, &passive), (Some(Outcome::Closed), Some(ClosedFirst::Client)));
        assert_eq!(told(&passive, &[OPENED]), (Some(Outcome::Closed), Some(ClosedFirst::Server)));
        assert_eq!(told(&passive, &passive).1, None);
    }

    #[test]
    fn both_in_closing_closed_at_once() {
        let crossed = [OPENED, (FinWait1, Event::SndFin, 5), (Closing, Event::RcvFin, 6)];
        assert_eq!(told(&crossed, &crossed), (Some(Outcome::Closed), Some(ClosedFirst::Both)));
        // One of the FINs was lost at first.
        let earlier = [OPENED, (FinWait1, Event::SndFin, 3), (FinWait2, Event::RcvAckOfFin, 6)];
        assert_eq!(told(&crossed, &earlier).1, Some(ClosedFirst::Server));
    }

    #[test]
    fn fins_from_before_the_capture_count() {
        let active = [(FinWait2, Event::HadClosed, 0)];
        let passive = [(CloseWait, Event::PeerHadClosed, 0)];
        assert_eq!(told(&active, &passive), (Some(Outcome::HalfClosed), Some(ClosedFirst::Client)));
        let over = [passive[0], (LastAck, Event::SndFin, 4)];
        assert_eq!(told(&active, &over), (Some(Outcome::Closed), Some(ClosedFirst::Client)));
    }

    #[test]
    fn a_reset_closes_first_only_what_was_open() {
        let aborts = [OPENED, (Closed, Event::SndRst, 4)];
        assert_eq!(told(&aborts, &[OPENED]), (Some(Outcome::Reset), Some(ClosedFirst::Client)));
        let gives_up = [(SynSent, Event::SndSyn, 0), (Closed, Event::SndRst, 4)];
        assert_eq!(told(&gives_up, &[]), (Some(Outcome::Refused), None));
        let answers = [OPENED, (CloseWait, Event::RcvFin, 3), (Closed, Event::SndRst, 4)];
        let fin = [OPENED, (FinWait1, Event::SndFin, 2)];
        assert_eq!(told(&answers, &fin), (Some(Outcome::Reset), Some(ClosedFirst::Server)));
    }
}

//! What became of a connection, who closed it first and who reset it, by the histories of its ends that are shown.

use super::{ClosedFirst, Endpoint, Outcome, ResetBy};
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
    /// It sent a RST.
    sent_reset: bool,
    /// A RST reached it.
    received_reset: bool,
    /// What it entered last: by what, which state, when.
    last: Option<(Event, State, Time)>,
}

impl Course {
    /// That of an end of which nothing is known.
    const BLANK: Course =
        Course { visited: States::EMPTY, began: None, sent_reset: false, received_reset: false, last: None };

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
        self.last = Some((event, state, at));
        match event {
            Event::SndFin | Event::HadClosed => self.begins(at),
            Event::SndRst => {
                self.sent_reset = true;
                if known {
                    self.begins(at);
                }
            }
            Event::RcvRst => self.received_reset = true,
            _ => {}
        }
    }

    fn begins(&mut self, at: Time) {
        self.began = Some(self.began.map_or(at, |began| began.min(at)));
    }

    /// Whether this ended it.
    fn ended_by(&self, event: Event) -> bool {
        self.last.is_some_and(|last| last.0 == event)
    }

    /// Whether the RST that ended `peer` had not been sent by this end, in whose name it came: this was open when it
    /// arrived, and sent none.
    fn disowns(&self, peer: &Course) -> bool {
        let Some((Event::RcvRst, _, arrived)) = peer.last else { return false };
        !self.sent_reset && self.last.is_some_and(|(_, state, at)| state != State::Closed || at > arrived)
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
    let reset = [client, server].iter().any(|end| end.sent_reset || end.received_reset);
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

/// Who ended it with a RST, where one did.
pub fn reset_by(client: &Course, server: &Course) -> Option<ResetBy> {
    if client.disowns(server) || server.disowns(client) {
        Some(ResetBy::Between)
    } else if client.ended_by(Event::SndRst) || server.ended_by(Event::RcvRst) {
        Some(ResetBy::Client)
    } else if server.ended_by(Event::SndRst) || client.ended_by(Event::RcvRst) {
        Some(ResetBy::Server)
    } else {
        None
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

    #[test]
    fn who_goes_on_after_a_rst_in_its_name_did_not_reset() {
        let by = |client: &[_], server: &[_]| reset_by(&course(client), &course(server));
        let (sent, received) = ((Closed, Event::SndRst, 4), (Closed, Event::RcvRst, 5));
        assert_eq!(by(&[OPENED, sent], &[OPENED, received]), Some(ResetBy::Client));
        assert_eq!(by(&[OPENED, received], &[OPENED, sent]), Some(ResetBy::Server));
        // That it arrived is not known.
        assert_eq!(by(&[OPENED, sent], &[OPENED]), Some(ResetBy::Client));
        assert_eq!(by(&[OPENED], &[OPENED, received]), Some(ResetBy::Between));
        let later = [OPENED, (FinWait1, Event::SndFin, 6), (Closed, Event::RcvRst, 7)];
        assert_eq!(by(&later, &[OPENED, received]), Some(ResetBy::Between));
        // An end that is closed answers with one, and enters nothing by it.
        let over = [OPENED, (LastAck, Event::SndFin, 2), (Closed, Event::RcvAckOfFin, 3)];
        assert_eq!(by(&over, &[OPENED, received]), Some(ResetBy::Client));
        assert_eq!(by(&[OPENED], &[OPENED]), None);
    }
}

//! The transitions of RFC 9293 Figure 5 (with its notes) as one table, a row per arrow.
//!
//! An endpoint's history is what this table makes of the events that happened to it, in order. An event for which the
//! present state has no row changes nothing. Everything that is hard about reading a wire lies in deciding *which*
//! events happened and when (see `receipt`); nothing of that is in here.

use super::state::State;

/// Something that happened at one endpoint and can move its state.
///
/// `Snd…` is seen: the segment was captured. `Rcv…` is believed: the peer's segment was captured, or its arrival shows
/// in what the endpoint sent afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Event {
    /// Sent a SYN without ACK.
    SndSyn,
    /// Received the peer's SYN without ACK.
    RcvSyn,
    /// Sent SYN,ACK although the peer's SYN is not in the capture.
    SndSynAck,
    /// Received a SYN,ACK that acknowledges its own SYN.
    RcvSynAck,
    /// Received an acknowledgment of its own SYN (in a segment without SYN).
    RcvAckOfSyn,
    /// Was already open when the capture began.
    WasOpen,
    /// Had sent its FIN, and seen it acknowledged, before the capture began.
    HadClosed,
    /// Had received the peer's FIN before the capture began.
    PeerHadClosed,
    /// Sent its FIN.
    SndFin,
    /// Received an acknowledgment of its FIN.
    RcvAckOfFin,
    /// Received the peer's FIN, with nothing missing below it.
    RcvFin,
    /// Sent a RST: there is no connection at this end any more.
    SndRst,
    /// Received a RST and accepted it.
    RcvRst,
    /// The four-tuple was taken over by a new incarnation.
    Replaced,
    /// Gave up waiting for an answer to its SYN or SYN,ACK.
    GiveUp,
    /// 2 MSL ran out.
    TwoMsl,
}

impl Event {
    /// All of them, in order.
    pub const ALL: [Event; 16] = [
        Event::SndSyn,
        Event::RcvSyn,
        Event::SndSynAck,
        Event::RcvSynAck,
        Event::RcvAckOfSyn,
        Event::WasOpen,
        Event::HadClosed,
        Event::PeerHadClosed,
        Event::SndFin,
        Event::RcvAckOfFin,
        Event::RcvFin,
        Event::SndRst,
        Event::RcvRst,
        Event::Replaced,
        Event::GiveUp,
        Event::TwoMsl,
    ];

    /// In plain words, as a history shows it.
    pub const fn cause(self) -> &'static str {
        match self {
            Event::SndSyn => "sent SYN",
            Event::RcvSyn => "received SYN",
            Event::SndSynAck => "sent SYN,ACK",
            Event::RcvSynAck => "received SYN,ACK",
            Event::RcvAckOfSyn => "received ACK of SYN",
            Event::WasOpen => "open before the capture began",
            Event::HadClosed => "closed its side before the capture began",
            Event::PeerHadClosed => "received FIN before the capture began",
            Event::SndFin => "sent FIN",
            Event::RcvAckOfFin => "received ACK of FIN",
            Event::RcvFin => "received FIN",
            Event::SndRst => "sent RST",
            Event::RcvRst => "received RST",
            Event::Replaced => "four-tuple used again",
            Event::GiveUp => "no answer, retries exhausted",
            Event::TwoMsl => "2 MSL passed",
        }
    }
}

/// A set of events, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events(u16);

impl Events {
    /// The set of the events given.
    pub const fn of(events: &[Event]) -> Events {
        let mut bits = 0;
        let mut i = 0;
        while i < events.len() {
            bits |= 1 << events[i] as u16;
            i += 1;
        }
        Events(bits)
    }

    /// Whether `event` is in it.
    #[inline]
    pub const fn has(self, event: Event) -> bool {
        self.0 & (1 << event as u16) != 0
    }

    /// Whether any of `events` is in it.
    #[inline]
    pub const fn has_any(self, events: Events) -> bool {
        self.0 & events.0 != 0
    }

    /// Puts `event` in or takes it out.
    #[inline]
    pub const fn set(&mut self, event: Event, is_in: bool) {
        self.0 = self.0 & !(1 << event as u16) | (is_in as u16) << event as u16;
    }

    /// What is in it and not in `others`.
    #[must_use]
    pub const fn without(self, others: Events) -> Events {
        Events(self.0 & !others.0)
    }

    /// How many.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One arrow of the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The state left.
    pub from: State,
    /// What happened.
    pub event: Event,
    /// The state entered.
    pub to: State,
    /// Where it stands.
    pub section: &'static str,
}

impl Rule {
    /// Its place in [`RULES`].
    #[inline]
    pub const fn number(&self) -> usize {
        (ROWS[self.from as usize][self.event as usize] as usize).wrapping_sub(1)
    }
}

const fn row(from: State, event: Event, to: State, section: &'static str) -> Rule {
    Rule { from, event, to, section }
}

use Event::*;
use State::*;

const OPEN: &str = "RFC 9293 3.10.1";
const CLOSE: &str = "RFC 9293 3.10.4";
const IN_LISTEN: &str = "RFC 9293 3.10.7.2";
const IN_SYN_SENT: &str = "RFC 9293 3.10.7.3";
const CHECK_RST: &str = "RFC 9293 3.10.7.4 (second)";
const CHECK_ACK: &str = "RFC 9293 3.10.7.4 (fifth)";
const CHECK_FIN: &str = "RFC 9293 3.10.7.4 (eighth)";
const RESET: &str = "RFC 9293 3.5.2";
const REUSE: &str = "RFC 9293 3.6.1, RFC 6191";
const TIMEOUT: &str = "RFC 9293 3.10.8";
const MIDSTREAM: &str = "seen midstream";

/// Every arrow. LISTEN belongs to a port, not to a connection, so an endpoint that waits for a SYN is CLOSED here.
pub const RULES: &[Rule] = &[
    // Opening.
    row(Closed, SndSyn, SynSent, OPEN),
    row(Closed, RcvSyn, SynRcvd, IN_LISTEN),
    row(Closed, SndSynAck, SynRcvd, IN_LISTEN),
    row(SynSent, RcvSynAck, Established, IN_SYN_SENT),
    row(SynSent, RcvSyn, SynRcvd, IN_SYN_SENT),
    row(SynRcvd, RcvAckOfSyn, Established, CHECK_ACK),
    row(SynRcvd, RcvSynAck, Established, CHECK_ACK),
    // Already open.
    row(Closed, WasOpen, Established, MIDSTREAM),
    row(Closed, HadClosed, FinWait2, MIDSTREAM),
    row(Closed, PeerHadClosed, CloseWait, MIDSTREAM),
    // Closing. A FIN is received with an ACK, which completes the opening before (3.10.7.4, fifth).
    row(SynRcvd, SndFin, FinWait1, CLOSE),
    row(Established, SndFin, FinWait1, CLOSE),
    row(Established, RcvFin, CloseWait, CHECK_FIN),
    row(FinWait1, RcvAckOfFin, FinWait2, CHECK_ACK),
    row(FinWait1, RcvFin, Closing, CHECK_FIN),
    row(FinWait2, RcvFin, TimeWait, CHECK_FIN),
    row(CloseWait, SndFin, LastAck, CLOSE),
    row(Closing, RcvAckOfFin, TimeWait, CHECK_ACK),
    row(LastAck, RcvAckOfFin, Closed, CHECK_ACK),
    row(TimeWait, TwoMsl, Closed, TIMEOUT),
    // Resets: a sender of RST has no connection any more (3.5.2), nor has who accepts one (3.10.7.4, RFC 5961 3).
    row(SynSent, SndRst, Closed, RESET),
    row(SynRcvd, SndRst, Closed, RESET),
    row(Established, SndRst, Closed, RESET),
    row(FinWait1, SndRst, Closed, RESET),
    row(FinWait2, SndRst, Closed, RESET),
    row(CloseWait, SndRst, Closed, RESET),
    row(Closing, SndRst, Closed, RESET),
    row(LastAck, SndRst, Closed, RESET),
    row(TimeWait, SndRst, Closed, RESET),
    row(SynSent, RcvRst, Closed, IN_SYN_SENT),
    row(SynRcvd, RcvRst, Closed, CHECK_RST),
    row(Established, RcvRst, Closed, CHECK_RST),
    row(FinWait1, RcvRst, Closed, CHECK_RST),
    row(FinWait2, RcvRst, Closed, CHECK_RST),
    row(CloseWait, RcvRst, Closed, CHECK_RST),
    row(Closing, RcvRst, Closed, CHECK_RST),
    row(LastAck, RcvRst, Closed, CHECK_RST),
    row(TimeWait, RcvRst, Closed, CHECK_RST),
    // Giving up and making room.
    row(SynSent, GiveUp, Closed, TIMEOUT),
    row(SynRcvd, GiveUp, Closed, TIMEOUT),
    row(SynSent, Replaced, Closed, REUSE),
    row(SynRcvd, Replaced, Closed, REUSE),
    row(Established, Replaced, Closed, REUSE),
    row(FinWait1, Replaced, Closed, REUSE),
    row(FinWait2, Replaced, Closed, REUSE),
    row(CloseWait, Replaced, Closed, REUSE),
    row(Closing, Replaced, Closed, REUSE),
    row(LastAck, Replaced, Closed, REUSE),
    row(TimeWait, Replaced, Closed, REUSE),
];

/// How many kinds of events there are.
const EVENTS: usize = Event::TwoMsl as usize + 1;

/// The row of [`RULES`] for each state and event, plus one; 0 for none. Asked for every event of every history.
const ROWS: [[u8; EVENTS]; State::ALL.len()] = {
    let mut rows = [[0; EVENTS]; State::ALL.len()];
    let mut i = 0;
    while i < RULES.len() {
        rows[RULES[i].from as usize][RULES[i].event as usize] = i as u8 + 1;
        i += 1;
    }
    rows
};

/// The row for `event` in `state`, if it moves it.
#[inline]
pub fn rule(state: State, event: Event) -> Option<&'static Rule> {
    RULES.get(usize::from(ROWS[state as usize][event as usize]).wrapping_sub(1))
}

/// The rows by which these events lead away from CLOSED, each of which must move the state.
pub(super) const fn path<const N: usize>(events: [Event; N]) -> [&'static Rule; N] {
    let (mut path, mut state) = ([&RULES[0]; N], State::Closed);
    let mut i = 0;
    while i < N {
        let row = ROWS[state as usize][events[i] as usize];
        assert!(row > 0, "an event without a row");
        path[i] = &RULES[row as usize - 1];
        state = path[i].to;
        i += 1;
    }
    path
}

impl crate::pack::Pack for Events {
    fn blank() -> Self {
        Events(0)
    }

    fn is_blank(&self) -> bool {
        self.0 == 0
    }

    fn pack(&self, out: &mut crate::pack::Out<'_>) {
        self.0.pack(out);
    }

    fn read(&mut self, from: &mut crate::pack::In<'_>) {
        *self = Events(crate::pack::Pack::unpack(from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rows_answer_the_same_question() {
        for (i, a) in RULES.iter().enumerate() {
            for b in &RULES[i + 1..] {
                assert!(a.from != b.from || a.event != b.event, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn every_row_is_found_and_nothing_else() {
        let mut found = 0;
        for state in State::ALL {
            for i in 0..EVENTS {
                let Some(event) = RULES.iter().map(|r| r.event).find(|e| *e as usize == i) else { continue };
                let row = RULES.iter().find(|r| r.from == state && r.event == event);
                assert_eq!(rule(state, event), row);
                found += usize::from(row.is_some());
            }
        }
        assert_eq!(found, RULES.len());
        assert!(RULES.iter().enumerate().all(|(number, rule)| rule.number() == number));
    }

    #[test]
    fn every_state_but_listen_is_entered() {
        for state in State::ALL {
            assert_eq!(RULES.iter().any(|r| r.to == state), state != Listen, "{state}");
        }
    }
}

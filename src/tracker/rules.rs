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
    // Closing.
    row(SynRcvd, SndFin, FinWait1, CLOSE),
    row(SynRcvd, RcvFin, CloseWait, CHECK_FIN),
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

/// The row for `event` in `state`, if it moves it.
pub fn rule(state: State, event: Event) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.from == state && r.event == event)
}

crate::pack::pack_choice!(Event {
    SndSyn,
    RcvSyn,
    SndSynAck,
    RcvSynAck,
    RcvAckOfSyn,
    WasOpen,
    HadClosed,
    PeerHadClosed,
    SndFin,
    RcvAckOfFin,
    RcvFin,
    SndRst,
    RcvRst,
    Replaced,
    GiveUp,
    TwoMsl,
});

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
    fn every_state_but_listen_is_entered() {
        for state in State::ALL {
            assert_eq!(RULES.iter().any(|r| r.to == state), state != Listen, "{state}");
        }
    }
}

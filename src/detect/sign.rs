//! What a connection shows at first glance, one bit each: a detector is called only where it may find something.

use super::view::View;
use crate::tracker::rules::Event;
use crate::tracker::{Connection, State, Verdict};

use crate::signals::{Cold, Signals};

/// A set of signs. A detector names those of which at least one must be there before it is worth asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs(u64);

const EVENTS: u32 = Event::ALL.len() as u32;
const STATES: u32 = State::ALL.len() as u32;
const FLAGS: u32 = EVENTS + 2 * STATES;

impl Signs {
    /// Every connection has it: for detectors that rest on numbers alone.
    pub const ANY: Signs = Signs(1 << FLAGS);
    /// Something rare was noted ([`Signals::cold`]).
    pub const RARE: Signs = Signs(1 << (FLAGS + 1));
    /// A RST was captured.
    pub const RESET: Signs = Signs(1 << (FLAGS + 2));
    /// What an end sent last is unanswered.
    pub const WAITING: Signs = Signs(1 << (FLAGS + 3));
    /// A SYN or SYN,ACK was sent more than once.
    pub const SYN_AGAIN: Signs = Signs(1 << (FLAGS + 4));
    /// No payload was captured.
    pub const EMPTY: Signs = Signs(1 << (FLAGS + 5));
    /// Nothing of one end was captured.
    pub const UNHEARD: Signs = Signs(1 << (FLAGS + 6));
    /// There was a connection before it on the same four-tuple.
    pub const AGAIN: Signs = Signs(1 << (FLAGS + 7));
    /// An end that had sent a SYN received one.
    pub const CROSSED: Signs = Signs(1 << (FLAGS + 8));

    /// The client sent the last payload.
    pub const ASKED: Signs = Signs(1 << (FLAGS + 9));

    /// An end held something back.
    pub const HELD: Signs = Signs(1 << (FLAGS + 10));

    /// An end sent something again.
    pub const REPEATED: Signs = Signs(1 << (FLAGS + 11));

    /// Something was captured behind what its sender had sent after it.
    pub const OVERTAKEN: Signs = Signs(1 << (FLAGS + 12));

    /// An end closed its window.
    pub const SHUT: Signs = Signs(1 << (FLAGS + 13));

    /// An end went on sending payload after the other's FIN.
    pub const HALF_CLOSED: Signs = Signs(1 << (FLAGS + 14));

    /// What hardly any connection shows: a SYN that is not its own or another than before, flags that do not go together, an
    /// ICMP error, data beyond a FIN.
    pub const ODD: Signs = Signs(1 << (FLAGS + 15));

    /// `event` happened at an end.
    pub const fn event(event: Event) -> Signs {
        Signs(1 << event as u32)
    }

    /// An end was in `state`.
    pub const fn reached(state: State) -> Signs {
        Signs(1 << (EVENTS + state as u32))
    }

    /// An end was in `state` when the capture ended.
    pub const fn ended(state: State) -> Signs {
        Signs(1 << (EVENTS + STATES + state as u32))
    }

    /// Those of both.
    #[must_use]
    pub const fn or(self, other: Signs) -> Signs {
        Signs(self.0 | other.0)
    }

    /// Whether one of `other` is there.
    pub const fn any(self, other: Signs) -> bool {
        self.0 & other.0 != 0
    }

    /// The signs by their numbers.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// What `c` shows, with its `verdicts` and `signals`; `again` if there was one before it on the same four-tuple.
    pub fn of(c: &Connection, verdicts: &[Verdict; 2], signals: &Signals, again: bool) -> Signs {
        const SYNS: u32 = 1 << Event::SndSyn as u32 | 1 << Event::RcvSyn as u32;
        let (mut events, mut reached, mut ended, mut crossed) = (0_u32, 0_u32, 0_u32, false);
        for verdict in verdicts {
            let (mut last, mut own) = (State::Closed, 0_u32);
            for step in verdict.steps.as_slice() {
                last = step.rule.to;
                own |= 1 << step.mark.event as u32;
                reached |= 1 << last as u32;
            }
            ended |= 1 << last as u32;
            events |= own;
            crossed |= own & SYNS == SYNS;
        }
        let (reached, ended) = (u64::from(reached) << EVENTS, u64::from(ended) << (EVENTS + STATES));
        let mut bits = Signs::ANY.0 | u64::from(events) | reached | ended;
        let mut put = |sign: Signs, there: bool| bits |= u64::from(there) << sign.0.trailing_zeros();
        let [a, b] = &c.ends;
        let of_cold = signals.cold().map_or(0, |cold| Signs::of_cold(cold).0);
        put(Signs::RESET, !signals.resets().is_empty());
        put(Signs::WAITING, signals.is_waiting());
        put(Signs::SYN_AGAIN, a.syns.max(b.syns).max(a.syn_acks).max(b.syn_acks) > 1);
        put(Signs::EMPTY, a.bytes | b.bytes == 0);
        put(Signs::UNHEARD, a.packets == 0 || b.packets == 0);
        put(Signs::AGAIN, again);
        put(Signs::CROSSED, crossed);
        Signs(bits | of_cold)
    }

    /// What is rare about a connection of which something rare was noted.
    fn of_cold(cold: &Cold) -> Signs {
        let [a, b] = &cold.ends;
        let odd = cold.stray_syn.is_some()
            | cold.changed_isn.is_some()
            | cold.odd_flags.is_some()
            | cold.icmp.is_some()
            | cold.past_fin.is_some()
            | cold.stripped.is_some()
            | cold.too_big.is_some();
        let when = |there: bool, sign: Signs| if there { sign.0 } else { 0 };
        Signs(
            Signs::RARE.0
                | when(a.again.first.is_some() | b.again.first.is_some(), Signs::REPEATED)
                | when(a.first_late.is_some() | b.first_late.is_some(), Signs::OVERTAKEN)
                | when(a.zero.first.is_some() | b.zero.first.is_some(), Signs::SHUT)
                | when(a.first_after_peer_fin.is_some() | b.first_after_peer_fin.is_some(), Signs::HALF_CLOSED)
                | when(odd, Signs::ODD),
        )
    }
}

impl View<'_> {
    /// Whether one of `signs` is there.
    pub fn shows(&self, signs: Signs) -> bool {
        self.signs.any(signs)
    }
}

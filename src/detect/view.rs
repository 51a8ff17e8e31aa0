//! What a detector looks at: one connection with its verdicts and signals, and the capture around it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::plain::Word;
use super::scene::Scene;
use super::sign::Signs;
use super::threshold::Threshold;
use crate::report::Side;
use crate::segment::Socket;
use crate::signals::{self, Signals};
use crate::time::Span;
use crate::timing::Measured;
use crate::tracker::log::Step;
use crate::tracker::rules::Event;
use crate::tracker::{Connection, State, States, Verdict};

/// Numbers behind a finding, by name.
pub type Facts = BTreeMap<&'static str, Value>;

/// One connection, as a detector sees it. Ends are numbered as in [`Connection::sockets`].
pub struct View<'a> {
    /// What the tracker knows.
    pub connection: &'a Connection,
    /// Its number in the report.
    pub id: u64,
    /// Both ends' histories.
    pub verdicts: &'a [Verdict; 2],
    /// What states do not tell.
    pub signals: &'a Signals,
    /// Where its time went.
    pub measured: &'a Measured,
    /// Which end is the client.
    pub client: usize,
    /// The connection before it on the same four-tuple.
    pub previous: Option<&'a Connection>,
    /// The capture.
    pub scene: &'a Scene,
    /// What it shows at first glance.
    pub signs: Signs,
}

impl<'a> View<'a> {
    /// A look at `connection`, of which end `client` is the client, number `id` in the report; `previous` is the one before
    /// it on the same four-tuple.
    pub fn new(
        (connection, client, id): (&'a Connection, usize, u64),
        verdicts: &'a [Verdict; 2],
        (signals, measured): (&'a Signals, &'a Measured),
        previous: Option<&'a Connection>,
        scene: &'a Scene,
    ) -> View<'a> {
        let mut signs = Signs::of(connection, verdicts, signals, previous.is_some());
        if measured.spoke_last(client) {
            signs = signs.or(Signs::ASKED);
        }
        if measured.held(0).or(measured.held(1)).is_some() {
            signs = signs.or(Signs::HELD);
        }
        View { connection, id, verdicts, signals, measured, client, previous, scene, signs }
    }

    /// The state of end `e` when the capture ended.
    pub fn state(&self, e: usize) -> State {
        self.verdicts[e].state()
    }

    /// The transitions of end `e`.
    pub fn steps(&self, e: usize) -> &'a [Step] {
        &self.verdicts[e].steps
    }

    /// The transition with which end `e` first entered `state`.
    pub fn entered(&self, e: usize, state: State) -> Option<&'a Step> {
        self.steps(e).iter().find(|s| s.rule.to == state)
    }

    /// Whether end `e` ever was in `state`.
    pub fn ever(&self, e: usize, state: State) -> bool {
        self.entered(e, state).is_some()
    }

    /// The transition with which end `e` entered the state it ended in.
    pub fn last_step(&self, e: usize) -> Option<&'a Step> {
        self.steps(e).last()
    }

    /// Since when and for how long end `e` is in `state`, if that is where it ended.
    pub fn stuck_in(&self, e: usize, state: State) -> Option<(&'a Step, Span)> {
        let step = self.last_step(e).filter(|s| s.rule.to == state)?;
        Some((step, self.scene.end - step.mark.time))
    }

    /// The first transition of end `e` that `event` caused.
    pub fn event(&self, e: usize, event: Event) -> Option<&'a Step> {
        self.steps(e).iter().find(|s| s.mark.event == event)
    }

    /// Signals of end `e`.
    pub fn end(&self, e: usize) -> &'a signals::End {
        &self.signals.ends[e]
    }

    /// What end `e` sent since the other was last heard.
    pub fn unanswered(&self, e: usize) -> &'a signals::Unanswered {
        self.signals.unanswered(e)
    }

    /// Rare signals of end `e`.
    pub fn cold(&self, e: usize) -> &'a signals::ColdEnd {
        self.signals.cold_end(e)
    }

    /// How many segments end `e` sent: those captured, but for copies.
    pub fn sent(&self, e: usize) -> u64 {
        let copies = self.signals.cold().map_or(0, |cold| cold.copies[e]);
        self.connection.ends[e].packets.saturating_sub(copies.into())
    }

    /// Client or server.
    pub fn side(&self, e: usize) -> Side {
        if e == self.client { Side::Client } else { Side::Server }
    }

    /// The end that is not the client.
    pub fn server(&self) -> usize {
        1 - self.client
    }

    /// Address and port of end `e`.
    pub fn socket(&self, e: usize) -> Socket {
        self.connection.sockets[e]
    }

    /// `server 192.0.2.1:80`, to be put into a sentence.
    pub fn who(&self, e: usize) -> Who {
        Who::new(self.side(e), self.socket(e))
    }

    /// A threshold that is a duration.
    pub fn span(&self, threshold: &Threshold) -> Span {
        self.scene.limits.span(threshold)
    }

    /// For how long what holds up to the end of the capture must hold to be told: see [`Limits::patience`].
    ///
    /// [`Limits::patience`]: super::Limits::patience
    pub fn patience(&self, threshold: &Threshold) -> Span {
        // What is short and shows one end only shows too little.
        if self.is_one_sided() {
            return self.span(threshold);
        }
        self.scene.limits.patience(threshold, self.scene.length)
    }

    /// A threshold that is a number.
    pub fn limit(&self, threshold: &Threshold) -> i64 {
        self.scene.limits.get(threshold)
    }

    /// Only one end was captured, although the segments show that the other was there.
    pub fn is_one_sided(&self) -> bool {
        is_one_sided(self.connection, self.signals)
    }

    /// The FIN of end `e` is known from its acknowledgment alone, though others of its segments were captured and the
    /// capture misses data: the peer's FIN may well have been missed in the same way.
    pub fn misses_fins(&self, e: usize) -> bool {
        let end = &self.connection.ends[e];
        end.fins == 0 && end.packets > 0 && self.scene.quality.is_lossy()
    }

    /// Both ends had opened it.
    pub fn was_open(&self) -> bool {
        const OPEN: States = States::of(&[State::Established, State::FinWait1, State::FinWait2, State::CloseWait]);
        (0..2).all(|e| self.steps(e).iter().any(|s| OPEN.has(s.rule.to)))
    }

    /// It was open before the capture began.
    pub fn is_midstream(&self) -> bool {
        !self.connection.opening_seen()
    }

    /// A round trip between the ends, as well as the capture shows it; 200 ms if it does not.
    pub fn round_trip(&self) -> Span {
        let [a, b] = [0, 1].map(|e| self.connection.ends[e].turnaround());
        match (a, b) {
            (Some(a), Some(b)) => Span(a.0.saturating_add(b.0)),
            (Some(a), None) | (None, Some(a)) => Span(a.0.saturating_mul(2)),
            (None, None) => Span::millis(200),
        }
    }
}

/// An end as sentences name it.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    side: Side,
    socket: Socket,
}

impl Who {
    /// The end of this socket.
    pub fn new(side: Side, socket: Socket) -> Who {
        Who { side, socket }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.side.name())?;
        f.write_str(" ")?;
        fmt::Display::fmt(&self.socket, f)
    }
}

impl Word for Who {
    fn put(&self, sentence: &mut String) {
        sentence.push_str(self.side.name());
        sentence.push(' ');
        self.socket.put(sentence);
    }
}

/// Nothing of one end was captured, although the other acknowledges what it sent.
pub fn is_one_sided(c: &Connection, signals: &Signals) -> bool {
    if c.ends[0].packets != 0 && c.ends[1].packets != 0 || c.is_with_itself() {
        return false;
    }
    (0..2).any(|e| {
        let (unseen, seen) = (&c.ends[e], &c.ends[1 - e]);
        let spoke = signals.ends[e].missing > 0 || seen.syns > 0 && unseen.acked().is_some();
        unseen.packets == 0 && seen.packets > 1 && spoke
    })
}

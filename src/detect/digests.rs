//! Digests of some connections side by side in memory: capture-wide detectors look at all of them many times. What they ask
//! first lies in twelve bytes of each, what they ask of some in others. Nothing is allocated for one alone.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::attempt::Attempt;
use super::digest::{ALONE, Digest, ESTABLISHED, OPEN_AT_END, OPENED, Rare, Row, TIME_WAIT, TIME_WAIT_AT_SERVER};
use super::noted::note;
use super::probe::{Kind, Probe};
use super::scene::Scene;
use super::sink::Brief;
use super::stay::{Stay, Stays};
use super::unclosed::{counts, is_fin_captured, note_close, quarter, unclosed};
use super::usual::{Begin, More, Origin, Usual};
use crate::report::Outcome;
use crate::report::directory::Parties;
use crate::time::{Span, Time};
use crate::tracker::textbook::Entered;
use crate::tracker::{Fate, Outline, State, Verdict};

/// Digests of some connections, in order.
#[derive(Clone, Debug, Default)]
pub struct Digests {
    rows: Vec<Row>,
    pub(super) begins: Vec<Begin>,
    /// What there is more, of most of them.
    pub(super) usual: Vec<Usual>,
    /// Of those that are not like most.
    pub(super) whole: Vec<More>,
    rare: Vec<Rare>,
    /// Whether the server of any was in SYN_RCVD.
    half_open: bool,
    /// How those began that did too far from the first, by place.
    pub(super) far: BTreeMap<u32, Origin>,
    /// How the first one began.
    pub(super) origin: Origin,
    /// When the latest did.
    pub(super) latest: Time,
    /// How long TIME_WAIT takes.
    pub(super) two_msl: Span,
}

/// What there is to say of a connection besides its marks.
enum Rest {
    /// It was a lone SYN: how long after it the server was in SYN_RCVD, for good, plus one; 0 if it was not.
    Lone(u32),
    /// It came to more; whether it was an attempt.
    More(More, bool),
    /// The same where it is known to be like most, and its server was in SYN_RCVD.
    Usual(Usual),
}

impl Digests {
    /// None yet, and room for so many, of which about as many are unlike most as of those `before`.
    pub fn with_capacity(connections: usize, before: Option<&Digests>) -> Digests {
        let (rows, begins) = (Vec::with_capacity(connections), Vec::with_capacity(connections));
        let [whole, rare] = before.map_or([0; 2], |before| [before.whole.len(), before.rare.len()].map(|n| n + n / 4));
        let (usual, whole, rare) =
            (Vec::with_capacity(connections), Vec::with_capacity(whole), Vec::with_capacity(rare));
        Digests { rows, begins, usual, whole, rare, ..Digests::default() }
    }

    /// Adds one.
    #[inline(always)]
    fn add(&mut self, origin: Origin, parties: Parties, (marks, outcome, probe): (u16, Outcome, Probe), rest: Rest) {
        let place = self.rows.len();
        if place == 0 {
            (self.origin, self.latest) = (origin, origin.time);
        }
        self.latest = self.latest.max(origin.time);
        let (mut kept, rest) = match rest {
            Rest::Lone(half_open) => (Kind::LONE | if half_open > 0 { Kind::HALF_OPEN } else { 0 }, half_open),
            Rest::More(more, attempt) => self.add_more(origin.time, &more, attempt),
            Rest::Usual(usual) => (Kind::HALF_OPEN, self.add_usual(usual)),
        };
        let begin = Begin::of(&origin, &self.origin, place, rest).unwrap_or_else(|| {
            kept |= Kind::FAR;
            self.far.insert(place as u32, origin);
            Begin::far(rest)
        });
        self.half_open |= kept & Kind::HALF_OPEN != 0;
        self.begins.push(begin);
        self.rows.push(Row { parties, marks, outcome, kind: Kind::new(probe, kept) });
    }

    /// Adds what there is more to say of one that began `first`; how it is kept, and where.
    #[inline(always)]
    fn add_more(&mut self, first: Time, more: &More, attempt: bool) -> (u8, u32) {
        let half_open = if more.handshake.happened() { Kind::HALF_OPEN } else { 0 };
        let usual = if more.rare == 0 { Usual::of(more, first, attempt, self.two_msl) } else { None };
        if let Some(usual) = usual {
            return (half_open | if attempt { Kind::ATTEMPT } else { 0 }, self.add_usual(usual));
        }
        self.whole.push(*more);
        (half_open | Kind::WHOLE, self.whole.len() as u32 - 1)
    }

    /// The same of one that is like most; where.
    #[inline(always)]
    fn add_usual(&mut self, usual: Usual) -> u32 {
        self.usual.push(usual);
        self.usual.len() as u32 - 1
    }

    /// Adds what only few connections have; its place, plus one.
    fn add_rare(&mut self, rare: Option<Rare>) -> u32 {
        rare.map_or(0, |rare| {
            self.rare.push(rare);
            self.rare.len() as u32
        })
    }

    /// What only few connections have, of one that is kept whole.
    pub(super) fn rare_of(&self, begin: &Begin) -> Option<&Rare> {
        rare_of(&self.whole, &self.rare, begin)
    }

    /// Adds that of `c`, number `id` in the report, between `parties`, of which this became, and on which payload passed last
    /// at that time; the end of time if it is not known when. Or it came to nothing, and this is the attempt.
    pub fn push(
        &mut self,
        (id, parties): (u64, Parties),
        c: &Outline,
        verdicts: &[Verdict; 2],
        (outcome, last_data, attempt): (Outcome, Option<Time>, Option<Attempt>),
        briefs: &[Brief],
        scene: &Scene,
    ) {
        let sides = [c.client & 1, 1 - (c.client & 1)].map(|e| &verdicts[e]);
        let [client, server] = sides;
        let opened = client.steps.first().is_some_and(|s| s.rule.to == State::SynSent && s.mark.packet != 0);
        let stays = |v: &Verdict| Stays::of(v.steps.iter().rev().map(|step| (step.rule.to, step.at)));
        let (client, server) = (stays(client), stays(server));
        let mut marks = 0;
        let mut mark = |bit: u16, there: bool| marks |= if there { bit } else { 0 };
        mark(OPENED, opened);
        mark(ALONE, outcome.is_one_way([c.client & 1, 1 - (c.client & 1)].map(|e| c.packets[e])));
        mark(OPEN_AT_END, !client.is_over() || !server.is_over());
        mark(ESTABLISHED, server.established.happened());
        mark(TIME_WAIT_AT_SERVER, !client.time_wait.happened());
        mark(TIME_WAIT, client.time_wait.happened() || server.time_wait.happened());
        let at_client = client.close_wait.happened();
        let close_wait = if at_client { client.close_wait } else { server.close_wait };
        let mut rare = None;
        if counts(close_wait, scene) && is_fin_captured(sides[usize::from(at_client)]) {
            marks |= unclosed(close_wait, at_client, scene, &mut rare);
        }
        let mut more = more(c, &client, &server, &mut rare);
        if server.fin_wait_1.happened() && !client.fin_wait_1.happened() && is_fin_captured(sides[1]) {
            note_close(server.fin_wait_1, server.time_wait, &mut rare);
        }
        if outcome == Outcome::Open && opened {
            let established = client.established.since.max(server.established.since);
            // Of what was captured in one direction only anything may have been an answer to payload.
            let last_data = if marks & ALONE != 0 { Some(c.last) } else { last_data };
            more.time_wait.since = last_data.map_or(established, |last| last.max(established));
        }
        let attempt = attempt.filter(|_| marks & (TIME_WAIT | ESTABLISHED) == 0);
        if let Some(attempt) = attempt {
            more.time_wait.until = attempt.packed();
        }
        let mut probe = match c.packets[1 - (c.client & 1)] {
            0 => Probe::Unheard,
            _ if outcome == Outcome::Open && opened && last_data.is_none() && c.bytes == [0, 0] => Probe::Empty,
            _ => Probe::No,
        };
        briefs.iter().for_each(|brief| note(brief, c, (&mut marks, &mut probe), &mut rare));
        let half_open = if rare.is_none() { lone(&more, c.first) } else { None };
        more.rare = self.add_rare(rare);
        if half_open.is_none() {
            self.two_msl = scene.profile.two_msl;
        }
        let rest = half_open.map_or(Rest::More(more, attempt.is_some()), Rest::Lone);
        self.add(origin(id, c), parties, (marks, outcome, probe), rest);
    }

    /// The same of a textbook connection that began with this packet and had so many of both ends, whose ends entered their states
    /// so; false, and nothing is added, if its packets have no numbers.
    #[inline]
    pub fn push_textbook(
        &mut self,
        (id, parties): (u64, Parties),
        (first, packet): (Time, u64),
        (last, packets): (Time, u64),
        entered: &Entered,
        scene: &Scene,
    ) -> bool {
        if packet == 0 {
            return false;
        }
        // Either end was in one state after the other: opening, ESTABLISHED, and three of the close.
        let over = entered.over.map_or(Stay::NONE.until, |(at, _)| at);
        let stay = |e: usize, i: usize| {
            let at = &entered.at[e & 1];
            Stay { since: at[i], until: at.get(i + 1).map_or(over, |at| *at) }
        };
        let closer = entered.closer();
        let at_server = closer == 1;
        let (mut marks, mut rare) = (OPENED | ESTABLISHED | TIME_WAIT, None);
        marks |= if at_server { TIME_WAIT_AT_SERVER } else { 0 };
        let close_wait = stay(1 - closer, 2);
        if counts(close_wait, scene) {
            marks |= unclosed(close_wait, at_server, scene, &mut rare);
        }
        if at_server {
            note_close(stay(1, 2), stay(1, 4), &mut rare);
        }
        self.two_msl = scene.profile.two_msl;
        let (handshake, time_wait) = (stay(1, 0), stay(closer, 4));
        let usual = if rare.is_some() {
            None
        } else {
            Usual::by_the_book([first, handshake.since, handshake.until, last], &time_wait, packets, self.two_msl)
        };
        let rest = usual.map(Rest::Usual).unwrap_or_else(|| {
            let (rare, packets) = (self.add_rare(rare), packets.min(u32::MAX.into()) as u32);
            Rest::More(More { last, handshake, time_wait, rare, packets }, false)
        });
        self.add(Origin { time: first, id, packet }, parties, (marks, Outcome::Closed, Probe::No), rest);
        true
    }

    /// The same of a lone SYN, of which only its server may be half open; false, and nothing is added, if there is more to it.
    pub fn push_lone(
        &mut self,
        (id, parties): (u64, Parties),
        c: &Outline,
        [client, server]: &[Verdict; 2],
        outcome: Outcome,
    ) -> bool {
        let half_open = match server.steps.as_slice() {
            _ if c.first_packet == 0 => return false,
            [] => 0,
            [step] if step.rule.to == State::SynRcvd => match half_open_after(step.at, c.first) {
                Some(after) => after,
                None => return false,
            },
            _ => return false,
        };
        let open = half_open != 0 || client.state() != State::Closed;
        let marks = OPENED | TIME_WAIT_AT_SERVER | if open { OPEN_AT_END } else { 0 };
        self.add(origin(id, c), parties, (marks, outcome, Probe::Unheard), Rest::Lone(half_open));
        true
    }

    /// The same of one of which this became, whose SYN has this time and packet number, which is none but 0.
    #[inline]
    pub fn push_fate(&mut self, (id, parties): (u64, Parties), (time, packet): (Time, u64), fate: Fate) {
        let open = if matches!(fate, Fate::GivenUp(_)) { 0 } else { OPEN_AT_END };
        let half_open = u32::from(fate == Fate::Received);
        let marks = (OPENED | TIME_WAIT_AT_SERVER | open, Outcome::of_fate(fate), Probe::Unheard);
        self.add(Origin { time, id, packet }, parties, marks, Rest::Lone(half_open));
    }

    /// Marks who was in CLOSE_WAIT when the quarters of the capture ended, where that could not be told before.
    pub fn mark_quarters(&mut self, quarters: &[Time; 4]) {
        let whole = self.rows.iter_mut().zip(&self.begins).filter(|(row, _)| row.kind.is(Kind::WHOLE));
        for (row, begin) in whole {
            if let Some(stay) = rare_of(&self.whole, &self.rare, begin).and_then(|rare| rare.close_wait) {
                let covered = quarters.iter().enumerate().filter(|(_, time)| stay.covers(**time));
                covered.for_each(|(i, _)| row.marks |= quarter(i));
            }
        }
    }

    /// No more are added.
    pub fn trim(&mut self) {
        self.rows.shrink_to_fit();
        self.begins.shrink_to_fit();
        self.usual.shrink_to_fit();
        self.whole.shrink_to_fit();
        self.rare.shrink_to_fit();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether there is more to any than a lone SYN.
    pub fn has_more(&self) -> bool {
        !self.usual.is_empty() || !self.whole.is_empty()
    }

    /// Whether any has something that only few connections have.
    pub fn has_rare(&self) -> bool {
        !self.rare.is_empty()
    }

    /// Whether the server of any was in SYN_RCVD.
    pub fn has_half_open(&self) -> bool {
        self.half_open
    }

    /// How many are open when the capture ends.
    pub fn open_at_end(&self) -> u64 {
        self.rows.iter().filter(|row| row.marks & OPEN_AT_END != 0).count() as u64
    }

    /// The one at this place.
    #[inline]
    pub fn get(&self, place: usize) -> Option<Digest<'_>> {
        Some(Digest::new(self, place, *self.rows.get(place)?))
    }

    /// That of the connection with this number, where those of all are in order of theirs.
    pub fn find(&self, id: u64) -> Option<Digest<'_>> {
        // Numbers ascend: it cannot come behind the place that it has where none is missing, and mostly it is there.
        let most = usize::try_from(id.checked_sub(self.origin.id)?).ok()?.min(self.len().checked_sub(1)?);
        let (mut from, mut to, mut next) = (0, most + 1, most);
        while from < to {
            let found = self.get(next)?;
            match found.id().cmp(&id) {
                Ordering::Equal => return Some(found),
                Ordering::Less => from = next + 1,
                Ordering::Greater => to = next,
            }
            next = from.midpoint(to);
        }
        None
    }

    /// The numbers of the first and the last.
    pub fn bounds(&self) -> Option<(u64, u64)> {
        Some((self.get(0)?.id(), self.get(self.len() - 1)?.id()))
    }

    /// All of them.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Digest<'_>> + Clone {
        self.rows.iter().enumerate().map(|(place, row)| Digest::new(self, place, *row))
    }
}

/// How `c`, number `id` in the report, began.
fn origin(id: u64, c: &Outline) -> Origin {
    Origin { time: c.first, id, packet: c.first_packet }
}

fn rare_of<'a>(whole: &[More], rare: &'a [Rare], begin: &Begin) -> Option<&'a Rare> {
    let place = whole.get(begin.rest as usize)?.rare;
    rare.get((place as usize).checked_sub(1)?)
}

/// What there is to say of `c`, whose client and server were in these states.
fn more(c: &Outline, client: &Stays, server: &Stays, rare: &mut Option<Rare>) -> More {
    let mut handshake = server.syn_rcvd;
    if server.established.happened() {
        if !handshake.happened() {
            handshake.until = server.established.since;
        } else if handshake.until != server.established.since {
            rare.get_or_insert_default().established = Some(server.established.since);
        }
    }
    if client.time_wait.happened() && server.time_wait.happened() {
        rare.get_or_insert_default().time_wait = Some(server.time_wait);
    }
    More {
        last: c.last,
        handshake,
        time_wait: if client.time_wait.happened() { client.time_wait } else { server.time_wait },
        rare: 0,
        packets: (c.packets[0] + c.packets[1]).min(u32::MAX.into()) as u32,
    }
}

/// If `more` is of a lone SYN, captured at `first`: how long after that the server was in SYN_RCVD, plus one; 0 if it was not.
fn lone(more: &More, first: Time) -> Option<u32> {
    let lone = more.packets == 1 && more.last == first && !more.time_wait.happened();
    if !lone || more.handshake == Stay::NONE {
        return lone.then_some(0);
    }
    half_open_after(more.handshake.since, first).filter(|_| more.handshake.lasts())
}

/// How long after its lone SYN a server was in SYN_RCVD, plus one, if there is room for that.
fn half_open_after(since: Time, first: Time) -> Option<u32> {
    u32::try_from((since - first).0.checked_add(1)?).ok().filter(|after| *after > 0)
}

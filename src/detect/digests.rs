//! Digests of some connections side by side in memory: capture-wide detectors look at all of them many times. Nothing is
//! allocated for one alone.

use std::num::NonZero;

use super::attempt::Attempt;
use super::digest::{
    ALONE, BROKE, Digest, ESTABLISHED, IGNORED, LEAKED, LEAKED_AT_CLIENT, More, OPEN_AT_END, OPENED, Probe, QUARTERS,
    REPEATED, Rare, Row, TIME_WAIT, TIME_WAIT_AT_SERVER, WAITED,
};
use super::scene::Scene;
use super::short::Short;
use super::sink::Brief;
use super::stay::{Stay, Stays};
use super::{
    ALL, Declaration, half_open_accept_overflow, handshake_aborted, idle_death, no_data, odd_flags, retransmissions,
    rst_abort, syn_rejected, syn_retried, syn_unanswered,
};
use crate::report::directory::Parties;
use crate::report::{Outcome, Side};
use crate::time::{Span, Time};
use crate::tracker::rules::Event;
use crate::tracker::textbook::Entered;
use crate::tracker::{Evidence, Outline, State, Verdict};

/// Where connections are let go before the quarters of the capture are known, a stay in CLOSE_WAIT must be this long to be
/// remembered: most connections are in it for a moment.
const LONG: Span = Span::secs(1);

/// Digests of some connections, in order.
#[derive(Clone, Debug, Default)]
pub struct Digests {
    rows: Vec<Row>,
    pub(super) more: Vec<More>,
    pub(super) rare: Vec<Rare>,
}

impl Digests {
    /// None yet, and room for so many.
    pub fn with_capacity(connections: usize) -> Digests {
        Digests { rows: Vec::with_capacity(connections), ..Digests::default() }
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
        if let Some(attempt) = attempt.filter(|_| marks & (TIME_WAIT | ESTABLISHED) == 0) {
            more.time_wait.until = attempt.packed();
        }
        let mut probe = match c.packets[1 - (c.client & 1)] {
            0 => Probe::Unheard,
            _ if outcome == Outcome::Open && opened && last_data.is_none() && c.bytes == [0, 0] => Probe::Empty,
            _ => Probe::No,
        };
        briefs.iter().for_each(|brief| note(brief, c, (&mut marks, &mut probe), &mut rare));
        let half_open = if rare.is_none() { lone(&more, c.first) } else { None };
        self.rows.push(Row {
            first: c.first,
            parties,
            half_open: half_open.flatten(),
            more: if half_open.is_some() { 0 } else { self.more.len() as u32 + 1 },
            id: Short::of(id),
            first_packet: Short::of(c.first_packet),
            marks,
            outcome,
            probe,
        });
        if half_open.is_none() {
            let rare = rare.map_or(0, |rare| {
                self.rare.push(rare);
                self.rare.len() as u32
            });
            self.more.push(More { rare, ..more });
        }
    }

    /// The same of a textbook connection, whose ends entered their states so; false, and nothing is added, if its packets have
    /// no numbers.
    #[inline]
    pub fn push_textbook(
        &mut self,
        (id, parties): (u64, Parties),
        c: &Outline,
        entered: &Entered,
        scene: &Scene,
    ) -> bool {
        if c.first_packet == 0 {
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
        let rare = rare.map_or(0, |rare| {
            self.rare.push(rare);
            self.rare.len() as u32
        });
        let packets = (c.packets[0] + c.packets[1]).min(u32::MAX.into()) as u32;
        self.more.push(More { last: c.last, handshake: stay(1, 0), time_wait: stay(closer, 4), rare, packets });
        self.rows.push(Row {
            first: c.first,
            parties,
            half_open: None,
            more: self.more.len() as u32,
            id: Short::of(id),
            first_packet: Short::of(c.first_packet),
            marks,
            outcome: Outcome::Closed,
            probe: Probe::No,
        });
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
            [] => None,
            [step] => match (step.at - c.first).0.checked_add(1).and_then(|after| u32::try_from(after).ok()) {
                Some(after) if step.rule.to == State::SynRcvd && after > 0 => NonZero::new(after),
                _ => return false,
            },
            _ => return false,
        };
        let open = half_open.is_some() || client.state() != State::Closed;
        let marks = OPENED | TIME_WAIT_AT_SERVER | if open { OPEN_AT_END } else { 0 };
        let (id, first_packet) = (Short::of(id), Short::of(c.first_packet));
        let (more, probe) = (0, Probe::Unheard);
        self.rows.push(Row { first: c.first, parties, half_open, more, id, first_packet, marks, outcome, probe });
        true
    }

    /// Marks who was in CLOSE_WAIT when the quarters of the capture ended, where that could not be told before.
    pub fn mark_quarters(&mut self, quarters: &[Time; 4]) {
        for row in &mut self.rows {
            let more = (row.more as usize).checked_sub(1).and_then(|place| self.more.get(place));
            let rare = more.and_then(|more| self.rare.get((more.rare as usize).checked_sub(1)?));
            if let Some(stay) = rare.and_then(|rare| rare.close_wait) {
                let covered = quarters.iter().enumerate().filter(|(_, time)| stay.covers(**time));
                covered.for_each(|(i, _)| row.marks |= quarter(i));
            }
        }
    }

    /// No more are added.
    pub fn trim(&mut self) {
        self.more.shrink_to_fit();
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

    /// The one at this place.
    #[inline]
    pub fn get(&self, place: usize) -> Digest<'_> {
        Digest::new(self, &self.rows[place])
    }

    /// All of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Digest<'_>> + Clone {
        self.rows.iter().map(|row| Digest::new(self, row))
    }
}

/// Whether an end was in CLOSE_WAIT when that counts: when a quarter of the capture ended, or for long.
fn counts(close_wait: Stay, scene: &Scene) -> bool {
    let short = scene.let_go && close_wait.until.min(scene.end) - close_wait.since < LONG;
    let seen = |time: &Time| close_wait.covers(*time);
    let counts = || !short && (scene.let_go || close_wait.lasts() || scene.quarters.iter().any(seen));
    close_wait.happened() && counts()
}

/// The marks of one that was; when it was is noted where the quarters are not known yet.
fn unclosed(close_wait: Stay, at_client: bool, scene: &Scene, rare: &mut Option<Rare>) -> u16 {
    let mut marks = if at_client { LEAKED_AT_CLIENT } else { 0 };
    marks |= if close_wait.lasts() { LEAKED } else { 0 };
    if scene.let_go {
        rare.get_or_insert_default().close_wait = Some(close_wait);
        return marks;
    }
    let covered = scene.quarters.iter().enumerate().filter(|(_, time)| close_wait.covers(**time));
    covered.fold(marks, |marks, (i, _)| marks | quarter(i))
}

/// Notes when the server closed a connection, where that is not when its TIME_WAIT began.
fn note_close(fin_wait_1: Stay, time_wait: Stay, rare: &mut Option<Rare>) {
    if !time_wait.happened() || time_wait.since - fin_wait_1.since > LONG {
        rare.get_or_insert_default().closed = Some(fin_wait_1.since);
    }
}

/// Whether a FIN of an end was captured, and is not only assumed.
fn is_fin_captured(of: &Verdict) -> bool {
    of.steps.iter().any(|s| s.mark.event == Event::SndFin && s.mark.evidence != Evidence::Assumed)
}

/// The mark of one that was in CLOSE_WAIT at the end of a quarter of the capture.
fn quarter(i: usize) -> u16 {
    1 << (QUARTERS + i as u32)
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

/// If `more` is of a lone SYN, captured at `first`: how long after that the server was in SYN_RCVD, plus one, if ever.
fn lone(more: &More, first: Time) -> Option<Option<NonZero<u32>>> {
    let lone = more.packets == 1 && more.last == first && !more.time_wait.happened();
    if !lone || more.handshake == Stay::NONE {
        return lone.then_some(None);
    }
    if !more.handshake.lasts() {
        return None;
    }
    let after = (more.handshake.since - first).0.checked_add(1)?;
    NonZero::new(u32::try_from(after).ok()?).map(Some)
}

/// Takes over what `brief` of `c` holds for others to read.
fn note(brief: &Brief, c: &Outline, (marks, probe): (&mut u16, &mut Probe), rare: &mut Option<Rare>) {
    let found: &'static Declaration = ALL[usize::from(brief.declaration)];
    let is = |d: &'static Declaration| std::ptr::eq(found, d);
    if is(&syn_unanswered::DECLARATION) {
        *marks |= if brief.number > 1 { WAITED } else { 0 };
    } else if is(&syn_retried::DECLARATION) {
        *marks |= if brief.number > 0 { WAITED | REPEATED } else { REPEATED };
    } else if is(&no_data::DECLARATION) || is(&handshake_aborted::DECLARATION) {
        *probe = Probe::Empty;
    } else if is(&syn_rejected::DECLARATION) {
        *probe = Probe::Rejected;
    } else if is(&odd_flags::DECLARATION) && c.bytes == [0, 0] && *probe != Probe::Empty {
        *probe = Probe::Odd;
    } else if is(&half_open_accept_overflow::DECLARATION) {
        *marks |= IGNORED;
    } else if is(&retransmissions::DECLARATION) {
        rare.get_or_insert_default().again += brief.number;
    } else if is(&rst_abort::DECLARATION) && brief.endpoint == Some(Side::Server) {
        *marks |= BROKE;
        let rare = rare.get_or_insert_default();
        (rare.broke, rare.last_packet) = (Some(brief.time), c.last_packet);
    } else if is(&idle_death::DECLARATION) {
        rare.get_or_insert_default().idle_death = Some((brief.number, brief.packet));
    }
}

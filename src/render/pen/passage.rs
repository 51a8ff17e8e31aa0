//! A history that is only written: what stands between its times and numbers is the same wherever the same rule applied,
//! and is copied in a few pieces of a fixed length.

use super::connection::{End, SERVER, spent, standing};
use super::number::Clock;
use super::sheet::{Piece, Sheet};
use super::{Pen, by_the_book, row};
use crate::report::passage::Taken;
use crate::report::{Passage, PerSide, Written};
use crate::time::Time;
use crate::tracker::Evidence;
use crate::tracker::rules::{RULES, Rule};

/// What the entry of a rule holds besides times and numbers.
#[derive(Clone, Copy)]
pub struct Words {
    /// The states.
    pub states: Piece<64>,
    /// By evidence.
    pub causes: [Piece<96>; Evidence::ALL.len()],
    /// Where the rule stands.
    pub rule: Piece<48>,
}

/// What goes before the time of the next entry.
pub const NEXT: &str = ",{\"time\":";
const PACKET: &str = ",\"packet\":";
/// What goes before the number of the packet that proves it.
pub const PROOF: &str = ",\"proven_by\":";

/// Behind the states stands what goes before a packet's number, behind the cause what goes before the one that proves it,
/// behind the rule what goes before the next entry's time.
pub static WORDS: [Words; RULES.len()] = words();

const fn words() -> [Words; RULES.len()] {
    const EMPTY: Words =
        Words { states: Piece::EMPTY, causes: [Piece::EMPTY; Evidence::ALL.len()], rule: Piece::EMPTY };
    let mut words = [EMPTY; RULES.len()];
    let mut i = 0;
    while i < words.len() {
        let Rule { from, event, to, section } = &RULES[i];
        let states = Piece::of(",\"from\":\"").and(from.name()).and("\",\"state\":\"").and(to.name());
        words[i].states = states.and("\"").and(PACKET);
        let mut grade = 0;
        while grade < Evidence::ALL.len() {
            let evidence = Evidence::ALL[grade];
            let cause = Piece::of(",\"cause\":\"").and(event.cause()).and("\",\"evidence\":\"");
            words[i].causes[evidence as usize] = cause.and(evidence.name()).and("\"").and(PROOF);
            grade += 1;
        }
        words[i].rule = Piece::of(",\"rule\":\"").and(section).and("\"}").and(NEXT);
        i += 1;
    }
    words
}

impl End for Written {
    fn objects<'a>(ends: &PerSide<Written>, pen: Pen<'a>, clock: &mut Clock) -> Option<Pen<'a>> {
        match (&ends.client, &ends.server) {
            (Written::Both(ends), _) => by_the_book::objects(ends, pen, clock),
            (Written::Steps(client), Written::Steps(server)) => {
                object(server, object(client, pen, clock)?.put(SERVER)?, clock)
            }
            _ => Some(pen),
        }
    }

    fn cells<'a>(ends: &PerSide<Written>, pen: Pen<'a>, first: Time) -> Option<Pen<'a>> {
        match (&ends.client, &ends.server) {
            (Written::Both(ends), _) => by_the_book::cells(ends, 1, by_the_book::cells(ends, 0, pen, first)?, first),
            (Written::Steps(client), Written::Steps(server)) => cells(server, cells(client, pen, first)?, first),
            _ => Some(pen),
        }
    }
}

/// Writes the object.
#[inline(never)]
pub fn object<'a>(passage: &Passage, mut pen: Pen<'a>, clock: &mut Clock) -> Option<Pen<'a>> {
    let Passage { possible, taken, time_in_state } = passage;
    pen = pen.sheet(|sheet| {
        let sheet = standing(sheet, passage.state(), *possible, passage.evidence());
        if taken.is_empty() { sheet } else { sheet.put(b"{\"time\":") }
    })?;
    let mut left = taken.len();
    for one in taken {
        left -= 1;
        pen = pen.sheet(|sheet| entry(sheet, one, left == 0, clock))?;
    }
    pen.sheet(|sheet| spent(sheet, time_in_state.iter()))
}

fn cells<'a>(passage: &Passage, pen: Pen<'a>, first: Time) -> Option<Pen<'a>> {
    let history = passage.taken.iter().map(|taken| (taken.rule.to, taken.evidence, taken.time - first));
    row::end(pen, (passage.state(), passage.possible, passage.evidence()), history)
}

/// Writes all from the time on, up to that of the next one unless it is the last.
#[inline(always)]
pub fn entry<'a>(mut sheet: Sheet<'a>, t: &Taken, last: bool, clock: &mut Clock) -> Sheet<'a> {
    let Taken { time, latest, captured, packet, proof, rule, evidence, deduced } = t;
    let Some(Words { states, causes, rule }) = WORDS.get(rule.number()) else { return sheet };
    sheet = sheet.time(*time, clock);
    if latest > time {
        sheet = sheet.timed(b",\"latest\":", *latest, clock);
    }
    if captured != time {
        sheet = sheet.timed(b",\"captured\":", *captured, clock);
    }
    sheet = match *packet {
        0 => sheet.piece_without(states, PACKET.len()),
        packet => sheet.piece(states).number(packet),
    };
    if *deduced {
        sheet = sheet.put(b",\"deduced\":true");
    }
    let cause = &causes[*evidence as usize];
    sheet = match *proof {
        0 => sheet.piece_without(cause, PROOF.len()),
        proof => sheet.piece(cause).number(proof),
    };
    sheet.piece_without(rule, if last { NEXT.len() } else { 0 })
}

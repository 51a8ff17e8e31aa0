//! A history that is only written: what stands between its times and numbers is the same wherever the same rule applied,
//! and is copied in a few pieces of a fixed length.

use super::connection::{End, evidence, spent, standing};
use super::number::Clock;
use super::{Pen, row};
use crate::report::Passage;
use crate::report::passage::Taken;
use crate::time::Time;
use crate::tracker::rules::{RULES, Rule};

/// Text and room behind it, and the length of the text.
#[derive(Clone, Copy)]
struct Piece {
    text: [u8; Piece::ROOM],
    len: usize,
}

impl Piece {
    const ROOM: usize = 64;

    const EMPTY: Piece = Piece { text: [0; Piece::ROOM], len: 0 };

    /// The same with `more` behind it.
    const fn and(mut self, more: &str) -> Piece {
        let mut i = 0;
        while i < more.len() {
            self.text[self.len] = more.as_bytes()[i];
            self.len += 1;
            i += 1;
        }
        self
    }
}

/// What the entry of a rule holds besides times and numbers.
#[derive(Clone, Copy)]
struct Words {
    states: Piece,
    cause: Piece,
    rule: Piece,
}

const NEXT: &[u8; 9] = b",{\"time\":";
const PACKET: &[u8; 10] = b",\"packet\":";

/// Behind the states stands what goes before a packet's number, behind the rule what goes before the next entry's time.
static WORDS: [Words; RULES.len()] = words();

const fn words() -> [Words; RULES.len()] {
    let mut words = [Words { states: Piece::EMPTY, cause: Piece::EMPTY, rule: Piece::EMPTY }; RULES.len()];
    let mut i = 0;
    while i < words.len() {
        let Rule { from, event, to, section } = &RULES[i];
        let states = Piece::EMPTY.and(",\"from\":\"").and(from.name()).and("\",\"state\":\"").and(to.name());
        words[i] = Words {
            states: states.and("\",\"packet\":"),
            cause: Piece::EMPTY.and(",\"cause\":\"").and(event.cause()).and("\",\"evidence\":\""),
            rule: Piece::EMPTY.and(",\"rule\":\"").and(section).and("\"},{\"time\":"),
        };
        i += 1;
    }
    words
}

impl End for Passage {
    #[inline(never)]
    fn object<'a>(&self, mut pen: Pen<'a>, clock: &mut Clock) -> Option<Pen<'a>> {
        let Passage { possible, taken, time_in_state } = self;
        pen = standing(pen, self.state(), *possible, self.evidence())?;
        if let [first @ .., last] = taken.as_slice() {
            pen = pen.put(b"{\"time\":")?;
            for one in first {
                let (piece, before) = entry(pen, one, clock)?;
                pen = before.part(&piece.text, piece.len)?;
            }
            let (piece, before) = entry(pen, last, clock)?;
            pen = before.part(&piece.text, piece.len - NEXT.len())?;
        }
        spent(pen, time_in_state)
    }

    fn cells<'a>(&self, pen: Pen<'a>, first: Time) -> Option<Pen<'a>> {
        let history = self.taken.iter().map(|taken| (taken.rule.to, taken.evidence, taken.time - first));
        row::end(pen, (self.state(), self.possible, self.evidence()), history)
    }
}

/// Writes all from the time on but for the rule, and gives the piece that ends with that.
#[inline(always)]
fn entry<'a>(mut pen: Pen<'a>, t: &Taken, clock: &mut Clock) -> Option<(&'static Piece, Pen<'a>)> {
    let Taken { time, latest, captured, packet, proof, rule, evidence: grade, deduced } = t;
    let Words { states, cause, rule } = WORDS.get(rule.number())?;
    pen = pen.time(*time, clock)?;
    if latest > time {
        pen = pen.put(b",\"latest\":")?.time(*latest, clock)?;
    }
    if captured != time {
        pen = pen.put(b",\"captured\":")?.time(*captured, clock)?;
    }
    pen = if *packet != 0 {
        pen.part(&states.text, states.len)?.integer(*packet)?
    } else {
        pen.part(&states.text, states.len - PACKET.len())?
    };
    if *deduced {
        pen = pen.put(b",\"deduced\":true")?;
    }
    pen = pen.part(&cause.text, cause.len)?;
    pen = evidence(pen, *grade)?;
    if *proof != 0 {
        pen = pen.put(b",\"proven_by\":")?.integer(*proof)?;
    }
    Some((rule, pen))
}

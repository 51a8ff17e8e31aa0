//! The histories of both ends of a textbook connection: most packets and their times stand there several times, and are put
//! into digits once.

use super::connection::{SERVER, spent, standing};
use super::number::{Clock, Digits, KEYED, TIME};
use super::passage::{self, NEXT, PROOF, WORDS};
use super::sheet::Sheet;
use super::{Pen, row};
use crate::report::ByTheBook;
use crate::time::Time;
use crate::tracker::State;
use crate::tracker::textbook::{PATHS, STATES};

/// The key of the time at which a cause was captured.
const KEY: &[u8; 12] = b",\"captured\":";

/// The numbers of packets, and the times at which they were captured behind their key; last of these when the first FIN had not
/// been received yet, if that is known.
struct Texts {
    packets: [Digits; 8],
    captured: [[u8; KEYED]; 9],
}

/// How long the text of one of these is.
const LENGTH: usize = KEY.len() + TIME;

impl Texts {
    /// Puts those of these ends here, unless any of them is rare.
    #[inline(always)]
    fn fill(&mut self, ends: &ByTheBook, clock: &mut Clock) -> Option<()> {
        let Texts { packets, captured } = self;
        for (((time, number), packet), captured) in ends.packets.iter().zip(packets).zip(&mut *captured) {
            *packet = Digits::of(*number)?;
            clock.keyed(KEY, *time, captured)?;
        }
        match ends.lacking {
            Some(lacking) => clock.keyed(KEY, lacking, &mut captured[8]),
            None => Some(()),
        }
    }
}

/// Writes both objects, with the key of the server's between them.
#[inline(never)]
pub fn objects<'a>(ends: &ByTheBook, pen: Pen<'a>, clock: &mut Clock) -> Option<Pen<'a>> {
    let mut texts = Texts { packets: [Digits::NONE; 8], captured: [[0; KEYED]; 9] };
    if !ends.is_plain() || texts.fill(ends, clock).is_none() {
        let pen = passage::object(&ends.passage(0), pen, clock)?.put(SERVER)?;
        return passage::object(&ends.passage(1), pen, clock);
    }
    pen.sheet(|sheet| object(object(sheet, ends, 0, &texts, clock).put(SERVER), ends, 1, &texts, clock))
}

#[inline(always)]
fn object<'a>(mut sheet: Sheet<'a>, ends: &ByTheBook, e: usize, texts: &Texts, clock: &mut Clock) -> Sheet<'a> {
    let (closes, at) = (ends.closes(e), &ends.at[e]);
    let (over, (state, evidence)) = (ends.over_at(e), ends.standing(e));
    let rules = &RULES[e][usize::from(closes)];
    sheet = standing(sheet, state, ends.possible[e], evidence).put(b"{\"time\":");
    for (i, (packet, proof, evidence)) in ends.grounds(e).iter().enumerate() {
        let words = &WORDS[rules[i]];
        let late = ends.late[e][i];
        sheet = sheet.time(at[i], clock);
        if late > at[i] {
            sheet = sheet.timed(b",\"latest\":", late, clock);
        }
        if ends.captured(e, i, *packet) != at[i] {
            let lacking = i == 2 && !closes && ends.lacking.is_some();
            let text = &texts.captured[if lacking { 8 } else { *packet }];
            sheet = sheet.fill(LENGTH, |to: &mut [u8; LENGTH]| to.copy_from_slice(&text[..LENGTH]));
        }
        sheet = sheet.piece(&words.states).digits(texts.packets[*packet]);
        let cause = &words.causes[*evidence as usize];
        sheet = match proof {
            None => sheet.piece_without(cause, PROOF.len()),
            Some(proof) => sheet.piece(cause).digits(texts.packets[*proof]),
        };
        sheet = sheet.piece_without(&words.rule, if i == 4 && over.is_none() { NEXT.len() } else { 0 });
    }
    if let Some(over) = over {
        sheet = passage::entry(sheet, over, true, clock);
    }
    let states = &STATES[e][usize::from(closes)];
    let spans = (0..4).map(|i| (states[i], at[i + 1] - at[i]));
    spent(sheet, spans.chain(closes.then_some((State::TimeWait, ends.waited))))
}

/// Writes the cells of a table for end `e` of a connection that began at `first`.
pub fn cells<'a>(ends: &ByTheBook, e: usize, pen: Pen<'a>, first: Time) -> Option<Pen<'a>> {
    let (state, evidence) = ends.standing(e);
    let history = ends.states(e).map(|(state, evidence, at)| (state, evidence, at - first));
    row::end(pen, (state, ends.possible[e], evidence), history)
}

/// The numbers of the rules by which each end takes its steps, by whether the other closed first or it did.
static RULES: [[[usize; 5]; 2]; 2] = {
    let mut rules = [[[0; 5]; 2]; 2];
    let mut n = 0;
    while n < 20 {
        let (e, closes, i) = (n / 10, n / 5 % 2, n % 5);
        rules[e][closes][i] = PATHS[e][closes][i].number();
        n += 1;
    }
    rules
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sheet::ROOM;
    use super::*;
    use crate::report::passage::Taken;
    use crate::time::Span;
    use crate::tracker::rules::{Event, rule};
    use crate::tracker::{Evidence, States};

    fn written(write: impl FnOnce(Pen<'_>) -> Option<Pen<'_>>) -> String {
        let mut room = vec![0; 4 * ROOM];
        let left = write(Pen::new(&mut room)).expect("there is room").left();
        String::from_utf8(room[..room.len() - left].to_vec()).expect("text")
    }

    fn times() -> impl Strategy<Value = Time> + Clone {
        const NEAR: i64 = 1_700_000_000_000_000_000;
        prop_oneof![60 => NEAR..NEAR + 3_000_000_000, 1 => any::<i64>(), 1 => -9..9_i64].prop_map(Time)
    }

    fn numbers() -> impl Strategy<Value = u64> + Clone {
        const RARE: u64 = 100_000_000;
        prop_oneof![60 => 1..RARE, 10 => 1..40_u64, 1 => any::<u64>(), 1 => Just(0), 1 => RARE - 2..RARE + 2]
    }

    fn ends() -> impl Strategy<Value = ByTheBook> {
        let packets = proptest::array::uniform8((times(), numbers()));
        let course = || proptest::array::uniform2(proptest::array::uniform5(times()));
        let lacking = proptest::option::of(times());
        let over = proptest::option::of((times(), times(), numbers(), any::<bool>()));
        let rest = (0..2_usize, any::<i64>(), any::<bool>(), any::<[[bool; 5]; 2]>());
        (packets, course(), course(), lacking, over, rest).prop_map(|(packets, at, late, lacking, over, rest)| {
            let (closer, waited, sent, at_once) = rest;
            let over = over.and_then(|(time, captured, number, replaced)| {
                let (event, packet) = if replaced { (Event::Replaced, number) } else { (Event::TwoMsl, 0) };
                let evidence = match (replaced, sent) {
                    (false, _) => Evidence::Timer,
                    (true, true) => Evidence::Sent,
                    (true, false) => Evidence::Confirmed,
                };
                let (latest, proof, deduced) = (time, 0, false);
                let rule = rule(State::TimeWait, event)?;
                Some(Taken { time, latest, captured, packet, proof, rule, evidence, deduced })
            });
            let possible = [States::of(&[State::Closed]), States::of(&[State::Closed, State::TimeWait])];
            let mut ends = ByTheBook { packets, lacking, closer, at, late, over, waited: Span(waited), possible };
            // Many steps were taken when their causes were captured.
            for (e, i) in (0..2).flat_map(|e| (0..5).map(move |i| (e, i))).filter(|(e, i)| at_once[*e][*i]) {
                ends.at[e][i] = ends.captured(e, i, ends.grounds(e)[i].0);
            }
            ends
        })
    }

    proptest! {
        #[test]
        fn it_comes_to_what_is_written_step_by_step(ends in ends()) {
            let mut clocks = [Clock::default(); 2];
            let found = written(|pen| objects(&ends, pen, &mut clocks[0]));
            let expected = written(|pen| {
                let pen = passage::object(&ends.passage(0), pen, &mut clocks[1])?.put(SERVER)?;
                passage::object(&ends.passage(1), pen, &mut clocks[1])
            });
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn states_are_those_of_the_steps(ends in ends()) {
            for e in [0, 1] {
                let passage = ends.passage(e);
                prop_assert_eq!(ends.standing(e), (passage.state(), passage.evidence()));
                let steps = passage.taken.iter().map(|taken| (taken.rule.to, taken.evidence, taken.time));
                prop_assert_eq!(ends.states(e).collect::<Vec<_>>(), steps.collect::<Vec<_>>());
            }
        }
    }
}

//! When ends went from one state to another, and how many were in each at most.

use std::cmp::Reverse;

use crate::time::Time;
use crate::tracker::State;

const STATES: usize = State::ALL.len();

/// Moves of many ends, in any order.
#[derive(Clone, Debug, Default)]
pub struct Moves {
    times: Vec<Time>,
    turns: Vec<Turn>,
    /// The states that an end passed through in no time, a bit each: for these there are no moves.
    passed: u16,
}

/// From which state to which.
#[derive(Clone, Copy, Debug)]
struct Turn(u8);

const _: () = assert!(STATES <= 1 << 4);

impl Turn {
    #[inline]
    fn new(from: State, to: State) -> Turn {
        Turn((from as u8) << 4 | to as u8)
    }

    #[inline]
    fn from(self) -> usize {
        usize::from(self.0 >> 4)
    }

    #[inline]
    fn to(self) -> usize {
        usize::from(self.0 & 15)
    }
}

/// An end goes through so many states, mostly.
const USUAL: usize = 6;

/// At least and at most so many steps of time, as powers of two.
const STEPS: (u32, u32) = (4, 12);

impl Moves {
    /// None yet, and room for those of so many ends.
    pub fn with_capacity(ends: usize) -> Moves {
        Moves { times: Vec::with_capacity(USUAL * ends), turns: Vec::with_capacity(USUAL * ends), passed: 0 }
    }

    /// Adds one. Those of an end follow each other, from CLOSED on: what leaves a state at the moment at which the one before
    /// entered it comes to the same if it is of another end.
    #[inline]
    pub fn push(&mut self, from: State, to: State, time: Time) {
        if let (Some(latest), Some(turn)) = (self.times.last(), self.turns.last_mut())
            && *latest == time
            && turn.to() == from as usize
            && from != State::Closed
        {
            *turn = Turn(turn.0 >> 4 << 4 | to as u8);
            self.passed |= 1 << from as u16;
            return;
        }
        self.times.push(time);
        self.turns.push(Turn::new(from, to));
    }

    /// Adds those of an end that entered these states, from CLOSED on, at these times.
    #[inline]
    pub fn push_course<const N: usize>(&mut self, states: &[State; N], at: &[Time; N]) {
        let from = |i: usize| if i == 0 { State::Closed } else { states[i - 1] };
        if at.windows(2).any(|both| both[0] == both[1]) {
            return (0..N).for_each(|i| self.push(from(i), states[i], at[i]));
        }
        self.times.extend_from_slice(at);
        self.turns.extend_from_slice(&std::array::from_fn::<_, N, _>(|i| Turn::new(from(i), states[i])));
    }

    /// Adds those of others.
    pub fn merge(&mut self, other: &Moves) {
        self.times.extend_from_slice(&other.times);
        self.turns.extend_from_slice(&other.turns);
        self.passed |= other.passed;
    }

    /// Each of them, but for those into what an end only passed through.
    pub fn each(&self) -> impl Iterator<Item = (State, State, Time)> {
        let state = |place: usize| State::ALL[place];
        self.turns.iter().zip(&self.times).map(move |(turn, time)| (state(turn.from()), state(turn.to()), *time))
    }

    /// The most that were in each state at one time: one that leaves as another enters makes room for it; one that passes
    /// through in no time counts. CLOSED is not counted.
    ///
    /// In most steps of time there cannot have been as many as at the end of another one. Only in those where there can it is
    /// looked at each moment, first where there can have been the most: mostly that leaves none of the others.
    pub fn peaks(&self) -> [u64; STATES] {
        let Some(steps) = Steps::of(&self.times) else { return [0; STATES] };
        let (places, mut counts) = self.counted(&steps);
        let (mut most, mut chances) = ([0_i64; STATES], Vec::new());
        for state in (0..STATES).filter(|state| *state != State::Closed as usize) {
            most[state] = at_ends(state, &counts[state << steps.bits..][..1 << steps.bits], &mut chances);
        }
        let mut some = (self.times.len() / 64).max(256);
        while !chances.is_empty() {
            let chosen = choose(&mut chances, some);
            let mut near = self.near(&chosen, &places, &steps, &mut counts);
            let mut others = &mut *near;
            for Chance { state, before, moves, .. } in &chosen {
                let these = others.split_off_mut(..*moves).unwrap_or_default();
                these.sort_unstable();
                let mut level = *before;
                for moment in these {
                    level += if moment.enters() { 1 } else { -1 };
                    most[*state] = most[*state].max(level);
                }
            }
            chances.retain(|chance| chance.bound > most[chance.state]);
            some *= 4;
        }
        std::array::from_fn(|state| most[state].max((self.passed >> state & 1).into()).unsigned_abs())
    }

    /// The step of each move, and by state and step how many entered and left.
    fn counted(&self, steps: &Steps) -> (Vec<u16>, Vec<[u32; 2]>) {
        let mut all = vec![[0_u32; 2]; STATES << steps.bits];
        // As slices, so that where they lie stays in registers.
        let (counts, mut places) = (&mut *all, vec![0_u16; self.times.len()]);
        for ((time, turn), place) in self.times.iter().zip(&self.turns).zip(&mut places) {
            let step = steps.at(*time);
            counts[turn.to() << steps.bits | step][0] += 1;
            counts[turn.from() << steps.bits | step][1] += 1;
            *place = step as u16;
        }
        (places, all)
    }

    /// The moves into or out of the states and in the steps that are chosen: those of one after those of another, in the order in
    /// which these are. How many each has is known, so no more than the few of one have to be put in order. Where the next of
    /// one comes is noted in `counts`, which nobody asks any more.
    fn near(&self, chosen: &[Chance], places: &[u16], steps: &Steps, counts: &mut [[u32; 2]]) -> Vec<Moment> {
        let mut states = vec![0_u16; 1 << steps.bits];
        let mut begin = 0;
        for Chance { state, step, moves, .. } in chosen {
            states[*step] |= 1 << state;
            counts[state << steps.bits | step][0] = begin as u32;
            begin += moves;
        }
        let mut near = vec![Moment::default(); begin];
        for (at, place) in places.iter().enumerate().filter(|(_, place)| states[usize::from(**place)] != 0) {
            let (turn, time, step) = (self.turns[at], self.times[at], usize::from(*place));
            for (state, enters) in [(turn.from(), false), (turn.to(), true)] {
                if states[step] >> state & 1 != 0 {
                    let [next, _] = &mut counts[state << steps.bits | step];
                    near[*next as usize] = Moment::new(time, enters);
                    *next += 1;
                }
            }
        }
        near
    }
}

/// When an end moved, and whether it entered: of one moment they that leave come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(i128);

impl Moment {
    #[inline]
    fn new(time: Time, enters: bool) -> Moment {
        Moment(i128::from(time.0) << 1 | i128::from(enters))
    }

    #[inline]
    fn enters(self) -> bool {
        self.0 & 1 == 1
    }
}

/// A step of time in which there may have been more in a state than at the end of any.
struct Chance {
    state: usize,
    step: usize,
    /// How many were in it before.
    before: i64,
    /// How many there were if all entered it before any left.
    bound: i64,
    moves: usize,
}

/// The most that were in a state at the end of any step, by how many entered and left it in each; but one if only such were in
/// it as passed through. Adds the steps in which there may have been more.
fn at_ends(state: usize, counts: &[[u32; 2]], chances: &mut Vec<Chance>) -> i64 {
    let (mut level, mut most, mut any) = (0, 0, 0);
    for [came, gone] in counts {
        any |= came;
        level += i64::from(*came) - i64::from(*gone);
        most = most.max(level);
    }
    if any == 0 {
        return 0;
    }
    most = most.max(1);
    level = 0;
    for (step, [came, gone]) in counts.iter().enumerate() {
        let (before, bound) = (level, level + i64::from(*came));
        if bound > most {
            chances.push(Chance { state, step, before, bound, moves: (came + gone) as usize });
        }
        level = bound - i64::from(*gone);
    }
    most
}

/// Takes of each state those out in which there can have been the most: one, or more with so many moves. They are in the order of
/// state and step.
fn choose(chances: &mut Vec<Chance>, some: usize) -> Vec<Chance> {
    chances.sort_unstable_by_key(|chance| (chance.state, Reverse(chance.bound), chance.step));
    let mut moves = [0; STATES];
    let mut chosen: Vec<Chance> = chances
        .extract_if(.., |chance| {
            let before = &mut moves[chance.state];
            *before += chance.moves;
            *before == chance.moves || *before <= some
        })
        .collect();
    chosen.sort_unstable_by_key(|chance| (chance.state, chance.step));
    chosen
}

/// Time in steps of one length, but for the first and the last, which have room for all that is far away.
struct Steps {
    first: Time,
    /// The length, as a power of two.
    shift: u32,
    /// How many there are, as a power of two.
    bits: u32,
}

impl Steps {
    /// So that few of these times are far away; `None` if there are none.
    fn of(times: &[Time]) -> Option<Steps> {
        let mut some: Vec<Time> = times.iter().step_by(times.len().div_ceil(1 << 10).max(1)).copied().collect();
        some.sort_unstable();
        let far = some.len() / 64;
        let (first, last) = (*some.get(far)?, some[some.len() - 1 - far]);
        // Without a sign it is always exact.
        let length = last.0.wrapping_sub(first.0) as u64;
        let bits = times.len().ilog2().saturating_sub(2).clamp(STEPS.0, STEPS.1);
        let shift = (u64::BITS - length.leading_zeros()).saturating_sub(bits);
        Some(Steps { first, shift, bits })
    }

    /// The step of a time.
    #[inline]
    fn at(&self, time: Time) -> usize {
        let since = time.0.max(self.first.0).wrapping_sub(self.first.0) as u64;
        ((since >> self.shift) as usize).min((1 << self.bits) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By going through all moves of one state in order.
    fn peak_in_order(moves: &[(State, State, Time)], state: State) -> u64 {
        let of = |which: fn(&(State, State, Time)) -> State| {
            let mut times: Vec<Time> = moves.iter().filter(|m| which(m) == state).map(|m| m.2).collect();
            times.sort_unstable();
            times
        };
        let (entered, left) = (of(|m| m.1), of(|m| m.0));
        let (mut gone, mut peak) = (0, 0);
        for (i, time) in entered.iter().enumerate() {
            while left.get(gone).is_some_and(|t| t <= time) && gone < i {
                gone += 1;
            }
            peak = peak.max((i + 1 - gone) as u64);
        }
        peak
    }

    #[test]
    fn a_peak_is_what_going_through_all_moves_in_order_shows() {
        let mut n = 1_u64;
        let mut next = |below: i64| {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((n >> 1) as i64) % below
        };
        for (count, over, stay) in [
            (0, 1, 1),
            (1, 1, 1),
            (63, 50, 9),
            (64, 1, 1),
            (64, 100, 1),
            (300, 7, 3),
            (1_000, 1 << 40, 1 << 30),
            (1_000, 1 << 20, 1 << 30),
            (5_000, 3_000, 40),
            (70_000, 1 << 50, 1 << 36),
            (200, i64::MAX, i64::MAX),
            (30_000, 1 << 14, 2),
            (30_000, 1 << 30, 1 << 20),
        ] {
            let (mut moves, mut parts) = (Moves::with_capacity(count), [0, 1].map(|_| Moves::default()));
            let mut all = Vec::new();
            for i in 0..count {
                let entered = next(over).wrapping_add([0, 0, i64::MIN / 2, 0, 1 << 20][i % 5]);
                // Some stay, some are gone at once, and times may go back.
                let left = match i % 7 {
                    0 => entered,
                    1 => entered.wrapping_sub(next(stay)),
                    _ => entered.saturating_add(next(stay)),
                };
                let times = [entered, left, left.saturating_add(next(stay) - 1)].map(Time);
                let states = [[State::SynSent, State::Established], [State::SynRcvd, State::FinWait1]][i % 2];
                let moved = [(State::Closed, states[0]), (states[0], states[1]), (states[1], State::Closed)];
                let moved: Vec<_> = moved.iter().zip(times).map(|((from, to), at)| (*from, *to, at)).collect();
                moves.push_course(&states, &[times[0], times[1]]);
                let some = if i % 3 > 0 { 3 } else { 2 };
                moved[2..some].iter().for_each(|(from, to, at)| moves.push(*from, *to, *at));
                moved[..some].iter().for_each(|(from, to, at)| parts[i % 2].push(*from, *to, *at));
                all.extend_from_slice(&moved[..some]);
            }
            let [mut merged, other] = parts;
            merged.merge(&other);
            for state in State::OPEN {
                let found = [&moves, &merged].map(|moves| moves.peaks()[*state as usize]);
                assert_eq!(found, [peak_in_order(&all, *state); 2], "{count} over {over}: {state}");
            }
        }
    }
}

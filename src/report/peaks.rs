//! The most endpoints that were in each state at one time.

use std::mem::replace;

use super::moves::Moves;
use crate::time::Time;
use crate::tracker::State;

const STATES: usize = State::ALL.len();

/// With more connections than this, they are counted at moments.
pub const EXACT: u64 = 20_000;
/// At so many, spread evenly over the capture.
const MOMENTS: usize = 1 << 14;

/// How many are in each state, as they come and go: exactly for up to 20,000 connections; beyond that at 16,384 moments
/// spread evenly over the capture, so that a peak between two of them is missed by what came and went in between. Where
/// the capture turns out to be longer than was known, every other moment is given up.
#[derive(Clone, Debug)]
pub enum Peaks {
    /// From which state to which they went, and when.
    Exact(Moves),
    /// By how many each state grew up to each moment since the one before.
    Moments {
        /// The first moment.
        begin: Time,
        /// How far one is from the next.
        step: Step,
        /// By moment and state: what an end goes through is close together.
        grown: Vec<Grown>,
    },
}

/// By how many each state grew; what is left over fills up what a processor takes at once.
type Grown = [i32; STATES.next_multiple_of(4)];

/// How far moments are apart.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// In nanoseconds, at least 1.
    nanos: i64,
    /// 2^63 by that, times the power of two in it, rounded up: a division takes several times as long as a multiplication.
    inverse: u64,
    /// That power of two.
    shift: u32,
    /// How far all of them reach.
    reach: i64,
    /// Times nearer to the beginning than that have a moment that this multiplication tells: all that moments reach, unless they
    /// are days apart.
    near: u64,
}

/// Where moments are 2^47 ns apart or more, a multiplication does not tell them exactly.
const FAR_APART: u32 = 47;

impl Step {
    fn new(nanos: i64) -> Step {
        let nanos = nanos.max(1);
        let (shift, reach) = (nanos.ilog2(), nanos.saturating_mul(MOMENTS as i64));
        let inverse = (1_u128 << (63 + shift)).div_ceil(nanos as u128) as u64;
        let near = if shift < FAR_APART { reach as u64 + 1 } else { 0 };
        Step { nanos, inverse, shift, reach, near }
    }

    /// The first moment `since` nanoseconds after the beginning, or later; that must be near.
    #[inline(always)]
    fn moment(self, since: u64) -> usize {
        let twice = 2 * since + 2 * (self.nanos as u64 - 1);
        let high = ((u128::from(twice) * u128::from(self.inverse)) >> 64) as u64;
        (high >> self.shift) as usize
    }

    /// The same of any that moments reach.
    fn far_moment(self, since: u64) -> usize {
        since.div_ceil(self.nanos as u64) as usize
    }
}

/// The first moment at `time` or later, where that is before the beginning, or farther away than moments reach: they do then.
#[cold]
fn moment_far_away(begin: Time, step: &mut Step, grown: &mut [Grown], time: Time) -> usize {
    let since = (time - begin).0;
    while since > step.reach {
        coarsen(step, grown);
    }
    step.far_moment(since.max(0) as u64)
}

/// Gives up every other moment, so that the others reach twice as far.
fn coarsen(step: &mut Step, grown: &mut [Grown]) {
    *step = Step::new(step.nanos.saturating_mul(2));
    // What came after a moment that is given up counts at the next one that is not.
    for to in 1..grown.len() {
        let up_to = |moment: usize| grown.get(moment).copied().unwrap_or_default();
        let [given_up, kept] = [up_to(2 * to - 1), up_to(2 * to)];
        grown[to] = std::array::from_fn(|state| given_up[state] + kept[state]);
    }
}

fn nothing_grew() -> Vec<Grown> {
    vec![Grown::default(); MOMENTS + 1]
}

impl Peaks {
    /// For so many `connections` in a capture from `begin` to `end`.
    pub fn new(connections: u64, begin: Time, end: Time) -> Peaks {
        if connections <= EXACT {
            return Peaks::Exact(Moves::with_capacity(connections as usize));
        }
        let step = Step::new((end - begin).0 / (MOMENTS as i64 - 1));
        Peaks::Moments { begin, step, grown: nothing_grew() }
    }

    /// The same, with nothing in it.
    #[must_use]
    pub fn empty(&self) -> Peaks {
        match self {
            Peaks::Exact(_) => Peaks::Exact(Moves::default()),
            Peaks::Moments { begin, step, .. } => Peaks::Moments { begin: *begin, step: *step, grown: nothing_grew() },
        }
    }

    /// An endpoint went from one state to another, and on, each at a time. CLOSED is not counted.
    #[inline]
    pub fn moves(&mut self, moves: impl Iterator<Item = (State, State, Time)>) {
        match self {
            Peaks::Exact(all) => moves.for_each(|(from, to, time)| all.push(from, to, time)),
            Peaks::Moments { begin, step, grown } => {
                for (from, to, time) in moves {
                    // Not before the beginning it has no sign.
                    let since = time.0.wrapping_sub(begin.0) as u64;
                    let moment = if time >= *begin && since < step.near {
                        step.moment(since)
                    } else {
                        moment_far_away(*begin, step, grown, time)
                    };
                    let grown = &mut grown[moment];
                    // CLOSED grows too, which nobody asks for.
                    grown[from as usize] -= 1;
                    grown[to as usize] += 1;
                }
            }
        }
    }

    /// An endpoint entered these states, from CLOSED on, at these times, each of them not before the one before.
    #[inline]
    pub fn course<const N: usize>(&mut self, states: &[State; N], at: &[Time; N]) {
        debug_assert!(at.is_sorted(), "{at:?}");
        let mut from = State::Closed;
        match self {
            Peaks::Exact(all) => all.push_course(states, at),
            // The other times lie between these.
            Peaks::Moments { begin, step, grown }
                if at[0] >= *begin && (at[N - 1].0.wrapping_sub(begin.0) as u64) < step.near =>
            {
                // They stay in registers.
                let (begin, step) = (*begin, *step);
                for (to, at) in states.iter().zip(at) {
                    let grown = &mut grown[step.moment(at.0.wrapping_sub(begin.0) as u64)];
                    grown[replace(&mut from, *to) as usize] -= 1;
                    grown[*to as usize] += 1;
                }
            }
            Peaks::Moments { .. } => {
                self.moves(states.iter().zip(at).map(|(to, at)| (replace(&mut from, *to), *to, *at)));
            }
        }
    }

    /// From here on they are counted at moments of a capture from `begin` to `end`.
    pub fn loosen(&mut self, begin: Time, end: Time) {
        if let Peaks::Exact(moves) = self {
            let mut loose = Peaks::new(u64::MAX, begin, end);
            loose.moves(moves.each());
            *self = loose;
        }
    }

    /// Adds those of other connections in the same capture.
    pub fn merge(&mut self, other: &Peaks) {
        match (&mut *self, other) {
            // What is counted at moments in one of them cannot be counted exactly in both.
            (Peaks::Exact(mine), Peaks::Moments { .. }) => {
                let moves = std::mem::take(mine);
                *self = other.clone();
                self.moves(moves.each());
            }
            (Peaks::Moments { .. }, Peaks::Exact(moves)) => self.moves(moves.each()),
            (Peaks::Exact(mine), Peaks::Exact(other)) => mine.merge(other),
            (Peaks::Moments { step, grown, .. }, Peaks::Moments { step: their_step, grown: theirs, .. }) => {
                let (mut their_step, mut theirs) = (*their_step, theirs.clone());
                while their_step.nanos > step.nanos {
                    coarsen(step, grown);
                }
                while step.nanos > their_step.nanos {
                    coarsen(&mut their_step, &mut theirs);
                }
                grown.iter_mut().flatten().zip(theirs.iter().flatten()).for_each(|(a, b)| *a += b);
            }
        }
    }

    /// The most at one time, by state.
    pub fn finish(self) -> [u64; STATES] {
        match self {
            Peaks::Exact(moves) => moves.peaks(),
            Peaks::Moments { grown, .. } => {
                // As narrow as what is counted: several states are taken at once.
                let (mut now, mut peaks) = (Grown::default(), Grown::default());
                for grown in &grown {
                    for ((now, by), peak) in now.iter_mut().zip(grown).zip(&mut peaks) {
                        *now = now.wrapping_add(*by);
                        *peak = (*peak).max(*now);
                    }
                }
                peaks[State::Closed as usize] = 0;
                std::array::from_fn(|state| u64::from(peaks[state].unsigned_abs()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    fn opened(from: Time, until: Time) -> impl Iterator<Item = (State, State, Time)> {
        [(State::Closed, State::Established, from), (State::Established, State::Closed, until)].into_iter()
    }

    #[test]
    fn a_moment_is_found_exactly() {
        let spans = (0..63).flat_map(|bit| (-2..=2).map(move |d| (1_i64 << bit).saturating_add(d)));
        let steps =
            (0..62).flat_map(|bit| [-1, 0, 1].map(|d| (1_i64 << bit) + d)).chain([7, 1_000, 123_456_789, i64::MAX / 3]);
        for step in steps.filter(|step| *step > 0) {
            let moments = (0..9).chain(MOMENTS as i64 - 4..=MOMENTS as i64).chain([77, 8_191, 12_345]);
            let near = moments.flat_map(|n| [-1, 0, 1].map(|d| step.saturating_mul(n).saturating_add(d)));
            for since in spans.clone().chain(near) {
                let exact = (since.max(0) as u64).div_ceil(step as u64) as usize;
                let step = Step::new(step);
                if since <= step.reach {
                    let since = since.max(0) as u64;
                    assert_eq!(step.far_moment(since), exact, "{since} by {step:?}");
                    assert_eq!(since < step.near, step.shift < FAR_APART);
                    assert!(since >= step.near || step.moment(since) == exact, "{since} by {step:?}");
                }
            }
        }
    }

    #[test]
    fn moments_agree_with_the_exact_count_where_nothing_is_short() {
        let end = Time(0) + Span::secs(100);
        let mut exact = Peaks::new(10, Time(0), end);
        let mut moments = Peaks::new(1 << 20, Time(0), end);
        for n in 0..1_000_i64 {
            let from = Time(0) + Span::millis(n * 97 % 60_000);
            let until = from + Span::millis(1_000 + n * 31 % 5_000);
            for peaks in [&mut exact, &mut moments] {
                peaks.moves(opened(from, until));
            }
        }
        assert_eq!(exact.finish(), moments.finish());
    }

    /// Those that were counted exactly until they were many, in one part or in both.
    #[test]
    fn what_was_counted_exactly_can_be_counted_at_moments() {
        let end = Time(0) + Span::secs(100);
        let mut moments = Peaks::new(1 << 20, Time(0), end);
        let mut parts = [0, 0, 0].map(|_| Peaks::new(0, Time(0), end));
        for n in 0..9_000_usize {
            let from = Time(0) + Span::millis(n as i64 * 97 % 60_000);
            let until = from + Span::millis(1_000 + n as i64 * 31 % 5_000);
            if n == 4_000 {
                parts[1].loosen(Time(0), end);
            }
            for peaks in [&mut moments, &mut parts[n % 3]] {
                let moves = [(State::SynSent, State::Established, from), (State::Established, State::Closed, until)];
                peaks.moves(moves.into_iter());
            }
        }
        for order in [[0, 1, 2], [1, 0, 2], [0, 2, 1]] {
            let mut all = parts[order[0]].clone();
            all.merge(&parts[order[1]]);
            all.merge(&parts[order[2]]);
            assert!(matches!(all, Peaks::Moments { .. }));
            assert_eq!(all.finish(), moments.clone().finish());
        }
    }

    /// A capture that goes on for longer than was known comes to the same as one whose length was known, but for the
    /// distance of the moments; also where that was found out in one of two parts only.
    #[test]
    fn moments_reach_as_far_as_need_be() {
        let end = Time(0) + Span::secs(100);
        let mut known = Peaks::new(1 << 20, Time(0), Time(0) + Span::secs(800));
        let mut first = Peaks::new(1 << 20, Time(0), end);
        let mut second = first.empty();
        for n in 0..10_000_i64 {
            let from = Time(0) + Span::secs(2 * (n % 330));
            let early = n % 2 == 0 && n % 330 < 40;
            for peaks in [&mut known, if early { &mut first } else { &mut second }] {
                peaks.moves(opened(from, from + Span::secs(5 + n % 40)));
            }
        }
        first.merge(&second);
        assert_eq!(first.finish(), known.finish());
    }
}

//! When one state was entered and left, by many endpoints.

use smallvec::SmallVec;

/// Of one state.
#[derive(Clone, Debug, Default)]
pub struct Moves {
    /// When it was entered.
    pub entered: Vec<i64>,
    /// When it was left.
    pub left: Vec<i64>,
}

/// Fewer than this are put in order.
const FEW: usize = 64;
/// At most so many steps of time, as a power of two.
const STEPS: u32 = 15;

impl Moves {
    /// The most that were in it at one time: one that leaves as another enters makes room for it; one that passes through
    /// in no time counts.
    pub fn peak(&self) -> u64 {
        let most = usize::from(!self.entered.is_empty());
        if self.entered.len() < FEW {
            peak_of((&self.entered, 0), (&self.left, 0), most) as u64
        } else {
            self.peak_by_steps(most) as u64
        }
    }

    /// The same, where it is more than `most`. In most steps of time there cannot have been as many as at the end of another
    /// one: only in those where there can it is looked at each moment.
    fn peak_by_steps(&self, mut most: usize) -> usize {
        let steps = Steps::of(&self.entered);
        let [entered, left] = [&self.entered, &self.left].map(|times| Stepwise::of(times, &steps));
        // More have left than entered only where times go back.
        let before = |step: usize| entered.before(step).saturating_sub(left.before(step));
        most = (1..=steps.last + 1).map(before).fold(most, usize::max);
        for step in 0..=steps.last {
            let (came, base) = (entered.before(step + 1) - entered.before(step), entered.before(step));
            if (base + came).saturating_sub(left.before(step)) > most {
                most = peak_of((entered.within(step), base), (left.within(step), left.before(step)), most);
            }
        }
        most
    }
}

/// The most there were at one time, at least `most`: those that entered, of which so many did before, and those that left.
fn peak_of(entered: (&[i64], usize), left: (&[i64], usize), mut most: usize) -> usize {
    let [mut came, mut gone] = [entered.0, left.0].map(SmallVec::<[i64; 16]>::from_slice);
    came.sort_unstable();
    gone.sort_unstable();
    let mut out = 0;
    for (time, in_all) in came.iter().zip(entered.1 + 1..) {
        while gone.get(out).is_some_and(|left| left <= time) {
            out += 1;
        }
        most = most.max(in_all.saturating_sub(left.1 + out));
    }
    most
}

/// Times in order of their steps.
struct Stepwise {
    times: Vec<i64>,
    /// Where those of each step begin.
    begins: Vec<u32>,
}

impl Stepwise {
    fn of(times: &[i64], steps: &Steps) -> Stepwise {
        let mut begins = vec![0_u32; steps.last + 3];
        times.iter().for_each(|time| begins[steps.at(*time) + 2] += 1);
        let mut sum = 0;
        for begin in &mut begins {
            sum += *begin;
            *begin = sum;
        }
        let mut ordered = vec![0; times.len()];
        // The place after that of a step says up to where it has been filled: at last where the next one begins.
        for time in times {
            let end = &mut begins[steps.at(*time) + 1];
            ordered[*end as usize] = *time;
            *end += 1;
        }
        Stepwise { times: ordered, begins }
    }

    /// How many come before a step.
    #[inline]
    fn before(&self, step: usize) -> usize {
        self.begins[step] as usize
    }

    /// Those in a step, in any order.
    fn within(&self, step: usize) -> &[i64] {
        &self.times[self.before(step)..self.before(step + 1)]
    }
}

/// Time in steps of one length, about as many as there are times.
struct Steps {
    first: i64,
    /// The length, as a power of two.
    shift: u32,
    last: usize,
}

impl Steps {
    /// From the first to the last of these times, of which there are some.
    fn of(times: &[i64]) -> Steps {
        let ends = times.iter().fold((i64::MAX, i64::MIN), |(first, last), time| (first.min(*time), last.max(*time)));
        let (first, last) = ends;
        // Without a sign it is always exact.
        let length = last.wrapping_sub(first) as u64;
        let bits = times.len().ilog2().min(STEPS);
        let shift = (u64::BITS - length.leading_zeros()).saturating_sub(bits);
        Steps { first, shift, last: (length >> shift) as usize }
    }

    /// The step of a time; of one outside, the next to it.
    #[inline]
    fn at(&self, time: i64) -> usize {
        let since = time.max(self.first).wrapping_sub(self.first) as u64;
        (since >> self.shift).min(self.last as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By going through all of them in order.
    fn peak_in_order(mut moves: Moves) -> u64 {
        moves.entered.sort_unstable();
        moves.left.sort_unstable();
        let (mut gone, mut peak) = (0, 0);
        for (i, time) in moves.entered.iter().enumerate() {
            while moves.left.get(gone).is_some_and(|t| t <= time) && gone < i {
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
        ] {
            let mut moves = Moves::default();
            for i in 0..count {
                let entered = next(over).wrapping_add([0, 0, i64::MIN / 2, 0, 1 << 20][i % 5]);
                moves.entered.push(entered);
                // Some stay, some are gone at once, and times may go back.
                match i % 7 {
                    0 => {}
                    1 => moves.left.push(entered),
                    2 => moves.left.push(entered.wrapping_sub(next(stay))),
                    _ => moves.left.push(entered.saturating_add(next(stay))),
                }
            }
            assert_eq!(moves.peak(), peak_in_order(moves.clone()), "{count} over {over}");
        }
    }
}

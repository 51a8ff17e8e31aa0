//! How the server tap's clock goes by the client tap's.
//!
//! A segment cannot arrive before it was sent. Of all segments one way, the quickest bounds the offset from one side; of
//! those the other way, from the other side. Half-way between the bounds is the offset, if the path takes the same time
//! both ways; it is wrong by at most half the least round trip. Bounds taken for stretches of time show the drift.

use crate::time::{Span, Time};

/// The relation between two clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clock {
    /// Where `offset` was taken, on the client tap's clock.
    origin: Time,
    /// What the server tap's clock shows more than the client tap's, at `origin`.
    pub offset: Span,
    /// How much faster it goes, in parts per million; 0 where that does not show.
    pub drift_ppm: f64,
    /// Half the least round trip between the taps: the offset is not wrong by more. Where the clocks tremble so much that a
    /// segment seems to arrive before it was sent, half of what the bounds contradict each other by.
    pub delay: Span,
    /// Both directions had matches, so that the offset means something.
    pub known: bool,
}

/// A match: when the segment was captured at the client tap, and how much later, by the clocks, at the server tap.
pub type Sample = (Time, Span);

/// Stretches of time in which bounds are taken.
const STRETCHES: i64 = 64;
/// Quartz is off by tens of parts per million, a bad virtual machine by hundreds.
const MOST: f64 = 500e-6;
/// The least length of a stretch.
const LEAST: i64 = 1_000_000_000;

impl Clock {
    /// From matches of segments towards the server (`up`) and towards the client (`down`).
    pub fn measure(up: &[Sample], down: &[Sample]) -> Clock {
        let times = || up.iter().chain(down).map(|(time, _)| time.0);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return Clock::default() };
        let origin = Time(first);
        let all = |samples: &[Sample]| samples.iter().map(|(_, d)| d.0).collect::<Vec<_>>();
        let (upper, lower) = match (all(up).into_iter().min(), all(down).into_iter().max()) {
            (Some(upper), Some(lower)) => (upper, lower),
            (Some(one), None) | (None, Some(one)) => return Clock { origin, offset: Span(one), ..Clock::default() },
            (None, None) => return Clock::default(),
        };
        let middle = |upper: i64, lower: i64| lower + (upper - lower) / 2;
        let simple = Clock {
            origin,
            offset: Span(middle(upper, lower)),
            drift_ppm: 0.0,
            delay: Span(((upper - lower) / 2).abs()),
            known: true,
        };
        let width = ((last - first) / STRETCHES).max(LEAST);
        let points = points(up, down, first, width);
        let Some(slope) = slope(&points) else { return simple };
        let rest: Vec<i64> = points.iter().map(|(t, m, _)| m - (slope * (t - first) as f64) as i64).collect();
        let offset = median(rest.clone());
        let scatter = median(rest.iter().map(|r| (r - offset).abs()).collect());
        // A drift that moves the clock less than its readings scatter does not show.
        if slope.abs() * (last - first) as f64 <= 4.0 * scatter as f64 + (upper - lower).max(0) as f64 / 40.0 + 1_000.0
            || slope.abs() > MOST
        {
            return simple;
        }
        let delay = median(points.iter().map(|(_, _, half)| half.abs()).collect());
        Clock { origin, offset: Span(offset), drift_ppm: slope * 1e6, delay: Span(delay), known: true }
    }

    /// The offset at a time of the client tap's clock.
    pub fn at(&self, client: Time) -> Span {
        Span(self.offset.0.saturating_add((self.drift_ppm * 1e-6 * (client - self.origin).0 as f64) as i64))
    }

    /// A time of the server tap's clock on the client tap's.
    pub fn to_client(&self, server: Time) -> Time {
        let about = server - self.offset;
        server - self.at(about)
    }

    /// A time of the client tap's clock on the server tap's.
    pub fn to_server(&self, client: Time) -> Time {
        client + self.at(client)
    }
}

/// For each stretch with matches both ways: its middle, the offset there, and half the gap between the bounds.
fn points(up: &[Sample], down: &[Sample], first: i64, width: i64) -> Vec<(i64, i64, i64)> {
    let mut bounds: std::collections::BTreeMap<i64, (Option<i64>, Option<i64>)> = Default::default();
    for (time, d) in up {
        let bound = &mut bounds.entry((time.0 - first) / width).or_default().0;
        *bound = Some(bound.map_or(d.0, |b| b.min(d.0)));
    }
    for (time, d) in down {
        let bound = &mut bounds.entry((time.0 - first) / width).or_default().1;
        *bound = Some(bound.map_or(d.0, |b| b.max(d.0)));
    }
    let point = |(i, bound): (i64, (Option<i64>, Option<i64>))| {
        let (upper, lower) = (bound.0?, bound.1?);
        Some((first + i * width + width / 2, lower + (upper - lower) / 2, (upper - lower) / 2))
    };
    bounds.into_iter().filter_map(point).collect()
}

/// The median of the slopes between all pairs of points (Theil and Sen): a few odd stretches do not move it.
fn slope(points: &[(i64, i64, i64)]) -> Option<f64> {
    const ENOUGH: usize = 8;
    if points.len() < ENOUGH {
        return None;
    }
    let mut slopes = Vec::new();
    for (i, (t, m, _)) in points.iter().enumerate() {
        for (u, n, _) in &points[i + 1..] {
            slopes.push((n - m) as f64 / (u - t) as f64);
        }
    }
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied()
}

fn median(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path of 10 ms each way, queues up to 7 ms, a server clock 3 s ahead that gains `ppm`.
    fn measured(ppm: i64) -> Clock {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for i in 0..600_i64 {
            let t = 1_000_000_000_000_000_000 + i * 100_000_000;
            let queue = (i * 7_919 % 97) * 70_000;
            let shift = 3_000_000_000 + (i * 100_000_000) / 1_000_000 * ppm;
            up.push((Time(t), Span(shift + 10_000_000 + queue)));
            down.push((Time(t + 50_000_000), Span(shift - 10_000_000 - queue)));
        }
        Clock::measure(&up, &down)
    }

    #[test]
    fn offset_and_drift_are_found_through_queues() {
        let clock = measured(40);
        assert!((clock.drift_ppm - 40.0).abs() < 2.0, "{clock:?}");
        assert!((clock.offset.0 - 3_000_000_000).abs() < 200_000, "{clock:?}");
        let there = clock.to_server(Time(1_000_000_030_000_000_000));
        let back = clock.to_client(there);
        assert!((back.0 - 1_000_000_030_000_000_000).abs() < 1_000);
    }

    #[test]
    fn steady_clocks_have_no_drift() {
        let clock = measured(0);
        assert_eq!(clock.drift_ppm, 0.0);
        assert_eq!((clock.offset, clock.delay), (Span::secs(3), Span::millis(10)));
    }

    #[test]
    fn bounds_that_contradict_each_other_do_not_make_the_offset_exact() {
        let (up, down) = ([(Time(0), Span(7_000_000))], [(Time(0), Span(7_010_000))]);
        let clock = Clock::measure(&up, &down);
        assert_eq!((clock.offset, clock.delay), (Span(7_005_000), Span(5_000)));
    }

    #[test]
    fn one_direction_alone_says_nothing_certain() {
        let clock = Clock::measure(&[(Time(5), Span(9))], &[]);
        assert!(!clock.known && clock.offset == Span(9));
        assert!(!Clock::measure(&[], &[]).known);
    }
}

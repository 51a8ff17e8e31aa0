//! Connections of a service that ended at the same moment, and whether others lasted longer.

use std::collections::BTreeSet;

use super::digest::Digest;
use super::services::Services;
use crate::segment::Socket;
use crate::time::{Span, Time};

/// What a connection is to those that broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It broke then.
    Broke(Time),
    /// It did not.
    Calm,
    /// It has no part in it.
    No,
}

/// When a connection broke.
pub type Break<'a> = (Time, Digest<'a>);

/// Connections that broke together, in order of time.
pub type Group<'a> = Vec<Break<'a>>;

/// When many are said to have broken together.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Within how long.
    pub within: Span,
    /// At least so many.
    pub least: usize,
}

impl Line {
    /// Whether a connection was old when it broke: a server that resets every request is another matter.
    fn is_old(&self, time: Time, first: Time) -> bool {
        time - first > Span(self.within.0.saturating_mul(2))
    }

    /// Whether so many of these may have broken at one moment.
    fn is_reached(&self, mut times: Vec<Time>) -> bool {
        times.sort_unstable();
        let mut together = times.windows(self.least.max(1));
        self.least == 0 || together.any(|together| together[together.len() - 1] - together[0] <= self.within)
    }
}

/// Of the services for which `most` says how many may have broken, the groups of which enough were old, and which nothing that
/// had been open for longer survived. `may_break` tells by the row which may have, `part` what each is to them. Number, address
/// and port of each service that has such groups, in the order of address and port; the groups in order of time.
pub fn broken<'a>(
    services: &Services<'a>,
    line: Line,
    most: impl Fn(usize) -> Option<u32>,
    may_break: impl Fn(&Digest<'a>) -> bool,
    part: impl Fn(Digest<'a>) -> Part,
) -> Vec<(usize, Socket, Vec<Group<'a>>)> {
    // First only when old ones broke: most often that is enough.
    let begin = |service: usize| most(service).map(|_| Vec::new());
    let old = services.some_of_those(&may_break, begin, |old: &mut Vec<Time>, c| {
        if let Part::Broke(time) = part(c)
            && line.is_old(time, c.first())
        {
            old.push(time);
        }
    });
    let old = old.into_iter().filter_map(|(service, _, old)| line.is_reached(old).then_some(service));
    let old: BTreeSet<usize> = old.collect();
    let begin = |service: usize| Some(Vec::with_capacity(most(service).filter(|_| old.contains(&service))? as usize));
    let breaks = services.some_of_those(&may_break, begin, |breaks: &mut Vec<(Time, bool)>, c| {
        if let Part::Broke(time) = part(c) {
            breaks.push((time, line.is_old(time, c.first())));
        }
    });
    let mut moments: Vec<Option<Moments>> = Vec::new();
    for (service, _, breaks) in breaks {
        let of_service = Moments::of(breaks, line);
        if of_service.any_old() {
            moments.resize_with(moments.len().max(service + 1), || None);
            moments[service] = Some(of_service);
        }
    }
    let begin = |service: usize| moments.get(service)?.clone();
    let lasting = services.those(begin, |moments, c| {
        let group = match part(c) {
            Part::Broke(time) => moments.at(time),
            Part::Calm => None,
            Part::No => return,
        };
        moments.outlast(group, c, line.within);
    });
    let mut whole: Vec<Option<Moments>> = Vec::new();
    for (service, _, of_service) in lasting {
        let of_service = of_service.whole(line.within);
        if of_service.any_old() {
            whole.resize_with(whole.len().max(service + 1), || None);
            whole[service] = Some(of_service);
        }
    }
    let begin = |service: usize| {
        let moments = whole.get(service)?.as_ref()?;
        Some((moments, vec![Group::new(); moments.of.len()]))
    };
    let groups = services.some_of_those(may_break, begin, |(moments, groups), c| {
        if let Part::Broke(time) = part(c)
            && let Some(at) = moments.at(time).filter(|at| moments.of[*at].old)
        {
            groups[at].push((time, c));
        }
    });
    let sorted = |mut group: Group<'a>| {
        group.sort_by_cached_key(|(time, c)| (*time, c.id()));
        group
    };
    let of_service =
        |groups: Vec<Group<'a>>| groups.into_iter().filter(|group| !group.is_empty()).map(sorted).collect();
    groups.into_iter().map(|(service, socket, (_, groups))| (service, socket, of_service(groups))).collect()
}

/// Moments at which connections of a service broke, in order.
#[derive(Clone, Debug)]
struct Moments {
    of: Vec<Moment>,
}

#[derive(Clone, Copy, Debug)]
struct Moment {
    start: Time,
    end: Time,
    /// Whether enough that broke were old.
    old: bool,
    /// The latest last packets of connections that began long enough before: of those that began so before this moment and
    /// not before the one before it; at last of all of them.
    latest: Latest,
}

/// The latest last packet with the moment at which that connection broke, if it did, and the latest of those that did not
/// break then.
type Latest = [Option<(Time, Option<usize>)>; 2];

impl Moments {
    /// Those at which these broke, of which is known whether they were old.
    fn of(mut breaks: Vec<(Time, bool)>, line: Line) -> Moments {
        breaks.sort_unstable();
        let (mut of, mut rest) = (Vec::new(), breaks.as_slice());
        while let Some((start, _)) = rest.first() {
            let n = rest.iter().take_while(|(time, _)| *time - *start <= line.within).count();
            let (group, later) = rest.split_at(n);
            let old = group.iter().filter(|(_, old)| *old).count() >= line.least;
            of.push(Moment { start: *start, end: group[n - 1].0, old, latest: [None, None] });
            rest = later;
        }
        Moments { of }
    }

    fn any_old(&self) -> bool {
        self.of.iter().any(|moment| moment.old)
    }

    /// The moment of one that broke then.
    fn at(&self, time: Time) -> Option<usize> {
        self.of.partition_point(|moment| moment.start <= time).checked_sub(1)
    }

    /// A connection that broke at this moment, or did not, may have outlasted others.
    fn outlast(&mut self, group: Option<usize>, c: Digest<'_>, within: Span) {
        let first = c.first();
        let at = self.of.partition_point(|moment| moment.start - within <= first);
        if let Some(moment) = self.of.get_mut(at) {
            note(&mut moment.latest, (c.last(), group));
        }
    }

    /// Leaves as old only those that nothing survived which had begun before.
    fn whole(mut self, within: Span) -> Moments {
        let mut latest: Latest = [None, None];
        for (at, moment) in self.of.iter_mut().enumerate() {
            moment.latest.into_iter().flatten().for_each(|now| note(&mut latest, now));
            let others = latest.iter().flatten().find(|(_, group)| *group != Some(at)).map(|(last, _)| *last);
            moment.old &= others <= Some(moment.end + within);
        }
        self
    }
}

fn note(latest: &mut Latest, now: (Time, Option<usize>)) {
    let [first, second] = *latest;
    if first.is_none_or(|first| first.1 == now.1) {
        latest[0] = first.max(Some(now));
    } else if first < Some(now) {
        *latest = [Some(now), first];
    } else if second < Some(now) {
        latest[1] = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By looking at all of them for each.
    fn outlasted(moments: &Moments, all: &[(Time, Time, Option<usize>)], at: usize, within: Span) -> bool {
        let moment = moments.of[at];
        all.iter().any(|(first, last, group)| {
            *first < moment.start - within && *group != Some(at) && *last > moment.end + within
        })
    }

    #[test]
    fn what_survived_a_moment_is_found_as_by_looking_at_all() {
        let mut n = 1_u64;
        let mut next = |most: i64| {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (n >> 33) as i64 % most
        };
        let (line, mut whole) = (Line { within: Span(10), least: 1 }, [0, 0]);
        for _ in 0..300 {
            let breaks: Vec<(Time, bool)> = (0..1 + next(12)).map(|_| (Time(next(400)), true)).collect();
            let mut moments = Moments::of(breaks.clone(), line);
            let mut all: Vec<(Time, Time, Option<usize>)> = Vec::new();
            for (time, _) in &breaks {
                all.push((Time(next(time.0 + 1)), *time, moments.at(*time)));
            }
            for _ in 0..next(4) {
                let first = next(400);
                all.push((Time(first), Time(first + next(100)), None));
            }
            for (first, last, group) in &all {
                let at = moments.of.partition_point(|moment| moment.start - line.within <= *first);
                moments.of.get_mut(at).into_iter().for_each(|moment| note(&mut moment.latest, (*last, *group)));
            }
            let found = moments.clone().whole(line.within);
            for at in 0..moments.of.len() {
                assert_eq!(
                    found.of[at].old,
                    !outlasted(&moments, &all, at, line.within),
                    "{at} of {moments:?}, {all:?}"
                );
                whole[usize::from(found.of[at].old)] += 1;
            }
        }
        assert!(whole.iter().all(|count| *count > 100), "{whole:?}");
    }
}

//! What digests keep of connections besides their rows. Of most that is little: times that are near each other are kept as
//! distances. What is too far apart for that is kept as it is.

use super::short::Short;
use super::stay::Stay;
use crate::time::{Span, Time};

/// When a connection began, and by what numbers it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// Time of its first packet.
    pub time: Time,
    /// Number in the report.
    pub id: u64,
    /// Number of its first packet.
    pub packet: u64,
}

/// The same, from the first connection of the stretch on, and where the rest of it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    time: Short,
    /// How far its number is from what its place tells.
    id: i16,
    packet: i32,
    /// The place of what there is more. Of a lone SYN: how long after it the server was in SYN_RCVD, for good, plus one; 0 if
    /// it was not.
    pub rest: u32,
}

const _: () = assert!(size_of::<Begin>() == 16);

impl Begin {
    /// That of the connection at `place` in a stretch that began at `first`, if it is not too far from that.
    #[inline(always)]
    pub fn of(origin: &Origin, first: &Origin, place: usize, rest: u32) -> Option<Begin> {
        let id = origin.id.wrapping_sub(first.id.wrapping_add(place as u64)) as i64;
        Some(Begin {
            time: Short::signed_of(origin.time.0.wrapping_sub(first.time.0))?,
            id: i16::try_from(id).ok()?,
            packet: i32::try_from(origin.packet.wrapping_sub(first.packet) as i64).ok()?,
            rest,
        })
    }

    /// That of one that is too far.
    pub fn far(rest: u32) -> Begin {
        Begin { time: Short::default(), id: 0, packet: 0, rest }
    }

    /// Its number.
    #[inline]
    pub fn id(&self, first: &Origin, place: usize) -> u64 {
        first.id.wrapping_add(place as u64).wrapping_add(i64::from(self.id) as u64)
    }

    #[inline]
    pub fn origin(&self, first: &Origin, place: usize) -> Origin {
        Origin {
            time: Time(first.time.0.wrapping_add(self.time.signed())),
            id: self.id(first, place),
            packet: first.packet.wrapping_add(i64::from(self.packet) as u64),
        }
    }
}

/// What there is to say of a connection that came to more than a lone SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct More {
    pub last: Time,
    /// The server's SYN_RCVD; where that did not happen, `until` is when the server was ESTABLISHED.
    pub handshake: Stay,
    /// TIME_WAIT of the end that was in it; of the client, if both were. Of a connection that was opened in the capture and
    /// is open when that ends, `since` is since when it has carried no payload. Of one that came to nothing `until` is the
    /// [`Attempt`](super::attempt::Attempt).
    pub time_wait: Stay,
    /// The place of what few connections have, plus one; 0 for none.
    pub rare: u32,
    /// Segments both ways.
    pub packets: u32,
}

/// The same of most of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    /// From the first packet on.
    last: Short,
    packets: u16,
    /// When the handshake began, from the first packet on.
    handshake: u32,
    /// When it was complete, from when it began on; and how long before the last packet TIME_WAIT was entered, with a bit
    /// that is set where it lasts. Or both are the attempt.
    rest: [u32; 2],
}

const _: () = assert!(size_of::<Usual>() == 20);

/// Of what did not happen.
const NEVER: u32 = u32::MAX;

impl Usual {
    /// That of a connection, or of an `attempt`, that began `first`, if it is like most.
    #[inline(always)]
    pub fn of(more: &More, first: Time, attempt: bool, two_msl: Span) -> Option<Usual> {
        let More { last, handshake, time_wait, packets, .. } = more;
        let begun = if handshake.happened() { handshake.since } else { first };
        let rest = if !attempt {
            [distance(begun, handshake.until)?, waited(time_wait, *last, two_msl)?]
        } else if handshake.until == Stay::NONE.until && !time_wait.happened() {
            let bits = time_wait.until.0 as u64;
            [bits as u32, (bits >> 32) as u32]
        } else {
            return None;
        };
        Some(Usual {
            last: Short::signed_of(last.0.wrapping_sub(first.0))?,
            packets: u16::try_from(*packets).ok()?,
            handshake: distance(first, handshake.since)?,
            rest,
        })
    }

    /// The same of a connection with all of these times, which went through TIME_WAIT: its first packet, SYN_RCVD and ESTABLISHED of
    /// its server, its last packet.
    #[inline(always)]
    pub fn by_the_book(
        [first, begun, complete, last]: [Time; 4],
        time_wait: &Stay,
        packets: u64,
        two_msl: Span,
    ) -> Option<Usual> {
        let since = |earlier: Time, later: Time| later.0.wrapping_sub(earlier.0) as u64;
        let [handshake, complete, waited] = [since(first, begun), since(begun, complete), since(time_wait.since, last)];
        let lasts = time_wait.until == Stay::NONE.until;
        let near = handshake.max(complete) < NEVER.into() && waited < u64::from(NEVER >> 1);
        // No time is one that stands for none.
        let usual = near && last < Time(i64::MAX >> 1) && (lasts || time_wait.until == last + two_msl);
        let [handshake, complete, waited] = [handshake, complete, waited << 1 | u64::from(lasts)].map(|n| n as u32);
        Some(Usual {
            last: Short::signed_of(last.0.wrapping_sub(first.0)).filter(|_| usual)?,
            packets: u16::try_from(packets).ok()?,
            handshake,
            rest: [complete, waited],
        })
    }

    #[inline(always)]
    pub fn more(&self, first: Time, attempt: bool, two_msl: Span) -> More {
        let last = Time(first.0.wrapping_add(self.last.signed()));
        let since = after(first, self.handshake);
        let [complete, waited] = self.rest;
        let (until, time_wait) = if attempt {
            let attempt = Time((u64::from(waited) << 32 | u64::from(complete)) as i64);
            (Stay::NONE.until, Stay { until: attempt, ..Stay::NONE })
        } else {
            let begun = if self.handshake == NEVER { first } else { since };
            (after(begun, complete), wait(waited, last, two_msl))
        };
        More { last, handshake: Stay { since, until }, time_wait, rare: 0, packets: self.packets.into() }
    }
}

/// From `begin` to `time`, if that is not too far.
#[inline]
fn distance(begin: Time, time: Time) -> Option<u32> {
    if time == Stay::NONE.until {
        return Some(NEVER);
    }
    u32::try_from(time.0.wrapping_sub(begin.0)).ok().filter(|distance| *distance != NEVER)
}

#[inline]
fn after(begin: Time, distance: u32) -> Time {
    if distance == NEVER { Stay::NONE.until } else { Time(begin.0.wrapping_add(distance.into())) }
}

/// How long before the `last` packet a stay in TIME_WAIT began, and whether it lasts, if it is over as long after that as such stays
/// are: it begins anew with each segment that is acknowledged.
#[inline]
fn waited(stay: &Stay, last: Time, two_msl: Span) -> Option<u32> {
    if *stay == Stay::NONE {
        return Some(NEVER);
    }
    let lasts = stay.lasts();
    let before = u32::try_from(last.0.wrapping_sub(stay.since.0)).ok()?;
    let usual = stay.happened() && before < NEVER >> 1 && (lasts || stay.until == last + two_msl);
    usual.then_some(before << 1 | u32::from(lasts))
}

#[inline]
fn wait(waited: u32, last: Time, two_msl: Span) -> Stay {
    if waited == NEVER {
        return Stay::NONE;
    }
    let since = Time(last.0.wrapping_sub(i64::from(waited >> 1)));
    Stay { since, until: if waited & 1 != 0 { Stay::NONE.until } else { last + two_msl } }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TWO_MSL: Span = Span::secs(60);

    /// Near `around`, or far, or the end of time.
    fn time(around: i64) -> impl Strategy<Value = Time> {
        let near = (-3_000_000_000..9_000_000_000_i64).prop_map(move |d| Time(around.saturating_add(d)));
        prop_oneof![8 => near, 2 => Just(Time(around)), 2 => Just(Stay::NONE.until), 1 => any::<i64>().prop_map(Time)]
    }

    proptest! {
        #[test]
        fn what_is_kept_as_distances_is_what_it_was(
            first in time(1_700_000_000_000_000_000),
            times in prop::array::uniform5(time(1_700_000_000_000_000_000)),
            (waits, packets, attempt) in (0..4_usize, 0..100_000_u32, any::<bool>()),
        ) {
            let [last, since, until, wait, end] = times;
            let until_wait = [end, Stay::NONE.until, wait + TWO_MSL, last + TWO_MSL][waits];
            let time_wait = Stay { since: if attempt { Stay::NONE.since } else { wait }, until: until_wait };
            let more = More { last, handshake: Stay { since, until }, time_wait, rare: 0, packets };
            if let Some(usual) = Usual::of(&more, first, attempt, TWO_MSL) {
                prop_assert_eq!(usual.more(first, attempt, TWO_MSL), more);
            }
            let book = Usual::by_the_book([first, since, until, last], &time_wait, packets.into(), TWO_MSL);
            if let Some(usual) = book.filter(|_| !attempt) {
                prop_assert_eq!(usual.more(first, false, TWO_MSL), more);
            }
        }

        #[test]
        fn where_it_began_is_found_again(
            (first, time) in (time(0), time(0)),
            (id, packet) in (any::<u64>(), any::<u64>()),
            (ids, packets, place) in (-40_000..40_000_i64, -3_000_000_000..3_000_000_000_i64, 0..5_000_usize),
        ) {
            let first = Origin { time: first, id, packet };
            let id = id.wrapping_add(place as u64).wrapping_add(ids as u64);
            let origin = Origin { time, id, packet: packet.wrapping_add(packets as u64) };
            let begin = Begin::of(&origin, &first, place, 7);
            let near = |time: Time| (time.0.wrapping_sub(first.time.0)).unsigned_abs() < 1 << 46;
            if i16::try_from(ids).is_ok() && i32::try_from(packets).is_ok() && near(time) {
                prop_assert!(begin.is_some());
            }
            if let Some(begin) = begin {
                prop_assert_eq!((begin.origin(&first, place), begin.rest), (origin, 7));
            }
        }
    }

    /// A usual connection, an attempt and an open one take little.
    #[test]
    fn most_are_kept_as_distances() {
        let first = Time(1_700_000_000_000_000_000);
        let at = |millis| first + Span::millis(millis);
        let stay = |since, until| Stay { since, until };
        let never = Stay::NONE.until;
        let usual = More {
            last: at(3_600_000),
            handshake: stay(first, at(30)),
            time_wait: stay(at(3_599_990), at(3_600_000) + TWO_MSL),
            rare: 0,
            packets: 60_000,
        };
        let open = More { handshake: stay(never, at(30)), time_wait: stay(at(3_599_000), never), ..usual };
        let attempt = More { handshake: stay(at(1), never), time_wait: stay(never, Time(77 << 40)), ..usual };
        let [begun, complete] = [first, at(30)];
        let book = Usual::by_the_book([first, begun, complete, usual.last], &usual.time_wait, 60_000, TWO_MSL);
        assert_eq!(book.map(|book| book.more(first, false, TWO_MSL)), Some(usual));
        for (more, attempt) in [(usual, false), (open, false), (attempt, true)] {
            assert!(Usual::of(&more, first, attempt, TWO_MSL).is_some(), "{more:?}");
        }
    }
}

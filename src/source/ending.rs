//! When a pcapng section ended, by the statistics of its interfaces, and whether that is to be believed.
//!
//! Who cuts a file or takes packets out of it may leave the statistics as they were: they tell of the whole then. So they are
//! believed only if they count no more packets than there are.

use crate::time::{Span, Time};

/// Later than this after the last packet a clock was set, or the file put together.
const LATEST: Span = Span::secs(30 * 86_400);

/// What the statistics of one interface say of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// When it ended (`isb_endtime`).
    pub(crate) at: Time,
    /// Packets that were to be written (`isb_usrdeliv`, else `isb_ifrecv`).
    pub(crate) packets: u64,
    /// Packets dropped, which may be counted among these.
    pub(crate) dropped: u64,
}

/// When a section of so many `packets`, of which this is the `last`, ended by what is known of all of its interfaces.
pub(crate) fn until(interfaces: impl Iterator<Item = Option<Ending>>, packets: u64, last: Time) -> Option<Time> {
    let mut all: Option<Ending> = None;
    for one in interfaces {
        let one = one?;
        all = Some(all.map_or(one, |all| Ending {
            at: all.at.min(one.at),
            packets: all.packets.saturating_add(one.packets),
            dropped: all.dropped.saturating_add(one.dropped),
        }));
    }
    let Ending { at, packets: written, dropped } = all?;
    let whole = packets >= written || packets.saturating_add(dropped) == written;
    (whole && packets > 0 && at >= last && at - last <= LATEST).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_believed_of_a_whole_capture_only() {
        let at = |seconds: i64, packets, dropped| Some(Ending { at: Time(seconds * 1_000_000_000), packets, dropped });
        let of = |all: &[Option<Ending>], packets| until(all.iter().copied(), packets, Time(10_000_000_000));
        assert_eq!(of(&[at(15, 3, 0)], 3), Some(Time(15_000_000_000)));
        assert_eq!(of(&[at(10, 3, 0)], 3), Some(Time(10_000_000_000)));
        assert_eq!(of(&[at(15, 5, 2)], 3), Some(Time(15_000_000_000)), "the kernel counts those dropped as received");
        assert_eq!(of(&[at(15, 2, 0), at(14, 1, 0)], 3), Some(Time(14_000_000_000)));
        assert_eq!(of(&[at(15, 4, 0)], 3), None, "a packet was taken out");
        assert_eq!(of(&[at(15, 3, 0), None], 3), None);
        assert_eq!(of(&[at(9, 3, 0)], 3), None, "packets came later");
        assert_eq!(of(&[at(40 * 86_400, 3, 0)], 3), None, "nobody waits for so long");
        assert_eq!((of(&[], 0), of(&[at(15, 0, 0)], 0)), (None, None));
    }
}

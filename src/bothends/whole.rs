//! Whether a capture beside an end misses nothing: what its numbers skip was lost on the way then, which the end shows by never
//! acknowledging it.

use std::net::IpAddr;

use super::segments::{Kept, Segments};

const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Whether the capture of these `segments`, made beside the hosts that `is_near` knows, has all that they sent, and all that
/// they acknowledge.
pub(super) fn is_whole(segments: &Segments, is_near: impl Fn(IpAddr) -> bool) -> bool {
    let lists = segments.by_tuple();
    segments.tuples.iter().zip(0..).all(|((first, second), number)| {
        // A socket that is connected to itself is both.
        let is_both = first == second;
        let of = |is_first: bool| {
            let all = lists.get(number).iter().map(|i| &segments.all[*i as usize]);
            let sent = all.filter(move |kept| is_both || kept.is_from_first() == is_first);
            sent.filter(|kept| kept.flags() & RST == 0)
        };
        let ends =
            [(first, true), (second, false)].map(|(end, is_first)| (Stream::of(of(is_first)), is_near(end.addr)));
        let acks =
            [true, false].map(|is_first| of(is_first).filter(|kept| kept.flags() & ACK != 0).map(|kept| kept.ack));
        let [of_first, of_second] = acks;
        ends[0].0.is_whole(ends[0].1, of_second) && ends[1].0.is_whole(ends[1].1, of_first)
    })
}

/// What was captured of the stream of one end, in order of numbers from the first one captured on.
struct Stream {
    first: Option<u32>,
    /// Up to where nothing lacks.
    end: i64,
    /// Something was captured beyond that.
    goes_on: bool,
}

impl Stream {
    fn of<'s>(sent: impl Iterator<Item = &'s Kept>) -> Stream {
        let mut first = None;
        let mut parts: Vec<(i64, i64)> = sent
            .map(|kept| {
                let base = *first.get_or_insert(kept.seq);
                // Streams of more than 2 GiB come out as gaps: of those nothing is claimed.
                let offset = |number: u32| i64::from(number.wrapping_sub(base) as i32);
                (offset(kept.seq), offset(kept.end()))
            })
            .collect();
        parts.sort_unstable();
        let begin = parts.first().map_or(0, |part| part.0);
        let end = parts.iter().fold(begin, |end, part| if part.0 <= end { end.max(part.1) } else { end });
        let goes_on = parts.last().is_some_and(|part| part.0 > end);
        Stream { first, end, goes_on }
    }

    /// Whether the capture lacks nothing of it that an end has sent beside it (`near`), or that its peer acknowledges.
    fn is_whole(&self, near: bool, mut acks: impl Iterator<Item = u32>) -> bool {
        let acked_beyond = |ack: u32| match self.first {
            Some(first) => i64::from(ack.wrapping_sub(first) as i32) > self.end,
            None => true,
        };
        let lacks = near && self.goes_on || acks.any(acked_beyond);
        !lacks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bothends::tap::Seen;
    use crate::segment::Socket;
    use crate::time::Time;

    const NEAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn seen(near: bool, seq: u32, ack: u32, len: u32) -> Seen {
        let (src, dst) = if near { (NEAR, FAR) } else { (FAR, NEAR) };
        let [src, dst] = [(src, near), (dst, !near)].map(|(addr, is_client)| {
            let port = if is_client { 40_000 } else { 80 };
            Socket { addr, port }
        });
        Seen { time: Time(0), packet: 1, src, dst, seq, ack, len, flags: ACK, ip_id: 0, tsval: None }
    }

    fn whole(segments: &[Seen]) -> bool {
        is_whole(&segments.iter().copied().collect(), |addr| addr == NEAR)
    }

    #[test]
    fn what_was_skipped_and_never_acknowledged_was_lost_before_it_came() {
        let begin = [seen(true, 100, 500, 10), seen(false, 500, 110, 10)];
        assert!(whole(&begin));
        let skipped = seen(false, 2_000, 110, 10);
        assert!(whole(&[begin[0], begin[1], skipped, seen(true, 110, 510, 0)]));
        assert!(!whole(&[begin[0], begin[1], skipped, seen(true, 110, 2_010, 0)]), "acknowledged: it came");
    }

    #[test]
    fn what_an_end_sent_beside_the_capture_is_all_in_it() {
        let begin = [seen(true, 100, 500, 10), seen(false, 500, 110, 10)];
        assert!(!whole(&[begin[0], begin[1], seen(true, 300, 510, 10)]));
        assert!(!whole(&[begin[0], begin[1], seen(false, 510, 140, 0)]), "acknowledged: it was sent");
        assert!(!whole(&[seen(true, 100, 500, 10)]), "nothing of the peer, which was heard");
    }
}

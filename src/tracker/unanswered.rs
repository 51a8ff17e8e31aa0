//! A SYN that is sent again and again, and nothing comes back: what became of it follows from when that was done first and last.

use super::lone::weigh_silent;
use super::mark::Mark;
use super::outline::Outline;
use super::player::Player;
use super::profile::Profile;
use super::rules::Event;
use super::state::Evidence;
use super::tape::{self, mark, own};
use super::textbook::Packet;
use super::trace::NAMED;
use super::verdict::Verdict;
use crate::segment::{Options, ScopeId, Segment};
use crate::time::Time;

/// No clock of timestamps goes on by as much between two of them: so none comes again.
const FAR: u32 = 1 << 24;

/// A SYN that was sent more than once, the same each time, and met silence.
#[derive(Clone, Copy, Debug)]
pub struct Unanswered {
    scope: ScopeId,
    /// Its number.
    pub isn: u32,
    /// TTL or hop limit of all of them.
    pub ttl: u8,
    /// How many were captured.
    pub syns: u32,
    /// The first of them.
    pub first: Packet,
    /// The second.
    pub again: Packet,
    /// The last of them.
    pub last: Packet,
}

impl tape::Tape {
    /// Whether nothing but SYNs of end 0 are on it, more than one.
    #[inline]
    pub fn may_be_unanswered(&self) -> bool {
        self.count > 1
            && self.marks & (mark::PLAIN | mark::RESET) == mark::PLAIN
            && self.own == [own::SEEN | own::SPOKE, 0]
    }
}

impl Unanswered {
    /// What there is on a tape, if nothing about it is rare.
    pub(super) fn of(mut player: Player<'_>) -> Option<Unanswered> {
        player.advance()?;
        let syn = *player.segment(0);
        let packet = |seg: &Segment| (seg.time, seg.packet);
        let (scope, isn, ttl, first) = (syn.scope, syn.seq, syn.ttl, packet(&syn));
        // Packets without numbers prove nothing, and before the first time there is none. What is sent to itself has one end.
        if first.1 == 0 || syn.time < Time(0) || syn.src == syn.dst {
            return None;
        }
        let mut all = Unanswered { scope, isn, ttl, syns: 1, first, again: first, last: first };
        let mut stamp = syn.options.timestamps;
        while let Some(x) = player.advance() {
            let seg = player.segment(x);
            let Segment { time, packet: number, ip_id, checksum, options: Options { timestamps, .. }, .. } = *seg;
            let same = Segment {
                time,
                packet: number,
                ip_id,
                checksum,
                options: Options { timestamps, ..syn.options },
                ..syn
            };
            let renewed = match (stamp, timestamps) {
                (Some(before), Some(now)) => {
                    (1..FAR).contains(&now.value.wrapping_sub(before.value)) && now.echo == before.echo
                }
                (before, now) => before == now,
            };
            if x != 0 || *seg != same || !renewed || time - all.last.0 <= NAMED {
                return None;
            }
            (all.last, all.syns, stamp) = (packet(seg), all.syns + 1, timestamps);
            if all.syns == 2 {
                all.again = all.last;
            }
        }
        (all.syns > 1).then_some(all)
    }

    /// What there is to say of it in short.
    pub(super) fn outline(&self) -> Outline {
        Outline {
            client: 0,
            observed: true,
            incarnation: 1,
            scopes: [Some(self.scope), None],
            first: self.first.0,
            last: self.last.0,
            first_packet: self.first.1,
            last_packet: self.last.1,
            packets: [self.syns.into(), 0],
            bytes: [0; 2],
            opening_seen: true,
            reset_only: false,
            retractions: 0,
        }
    }

    /// What became of both ends at `end`, in the order of their sockets: who had received the SYN would have answered.
    pub(super) fn weigh(&self, end: Time, profile: &Profile, verdicts: &mut [Verdict; 2]) {
        let (time, packet) = self.first;
        let sent = Mark::sure(Event::SndSyn, Evidence::Sent, time, packet);
        let received = Mark::sure(Event::RcvSyn, Evidence::Inferred, time, packet);
        weigh_silent((&sent, self.last.0), &received, end, profile, verdicts);
    }
}

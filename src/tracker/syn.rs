//! A SYN that is all there is of its connection, in less than half of what a head takes: a flood brings millions.

use std::net::{IpAddr, Ipv4Addr};

use super::heads::Head;
use super::kept::Kept;
use super::lone::Lone;
use super::tape::Tape;
use super::written::FLAGS;
use crate::pack::Pack;
use crate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use crate::time::Time;

/// Which options it has, and above that flags beyond the six.
const SCALE: u16 = 1;
const SACK_PERMITTED: u16 = 1 << 1;
const MSS: u16 = 1 << 2;
const STAMPED: u16 = 1 << 3;
const MORE_FLAGS: u32 = 4;

/// There is no SYN here: where its head is stands in the place of its sequence number.
const MOVED: u32 = u32::MAX;

/// A SYN over IPv4 that a tape could [keep](Tape::keeps), of a connection that is the first on its four-tuple.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Syn {
    pub(super) time: Time,
    addrs: [u32; 2],
    ports: [u16; 2],
    seq: u32,
    pub(super) scope: ScopeId,
    stamp: u32,
    /// Packets from the first of those that are kept together to this one; or [`MOVED`].
    on: u32,
    checksum: u16,
    ip_id: u16,
    window: u16,
    mss: u16,
    marks: u16,
    scale: u8,
    ttl: u8,
}

const _: () = assert!(size_of::<Syn>() == 48);

/// Packets from `first` on, if there is room for so many.
#[inline]
fn distance(first: u64, packet: u64) -> Option<u32> {
    u32::try_from(packet.wrapping_sub(first)).ok().filter(|on| *on != MOVED)
}

impl Syn {
    /// That of `seg`, which a tape could keep, in packet `first` or later; `None` if there is no room for it.
    #[inline]
    pub(super) fn of(seg: &Segment, first: u64) -> Option<Syn> {
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (seg.src.addr, seg.dst.addr) else { return None };
        let on = distance(first, seg.packet)?;
        let o = &seg.options;
        let bit = |there: bool, bit: u16| if there { bit } else { 0 };
        let options = bit(o.window_scale.is_some(), SCALE)
            | bit(o.sack_permitted, SACK_PERMITTED)
            | bit(o.mss.is_some(), MSS)
            | bit(o.timestamps.is_some(), STAMPED);
        Some(Syn {
            time: seg.time,
            addrs: [src.to_bits(), dst.to_bits()],
            ports: [seg.src.port, seg.dst.port],
            seq: seg.seq,
            scope: seg.scope,
            stamp: o.timestamps.map_or(0, |stamps| stamps.value),
            on,
            checksum: seg.checksum,
            ip_id: seg.ip_id,
            window: seg.window,
            mss: o.mss.unwrap_or_default(),
            marks: options | (seg.flags.0 >> FLAGS.count_ones()) << MORE_FLAGS,
            scale: o.window_scale.unwrap_or_default(),
            ttl: seg.ttl,
        })
    }

    /// The same where packets are counted from `first`, and were from `before`.
    pub(super) fn after(self, first: u64, before: u64) -> Option<Syn> {
        Some(Syn { on: distance(first, self.packet(before))?, ..self })
    }

    /// What stands for one whose head is at this place.
    pub(super) fn to(place: usize) -> Syn {
        Syn { on: MOVED, seq: place as u32, ..Syn::default() }
    }

    /// Where its head is, if that is so.
    #[inline]
    pub(super) fn moved(&self) -> Option<usize> {
        (self.on == MOVED).then_some(self.seq as usize)
    }

    /// Number of its packet.
    #[inline]
    pub(super) fn packet(&self, first: u64) -> u64 {
        first.wrapping_add(self.on.into())
    }

    /// Who sent it, and to whom.
    #[inline]
    pub(super) fn sockets(&self) -> [Socket; 2] {
        let socket = |e: usize| Socket { addr: Ipv4Addr::from_bits(self.addrs[e]).into(), port: self.ports[e] };
        [socket(0), socket(1)]
    }

    /// The address of who sent it.
    #[inline]
    pub(super) fn sender_addr(&self) -> IpAddr {
        Ipv4Addr::from_bits(self.addrs[0]).into()
    }

    /// Which end of its connection the socket `a` is, if it is between these two.
    #[inline(never)]
    pub(super) fn sender(&self, a: &Socket, b: &Socket) -> Option<usize> {
        let sockets = self.sockets();
        (0..2).find(|x| sockets[*x] == *a && sockets[1 - x] == *b)
    }

    #[inline]
    fn has(&self, option: u16) -> bool {
        self.marks & option != 0
    }

    /// All that there is to say of its connection.
    #[inline]
    pub(super) fn lone(&self, first: u64) -> Lone {
        Lone::new(self.scope, self.time, self.packet(first), self.has(STAMPED).then_some(self.stamp))
    }

    /// The segment.
    pub(super) fn segment(&self, first: u64) -> Segment {
        let [src, dst] = self.sockets();
        Segment {
            time: self.time,
            packet: self.packet(first),
            src,
            dst,
            scope: self.scope,
            seq: self.seq,
            flags: Flags(Flags::SYN.0 | (self.marks >> MORE_FLAGS) << FLAGS.count_ones()),
            window: self.window,
            checksum: self.checksum,
            ip_id: self.ip_id,
            ttl: self.ttl,
            options: Options {
                mss: self.has(MSS).then_some(self.mss),
                window_scale: self.has(SCALE).then_some(self.scale),
                sack_permitted: self.has(SACK_PERMITTED),
                timestamps: self.has(STAMPED).then_some(Timestamps { value: self.stamp, echo: 0 }),
                ..Options::default()
            },
            ..Segment::blank()
        }
    }

    /// The head of its connection.
    pub(super) fn head(&self, first: u64) -> Head {
        let seg = self.segment(first);
        Head {
            sockets: [seg.src, seg.dst],
            first_packet: seg.packet,
            state: Kept::on_tape(1),
            beside: 0,
            previous: 0,
            tape: Tape::keeping(&seg),
        }
    }
}

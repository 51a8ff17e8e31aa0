//! Segments, and the words all share.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::plain::Item;
use super::{In, Out, Pack, pack_fields};
use crate::segment::{Flags, IcmpError, IcmpKind, Options, ScopeId, Segment, Socket, Timestamps};
use crate::time::{Span, Time};

/// Where a record keeps "not yet" without an option, it is the least time there is.
impl Pack for Time {
    fn blank() -> Self {
        Time(i64::MIN)
    }

    #[inline]
    fn is_blank(&self) -> bool {
        self.0 == i64::MIN
    }

    #[inline]
    fn pack(&self, out: &mut Out<'_>) {
        out.time(self.0);
    }

    #[inline]
    fn read(&mut self, from: &mut In<'_>) {
        *self = Time(from.time());
    }
}

impl Item for Time {}

impl Item for Span {}

macro_rules! wrapped {
    ($($word:ident),+) => {$(
        impl Pack for $word {
            fn blank() -> Self {
                $word(0)
            }

            #[inline]
            fn is_blank(&self) -> bool {
                self.0 == 0
            }

            #[inline]
            fn pack(&self, out: &mut Out<'_>) {
                self.0.pack(out);
            }

            #[inline]
            fn read(&mut self, from: &mut In<'_>) {
                self.0.read(from);
            }
        }
    )+};
}

wrapped!(Flags, ScopeId, Span);

impl Item for ScopeId {}

impl Pack for IpAddr {
    fn blank() -> Self {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    }

    fn is_blank(&self) -> bool {
        *self == IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    }

    fn pack(&self, out: &mut Out<'_>) {
        match self {
            IpAddr::V4(addr) => {
                out.byte(4);
                out.bytes(&addr.octets());
            }
            IpAddr::V6(addr) => {
                out.byte(6);
                out.bytes(&addr.octets());
            }
        }
    }

    fn read(&mut self, from: &mut In<'_>) {
        *self = Self::unpack(from);
    }

    fn unpack(from: &mut In<'_>) -> Self {
        if from.byte() == 4 {
            IpAddr::V4(Ipv4Addr::from(from.bytes::<4>()))
        } else {
            IpAddr::V6(Ipv6Addr::from(from.bytes::<16>()))
        }
    }
}

pack_fields!(Socket { addr, port });
pack_fields!(IcmpError { time, packet, from, src, dst, scope, seq, kind });

impl Pack for IcmpKind {
    fn blank() -> Self {
        IcmpKind::Unreachable
    }

    fn is_blank(&self) -> bool {
        *self == IcmpKind::Unreachable
    }

    fn pack(&self, out: &mut Out<'_>) {
        match *self {
            IcmpKind::Unreachable => out.byte(0),
            IcmpKind::PortUnreachable => out.byte(1),
            IcmpKind::Prohibited => out.byte(2),
            IcmpKind::TimeExceeded => out.byte(3),
            IcmpKind::TooBig(mtu) => {
                out.byte(4);
                out.number(mtu.into());
            }
            IcmpKind::Other { kind, code } => out.bytes(&[5, kind, code]),
        }
    }

    fn read(&mut self, from: &mut In<'_>) {
        *self = Self::unpack(from);
    }

    fn unpack(from: &mut In<'_>) -> Self {
        match from.byte() {
            0 => IcmpKind::Unreachable,
            1 => IcmpKind::PortUnreachable,
            2 => IcmpKind::Prohibited,
            3 => IcmpKind::TimeExceeded,
            4 => IcmpKind::TooBig(from.number() as u32),
            _ => IcmpKind::Other { kind: from.byte(), code: from.byte() },
        }
    }
}

pack_fields!(Timestamps { value, echo });
pack_fields!(Options { mss, window_scale, sack_permitted, timestamps, sack, sack_blocks, fast_open, cut });

/// Its packet number as a distance, too.
impl Pack for Segment {
    fn blank() -> Self {
        Segment::nothing()
    }

    fn is_blank(&self) -> bool {
        false
    }

    fn pack(&self, out: &mut Out<'_>) {
        out.packet(self.packet);
        self.src.pack(out);
        self.dst.pack(out);
        self.pack_rest(out);
    }

    fn read(&mut self, from: &mut In<'_>) {
        *self = Self::unpack(from);
    }

    fn unpack(from: &mut In<'_>) -> Self {
        let packet = from.packet();
        let sockets = [Socket::unpack(from), Socket::unpack(from)];
        Segment::unpack_rest(sockets, packet, from)
    }
}

impl Segment {
    /// Writes all but its packet number and sockets.
    pub(crate) fn pack_rest(&self, out: &mut Out<'_>) {
        let rare = [self.scope.0, self.ack, self.len, self.captured];
        let mask = (0..).zip(rare).fold(0_u8, |mask, (i, value)| mask | u8::from(value != 0) << i);
        let [s0, s1, s2, s3] = self.seq.to_le_bytes();
        let [f0, f1] = self.flags.0.to_le_bytes();
        let [w0, w1] = self.window.to_le_bytes();
        let [c0, c1] = self.checksum.to_le_bytes();
        let [i0, i1] = self.ip_id.to_le_bytes();
        out.bytes(&[mask, s0, s1, s2, s3, f0, f1, w0, w1, c0, c1, i0, i1, self.ttl]);
        rare.into_iter().filter(|value| *value != 0).for_each(|value| out.word(value));
        out.time(self.time.0);
        self.options.pack(out);
    }

    /// Reads back what [`Segment::pack_rest`] wrote.
    pub(crate) fn unpack_rest([src, dst]: [Socket; 2], packet: u64, from: &mut In<'_>) -> Segment {
        let [mask, s0, s1, s2, s3, f0, f1, w0, w1, c0, c1, i0, i1, ttl] = from.bytes();
        let mut rare = |i: u8| if mask >> i & 1 != 0 { from.word() } else { 0 };
        let (scope, ack, len, captured) = (ScopeId(rare(0)), rare(1), rare(2), rare(3));
        Segment {
            time: Time(from.time()),
            packet,
            src,
            dst,
            scope,
            seq: u32::from_le_bytes([s0, s1, s2, s3]),
            ack,
            len,
            captured,
            flags: Flags(u16::from_le_bytes([f0, f1])),
            window: u16::from_le_bytes([w0, w1]),
            checksum: u16::from_le_bytes([c0, c1]),
            ip_id: u16::from_le_bytes([i0, i1]),
            ttl,
            options: Options::unpack(from),
        }
    }
}

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

impl Pack for Span {
    fn blank() -> Self {
        Span(0)
    }

    #[inline]
    fn is_blank(&self) -> bool {
        self.0 == 0
    }

    #[inline]
    fn pack(&self, out: &mut Out<'_>) {
        out.number(super::zigzag(self.0));
    }

    #[inline]
    fn read(&mut self, from: &mut In<'_>) {
        *self = Span(super::unzigzag(from.number()));
    }
}

impl Item for Span {}

impl Pack for Flags {
    fn blank() -> Self {
        Flags(0)
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
        *self = Flags(u16::unpack(from));
    }
}

impl Pack for ScopeId {
    fn blank() -> Self {
        ScopeId(0)
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
        *self = ScopeId(u32::unpack(from));
    }
}

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
        Segment {
            time: Time(0),
            packet: 0,
            src: Socket::blank(),
            dst: Socket::blank(),
            scope: ScopeId(0),
            seq: 0,
            ack: 0,
            len: 0,
            captured: 0,
            flags: Flags(0),
            window: 0,
            checksum: 0,
            ip_id: 0,
            ttl: 0,
            options: Options::default(),
        }
    }

    fn is_blank(&self) -> bool {
        false
    }

    fn pack(&self, out: &mut Out<'_>) {
        out.time(self.time.0);
        out.packet(self.packet);
        self.src.pack(out);
        self.dst.pack(out);
        out.number(self.scope.0.into());
        out.word(self.seq);
        out.word(self.ack);
        out.word(self.len);
        out.word(self.captured);
        out.number(self.flags.0.into());
        out.number(self.window.into());
        out.number(self.checksum.into());
        out.number(self.ip_id.into());
        out.byte(self.ttl);
        self.options.pack(out);
    }

    fn read(&mut self, from: &mut In<'_>) {
        *self = Self::unpack(from);
    }

    fn unpack(from: &mut In<'_>) -> Self {
        Segment {
            time: Time(from.time()),
            packet: from.packet(),
            src: Socket::unpack(from),
            dst: Socket::unpack(from),
            scope: ScopeId(from.number() as u32),
            seq: from.word(),
            ack: from.word(),
            len: from.word(),
            captured: from.word(),
            flags: Flags(from.number() as u16),
            window: from.number() as u16,
            checksum: from.number() as u16,
            ip_id: from.number() as u16,
            ttl: from.byte(),
            options: Options::unpack(from),
        }
    }
}

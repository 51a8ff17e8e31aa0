//! Segments for the tests of this module; times in milliseconds.

use std::net::{IpAddr, Ipv4Addr};

use crate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use crate::time::Time;

fn segment(ms: i64, flags: Flags, seq: u32, ack: u32, len: u32) -> Segment {
    let socket = |host, port| Socket { addr: IpAddr::V4(Ipv4Addr::new(10, 0, 0, host)), port };
    Segment {
        time: Time(ms * 1_000_000),
        packet: 1,
        src: socket(1, 40_000),
        dst: socket(2, 80),
        scope: ScopeId(0),
        seq,
        ack,
        len,
        captured: len,
        flags,
        window: 1_000,
        checksum: 0,
        ip_id: 0,
        ttl: 64,
        options: Options::default(),
    }
}

pub fn data(ms: i64, seq: u32, len: u32) -> Segment {
    segment(ms, Flags::ACK, seq, 1, len)
}

pub fn ack(ms: i64, ack: u32) -> Segment {
    segment(ms, Flags::ACK, 1, ack, 0)
}

pub fn fin(ms: i64, seq: u32) -> Segment {
    segment(ms, Flags::FIN | Flags::ACK, seq, 1, 0)
}

pub fn syn(ms: i64) -> Segment {
    segment(ms, Flags::SYN, 0, 0, 0)
}

pub fn syn_ack(ms: i64) -> Segment {
    segment(ms, Flags::SYN | Flags::ACK, 0, 1, 0)
}

pub fn stamped(mut seg: Segment, value: u32, echo: u32) -> Segment {
    seg.options.timestamps = Some(Timestamps { value, echo });
    seg
}

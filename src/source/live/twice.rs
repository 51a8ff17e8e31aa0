//! Packets that one capture sees on several interfaces: bridged, routed to a container, sent into a tunnel's veth.
//!
//! A packet is known again by what stays the same on its way through this machine: the IP header without TTL and
//! checksum, and the transport header without checksum (offload leaves it unfinished on some of the interfaces). The
//! first interface that shows it counts; the same bytes on the *same* interface are a retransmission and count again.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::time::{Span, Time};

/// A packet crosses one machine within this time; the least retransmission timer is ten times longer.
const CROSSING: Span = Span::millis(20);
/// Packets remembered; a newer one with the same slot displaces an older one.
const SLOTS: usize = 1 << 14;

#[derive(Clone, Copy, Default)]
struct Seen {
    hash: u64,
    time: Time,
    interface: i32,
}

/// What was seen in the last moments, in fixed memory.
pub(super) struct Twice {
    seen: Vec<Seen>,
    hasher: RandomState,
}

impl Twice {
    pub(super) fn new() -> Twice {
        Twice { seen: vec![Seen::default(); SLOTS], hasher: RandomState::default() }
    }

    /// Whether the IP packet was seen on another interface just before.
    pub(super) fn is_copy(&mut self, ip: &[u8], interface: i32, time: Time) -> bool {
        let Some(hash) = self.fingerprint(ip) else { return false };
        let slot = &mut self.seen[hash as usize % SLOTS];
        if slot.hash == hash && slot.interface != interface && time - slot.time <= CROSSING {
            return true;
        }
        *slot = Seen { hash, time, interface };
        false
    }

    fn fingerprint(&self, ip: &[u8]) -> Option<u64> {
        let mut parts = [0_u8; 96];
        let mut len = 0;
        let mut take = |part: &[u8]| {
            let end = (len + part.len()).min(parts.len());
            parts[len..end].copy_from_slice(&part[..end - len]);
            len = end;
        };
        let transport = match ip.first()? >> 4 {
            4 => {
                let header = usize::from(ip[0] & 15) * 4;
                // Length, identification, fragment; protocol; addresses.
                take(ip.get(2..8)?);
                take(ip.get(9..10)?);
                take(ip.get(12..20)?);
                ip.get(header..)?
            }
            6 => {
                take(ip.get(4..7)?);
                take(ip.get(8..40)?);
                ip.get(40..)?
            }
            _ => return None,
        };
        take(transport.get(..16)?);
        take(transport.get(18..transport.len().min(60)).unwrap_or(&[]));
        Some(self.hasher.hash_one(&parts[..len]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(seq: u8) -> Vec<u8> {
        let mut p = vec![0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0xaa, 0xbb, 10, 0, 0, 1, 10, 0, 0, 2];
        p.extend([0x9c, 0x40, 0, 80, 0, 0, 0, seq, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0x12, 0x34, 0, 0]);
        p
    }

    #[test]
    fn the_same_packet_on_another_interface_is_a_copy() {
        let mut twice = Twice::new();
        let first = packet(1);
        let mut forwarded = first.clone();
        (forwarded[8], forwarded[10], forwarded[36]) = (63, 0xcc, 0x99);
        assert!(!twice.is_copy(&first, 2, Time(1_000)));
        assert!(twice.is_copy(&forwarded, 3, Time(2_000)));
        assert!(twice.is_copy(&forwarded, 4, Time(3_000)));
        assert!(!twice.is_copy(&packet(2), 3, Time(4_000)), "another packet");
    }

    #[test]
    fn a_retransmission_is_none() {
        let mut twice = Twice::new();
        assert!(!twice.is_copy(&packet(1), 2, Time(0)));
        assert!(!twice.is_copy(&packet(1), 2, Time(1_000)), "on the same interface");
        assert!(!twice.is_copy(&packet(1), 3, Time(300_000_000)), "long after");
    }

    #[test]
    fn what_is_no_ip_packet_or_too_short_is_never_one() {
        let mut twice = Twice::new();
        for bytes in [&[][..], &[0x45; 19], &[0x60; 41], &[0x00; 60]] {
            assert!(!twice.is_copy(bytes, 1, Time(0)) && !twice.is_copy(bytes, 2, Time(0)));
        }
    }
}

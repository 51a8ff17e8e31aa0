//! The layout of a block of the ring (`linux/if_packet.h`, TPACKET_V3), read from its bytes with bounds checks.

use std::mem::{offset_of, size_of};

use libc::{sockaddr_ll, tpacket_block_desc, tpacket_hdr_v1, tpacket3_hdr};

use crate::time::Time;

/// One packet within a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// When the kernel took it.
    pub(super) time: Time,
    /// Bytes on the wire.
    pub(super) wire_len: u32,
    /// Where its captured bytes lie in the block, and how many there are.
    pub(super) at: usize,
    pub(super) len: usize,
    /// The VLAN tag that was taken out of it: TPID, TCI.
    pub(super) tag: Option<(u16, u16)>,
    /// EtherType, hardware type, interface, packet type, source address: as in `sockaddr_ll`.
    pub(super) protocol: u16,
    pub(super) hardware: u16,
    pub(super) interface: i32,
    pub(super) kind: u8,
    pub(super) address_len: u8,
    pub(super) address: [u8; 8],
    /// Offset of the next packet from this one, 0 after the last.
    pub(super) next: usize,
}

/// Size of the header and where the address begins behind it (`TPACKET_ALIGN`).
const ADDRESS: usize = size_of::<tpacket3_hdr>().next_multiple_of(16);

/// Bytes of a header with its address.
const HEADER: usize = ADDRESS + size_of::<sockaddr_ll>();

/// Bytes at a place that is in a header for certain; the compiler knows too.
fn part<const N: usize>(header: &[u8; HEADER], at: usize) -> [u8; N] {
    std::array::from_fn(|i| header[at + i])
}

fn u32_at(block: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(block.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// A way through the packets of a block: how many are left, and where the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    left: u32,
    at: usize,
}

impl Walk {
    /// From the first packet of `block`. A block that is too short to say holds none.
    pub(super) fn new(block: &[u8]) -> Walk {
        let header = offset_of!(tpacket_block_desc, hdr);
        let left = u32_at(block, header + offset_of!(tpacket_hdr_v1, num_pkts));
        let at = u32_at(block, header + offset_of!(tpacket_hdr_v1, offset_to_first_pkt));
        Walk { left: left.unwrap_or(0), at: at.unwrap_or(0) as usize }
    }

    /// The next packet of the same `block`. Nothing that does not lie within it is a packet, and none comes after.
    pub(super) fn next(&mut self, block: &[u8]) -> Option<Frame> {
        self.left = self.left.checked_sub(1)?;
        let Some(frame) = frame(block, self.at) else {
            self.left = 0;
            return None;
        };
        // Without a next one the block is over, whatever it says. Packets do not overlap: a way through ends.
        match self.at.checked_add(frame.next) {
            Some(at) if frame.next >= size_of::<tpacket3_hdr>() => self.at = at,
            _ => self.left = 0,
        }
        Some(frame)
    }
}

/// The packet whose header begins at `start`.
fn frame(block: &[u8], start: usize) -> Option<Frame> {
    let header: &[u8; HEADER] = block.get(start..start.checked_add(HEADER)?)?.try_into().ok()?;
    let word = |field: usize| u32::from_ne_bytes(part(header, field));
    let half = |field: usize| u16::from_ne_bytes(part(header, field));
    let status = word(offset_of!(tpacket3_hdr, tp_status));
    let len = word(offset_of!(tpacket3_hdr, tp_snaplen)) as usize;
    let at = start + usize::from(half(offset_of!(tpacket3_hdr, tp_mac)));
    block.get(at..at.checked_add(len)?)?;
    let tag = (status & libc::TP_STATUS_VLAN_VALID != 0).then(|| {
        let variant = offset_of!(tpacket3_hdr, hv1);
        let tci = word(variant + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tci)) as u16;
        let known = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
        let tpid = half(variant + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tpid));
        (if known { tpid } else { 0x8100 }, tci)
    });
    let nanos = i64::from(word(offset_of!(tpacket3_hdr, tp_nsec)));
    Some(Frame {
        time: Time(i64::from(word(offset_of!(tpacket3_hdr, tp_sec))) * 1_000_000_000 + nanos),
        wire_len: word(offset_of!(tpacket3_hdr, tp_len)),
        at,
        len,
        tag,
        protocol: u16::from_be(half(ADDRESS + offset_of!(sockaddr_ll, sll_protocol))),
        hardware: half(ADDRESS + offset_of!(sockaddr_ll, sll_hatype)),
        interface: word(ADDRESS + offset_of!(sockaddr_ll, sll_ifindex)) as i32,
        kind: header[ADDRESS + offset_of!(sockaddr_ll, sll_pkttype)],
        address_len: header[ADDRESS + offset_of!(sockaddr_ll, sll_halen)],
        address: part(header, ADDRESS + offset_of!(sockaddr_ll, sll_addr)),
        next: word(offset_of!(tpacket3_hdr, tp_next_offset)) as usize,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with one packet, as the kernel lays it out on a machine with the small end first or last.
    fn block() -> Vec<u8> {
        let mut b = vec![0; 512];
        let mut put = |at: usize, value: &[u8]| b[at..at + value.len()].copy_from_slice(value);
        put(12, &1_u32.to_ne_bytes());
        put(16, &48_u32.to_ne_bytes());
        put(52, &1_700_000_000_u32.to_ne_bytes());
        put(56, &123_456_789_u32.to_ne_bytes());
        put(60, &60_u32.to_ne_bytes());
        put(64, &1_514_u32.to_ne_bytes());
        put(68, &(libc::TP_STATUS_USER | libc::TP_STATUS_VLAN_VALID | libc::TP_STATUS_VLAN_TPID_VALID).to_ne_bytes());
        put(72, &82_u16.to_ne_bytes());
        put(80, &0x0007_u32.to_ne_bytes());
        put(84, &0x88a8_u16.to_ne_bytes());
        put(96 + 2, &0x0800_u16.to_be_bytes());
        put(96 + 4, &3_i32.to_ne_bytes());
        put(96 + 10, &[4, 6]);
        b
    }

    #[test]
    fn a_packet_is_found_with_its_time_lengths_and_tag() {
        let block = block();
        let frame = Walk::new(&block).next(&block).unwrap();
        assert_eq!(frame.time, Time(1_700_000_000_123_456_789));
        assert_eq!((frame.at, frame.len, frame.wire_len, frame.next), (130, 60, 1_514, 0));
        assert_eq!(frame.tag, Some((0x88a8, 7)));
        assert_eq!((frame.protocol, frame.interface, frame.kind, frame.address_len), (0x0800, 3, 4, 6));
    }

    #[test]
    fn nothing_beyond_the_block_is_read() {
        let mut block = block();
        assert_eq!(frame(&block, 500), None);
        assert_eq!(frame(&block, usize::MAX - 8), None);
        block[60..64].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(frame(&block, 48), None, "a length beyond the block");
        assert_eq!(Walk::new(&block[..15]).next(&block), None);
    }

    /// A block of `size` bytes with packets of these lengths, as the kernel lays them out.
    fn filled(size: usize, lens: &[usize]) -> Vec<u8> {
        const MAC: usize = 82;
        let mut b = vec![0; size];
        let mut at = 48;
        let put = |b: &mut Vec<u8>, at: usize, value: &[u8]| b[at..at + value.len()].copy_from_slice(value);
        put(&mut b, 12, &(lens.len() as u32).to_ne_bytes());
        put(&mut b, 16, &48_u32.to_ne_bytes());
        for (i, len) in lens.iter().enumerate() {
            let next = if i + 1 < lens.len() { (MAC + len).next_multiple_of(16) } else { 0 };
            put(&mut b, at, &(next as u32).to_ne_bytes());
            put(&mut b, at + 4, &(100 + i as u32).to_ne_bytes());
            put(&mut b, at + 12, &(*len as u32).to_ne_bytes());
            put(&mut b, at + 16, &(*len as u32).to_ne_bytes());
            put(&mut b, at + 24, &(MAC as u16).to_ne_bytes());
            b[at + MAC..at + MAC + len].fill(i as u8 + 1);
            at += next;
        }
        b
    }

    fn walked(block: &[u8]) -> Vec<Frame> {
        let mut walk = Walk::new(block);
        std::iter::from_fn(|| walk.next(block)).collect()
    }

    #[test]
    fn a_walk_visits_every_packet_once_and_in_order() {
        let lens = [54, 60, 128, 1, 0, 66];
        let block = filled(4_096, &lens);
        let frames = walked(&block);
        assert_eq!(frames.iter().map(|f| f.len).collect::<Vec<_>>(), lens);
        for (i, f) in frames.iter().enumerate() {
            assert_eq!(f.time, Time((100 + i as i64) * 1_000_000_000));
            assert!(block[f.at..f.at + f.len].iter().all(|b| *b == i as u8 + 1), "packet {i}");
        }
        assert_eq!(walked(&filled(4_096, &[])), []);
    }

    #[test]
    fn a_walk_ends_where_a_block_contradicts_itself() {
        let block = filled(4_096, &[54, 60, 128]);
        let with = |at: usize, value: u32| {
            let mut block = block.clone();
            block[at..at + 4].copy_from_slice(&value.to_ne_bytes());
            walked(&block).len()
        };
        assert_eq!(with(12, u32::MAX), 3, "more packets than there are");
        assert_eq!(with(12, 2), 2, "fewer");
        assert_eq!(with(16, u32::MAX), 0, "a first one beyond the block");
        assert_eq!(with(48, 0), 1, "no next one");
        for overlapping in [1, 16, 47] {
            assert_eq!(with(48, overlapping), 1, "a next one inside this one");
        }
        for beyond in [4_096, 4_048, u32::MAX] {
            assert_eq!(with(48, beyond), 1, "a next one beyond the block");
        }
        assert_eq!(with(48 + 12, 5_000), 0, "a length beyond the block");
        // Whatever single word is damaged, and wherever the block is cut: no panic, and an end.
        for at in (0..block.len() - 4).step_by(2).filter(|at| *at < 600) {
            for value in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
                assert!(with(at, value) <= 3);
            }
        }
        for len in 0..600 {
            assert!(walked(&block[..len]).len() <= 3);
        }
    }
}

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

fn bytes<const N: usize>(block: &[u8], at: usize) -> Option<[u8; N]> {
    block.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u32_at(block: &[u8], at: usize) -> Option<u32> {
    bytes(block, at).map(u32::from_ne_bytes)
}

fn u16_at(block: &[u8], at: usize) -> Option<u16> {
    bytes(block, at).map(u16::from_ne_bytes)
}

/// How many packets a block holds, and where the first one begins.
pub(super) fn contents(block: &[u8]) -> Option<(u32, usize)> {
    let header = offset_of!(tpacket_block_desc, hdr);
    let packets = u32_at(block, header + offset_of!(tpacket_hdr_v1, num_pkts))?;
    let first = u32_at(block, header + offset_of!(tpacket_hdr_v1, offset_to_first_pkt))?;
    Some((packets, first as usize))
}

/// The packet whose header begins at `start`.
pub(super) fn frame(block: &[u8], start: usize) -> Option<Frame> {
    let word = |field: usize| u32_at(block, start.checked_add(field)?);
    let seconds = word(offset_of!(tpacket3_hdr, tp_sec))?;
    let nanos = word(offset_of!(tpacket3_hdr, tp_nsec))?;
    let status = word(offset_of!(tpacket3_hdr, tp_status))?;
    let len = word(offset_of!(tpacket3_hdr, tp_snaplen))? as usize;
    let mac = usize::from(u16_at(block, start + offset_of!(tpacket3_hdr, tp_mac))?);
    let at = start.checked_add(mac)?;
    block.get(at..at.checked_add(len)?)?;
    let tag = (status & libc::TP_STATUS_VLAN_VALID != 0).then(|| {
        let variant = start + offset_of!(tpacket3_hdr, hv1);
        let tci = u32_at(block, variant + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tci))? as u16;
        let known = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
        let tpid = u16_at(block, variant + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tpid))?;
        Some((if known { tpid } else { 0x8100 }, tci))
    });
    let address = start + ADDRESS;
    Some(Frame {
        time: Time(i64::from(seconds) * 1_000_000_000 + i64::from(nanos)),
        wire_len: word(offset_of!(tpacket3_hdr, tp_len))?,
        at,
        len,
        tag: tag.flatten(),
        protocol: u16::from_be(u16_at(block, address + offset_of!(sockaddr_ll, sll_protocol))?),
        hardware: u16_at(block, address + offset_of!(sockaddr_ll, sll_hatype))?,
        interface: u32_at(block, address + offset_of!(sockaddr_ll, sll_ifindex))? as i32,
        kind: *block.get(address + offset_of!(sockaddr_ll, sll_pkttype))?,
        address_len: *block.get(address + offset_of!(sockaddr_ll, sll_halen))?,
        address: bytes(block, address + offset_of!(sockaddr_ll, sll_addr))?,
        next: word(offset_of!(tpacket3_hdr, tp_next_offset))? as usize,
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
        assert_eq!(contents(&block), Some((1, 48)));
        let frame = frame(&block, 48).unwrap();
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
        assert_eq!(contents(&block[..15]), None);
    }
}

//! Packets from an interface as they pass: a ring shared with the kernel, its frames made into packets of a link type.

use std::io;
use std::time::Duration;

use super::filter::{self, Start};
use super::frame::{Frame, Walk};
use super::interface;
use super::sys::{Ring, Socket};
use super::twice::Twice;
use super::{CaptureError, Feed, Passed, Settings};
use crate::source::{FileInfo, LinkType, Packet};

/// The interface that stands for all of them.
pub const ANY: &str = "any";
/// Bytes of a block: many packets with headers only, and the largest packet there is with everything.
const BLOCK: u32 = 1 << 19;
/// Milliseconds after which the kernel hands over a block that is not full.
const RETIRE: u32 = 50;
/// Packets given in one go.
const MANY: u64 = 4_096;
/// `sll_pkttype` of what this machine sends.
const OUTGOING: u8 = 4;
/// Bytes of a LINUX_SLL2 header.
const SLL2: usize = 20;

/// An open capture.
pub struct Capture {
    // Before the socket: the mapping is undone first.
    ring: Ring,
    socket: Socket,
    name: String,
    /// 0 for all of them.
    index: i32,
    link: LinkType,
    loopbacks: Vec<i32>,
    twice: Option<Twice>,
    block: usize,
    /// The way through the current block; the block is the kernel's if `None`.
    walk: Option<Walk>,
    scratch: Vec<u8>,
    snap_len: u32,
    number: u64,
    copies: u64,
    drops: u64,
    cut: u64,
    problem: Option<String>,
    /// It was down when last heard of: it may come up again, or go away, of which nobody tells.
    down: bool,
    ended: bool,
}

impl Capture {
    /// Starts capturing.
    ///
    /// # Errors
    /// When there is no such interface, or the kernel does not allow it.
    pub fn open(settings: &Settings) -> Result<Capture, CaptureError> {
        let all = interface::interfaces().unwrap_or_default();
        let (index, link) = if settings.interface == ANY {
            (0, LinkType::LINUX_SLL2)
        } else {
            let found = all.iter().find(|interface| interface.name == settings.interface);
            let found = found.ok_or_else(|| CaptureError::no_interface(&settings.interface, &all))?;
            (found.index, found.link())
        };
        let open = || -> io::Result<(Socket, Ring)> {
            let cooked = link == LinkType::LINUX_SLL2;
            let socket = Socket::open(cooked)?;
            // Wireless headers are too varied for the kernel's filter.
            if link != LinkType::IEEE802_11_RADIOTAP {
                let start = if cooked { Start::Cooked } else { Start::Ethernet };
                let program = filter::program(start, settings.snap_len, settings.tunnels);
                let raw = |i: &filter::Instruction| libc::sock_filter { code: i.code, jt: i.jt, jf: i.jf, k: i.k };
                socket.filter(&program.iter().map(raw).collect::<Vec<_>>())?;
            }
            let blocks = (settings.ring_bytes / u64::from(BLOCK)).clamp(4, 1 << 13) as u32;
            let ring = Ring::map(&socket, BLOCK, blocks, RETIRE)?;
            if settings.promiscuous && index != 0 {
                socket.promiscuous(index)?;
            }
            socket.bind(index)?;
            Ok((socket, ring))
        };
        let (socket, ring) = open().map_err(|error| CaptureError::refused(&settings.interface, &error))?;
        Ok(Capture {
            ring,
            socket,
            name: settings.interface.clone(),
            index,
            link,
            loopbacks: all.iter().filter(|i| i.is_loopback()).map(|i| i.index).collect(),
            twice: (index == 0).then(Twice::new),
            block: 0,
            walk: None,
            scratch: Vec::new(),
            snap_len: settings.snap_len,
            number: 0,
            copies: 0,
            drops: 0,
            cut: 0,
            problem: None,
            down: false,
            ended: false,
        })
    }

    /// The name of the interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next frame of the ring that counts, if one is there.
    fn advance(&mut self) -> Option<(usize, Frame)> {
        loop {
            let block = self.ring.block(self.block)?;
            let Some(found) = self.walk.get_or_insert_with(|| Walk::new(block)).next(block) else {
                self.ring.release(self.block);
                self.block = (self.block + 1) % self.ring.blocks();
                self.walk = None;
                continue;
            };
            if found.kind == OUTGOING && self.loopbacks.contains(&found.interface) {
                continue;
            }
            if let Some(twice) = &mut self.twice {
                let ip = &block[found.at..found.at + found.len];
                let ip = if found.protocol == 0x8100 { ip.get(4..).unwrap_or(&[]) } else { ip };
                if twice.is_copy(ip, found.interface, found.time) {
                    self.copies += 1;
                    continue;
                }
            }
            return Some((self.block, found));
        }
    }

    /// Gives `take` packets of the ring, as far as they are there; whether there were any.
    fn some(&mut self, most: u64, take: &mut dyn FnMut(&Packet<'_>)) -> bool {
        let most = most.min(MANY);
        let mut taken = 0;
        while taken < most
            && let Some((block, found)) = self.advance()
        {
            take(&self.packet(block, &found));
            taken += 1;
        }
        taken > 0
    }

    fn packet(&mut self, block: usize, found: &Frame) -> Packet<'_> {
        self.number += 1;
        let bytes = &self.ring.block(block).unwrap_or(&[])[found.at..found.at + found.len];
        let (data, more) = dress(self.link, found, bytes, &mut self.scratch);
        let wire_len = found.wire_len.saturating_add(more).max(data.len() as u32);
        self.cut += u64::from((data.len() as u32) < wire_len);
        Packet { number: self.number, time: found.time, link: self.link, wire_len, data }
    }

    /// The kernel's drop counter, added up.
    fn count_drops(&mut self) {
        if let Ok(drops) = self.socket.take_drops() {
            self.drops += u64::from(drops);
        }
    }
}

/// The packet as its link type has it: with the header of a cooked capture, with the VLAN tag that was taken out. Says
/// how many bytes were put in.
fn dress<'a>(link: LinkType, frame: &Frame, bytes: &'a [u8], scratch: &'a mut Vec<u8>) -> (&'a [u8], u32) {
    const MACS: usize = 12;
    if link == LinkType::LINUX_SLL2 {
        scratch.clear();
        let protocol = frame.tag.map_or(frame.protocol, |(tpid, _)| tpid);
        scratch.extend(protocol.to_be_bytes());
        scratch.extend([0, 0]);
        scratch.extend(frame.interface.to_be_bytes());
        scratch.extend(frame.hardware.to_be_bytes());
        scratch.extend([frame.kind, frame.address_len]);
        scratch.extend(frame.address);
        if let Some((_, tci)) = frame.tag {
            scratch.extend(tci.to_be_bytes());
            scratch.extend(frame.protocol.to_be_bytes());
        }
        let more = scratch.len() as u32;
        scratch.extend_from_slice(bytes);
        debug_assert!(more as usize >= SLL2);
        return (scratch, more);
    }
    match frame.tag {
        Some((tpid, tci)) if link == LinkType::ETHERNET && bytes.len() >= MACS => {
            scratch.clear();
            scratch.extend_from_slice(&bytes[..MACS]);
            scratch.extend(tpid.to_be_bytes());
            scratch.extend(tci.to_be_bytes());
            scratch.extend_from_slice(&bytes[MACS..]);
            (scratch, 4)
        }
        _ => (bytes, 0),
    }
}

impl Feed for Capture {
    fn packets(&mut self, wait: Duration, most: u64, take: &mut dyn FnMut(&Packet<'_>)) -> Passed {
        if self.some(most, take) {
            self.down = false;
            return Passed::Some;
        }
        if self.ended {
            return Passed::End;
        }
        let millis = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        if let Err(error) = self.socket.wait(millis) {
            self.down = true;
            self.problem = Some(match error.raw_os_error() {
                Some(libc::ENETDOWN) => format!("interface {} was down", self.name),
                _ => format!("interface {}: {error}", self.name),
            });
        }
        if self.down && self.index != 0 && !interface::exists(self.index) {
            self.problem = Some(format!("interface {} is gone", self.name));
            self.ended = true;
        }
        if self.some(most, take) { Passed::Some } else { Passed::Nothing }
    }

    fn info(&mut self) -> FileInfo {
        self.count_drops();
        FileInfo {
            name: self.name.clone(),
            format: "live".to_owned(),
            link_type: self.link.to_string(),
            packets: self.number,
            dropped: Some(self.drops),
            cut: self.cut,
            snap_len: (self.cut > 0).then_some(self.snap_len),
            problem: self.problem.clone(),
            until: None,
            unreadable: false,
        }
    }

    fn copies(&self) -> u64 {
        self.copies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    fn frame(tag: Option<(u16, u16)>) -> Frame {
        Frame {
            time: Time(0),
            wire_len: 60,
            at: 0,
            len: 0,
            tag,
            protocol: 0x0800,
            hardware: 1,
            interface: 3,
            kind: 4,
            address_len: 6,
            address: [2, 0, 0, 0, 0, 1, 0, 0],
            next: 0,
        }
    }

    #[test]
    fn a_stripped_tag_stands_again_where_it_stood() {
        let bytes: Vec<u8> = (0..20).collect();
        let mut scratch = Vec::new();
        let (data, more) = dress(LinkType::ETHERNET, &frame(Some((0x8100, 7))), &bytes, &mut scratch);
        assert_eq!(data[..18], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x81, 0, 0, 7, 12, 13]);
        assert_eq!((data.len(), more), (24, 4));
        let (data, more) = dress(LinkType::ETHERNET, &frame(None), &bytes, &mut scratch);
        assert_eq!((data, more), (&bytes[..], 0));
    }

    #[test]
    fn cooked_packets_get_their_header() {
        let mut scratch = Vec::new();
        let (data, more) = dress(LinkType::LINUX_SLL2, &frame(None), &[0x45], &mut scratch);
        assert_eq!(data, [8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x45]);
        assert_eq!(more, 20);
        let (data, more) = dress(LinkType::LINUX_SLL2, &frame(Some((0x8100, 7))), &[0x45], &mut scratch);
        assert_eq!(data[..2], [0x81, 0]);
        assert_eq!((data[20..].to_vec(), more), (vec![0, 7, 8, 0, 0x45], 24));
    }
}

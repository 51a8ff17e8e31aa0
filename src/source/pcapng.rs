//! pcapng (draft-ietf-opsawg-pcapng): sections of either byte order, several interfaces, packet blocks old and new.
//!
//! The framer is ours, the blocks are read by pcap-parser's slice functions on the exact block. So a damaged block
//! within a sound length is skipped and reported, and the rest of the file is read. Values that pcap-parser reads in
//! the wrong byte order or not at all (`if_tsoffset`, `if_fcslen`, interface statistics, the obsolete packet block)
//! are taken from the raw options.

use pcap_parser::{
    Block, PcapNGOption, parse_block_be, parse_block_le, parse_enhancedpacketblock_be, parse_enhancedpacketblock_le,
};

use super::LinkType;
use super::buffer::Buffer;
use super::ending::{self, Ending};
use super::log::{Log, Record};
use super::ticks::Ticks;
use crate::time::Time;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// A block that must be held in memory is not longer, whatever it says: larger lengths are damage.
const MAX_BLOCK: u32 = 16 << 20;
/// Interfaces kept per section; a file with more has been made to have more.
const MAX_INTERFACES: usize = 65_536;

/// Reader of the packets of one pcapng file.
pub(crate) struct PcapNg {
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// Drops of the sections before this one.
    dropped_before: u64,
    drops_known: bool,
    /// Packets of the sections before this one.
    packets_before: u64,
    last: Time,
}

struct Interface {
    link: LinkType,
    snap_len: u32,
    ticks: Ticks,
    fcs: u32,
    /// Latest statistics; they count from the start of the capture.
    dropped: Option<u64>,
    /// Sum of the drop counts that stand in packet blocks, used where there are no statistics.
    dropped_between: u64,
    /// When it ended, by the same.
    ending: Option<Ending>,
}

impl Interface {
    /// The record of a packet block that lies at `position`, by its time and its lengths, captured and on the wire.
    #[inline(always)]
    fn record(&self, ticks: u64, (len, wire): (u32, u32), position: u32) -> Record {
        Record { time: self.ticks.time(ticks), link: self.link, wire_len: wire.max(len), at: position + 28, len }
    }
}

/// Whether a file that starts like this is pcapng.
pub(crate) fn recognises(bytes: &[u8]) -> bool {
    bytes.get(..4) == Some(&SECTION.to_le_bytes()[..])
        && bytes.get(8..12).is_some_and(|b| b == BYTE_ORDER.to_le_bytes() || b == BYTE_ORDER.to_be_bytes())
}

/// What a block turned out to be.
enum Found {
    Packet(Record),
    Nothing,
}

impl PcapNg {
    /// Reads the first section header; the message says what is wrong with it.
    pub(crate) fn open(buffer: &mut Buffer) -> Result<PcapNg, String> {
        let mut reader = PcapNg {
            big_endian: false,
            interfaces: Vec::new(),
            dropped_before: 0,
            drops_known: false,
            packets_before: 0,
            last: Time::default(),
        };
        let len = reader.frame(buffer)?.1;
        if !buffer.fill(len as usize) {
            return Err(format!(
                "ends inside the pcapng section header, after {} of {len} bytes",
                buffer.available().len()
            ));
        }
        let parse = if reader.big_endian { parse_block_be } else { parse_block_le };
        match parse(&buffer.available()[..len as usize]) {
            Ok((_, Block::SectionHeader(header))) if header.major_version == 1 => {}
            Ok((_, Block::SectionHeader(header))) => {
                return Err(format!("is pcapng version {}, which is not known", header.major_version));
            }
            _ => return Err("its pcapng section header cannot be read".to_string()),
        }
        buffer.consume(len as usize);
        Ok(reader)
    }

    /// Type and length of the block that comes next; of a section header also takes the byte order.
    fn frame(&mut self, buffer: &mut Buffer) -> Result<(u32, u32), String> {
        let short =
            |buffer: &Buffer| format!("block header needs 12 bytes, file ends after {}", buffer.available().len());
        if !buffer.fill(12) {
            return Err(short(buffer));
        }
        let bytes = buffer.available();
        let word = |at: usize| <[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap_or_default();
        // The type of a section header reads the same in both byte orders.
        if u32::from_le_bytes(word(0)) == SECTION {
            self.big_endian = match u32::from_le_bytes(word(8)) {
                BYTE_ORDER => false,
                other if other.swap_bytes() == BYTE_ORDER => true,
                _ => return Err("section header without its byte-order mark; damaged from here on".to_string()),
            };
        }
        let read = |raw: [u8; 4]| if self.big_endian { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) };
        let (kind, len) = (read(word(0)), read(word(4)));
        let held = matches!(kind, SECTION | INTERFACE | OLD_PACKET | SIMPLE_PACKET | STATISTICS | ENHANCED_PACKET);
        if len < 12 || !len.is_multiple_of(4) || (held && len > MAX_BLOCK) {
            return Err(format!("block of type {kind} says it is {len} bytes long; damaged from here on"));
        }
        Ok((kind, len))
    }

    /// Packets of enhanced packet blocks without options that lie whole in the buffer, as many as `out` takes;
    /// returns how many. It stops before anything else, which [`PcapNg::advance`] then reads or reports.
    pub(crate) fn batch(&mut self, buffer: &mut Buffer, log: &mut Log, out: &mut [Record]) -> usize {
        let taken = match self.big_endian {
            false => self.blocks(u32::from_le_bytes, buffer, log, out),
            true => self.blocks(u32::from_be_bytes, buffer, log, out),
        };
        if let Some(last) = taken.checked_sub(1).and_then(|last| out.get(last)) {
            self.last = last.time;
        }
        taken
    }

    /// The eight numbers of such a block are read here: pcap-parser's way through the general block costs ten times
    /// as much as that of a pcap record.
    #[inline(always)]
    fn blocks(&self, word: impl Fn([u8; 4]) -> u32, buffer: &mut Buffer, log: &mut Log, out: &mut [Record]) -> usize {
        let (mut rest, mut at, mut taken) = (buffer.available(), buffer.position(), 0);
        for slot in out {
            let Some(header) = rest.first_chunk::<28>() else { break };
            let field = |at: usize| word([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            let (len, captured) = (field(4), field(20));
            if field(0) != ENHANCED_PACKET || captured > MAX_BLOCK || len != 32 + captured.next_multiple_of(4) {
                break;
            }
            let Some((block, after)) = rest.split_at_checked(len as usize) else { break };
            let Some(interface) = self.interfaces.get(field(8) as usize) else { break };
            if block.last_chunk().is_none_or(|raw| word(*raw) != len) {
                break;
            }
            let ticks = u64::from(field(12)) << 32 | u64::from(field(16));
            *slot = interface.record(ticks, (captured, field(24)), at).without_fcs(interface.fcs);
            log.cut(slot, interface.snap_len);
            at += len;
            rest = after;
            taken += 1;
        }
        log.packets += taken as u64;
        buffer.consume((at - buffer.position()) as usize);
        taken
    }

    /// The next packet, or `None` at the end or where the framing is lost.
    pub(crate) fn advance(&mut self, buffer: &mut Buffer, log: &mut Log) -> Option<Record> {
        loop {
            if !buffer.fill(1) {
                log.ended(buffer);
                return None;
            }
            let (kind, len) = match self.frame(buffer) {
                Ok(frame) => frame,
                Err(cause) => {
                    log.problem(buffer.offset(), &cause);
                    return None;
                }
            };
            if !matches!(kind, SECTION | INTERFACE | OLD_PACKET | SIMPLE_PACKET | STATISTICS | ENHANCED_PACKET) {
                let offset = buffer.offset();
                let passed = buffer.skip(u64::from(len));
                if passed < u64::from(len) {
                    log.problem(offset, &format!("block of type {kind} says {len} bytes, file ends after {passed}"));
                    return None;
                }
                continue;
            }
            if !buffer.fill(len as usize) {
                log.cut_off(buffer, "block says", u64::from(len));
                return None;
            }
            let position = buffer.position();
            let offset = buffer.offset();
            let found = self.block(kind, &buffer.available()[..len as usize], position, log);
            buffer.consume(len as usize);
            match found {
                Ok(Found::Packet(record)) => return Some(record),
                Ok(Found::Nothing) => {}
                Err(cause) => log.problem(offset, &format!("block skipped: {cause}")),
            }
        }
    }

    /// Reads one whole block that lies at `position` of the buffer.
    fn block(&mut self, kind: u32, bytes: &[u8], position: u32, log: &mut Log) -> Result<Found, &'static str> {
        if kind == ENHANCED_PACKET {
            return self.enhanced(bytes, position, log).map(Found::Packet);
        }
        if kind == OLD_PACKET {
            return self.old_packet(bytes, position, log);
        }
        let parse = if self.big_endian { parse_block_be } else { parse_block_le };
        match parse(bytes) {
            Ok((_, Block::SectionHeader(header))) => {
                (self.dropped_before, self.packets_before) = (self.dropped_so_far(), log.packets);
                self.interfaces.clear();
                if header.major_version != 1 { Err("section of an unknown version") } else { Ok(Found::Nothing) }
            }
            Ok((_, Block::InterfaceDescription(block))) => {
                self.interface(LinkType((block.linktype.0 & 0xffff) as u16), block.snaplen, &block.options, log)
            }
            Ok((_, Block::SimplePacket(block))) => {
                let interface = self.interfaces.first().ok_or("packet of an interface that is not described")?;
                let held = bytes.len().saturating_sub(16);
                let limit = if interface.snap_len == 0 { u32::MAX } else { interface.snap_len };
                let len = (held as u32).min(limit).min(block.origlen);
                let (wire_len, at) = (block.origlen, position + 12);
                Ok(Found::Packet(self.packet(
                    0,
                    Record { time: self.last, link: interface.link, wire_len, at, len },
                    0,
                    log,
                )))
            }
            Ok((_, Block::InterfaceStatistics(block))) => self.statistics(block.if_id as usize, &block.options),
            Ok(_) => Ok(Found::Nothing),
            Err(_) => Err("its contents cannot be read"),
        }
    }

    fn statistics(&mut self, index: usize, options: &[PcapNGOption<'_>]) -> Result<Found, &'static str> {
        let number = |code| self.number(find(options, code)?);
        let drops = [5, 7].into_iter().filter_map(number).reduce(u64::saturating_add);
        // isb_usrdeliv, isb_ifrecv; isb_endtime has its halves in this order, whichever that of bytes.
        let last = self.last;
        let (packets, end) = (number(8).or(number(4)), find(options, 3).and_then(|value| self.halves(value)));
        let interface = self.interfaces.get_mut(index).ok_or("statistics of an interface that is not described")?;
        // dumpcap writes microseconds, whatever the interface counts in.
        let at =
            |ticks| Some(interface.ticks.time(ticks)).filter(|at| *at >= last).unwrap_or(Ticks::default().time(ticks));
        let dropped = drops.unwrap_or(0);
        interface.ending = end.zip(packets).map(|(ticks, packets)| Ending { at: at(ticks), packets, dropped });
        if drops.is_some() {
            interface.dropped = drops;
            self.drops_known = true;
        }
        Ok(Found::Nothing)
    }

    fn interface(
        &mut self,
        link: LinkType,
        snap_len: u32,
        options: &[PcapNGOption<'_>],
        log: &mut Log,
    ) -> Result<Found, &'static str> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err("more interfaces than can be");
        }
        let mut ticks = Ticks::default();
        if let Some([resolution, ..]) = find(options, 9) {
            ticks.resolution(*resolution);
        }
        if let Some(offset) = find(options, 14).and_then(|value| self.number(value)) {
            ticks.offset(offset as i64);
        }
        // The draft says bits and gives 4 as the example; both are in use.
        let fcs = match find(options, 13) {
            Some([bits, ..]) if *bits >= 8 => u32::from(*bits / 8),
            Some([bytes, ..]) => u32::from(*bytes),
            _ => 0,
        };
        log.link(link);
        self.interfaces.push(Interface { link, snap_len, ticks, fcs, dropped: None, dropped_between: 0, ending: None });
        Ok(Found::Nothing)
    }

    /// An enhanced packet block with options, or one that is damaged.
    fn enhanced(&mut self, bytes: &[u8], position: u32, log: &mut Log) -> Result<Record, &'static str> {
        let parsed = match self.big_endian {
            false => parse_enhancedpacketblock_le(bytes),
            true => parse_enhancedpacketblock_be(bytes),
        };
        let (_, block) = parsed.map_err(|_| "its lengths do not fit together")?;
        let index = block.if_id as usize;
        let interface = self.interfaces.get(index).ok_or("packet of an interface that is not described")?;
        let ticks = u64::from(block.ts_high) << 32 | u64::from(block.ts_low);
        let record = interface.record(ticks, (block.caplen, block.origlen), position);
        let mut fcs = interface.fcs;
        if let Some(flags) = find(&block.options, 2).and_then(|v| <[u8; 4]>::try_from(v).ok()) {
            let flags = if self.big_endian { u32::from_be_bytes(flags) } else { u32::from_le_bytes(flags) };
            // Bits 5 to 8: length in bytes; 0 says nothing.
            if flags >> 5 & 0xf != 0 {
                fcs = flags >> 5 & 0xf;
            }
        }
        if let Some(lost) = find(&block.options, 4).and_then(|value| self.number(value)) {
            self.lost(index, lost);
        }
        Ok(self.packet(index, record, fcs, log))
    }

    /// The obsolete packet block: like the enhanced one, with a 16-bit interface and a drop count beside it.
    fn old_packet(&mut self, bytes: &[u8], position: u32, log: &mut Log) -> Result<Found, &'static str> {
        const CUT: &str = "its lengths do not fit together";
        let word = |at: usize| -> Result<u32, &'static str> {
            let raw = bytes.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok()).ok_or(CUT)?;
            Ok(if self.big_endian { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
        };
        let first = word(8)?;
        let (index, drops) =
            if self.big_endian { (first >> 16, first & 0xffff) } else { (first & 0xffff, first >> 16) };
        let (high, low, captured, wire) = (word(12)?, word(16)?, word(20)?, word(24)?);
        let index = index as usize;
        let interface = self.interfaces.get(index).ok_or("packet of an interface that is not described")?;
        if captured as usize > bytes.len().saturating_sub(32) {
            return Err(CUT);
        }
        let record = interface.record(u64::from(high) << 32 | u64::from(low), (captured, wire), position);
        let fcs = interface.fcs;
        if drops != 0 && drops != 0xffff {
            self.lost(index, u64::from(drops));
        }
        Ok(Found::Packet(self.packet(index, record, fcs, log)))
    }

    fn packet(&mut self, index: usize, record: Record, fcs: u32, log: &mut Log) -> Record {
        let record = record.without_fcs(fcs);
        self.last = record.time;
        log.packet(&record, self.interfaces.get(index).map_or(0, |interface| interface.snap_len));
        record
    }

    /// Counts packets lost between this packet and the one before.
    fn lost(&mut self, index: usize, lost: u64) {
        if let Some(interface) = self.interfaces.get_mut(index) {
            interface.dropped_between = interface.dropped_between.saturating_add(lost);
            self.drops_known = true;
        }
    }

    /// Packets the capturing system dropped, if the file says so.
    pub(crate) fn dropped(&self) -> Option<u64> {
        self.drops_known.then(|| self.dropped_so_far())
    }

    fn dropped_so_far(&self) -> u64 {
        let here = self.interfaces.iter().map(|i| i.dropped.unwrap_or(i.dropped_between));
        here.fold(self.dropped_before, u64::saturating_add)
    }

    /// When the capture ended, if the statistics of the last section tell, and are to be believed.
    pub(crate) fn until(&self, log: &Log) -> Option<Time> {
        ending::until(self.interfaces.iter().map(|i| i.ending), log.packets - self.packets_before, self.last)
    }

    /// A time: two words, the higher one first.
    fn halves(&self, value: &[u8]) -> Option<u64> {
        let (high, low) = (value.first_chunk::<4>()?, value.last_chunk::<4>().filter(|_| value.len() == 8)?);
        let word = |raw: [u8; 4]| if self.big_endian { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) };
        Some(u64::from(word(*high)) << 32 | u64::from(word(*low)))
    }

    /// A 64-bit number in the section's byte order.
    fn number(&self, value: &[u8]) -> Option<u64> {
        let raw = <[u8; 8]>::try_from(value).ok()?;
        Some(if self.big_endian { u64::from_be_bytes(raw) } else { u64::from_le_bytes(raw) })
    }
}

/// The value of an option, without padding.
fn find<'a>(options: &'a [PcapNGOption<'_>], code: u16) -> Option<&'a [u8]> {
    let option = options.iter().take_while(|o| o.code.0 != 0).find(|o| o.code.0 == code)?;
    option.value().get(..usize::from(option.len))
}

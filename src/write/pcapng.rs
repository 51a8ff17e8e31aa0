//! A pcapng file with enhanced packet blocks in nanoseconds (draft-ietf-opsawg-pcapng §4).

use std::io::{self, Write};

use crate::source::{LinkType, Packet};
use crate::time::Time;

/// Packets in pcapng, in the byte order of the small end.
pub struct PcapNgWriter<W> {
    out: W,
    interface: String,
    snap_len: u32,
    /// The interfaces described, and how many packets of each were written.
    links: Vec<(LinkType, u64)>,
    written: u64,
}

impl<W: Write> PcapNgWriter<W> {
    /// Begins a file of packets from the interface called `interface`, cut to `snap_len` bytes (0: not at all).
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: W, interface: &str, snap_len: u32) -> io::Result<PcapNgWriter<W>> {
        let mut writer = PcapNgWriter { out, interface: interface.to_owned(), snap_len, links: Vec::new(), written: 0 };
        let mut body = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
        body.extend(1_u16.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        body.extend(u64::MAX.to_le_bytes());
        // shb_userappl
        option(&mut body, 4, concat!("tcpstate ", env!("CARGO_PKG_VERSION")).as_bytes());
        end_options(&mut body);
        writer.block(0x0a0d_0d0a, &[&body])?;
        Ok(writer)
    }

    /// Writes a packet.
    ///
    /// # Errors
    /// Those of the output.
    pub fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let interface = match self.links.iter().position(|(link, _)| *link == packet.link) {
            Some(i) => i,
            None => self.describe(packet.link)?,
        };
        self.links[interface].1 += 1;
        // Times before 1970 cannot be written.
        let nanos = u64::try_from(packet.time.0).unwrap_or(0);
        let len = packet.data.len() as u32;
        let mut head = [0; 20];
        for (place, word) in
            head.chunks_exact_mut(4).zip([interface as u32, (nanos >> 32) as u32, nanos as u32, len, packet.wire_len])
        {
            place.copy_from_slice(&word.to_le_bytes());
        }
        self.block(6, &[&head, packet.data])
    }

    /// Writes, at the end, how many packets of each interface are in the file, when the capture ended if that is known, and of
    /// the first what the kernel counted, if it is told: packets received and dropped.
    ///
    /// # Errors
    /// Those of the output.
    pub fn statistics(&mut self, time: Time, ended: Option<Time>, counted: Option<(u64, u64)>) -> io::Result<()> {
        let halves = |time: Time| {
            let nanos = u64::try_from(time.0).unwrap_or(0);
            [(nanos >> 32) as u32, nanos as u32].map(u32::to_le_bytes).concat()
        };
        for (i, (_, packets)) in self.links.clone().into_iter().enumerate() {
            let mut body = (i as u32).to_le_bytes().to_vec();
            body.extend(halves(time));
            // isb_endtime, isb_ifrecv, isb_ifdrop, isb_usrdeliv
            if let Some(ended) = ended {
                option(&mut body, 3, &halves(ended));
            }
            if let Some((received, dropped)) = counted.filter(|_| i == 0) {
                option(&mut body, 4, &received.to_le_bytes());
                option(&mut body, 5, &dropped.to_le_bytes());
            }
            option(&mut body, 8, &packets.to_le_bytes());
            end_options(&mut body);
            self.block(5, &[&body])?;
        }
        Ok(())
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Hands everything on to the output.
    ///
    /// # Errors
    /// Those of the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn describe(&mut self, link: LinkType) -> io::Result<usize> {
        let mut body = link.0.to_le_bytes().to_vec();
        body.extend(0_u16.to_le_bytes());
        body.extend(self.snap_len.to_le_bytes());
        // if_name, if_tsresol: 10^-9 s
        option(&mut body, 2, self.interface.as_bytes());
        option(&mut body, 9, &[9]);
        end_options(&mut body);
        self.block(1, &[&body])?;
        self.links.push((link, 0));
        Ok(self.links.len() - 1)
    }

    fn block(&mut self, kind: u32, parts: &[&[u8]]) -> io::Result<()> {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let padding = len.next_multiple_of(4) - len;
        let total = ((len + padding + 12) as u32).to_le_bytes();
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&total)?;
        parts.iter().try_for_each(|part| self.out.write_all(part))?;
        self.out.write_all(&[0; 3][..padding])?;
        self.out.write_all(&total)?;
        self.written += (len + padding + 12) as u64;
        Ok(())
    }
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn end_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::open_reader;

    #[test]
    fn what_is_written_is_read_again() {
        let mut out = Vec::new();
        let mut writer = PcapNgWriter::new(&mut out, "eth0", 128).unwrap();
        let sent = [
            (LinkType::ETHERNET, 1_700_000_000_123_456_789, 1_514, vec![1, 2, 3]),
            (LinkType::RAW, 1_700_000_001_000_000_001, 4, vec![4, 5, 6, 7]),
            (LinkType::ETHERNET, 1_700_000_002_000_000_000, 5, vec![8; 5]),
        ];
        for (number, (link, time, wire_len, data)) in (1..).zip(&sent) {
            let packet = Packet { number, time: Time(*time), link: *link, wire_len: *wire_len, data };
            writer.packet(&packet).unwrap();
        }
        let end = Time(1_700_000_003_000_000_000);
        writer.statistics(end, Some(end), Some((5, 2))).unwrap();
        assert_eq!(writer.written() as usize, out.len());
        let mut source = open_reader("x", Box::new(std::io::Cursor::new(out))).unwrap();
        for (link, time, wire_len, data) in &sent {
            let packet = source.next().unwrap();
            assert_eq!((packet.link, packet.time, packet.wire_len), (*link, Time(*time), *wire_len));
            assert_eq!(packet.data, data);
        }
        assert!(source.next().is_none());
        let info = &source.files()[0];
        assert_eq!((info.problem.as_deref(), info.dropped, info.until), (None, Some(2), Some(end)));
    }
}

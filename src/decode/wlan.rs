//! 802.11 data frames and the headers that monitor-mode drivers put before them.

use super::Decoded;
use super::bytes::Bytes;
use super::walk::Walk;

/// Frames of one A-MSDU looked at: 11,454 bytes hold more only if they are empty.
const MAX_SUBFRAMES: usize = 256;

impl Walk<'_> {
    /// radiotap.org: a length, and among the fields a flag for padding behind the 802.11 header.
    pub(super) fn radiotap(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        let len = usize::from(bytes.le16(2)?);
        let rest = bytes.skip(len.max(8))?;
        let present = bytes.le32(4)?;
        let mut at = 8;
        let mut word = present;
        while word & 0x8000_0000 != 0 {
            word = bytes.le32(at)?;
            at += 4;
        }
        if present & 0x1 != 0 {
            at = at.next_multiple_of(8) + 8;
        }
        let padded = present & 0x2 != 0 && bytes.u8(at)? & 0x20 != 0;
        self.wlan_frame(rest, padded)
    }

    /// Prism's header of fixed length, or AVS's, which begins with its magic number.
    pub(super) fn prism(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        let len = match bytes.be32(0)? {
            magic if magic & 0xffff_f000 == 0x8021_1000 => bytes.be32(4)? as usize,
            _ => bytes.le32(4)? as usize,
        };
        self.wlan(bytes.skip(len.max(8))?)
    }

    /// An 802.11 frame.
    pub(super) fn wlan(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        self.wlan_frame(bytes, false)
    }

    /// An 802.11 frame from a controller (CAPWAP, Aruba's GRE): some swap the two bytes of frame control, and the
    /// protection flag may stand though the frame has been decrypted.
    pub(super) fn wlan_from_controller(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        let (first, second) = (bytes.u8(0)?, bytes.u8(1)?);
        let data = |byte: u8| byte & 0x0f == 0x08;
        match (data(first), data(second)) {
            (_, true) => self.wlan_data(second, first & !0x40, bytes, false),
            (true, false) => self.wlan_data(first, second & !0x40, bytes, false),
            _ => Some(Decoded::Other),
        }
    }

    fn wlan_frame(&mut self, bytes: Bytes<'_>, padded: bool) -> Option<Decoded> {
        let (kind, flags) = (bytes.u8(0)?, bytes.u8(1)?);
        // Version 0, type 2: data.
        if kind & 0x0f != 0x08 {
            return Some(Decoded::Other);
        }
        self.wlan_data(kind, flags, bytes, padded)
    }

    fn wlan_data(&mut self, kind: u8, flags: u8, bytes: Bytes<'_>, padded: bool) -> Option<Decoded> {
        // Null functions carry nothing.
        if kind & 0x40 != 0 {
            return Some(Decoded::Other);
        }
        // What is protected cannot be read.
        if flags & 0x40 != 0 {
            return None;
        }
        let mut header = if flags & 0x03 == 0x03 { 30 } else { 24 };
        let mut several = false;
        if kind & 0x80 != 0 {
            several = bytes.u8(header)? & 0x80 != 0;
            header += if flags & 0x80 != 0 { 6 } else { 2 };
        }
        if padded {
            header = usize::next_multiple_of(header, 4);
        }
        let body = bytes.skip(header)?;
        if several { self.subframes(body) } else { self.llc(body) }
    }

    /// An A-MSDU: frames of destination, source, length, each padded to four bytes but the last. The first segment
    /// is the packet's, the others wait in the decoder.
    fn subframes(&mut self, mut rest: Bytes<'_>) -> Option<Decoded> {
        let mut first = None;
        for _ in 0..MAX_SUBFRAMES {
            let Some(len) = rest.be16(12).map(usize::from) else { break };
            let found = rest.skip(14).and_then(|body| self.llc(body.of_length(len)));
            match (&first, found) {
                (Some(Decoded::Segment(_)), Some(Decoded::Segment(segment))) => self.decoder.more.push_back(segment),
                (Some(Decoded::Segment(_)), _) => {}
                (None, found) => first = Some(found.unwrap_or(Decoded::Undecoded)),
                (Some(_), Some(found @ Decoded::Segment(_))) => first = Some(found),
                _ => {}
            }
            let Some(next) = rest.skip((14 + len).next_multiple_of(4)) else { break };
            rest = next;
        }
        first
    }
}

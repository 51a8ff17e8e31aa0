//! IPv4 and IPv6, their extension headers, and what they carry.

use etherparse::{IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice};

use super::Decoded;
use super::bytes::Bytes;
use super::fragments::{Fragment, Whole};
use super::tcp::{Info, IpInfo};
use super::walk::Walk;

/// IP protocol number of TCP.
pub(super) const TCP: u8 = 6;

impl Walk<'_> {
    /// An IP header; the version is in its first nibble, whatever the layer before said.
    pub(super) fn ip(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        self.enter()?;
        match bytes.u8(0)? >> 4 {
            4 => self.ipv4(bytes),
            6 => self.ipv6(bytes),
            _ => None,
        }
    }

    fn ipv4(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        let header = Ipv4HeaderSlice::from_slice(bytes.data).ok()?;
        let ip = header.info();
        let whole = match header.total_len() {
            0 => bytes,
            len => bytes.of_length(usize::from(len)),
        };
        let payload = whole.skip(header.slice().len())?;
        let protocol = header.protocol().0;
        if header.is_fragmenting_payload() {
            let fragment = Fragment {
                offset: header.fragments_offset(),
                more: header.more_fragments(),
                data: payload.data,
                wire: payload.wire,
            };
            let key = self.fragment_key(&ip, protocol, u32::from(header.identification()));
            return self.fragment(&ip, protocol, key, fragment);
        }
        self.payload(protocol, &ip, payload)
    }

    fn ipv6(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        let header = Ipv6HeaderSlice::from_slice(bytes.data).ok()?;
        let ip = header.info();
        let next = header.next_header().0;
        let payload = bytes.skip(40)?;
        let payload = match header.payload_length() {
            0 if next == 0 => match jumbo(payload) {
                Some(len) => payload.of_length(len),
                None => payload,
            },
            0 => payload,
            len => payload.of_length(usize::from(len)),
        };
        self.payload(next, &ip, payload)
    }

    /// What an IP header carries, behind any extension headers.
    fn payload(&mut self, mut next: u8, ip: &IpInfo, mut bytes: Bytes<'_>) -> Option<Decoded> {
        let v6 = ip.src.is_ipv6();
        loop {
            match next {
                TCP => return self.tcp(ip, bytes),
                17 => return self.udp(bytes),
                1 if !v6 => return self.icmp(ip, bytes),
                58 if v6 => return self.icmp(ip, bytes),
                4 | 41 => return self.ip(bytes),
                47 => return self.gre(bytes),
                97 => return self.ethernet(bytes.skip(2)?),
                137 => return self.mpls(bytes),
                // Hop-by-hop, routing, destination options, mobility, HIP, shim6.
                0 | 43 | 60 | 135 | 139 | 140 if v6 => {
                    let header = Ipv6RawExtHeaderSlice::from_slice(bytes.data).ok()?;
                    next = header.next_header().0;
                    bytes = bytes.skip(header.slice().len())?;
                }
                44 if v6 => {
                    let header = Ipv6FragmentHeaderSlice::from_slice(bytes.data).ok()?;
                    next = header.next_header().0;
                    bytes = bytes.skip(header.slice().len())?;
                    if header.is_fragmenting_payload() {
                        let fragment = Fragment {
                            offset: header.fragment_offset(),
                            more: header.more_fragments(),
                            data: bytes.data,
                            wire: bytes.wire,
                        };
                        // The protocol is not part of the key (RFC 8200 §4.5).
                        let key = self.fragment_key(ip, 44, header.identification());
                        return self.fragment(ip, next, key, fragment);
                    }
                }
                51 => {
                    let header = IpAuthHeaderSlice::from_slice(bytes.data).ok()?;
                    next = header.next_header().0;
                    bytes = bytes.skip(header.slice().len())?;
                }
                _ => return Some(Decoded::Other),
            }
        }
    }

    fn fragment(
        &mut self,
        ip: &IpInfo,
        protocol: u8,
        key: super::fragments::Key,
        fragment: Fragment<'_>,
    ) -> Option<Decoded> {
        self.enter()?;
        match self.decoder.fragments.add(key, self.time, fragment) {
            Some(Whole { data, missing }) => {
                self.missing += missing;
                self.payload(protocol, ip, Bytes::new(&data, data.len()))
            }
            None => Some(Decoded::Other),
        }
    }
}

/// Length from the jumbo payload option (RFC 2675) of a hop-by-hop header.
fn jumbo(bytes: Bytes<'_>) -> Option<usize> {
    let mut options = Ipv6RawExtHeaderSlice::from_slice(bytes.data).ok()?.payload();
    loop {
        options = match options {
            [0, rest @ ..] => rest,
            [0xc2, 4, a, b, c, d, ..] => return Some(u32::from_be_bytes([*a, *b, *c, *d]) as usize),
            [_, len, rest @ ..] => rest.get(usize::from(*len)..)?,
            _ => return None,
        };
    }
}

//! Builders of frames: TCP in IP, and headers put around it.

/// What distinguishes one test segment from another.
#[derive(Clone, Copy)]
pub struct Tcp<'a> {
    pub ports: (u16, u16),
    pub seq: u32,
    pub flags: u8,
    /// Raw options, a multiple of four bytes.
    pub options: &'a [u8],
    pub payload: &'a [u8],
}

impl Default for Tcp<'_> {
    fn default() -> Self {
        Tcp { ports: (40_000, 80), seq: 1_000, flags: 0x18, options: &[], payload: b"hello" }
    }
}

impl Tcp<'_> {
    /// Header and payload.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.ports.0.to_be_bytes());
        out.extend(self.ports.1.to_be_bytes());
        out.extend(self.seq.to_be_bytes());
        out.extend(77_u32.to_be_bytes());
        out.push((5 + self.options.len() as u8 / 4) << 4);
        out.push(self.flags);
        out.extend(512_u16.to_be_bytes());
        out.extend([0xab, 0xcd, 0, 0]);
        out.extend(self.options);
        out.extend(self.payload);
        out
    }
}

/// IPv4 from 10.0.0.1 to 10.0.0.2.
pub fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_fragment(protocol, 0, payload)
}

/// The same with any flags and fragment offset field.
pub fn ipv4_fragment(protocol: u8, flags_and_offset: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x45, 0];
    out.extend((20 + payload.len() as u16).to_be_bytes());
    out.extend([0x12, 0x34]);
    out.extend(flags_and_offset.to_be_bytes());
    out.extend([61, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    out.extend(payload);
    out
}

/// IPv6 from 2001:db8::1 to 2001:db8::2.
pub fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x60, 0, 0, 0];
    out.extend((payload.len() as u16).to_be_bytes());
    out.extend([next, 60]);
    for last in [1, 2] {
        out.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    out.extend(payload);
    out
}

/// Ethernet with any type.
pub fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    out.extend(kind.to_be_bytes());
    out.extend(payload);
    out
}

/// UDP to a port.
pub fn udp(to: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = 55_555_u16.to_be_bytes().to_vec();
    out.extend(to.to_be_bytes());
    out.extend((8 + payload.len() as u16).to_be_bytes());
    out.extend([0, 0]);
    out.extend(payload);
    out
}

/// A header in hex (blanks allowed) before a payload.
pub fn behind(header: &str, payload: &[u8]) -> Vec<u8> {
    let digits: Vec<u32> = header.chars().filter_map(|c| c.to_digit(16)).collect();
    let mut out: Vec<u8> = digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect();
    out.extend(payload);
    out
}

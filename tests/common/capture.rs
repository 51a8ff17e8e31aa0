//! Builders of small captures, byte by byte, so that a test shows what it reads.

/// Writes numbers in one byte order.
#[derive(Clone, Copy)]
pub struct Order {
    pub big: bool,
}

impl Order {
    pub fn u16(self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub fn u32(self, value: u32) -> [u8; 4] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub fn u64(self, value: u64) -> [u8; 8] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }
}

/// A classic pcap file in the making.
pub struct Pcap {
    pub order: Order,
    pub bytes: Vec<u8>,
    modified: bool,
}

impl Pcap {
    /// A file header with any magic number and link type field.
    pub fn new(magic: u32, big: bool, network: u32) -> Pcap {
        let order = Order { big };
        let mut bytes = order.u32(magic).to_vec();
        bytes.extend(order.u16(2));
        bytes.extend(order.u16(4));
        for word in [0, 0, 65_535, network] {
            bytes.extend(order.u32(word));
        }
        Pcap { order, bytes, modified: magic == 0xa1b2_cd34 }
    }

    /// Microseconds, small end first, Ethernet.
    pub fn ethernet() -> Pcap {
        Pcap::new(0xa1b2_c3d4, false, 1)
    }

    pub fn record(mut self, seconds: u32, ticks: u32, wire: u32, data: &[u8]) -> Pcap {
        for word in [seconds, ticks, data.len() as u32, wire] {
            self.bytes.extend(self.order.u32(word));
        }
        if self.modified {
            self.bytes.extend([0; 8]);
        }
        self.bytes.extend(data);
        self
    }

    /// A whole packet at a second.
    pub fn packet(self, seconds: u32, data: &[u8]) -> Pcap {
        self.record(seconds, 0, data.len() as u32, data)
    }
}

/// A pcapng file in the making.
pub struct Ng {
    pub order: Order,
    pub bytes: Vec<u8>,
}

impl Ng {
    pub fn new(big: bool) -> Ng {
        Ng { order: Order { big }, bytes: Vec::new() }.section(big)
    }

    /// A section header; the byte order holds from here on.
    pub fn section(mut self, big: bool) -> Ng {
        self.order = Order { big };
        let mut body = self.order.u32(0x1a2b_3c4d).to_vec();
        body.extend(self.order.u16(1));
        body.extend(self.order.u16(0));
        body.extend(self.order.u64(u64::MAX));
        self.block(0x0a0d_0d0a, &body)
    }

    pub fn block(mut self, kind: u32, body: &[u8]) -> Ng {
        let padded = body.len().next_multiple_of(4);
        let len = self.order.u32(padded as u32 + 12);
        self.bytes.extend(self.order.u32(kind));
        self.bytes.extend(len);
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len() + padded - body.len(), 0);
        self.bytes.extend(len);
        self
    }

    /// Options as they stand at the end of a block.
    pub fn options(&self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (code, value) in options {
            out.extend(self.order.u16(*code));
            out.extend(self.order.u16(value.len() as u16));
            out.extend(*value);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        if !options.is_empty() {
            out.extend([0; 4]);
        }
        out
    }

    pub fn interface(self, link: u16, snap_len: u32, options: &[(u16, &[u8])]) -> Ng {
        let mut body = self.order.u16(link).to_vec();
        body.extend(self.order.u16(0));
        body.extend(self.order.u32(snap_len));
        body.extend(self.options(options));
        self.block(1, &body)
    }

    pub fn enhanced(self, interface: u32, ticks: u64, wire: u32, data: &[u8], options: &[(u16, &[u8])]) -> Ng {
        let mut body = Vec::new();
        for word in [interface, (ticks >> 32) as u32, ticks as u32, data.len() as u32, wire] {
            body.extend(self.order.u32(word));
        }
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(self.options(options));
        self.block(6, &body)
    }

    pub fn simple(self, wire: u32, data: &[u8]) -> Ng {
        let mut body = self.order.u32(wire).to_vec();
        body.extend(data);
        self.block(3, &body)
    }

    pub fn old_packet(self, interface: u16, drops: u16, ticks: u64, data: &[u8]) -> Ng {
        let mut body = self.order.u16(interface).to_vec();
        body.extend(self.order.u16(drops));
        for word in [(ticks >> 32) as u32, ticks as u32, data.len() as u32, data.len() as u32] {
            body.extend(self.order.u32(word));
        }
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0);
        self.block(2, &body)
    }

    pub fn statistics(self, interface: u32, options: &[(u16, &[u8])]) -> Ng {
        let mut body = self.order.u32(interface).to_vec();
        body.extend([0; 8]);
        body.extend(self.options(options));
        self.block(5, &body)
    }
}

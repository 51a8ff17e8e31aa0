//! Captures of a few connections between 10.0.0.1 and 10.0.0.2, byte by byte: raw IP in pcap with microseconds.

#![allow(dead_code, reason = "each test file uses a part of it")]

/// FIN and ACK.
pub const FIN: u8 = 0x11;
/// SYN.
pub const SYN: u8 = 0x02;
/// SYN and ACK.
pub const SYN_ACK: u8 = 0x12;
/// RST and ACK.
pub const RST: u8 = 0x14;
/// ACK.
pub const ACK: u8 = 0x10;

/// A pcap file in the making.
pub struct Conversation {
    /// The file.
    pub bytes: Vec<u8>,
    micros: u32,
    /// The IP identification of what follows.
    id: u16,
    /// The server's port of what follows.
    server: u16,
}

impl Conversation {
    /// A file without packets, starting at 2023-11-14 22:13:20 UTC.
    pub fn new() -> Conversation {
        let mut bytes = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
        bytes.extend([2, 0, 4, 0]);
        for word in [0_u32, 0, 262_144, 101] {
            bytes.extend(word.to_le_bytes());
        }
        Conversation { bytes, micros: 0, id: 1, server: 80 }
    }

    /// Time passes.
    pub fn after(mut self, micros: u32) -> Conversation {
        self.micros += micros;
        self
    }

    /// What follows has this IP identification.
    pub fn identified(mut self, id: u16) -> Conversation {
        self.id = id;
        self
    }

    /// What follows is of this port of the server, not of 80.
    pub fn to(self, server: u16) -> Conversation {
        Conversation { server, ..self }
    }

    /// A segment of the client (port `client`) to the server's port, or back.
    pub fn segment(mut self, client: u16, to_server: bool, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Self {
        let (from, to, ports) = if to_server { (1, 2, (client, self.server)) } else { (2, 1, (self.server, client)) };
        let len = 40 + payload.len() as u16;
        let mut packet = vec![0x45, 0];
        packet.extend(len.to_be_bytes());
        packet.extend(self.id.to_be_bytes());
        packet.extend([0x40, 0, 64, 6, 0, 0, 10, 0, 0, from, 10, 0, 0, to]);
        packet.extend(ports.0.to_be_bytes());
        packet.extend(ports.1.to_be_bytes());
        packet.extend(seq.to_be_bytes());
        packet.extend(ack.to_be_bytes());
        packet.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(payload);
        let seconds = 1_700_000_000 + self.micros / 1_000_000;
        for word in [seconds, self.micros % 1_000_000, packet.len() as u32, packet.len() as u32] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(packet);
        self
    }

    /// Handshake, a request, a response, and the client's FIN, acknowledged: the server stays in CLOSE_WAIT.
    pub fn half_closed(self, client: u16) -> Conversation {
        self.segment(client, true, 100, 0, SYN, b"")
            .after(12_000)
            .segment(client, false, 500, 101, SYN_ACK, b"")
            .after(100)
            .segment(client, true, 101, 501, ACK, b"")
            .segment(client, true, 101, 501, ACK, b"hello")
            .after(20_000)
            .segment(client, false, 501, 106, ACK, b"world!")
            .after(100)
            .segment(client, true, 106, 507, FIN, b"")
            .after(12_000)
            .segment(client, false, 507, 107, ACK, b"")
    }

    /// The same, and the server closes too.
    pub fn closed(self, client: u16) -> Conversation {
        self.half_closed(client)
            .after(1_000)
            .segment(client, false, 507, 107, FIN, b"")
            .after(100)
            .segment(client, true, 107, 508, ACK, b"")
    }

    /// A SYN answered by RST.
    pub fn refused(self, client: u16) -> Conversation {
        self.segment(client, true, 100, 0, SYN, b"").after(900).segment(client, false, 0, 101, RST, b"")
    }
}

//! The kernel's part of filtering: a fixed classic BPF program that lets pass what can matter to TCP states.
//!
//! TCP over IPv4 and IPv6 with all its fragments, behind up to three VLAN tags; ICMP errors; and, when asked, tunnels,
//! MPLS and PPPoE whole. What the user wants to see of that is decided after decoding, as in files.

/// Operations used, by their numbers in `linux/bpf_common.h`.
mod op {
    /// A = 16 bits at K.
    pub const LOAD_HALF: u16 = 0x28;
    /// A = byte at K.
    pub const LOAD_BYTE: u16 = 0x30;
    /// A = byte at X + K.
    pub const LOAD_BYTE_AT_X: u16 = 0x50;
    /// A = 16 bits at X + K.
    pub const LOAD_HALF_AT_X: u16 = 0x48;
    /// X = 4 * low nibble of the byte at K: the length of an IPv4 header.
    pub const LOAD_HEADER_LEN: u16 = 0xb1;
    /// To `jt` if A = K, else to `jf`.
    pub const EQUAL: u16 = 0x15;
    /// To `jt` if A >= K, else to `jf`.
    pub const AT_LEAST: u16 = 0x35;
    /// The packet passes with its first K bytes; none if 0.
    pub const RETURN: u16 = 0x06;
}

/// One instruction, as the kernel takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) code: u16,
    pub(super) jt: u8,
    pub(super) jf: u8,
    pub(super) k: u32,
}

/// Where the EtherType of a packet is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// In an Ethernet header.
    Ethernet,
    /// Beside the packet, which begins with the network layer (cooked sockets).
    Cooked,
}

/// VLAN tags looked behind; more are rare enough to pass whole.
const TAGS: u32 = 3;
const VLAN: [u32; 3] = [0x8100, 0x88a8, 0x9100];
const TCP: u32 = 6;
const UDP: u32 = 17;
/// IP in IP, IPv6 in IP, GRE, EtherIP, L2TP.
const TUNNELS: [u32; 5] = [4, 41, 47, 97, 115];
/// UDP destination ports of L2TP, GTP-U, VXLAN (also Linux's old port), Geneve, Teredo.
const PORTS: [u32; 6] = [1701, 2152, 4789, 8472, 6081, 3544];

/// The program: packets that may matter pass with `snap_len` bytes.
pub(super) fn program(start: Start, snap_len: u32, tunnels: bool) -> Vec<Instruction> {
    let mut p = Program { code: Vec::new(), snap_len: snap_len.max(1), tunnels };
    let mut base = match start {
        Start::Ethernet => {
            p.push(op::LOAD_HALF, 12);
            14
        }
        Start::Cooked => {
            p.push(op::LOAD_HALF, (libc::SKF_AD_OFF + libc::SKF_AD_PROTOCOL) as u32);
            0
        }
    };
    for _ in 0..TAGS {
        p.network(base);
        // Not IP: behind a tag there may be some.
        let untagged = p.unless_any(&VLAN);
        let tagged = p.push(op::AT_LEAST, 0);
        p.land(untagged);
        p.push(op::RETURN, 0);
        p.code[tagged].jt = 1;
        if start == Start::Cooked && base == 0 {
            // A tag that this machine writes by itself, without its hardware's help, is named beside the packet, which
            // begins behind it all the same: what is TCP or ICMP there passes.
            p.push(op::LOAD_BYTE, 9);
            p.accept_any(&[1, TCP]);
            p.push(op::LOAD_BYTE, 6);
            p.accept_any(&[TCP, 43, 44, 51, 58, 60]);
        }
        p.push(op::LOAD_HALF, base + 2);
        base += 4;
    }
    p.network(base);
    p.push(op::RETURN, 0);
    p.code
}

/// A program in the making.
struct Program {
    code: Vec<Instruction>,
    snap_len: u32,
    tunnels: bool,
}

impl Program {
    fn push(&mut self, code: u16, k: u32) -> usize {
        self.code.push(Instruction { code, jt: 0, jf: 0, k });
        self.code.len() - 1
    }

    /// If A is one of `values`, the packet passes.
    fn accept_any(&mut self, values: &[u32]) {
        let none = self.unless_any(values);
        self.push(op::RETURN, self.snap_len);
        self.land(none);
    }

    /// If A is none of `values`, jumps past what is pushed until [`Program::land`] is called with the result.
    fn unless_any(&mut self, values: &[u32]) -> usize {
        for (i, value) in values.iter().enumerate() {
            let at = self.push(op::EQUAL, *value);
            self.code[at].jt = (values.len() - 1 - i) as u8;
        }
        self.code.len() - 1
    }

    fn land(&mut self, from: usize) {
        self.code[from].jf = (self.code.len() - 1 - from) as u8;
    }

    /// A holds an EtherType and the network layer begins at `base`. Falls through with A untouched if it is not IP.
    fn network(&mut self, base: u32) {
        let v4 = self.unless_any(&[0x0800]);
        self.push(op::LOAD_BYTE, base + 9);
        self.accept_any(&[TCP]);
        if self.tunnels {
            self.accept_any(&TUNNELS);
        }
        let icmp = self.unless_any(&[1]);
        self.push(op::LOAD_HEADER_LEN, base);
        self.push(op::LOAD_BYTE_AT_X, base);
        // Unreachable, source quench, redirect, time exceeded, parameter problem.
        self.accept_any(&[3, 4, 5, 11, 12]);
        self.push(op::RETURN, 0);
        self.land(icmp);
        if self.tunnels {
            let udp = self.unless_any(&[UDP]);
            self.push(op::LOAD_HEADER_LEN, base);
            self.push(op::LOAD_HALF_AT_X, base + 2);
            self.accept_any(&PORTS);
            self.land(udp);
        }
        self.push(op::RETURN, 0);
        self.land(v4);

        let v6 = self.unless_any(&[0x86dd]);
        self.push(op::LOAD_BYTE, base + 6);
        // Extension headers are few; what is behind them is seen after decoding.
        self.accept_any(&[TCP, 0, 43, 44, 51, 60]);
        if self.tunnels {
            self.accept_any(&TUNNELS);
        }
        let icmp = self.unless_any(&[58]);
        self.push(op::LOAD_BYTE, base + 40);
        // Errors are below 128 (RFC 4443 §2.1).
        let error = self.push(op::AT_LEAST, 128);
        self.code[error].jf = 1;
        self.push(op::RETURN, 0);
        self.push(op::RETURN, self.snap_len);
        self.land(icmp);
        if self.tunnels {
            let udp = self.unless_any(&[UDP]);
            self.push(op::LOAD_HALF, base + 42);
            self.accept_any(&PORTS);
            self.land(udp);
        }
        self.push(op::RETURN, 0);
        self.land(v6);
        if self.tunnels {
            // MPLS, PPPoE, backbone tags.
            self.accept_any(&[0x8847, 0x8848, 0x8864, 0x88e7]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program on a packet as the kernel would; a load beyond its end refuses it.
    fn run(program: &[Instruction], packet: &[u8], protocol: u16) -> u32 {
        let (mut a, mut x, mut pc) = (0_u32, 0_u32, 0);
        let byte = |at: u32| packet.get(at as usize).copied().map(u32::from);
        let half = |at: u32| Some(byte(at)? << 8 | byte(at + 1)?);
        loop {
            let i = program[pc];
            pc += 1;
            let loaded = match i.code {
                op::LOAD_HALF if i.k >= 0xffff_0000 => Some(u32::from(protocol)),
                op::LOAD_HALF => half(i.k),
                op::LOAD_BYTE => byte(i.k),
                op::LOAD_BYTE_AT_X => byte(x + i.k),
                op::LOAD_HALF_AT_X => half(x + i.k),
                op::LOAD_HEADER_LEN => {
                    x = 4 * (byte(i.k).unwrap_or(0) & 15);
                    Some(a)
                }
                op::EQUAL | op::AT_LEAST => {
                    let holds = if i.code == op::EQUAL { a == i.k } else { a >= i.k };
                    pc += usize::from(if holds { i.jt } else { i.jf });
                    Some(a)
                }
                _ => return i.k,
            };
            match loaded {
                Some(value) => a = value,
                None => return 0,
            }
        }
    }

    fn ethernet(kinds: &[u16], payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![2; 12];
        for kind in kinds {
            frame.extend(kind.to_be_bytes());
            if VLAN.contains(&u32::from(*kind)) {
                frame.extend([0, 7]);
            }
        }
        frame.extend(payload);
        frame
    }

    fn v4(protocol: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x46, 0, 0, 0, 0, 0, 0, 0, 64, protocol];
        packet.resize(24, 9);
        packet.extend(rest);
        packet
    }

    fn v6(next: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, 0, next, 64];
        packet.resize(40, 9);
        packet.extend(rest);
        packet
    }

    #[test]
    fn what_can_matter_passes_and_the_rest_does_not() {
        let (plain, tunnels) = (program(Start::Ethernet, 256, false), program(Start::Ethernet, 256, true));
        let vxlan = [0x12, 0xb5].repeat(2);
        let cases: [(&[u16], Vec<u8>, bool, bool); 16] = [
            (&[0x0800], v4(6, &[0; 20]), true, true),
            (&[0x86dd], v6(6, &[0; 20]), true, true),
            (&[0x8100, 0x0800], v4(6, &[0; 20]), true, true),
            (&[0x88a8, 0x8100, 0x86dd], v6(6, &[0; 20]), true, true),
            (&[0x8100, 0x8100, 0x8100, 0x0800], v4(6, &[0; 20]), true, true),
            (&[0x0800], v4(17, &[0; 8]), false, false),
            (&[0x0800], v4(1, &[8, 0]), false, false),
            (&[0x0800], v4(1, &[3, 1]), true, true),
            (&[0x86dd], v6(58, &[1, 0]), true, true),
            (&[0x86dd], v6(58, &[128, 0]), false, false),
            (&[0x86dd], v6(44, &[6, 0]), true, true),
            (&[0x0806], vec![0; 28], false, false),
            (&[0x0800], v4(17, &vxlan), false, true),
            (&[0x86dd], v6(17, &vxlan), false, true),
            (&[0x8100, 0x0800], v4(47, &[0; 4]), false, true),
            (&[0x8864], vec![0; 8], false, true),
        ];
        for (kinds, payload, without, with) in cases {
            let frame = ethernet(kinds, &payload);
            assert_eq!(run(&plain, &frame, 0) == 256, without, "{kinds:x?} {payload:?}");
            assert_eq!(run(&tunnels, &frame, 0) == 256, with, "with tunnels: {kinds:x?} {payload:?}");
        }
    }

    #[test]
    fn cooked_packets_are_told_by_the_protocol_beside_them() {
        let cooked = program(Start::Cooked, 96, false);
        assert_eq!(run(&cooked, &v4(6, &[]), 0x0800), 96);
        assert_eq!(run(&cooked, &v6(6, &[]), 0x86dd), 96);
        assert_eq!(run(&cooked, &v4(6, &[]), 0x0806), 0);
        let tagged = [&[0, 7, 0x08, 0][..], &v4(6, &[])].concat();
        assert_eq!(run(&cooked, &tagged, 0x8100), 96);
        // Sent by this machine: named, and not there.
        assert_eq!(run(&cooked, &v4(6, &[]), 0x8100), 96);
        assert_eq!(run(&cooked, &v6(6, &[]), 0x8100), 96);
        assert_eq!(run(&cooked, &v4(17, &[0; 40]), 0x8100), 0);
    }

    #[test]
    fn every_jump_stays_within_the_program() {
        for (start, tunnels) in [(Start::Ethernet, false), (Start::Ethernet, true), (Start::Cooked, true)] {
            let p = program(start, 256, tunnels);
            assert!(p.len() <= 4_096, "the kernel takes no more");
            for (i, instruction) in p.iter().enumerate().filter(|(_, i)| i.code != op::RETURN) {
                assert!(i + 1 + usize::from(instruction.jt.max(instruction.jf)) < p.len());
            }
            assert_eq!(p.last().map(|i| i.code), Some(op::RETURN));
        }
    }
}

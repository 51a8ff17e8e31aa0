//! Traffic for measuring: a few shapes, always the same bytes for the same size, cut to 96 bytes per packet as headers
//! for analysis usually are.
#![allow(dead_code, reason = "each user needs another part")]

/// What the connections do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Short requests with answers of some segments; the size is the number of connections.
    Web,
    /// Eight packets each, closed by the client; the size is the number of connections.
    Churn,
    /// SYNs that nobody answers; the size is their number.
    SynFlood,
    /// The same on 2,000 four-tuples, each used again after 70 s.
    Reuse,
    /// One connection that sends and never ends, one segment of a hundred lost; the size is the number of packets.
    Elephant,
}

impl Shape {
    pub const ALL: [(&'static str, Shape); 5] = [
        ("web", Shape::Web),
        ("churn", Shape::Churn),
        ("synflood", Shape::SynFlood),
        ("reuse", Shape::Reuse),
        ("elephant", Shape::Elephant),
    ];

    /// From the start of one connection to that of the next.
    fn step(self) -> i64 {
        MICRO * if self == Shape::Reuse { 35_000 } else { 350 }
    }
}

/// One packet on Ethernet.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// Length on the wire.
    pub wire: u32,
    pub bytes: Vec<u8>,
}

const SNAP: usize = 96;
const MSS: u32 = 1_448;
/// When the first packet is captured.
pub const START: i64 = 1_700_000_000_000_000_000;
const MICRO: i64 = 1_000;

const FIN: u8 = 1;
const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// A generator of numbers (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }
}

/// The frames of a shape, in order of time.
pub fn traffic(shape: Shape, size: usize) -> Vec<Frame> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut frames = Vec::new();
    match shape {
        Shape::Elephant => Talk::new(0, START, &mut dice, &mut frames).elephant(size),
        _ => {
            for number in 0..size {
                let start = START + number as i64 * shape.step();
                let mut talk = Talk::new(number, start, &mut dice, &mut frames);
                match shape {
                    Shape::Web => talk.web(),
                    Shape::Churn => talk.churn(),
                    Shape::Reuse => talk.again(number),
                    _ => talk.syn(),
                }
            }
        }
    }
    frames.sort_by_key(|frame| frame.time);
    frames
}

/// The same connections without an end, in order of time: only what is going on is held. Not for [`Shape::Elephant`].
pub struct Endless {
    shape: Shape,
    dice: Dice,
    number: usize,
    /// Frames to come, the earliest last.
    frames: Vec<Frame>,
    /// The start of the next connection: everything earlier is complete.
    until: i64,
}

/// Connections made in one go.
const STRETCH: usize = 1_000;

impl Endless {
    pub fn new(shape: Shape) -> Endless {
        Endless { shape, dice: Dice(0x9e37_79b9_7f4a_7c15), number: 0, frames: Vec::new(), until: START }
    }
}

impl Iterator for Endless {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        while self.frames.last().is_none_or(|frame| frame.time >= self.until) {
            for _ in 0..STRETCH {
                let mut talk = Talk::new(self.number, self.until, &mut self.dice, &mut self.frames);
                match self.shape {
                    Shape::Web => talk.web(),
                    Shape::Churn => talk.churn(),
                    Shape::Reuse => talk.again(self.number),
                    Shape::SynFlood | Shape::Elephant => talk.syn(),
                }
                self.number += 1;
                self.until += self.shape.step();
            }
            self.frames.sort_by_key(|frame| std::cmp::Reverse(frame.time));
        }
        self.frames.pop()
    }
}

/// One connection as it is made.
struct Talk<'a> {
    dice: &'a mut Dice,
    out: &'a mut Vec<Frame>,
    time: i64,
    v6: bool,
    hosts: [u32; 2],
    ports: [u16; 2],
    /// The next sequence number of each end.
    next: [u32; 2],
    id: u16,
}

impl<'a> Talk<'a> {
    fn new(number: usize, time: i64, dice: &'a mut Dice, out: &'a mut Vec<Frame>) -> Talk<'a> {
        let next = [dice.below(1 << 32) as u32, dice.below(1 << 32) as u32];
        let hosts = [0x0a00_0000 | number as u32 & 0xf_ffff, 0x0a80_0000 | dice.below(200) as u32];
        let ports = [32_768 + dice.below(28_000) as u16, 443];
        Talk { v6: dice.below(5) == 0, dice, out, time, hosts, ports, next, id: 1 }
    }

    fn web(&mut self) {
        self.open();
        self.data(0, 300);
        self.wait(20_000);
        for _ in 0..=self.dice.below(4) {
            self.data(1, MSS);
            self.send(0, ACK, 0, &[]);
        }
        self.close();
    }

    fn churn(&mut self) {
        self.open();
        self.data(0, 120);
        self.data(1, 400);
        self.send(0, FIN | ACK, 0, &[]);
        self.send(1, FIN | ACK, 0, &[]);
        self.send(0, ACK, 0, &[]);
    }

    /// The same as connection `number`, on one of few four-tuples.
    fn again(&mut self, number: usize) {
        let tuple = number % 2_000;
        self.v6 = tuple.is_multiple_of(5);
        self.hosts = [0x0a00_0000 + tuple as u32 / 400, 0x0a80_0001];
        self.ports = [32_768 + tuple as u16, 443];
        self.churn();
    }

    fn elephant(&mut self, packets: usize) {
        self.open();
        while self.out.len() < packets {
            if self.dice.below(100) > 0 {
                self.data(1, MSS);
                self.data(1, MSS);
                self.send(0, ACK, 0, &[]);
                continue;
            }
            // One is lost; the acknowledgments name what came behind it, then it comes again.
            let lost = self.next[1];
            self.next[1] = lost.wrapping_add(MSS);
            let held = self.next[0];
            for _ in 0..3 {
                self.data(1, MSS);
                let end = self.next[1];
                self.next[1] = lost;
                let mut sack = vec![1, 1, 5, 10];
                sack.extend(lost.wrapping_add(MSS).to_be_bytes());
                sack.extend(end.to_be_bytes());
                self.send(0, ACK, 0, &sack);
                self.next[1] = end;
            }
            let end = self.next[1];
            self.next = [held, lost];
            self.data(1, MSS);
            self.next[1] = end;
            self.send(0, ACK, 0, &[]);
        }
    }

    fn syn(&mut self) {
        self.send(0, SYN, 0, &[2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7]);
    }

    fn open(&mut self) {
        self.syn();
        self.send(1, SYN | ACK, 0, &[2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7]);
        self.send(0, ACK, 0, &[]);
    }

    fn close(&mut self) {
        let first = self.dice.below(2) as usize;
        self.send(first, FIN | ACK, 0, &[]);
        self.send(1 - first, ACK, 0, &[]);
        self.wait(5_000);
        self.send(1 - first, FIN | ACK, 0, &[]);
        self.send(first, ACK, 0, &[]);
    }

    fn data(&mut self, from: usize, len: u32) {
        self.send(from, PSH | ACK, len, &[]);
    }

    fn wait(&mut self, micros: u64) {
        self.time += (1 + self.dice.below(micros) as i64) * MICRO;
    }

    fn send(&mut self, from: usize, flags: u8, len: u32, options: &[u8]) {
        self.wait(200);
        let clock = ((self.time - START) / 1_000_000) as u32;
        let mut tcp = Vec::with_capacity(60);
        tcp.extend(self.ports[from].to_be_bytes());
        tcp.extend(self.ports[1 - from].to_be_bytes());
        tcp.extend(self.next[from].to_be_bytes());
        tcp.extend(if flags & ACK != 0 { self.next[1 - from] } else { 0 }.to_be_bytes());
        tcp.extend([0, flags, 1, 0xf5, 0, 0, 0, 0]);
        tcp.extend([1, 1, 8, 10]);
        tcp.extend(clock.to_be_bytes());
        tcp.extend(if flags & ACK != 0 { clock.saturating_sub(1) } else { 0 }.to_be_bytes());
        tcp.extend(options);
        while !tcp.len().is_multiple_of(4) {
            tcp.push(0);
        }
        tcp[12] = (tcp.len() as u8 / 4) << 4;
        let wire = tcp.len() + len as usize;
        let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        if self.v6 {
            bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            bytes.extend((wire as u16).to_be_bytes());
            bytes.extend([6, 64]);
            for host in [self.hosts[from], self.hosts[1 - from]] {
                bytes.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0]);
                bytes.extend(host.to_be_bytes());
            }
        } else {
            bytes.extend([8, 0, 0x45, 0]);
            bytes.extend((wire as u16 + 20).to_be_bytes());
            bytes.extend(self.id.to_be_bytes());
            bytes.extend([0x40, 0, 64, 6, 0, 0]);
            bytes.extend(self.hosts[from].to_be_bytes());
            bytes.extend(self.hosts[1 - from].to_be_bytes());
        }
        self.id = self.id.wrapping_add(1);
        let wire = bytes.len() + wire;
        bytes.extend(tcp);
        bytes.resize(wire.min(SNAP.max(bytes.len())), 0);
        self.out.push(Frame { time: self.time, wire: wire as u32, bytes });
        let phantom = u32::from(flags & (SYN | FIN) != 0);
        self.next[from] = self.next[from].wrapping_add(len + phantom);
    }
}

/// The frames as a pcap file with nanoseconds.
pub fn pcap(frames: &[Frame]) -> Vec<u8> {
    let mut out = pcap_header();
    frames.iter().for_each(|frame| pcap_record(frame, &mut out));
    out
}

/// The beginning of such a file.
pub fn pcap_header() -> Vec<u8> {
    let mut out = 0xa1b2_3c4d_u32.to_le_bytes().to_vec();
    out.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend([262_144_u32, 1].map(u32::to_le_bytes).concat());
    out
}

/// One frame in it.
pub fn pcap_record(frame: &Frame, out: &mut Vec<u8>) {
    let (seconds, nanos) = (frame.time / 1_000_000_000, frame.time % 1_000_000_000);
    for word in [seconds as u32, nanos as u32, frame.bytes.len() as u32, frame.wire] {
        out.extend(word.to_le_bytes());
    }
    out.extend(&frame.bytes);
}

/// The frames as a pcapng file with nanoseconds.
pub fn pcapng(frames: &[Frame]) -> Vec<u8> {
    let mut out = Vec::new();
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    out.extend(words(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]));
    // if_tsresol 9, the end of the options.
    out.extend(words(&[1, 32, 1, 262_144, 1 << 16 | 9, 9, 0, 32]));
    for frame in frames {
        let held = frame.bytes.len() as u32;
        let len = 32 + held.next_multiple_of(4);
        let time = frame.time as u64;
        out.extend(words(&[6, len, 0, (time >> 32) as u32, time as u32, held, frame.wire]));
        out.extend(&frame.bytes);
        out.resize(out.len() + (held.next_multiple_of(4) - held) as usize, 0);
        out.extend(words(&[len]));
    }
    out
}

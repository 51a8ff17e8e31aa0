//! Connections that are over, after they were open for long: whether those that are still open grow in number is not seen without
//! them.

use std::collections::VecDeque;

use crate::detect::{Bygone, Scene};
use crate::time::Time;

/// Remembered at most; the oldest go first.
const MOST: usize = 10_000;

/// Those that were told as over.
#[derive(Debug)]
pub(super) struct Bygones {
    all: VecDeque<Bygone>,
    /// Of those that were closed before, some are forgotten.
    known_from: Time,
}

impl Default for Bygones {
    fn default() -> Bygones {
        Bygones { all: VecDeque::new(), known_from: Time(i64::MIN) }
    }
}

impl Bygones {
    pub(super) fn add(&mut self, bygone: Bygone) {
        self.all.push_back(bygone);
        if self.all.len() > MOST {
            let oldest = self.all.pop_front().map_or(Time(i64::MIN), |oldest| oldest.until());
            self.known_from = self.known_from.max(oldest);
        }
    }

    /// Not all are known that were closed by `now`.
    pub(super) fn forget(&mut self, now: Time) {
        self.known_from = self.known_from.max(now);
    }

    /// Adds to the scene those that were closed before `time`: the others are still looked at.
    pub(super) fn put_into(&self, scene: &mut Scene, time: Time) {
        scene.bygone = self.all.iter().filter(|bygone| bygone.until() < time).copied().collect();
        scene.known_from = self.known_from;
    }
}

#[cfg(test)]
mod tests {
    use crate::analyze::Options;
    use crate::live::{Event, Limits, Watcher};
    use crate::source::{LinkType, Packet};
    use crate::time::{Span, Time};

    const SYN: u8 = 2;
    const ACK: u8 = 16;

    /// A segment between port 80 of a server and this port of a client, in raw IPv4: to the server or back.
    fn segment(port: u16, back: bool, flags: u8, (seq, ack): (u8, u8), len: u8) -> Vec<u8> {
        let mut p = vec![0x45, 0, 0, 40 + len, 0, 1, 0x40, 0, 64, 6, 0, 0];
        let (mut hosts, mut ports) = ([[10, 0, 0, 1], [192, 0, 2, 1]], [port.to_be_bytes(), [0, 80]]);
        if back {
            hosts.reverse();
            ports.reverse();
        }
        p.extend(hosts.concat());
        p.extend(ports.concat());
        p.extend([0, 0, 0, seq, 0, 0, 0, ack, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        p.extend(vec![b'x'; len.into()]);
        p
    }

    /// How many connections are told to lie idle in the end, of which one is opened every ten seconds and used once; it may
    /// replace one that was opened before the capture and is reset.
    fn told(replaces: bool, limits: Limits) -> Option<u64> {
        let mut watcher = Watcher::new(Options::default(), None, limits);
        let mut packets: Vec<(Time, Vec<u8>)> = Vec::new();
        for n in 0..80_i64 {
            let (port, begun) = (40_000 + n as u16, Time(Span::secs(10 * n).0));
            let opened = [
                segment(port, false, SYN, (100, 0), 0),
                segment(port, true, SYN | ACK, (200, 101), 0),
                segment(port, false, ACK, (101, 201), 10),
                segment(port, true, ACK, (201, 111), 20),
                segment(port, false, ACK, (111, 221), 0),
            ];
            packets.extend((0..).zip(opened).map(|(i, data)| (begun + Span::millis(i), data)));
            if replaces {
                packets.push((begun + Span::millis(9), segment(port + 10_000, false, ACK | 4, (111, 221), 0)));
            }
        }
        let mut found = None;
        for ((time, data), number) in packets.iter().zip(1..) {
            watcher.packet(&Packet { number, time: *time, link: LinkType::RAW, wire_len: data.len() as u32, data });
            watcher.advance(*time);
            while watcher.assess(0) {}
            for event in watcher.events() {
                match event {
                    Event::Finding(f) if f.name == "established-growth" => found = Some(f.count),
                    Event::Cleared(over) if over.name == "established-growth" => found = None,
                    _ => {}
                }
            }
        }
        found
    }

    #[test]
    fn a_leak_is_told_while_it_goes_on_and_a_pool_that_renews_its_connections_is_none() {
        assert!(told(false, Limits::default()).is_some_and(|count| count >= 40));
        assert_eq!(told(true, Limits::default()), None);
        // Nor is it one because those that were closed are forgotten.
        assert_eq!(told(true, Limits { connections: 100 }), None);
    }
}

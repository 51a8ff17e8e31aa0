//! Two smoltcp sockets on virtual time, a link between them that loses, delays and repeats, and a tap on the link.
//!
//! What an application does is decided by a seed, and so is everything that happens to a packet.
#![allow(dead_code, reason = "each test file uses another part")]

mod dice;
mod end;
mod workload;

use std::collections::BTreeMap;

use smoltcp::time::Instant;
use tcpstate::decode::{Decoded, Decoder};
use tcpstate::segment::{Flags, Segment, Socket};
use tcpstate::source::{LinkType, Packet};
use tcpstate::time::Time;
use tcpstate::tracker::State;

use dice::Dice;
use end::{Action, CLOCK, End, PORTS, Truth, socket};

/// What the link does to packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Clean,
    LossBeforeTap,
    LossAfterTap,
    Reorder,
    Duplicate,
    Jitter,
}

impl Link {
    pub const ALL: [Link; 6] =
        [Link::Clean, Link::LossBeforeTap, Link::LossAfterTap, Link::Reorder, Link::Duplicate, Link::Jitter];
}

enum Happening {
    Act(usize, Action),
    /// A packet of this end passes the tap, and arrives after so long (or never).
    Pass(usize, Vec<u8>, Option<i64>),
    /// A packet arrives at this end.
    Arrive(usize, Vec<u8>),
}

/// A moment at which nothing was under way.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub time: Time,
    /// How many segments the tap had seen.
    pub captured: usize,
    pub states: [State; 2],
    /// For each end: the flags that had passed the tap, and whether it had closed before the peer's FIN came but sent
    /// its own FIN only after that.
    pub passed: [Flags; 2],
    pub late_fin: [bool; 2],
    pub aborted: [bool; 2],
    pub first_fin_lost: [bool; 2],
    /// When each last received a FIN.
    pub last_fin: [Option<Time>; 2],
    /// Whether the tap is so close to each end that what it saw usually arrives there.
    pub near: [bool; 2],
    /// The longest way from one end to the other, in nanoseconds.
    pub delay: i64,
}

/// One run.
pub struct Run {
    pub segments: Vec<Segment>,
    pub truth: [Truth; 2],
    pub sockets: [Socket; 2],
    pub moments: Vec<Moment>,
    pub end: Time,
}

/// How late a packet may be that others overtake, on each leg of its way, in nanoseconds.
const LATE: i64 = 40_000_000;

struct World {
    dice: Dice,
    link: Link,
    /// From either end to the tap, in nanoseconds.
    delays: [i64; 2],
    agenda: BTreeMap<(i64, u64), Happening>,
    count: u64,
    under_way: usize,
    decoder: Decoder,
    segments: Vec<Segment>,
    /// No two packets pass the tap, or arrive, in another order than they were sent, unless the link reorders.
    last: [[i64; 2]; 2],
}

impl World {
    fn plan(&mut self, time: i64, what: Happening) {
        self.count += 1;
        self.agenda.insert((time, self.count), what);
    }

    /// One leg of a packet's way, from `now`.
    fn leg(&mut self, now: i64, sender: usize, leg: usize) -> i64 {
        let base = self.delays[if leg == 0 { sender } else { 1 - sender }];
        let extra = match self.link {
            Link::Reorder if self.dice.chance(20) => return now + base + self.dice.range(1, LATE),
            Link::Jitter => self.dice.range(0, base),
            _ => 0,
        };
        let time = (now + base + extra).max(self.last[sender][leg] + 1_000);
        self.last[sender][leg] = time;
        time
    }

    /// Puts what end `x` has sent on its way.
    fn carry(&mut self, x: usize, end: &mut End, now: i64) {
        for packet in std::mem::take(&mut end.queue.tx) {
            let fin = self.decode(&packet, 0, 0).is_some_and(|s| s.has(Flags::FIN));
            let first_fin = fin && end.truth.fin_left.is_none();
            if first_fin {
                end.truth.fin_left = Some(Time(now));
            }
            if self.link == Link::LossBeforeTap && self.dice.chance(15) {
                end.truth.first_fin_lost |= first_fin;
                continue;
            }
            let copies = 1 + usize::from(self.link == Link::Duplicate && self.dice.chance(10));
            for _ in 0..copies {
                let tap = self.leg(now, x, 0);
                let lost = self.link == Link::LossAfterTap && self.dice.chance(15);
                let onward = if lost { None } else { Some(self.leg(tap, x, 1) - tap) };
                self.under_way += 1;
                self.plan(tap, Happening::Pass(x, packet.clone(), onward));
            }
        }
    }

    fn decode(&mut self, data: &[u8], time: i64, number: u64) -> Option<Segment> {
        let wire_len = data.len() as u32;
        let packet = Packet { number, time: Time(time), link: LinkType::RAW, wire_len, data };
        match self.decoder.decode(&packet) {
            Decoded::Segment(segment) => Some(segment),
            _ => None,
        }
    }

    fn pass(&mut self, x: usize, packet: Vec<u8>, onward: Option<i64>, now: i64, truth: &mut Truth) {
        let number = self.segments.len() as u64 + 1;
        if let Some(segment) = self.decode(&packet, now, number) {
            truth.passed = truth.passed | segment.flags;
            truth.bytes += u64::from(segment.len);
            truth.packets += 1;
            self.segments.push(segment);
        }
        match onward {
            Some(span) => self.plan(now + span, Happening::Arrive(1 - x, packet.clone())),
            None => self.under_way -= 1,
        }
        if self.link == Link::Duplicate && onward.is_some() && self.dice.chance(10) {
            self.under_way += 1;
            let delay = self.dice.range(0, 5_000_000);
            self.plan(now + onward.unwrap_or(0) + delay, Happening::Arrive(1 - x, packet));
        }
    }
}

/// The run that `seed` describes.
pub fn run(link: Link, seed: u64) -> Run {
    const MS: i64 = 1_000_000;
    let mut dice = Dice::new(seed);
    let way = match dice.range(0, 2) {
        0 => dice.range(MS / 20, MS),
        1 => dice.range(MS, 20 * MS),
        _ => dice.range(20 * MS, 150 * MS),
    };
    let near = match dice.range(0, 3) {
        0 => way / 50,
        1 => way - way / 50,
        _ => way / 100 * dice.range(10, 90),
    };
    let stamps = dice.chance(50);
    let mut ends = [End::new(0, &mut dice, stamps), End::new(1, &mut dice, stamps)];
    let mut world = World {
        dice,
        link,
        delays: [near.max(1_000), (way - near).max(1_000)],
        agenda: BTreeMap::new(),
        count: 0,
        under_way: 0,
        decoder: Decoder::new(),
        segments: Vec::new(),
        last: [[0; 2]; 2],
    };
    if world.workload(&mut ends) {
        ends[1].socket().listen(PORTS[1]).expect("a closed socket can listen");
    }
    let horizon = MS
        * match world.dice.range(0, 3) {
            0 => world.dice.range(10, 3_000),
            1 => world.dice.range(3_000, 20_000),
            _ => 90_000,
        };
    let mut moments: Vec<Moment> = Vec::new();
    let mut now = 0;
    loop {
        let timer = (0..2)
            .filter_map(|x| {
                let end = &mut ends[x];
                let due = end.iface.poll_at(Instant::from_micros(now / 1_000), &end.sockets)?;
                // Microseconds of smoltcp against nanoseconds here.
                Some((due.total_micros() * 1_000).max(now + 1_000))
            })
            .min();
        let next = world.agenda.keys().next().map(|k| k.0);
        let then = [timer, next].into_iter().flatten().min().unwrap_or(horizon).min(horizon);
        if world.under_way == 0 && !world.segments.is_empty() {
            for time in [now, now + (then - now) / 2, then - 1] {
                if time >= now && moments.last().is_none_or(|m| m.time < Time(time)) {
                    moments.push(moment(Time(time), &world, &ends));
                }
            }
        }
        if then >= horizon {
            break;
        }
        now = then;
        CLOCK.set((now / MS) as u32 + 1_000);
        while let Some(entry) = world.agenda.first_entry().filter(|e| e.key().0 <= now) {
            match entry.remove() {
                // A close in SYN_SENT leaves no trace on the wire, and in SYN_RCVD smoltcp takes the acknowledgment of its
                // SYN for one of its FIN.
                Happening::Act(x, Action::Close) if matches!(ends[x].state(), State::SynSent | State::SynRcvd) => {
                    world.plan(now + 400 * MS, Happening::Act(x, Action::Close));
                }
                Happening::Act(x, action) => ends[x].act(action, Time(now)),
                Happening::Pass(x, packet, onward) => world.pass(x, packet, onward, now, &mut ends[x].truth),
                Happening::Arrive(x, packet) => {
                    world.under_way -= 1;
                    if world.decode(&packet, 0, 0).is_some_and(|s| s.has(Flags::FIN)) {
                        ends[x].truth.last_fin = Some(Time(now));
                    }
                    ends[x].queue.rx.push_back(packet);
                    while ends[x].ingress(Time(now)) {}
                }
            }
        }
        for (x, end) in ends.iter_mut().enumerate() {
            if let Some(delay) = end.reaction.filter(|_| end.state() == State::CloseWait && !end.reacted) {
                end.reacted = true;
                world.plan(now + delay, Happening::Act(x, Action::Close));
            }
            end.egress(Time(now));
            world.carry(x, end, now);
        }
    }
    let truth = ends.map(|e| e.truth);
    Run { segments: world.segments, truth, sockets: [socket(0), socket(1)], moments, end: Time(horizon) }
}

fn moment(time: Time, world: &World, ends: &[End; 2]) -> Moment {
    let late_fin = |t: &Truth| match (t.closed, t.fin_received) {
        (Some(closed), Some(received)) => closed <= received && t.fin_left.is_none_or(|left| left >= received),
        _ => false,
    };
    Moment {
        time,
        captured: world.segments.len(),
        states: [ends[0].state(), ends[1].state()],
        passed: [ends[0].truth.passed, ends[1].truth.passed],
        late_fin: [late_fin(&ends[0].truth), late_fin(&ends[1].truth)],
        aborted: [ends[0].truth.aborted.is_some(), ends[1].truth.aborted.is_some()],
        first_fin_lost: [ends[0].truth.first_fin_lost, ends[1].truth.first_fin_lost],
        last_fin: [ends[0].truth.last_fin, ends[1].truth.last_fin],
        near: [0, 1].map(|x| 2 * world.delays[x] < 1_000_000),
        delay: 3 * (world.delays[0] + world.delays[1])
            + if world.link == Link::Reorder { 4 * LATE } else { 15_000_000 },
    }
}

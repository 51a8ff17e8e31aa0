//! Which findings of two captures stand: each as the capture tells it that sees best what it is about, with what the other
//! one has of the same segments.

use super::merge::{Scene, side_name, side_of};
use super::pair::{CLIENT, SERVER};
use crate::detect::{self, Witness};
use crate::report::number::plural;
use crate::report::{Anomaly, Connection, Outcome, ResetBy, Side};
use crate::segment::Socket;
use crate::time::Time;
use crate::tracker::State;
use crate::tracker::rules::Event;

/// The code of rst-from-between.
const FROM_BETWEEN: &str = "R04";

impl Scene<'_> {
    /// What is odd about the connection `merged`, of which `taps` are the two captures' views; unordered.
    pub(super) fn anomalies(&self, taps: [Option<&Connection>; 2], merged: &Connection) -> Vec<Anomaly> {
        let mut all: Vec<Anomaly> = Vec::new();
        for tap in [CLIENT, SERVER] {
            let Some(c) = taps[tap] else { continue };
            for anomaly in &c.anomalies {
                let Some(its) = anomaly.endpoint else {
                    if all.iter().all(|known| known.code != anomaly.code) {
                        all.push(located(anomaly, None, tap));
                    }
                    continue;
                };
                let Some(mut told) = self.told(taps, tap, anomaly, its) else { continue };
                told.endpoint = side_of(merged, c.socket(its));
                if told.endpoint == Some(its.other()) {
                    call_otherwise(&mut told.message, c);
                }
                all.push(told);
            }
        }
        // An error by ICMP is an answer, too.
        let rejected: Vec<Option<Side>> = all.iter().filter(|a| a.code == "O03").map(|a| a.endpoint).collect();
        all.retain(|a| a.code != "O01" || !rejected.contains(&a.endpoint));
        if let Some(between) = self.forged(taps, merged) {
            all.retain(|a| (a.code, a.endpoint) != (between.code, between.endpoint));
            all.push(between);
        }
        all
    }

    /// What the capture at `tap` tells of end `its`, if it is for that one to tell and the other does not disprove it.
    fn told(&self, taps: [Option<&Connection>; 2], tap: usize, anomaly: &Anomaly, its: Side) -> Option<Anomaly> {
        let (c, witness) = (taps[tap]?, detect::find(anomaly.code)?.witness);
        let (accused, seen_by) = (self.tap_of(c.socket(its)), witness.of(its, &anomaly.facts));
        let either = witness == Witness::Either && accused != tap && !tells(taps[accused], anomaly.code, c.socket(its));
        let best = if either { tap } else { self.tap_of(c.socket(seen_by)) };
        // Where the better one has nothing of the connection, it knows better only if it ran; where it has gaps, only if what
        // shows this, sent beside it, is not in one.
        let missed = || !self.whole[best] && self.is_missed(tap, anomaly, c.socket(seen_by));
        let told_there = || tells(taps[best], anomaly.code, c.socket(its));
        if best != tap && (taps[best].is_some() || self.ran(best, c)) && (told_there() || !missed()) {
            return None;
        }
        // Its own capture shows it sent, and nothing that it went on.
        let own = || anomaly.packet.is_some_and(|packet| self.link(tap, packet).is_some());
        if anomaly.code == FROM_BETWEEN && !anomaly.facts.contains_key("went_on") && own() {
            return None;
        }
        let mut told = located(anomaly, Some(its), tap);
        if accused != tap {
            told.message = format!("at the {}'s side: {}", side_name(tap).name(), told.message);
        }
        if best == tap && witness.waits(&anomaly.facts) {
            told.message.push_str(&self.fate(taps, tap, c.socket(seen_by), anomaly.time));
        }
        Some(told)
    }

    /// Whether `sender` sent the segment that shows this, by the capture at `tap`, and the other one lacks it.
    fn is_missed(&self, tap: usize, anomaly: &Anomaly, sender: Socket) -> bool {
        let packet = anomaly.packet.unwrap_or_default();
        let captured = self.segments[tap].position(packet);
        captured.is_some_and(|i| self.source(tap, i) == sender) && self.link(tap, packet).is_none()
    }

    /// What became of what `sender`, which waits at `tap`, sent from that time on.
    fn fate(&self, taps: [Option<&Connection>; 2], tap: usize, sender: Socket, since: Time) -> String {
        let other = 1 - tap;
        let side = side_name(other).name();
        let sent: Vec<usize> = self
            .segments_of(taps[tap], tap)
            .filter(|i| self.source(tap, *i) == sender && self.at(tap, self.segments[tap].all[*i].time) >= since)
            .collect();
        let links = || sent.iter().filter_map(|i| self.pairs.links[tap].get(*i));
        let arrived = links().count();
        let Some(first) = links().map(|i| self.at(other, self.segments[other].all[i as usize].time)).min() else {
            let none = match sent.len() {
                0 => return String::new(),
                1 => "that segment is not",
                _ => "none of these segments is",
            };
            let times = sent.iter().map(|i| self.segments[tap].all[*i].time);
            let after = times.min().is_some_and(|time| self.is_after(other, tap, time));
            return format!("; {none} in the capture at the {side}'s side{}", if after { LAST_BEFORE } else { "" });
        };
        let unheard = self.segments_of(taps[other], other).filter(|i| {
            self.source(other, *i) != sender
                && self.at(other, self.segments[other].all[*i].time) >= first
                && self.pairs.links[other].get(*i).is_none()
        });
        let unheard = match unheard.count() as u64 {
            0 => String::new(),
            n => format!(", and {} that were sent there since did not come through", plural(n, "segment")),
        };
        let arrived = match sent.len() {
            1 => "that segment".to_owned(),
            n => format!("{arrived} of {}", plural(n as u64, "segment")),
        };
        format!("; {arrived} arrived at the {side}'s side{unheard}")
    }

    /// The RST that one end accepted, and that the other, in whose name it came, had not sent, by the capture beside that.
    fn forged(&self, taps: [Option<&Connection>; 2], merged: &Connection) -> Option<Anomaly> {
        let found = Side::ALL.into_iter().find_map(|side| {
            let (own, peer) = (merged.endpoints.get(side), merged.endpoints.get(side.other()));
            let tap = self.tap_of(merged.socket(side));
            let known = self.whole[tap]
                && match taps[tap] {
                    Some(_) => merged.reset_by == Some(ResetBy::Between),
                    None => merged.outcome == Outcome::Refused && self.ran(tap, merged),
                };
            let accepted = peer.history.last().filter(|entry| entry.cause == Event::RcvRst.cause())?;
            let sent = own.history.iter().any(|entry| entry.cause == Event::SndRst.cause());
            let here = accepted.seen_at == Some(side_name(1 - tap)) && accepted.other_tap.is_none();
            (known && here && !sent).then_some((side, tap, accepted))
        });
        let (side, tap, accepted) = found?;
        let packet = accepted.packet?;
        let stood = merged.endpoints.get(side).history.last().map(|entry| entry.state);
        let stood = stood.filter(|state| *state != State::Closed);
        let stood = stood.map(|state| format!(" (there it was {})", state.name())).unwrap_or_default();
        let (here, there) = (side_name(1 - tap).name(), side_name(tap).name());
        let rst = format!(
            "at the {here}'s side: the RST in the name of {} {} (packet {packet})",
            side.name(),
            merged.socket(side)
        );
        let message = if self.is_after(tap, CLIENT, accepted.time) {
            format!(
                "{rst} is not in the capture at the {there}'s side{stood}{LAST_BEFORE}: if that ran on, somebody else \
                 sent it, between the ends or from the same address"
            )
        } else {
            format!(
                "{rst} is not its own: the capture at the {there}'s side{stood} lacks it; somebody else sent it, between \
                 the ends or from the same address"
            )
        };
        let declaration = detect::find(FROM_BETWEEN)?;
        let told = taps[1 - tap].and_then(|c| c.anomalies.iter().find(|a| a.code == FROM_BETWEEN));
        let mut facts = told.map(|a| a.facts.clone()).unwrap_or_default();
        facts.insert("seen_at", here.into());
        let (code, name, severity) = (declaration.code, declaration.name, declaration.severity);
        let (endpoint, time, packet) = (Some(side), accepted.time, Some(packet));
        Some(Anomaly { code, name, severity, endpoint, time, packet, message, facts })
    }

    /// The tap beside an end.
    pub(super) fn tap_of(&self, socket: Socket) -> usize {
        usize::from(self.pairs.far.contains(&socket.addr))
    }

    /// The segments of a connection in the capture at `tap`: indices, in capture order.
    fn segments_of(&self, c: Option<&Connection>, tap: usize) -> impl Iterator<Item = usize> {
        let (segments, named) = (&self.segments[tap].all, &self.pairs.named);
        let number = c.and_then(|c| named.tuples.find(super::merge::tuple_of(c)));
        let all = number.map_or(&[][..], |number| named.list(tap, number));
        let first = c.map_or(0, |c| c.first_packet);
        let begin = all.partition_point(|i| segments[*i as usize].packet < first);
        let last = c.map(|c| c.last);
        let within = move |i: &usize| last.is_some_and(|last| self.at(tap, segments[*i].time) <= last);
        all[begin..].iter().map(|i| *i as usize).take_while(within)
    }

    /// Who sent a segment, as the client's tap calls it.
    fn source(&self, tap: usize, i: usize) -> Socket {
        self.pairs.named.ends(tap, &self.segments[tap].all[i]).0
    }

    /// A time of that tap's clock on the client tap's.
    fn at(&self, tap: usize, time: Time) -> Time {
        if tap == SERVER { self.pairs.clock.to_client(time) } else { time }
    }

    /// Whether this packet at the client's tap did not come to the server's, which ran then.
    pub(super) fn was_lost(&self, packet: u64) -> bool {
        let segments = &self.segments[CLIENT];
        let ran = segments.position(packet).is_some_and(|at| self.ran_at(SERVER, segments.all[at].time));
        ran && self.link(CLIENT, packet).is_none()
    }

    /// Whether what was captured at `tap` at that time, by its clock, comes after the last packet of the `other` one.
    pub(super) fn is_after(&self, other: usize, tap: usize, time: Time) -> bool {
        self.windows[other].1.is_some_and(|last| self.at(tap, time) > self.at(other, last))
    }
}

/// Whether the other capture ran on is not known then.
const LAST_BEFORE: &str = ", whose last packet came before";

/// Whether a capture tells this of an end.
fn tells(c: Option<&Connection>, code: &str, of: Socket) -> bool {
    let about = |c: &Connection, side: Option<Side>| side.is_some_and(|side| c.socket(side) == of);
    c.is_some_and(|c| c.anomalies.iter().any(|a| a.code == code && about(c, a.endpoint)))
}

/// Calls the client the server and the other way about: who was first depends on where one looks.
fn call_otherwise(message: &mut String, c: &Connection) {
    for side in Side::ALL {
        let socket = c.socket(side);
        let called = |side: Side| format!("{} {socket}", side.name());
        *message = message.replace(&called(side), &called(side.other()));
    }
}

fn located(anomaly: &Anomaly, endpoint: Option<Side>, tap: usize) -> Anomaly {
    let mut anomaly = Anomaly { endpoint, ..anomaly.clone() };
    anomaly.facts.insert("seen_at", side_name(tap).name().into());
    anomaly
}

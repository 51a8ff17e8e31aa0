//! Two reports on the same traffic as one: each end as the capture at its side tells it.

use super::apart::{Apart, apart};
use super::matched::{Beginning, matched};
use super::names::{Tuple, rename};
use super::pair::{CLIENT, Pairs, SERVER, pair};
use super::segments::{Kept, Segments};
use super::tap::Tap;
use super::{whole, wide};
use crate::detect::{self, Selection};
use crate::report::course::{self, Course};
use crate::report::findings;
use crate::report::{
    BothEnds, Capture, Connection, Direction, Ending, Endpoint, Entry, Origin, OtherTap, PerSide, Report, ResetBy,
    Role, Side, TimeInState, rollup, totals,
};
use crate::segment::Socket;
use crate::source::FileInfo;
use crate::time::Time;
use crate::tracker::rules::Event;
use crate::tracker::{Evidence, State, States};

/// One capture, and the files it is from.
pub type Half = (Tap, Vec<FileInfo>);

/// Merges what was captured at the client's side with what was captured at the server's. Times are by the clock of the
/// former; packet numbers are those of the capture at the side of the end that they are told of, those of a finding that says
/// at whose side it was seen are of that. What the single captures believed wrongly is listed if asked for.
///
/// # Errors
/// Captures that are not of the same traffic are not merged: all of it would be told as lost.
pub fn merge(client: Half, server: Half, list_retracted: bool) -> Result<Report, Apart> {
    let pairs = pair([client.0.segments(), server.0.segments()]);
    let whole = [(&client, false), (&server, true)]
        .map(|((tap, _), is_far)| whole::is_whole(tap.segments(), |addr| pairs.far.contains(&addr) == is_far));
    let ((client, files), (mut tap, its_files)) = (client, server);
    let (mut ours, client) = client.finish(files, whole[CLIENT]);
    if whole[SERVER] {
        tap.misses_nothing();
    }
    tap.leave_times();
    // The connections of the other capture are not held beside these and what both are merged into.
    let (tuples, mut its) = (&pairs.named.tuples, Vec::new());
    let theirs = tap.sums(its_files.clone(), |c| its.push(Beginning::of(c, Some(&pairs.translation), tuples)));
    let segments = [&client, tap.segments()];
    if let Some(why) = apart([&ours, &theirs], segments, &pairs) {
        return Err(why);
    }
    let mut connections = std::mem::take(&mut ours.connections);
    let swapped = is_swapped(&connections, &pairs);
    let sockets = |c: &Connection| ([c.client, c.server], c.first_packet);
    let own: Vec<Beginning> = connections.iter().map(|c| Beginning::of(sockets(c), None, tuples)).collect();
    let mut same = matched([&own, &its], segments, &pairs).into_iter();
    let windows = [&ours, &theirs].map(|report| (report.capture.first, report.capture.last));
    let scene = Scene { pairs: &pairs, segments, windows, whole, list_retracted };
    let mut count = Count::default();
    let (mut met, mut rest) = (vec![false; connections.len()], Vec::new());
    tap.each(its_files, |mut b| {
        rename_and_shift(&mut b, &pairs);
        match same.next().flatten() {
            Some(a) => {
                met[a] = true;
                connections[a] = scene.one(Some(&connections[a]), Some(&b), &mut count);
            }
            None => rest.push(scene.one(None, Some(&b), &mut count)),
        }
    });
    for (a, _) in connections.iter_mut().zip(met).filter(|(_, met)| !met) {
        *a = scene.one(Some(a), None, &mut count);
    }
    connections.append(&mut rest);
    connections.sort_by_cached_key(|c| (c.first, c.first_packet));
    connections.iter_mut().zip(1..).for_each(|(c, id)| c.id = id);
    let both_ends = both_ends(&pairs, &count, [&ours, &theirs], swapped);
    let capture = capture(ours.capture, theirs.capture, &pairs, both_ends);
    let mut list = detect::grouped(&connections, &Selection::default());
    list.extend(wide::of_both([ours.findings, theirs.findings], |packet| scene.was_lost(packet)));
    findings::sort(&mut list);
    Ok(Report {
        schema: ours.schema,
        tool: ours.tool,
        capture,
        summary: totals::summary(&connections, count.retracted),
        rollups: rollup::rollups(&connections, &list),
        connections,
        findings: list,
        untold: Vec::new(),
        left_out: Vec::new(),
        timing: ours.timing,
    })
}

/// Beliefs of the single captures that the other one settled.
#[derive(Default)]
struct Count {
    confirmed: u64,
    retracted: u64,
    shared: u64,
    only: [u64; 2],
}

/// Names and times as at the client's tap.
fn rename_and_shift(c: &mut Connection, pairs: &Pairs) {
    let tuple = tuple_of(c);
    for socket in [&mut c.client, &mut c.server] {
        let there = std::mem::replace(socket, rename(&pairs.translation, tuple, *socket));
        if there != *socket {
            let [old, new] = [there, *socket].map(|socket| socket.to_string());
            c.anomalies.iter_mut().for_each(|a| a.message = a.message.replace(&old, &new));
        }
    }
    let shift = |time: &mut Time| *time = pairs.clock.to_client(*time);
    shift(&mut c.first);
    shift(&mut c.last);
    for side in Side::ALL {
        let endpoint = c.endpoints.get_mut(side);
        for entry in endpoint.history.iter_mut().chain(&mut endpoint.retracted) {
            shift(&mut entry.time);
            entry.captured.iter_mut().for_each(shift);
        }
    }
    c.anomalies.iter_mut().for_each(|a| shift(&mut a.time));
}

pub(super) fn tuple_of(c: &Connection) -> Tuple {
    if c.client <= c.server { (c.client, c.server) } else { (c.server, c.client) }
}

/// What one connection is merged from.
pub(super) struct Scene<'a> {
    pub(super) pairs: &'a Pairs,
    pub(super) segments: [&'a Segments; 2],
    /// First and last packet at each tap, by its clock.
    pub(super) windows: [(Option<Time>, Option<Time>); 2],
    /// Whether each capture misses nothing.
    pub(super) whole: [bool; 2],
    list_retracted: bool,
}

impl Scene<'_> {
    fn one(&self, a: Option<&Connection>, b: Option<&Connection>, count: &mut Count) -> Connection {
        // Who saw a SYN knows who the client is.
        let base = match (a, b) {
            (Some(a), Some(b)) if a.role == Role::Guessed && b.role == Role::Observed => b,
            (Some(a), _) => a,
            (None, Some(b)) => b,
            (None, None) => unreachable!("a connection is in one capture at least"),
        };
        let mut merged = base.clone();
        merged.anomalies.clear();
        for side in Side::ALL {
            let socket = base.socket(side);
            let tap = self.tap_of(socket);
            let (near, other) = if tap == CLIENT { (a, b) } else { (b, a) };
            let mut endpoint = match near.and_then(|c| side_of(c, socket).map(|side| c.endpoints.get(side))) {
                Some(endpoint) => self.settled(endpoint, tap, count),
                None => self.unreached(other.unwrap_or(base), socket, tap),
            };
            if let Some(belief) = other.and_then(|c| side_of(c, socket).map(|side| c.endpoints.get(side))) {
                weigh(belief, &mut endpoint, count, self.list_retracted);
                if near.is_some() && self.may_lack(belief, tap) {
                    endpoint.possible = endpoint.possible.union(belief.possible);
                }
            }
            *merged.endpoints.get_mut(side) = endpoint;
            if let Some((c, its)) = near.and_then(|c| Some((c, side_of(c, socket)?))) {
                *merged.packets.get_mut(side) = *c.packets.get(its);
                *merged.bytes.get_mut(side) = *c.bytes.get(its);
            }
        }
        if let (Some(a), Some(b)) = (a, b) {
            merged.first = a.first.min(b.first);
            merged.last = a.last.max(b.last);
            if b.origin == Origin::Handshake {
                merged.origin = Origin::Handshake;
            }
        }
        count.shared += u64::from(a.is_some() && b.is_some());
        count.only[CLIENT] += u64::from(b.is_none());
        count.only[SERVER] += u64::from(a.is_none());
        let [client, server] = [&merged.endpoints.client, &merged.endpoints.server].map(Course::shown);
        let outcome = course::outcome(&client, &server).unwrap_or(merged.outcome);
        let ending = Ending::by(outcome, &client, &server);
        // What a capture with gaps lacks may have been sent beside it.
        let gaps = !self.whole[CLIENT] || !self.whole[SERVER];
        let reset_by = ending.reset_by.filter(|by| *by != ResetBy::Between || !gaps);
        (merged.outcome, merged.closed_first, merged.reset_by) = (outcome, ending.closed_first, reset_by);
        let fates = self.pairs.fate(tuple_of(&merged));
        let by = |side: Side| fates[self.tap_of(merged.socket(side))];
        merged.path = Some(PerSide { client: by(Side::Client), server: by(Side::Server) });
        merged.anomalies = self.anomalies([a, b], &merged);
        merged.anomalies.sort_by_key(|x| (std::cmp::Reverse(x.severity), x.time, x.code));
        // Nor is known who sent what came after the other capture.
        if merged.reset_by == Some(ResetBy::Between)
            && Side::ALL.into_iter().any(|side| self.is_reset_later(&merged, side))
        {
            merged.reset_by = None;
        }
        merged
    }

    /// An end as the capture at its side tells it: what was captured there has arrived there, and where the end would be
    /// without it, it is not. Only what opens a connection may be ignored, by a listener whose queue is full; what follows
    /// rests on it.
    fn settled(&self, endpoint: &Endpoint, tap: usize, count: &mut Count) -> Endpoint {
        let mut endpoint = endpoint.clone();
        let mut may_be_ignored = false;
        for entry in &mut endpoint.history {
            entry.seen_at = Some(side_name(tap));
            let Some(packet) = entry.packet else { continue };
            entry.other_tap = self.link(tap, packet).map(|link| OtherTap {
                packet: link.packet,
                time: if tap == CLIENT { self.pairs.clock.to_client(link.time) } else { link.time },
            });
            if entry.evidence != Evidence::Inferred || self.pairs.one_place {
                continue;
            }
            may_be_ignored |= matches!(
                (entry.from, entry.state),
                (State::Closed, State::SynRcvd) | (State::SynRcvd, State::Established)
            );
            if !may_be_ignored {
                entry.evidence = Evidence::Confirmed;
                entry.proven_by = Some(packet);
                count.confirmed += 1;
                if entry.from != endpoint.state {
                    endpoint.possible = endpoint.possible.without(entry.from);
                }
            }
        }
        endpoint.evidence = endpoint.history.last().map_or(endpoint.evidence, |entry| entry.evidence);
        endpoint
    }

    /// The same segment in the other capture.
    pub(super) fn link(&self, tap: usize, packet: u64) -> Option<&Kept> {
        let other = self.pairs.links[tap].get(self.segments[tap].position(packet)?)?;
        self.segments[1 - tap].all.get(other as usize)
    }

    /// Whether the capture at `tap` may lack what the other one has an end there do last: it has gaps, or nothing later.
    fn may_lack(&self, belief: &Endpoint, tap: usize) -> bool {
        let last = belief.history.last().and_then(|entry| Some((entry.time, entry.packet?)));
        let unseen = last.filter(|(_, packet)| self.link(1 - tap, *packet).is_none());
        unseen.is_some_and(|(time, _)| !self.whole[tap] || self.is_after(tap, CLIENT, time))
    }

    /// Whether the RST that ended it for one `side` came after the last packet of the capture beside the other.
    fn is_reset_later(&self, merged: &Connection, side: Side) -> bool {
        let (last, peer) = (merged.endpoints.get(side).history.last(), self.tap_of(merged.socket(side.other())));
        last.is_some_and(|entry| entry.cause == Event::RcvRst.cause() && self.is_after(peer, CLIENT, entry.time))
    }

    /// The end at `tap`, where nothing of this connection was captured: nothing reached it, if that capture ran.
    fn unreached(&self, other: &Connection, socket: Socket, tap: usize) -> Endpoint {
        let side = side_of(other, socket).unwrap_or(Side::Server);
        let believed = other.endpoints.get(side);
        let ran = tap == SERVER && self.ran(tap, other);
        // What the end sent, or somebody in its name, speaks against it.
        if !ran || *other.packets.get(side) > 0 {
            return believed.clone();
        }
        Endpoint {
            state: State::Closed,
            possible: States::of(&[State::Closed]),
            evidence: Evidence::Confirmed,
            history: Vec::new(),
            retracted: Vec::new(),
            time_in_state: TimeInState::default(),
            sent: None,
        }
    }

    /// Whether the capture at `tap` ran when a connection began that it has nothing of.
    pub(super) fn ran(&self, tap: usize, other: &Connection) -> bool {
        self.ran_at(tap, other.first)
    }

    /// The same of a time by the client's tap.
    pub(super) fn ran_at(&self, tap: usize, time: Time) -> bool {
        let there = if tap == SERVER { self.pairs.clock.to_server(time) } else { time };
        let (first, last) = self.windows[tap];
        first.zip(last).is_some_and(|(first, last)| (first..=last).contains(&there))
    }
}

/// Compares what the capture at the other side believed of an end with what the end did.
fn weigh(belief: &Endpoint, endpoint: &mut Endpoint, count: &mut Count, list: bool) {
    let mut next = 0;
    let mut wrong: Vec<Entry> = Vec::new();
    for entry in &belief.history {
        let found = endpoint.history[next..].iter().position(|real| real.state == entry.state);
        let believed = matches!(entry.evidence, Evidence::Inferred | Evidence::Assumed);
        match found {
            Some(i) => {
                let known = !matches!(endpoint.history[next + i].evidence, Evidence::Inferred | Evidence::Assumed);
                next += i + 1;
                count.confirmed += u64::from(believed && known);
            }
            None => {
                count.retracted += u64::from(believed);
                wrong.push(entry.clone());
            }
        }
    }
    if list {
        endpoint.retracted.extend(wrong);
    }
}

pub(super) fn side_name(tap: usize) -> Side {
    if tap == CLIENT { Side::Client } else { Side::Server }
}

pub(super) fn side_of(c: &Connection, socket: Socket) -> Option<Side> {
    Side::ALL.into_iter().find(|side| c.socket(*side) == socket)
}

/// Whether most connections were opened from the side that is called the server's.
fn is_swapped(ours: &[Connection], pairs: &Pairs) -> bool {
    let from_server = ours.iter().filter(|c| pairs.far.contains(&c.client.addr)).count();
    from_server * 2 > ours.len()
}

fn both_ends(pairs: &Pairs, count: &Count, reports: [&Report; 2], swapped: bool) -> BothEnds {
    let mut totals = [Direction::default(), Direction::default()];
    for fates in &pairs.fates {
        totals.iter_mut().zip(fates).for_each(|(total, fate)| total.add(fate));
    }
    let names = |report: &Report| report.capture.files.iter().map(|file| file.name.clone()).collect();
    BothEnds {
        files: PerSide { client: names(reports[CLIENT]), server: names(reports[SERVER]) },
        one_place: pairs.one_place,
        clock_known: pairs.clock.known,
        offset: pairs.clock.offset,
        drift_ppm: (pairs.clock.drift_ppm != 0.0).then(|| (pairs.clock.drift_ppm * 1e3).round() / 1e3),
        delay: pairs.clock.delay,
        path: PerSide { client: totals[CLIENT], server: totals[SERVER] },
        translated: pairs.translation.len() as u64,
        renumbered: pairs.renumbered,
        confirmed: count.confirmed,
        retracted: count.retracted,
        shared: count.shared,
        only: PerSide { client: count.only[CLIENT], server: count.only[SERVER] },
        swapped,
    }
}

fn capture(mut ours: Capture, theirs: Capture, pairs: &Pairs, both_ends: BothEnds) -> Capture {
    let theirs_first = theirs.first.map(|time| pairs.clock.to_client(time));
    let theirs_last = theirs.last.map(|time| pairs.clock.to_client(time));
    ours.files.extend(theirs.files);
    ours.packets += theirs.packets;
    ours.tcp_segments += theirs.tcp_segments;
    ours.undecoded += theirs.undecoded;
    ours.bytes += theirs.bytes;
    ours.missing_bytes += theirs.missing_bytes;
    ours.left_out = ours.left_out.or(theirs.left_out);
    ours.first = ours.first.into_iter().chain(theirs_first).min();
    ours.last = ours.last.max(theirs_last);
    // Where one of them goes on there is no silence.
    ours.silence = ours.silence.min(theirs.silence);
    ours.both_ends = Some(both_ends);
    ours
}

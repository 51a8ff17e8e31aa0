//! A connection and the histories of its ends.

use super::findings::anomaly;
use super::number::Clock;
use super::timing::timing;
use super::{Pen, row};
use crate::report::{
    ClosedFirst, Connection, Direction, Endpoint, Entry, Origin, OtherTap, Outcome, PerSide, ResetBy, Role, Side,
    TimeInState,
};
use crate::segment::Socket;
use crate::time::Time;
use crate::tracker::{Evidence, State, States};

/// How an end is written, as it is told.
pub trait End {
    /// Writes the object.
    fn object<'a>(&self, pen: Pen<'a>, clock: &mut Clock) -> Option<Pen<'a>>;

    /// Writes the cells of a table: state, possible states, evidence and history; `first` is when the connection began.
    fn cells<'a>(&self, pen: Pen<'a>, first: Time) -> Option<Pen<'a>>;
}

/// Writes the members of the object, from `"id"` to the closing brace.
pub fn connection<'a, E: End>(mut pen: Pen<'a>, c: &Connection<E>, clock: &mut Clock) -> Option<Pen<'a>> {
    let Connection {
        id,
        client,
        server,
        incarnation,
        origin,
        role,
        scope,
        first,
        last,
        first_packet,
        last_packet,
        packets,
        bytes,
        outcome,
        closed_first,
        reset_by,
        endpoints,
        timing: times,
        path,
        anomalies,
    } = c;
    pen = pen.counted(b"\"id\":", *id)?;
    pen = pen.put(b",\"client\":")?;
    pen = socket(pen, client)?;
    pen = pen.put(b",\"server\":")?;
    pen = socket(pen, server)?;
    pen = pen.counted(b",\"incarnation\":", u64::from(*incarnation))?;
    pen = seen(pen, *origin, *role)?;
    pen = pen.put(b",\"scope\":[")?;
    pen = pen.listed(scope, |pen, name| pen.quoted(name))?;
    pen = pen.put(b"],\"first\":")?;
    pen = pen.time(*first, clock)?;
    pen = pen.put(b",\"last\":")?;
    pen = pen.time(*last, clock)?;
    pen = pen.counted(b",\"first_packet\":", *first_packet)?;
    pen = pen.counted(b",\"last_packet\":", *last_packet)?;
    pen = pen.put(b",\"packets\":")?;
    pen = counts(pen, packets)?;
    pen = pen.put(b",\"bytes\":")?;
    pen = counts(pen, bytes)?;
    pen = ending(pen, *outcome, *closed_first, *reset_by)?;
    let PerSide { client, server } = endpoints;
    pen = pen.put(b",\"endpoints\":{\"client\":")?;
    pen = client.object(pen, clock)?;
    pen = pen.put(b",\"server\":")?;
    pen = server.object(pen, clock)?;
    pen = pen.put(b"},\"timing\":")?;
    pen = timing(pen, times, clock)?;
    if let Some(PerSide { client, server }) = path {
        pen = pen.put(b",\"path\":{\"client\":")?;
        pen = direction(pen, client)?;
        pen = pen.put(b",\"server\":")?;
        pen = direction(pen, server)?;
        pen = pen.put(b"}")?;
    }
    pen = pen.put(b",\"anomalies\":[")?;
    pen = pen.listed(anomalies, |pen, one| anomaly(pen, one, clock))?;
    pen.put(b"]}")
}

/// Writes what of it was seen, and how its ends were told apart.
#[inline(always)]
fn seen(mut pen: Pen<'_>, origin: Origin, role: Role) -> Option<Pen<'_>> {
    pen = pen.bytes(match origin {
        Origin::Handshake => b",\"origin\":\"handshake\"",
        Origin::Midstream => b",\"origin\":\"midstream\"",
    })?;
    pen.bytes(match role {
        Role::Observed => b",\"role\":\"observed\"",
        Role::Guessed => b",\"role\":\"guessed\"",
    })
}

/// Writes how it ended.
#[inline(always)]
fn ending(
    mut pen: Pen<'_>,
    outcome: Outcome,
    closed_first: Option<ClosedFirst>,
    reset_by: Option<ResetBy>,
) -> Option<Pen<'_>> {
    pen = pen.put(b",\"outcome\":\"")?;
    pen = pen.bytes(outcome.name().as_bytes())?;
    pen = pen.bytes(match closed_first {
        None => b"\"".as_slice(),
        Some(ClosedFirst::Client) => b"\",\"closed_first\":\"client\"",
        Some(ClosedFirst::Server) => b"\",\"closed_first\":\"server\"",
        Some(ClosedFirst::Both) => b"\",\"closed_first\":\"both\"",
    })?;
    match reset_by {
        None => Some(pen),
        Some(ResetBy::Client) => pen.put(b",\"reset_by\":\"client\""),
        Some(ResetBy::Server) => pen.put(b",\"reset_by\":\"server\""),
        Some(ResetBy::Between) => pen.put(b",\"reset_by\":\"between\""),
    }
}

/// The object.
#[inline(always)]
pub fn socket<'a>(mut pen: Pen<'a>, socket: &Socket) -> Option<Pen<'a>> {
    let Socket { addr, port } = socket;
    pen = pen.put(b"{\"addr\":\"")?;
    pen = pen.address(*addr)?;
    pen = pen.put(b"\",\"port\":")?;
    pen = pen.integer(u64::from(*port))?;
    pen.put(b"}")
}

#[inline(always)]
fn counts<'a>(mut pen: Pen<'a>, counts: &PerSide<u64>) -> Option<Pen<'a>> {
    let PerSide { client, server } = counts;
    pen = pen.counted(b"{\"client\":", *client)?;
    pen = pen.counted(b",\"server\":", *server)?;
    pen.put(b"}")
}

fn direction<'a>(mut pen: Pen<'a>, direction: &Direction) -> Option<Pen<'a>> {
    let Direction { sent, arrived, lost, undecided, repeated, unseen } = direction;
    pen = pen.counted(b"{\"sent\":", *sent)?;
    pen = pen.counted(b",\"arrived\":", *arrived)?;
    pen = pen.counted(b",\"lost\":", *lost)?;
    pen = pen.counted(b",\"undecided\":", *undecided)?;
    pen = pen.counted(b",\"repeated\":", *repeated)?;
    pen = pen.counted(b",\"unseen\":", *unseen)?;
    pen.put(b"}")
}

/// Writes a grade whose opening quotation mark stands; closes it.
#[inline(always)]
pub fn evidence<'a>(pen: Pen<'a>, evidence: Evidence) -> Option<Pen<'a>> {
    let (text, len): (&[u8; 10], usize) = match evidence {
        Evidence::Sent => (b"sent\"     ", 5),
        Evidence::Confirmed => (b"confirmed\"", 10),
        Evidence::Inferred => (b"inferred\" ", 9),
        Evidence::Assumed => (b"assumed\"  ", 8),
        Evidence::Timer => (b"timer\"    ", 6),
    };
    pen.part(text, len)
}

impl End for Endpoint {
    #[inline(never)]
    fn object<'a>(&self, mut pen: Pen<'a>, clock: &mut Clock) -> Option<Pen<'a>> {
        let Endpoint { state, possible, evidence, history, retracted, time_in_state, sent: _ } = self;
        pen = standing(pen, *state, *possible, *evidence)?;
        pen = entries(pen, history, clock)?;
        if !retracted.is_empty() {
            pen = pen.put(b"],\"retracted\":[")?;
            pen = entries(pen, retracted, clock)?;
        }
        spent(pen, time_in_state)
    }

    fn cells<'a>(&self, pen: Pen<'a>, first: Time) -> Option<Pen<'a>> {
        let history = self.history.iter().map(|entry| (entry.state, entry.evidence, entry.time - first));
        row::end(pen, (self.state, self.possible, self.evidence), history)
    }
}

/// Writes what an end is in, up to the bracket that opens its history.
#[inline(always)]
pub fn standing<'a>(mut pen: Pen<'a>, state: State, possible: States, grade: Evidence) -> Option<Pen<'a>> {
    pen = pen.put(b"{\"state\":\"")?;
    pen = pen.state(state)?;
    pen = pen.put(b",\"possible\":[")?;
    if possible == States::EMPTY.with(state) {
        pen = pen.put(b"\"")?.state(state)?;
    } else {
        let mut first = true;
        for state in &State::ALL {
            if possible.has(*state) {
                pen = if first { pen } else { pen.put(b",")? };
                pen = pen.put(b"\"")?.state(*state)?;
                first = false;
            }
        }
    }
    pen = pen.put(b"],\"evidence\":\"")?;
    pen = evidence(pen, grade)?;
    pen.put(b",\"history\":[")
}

/// Writes the bracket that closes the history, the time in each state, and the end of the object.
#[inline(always)]
pub fn spent<'a>(mut pen: Pen<'a>, time_in_state: &TimeInState) -> Option<Pen<'a>> {
    pen = pen.put(b"],\"time_in_state\":{")?;
    for (i, (state, span)) in time_in_state.iter().enumerate() {
        pen = if i > 0 { pen.put(b",\"")? } else { pen.put(b"\"")? };
        pen = pen.state(state)?.put(b":")?.span(span)?;
    }
    pen.put(b"}}")
}

#[inline(always)]
fn entries<'a>(pen: Pen<'a>, entries: &[Entry], clock: &mut Clock) -> Option<Pen<'a>> {
    pen.listed(entries, |pen, one| entry(pen, one, clock))
}

/// Causes and rules are words of this crate's own tables, with nothing to escape; the tests see to it.
#[inline(never)]
fn entry<'a>(mut pen: Pen<'a>, e: &Entry, clock: &mut Clock) -> Option<Pen<'a>> {
    let Entry {
        time,
        latest,
        captured,
        from,
        state,
        packet,
        deduced,
        cause,
        evidence: grade,
        proven_by,
        seen_at,
        other_tap,
        rule,
    } = e;
    pen = pen.put(b"{\"time\":")?;
    pen = pen.time(*time, clock)?;
    if let Some(latest) = latest {
        pen = pen.put(b",\"latest\":")?;
        pen = pen.time(*latest, clock)?;
    }
    if let Some(captured) = captured {
        pen = pen.put(b",\"captured\":")?;
        pen = pen.time(*captured, clock)?;
    }
    pen = pen.put(b",\"from\":\"")?;
    pen = pen.state(*from)?;
    pen = pen.put(b",\"state\":\"")?;
    pen = pen.state(*state)?;
    if let Some(packet) = packet {
        pen = pen.counted(b",\"packet\":", *packet)?;
    }
    if *deduced {
        pen = pen.put(b",\"deduced\":true")?;
    }
    pen = pen.put(b",\"cause\":\"")?;
    pen = pen.bytes(cause.as_bytes())?;
    pen = pen.put(b"\",\"evidence\":\"")?;
    pen = evidence(pen, *grade)?;
    if let Some(packet) = proven_by {
        pen = pen.counted(b",\"proven_by\":", *packet)?;
    }
    if let Some(side) = seen_at {
        pen = pen.bytes(match side {
            Side::Client => b",\"seen_at\":\"client\"",
            Side::Server => b",\"seen_at\":\"server\"",
        })?;
    }
    if let Some(OtherTap { packet, time }) = other_tap {
        pen = pen.counted(b",\"other_tap\":{\"packet\":", *packet)?;
        pen = pen.put(b",\"time\":")?;
        pen = pen.time(*time, clock)?;
        pen = pen.put(b"}")?;
    }
    pen = pen.put(b",\"rule\":\"")?;
    pen = pen.bytes(rule.as_bytes())?;
    pen.put(b"\"}")
}

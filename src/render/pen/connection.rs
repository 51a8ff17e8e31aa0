//! A connection and the histories of its ends.

use serde_json::Value;

use super::Pen;
use super::number::Clock;
use super::timing::timing;
use crate::report::{
    Anomaly, ClosedFirst, Connection, Direction, Endpoint, Entry, Origin, OtherTap, PerSide, Role, Severity, Side,
};
use crate::segment::Socket;
use crate::tracker::Evidence;

/// Writes the members of the object, from `"id"` to the closing brace.
pub fn connection<'a>(mut pen: Pen<'a>, c: &Connection) -> Option<Pen<'a>> {
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
        endpoints,
        timing: times,
        path,
        anomalies,
    } = c;
    let clock = &mut Clock::default();
    pen.put(b"\"id\":")?;
    pen.integer(*id)?;
    pen.put(b",\"client\":")?;
    socket(&mut pen, client)?;
    pen.put(b",\"server\":")?;
    socket(&mut pen, server)?;
    pen.put(b",\"incarnation\":")?;
    pen.integer(u64::from(*incarnation))?;
    pen.bytes(match origin {
        Origin::Handshake => b",\"origin\":\"handshake\"",
        Origin::Midstream => b",\"origin\":\"midstream\"",
    })?;
    pen.bytes(match role {
        Role::Observed => b",\"role\":\"observed\",\"scope\":[",
        Role::Guessed => b",\"role\":\"guessed\",\"scope\":[",
    })?;
    for (i, name) in scope.iter().enumerate() {
        if i > 0 {
            pen.put(b",")?;
        }
        pen.quoted(name)?;
    }
    pen.put(b"],\"first\":")?;
    pen.time(*first, clock)?;
    pen.put(b",\"last\":")?;
    pen.time(*last, clock)?;
    pen.put(b",\"first_packet\":")?;
    pen.integer(*first_packet)?;
    pen.put(b",\"last_packet\":")?;
    pen.integer(*last_packet)?;
    pen.put(b",\"packets\":")?;
    counts(&mut pen, packets)?;
    pen.put(b",\"bytes\":")?;
    counts(&mut pen, bytes)?;
    pen.put(b",\"outcome\":\"")?;
    pen.bytes(outcome.name().as_bytes())?;
    pen.bytes(match closed_first {
        None => b"\",\"endpoints\":{\"client\":".as_slice(),
        Some(ClosedFirst::Client) => b"\",\"closed_first\":\"client\",\"endpoints\":{\"client\":",
        Some(ClosedFirst::Server) => b"\",\"closed_first\":\"server\",\"endpoints\":{\"client\":",
        Some(ClosedFirst::Both) => b"\",\"closed_first\":\"both\",\"endpoints\":{\"client\":",
    })?;
    let PerSide { client, server } = endpoints;
    pen = endpoint(pen, client, clock)?;
    pen.put(b",\"server\":")?;
    pen = endpoint(pen, server, clock)?;
    pen.put(b"},\"timing\":")?;
    pen = timing(pen, times, clock)?;
    if let Some(PerSide { client, server }) = path {
        pen.put(b",\"path\":{\"client\":")?;
        direction(&mut pen, client)?;
        pen.put(b",\"server\":")?;
        direction(&mut pen, server)?;
        pen.put(b"}")?;
    }
    pen.put(b",\"anomalies\":[")?;
    for (i, one) in anomalies.iter().enumerate() {
        if i > 0 {
            pen.put(b",")?;
        }
        pen = anomaly(pen, one, clock)?;
    }
    pen.put(b"]}")?;
    Some(pen)
}

#[inline(always)]
fn socket(pen: &mut Pen<'_>, socket: &Socket) -> Option<()> {
    let Socket { addr, port } = socket;
    pen.put(b"{\"addr\":\"")?;
    pen.address(*addr)?;
    pen.put(b"\",\"port\":")?;
    pen.integer(u64::from(*port))?;
    pen.put(b"}")
}

#[inline(always)]
fn counts(pen: &mut Pen<'_>, counts: &PerSide<u64>) -> Option<()> {
    let PerSide { client, server } = counts;
    pen.put(b"{\"client\":")?;
    pen.integer(*client)?;
    pen.put(b",\"server\":")?;
    pen.integer(*server)?;
    pen.put(b"}")
}

fn direction(pen: &mut Pen<'_>, direction: &Direction) -> Option<()> {
    let Direction { sent, arrived, lost, undecided, repeated, unseen } = direction;
    pen.put(b"{\"sent\":")?;
    pen.integer(*sent)?;
    pen.put(b",\"arrived\":")?;
    pen.integer(*arrived)?;
    pen.put(b",\"lost\":")?;
    pen.integer(*lost)?;
    pen.put(b",\"undecided\":")?;
    pen.integer(*undecided)?;
    pen.put(b",\"repeated\":")?;
    pen.integer(*repeated)?;
    pen.put(b",\"unseen\":")?;
    pen.integer(*unseen)?;
    pen.put(b"}")
}

/// Writes a grade whose opening quotation mark stands; closes it.
#[inline(always)]
fn evidence(pen: &mut Pen<'_>, evidence: Evidence) -> Option<()> {
    let (text, len): (&[u8; 10], usize) = match evidence {
        Evidence::Sent => (b"sent\"     ", 5),
        Evidence::Confirmed => (b"confirmed\"", 10),
        Evidence::Inferred => (b"inferred\" ", 9),
        Evidence::Assumed => (b"assumed\"  ", 8),
        Evidence::Timer => (b"timer\"    ", 6),
    };
    pen.part(text, len)
}

#[inline(never)]
fn endpoint<'a>(mut pen: Pen<'a>, e: &Endpoint, clock: &mut Clock) -> Option<Pen<'a>> {
    let Endpoint { state, possible, evidence: grade, history, retracted, time_in_state } = e;
    pen.put(b"{\"state\":\"")?;
    pen.state(*state)?;
    pen.put(b",\"possible\":[")?;
    for (i, state) in possible.iter().enumerate() {
        pen.bytes(if i > 0 { b",\"" } else { b"\"" })?;
        pen.state(state)?;
    }
    pen.put(b"],\"evidence\":\"")?;
    evidence(&mut pen, *grade)?;
    pen.put(b",\"history\":[")?;
    pen = entries(pen, history, clock)?;
    if !retracted.is_empty() {
        pen.put(b"],\"retracted\":[")?;
        pen = entries(pen, retracted, clock)?;
    }
    pen.put(b"],\"time_in_state\":{")?;
    for (i, (state, span)) in time_in_state.iter().enumerate() {
        pen.bytes(if i > 0 { b",\"" } else { b"\"" })?;
        pen.state(state)?;
        pen.put(b":")?;
        pen.span(span)?;
    }
    pen.put(b"}}")?;
    Some(pen)
}

#[inline(always)]
fn entries<'a>(mut pen: Pen<'a>, entries: &[Entry], clock: &mut Clock) -> Option<Pen<'a>> {
    for (i, one) in entries.iter().enumerate() {
        if i > 0 {
            pen.put(b",")?;
        }
        pen = entry(pen, one, clock)?;
    }
    Some(pen)
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
        cause,
        evidence: grade,
        proven_by,
        seen_at,
        other_tap,
        rule,
    } = e;
    pen.put(b"{\"time\":")?;
    pen.time(*time, clock)?;
    if let Some(latest) = latest {
        pen.put(b",\"latest\":")?;
        pen.time(*latest, clock)?;
    }
    if let Some(captured) = captured {
        pen.put(b",\"captured\":")?;
        pen.time(*captured, clock)?;
    }
    pen.put(b",\"from\":\"")?;
    pen.state(*from)?;
    pen.put(b",\"state\":\"")?;
    pen.state(*state)?;
    if let Some(packet) = packet {
        pen.put(b",\"packet\":")?;
        pen.integer(*packet)?;
    }
    pen.put(b",\"cause\":\"")?;
    pen.bytes(cause.as_bytes())?;
    pen.put(b"\",\"evidence\":\"")?;
    evidence(&mut pen, *grade)?;
    if let Some(packet) = proven_by {
        pen.put(b",\"proven_by\":")?;
        pen.integer(*packet)?;
    }
    if let Some(side) = seen_at {
        pen.bytes(match side {
            Side::Client => b",\"seen_at\":\"client\"",
            Side::Server => b",\"seen_at\":\"server\"",
        })?;
    }
    if let Some(OtherTap { packet, time }) = other_tap {
        pen.put(b",\"other_tap\":{\"packet\":")?;
        pen.integer(*packet)?;
        pen.put(b",\"time\":")?;
        pen.time(*time, clock)?;
        pen.put(b"}")?;
    }
    pen.put(b",\"rule\":\"")?;
    pen.bytes(rule.as_bytes())?;
    pen.put(b"\"}")?;
    Some(pen)
}

#[inline(never)]
fn anomaly<'a>(mut pen: Pen<'a>, a: &Anomaly, clock: &mut Clock) -> Option<Pen<'a>> {
    let Anomaly { code, name, severity, endpoint, time, packet, message, facts } = a;
    pen.put(b"{\"code\":")?;
    pen.quoted(code)?;
    pen.put(b",\"name\":")?;
    pen.quoted(name)?;
    pen.bytes(match severity {
        Severity::Info => b",\"severity\":\"info\"".as_slice(),
        Severity::Note => b",\"severity\":\"note\"",
        Severity::Warning => b",\"severity\":\"warning\"",
        Severity::Error => b",\"severity\":\"error\"",
    })?;
    if let Some(side) = endpoint {
        pen.bytes(match side {
            Side::Client => b",\"endpoint\":\"client\"",
            Side::Server => b",\"endpoint\":\"server\"",
        })?;
    }
    pen.put(b",\"time\":")?;
    pen.time(*time, clock)?;
    if let Some(packet) = packet {
        pen.put(b",\"packet\":")?;
        pen.integer(*packet)?;
    }
    pen.put(b",\"message\":")?;
    pen.quoted(message)?;
    pen.put(b",\"facts\":{")?;
    for (i, (key, value)) in facts.iter().enumerate() {
        if i > 0 {
            pen.put(b",")?;
        }
        pen.quoted(key)?;
        pen.put(b":")?;
        fact(&mut pen, value)?;
    }
    pen.put(b"}}")?;
    Some(pen)
}

fn fact(pen: &mut Pen<'_>, value: &Value) -> Option<()> {
    match value {
        Value::Bool(true) => pen.put(b"true"),
        Value::Bool(false) => pen.put(b"false"),
        Value::String(text) => pen.quoted(text),
        Value::Number(number) => match number.as_u64() {
            Some(n) => pen.integer(n),
            None => pen.json(number),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => pen.json(value),
    }
}

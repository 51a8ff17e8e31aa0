//! Where the time of a connection went.

use super::Pen;
use super::number::Clock;
use super::spans::{account, between, distribution, stops};
use crate::report::timing::{Distribution, GapEnd, Idle, IdleGap, Known, RoundTrips, Timing};
use crate::report::vantage::{Basis, Vantage};
use crate::report::{PerSide, Side};

#[inline(always)]
fn samples<'a, const N: usize>(mut pen: Pen<'a>, key: &[u8; N], d: &Option<Distribution>) -> Option<Pen<'a>> {
    if let Some(d) = d {
        pen = pen.put(key)?;
        pen = distribution(pen, d)?;
        pen = pen.put(b"}")?;
    }
    Some(pen)
}

/// Writes what may stand first, and so brings its comma behind it, if it is known.
#[inline(always)]
fn leading<'a, T, const N: usize>(
    pen: Pen<'a>,
    key: &[u8; N],
    value: Option<T>,
    write: impl Fn(Pen<'a>, T) -> Option<Pen<'a>>,
) -> Option<Pen<'a>> {
    match value {
        Some(value) => write(pen.put(key)?, value)?.put(b","),
        None => Some(pen),
    }
}

/// Writes where the tap was, and by what that is known.
#[inline(always)]
fn tap(mut pen: Pen<'_>, vantage: Option<Vantage>, by: Option<Basis>) -> Option<Pen<'_>> {
    if let Some(vantage) = vantage {
        pen = pen.bytes(match vantage {
            Vantage::Client => b",\"vantage\":\"client\"",
            Vantage::Server => b",\"vantage\":\"server\"",
            Vantage::Middle => b",\"vantage\":\"middle\"",
        })?;
    }
    match by {
        None => Some(pen),
        Some(Basis::Given) => pen.put(b",\"vantage_by\":\"given\""),
        Some(Basis::Handshake) => pen.put(b",\"vantage_by\":\"handshake\""),
        Some(Basis::RoundTrips) => pen.put(b",\"vantage_by\":\"round-trips\""),
        Some(Basis::HopCount) => pen.put(b",\"vantage_by\":\"hop-count\""),
    }
}

#[inline(always)]
fn round_trips<'a>(mut pen: Pen<'a>, both: &PerSide<RoundTrips>) -> Option<Pen<'a>> {
    let PerSide { client, server } = both;
    pen = pen.put(b",\"rtt\":{\"client\":{")?;
    pen = one_way(pen, client)?;
    pen = pen.put(b"},\"server\":{")?;
    pen = one_way(pen, server)?;
    pen.put(b"}}")
}

/// The members of the object of one end.
#[inline(always)]
fn one_way<'a>(mut pen: Pen<'a>, r: &RoundTrips) -> Option<Pen<'a>> {
    let RoundTrips { samples, excluded, rescued } = r;
    if let Some(d) = samples {
        pen = distribution(pen, d)?;
        pen = pen.put(b",")?;
    }
    pen = pen.counted(b"\"excluded\":", *excluded)?;
    pen.counted(b",\"rescued\":", *rescued)
}

fn idle<'a>(mut pen: Pen<'a>, idle: &Idle, clock: &mut Clock) -> Option<Pen<'a>> {
    let Idle { count, total, longest, gaps } = idle;
    if *count == 0 && total.0 == 0 && longest.0 == 0 && gaps.is_empty() {
        return pen.put(b",\"idle\":{\"count\":0,\"total\":0.000000000,\"longest\":0.000000000,\"gaps\":[]}");
    }
    pen = pen.counted(b",\"idle\":{\"count\":", *count)?;
    pen = pen.put(b",\"total\":")?;
    pen = pen.span(*total)?;
    pen = pen.put(b",\"longest\":")?;
    pen = pen.span(*longest)?;
    pen = pen.put(b",\"gaps\":[")?;
    pen = pen.listed(gaps, |pen, one| gap(pen, one, clock))?;
    pen.put(b"]}")
}

fn gap<'a>(mut pen: Pen<'a>, gap: &IdleGap, clock: &mut Clock) -> Option<Pen<'a>> {
    let IdleGap { start, length, states, probes, ended_by, by } = gap;
    pen = pen.put(b"{\"start\":")?;
    pen = pen.time(*start, clock)?;
    pen = pen.put(b",\"length\":")?;
    pen = pen.span(*length)?;
    let PerSide { client, server } = states;
    pen = pen.put(b",\"states\":{\"client\":\"")?;
    pen = pen.state(*client)?;
    pen = pen.put(b",\"server\":\"")?;
    pen = pen.state(*server)?;
    pen = pen.counted(b"},\"probes\":", *probes)?;
    pen = pen.put(b",\"ended_by\":\"")?;
    pen = pen.bytes(match ended_by {
        GapEnd::Data => b"data\"",
        GapEnd::Fin => b"fin\"",
        GapEnd::Rst => b"rst\"",
        GapEnd::Nothing => b"nothing\"",
    })?;
    if let Some(by) = by {
        pen = pen.bytes(match by {
            Side::Client => b",\"by\":\"client\"",
            Side::Server => b",\"by\":\"server\"",
        })?;
    }
    pen.put(b"}")
}

#[inline(always)]
fn known<'a, T: Copy>(
    mut pen: Pen<'a>,
    key: &[u8],
    of: &Known<T>,
    write: impl Fn(Pen<'a>, T) -> Option<Pen<'a>>,
) -> Option<Pen<'a>> {
    let Known { client, server } = of;
    if of.is_empty() {
        return Some(pen);
    }
    pen = pen.bytes(key)?;
    if let Some(client) = client {
        pen = pen.put(b"\"client\":")?;
        pen = write(pen, *client)?;
    }
    if let Some(server) = server {
        pen = pen.bytes(if client.is_some() { b",\"server\":" } else { b"\"server\":" })?;
        pen = write(pen, *server)?;
    }
    pen.put(b"}")
}

/// Writes the object.
#[inline(never)]
pub fn timing<'a>(mut pen: Pen<'a>, t: &Timing, clock: &mut Clock) -> Option<Pen<'a>> {
    let Timing {
        syn_to_synack,
        synack_to_ack,
        handshake,
        syn_to_synack_between,
        synack_to_ack_between,
        syn_retries,
        synack_retries,
        syn_retry_delay,
        connect_delay,
        server_ready,
        refused_after,
        vantage,
        vantage_by,
        rtt,
        first_request,
        server_greets,
        ttfb,
        server_think,
        response,
        client_think,
        turns_excluded,
        clamped,
        idle: gaps,
        zero_window,
        stalls,
        fin_to_ack,
        fin_to_ack_between,
        fin_to_fin,
        close_duration,
        last_data_to_fin,
        blame,
        slowest,
    } = t;
    pen = pen.put(b"{")?;
    pen = leading(pen, b"\"syn_to_synack\":", *syn_to_synack, Pen::span)?;
    pen = leading(pen, b"\"synack_to_ack\":", *synack_to_ack, Pen::span)?;
    pen = leading(pen, b"\"handshake\":", *handshake, Pen::span)?;
    pen = leading(pen, b"\"syn_to_synack_between\":", *syn_to_synack_between, between)?;
    pen = leading(pen, b"\"synack_to_ack_between\":", *synack_to_ack_between, between)?;
    pen = pen.counted(b"\"syn_retries\":", *syn_retries)?;
    pen = pen.counted(b",\"synack_retries\":", *synack_retries)?;
    pen = pen.known_span(b",\"syn_retry_delay\":", *syn_retry_delay)?;
    pen = pen.known_span(b",\"connect_delay\":", *connect_delay)?;
    pen = pen.known_span(b",\"server_ready\":", *server_ready)?;
    pen = pen.known_span(b",\"refused_after\":", *refused_after)?;
    pen = tap(pen, *vantage, *vantage_by)?;
    pen = round_trips(pen, rtt)?;
    pen = pen.known_span(b",\"first_request\":", *first_request)?;
    pen = pen.bytes(if *server_greets { b",\"server_greets\":true" } else { b",\"server_greets\":false" })?;
    pen = samples(pen, b",\"ttfb\":{", ttfb)?;
    pen = samples(pen, b",\"server_think\":{", server_think)?;
    pen = samples(pen, b",\"response\":{", response)?;
    pen = samples(pen, b",\"client_think\":{", client_think)?;
    pen = pen.counted(b",\"turns_excluded\":", *turns_excluded)?;
    pen = pen.counted(b",\"clamped\":", *clamped)?;
    pen = idle(pen, gaps, clock)?;
    pen = pen.put(b",\"zero_window\":")?;
    pen = stops(pen, zero_window)?;
    pen = pen.put(b",\"stalls\":")?;
    pen = stops(pen, stalls)?;
    pen = known(pen, b",\"fin_to_ack\":{", fin_to_ack, |pen, span| pen.span(span))?;
    pen = known(pen, b",\"fin_to_ack_between\":{", fin_to_ack_between, between)?;
    pen = pen.known_span(b",\"fin_to_fin\":", *fin_to_fin)?;
    pen = pen.known_span(b",\"close_duration\":", *close_duration)?;
    pen = known(pen, b",\"last_data_to_fin\":{", last_data_to_fin, |pen, span| pen.span(span))?;
    pen = pen.put(b",\"blame\":")?;
    pen = account(pen, blame)?;
    if let Some(slowest) = slowest {
        pen = pen.put(b",\"slowest\":\"")?;
        pen = pen.bytes(slowest.as_bytes())?;
        pen = pen.put(b"\"")?;
    }
    pen.put(b"}")
}

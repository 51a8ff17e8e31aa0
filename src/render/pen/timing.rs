//! Where the time of a connection went.

use super::Pen;
use super::number::Clock;
use super::sheet::{Piece, Sheet};
use super::spans::{account, between, distribution, stops};
use crate::report::timing::{Distribution, GapEnd, Idle, IdleGap, Known, RoundTrips, Timing};
use crate::report::vantage::{Basis, Vantage};
use crate::report::{PerSide, Side};

#[inline(always)]
fn samples<'a, const N: usize>(sheet: Sheet<'a>, key: &[u8; N], d: &Option<Distribution>) -> Sheet<'a> {
    match d {
        Some(d) => distribution(sheet.put(key), d).put(b"}"),
        None => sheet,
    }
}

/// Writes what may stand first, and so brings its comma behind it, if it is known.
#[inline(always)]
fn leading<'a, T, const N: usize>(
    sheet: Sheet<'a>,
    key: &[u8; N],
    value: Option<T>,
    write: impl Fn(Sheet<'a>, T) -> Sheet<'a>,
) -> Sheet<'a> {
    match value {
        Some(value) => write(sheet.put(key), value).put(b","),
        None => sheet,
    }
}

/// Where the tap was, and by what that is known.
static VANTAGES: [Piece<32>; 3] = {
    const fn piece(vantage: Vantage) -> Piece<32> {
        Piece::of(",\"vantage\":\"").and(vantage.name()).and("\"")
    }
    let mut pieces = [Piece::EMPTY; 3];
    pieces[Vantage::Client as usize] = piece(Vantage::Client);
    pieces[Vantage::Server as usize] = piece(Vantage::Server);
    pieces[Vantage::Middle as usize] = piece(Vantage::Middle);
    pieces
};
static BASES: [Piece<32>; 4] = {
    let mut pieces = [Piece::EMPTY; 4];
    pieces[Basis::Given as usize] = Piece::of(",\"vantage_by\":\"given\"");
    pieces[Basis::Handshake as usize] = Piece::of(",\"vantage_by\":\"handshake\"");
    pieces[Basis::RoundTrips as usize] = Piece::of(",\"vantage_by\":\"round-trips\"");
    pieces[Basis::HopCount as usize] = Piece::of(",\"vantage_by\":\"hop-count\"");
    pieces
};

#[inline(always)]
fn tap(mut sheet: Sheet<'_>, vantage: Option<Vantage>, by: Option<Basis>) -> Sheet<'_> {
    if let Some(vantage) = vantage {
        sheet = sheet.piece(&VANTAGES[vantage as usize]);
    }
    match by {
        Some(by) => sheet.piece(&BASES[by as usize]),
        None => sheet,
    }
}

#[inline(always)]
fn round_trips<'a>(sheet: Sheet<'a>, both: &PerSide<RoundTrips>) -> Sheet<'a> {
    let PerSide { client, server } = both;
    let sheet = one_way(sheet.put(b",\"rtt\":{\"client\":{"), client);
    one_way(sheet.put(b"},\"server\":{"), server).put(b"}}")
}

/// The members of the object of one end.
#[inline(always)]
fn one_way<'a>(mut sheet: Sheet<'a>, r: &RoundTrips) -> Sheet<'a> {
    let RoundTrips { samples, excluded, rescued } = r;
    if let Some(d) = samples {
        sheet = distribution(sheet, d).put(b",");
    }
    sheet.counted(b"\"excluded\":", *excluded).counted(b",\"rescued\":", *rescued)
}

fn idle<'a>(mut pen: Pen<'a>, idle: &Idle, clock: &mut Clock) -> Option<Pen<'a>> {
    let Idle { count, total, longest, gaps } = idle;
    if *count == 0 && total.0 == 0 && longest.0 == 0 && gaps.is_empty() {
        return pen.put(b",\"idle\":{\"count\":0,\"total\":0.000000000,\"longest\":0.000000000,\"gaps\":[]}");
    }
    pen = pen.sheet(|sheet| {
        let sheet = sheet.counted(b",\"idle\":{\"count\":", *count).put(b",\"total\":").span(*total);
        sheet.put(b",\"longest\":").span(*longest).put(b",\"gaps\":[")
    })?;
    pen = pen.listed(gaps, |pen, one| gap(pen, one, clock))?;
    pen.put(b"]}")
}

fn gap<'a>(pen: Pen<'a>, gap: &IdleGap, clock: &mut Clock) -> Option<Pen<'a>> {
    let IdleGap { start, length, states, probes, ended_by, by } = gap;
    let PerSide { client, server } = states;
    pen.sheet(|sheet| {
        let sheet = sheet.put(b"{\"start\":").time(*start, clock).put(b",\"length\":").span(*length);
        let sheet = sheet.put(b",\"states\":{\"client\":\"").state(*client);
        let sheet = sheet.put(b",\"server\":\"").state(*server);
        let sheet = sheet.counted(b"},\"probes\":", *probes).put(b",\"ended_by\":\"");
        let sheet = sheet.word(match ended_by {
            GapEnd::Data => "data\"",
            GapEnd::Fin => "fin\"",
            GapEnd::Rst => "rst\"",
            GapEnd::Nothing => "nothing\"",
        });
        match by {
            Some(Side::Client) => sheet.put(b",\"by\":\"client\"}"),
            Some(Side::Server) => sheet.put(b",\"by\":\"server\"}"),
            None => sheet.put(b"}"),
        }
    })
}

#[inline(always)]
fn known<'a, T: Copy, const N: usize>(
    mut sheet: Sheet<'a>,
    key: &[u8; N],
    of: &Known<T>,
    write: impl Fn(Sheet<'a>, T) -> Sheet<'a>,
) -> Sheet<'a> {
    let Known { client, server } = of;
    if of.is_empty() {
        return sheet;
    }
    sheet = sheet.put(key);
    if let Some(client) = client {
        sheet = write(sheet.put(b"\"client\":"), *client);
    }
    if let Some(server) = server {
        sheet = if client.is_some() { sheet.put(b",") } else { sheet };
        sheet = write(sheet.put(b"\"server\":"), *server);
    }
    sheet.put(b"}")
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
    pen = pen.sheet(|mut sheet| {
        sheet = sheet.put(b"{");
        sheet = leading(sheet, b"\"syn_to_synack\":", *syn_to_synack, Sheet::span);
        sheet = leading(sheet, b"\"synack_to_ack\":", *synack_to_ack, Sheet::span);
        sheet = leading(sheet, b"\"handshake\":", *handshake, Sheet::span);
        sheet = leading(sheet, b"\"syn_to_synack_between\":", *syn_to_synack_between, between);
        sheet = leading(sheet, b"\"synack_to_ack_between\":", *synack_to_ack_between, between);
        sheet = sheet.counted(b"\"syn_retries\":", *syn_retries);
        sheet = sheet.counted(b",\"synack_retries\":", *synack_retries);
        sheet = sheet.known_span(b",\"syn_retry_delay\":", *syn_retry_delay);
        sheet = sheet.known_span(b",\"connect_delay\":", *connect_delay);
        sheet = sheet.known_span(b",\"server_ready\":", *server_ready);
        sheet = sheet.known_span(b",\"refused_after\":", *refused_after);
        sheet = tap(sheet, *vantage, *vantage_by);
        sheet = round_trips(sheet, rtt);
        sheet = sheet.known_span(b",\"first_request\":", *first_request);
        sheet = match *server_greets {
            true => sheet.put(b",\"server_greets\":true"),
            false => sheet.put(b",\"server_greets\":false"),
        };
        sheet = samples(sheet, b",\"ttfb\":{", ttfb);
        sheet = samples(sheet, b",\"server_think\":{", server_think);
        sheet = samples(sheet, b",\"response\":{", response);
        sheet = samples(sheet, b",\"client_think\":{", client_think);
        sheet.counted(b",\"turns_excluded\":", *turns_excluded).counted(b",\"clamped\":", *clamped)
    })?;
    pen = idle(pen, gaps, clock)?;
    pen.sheet(|mut sheet| {
        sheet = stops(sheet.put(b",\"zero_window\":"), zero_window);
        sheet = stops(sheet.put(b",\"stalls\":"), stalls);
        sheet = known(sheet, b",\"fin_to_ack\":{", fin_to_ack, Sheet::span);
        sheet = known(sheet, b",\"fin_to_ack_between\":{", fin_to_ack_between, between);
        sheet = sheet.known_span(b",\"fin_to_fin\":", *fin_to_fin);
        sheet = sheet.known_span(b",\"close_duration\":", *close_duration);
        sheet = known(sheet, b",\"last_data_to_fin\":{", last_data_to_fin, Sheet::span);
        sheet = account(sheet.put(b",\"blame\":"), blame);
        match slowest {
            Some(slowest) => sheet.put(b",\"slowest\":\"").word(slowest).put(b"\"}"),
            None => sheet.put(b"}"),
        }
    })
}

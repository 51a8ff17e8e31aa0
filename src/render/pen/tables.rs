//! The timing of many connections together.

use std::collections::BTreeMap;

use super::Pen;
use super::connection::socket;
use super::sheet::Sheet;
use super::spans::{account, distribution, stop, stops};
use crate::report::PerSide;
use crate::report::timing::{GroupTiming, Occupancy};
use crate::tracker::State;

/// Writes the object of a group. Names of metrics and vantages are words of this crate, with nothing to escape; the tests
/// see to it.
pub fn group<'a>(mut pen: Pen<'a>, g: &GroupTiming) -> Option<Pen<'a>> {
    let GroupTiming {
        client,
        server,
        connections,
        vantages,
        metrics,
        syn_retries,
        synack_retries,
        excluded,
        clamped,
        idle,
        zero_window,
        stalls,
        blame,
        slowest,
        states,
    } = g;
    pen = pen.put(b"{")?;
    // What may stand first brings its comma behind it.
    if let Some(client) = client {
        pen = pen.put(b"\"client\":\"")?.address(*client)?.put(b"\",")?;
    }
    if let Some(server) = server {
        pen = pen.put(b"\"server\":")?;
        pen = pen.sheet(|sheet| socket(sheet, server).put(b","))?;
    }
    pen = pen.counted(b"\"connections\":", *connections)?;
    pen = pen.put(b",\"vantages\":")?;
    pen = pen.counts(vantages)?;
    pen = pen.put(b",\"metrics\":{")?;
    for (i, (name, d)) in metrics.iter().enumerate() {
        pen = pen.bytes(if i > 0 { b",\"" } else { b"\"" })?;
        pen = pen.bytes(name.as_bytes())?;
        pen = pen.put(b"\":{")?;
        pen = pen.sheet(|sheet| distribution(sheet, d).put(b"}"))?;
    }
    pen = pen.counted(b"},\"syn_retries\":", *syn_retries)?;
    pen = pen.counted(b",\"synack_retries\":", *synack_retries)?;
    pen = pen.counted(b",\"excluded\":", *excluded)?;
    pen = pen.counted(b",\"clamped\":", *clamped)?;
    pen = pen.sheet(|sheet| {
        let sheet = stop(sheet.put(b",\"idle\":"), idle);
        let sheet = stops(sheet.put(b",\"zero_window\":"), zero_window);
        let sheet = stops(sheet.put(b",\"stalls\":"), stalls);
        account(sheet.put(b",\"blame\":"), blame)
    })?;
    if let Some(slowest) = slowest {
        pen = pen.put(b",\"slowest\":\"")?;
        pen = pen.bytes(slowest.as_bytes())?.put(b"\"")?;
    }
    let PerSide { client, server } = states;
    pen = pen.put(b",\"states\":{\"client\":{")?;
    pen = stays(pen, client)?;
    pen = pen.put(b"},\"server\":{")?;
    pen = stays(pen, server)?;
    pen.put(b"}}}")
}

/// The members of an object by state.
fn stays<'a>(mut pen: Pen<'a>, states: &BTreeMap<State, Occupancy>) -> Option<Pen<'a>> {
    for (i, (state, stays)) in states.iter().enumerate() {
        pen = pen.bytes(if i > 0 { b",\"" } else { b"\"" })?;
        pen = pen.sheet(|sheet| occupancy(sheet.state(*state).put(b":{"), stays).put(b"}"))?;
    }
    Some(pen)
}

/// The members of the object of one state.
fn occupancy<'a>(mut sheet: Sheet<'a>, stays: &Occupancy) -> Sheet<'a> {
    let Occupancy { spans, at_least, at_most, uncertain, modelled, open, open_longest } = stays;
    if let Some(d) = spans {
        sheet = distribution(sheet, d).put(b",");
    }
    if let Some(d) = at_least {
        sheet = distribution(sheet.put(b"\"at_least\":{"), d).put(b"},");
    }
    if let Some(d) = at_most {
        sheet = distribution(sheet.put(b"\"at_most\":{"), d).put(b"},");
    }
    sheet = sheet.counted(b"\"uncertain\":", *uncertain);
    sheet = sheet.counted(b",\"modelled\":", *modelled);
    sheet = sheet.counted(b",\"open\":", *open);
    sheet.known_span(b",\"open_longest\":", *open_longest)
}

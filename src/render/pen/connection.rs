//! A connection and the histories of its ends.

use super::findings::anomaly;
use super::number::Clock;
use super::sheet::{Piece, Sheet};
use super::timing::timing;
use super::{Pen, row};
use crate::report::{
    ClosedFirst, Connection, Direction, Endpoint, Entry, Origin, OtherTap, Outcome, PerSide, ResetBy, Role, Side,
};
use crate::segment::Socket;
use crate::time::{Span, Time};
use crate::tracker::{Evidence, State, States};

/// How ends are written, as they are told.
pub trait End: Sized {
    /// Writes the objects of both, with the key of the server's between them.
    fn objects<'a>(ends: &PerSide<Self>, pen: Pen<'a>, clock: &mut Clock) -> Option<Pen<'a>>;

    /// Writes the cells of a table, for each: state, possible states, evidence and history; `first` is when the connection
    /// began.
    fn cells<'a>(ends: &PerSide<Self>, pen: Pen<'a>, first: Time) -> Option<Pen<'a>>;
}

/// What stands between the objects of both.
pub const SERVER: &[u8; 10] = b",\"server\":";

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
    pen = pen.sheet(|sheet| {
        let sheet = socket(sheet.counted(b"\"id\":", *id).put(b",\"client\":"), client);
        let sheet = socket(sheet.put(b",\"server\":"), server);
        seen(sheet.counted(b",\"incarnation\":", u64::from(*incarnation)), *origin, *role)
    })?;
    pen = pen.listed(scope, |pen, name| pen.quoted(name))?;
    pen = pen.sheet(|sheet| {
        let sheet = sheet.timed(b"],\"first\":", *first, clock).timed(b",\"last\":", *last, clock);
        let sheet = sheet.counted(b",\"first_packet\":", *first_packet).counted(b",\"last_packet\":", *last_packet);
        let sheet = counts(counts(sheet.put(b",\"packets\":"), packets).put(b",\"bytes\":"), bytes);
        ending(sheet, *outcome, *closed_first, *reset_by).put(b",\"endpoints\":{\"client\":")
    })?;
    pen = E::objects(endpoints, pen, clock)?;
    pen = pen.put(b"},\"timing\":")?;
    pen = timing(pen, times, clock)?;
    if let Some(PerSide { client, server }) = path {
        pen = pen.sheet(|sheet| {
            let sheet = direction(sheet.put(b",\"path\":{\"client\":"), client);
            direction(sheet.put(b",\"server\":"), server).put(b"}")
        })?;
    }
    pen = pen.put(b",\"anomalies\":[")?;
    pen = pen.listed(anomalies, |pen, one| anomaly(pen, one, clock))?;
    pen.put(b"]}")
}

/// Writes what of it was seen, how its ends were told apart, and the bracket that opens its scope.
#[inline(always)]
fn seen(sheet: Sheet<'_>, origin: Origin, role: Role) -> Sheet<'_> {
    let origin = match origin {
        Origin::Handshake => const { &Piece::<32>::of(",\"origin\":\"handshake\"") },
        Origin::Midstream => const { &Piece::of(",\"origin\":\"midstream\"") },
    };
    let role = match role {
        Role::Observed => const { &Piece::<32>::of(",\"role\":\"observed\",\"scope\":[") },
        Role::Guessed => const { &Piece::of(",\"role\":\"guessed\",\"scope\":[") },
    };
    sheet.piece(origin).piece(role)
}

/// What stands before a connection's end, for each outcome.
static OUTCOMES: [Piece<32>; Outcome::ALL.len()] = {
    let mut pieces = [Piece::EMPTY; Outcome::ALL.len()];
    let mut i = 0;
    while i < pieces.len() {
        let outcome = Outcome::ALL[i];
        pieces[outcome as usize] = Piece::of(",\"outcome\":\"").and(outcome.name()).and("\"");
        i += 1;
    }
    pieces
};

/// What stands there of who closed first, and of who reset it; nobody comes first.
static CLOSED_FIRST: [Piece<32>; 4] = {
    let mut pieces = [Piece::EMPTY; 4];
    pieces[1 + ClosedFirst::Client as usize] = Piece::of(",\"closed_first\":\"client\"");
    pieces[1 + ClosedFirst::Server as usize] = Piece::of(",\"closed_first\":\"server\"");
    pieces[1 + ClosedFirst::Both as usize] = Piece::of(",\"closed_first\":\"both\"");
    pieces
};
static RESET_BY: [Piece<32>; 4] = {
    let mut pieces = [Piece::EMPTY; 4];
    pieces[1 + ResetBy::Client as usize] = Piece::of(",\"reset_by\":\"client\"");
    pieces[1 + ResetBy::Server as usize] = Piece::of(",\"reset_by\":\"server\"");
    pieces[1 + ResetBy::Between as usize] = Piece::of(",\"reset_by\":\"between\"");
    pieces
};

/// Writes how it ended.
#[inline(always)]
fn ending(
    sheet: Sheet<'_>,
    outcome: Outcome,
    closed_first: Option<ClosedFirst>,
    reset_by: Option<ResetBy>,
) -> Sheet<'_> {
    let closed_first = &CLOSED_FIRST[closed_first.map_or(0, |end| 1 + end as usize)];
    let reset_by = &RESET_BY[reset_by.map_or(0, |end| 1 + end as usize)];
    sheet.piece(&OUTCOMES[outcome as usize]).piece(closed_first).piece(reset_by)
}

/// The object.
#[inline(always)]
pub fn socket<'a>(sheet: Sheet<'a>, socket: &Socket) -> Sheet<'a> {
    let Socket { addr, port } = socket;
    sheet.put(b"{\"addr\":\"").address(*addr).counted(b"\",\"port\":", u64::from(*port)).put(b"}")
}

#[inline(always)]
fn counts<'a>(sheet: Sheet<'a>, counts: &PerSide<u64>) -> Sheet<'a> {
    let PerSide { client, server } = counts;
    sheet.counted(b"{\"client\":", *client).counted(b",\"server\":", *server).put(b"}")
}

fn direction<'a>(sheet: Sheet<'a>, direction: &Direction) -> Sheet<'a> {
    let Direction { sent, arrived, lost, undecided, repeated, unseen } = direction;
    let sheet = sheet.counted(b"{\"sent\":", *sent).counted(b",\"arrived\":", *arrived);
    let sheet = sheet.counted(b",\"lost\":", *lost).counted(b",\"undecided\":", *undecided);
    sheet.counted(b",\"repeated\":", *repeated).counted(b",\"unseen\":", *unseen).put(b"}")
}

/// Writes a grade whose opening quotation mark stands; closes it.
#[inline(always)]
pub fn evidence(sheet: Sheet<'_>, evidence: Evidence) -> Sheet<'_> {
    let (text, len): (&[u8; 10], usize) = match evidence {
        Evidence::Sent => (b"sent\"     ", 5),
        Evidence::Confirmed => (b"confirmed\"", 10),
        Evidence::Inferred => (b"inferred\" ", 9),
        Evidence::Assumed => (b"assumed\"  ", 8),
        Evidence::Timer => (b"timer\"    ", 6),
    };
    sheet.part(text, len)
}

impl End for Endpoint {
    fn objects<'a>(ends: &PerSide<Endpoint>, pen: Pen<'a>, clock: &mut Clock) -> Option<Pen<'a>> {
        ends.server.object(ends.client.object(pen, clock)?.put(SERVER)?, clock)
    }

    fn cells<'a>(ends: &PerSide<Endpoint>, pen: Pen<'a>, first: Time) -> Option<Pen<'a>> {
        [&ends.client, &ends.server].into_iter().try_fold(pen, |pen, end| {
            let history = end.history.iter().map(|entry| (entry.state, entry.evidence, entry.time - first));
            row::end(pen, (end.state, end.possible, end.evidence), history)
        })
    }
}

impl Endpoint {
    /// Writes the object.
    #[inline(never)]
    fn object<'a>(&self, mut pen: Pen<'a>, clock: &mut Clock) -> Option<Pen<'a>> {
        let Endpoint { state, possible, evidence, history, retracted, time_in_state, sent: _ } = self;
        pen = pen.sheet(|sheet| standing(sheet, *state, *possible, *evidence))?;
        pen = entries(pen, history, clock)?;
        if !retracted.is_empty() {
            pen = pen.put(b"],\"retracted\":[")?;
            pen = entries(pen, retracted, clock)?;
        }
        pen.sheet(|sheet| spent(sheet, time_in_state.iter()))
    }
}

/// Writes what an end is in, up to the bracket that opens its history.
#[inline(always)]
pub fn standing(mut sheet: Sheet<'_>, state: State, possible: States, grade: Evidence) -> Sheet<'_> {
    sheet = sheet.put(b"{\"state\":\"").state(state).put(b",\"possible\":[");
    if possible == States::EMPTY.with(state) {
        sheet = sheet.put(b"\"").state(state);
    } else {
        for (i, state) in possible.iter().enumerate() {
            sheet = if i > 0 { sheet.put(b",\"") } else { sheet.put(b"\"") };
            sheet = sheet.state(state);
        }
    }
    evidence(sheet.put(b"],\"evidence\":\""), grade).put(b",\"history\":[")
}

/// Writes the bracket that closes the history, the time in each state, and the end of the object.
#[inline(always)]
pub fn spent(mut sheet: Sheet<'_>, time_in_state: impl Iterator<Item = (State, Span)>) -> Sheet<'_> {
    sheet = sheet.put(b"],\"time_in_state\":");
    let begin = sheet.at();
    for (state, span) in time_in_state {
        sheet = sheet.member(state).span(span);
    }
    if sheet.at() == begin {
        return sheet.put(b"{}}");
    }
    // For the comma before the first.
    sheet.over(begin, b'{').put(b"}}")
}

#[inline(always)]
fn entries<'a>(pen: Pen<'a>, entries: &[Entry], clock: &mut Clock) -> Option<Pen<'a>> {
    pen.listed(entries, |pen, one| pen.sheet(|sheet| entry(sheet, one, clock)))
}

/// Causes and rules are words of this crate's own tables, with nothing to escape; the tests see to it.
#[inline(never)]
fn entry<'a>(mut sheet: Sheet<'a>, e: &Entry, clock: &mut Clock) -> Sheet<'a> {
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
    sheet = sheet.timed(b"{\"time\":", *time, clock);
    if let Some(latest) = latest {
        sheet = sheet.timed(b",\"latest\":", *latest, clock);
    }
    if let Some(captured) = captured {
        sheet = sheet.timed(b",\"captured\":", *captured, clock);
    }
    sheet = sheet.put(b",\"from\":\"").state(*from).put(b",\"state\":\"").state(*state);
    if let Some(packet) = packet {
        sheet = sheet.counted(b",\"packet\":", *packet);
    }
    if *deduced {
        sheet = sheet.put(b",\"deduced\":true");
    }
    sheet = evidence(sheet.put(b",\"cause\":\"").word(cause).put(b"\",\"evidence\":\""), *grade);
    if let Some(packet) = proven_by {
        sheet = sheet.counted(b",\"proven_by\":", *packet);
    }
    sheet = match seen_at {
        Some(Side::Client) => sheet.put(b",\"seen_at\":\"client\""),
        Some(Side::Server) => sheet.put(b",\"seen_at\":\"server\""),
        None => sheet,
    };
    if let Some(OtherTap { packet, time }) = other_tap {
        sheet = sheet.counted(b",\"other_tap\":{\"packet\":", *packet);
        sheet = sheet.put(b",\"time\":").time(*time, clock).put(b"}");
    }
    sheet.put(b",\"rule\":\"").word(rule).put(b"\"}")
}

#[cfg(test)]
mod tests {
    use super::super::sheet::ROOM;
    use super::*;

    #[test]
    fn outcomes_have_their_names() {
        for outcome in Outcome::ALL {
            let mut room = [0; 2 * ROOM];
            let left =
                Pen::new(&mut room).sheet(|sheet| ending(sheet, outcome, None, None)).expect("there is room").left();
            let expected = format!(",\"outcome\":\"{}\"", outcome.name());
            assert_eq!(String::from_utf8_lossy(&room[..room.len() - left]), expected);
        }
    }
}

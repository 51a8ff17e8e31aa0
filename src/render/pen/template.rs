//! Lines of lone SYNs: most of one is the same in all of a kind, and is copied.

use super::number::Clock;
use super::sheet::ROOM;
use super::{Lines, Pen, findings};
use crate::report::Side;
use crate::report::lone::{Kind, LoneSyn};
use crate::time::Span;

const SIDES: [Side; 2] = [Side::Client, Side::Server];

/// What stands between two pieces of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Id,
    Packet,
    Addr(Side),
    Port(Side),
    /// The time so long after that of the SYN.
    Time(Span),
    Rest,
    Waited,
}

/// The line of a lone SYN, without what differs.
#[derive(Clone, Debug)]
pub struct Template {
    text: Vec<u8>,
    /// In order, each with where it stands in the text.
    parts: Vec<(usize, Part)>,
}

impl Template {
    /// That of `kind`: its line as it is written for any connection, without the values that are made up.
    pub fn of(kind: &Kind) -> Template {
        let mut lines = Lines::default();
        lines.line(&kind.connection);
        let line = lines.written();
        let values = values(kind);
        let mut begins = [false; 1 << u8::BITS];
        values.iter().flat_map(|(_, text)| text.first()).for_each(|byte| begins[usize::from(*byte)] = true);
        let mut template = Template { text: Vec::with_capacity(line.len()), parts: Vec::new() };
        let mut at = 0;
        while at < line.len() {
            // Most bytes begin none.
            let known = if begins[usize::from(line[at])] { &values[..] } else { &[] };
            match known.iter().find(|(_, text)| stands(line, at, text)) {
                Some((part, text)) => {
                    template.parts.push((template.text.len(), *part));
                    at += text.len();
                }
                None => {
                    template.text.push(line[at]);
                    at += 1;
                }
            }
        }
        template
    }

    /// Writes the line of `syn`.
    pub fn line<'a>(&self, mut pen: Pen<'a>, syn: &LoneSyn, clock: &mut Clock) -> Option<Pen<'a>> {
        let mut from = 0;
        for (to, part) in &self.parts {
            pen = pen.bytes(self.text.get(from..*to)?)?;
            pen = part.value(pen, syn, clock)?;
            from = *to;
        }
        pen.bytes(self.text.get(from..)?)
    }
}

impl Part {
    #[inline]
    fn value<'a>(self, pen: Pen<'a>, syn: &LoneSyn, clock: &mut Clock) -> Option<Pen<'a>> {
        match self {
            Part::Id => pen.integer(syn.id),
            Part::Packet => pen.integer(syn.packet),
            Part::Addr(Side::Client) => pen.address(syn.client.addr),
            Part::Addr(Side::Server) => pen.address(syn.server.addr),
            Part::Port(Side::Client) => pen.integer(syn.client.port.into()),
            Part::Port(Side::Server) => pen.integer(syn.server.port.into()),
            Part::Time(later) => pen.time(syn.time + later, clock),
            Part::Rest => pen.span(syn.rest),
            // As a float of so many millionths is written.
            Part::Waited if (1_000..1_000_000_000_000_000).contains(&syn.waited) => {
                pen.sheet(|sheet| sheet.micros(syn.waited as u64))
            }
            Part::Waited => findings::float(pen, syn.waited as f64 / 1e6),
        }
    }
}

/// The values that are made up, as they are written.
fn values(kind: &Kind) -> Vec<(Part, Vec<u8>)> {
    let Kind { made_up, connection } = kind;
    let ends = &connection.endpoints;
    let times = ends.client.history.iter().chain(&ends.server.history).map(|entry| entry.time);
    let mut parts = vec![Part::Id, Part::Packet, Part::Rest, Part::Time(Span(0))];
    parts.extend(times.map(|time| Part::Time(time - made_up.time)));
    parts.extend(SIDES.map(Part::Addr));
    parts.extend(SIDES.map(Part::Port));
    parts.extend((made_up.waited != 0).then_some(Part::Waited));
    let mut room = vec![0; 2 * ROOM];
    let mut text = |part: Part| {
        let value = part.value(Pen::new(&mut room), made_up, &mut Clock::default());
        let left = value.map_or(2 * ROOM, |pen| pen.left());
        room[..2 * ROOM - left].to_vec()
    };
    parts.into_iter().map(|part| (part, text(part))).collect()
}

/// Whether `value` stands at this place, and is no part of a longer number.
fn stands(line: &[u8], at: usize, value: &[u8]) -> bool {
    if line.get(at) != value.first() {
        return false;
    }
    let number = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_digit() || *b == b'.');
    let before = at.checked_sub(1).and_then(|before| line.get(before));
    let after = line.get(at..).and_then(|rest| rest.strip_prefix(value));
    after.is_some_and(|after| !number(after.first()) && !number(before))
}

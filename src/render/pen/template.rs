//! Lines of lone SYNs: most of one is the same in all of a kind, and is copied.

use std::ops::Range;

use super::number::Clock;
use super::sheet::{MOST, ROOM, Sheet};
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

/// So many values of a line are remembered: more are never made up.
const VALUES: usize = 16;

/// Text of this length is copied at once, what does not count of it included.
const PIECE: usize = 64;

/// No value is longer than this.
const LONGEST: usize = 48;

/// Text, and a value behind it.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// Where the text ends.
    to: usize,
    part: Part,
    /// Which value it is, and whether it stands in the line already.
    value: usize,
    again: bool,
}

/// The line of a lone SYN, without what differs.
#[derive(Clone, Debug)]
pub struct Template {
    /// With room behind it, so that its last piece can be copied whole.
    text: Vec<u8>,
    len: usize,
    steps: Vec<Step>,
    /// Whether it has room on a sheet whatever the values are.
    is_short: bool,
}

impl Template {
    /// That of `kind`: its line as it is written for any connection, without the values that are made up.
    pub fn of(kind: &Kind) -> Template {
        let mut lines = Lines::of_few();
        lines.line(&kind.connection);
        let line = lines.written();
        let values = values(kind);
        let mut begins = [false; 1 << u8::BITS];
        values.iter().flat_map(|(_, text)| text.first()).for_each(|byte| begins[usize::from(*byte)] = true);
        let (mut text, mut steps) = (Vec::with_capacity(line.len() + PIECE), Vec::<Step>::new());
        let (mut at, mut met) = (0, [false; VALUES]);
        while at < line.len() {
            // Most bytes begin none.
            let known = if begins[usize::from(line[at])] { &values[..] } else { &[] };
            match known.iter().find(|(_, value)| stands(line, at, value)) {
                Some((part, value)) => {
                    let place = values.iter().position(|(other, _)| other == part).unwrap_or_default() % VALUES;
                    let again = std::mem::replace(&mut met[place], true);
                    steps.push(Step { to: text.len(), part: *part, value: place, again });
                    at += value.len();
                }
                None => {
                    text.push(line[at]);
                    at += 1;
                }
            }
        }
        let len = text.len();
        text.resize(len + PIECE, 0);
        let is_short = values.len() <= VALUES && len + steps.len() * LONGEST < MOST;
        Template { text, len, steps, is_short }
    }

    /// Writes the line of `syn`.
    pub fn line<'a>(&self, mut pen: Pen<'a>, syn: &LoneSyn, clock: &mut Clock) -> Option<Pen<'a>> {
        if self.is_short {
            return pen.sheet(|sheet| self.on_sheet(sheet, syn, clock));
        }
        let mut from = 0;
        for step in &self.steps {
            pen = pen.bytes(self.text.get(from..step.to)?)?;
            pen = pen.sheet(|sheet| step.part.value(sheet, syn, clock))?;
            from = step.to;
        }
        pen.bytes(self.text.get(from..self.len)?)
    }

    /// The same where there is room for all of it: each value is put into digits once, and copied where it stands again.
    #[inline]
    fn on_sheet<'a>(&self, mut sheet: Sheet<'a>, syn: &LoneSyn, clock: &mut Clock) -> Sheet<'a> {
        let (mut written, mut from) = ([(0, 0); VALUES], 0);
        for step in &self.steps {
            sheet = self.put(sheet, from..step.to);
            from = step.to;
            let value = &mut written[step.value % VALUES];
            if step.again {
                sheet = sheet.again::<LONGEST>(*value);
            } else {
                let begin = sheet.at();
                sheet = step.part.value(sheet, syn, clock);
                *value = (begin, sheet.at() - begin);
            }
        }
        self.put(sheet, from..self.len)
    }

    /// Writes this part of the text.
    #[inline(always)]
    fn put<'a>(&self, sheet: Sheet<'a>, range: Range<usize>) -> Sheet<'a> {
        let len = range.len();
        match self.text.get(range.start..).and_then(|text| text.first_chunk::<PIECE>()) {
            Some(piece) if len <= PIECE => sheet.part(piece, len),
            _ => sheet.text(self.text.get(range).unwrap_or_default()),
        }
    }
}

impl Part {
    #[inline]
    fn value<'a>(self, sheet: Sheet<'a>, syn: &LoneSyn, clock: &mut Clock) -> Sheet<'a> {
        match self {
            Part::Id => sheet.integer(syn.id),
            Part::Packet => sheet.integer(syn.packet),
            Part::Addr(Side::Client) => sheet.address(syn.client.addr),
            Part::Addr(Side::Server) => sheet.address(syn.server.addr),
            Part::Port(Side::Client) => sheet.integer(syn.client.port.into()),
            Part::Port(Side::Server) => sheet.integer(syn.server.port.into()),
            Part::Time(later) => sheet.time(syn.time + later, clock),
            Part::Rest => sheet.span(syn.rest),
            // As a float of so many millionths is written.
            Part::Waited if (1_000..1_000_000_000_000_000).contains(&syn.waited) => sheet.micros(syn.waited as u64),
            Part::Waited => findings::float_on(sheet, syn.waited as f64 / 1e6),
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
    let mut room = vec![0; ROOM];
    let mut text = |part: Part| {
        let value = Pen::new(&mut room).sheet(|sheet| part.value(sheet, made_up, &mut Clock::default()));
        let left = value.map_or(ROOM, |pen| pen.left());
        room[..ROOM - left].to_vec()
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

//! The ladder as a picture: two lifelines, an arrow per segment, a box per state.
//!
//! How a state is known shows in its box without colour: proven, full line; inferred, dashed and `?`; assumed, dotted and
//! `~`; a timer, full line and `*`; believed and taken back, struck through.

use std::io;

use super::left_out;
use super::markdown::graded;
use crate::render::clean::clean;
use crate::render::facts;
use crate::report::Side;
use crate::segment::Flags;
use crate::show::{Line, Mark, Seen, Story, fold};
use crate::tracker::Evidence;

const WIDTH: u32 = 1_000;
const LEFT: u32 = 250;
const RIGHT: u32 = 750;
const TOP: u32 = 92;
const ROW: u32 = 30;

/// Colours of the page follow the reader's; greys and shapes carry the meaning.
const STYLE: &str = "\
text{font:12px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1c2128}\
.title{font-size:15px;font-weight:bold}.dim{fill:#656d76}.mark{fill:#9a3412;font-style:italic}\
.line{stroke:#8c959f;stroke-width:1}.arrow{stroke:#1f4e8c;stroke-width:1.4;fill:none}.again{stroke-dasharray:6 3}\
.ignored{stroke:#8c959f;stroke-dasharray:2 3}.head{fill:#1f4e8c}.box{fill:#f6f8fa;stroke:#57606a}\
.inferred{stroke-dasharray:5 3}.assumed{stroke-dasharray:1 3}.wrong{text-decoration:line-through;fill:#9a3412}\
.alarm{fill:#b42318;font-weight:bold}.page{fill:#fff}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#9198a1}.page{fill:#0d1117}.box{fill:#161b22;stroke:#9198a1}\
.arrow{stroke:#79b8ff}.head{fill:#79b8ff}.mark,.wrong{fill:#f0a070}.alarm{fill:#ff8a80}}";

/// Writes it.
///
/// # Errors
/// Only those of `out`.
pub fn render(story: &Story, full: bool, out: &mut dyn io::Write) -> io::Result<()> {
    let shown = fold(&story.lines, full);
    let mut body = String::new();
    let mut y = TOP;
    let first = story.lines.first().map_or(story.end, |l| l.time);
    for line in shown {
        match line {
            Ok(line) => {
                y = draw(line, &super::offset(line.time - first), y, &mut body);
            }
            Err(folded) => {
                let text = left_out(&folded);
                body.push_str(&text_at(500, y + 4, "middle", "dim", &text));
                y += ROW;
            }
        }
    }
    let height = y + 46;
    let c = &story.connection;
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">"
    )?;
    let title = format!("Connection {}: {}, {}", c.id, facts::endpoints(c), facts::fate(c));
    writeln!(out, "<title>{}</title><style>{STYLE}</style>", escape(&title))?;
    writeln!(out, "<rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>")?;
    writeln!(out, "{}", text_at(500, 24, "middle", "title", &title))?;
    for (x, name, socket) in [(LEFT, "client", c.client), (RIGHT, "server", c.server)] {
        writeln!(out, "{}", text_at(x, 48, "middle", "", &format!("{name} {socket}")))?;
        writeln!(out, "<line class=\"line\" x1=\"{x}\" y1=\"56\" x2=\"{x}\" y2=\"{}\"/>", y - 8)?;
    }
    out.write_all(body.as_bytes())?;
    let legend =
        "full box: proven · dashed ? inferred · dotted ~ assumed · * timer · struck through: believed, taken back";
    writeln!(out, "{}", text_at(500, height - 16, "middle", "dim", legend))?;
    writeln!(out, "</svg>")
}

/// Draws one line at height `y`; gives the height of the next.
fn draw(line: &Line, offset: &str, y: u32, out: &mut String) -> u32 {
    if let Some(seen) = &line.seen {
        segment(seen, y, out);
    }
    out.push_str(&text_at(8, y + 4, "start", "dim", offset));
    let mut lowest = y;
    for side in Side::ALL {
        let mut at = y;
        if !line.turns.iter().any(|t| t.side == side) {
            let (x, anchor) = beside(side);
            out.push_str(&text_at(x, at + 4, anchor, "dim", line.states.get(side).name()));
            at += if line.believed.get(side).is_some() { 20 } else { 0 };
        }
        for turn in line.turns.iter().filter(|t| t.side == side) {
            state(side, at, turn.entry.state.name(), turn.entry.evidence, out);
            at += 24;
        }
        if let Some(wrong) = line.believed.get(side) {
            let (x, anchor) = beside(side);
            out.push_str(&text_at(x, at + 4, anchor, "wrong", wrong.name()));
            at += 24;
        }
        lowest = lowest.max(at);
    }
    let mut next = (y + ROW).max(lowest + 6);
    for anomaly in &line.anomalies {
        let told = format!("⚠ {} {}: {}", anomaly.code, anomaly.name, anomaly.message);
        for line in super::broken(&told, 64) {
            out.push_str(&text_at(500, next, "middle", "alarm", &line));
            next += 16;
        }
        next += 14;
    }
    next
}

fn beside(side: Side) -> (u32, &'static str) {
    match side {
        Side::Client => (LEFT - 20, "end"),
        Side::Server => (RIGHT + 20, "start"),
    }
}

fn state(side: Side, y: u32, name: &str, evidence: Evidence, out: &mut String) {
    let text = graded(name, evidence);
    let width = text.chars().count() as u32 * 8 + 10;
    let x = match side {
        Side::Client => LEFT - 14 - width,
        Side::Server => RIGHT + 14,
    };
    let class = match evidence {
        Evidence::Inferred => "box inferred",
        Evidence::Assumed => "box assumed",
        _ => "box",
    };
    out.push_str(&format!(
        "<rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"20\" rx=\"4\"/>\n",
        y.saturating_sub(10)
    ));
    out.push_str(&text_at(x + width / 2, y + 4, "middle", "", &text));
}

fn segment(seen: &Seen, y: u32, out: &mut String) {
    let class = match (seen.marks.iter().any(Mark::moves_nothing), seen.marks.iter().any(Mark::is_again)) {
        (true, _) => "arrow ignored",
        (_, true) => "arrow again",
        _ => "arrow",
    };
    let (from, to, back) = match seen.from {
        Side::Client => (LEFT, RIGHT, RIGHT - 9),
        Side::Server => (RIGHT, LEFT, LEFT + 9),
    };
    out.push_str(&format!("<line class=\"{class}\" x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\"/>\n"));
    let points = format!("{to},{y} {back},{} {back},{}", y - 4, y + 4);
    out.push_str(&format!("<polygon class=\"head\" points=\"{points}\"/>\n"));
    let s = &seen.segment;
    let mut label = format!("{} seq {}", s.flags, seen.seq);
    if s.has(Flags::ACK) {
        label.push_str(&format!(" ack {}", seen.ack));
    }
    if s.len > 0 {
        label.push_str(&format!(" len {}", s.len));
    }
    label.push_str(&format!(" win {}", seen.window));
    let marks: Vec<&str> = seen.marks.iter().map(|m| m.name()).collect();
    let marks = if marks.is_empty() {
        String::new()
    } else {
        format!("<tspan class=\"mark\"> {}</tspan>", escape(&marks.join(", ")))
    };
    out.push_str(&format!("<text x=\"500\" y=\"{}\" text-anchor=\"middle\">{}{marks}</text>\n", y - 5, escape(&label)));
}

fn text_at(x: u32, y: u32, anchor: &str, class: &str, text: &str) -> String {
    format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>\n", escape(text))
}

/// Text that is only text.
fn escape(text: &str) -> String {
    clean(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! The ladder in a narrow page: states and what kind of segment it is in a line, all else in comments below it.

use super::text::{comment, style};
use crate::ladder::{Arrow, Cell, End, Ladder, Line as Drawn, exact};
use crate::render::text::{Text, wrap};
use crate::show::Line;

/// Begins each line of a comment.
const COMMENT: &str = "#     ";

/// The comment below a row, at most `width` columns wide.
pub fn below(text: &str, style: anstyle::Style, lead: &str, width: usize) -> Vec<Text> {
    let head = if lead.is_empty() { COMMENT } else { lead };
    let room = width.saturating_sub(COMMENT.len());
    let lines = wrap(Text::new(), 0, &Text::styled(style, text).words(), " ", room);
    let lead = |i: usize| if i == 0 { head } else { COMMENT };
    lines.iter().enumerate().map(|(i, line)| Text::styled(style, lead(i)).then(line)).collect()
}

/// Each line as a row and its comment, columns aligned; `None` if that does not fit into `width` either.
pub fn rows(ladder: &Ladder, lines: &[&Line], width: usize) -> Vec<Vec<Text>> {
    let cells: Vec<[String; 4]> = ladder.lines.iter().map(cells).collect();
    let widest = |i: usize| cells.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let [left, middle, right, time] = std::array::from_fn(widest);
    let numbers = cells.len().to_string().len();
    // The time goes below, too, where there is no room.
    let timed = numbers + 2 + left + 5 + middle + 5 + right + 3 + time <= width;
    let row = |(((drawn, cells), line), n): (((&Drawn, &[String; 4]), &&Line), usize)| {
        let arrow = drawn.arrow.as_ref().map_or("   ", |arrow| if arrow.from == End::Left { "-->" } else { "<--" });
        let [a, text, b, at] = cells;
        let head = format!("{n:numbers$}. {a:left$} {arrow} {text:middle$} {arrow} {b:right$}");
        let head = if timed { format!("{head} @ {at}") } else { head };
        let rest = drawn.arrow.as_ref().map(others).unwrap_or_default();
        let at = if timed { String::new() } else { format!("@ {at}") };
        let told = [at, comment(line), rest].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let dim = crate::render::text::DIM;
        let below = below(&told.join("; "), dim, "", width);
        std::iter::once(Text::styled(style(line), head.trim_end())).chain(below).collect()
    };
    ladder.lines.iter().zip(&cells).zip(lines).zip(1..).map(row).collect()
}

/// Both ends' states, the segment in a word, and the time.
fn cells(line: &Drawn) -> [String; 4] {
    let state = |cell: &Cell| cell.states.last().map(|state| state.name().to_owned()).unwrap_or_default();
    let segment = |arrow: &Arrow| match arrow.len {
        0 => arrow.flags.to_string(),
        len => format!("{} {len} B", arrow.flags),
    };
    let middle = line.arrow.as_ref().map(segment).unwrap_or_default();
    [state(&line.left), middle, state(&line.right), exact(line.time)]
}

/// The fields that the row does not show: `SEQ=0 WIN=64240 MSS=1460`.
fn others(arrow: &Arrow) -> String {
    let fields = arrow.fields();
    let fields = fields.split(['<', '>']).filter(|f| !f.is_empty() && !f.starts_with("CTL=") && !f.starts_with("LEN="));
    fields.collect::<Vec<_>>().join(" ")
}

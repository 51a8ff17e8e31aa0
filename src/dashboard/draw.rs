//! A view on a screen of any size; made for 80 columns and 24 lines, cut below that, filled above.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row, Table, Wrap};

use super::ladder;
use super::view::{ConnectionRow, FindingRow, StateRow, View};
use crate::render::units::count;
use crate::report::Severity;
use crate::tracker::State;

/// Lines of the states: frame, heading, nine states.
const STATES: u16 = 12;
/// Columns of the states beside the findings.
const STATE_COLUMNS: u16 = 45;
/// Bars from nothing to the most.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, view: &View) {
    let [title, upper, lower, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(STATES),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(headline(view)), title);
    match &view.ladder {
        Some(open) => ladder::draw(frame, Rect { height: upper.height + lower.height, ..upper }, open),
        None => {
            let [left, right] =
                Layout::horizontal([Constraint::Length(STATE_COLUMNS), Constraint::Min(10)]).areas(upper);
            states(frame, left, &view.states);
            findings(frame, right, &view.findings);
            connections(frame, lower, view);
        }
    }
    frame.render_widget(Paragraph::new(footer(view)), foot);
    if view.help {
        help(frame);
    }
}

pub(super) fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn headline(view: &View) -> Line<'_> {
    let mut parts = vec![
        Span::styled(format!(" {} ", view.source), bold().add_modifier(Modifier::REVERSED)),
        Span::raw(format!(" {}  ", view.time)),
        Span::raw(format!("{} packets/s  {} new/s  ", view.rates.0, view.rates.1)),
        Span::styled(format!("{} seen  ", count(view.connections_seen)), dim()),
    ];
    match view.dropped {
        Some(0) => parts.push(Span::styled("0 dropped", dim())),
        Some(n) => parts.push(Span::styled(format!("{} DROPPED", count(n)), Style::new().fg(Color::Red))),
        None => {}
    }
    if view.evicted > 0 {
        parts.push(Span::styled(format!("  {} forgotten", count(view.evicted)), Style::new().fg(Color::Yellow)));
    }
    if view.paused {
        parts.push(Span::styled("  PAUSED", Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD)));
    }
    Line::from(parts)
}

/// The colour of a state: what waits stands out, what is open is calm, what is over recedes.
pub(super) fn colour(state: State) -> Style {
    match state {
        State::Established => Style::new().fg(Color::Green),
        State::CloseWait | State::SynSent | State::SynRcvd => Style::new().fg(Color::Yellow),
        State::FinWait1 | State::FinWait2 | State::LastAck | State::Closing => Style::new().fg(Color::Cyan),
        State::TimeWait | State::Closed | State::Listen => dim(),
    }
}

fn states(frame: &mut Frame<'_>, area: Rect, rows: &[StateRow]) {
    let block = Block::bordered().title(" states now, and over 5 min ");
    let width = usize::from(block.inner(area).width).saturating_sub(12 + 8 + 8 + 3);
    let number = |n: u64| {
        let style = if n == 0 { dim() } else { Style::new() };
        Cell::from(Line::styled(count(n), style).right_aligned())
    };
    let lines = rows.iter().map(|row| {
        Row::new([
            Cell::from(Span::styled(row.state.name(), colour(row.state))),
            number(row.client),
            number(row.server),
            Cell::from(Span::styled(spark(&row.past, width), colour(row.state))),
        ])
    });
    let right = |text: &'static str| Cell::from(Line::from(text).right_aligned());
    let heading = Row::new([Cell::from(""), right("client"), right("server"), Cell::from("")]).style(dim());
    let widths = [Constraint::Length(12), Constraint::Length(8), Constraint::Length(8), Constraint::Min(0)];
    frame.render_widget(Table::new(lines, widths).header(heading).block(block), area);
}

/// The past as bars, the latest at the right; each bar is the most of its stretch.
fn spark(past: &[u64], width: usize) -> String {
    let most = past.iter().copied().max().unwrap_or(0);
    if width == 0 || most == 0 {
        return String::new();
    }
    let stretch = crate::live::PAST.div_ceil(width).max(1);
    // Stretches end at multiples, so that bars move on instead of changing their shapes.
    let bars = past.rchunks(stretch).take(width).map(|part| part.iter().copied().max().unwrap_or(0));
    let bars: Vec<char> = bars.map(|n| BARS[(n * 8).div_ceil(most).min(8) as usize]).collect();
    let space = width - bars.len();
    std::iter::repeat_n(' ', space).chain(bars.into_iter().rev()).collect()
}

fn findings(frame: &mut Frame<'_>, area: Rect, rows: &[FindingRow]) {
    let firing = rows.iter().filter(|row| !row.cleared).count();
    let title = match firing {
        0 => " no findings ".to_owned(),
        1 => " 1 finding ".to_owned(),
        n => format!(" {n} findings "),
    };
    let block = Block::bordered().title(title);
    let inner = block.inner(area);
    // Room for several: where there are more than fit, each has two lines.
    let few = rows.len() * 4 <= usize::from(inner.height);
    let most = usize::from(inner.width) * if few { 8 } else { 2 };
    let lines: Vec<Line<'_>> = rows.iter().map(|row| finding(row, most.saturating_sub(6))).collect();
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }).block(block), area);
}

pub(super) fn severity(of: Severity) -> (&'static str, Style) {
    match of {
        Severity::Error => ("‼", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)),
        Severity::Warning => ("!", Style::new().fg(Color::Yellow)),
        Severity::Note => ("·", Style::new().fg(Color::Cyan)),
        Severity::Info => ("·", dim()),
    }
}

fn finding(row: &FindingRow, most: usize) -> Line<'_> {
    let (mark, style) = severity(row.severity);
    let mut text: String = row.text.chars().take(most).collect();
    if text.len() < row.text.len() {
        text.push('…');
    }
    if row.cleared {
        return Line::styled(format!("✓ {text}"), dim());
    }
    Line::from(vec![Span::styled(format!("{mark} "), style), Span::raw(text)])
}

fn connections(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let order = if view.reverse { ", reversed" } else { "" };
    let title = format!(" {} connections by {}{order} ", count(view.listed), view.sort.name());
    let block = Block::bordered().title(title);
    let visible = usize::from(block.inner(area).height).saturating_sub(1);
    // The selection is in the middle where it can be.
    let most = view.connections.len().saturating_sub(visible);
    let from = view.selected.saturating_sub(visible / 2).min(most);
    let rows = view.connections.iter().enumerate().skip(from).take(visible).map(|(i, c)| row(c, i == view.selected));
    let right = |text: &'static str| Cell::from(Line::from(text).right_aligned());
    let heading = Row::new([
        Cell::from(""),
        Cell::from("client"),
        Cell::from("state"),
        Cell::from("server"),
        Cell::from("state"),
        right("for"),
        right("idle"),
        right("bytes"),
    ]);
    let widths = [
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(11),
        Constraint::Fill(1),
        Constraint::Length(11),
        Constraint::Length(6),
        Constraint::Length(6),
        Constraint::Length(8),
    ];
    frame.render_widget(Table::new(rows, widths).header(heading.style(dim())).block(block), area);
}

fn row(c: &ConnectionRow, selected: bool) -> Row<'_> {
    let (mark, style) = c.severity.map_or((" ", dim()), severity);
    let state = |s: State| Cell::from(Span::styled(s.name(), colour(s)));
    let right = |text: &str| Cell::from(Line::from(text.to_owned()).right_aligned());
    let row = Row::new([
        Cell::from(Span::styled(mark, style)),
        Cell::from(c.client.as_str()),
        state(c.states[0]),
        Cell::from(c.server.as_str()),
        state(c.states[1]),
        right(&c.age),
        right(&c.idle),
        right(&c.bytes),
    ]);
    if selected { row.style(Style::new().add_modifier(Modifier::REVERSED)) } else { row }
}

fn footer(view: &View) -> Line<'_> {
    if let Some((text, problem)) = &view.typing {
        let mut parts = vec![Span::styled(" filter: ", bold()), Span::raw(text.as_str()), Span::raw("▏")];
        if let Some(problem) = problem {
            parts.push(Span::styled(format!("  {problem}"), Style::new().fg(Color::Red)));
        }
        return Line::from(parts);
    }
    let key = |key: &'static str, does: &'static str| [Span::styled(key, bold()), Span::styled(does, dim())];
    let mut parts = vec![Span::raw(" ")];
    if view.ladder.is_some() {
        parts.extend(key("Esc", " back  "));
    } else {
        parts.extend([key("↑↓", " select  "), key("Enter", " open  "), key("s", " sort  ")].concat());
    }
    parts.extend([key("/", " filter  "), key("p", " pause  "), key("?", " help  "), key("q", " quit ")].concat());
    if let Some(filter) = &view.filter {
        parts.push(Span::styled(format!(" only: {filter}"), Style::new().fg(Color::Yellow)));
    }
    Line::from(parts)
}

const HELP: [&str; 14] = [
    "↑ ↓ k j PgUp PgDn   select a connection; scroll an open one",
    "Enter →             open it: states, and segments as they pass",
    "Esc ←               back to the list",
    "s                   order: attention, age, idle, bytes, newest",
    "r                   the other way round",
    "/                   filter, as in: server port 443 and not host 10.0.0.9",
    "p Space             pause the screen; capturing goes on",
    "? h                 this help",
    "q Ctrl-C            quit, with a report",
    "",
    "for    time in the state that tells more of the two",
    "idle   time since the last packet",
    "‼ ! ·  error, warning, note; ✓ a finding that holds no longer",
    "Colours: green is open, yellow waits, blue closes, grey is over.",
];

fn help(frame: &mut Frame<'_>) {
    let area = frame.area();
    let width = 76.min(area.width);
    let height = (HELP.len() as u16 + 2).min(area.height);
    let area = Rect { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
    frame.render_widget(Clear, area);
    let lines: Vec<Line<'_>> = HELP.iter().map(|line| Line::from(*line)).collect();
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" keys ")), area);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_bar_is_at_the_right_and_the_highest_is_full() {
        assert_eq!(spark(&[], 10), "");
        assert_eq!(spark(&[0, 0], 10), "");
        let past: Vec<u64> = (0..300).collect();
        assert_eq!(spark(&past, 10), "▁▂▃▄▄▅▆▇██".to_owned());
        assert_eq!(spark(&[5], 4), "   █");
    }
}

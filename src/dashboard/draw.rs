//! A view on a screen of any size; made for 80 columns and 24 lines, cut below that, filled above.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row, Table, Wrap};

use super::ladder;
use super::view::{ConnectionRow, FindingRow, StateRow, View};
use crate::render::units::{count, plural};
use crate::report::Severity;
use crate::tracker::State;

/// Lines of the states: frame, heading, nine states.
const STATES: u16 = 12;
/// Columns of the states beside the findings.
const STATE_COLUMNS: u16 = 45;
/// Columns of the filter in the last line.
const FILTER: usize = 40;
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
    let whole = Rect { height: upper.height + lower.height, ..upper };
    match &view.ladder {
        Some(open) => ladder::draw(frame, whole, open),
        None if view.in_full => all_findings(frame, whole, &view.findings, view.scroll),
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
    ];
    // An interface that is down looks like one on which nothing passes.
    if let Some(problem) = &view.problem {
        parts.push(Span::styled(format!("{problem}  "), Style::new().fg(Color::Red)));
    }
    parts.extend([
        Span::raw(format!("{} packets/s  {} new/s  ", view.rates.0, view.rates.1)),
        Span::styled(format!("{} seen  ", count(view.connections_seen)), dim()),
    ]);
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

fn findings_title(rows: &[FindingRow]) -> String {
    match rows.iter().filter(|row| !row.cleared).count() {
        0 => " no findings ".to_owned(),
        n => format!(" {} ", plural(n as u64, "finding")),
    }
}

fn findings(frame: &mut Frame<'_>, area: Rect, rows: &[FindingRow]) {
    let block = Block::bordered().title(findings_title(rows));
    let inner = block.inner(area);
    let height = usize::from(inner.height);
    // A few are told in sentences, of more at least the names can be read. Lines are broken between words.
    let each = match height / rows.len().max(1) {
        0..=2 => 1,
        lines => lines,
    };
    let most = (usize::from(inner.width) * each).saturating_sub(if each > 1 { 8 * each } else { 3 });
    let listed = if rows.len() > height { height.saturating_sub(1) } else { rows.len() };
    let mut lines: Vec<Line<'_>> = rows[..listed].iter().map(|row| finding(row, most)).collect();
    if listed < rows.len() {
        lines.push(Line::styled(format!("  {} more: f shows all", count((rows.len() - listed) as u64)), dim()));
    }
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }).block(block), area);
}

/// All findings in full, scrolled down by `scroll` lines.
fn all_findings(frame: &mut Frame<'_>, area: Rect, rows: &[FindingRow], scroll: usize) {
    let block = Block::bordered().title(findings_title(rows));
    let lines: Vec<Line<'_>> = if rows.is_empty() {
        vec![Line::styled("Nothing is wrong, as far as the packets show.", dim())]
    } else {
        rows.iter().map(|row| finding(row, usize::MAX)).collect()
    };
    let page = Paragraph::new(lines).wrap(Wrap { trim: true });
    let scroll = u16::try_from(scroll).unwrap_or(u16::MAX);
    frame.render_widget(page.scroll((scroll, 0)).block(block), area);
}

pub(super) fn severity(of: Severity) -> (&'static str, Style) {
    match of {
        Severity::Error => ("‼", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)),
        Severity::Warning => ("!", Style::new().fg(Color::Yellow)),
        Severity::Note => ("·", Style::new().fg(Color::Cyan)),
        Severity::Info => ("·", dim()),
    }
}

/// The first of a text, and that there is more.
fn cut(text: &str, most: usize) -> String {
    let mut first: String = text.chars().take(most).collect();
    if first.len() < text.len() {
        first.push('…');
    }
    first
}

fn finding(row: &FindingRow, most: usize) -> Line<'_> {
    let (mark, style) = severity(row.severity);
    let text = cut(&row.text, most);
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
    let shown = &view.connections[from.min(view.connections.len())..];
    let shown = &shown[..visible.min(shown.len())];
    let columns = Columns::of(usize::from(block.inner(area).width), shown);
    let rows = shown.iter().enumerate().map(|(i, c)| row(c, from + i == view.selected, columns));
    let right = |text: &'static str| Cell::from(Line::from(text).right_aligned());
    let heading = ["", "client", "state", "server", "state"]
        .into_iter()
        .map(Cell::from)
        .chain(columns.right(["for", "idle", "bytes"]).map(right));
    let socket = Constraint::Length(columns.socket as u16);
    let state = Constraint::Length(STATE as u16);
    let numbers = columns.right(NUMBERS).map(|width| Constraint::Length(width as u16));
    let widths = [Constraint::Length(1), socket, state, socket, state].into_iter().chain(numbers);
    let heading = Row::new(heading).style(dim());
    frame.render_widget(Table::new(rows, widths).header(heading).block(block), area);
}

/// Columns of a state, and of the numbers behind: for, idle, bytes.
const STATE: usize = 11;
const NUMBERS: [usize; 3] = [6, 6, 8];

/// Who and what is told first: numbers make room for addresses, from the right.
#[derive(Clone, Copy)]
struct Columns {
    /// Columns of an address with its port.
    socket: usize,
    /// How many numbers there are.
    numbers: usize,
}

impl Columns {
    fn of(width: usize, rows: &[ConnectionRow]) -> Columns {
        // IPv6 addresses can take more than there ever is; they are shortened.
        const MOST: usize = 24;
        let longest = rows.iter().map(|c| c.client.chars().count().max(c.server.chars().count())).max().unwrap_or(0);
        let socket = |numbers: usize| {
            let taken: usize = 1 + 2 * (STATE + 1) + NUMBERS[..numbers].iter().map(|n| n + 1).sum::<usize>() + 2;
            width.saturating_sub(taken) / 2
        };
        let numbers = (1..=NUMBERS.len()).rev().find(|n| socket(*n) >= longest.min(MOST)).unwrap_or(1);
        Columns { socket: socket(numbers), numbers }
    }

    /// The first of what stands at the right.
    fn right<T>(self, all: [T; 3]) -> impl Iterator<Item = T> {
        all.into_iter().take(self.numbers)
    }
}

/// An address with its port in `width` columns; of what is too long the middle goes, not the port.
fn socket(text: &str, width: usize) -> String {
    let len = text.chars().count();
    if len <= width {
        return text.to_owned();
    }
    let port = text.rfind(':').map_or("", |at| &text[at..]);
    let port = if text.starts_with('[') { format!("]{port}") } else { port.to_owned() };
    let kept = width.saturating_sub(port.len() + 1);
    text.chars().take(kept).chain(['…']).chain(port.chars()).collect()
}

fn row(c: &ConnectionRow, selected: bool, columns: Columns) -> Row<'_> {
    let (mark, style) = c.severity.map_or((" ", dim()), severity);
    let state = |s: State| Cell::from(Span::styled(s.name(), colour(s)));
    let right = |text: &String| Cell::from(Line::from(text.clone()).right_aligned());
    let cells = [
        Cell::from(Span::styled(mark, style)),
        Cell::from(socket(&c.client, columns.socket)),
        state(c.states[0]),
        Cell::from(socket(&c.server, columns.socket)),
        state(c.states[1]),
    ];
    let row = Row::new(cells.into_iter().chain(columns.right([&c.age, &c.idle, &c.bytes]).map(right)));
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
    // What is left out comes first, whatever the width: else fewer connections are taken for all.
    if let Some(filter) = &view.filter {
        parts.push(Span::styled(format!("only: {}  ", cut(filter, FILTER)), Style::new().fg(Color::Yellow)));
        parts.extend([key("/", " filter  "), key("?", " help  "), key("q", " quit  ")].concat());
    }
    if view.ladder.is_some() {
        parts.extend(key("Esc", " back  "));
    } else if view.in_full {
        parts.extend([key("↑↓", " scroll  "), key("Esc", " back  ")].concat());
    } else {
        parts.extend([key("↑↓", " select  "), key("Enter", " open  "), key("f", " findings  ")].concat());
        parts.extend(key("s", " sort  "));
    }
    match &view.filter {
        Some(_) => parts.extend(key("p", " pause")),
        None => {
            parts.extend(
                [key("/", " filter  "), key("p", " pause  "), key("?", " help  "), key("q", " quit ")].concat(),
            );
        }
    }
    Line::from(parts)
}

const HELP: [&str; 15] = [
    "↑ ↓ k j PgUp PgDn   select a connection; scroll an open one",
    "Enter →             open it: states, and segments as they pass",
    "Esc ←               back to the list",
    "f                   all findings in full, and back",
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
    fn what_is_too_long_keeps_its_port() {
        assert_eq!(socket("10.0.0.1:80", 11), "10.0.0.1:80");
        assert_eq!(socket("192.0.2.100:40000", 14), "192.0.2…:40000");
        assert_eq!(socket("[2001:db8::a80:1]:443", 14), "[2001:db…]:443");
        assert_eq!(socket("[2001:db8::a80:1]:443", 2), "…]:443");
    }

    #[test]
    fn the_latest_bar_is_at_the_right_and_the_highest_is_full() {
        assert_eq!(spark(&[], 10), "");
        assert_eq!(spark(&[0, 0], 10), "");
        let past: Vec<u64> = (0..300).collect();
        assert_eq!(spark(&past, 10), "▁▂▃▄▄▅▆▇██".to_owned());
        assert_eq!(spark(&[5], 4), "   █");
    }
}

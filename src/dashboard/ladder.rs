//! One connection on a screen: both ends' states at the sides, what passed between them.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table, Wrap};

use super::draw::{colour, dim};
use super::view::{Ladder, Rung};
use crate::tracker::State;

/// Draws a ladder; of one that is too long, the end (or as far above it as it is scrolled).
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, ladder: &Ladder) {
    let block = Block::bordered().title(format!(" {} ", ladder.title));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if ladder.gone {
        frame.render_widget(Paragraph::new("This connection has been forgotten to keep memory bounded."), inner);
        return;
    }
    let facts: Vec<Line<'_>> = ladder.facts.iter().map(|fact| Line::from(fact.as_str())).collect();
    // Broken between words, so that a line may hold less than its width.
    let width = usize::from(inner.width).saturating_sub(8).max(1);
    let lines: usize = facts.iter().map(|fact| fact.width().div_ceil(width).max(1)).sum();
    let lines = u16::try_from(lines).unwrap_or(u16::MAX).min(inner.height / 3);
    let facts = Paragraph::new(facts).wrap(Wrap { trim: true });
    frame.render_widget(facts, Rect { height: lines, ..inner });
    let rest = Rect { y: inner.y + lines, height: inner.height - lines, ..inner };
    let visible = usize::from(rest.height).saturating_sub(1);
    let end = ladder.rungs.len().saturating_sub(ladder.scroll).max(visible.min(ladder.rungs.len()));
    let from = end.saturating_sub(visible);
    let mut before = from.checked_sub(1).map_or([State::Closed; 2], |i| states(&ladder.rungs[i]));
    let rows: Vec<Row<'_>> = ladder.rungs[from..end]
        .iter()
        .map(|rung| {
            let row = row(rung, before);
            before = states(rung);
            row
        })
        .collect();
    let heading = ["time", "client", "", "server"].map(Cell::from);
    let widths = [Constraint::Length(12), Constraint::Length(11), Constraint::Fill(1), Constraint::Length(11)];
    frame.render_widget(Table::new(rows, widths).header(Row::new(heading).style(dim())), rest);
}

fn states(rung: &Rung) -> [State; 2] {
    [rung.client, rung.server]
}

/// A state is written out where it changes.
fn row<'a>(rung: &'a Rung, before: [State; 2]) -> Row<'a> {
    let state = |now: State, was: State| {
        let style = colour(now);
        if now == was {
            Cell::from(Span::styled("│", style))
        } else {
            Cell::from(Span::styled(now.name(), style.add_modifier(Modifier::BOLD)))
        }
    };
    let middle = match rung.to_server {
        Some(true) => Line::from(format!("── {} ─→", rung.text)),
        Some(false) => Line::from(format!("←─ {} ──", rung.text)),
        None => Line::styled(format!("   {}", rung.text), Style::new().fg(Color::Cyan)),
    };
    Row::new([
        Cell::from(Line::styled(rung.time.as_str(), dim()).right_aligned()),
        state(rung.client, before[0]),
        Cell::from(middle),
        state(rung.server, before[1]),
    ])
}

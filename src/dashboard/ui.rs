//! What the user has chosen, and what keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::rank::Sort;
use crate::detect;
use crate::filter::{self, Filter};
use crate::render::clean::clean;

/// What has been chosen.
#[derive(Clone, Debug, Default)]
pub struct Ui {
    /// Order of the list.
    pub sort: Sort,
    /// The other way round.
    pub reverse: bool,
    /// What is shown stays.
    pub paused: bool,
    /// The keys are shown.
    pub help: bool,
    /// Row of the list, from the top.
    pub selected: usize,
    /// Number of the connection that is open.
    pub open: Option<u64>,
    /// All findings are shown instead of the list.
    pub in_full: bool,
    /// Lines that the open connection is scrolled up from its end, or the findings down from their beginning.
    pub scroll: usize,
    /// The filter being typed, and what is wrong with it.
    pub typing: Option<(String, Option<String>)>,
    /// The filter in force.
    pub filter: Option<String>,
}

/// What the owner of the screen has to do after a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing but draw again.
    Draw,
    /// End.
    Quit,
    /// Only connections that pass count from now on.
    Filter(Option<Filter>),
    /// Note the segments of this connection from now on.
    Follow(Option<u64>),
}

impl Ui {
    /// A key was pressed; `listed` are the numbers of the connections in the list.
    pub fn key(&mut self, key: KeyEvent, listed: &[u64]) -> Action {
        if key.kind == KeyEventKind::Release {
            return Action::Draw;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Action::Quit;
        }
        if self.typing.is_some() {
            return match typed(key) {
                Some(code) => self.type_filter(code),
                None => Action::Draw,
            };
        }
        let last = listed.len().saturating_sub(1);
        match key.code {
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.help = !self.help,
            KeyCode::Esc if self.help => self.help = false,
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left if self.open.is_some() => {
                (self.open, self.scroll) = (None, 0);
                return Action::Follow(None);
            }
            KeyCode::Char('f') if self.open.is_none() => (self.in_full, self.scroll) = (!self.in_full, 0),
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left if self.in_full => self.in_full = false,
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('r') => self.reverse = !self.reverse,
            KeyCode::Char('/') => self.typing = Some((self.filter.clone().unwrap_or_default(), None)),
            KeyCode::Char('k') | KeyCode::Up => self.up(1),
            KeyCode::Char('j') | KeyCode::Down => self.down(1, last),
            KeyCode::PageUp => self.up(10),
            KeyCode::PageDown => self.down(10, last),
            KeyCode::Home => self.up(usize::MAX),
            KeyCode::End => self.down(usize::MAX, last),
            KeyCode::Enter | KeyCode::Right => {
                if let Some(id) = listed.get(self.selected.min(last)).filter(|_| self.open.is_none() && !self.in_full) {
                    self.open = Some(*id);
                    return Action::Follow(self.open);
                }
            }
            _ => {}
        }
        Action::Draw
    }

    fn up(&mut self, rows: usize) {
        if self.in_full {
            self.scroll = self.scroll.saturating_sub(rows);
        } else if self.open.is_some() {
            self.scroll = self.scroll.saturating_add(rows);
        } else {
            self.selected = self.selected.saturating_sub(rows);
        }
    }

    fn down(&mut self, rows: usize, last: usize) {
        if self.in_full {
            // There is an end: it is kept in sight when it is drawn.
            self.scroll = self.scroll.saturating_add(rows).min(1_000);
        } else if self.open.is_some() {
            self.scroll = self.scroll.saturating_sub(rows);
        } else {
            self.selected = self.selected.saturating_add(rows).min(last);
        }
    }

    fn type_filter(&mut self, code: KeyCode) -> Action {
        let Some((text, problem)) = &mut self.typing else { return Action::Draw };
        match code {
            KeyCode::Esc => self.typing = None,
            KeyCode::Backspace => {
                text.pop();
                *problem = None;
            }
            KeyCode::Delete => (*text, *problem) = (String::new(), None),
            KeyCode::Char(c) => {
                text.push(c);
                *problem = None;
            }
            KeyCode::Enter if text.trim().is_empty() => {
                (self.typing, self.filter, self.selected) = (None, None, 0);
                self.paused = false;
                return Action::Filter(None);
            }
            KeyCode::Enter => {
                // There is one line.
                let parsed = filter::parse(text).map_err(|error| match error.hint {
                    Some(question) if question.ends_with('?') => question,
                    Some(hint) => format!("{}; {hint}", error.message),
                    None => error.message,
                });
                let known = |filter: &Filter| detect::known(filter.findings()).map_err(|unknown| unknown.to_string());
                match parsed.and_then(|filter| known(&filter).map(|()| filter)) {
                    Ok(filter) => {
                        (self.filter, self.typing, self.selected) = (Some(text.clone()), None, 0);
                        // What stands still is of other connections.
                        self.paused = false;
                        return Action::Filter(Some(filter));
                    }
                    Err(error) => *problem = Some(clean(&error).into_owned()),
                }
            }
            _ => {}
        }
        Action::Draw
    }
}

/// What a key is where text is typed: with Ctrl no letter, and some send Enter and Backspace so; Ctrl-U takes all
/// away. Ctrl and Alt together are how some send AltGr, with which brackets are typed.
fn typed(key: KeyEvent) -> Option<KeyCode> {
    match key.code {
        KeyCode::Char(letter) if is_control(key.modifiers) => match letter {
            'j' | 'm' => Some(KeyCode::Enter),
            'h' => Some(KeyCode::Backspace),
            'u' => Some(KeyCode::Delete),
            _ => None,
        },
        code => Some(code),
    }
}

fn is_control(modifiers: KeyModifiers) -> bool {
    modifiers.contains(KeyModifiers::CONTROL) && !modifiers.contains(KeyModifiers::ALT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(ui: &mut Ui, codes: &[KeyCode]) -> Action {
        let mut action = Action::Draw;
        for code in codes {
            action = ui.key(KeyEvent::new(*code, KeyModifiers::NONE), &[7, 8, 9]);
        }
        action
    }

    #[test]
    fn the_selection_stays_within_the_list_and_enter_opens_it() {
        let mut ui = Ui::default();
        press(&mut ui, &[KeyCode::Down; 9]);
        assert_eq!(ui.selected, 2);
        assert_eq!(press(&mut ui, &[KeyCode::Up, KeyCode::Enter]), Action::Follow(Some(8)));
        assert_eq!(press(&mut ui, &[KeyCode::Esc]), Action::Follow(None));
        assert_eq!(ui.open, None);
        press(&mut ui, &[KeyCode::Char('f'), KeyCode::Down, KeyCode::Down]);
        assert_eq!((ui.in_full, ui.scroll, ui.selected), (true, 2, 1));
        press(&mut ui, &[KeyCode::Enter, KeyCode::Esc]);
        assert_eq!((ui.in_full, ui.open), (false, None));
        assert_eq!(press(&mut ui, &[KeyCode::Char('q')]), Action::Quit);
    }

    #[test]
    fn a_filter_is_typed_checked_and_taken_away() {
        let mut ui = Ui::default();
        let type_in = |ui: &mut Ui, text: &str| {
            let codes: Vec<_> = text.chars().map(KeyCode::Char).collect();
            press(ui, &[&[KeyCode::Char('/')], &codes[..], &[KeyCode::Enter]].concat())
        };
        assert_eq!(type_in(&mut ui, "prot 80"), Action::Draw);
        let problem = ui.typing.as_ref().and_then(|(_, problem)| problem.as_deref());
        assert_eq!(problem, Some("did you mean `port`?"));
        press(&mut ui, &[KeyCode::Esc]);
        assert!(matches!(type_in(&mut ui, "port 80"), Action::Filter(Some(_))));
        assert_eq!(ui.filter.as_deref(), Some("port 80"));
        let clear = [&[KeyCode::Char('/')][..], &[KeyCode::Backspace; 7], &[KeyCode::Enter]].concat();
        assert_eq!(press(&mut ui, &clear), Action::Filter(None));
        assert_eq!(ui.filter, None);
        let mut control = |letter| ui.key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL), &[7]);
        assert_eq!([control('u'), control('x')], [Action::Draw, Action::Draw]);
        press(&mut ui, &['/', 'i', 'p'].map(KeyCode::Char));
        let mut control = |letter| ui.key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL), &[7]);
        assert_eq!(control('x'), Action::Draw);
        assert!(matches!(control('j'), Action::Filter(Some(_))), "nothing was typed by Ctrl-X");
        press(&mut ui, &['p', '/'].map(KeyCode::Char));
        assert!(ui.paused);
        ui.key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL), &[7]);
        assert_eq!(press(&mut ui, &[KeyCode::Enter]), Action::Filter(None), "Ctrl-U takes away what was typed");
        assert!(!ui.paused, "what is shown is of the connections that were asked for");
        press(&mut ui, &[KeyCode::Char('/')]);
        ui.key(KeyEvent::new(KeyCode::Char('['), KeyModifiers::CONTROL | KeyModifiers::ALT), &[7]);
        assert!(ui.typing.as_ref().is_some_and(|(text, _)| text.ends_with('[')), "AltGr types");
    }
}

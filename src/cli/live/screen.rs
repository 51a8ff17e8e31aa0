//! The terminal: taken over for the dashboard, given back whatever happens.

use std::io;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};

use crate::dashboard::{Action, Ui, View, build, draw};
use crate::live::Watcher;
use crate::render::Zone;
use crate::source::FileInfo;

/// Between two pictures when nothing is typed: at least this, and ten times what making one takes.
const REFRESH: Duration = Duration::from_millis(250);

/// The dashboard on the terminal. Dropping it gives the terminal back.
pub struct Screen {
    terminal: DefaultTerminal,
    ui: Ui,
    view: View,
    zone: Zone,
    next: Instant,
}

impl Screen {
    /// Takes the terminal over; a panic gives it back before its message is written.
    pub fn open(zone: Zone, filter: Option<String>) -> io::Result<Screen> {
        let terminal = ratatui::try_init()?;
        let ui = Ui { filter, ..Ui::default() };
        Ok(Screen { terminal, ui, view: View::default(), zone, next: Instant::now() })
    }

    /// Attends to keys and draws; false when the user has had enough.
    pub fn update(&mut self, watcher: &mut Watcher, source: &FileInfo) -> io::Result<bool> {
        // What the list shows is up to date; single events are not listed.
        watcher.events();
        let mut draw_now = false;
        while event::poll(Duration::ZERO)? {
            match event::read()? {
                Event::Key(key) => {
                    let listed: Vec<u64> = self.view.connections.iter().map(|row| row.id).collect();
                    match self.ui.key(key, &listed) {
                        Action::Quit => return Ok(false),
                        Action::Filter(filter) => watcher.set_filter(filter),
                        Action::Follow(id) => watcher.follow(id),
                        Action::Draw => {}
                    }
                    draw_now = true;
                }
                Event::Resize(..) => draw_now = true,
                _ => {}
            }
        }
        let begun = Instant::now();
        if !draw_now && begun < self.next {
            return Ok(true);
        }
        if self.ui.paused {
            self.view.apply(&self.ui);
        } else {
            self.view = build(watcher, source, &self.ui, self.zone);
        }
        self.terminal.draw(|frame| draw(frame, &self.view))?;
        self.next = begun + REFRESH.max(begun.elapsed() * 10);
        Ok(true)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = ratatui::try_restore();
    }
}

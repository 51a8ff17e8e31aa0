//! The terminal: taken over for the dashboard, given back whatever happens.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::{cursor, execute};

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
        let terminal = ratatui::try_init().inspect_err(|_| give_back())?;
        let ui = Ui { filter, ..Ui::default() };
        Ok(Screen { terminal, ui, view: View::default(), zone, next: Instant::now() })
    }

    /// Attends to keys and draws; false when the user has had enough.
    pub fn update(&mut self, watcher: &mut Watcher, source: &FileInfo) -> io::Result<bool> {
        // A terminal that hung up is one no more; asking it for keys would never come to an end.
        if !io::stdout().is_terminal() {
            return Ok(false);
        }
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
        give_back();
    }
}

/// Leaves the terminal as it was found. Nothing can be done about one that is gone.
pub fn give_back() {
    let _ = ratatui::try_restore();
    let _ = execute!(io::stdout(), cursor::Show);
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    #[ignore = "needs a terminal; run by the test below on one of its own"]
    fn panics_with_the_screen_open() {
        let _screen = Screen::open(Zone::Utc, None).unwrap();
        panic!("on purpose");
    }

    /// The panic hook gives the terminal back before it writes: else the message would vanish with the screen.
    #[test]
    fn a_panic_gives_the_terminal_back_before_its_message() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/terminal.py");
        let test = "cli::live::screen::tests::panics_with_the_screen_open";
        let mut command = Command::new("python3");
        command.args([script, "none"]).arg(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "--nocapture", "--test-threads=1", test]).stdin(Stdio::null());
        let Ok(out) = command.output() else {
            assert!(std::env::var_os("CI").is_none(), "cannot run: no python3");
            eprintln!("cannot run: no python3");
            return;
        };
        let said: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{out:?}"));
        let text = said["output"].as_str().unwrap();
        let [opened, left, message] = ["\x1b[?1049h", "\x1b[?1049l", "on purpose"].map(|part| text.find(part));
        assert!(opened.is_some() && opened < left && left < message, "{text:?}");
        assert_eq!((&said["restored"], &said["cursor"]), (&true.into(), &true.into()), "{text:?}");
    }
}

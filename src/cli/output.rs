//! Where output goes and how it may look there: standard output or a file, width, colours, closed pipes.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice};

use super::failure::Failure;
use crate::render::DEFAULT_WIDTH;

/// When to write colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What the user said about looks, and what the terminal says.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// `--color`.
    pub colour: Colour,
}

impl Look {
    /// Whether to write colours to standard output, or to a file.
    pub fn colour(self, to_file: bool) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            // Knows NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM=dumb.
            Colour::Auto => !to_file && AutoStream::choice(&io::stdout()) != ColorChoice::Never,
        }
    }

    /// Columns: those asked for, those of the terminal, those of COLUMNS, or [`DEFAULT_WIDTH`].
    pub fn width(self, asked: Option<u16>) -> usize {
        let terminal = || comfy_table::Table::new().width();
        let columns = || std::env::var("COLUMNS").ok()?.trim().parse().ok().filter(|n| *n > 0);
        asked.or_else(terminal).or_else(columns).map_or(DEFAULT_WIDTH, usize::from)
    }
}

/// Standard output or a file.
#[derive(Debug)]
pub struct Target {
    file: Option<(PathBuf, File, bool)>,
}

impl Target {
    /// Opens what `path` names, without touching what is in it yet: whether it can be written is known before the
    /// work begins, and a failure later leaves the old content alone. `-` and nothing are standard output.
    pub fn open(path: Option<&Path>) -> Result<Target, Failure> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
            return Ok(Target { file: None });
        };
        let fresh = !path.exists();
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| Failure::file(&path.display().to_string(), error))?;
        Ok(Target { file: Some((path.to_owned(), file, fresh)) })
    }

    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Lets `write` fill it. A pipe that nobody reads any more is no failure.
    pub fn write(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        let Some((path, file, _)) = self.file else {
            return print(write);
        };
        let fill = || -> io::Result<()> {
            if file.metadata()?.is_file() {
                file.set_len(0)?;
            }
            let mut out = BufWriter::with_capacity(1 << 20, file);
            write(&mut out)?;
            out.flush()
        };
        unless_closed(fill()).map_err(|error| Failure::file(&path.display().to_string(), error))
    }

    /// Gives it up: a file that was made for nothing is removed.
    pub fn abandon(self) {
        if let Some((path, _, true)) = self.file {
            // Best effort: the failure that led here is what counts.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Lets `write` write to standard output. A closed pipe is no failure.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let written = write(&mut out).and_then(|()| out.flush());
    // What could not be written must not be tried again when the buffer is dropped.
    let (_, _) = out.into_parts();
    unless_closed(written).map_err(|error| Failure::file("standard output", error))
}

/// Tells the user something on standard error; if nobody listens, so be it.
pub fn tell(message: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Whether standard input is a keyboard.
pub fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

fn unless_closed(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

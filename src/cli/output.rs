//! Where output goes and how it may look there: standard output or a file, width, colours, closed pipes.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice};

use super::failure::Failure;
use crate::render::{DEFAULT_WIDTH, clean::clean};

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
        self.known_width(asked).unwrap_or(DEFAULT_WIDTH)
    }

    /// The same, if somebody says how many.
    pub fn known_width(self, asked: Option<u16>) -> Option<usize> {
        // Some terminals do not know their size, and say that it is 0.
        let terminal = || comfy_table::Table::new().width().filter(|n| *n > 0);
        let columns = || std::env::var("COLUMNS").ok()?.trim().parse().ok().filter(|n| *n > 0);
        asked.or_else(terminal).or_else(columns).map(usize::from)
    }
}

/// The format that the ending of the output's name stands for, by `of`; `None` where there is no ending. `endings` names
/// those known.
///
/// # Errors
/// For an ending that stands for none: who names a file so expects something else than a table.
pub fn named<F>(output: Option<&Path>, of: impl Fn(&str) -> Option<F>, endings: &[&str]) -> Result<Option<F>, Failure> {
    let ending = output.and_then(|path| path.extension()).map(|ending| ending.to_string_lossy());
    let Some(ending) = ending.filter(|ending| !ending.is_empty()) else { return Ok(None) };
    of(&ending).map(Some).ok_or_else(|| {
        let ending = clean(&ending);
        let hint = format!("known are .{}; --format says what to write whatever the name", endings.join(", ."));
        Failure::usage(format!("--output: .{ending} is no format\n  {hint}"))
    })
}

/// The format asked for, or the one that the output's [name](named) stands for, or the usual one.
pub fn format<F: Default>(
    asked: Option<F>,
    output: Option<&Path>,
    of: impl Fn(&str) -> Option<F>,
    endings: &[&str],
) -> Result<F, Failure> {
    let named = || named(output, of, endings);
    Ok(asked.map_or_else(named, |format| Ok(Some(format)))?.unwrap_or_default())
}

/// Standard output or a file.
#[derive(Debug)]
pub struct Target {
    /// Its name, and the file if it was there before.
    file: Option<(PathBuf, Option<File>)>,
}

impl Target {
    /// Opens what `path` names, without touching what is in it yet: whether it can be written is known before the
    /// work begins, and a failure later leaves the old content alone. A new file is made when something is written to it: who
    /// is interrupted before leaves no empty one. `-` and nothing are standard output.
    pub fn open(path: Option<&Path>) -> Result<Target, Failure> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
            return Ok(Target { file: None });
        };
        let fresh = path.symlink_metadata().is_err();
        let unwritable = |error| Failure::file(&path.display().to_string(), format!("cannot be written: {error}"));
        let file = opened(path).map_err(unwritable)?;
        if fresh {
            // Best effort: an empty file is no harm.
            let _ = std::fs::remove_file(path);
        }
        Ok(Target { file: Some((path.to_owned(), (!fresh).then_some(file))) })
    }

    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Lets `write` fill it. A pipe that nobody reads any more is no failure.
    pub fn write(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        self.fill(|out| Ok(write(out)?))
    }

    /// The same; if `write` fails before it has written anything, what was there before stays.
    pub fn fill(self, write: impl FnOnce(&mut dyn Write) -> Result<(), Stop>) -> Result<(), Failure> {
        let Some((path, file)) = self.file else {
            return print(write);
        };
        let name = path.display().to_string();
        let mut out = BufWriter::with_capacity(1 << 20, Emptied { path, file, emptied: false });
        let written = write(&mut out).and_then(|()| Ok(out.flush()?));
        let (mut out, _) = out.into_parts();
        let written = written.and_then(|()| out.empty().map(|_| ()).map_err(Stop::Output));
        unless_closed(written, &name)
    }
}

/// Opened to be written, with what is in it.
fn opened(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)
}

/// A file that is emptied, or made, before the first is written to it.
struct Emptied {
    path: PathBuf,
    file: Option<File>,
    emptied: bool,
}

impl Emptied {
    fn empty(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => opened(&self.path)?,
        };
        let file = self.file.insert(file);
        if !self.emptied && file.metadata()?.is_file() {
            file.set_len(0)?;
        }
        self.emptied = true;
        Ok(file)
    }
}

impl Write for Emptied {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.empty()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

/// Why no more is written.
#[derive(Debug)]
pub enum Stop {
    /// It cannot be written.
    Output(io::Error),
    /// There is nothing to write.
    Failure(Failure),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Output(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failure(failure)
    }
}

/// Lets `write` write to standard output. A closed pipe is no failure.
pub fn print<E: Into<Stop>>(write: impl FnOnce(&mut dyn Write) -> Result<(), E>) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let written = write(&mut out).map_err(E::into).and_then(|()| Ok(out.flush()?));
    // What could not be written must not be tried again when the buffer is dropped.
    let (_, _) = out.into_parts();
    unless_closed(written, "standard output")
}

/// Tells the user something on standard error; if nobody listens, so be it.
pub fn tell(message: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Whether standard input is a keyboard.
pub fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

fn unless_closed(written: Result<(), Stop>, name: &str) -> Result<(), Failure> {
    match written {
        Ok(()) => Ok(()),
        Err(Stop::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(Stop::Output(error)) => Err(Failure::file(name, error)),
        Err(Stop::Failure(failure)) => Err(failure),
    }
}

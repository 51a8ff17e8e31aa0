//! Why the program could not do it, and the exit code that says so.

use std::fmt;

use crate::render::clean::clean;
use crate::render::facts::input;

/// Exit code: done, nothing to object to.
pub const DONE: u8 = 0;
/// Exit code: what `--fail-on` names was found, or a check failed.
pub const FOUND: u8 = 1;
/// Exit code: it could not be done (usage, unreadable input or output).
pub const FAILED: u8 = 2;

/// Exit code: `check` or `diff` can't tell, because a capture does not show enough.
pub const UNCLEAR: u8 = 3;

/// A message for standard error; the program ends with [`FAILED`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    lines: Vec<Line>,
}

/// What is wrong, and with which file if it is about one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    file: Option<String>,
    cause: String,
}

impl Line {
    fn of(name: &str, cause: impl fmt::Display) -> Line {
        Line { file: Some(name.to_owned()), cause: cause.to_string() }
    }
}

/// With the name of the file in front.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", input(file))?;
        }
        f.write_str(&self.cause)
    }
}

impl Failure {
    /// Something was asked for in a wrong way.
    pub fn usage(message: String) -> Failure {
        Failure { lines: vec![Line { file: None, cause: message }] }
    }

    /// A file, and what is wrong with it.
    pub fn file(name: &str, cause: impl fmt::Display) -> Failure {
        Failure { lines: vec![Line::of(name, cause)] }
    }

    /// The cause alone, where it is one of a file called `name`.
    pub fn cause(&self, name: &str) -> String {
        let of = |line: &Line| match line.file.as_deref() == Some(name) {
            true => line.cause.clone(),
            false => line.to_string(),
        };
        self.lines.iter().map(of).collect::<Vec<_>>().join("; ")
    }

    /// Several files, each with its cause.
    pub fn files(failures: &[(String, String)]) -> Failure {
        Failure { lines: failures.iter().map(|(name, cause)| Line::of(name, cause)).collect() }
    }
}

/// `tcpstate: <file>: <cause>`, one line for each.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, line) in self.lines.iter().enumerate() {
            let end = if i > 0 { "\n" } else { "" };
            write!(f, "{end}tcpstate: ")?;
            for (i, part) in line.to_string().split('\n').enumerate() {
                // Words typed may have been copied from anywhere.
                write!(f, "{}{}", if i > 0 { "\n" } else { "" }, clean(part))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_without_the_name_of_its_file_alone() {
        let one = Failure::file("a: b", "is empty");
        assert_eq!((one.cause("a: b"), one.cause("a")), ("is empty".to_owned(), "a: b: is empty".to_owned()));
        assert_eq!(Failure::usage("a: is wrong".to_owned()).cause("a"), "a: is wrong");
        let more = Failure::files(&[("a".to_owned(), "x".to_owned()), ("b".to_owned(), "y".to_owned())]);
        assert_eq!(more.cause("a"), "x; b: y");
        assert_eq!(more.to_string(), "tcpstate: a: x\ntcpstate: b: y");
    }
}

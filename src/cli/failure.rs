//! Why the program could not do it, and the exit code that says so.

use std::fmt;

use crate::render::clean::clean;

/// Exit code: done, nothing to object to.
pub const DONE: u8 = 0;
/// Exit code: what `--fail-on` names was found, or a check failed.
pub const FOUND: u8 = 1;
/// Exit code: it could not be done (usage, unreadable input or output).
pub const FAILED: u8 = 2;

/// Exit code: `check` can't tell, because the capture does not show enough.
pub const UNCLEAR: u8 = 3;

/// A message for standard error; the program ends with [`FAILED`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    lines: Vec<String>,
}

impl Failure {
    /// Something was asked for in a wrong way.
    pub fn usage(message: String) -> Failure {
        Failure { lines: vec![message] }
    }

    /// A file, and what is wrong with it.
    pub fn file(name: &str, cause: impl fmt::Display) -> Failure {
        Failure { lines: vec![format!("{name}: {cause}")] }
    }

    /// The cause alone, where it is one of a file called `name`.
    pub fn cause(&self, name: &str) -> String {
        let of =
            |line: &String| line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(line).to_owned();
        self.lines.iter().map(of).collect::<Vec<_>>().join("; ")
    }

    /// Several files, each with its cause.
    pub fn files(failures: &[(String, String)]) -> Failure {
        Failure { lines: failures.iter().map(|(name, cause)| format!("{name}: {cause}")).collect() }
    }
}

/// `tcpstate: <file>: <cause>`, one line for each.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, line) in self.lines.iter().enumerate() {
            let end = if i > 0 { "\n" } else { "" };
            write!(f, "{end}tcpstate: ")?;
            for (i, part) in line.split('\n').enumerate() {
                // Words typed may have been copied from anywhere.
                write!(f, "{}{}", if i > 0 { "\n" } else { "" }, clean(part))?;
            }
        }
        Ok(())
    }
}

//! The command line: what was typed, what it means, exit codes.
//!
//! Exit codes: 0 done, 1 `check`, `diff` or `--fail-on` found something, 2 could not be done, 3 `check` cannot tell, and 130
//! (by the signal) when interrupted. A closed pipe is success.
//!
//! Each command has a file of its name (`live` a folder). What they share:
//!
//! | file | holds |
//! |---|---|
//! | `args`, `names`, `when` | what can be typed: options, words that are checked elsewhere, points in time |
//! | `reading`, `progress` | reading all packets of the inputs, and how far that is |
//! | `jobs` | the same work in two threads |
//! | `heap` | memory that was let go is kept for what comes next |
//! | `output`, `failure` | where output goes, what is said when it cannot be done |
//! | `passing`, `passed` | output made as connections pass; the few of them that are shown |
//! | `states` | the text of `explain` on states |

mod analyze;
mod args;
mod check;
mod diff;
mod explain;
mod failure;
mod heap;
mod jobs;
mod live;
mod names;
mod output;
mod passed;
mod passing;
mod progress;
mod reading;
mod show;
mod snapshot;
mod states;
mod when;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::builder::ValueHint;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::report::Severity;
use args::{Cli, Command};
use failure::{DONE, FAILED, Failure};
use output::{Look, tell};

/// The names of all commands.
const COMMANDS: [&str; 9] = ["analyze", "check", "diff", "live", "show", "snapshot", "explain", "completions", "man"];

/// Runs the program on its arguments, the first of which is its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(misused(&error, &arguments)),
    };
    match perform(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            tell(failure);
            ExitCode::from(FAILED)
        }
    }
}

fn perform(cli: &Cli) -> Result<u8, Failure> {
    let look = Look { colour: cli.color };
    // What runs for days gives back what it needed once.
    if !matches!(cli.command, Command::Live(_)) {
        heap::keep();
    }
    match &cli.command {
        Command::Analyze(args) => analyze::run(args, look),
        Command::Check(args) => check::run(args, look),
        Command::Diff(args) => diff::run(args, look),
        Command::Live(args) => live::run(args, look),
        Command::Show(args) => show::run(args, look),
        Command::Snapshot(args) => snapshot::run(args, look),
        Command::Explain(args) => explain::run(args, look).map(|()| DONE),
        Command::Completions { shell } => completions(*shell).map(|()| DONE),
        Command::Man { command } => man(command.as_deref()).map(|()| DONE),
    }
}

/// Prints help, the version or a usage error, with a hint for frequent mistakes; returns the exit code.
fn misused(error: &clap::Error, arguments: &[OsString]) -> u8 {
    // Whoever closed the pipe does not want to read it.
    let _ = error.print();
    if let Some(hint) = hint(error, arguments) {
        tell(format_args!("\n  {hint}"));
    }
    u8::try_from(error.exit_code()).unwrap_or(FAILED)
}

/// Whether a word that stands where none is expected is the name of a capture.
fn is_capture(word: &str) -> bool {
    word == "-" || word.contains(".pcap") || word.contains(".cap") || Path::new(word).exists()
}

/// What was probably meant.
fn hint(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = word(ContextKind::InvalidSubcommand)?;
            if word == "help" {
                return Some("did you mean `tcpstate --help`, or `tcpstate COMMAND --help`?".to_owned());
            }
            is_capture(&word).then(|| format!("did you mean `tcpstate analyze {word}`?"))
        }
        ErrorKind::UnknownArgument => {
            let word = word(ContextKind::InvalidArg)?;
            let command = arguments.get(1).and_then(|command| command.to_str()).unwrap_or_default();
            let severity = |next: &OsString| next.to_str().and_then(Severity::named);
            let apart = arguments.windows(2).find_map(|w| severity(&w[1]).filter(|_| w[0] == "--fail-on-new"));
            match apart {
                Some(severity) => Some(format!("did you mean `--fail-on-new={}`?", severity.name())),
                None => elsewhere(command, &word).map(str::to_owned),
            }
        }
        _ => None,
    }
}

/// Where a command has what others have as the option `word`.
fn elsewhere(command: &str, word: &str) -> Option<&'static str> {
    Some(match (command, word) {
        (_, "-r") => "captures need no -r: tcpstate analyze FILE",
        ("check", "-f" | "--format") => "reports are asked for by kind: tcpstate check --report json FILE",
        ("check", "-o" | "--output") => "reports are written to files with --report table=FILE",
        ("check", "--filter") => "connections are chosen in a policy: where = \"server port 443\"",
        ("check", "--threshold" | "--stuck-after") => "thresholds are set in a policy: [thresholds]",
        ("live", "--filter") => "the filter stands by itself: tcpstate live -i eth0 'server port 443'",
        _ => return None,
    })
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    // Generated into memory first: the generator panics when it cannot write.
    let mut script = Vec::new();
    let mut program = Cli::command().mut_subcommands(|command| command.mut_args(hinted));
    clap_complete::generate(shell, &mut program, "tcpstate", &mut script);
    output::print(|out| out.write_all(&script))
}

/// Files are offered where one can stand, and nowhere else.
fn hinted(arg: clap::Arg) -> clap::Arg {
    const FILES: [&str; 3] = ["FILE", "BEFORE", "AFTER"];
    let files = arg.get_value_names().is_some_and(|names| names.iter().any(|name| FILES.contains(&name.as_str())));
    match arg.get_action().takes_values() {
        true => arg.value_hint(if files { ValueHint::FilePath } else { ValueHint::Other }),
        false => arg,
    }
}

fn man(command: Option<&str>) -> Result<(), Failure> {
    let mut program = Cli::command();
    program.build();
    let page = match command {
        None => program,
        Some(name) => {
            program.find_subcommand(name).cloned().map(|command| command.name(format!("tcpstate-{name}"))).ok_or_else(
                || {
                    let all = COMMANDS.join(", ");
                    Failure::usage(format!("man: `{name}` is not a command\n  the commands are {all}"))
                },
            )?
        }
    };
    output::print(|out| clap_mangen::Man::new(page).render(out))
}

//! `tcpstate check`: captures against a policy.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::args::{Timers, columns};
use super::failure::{DONE, FAILED, FOUND, Failure, UNCLEAR};
use super::jobs::Jobs;
use super::names::Offer;
use super::output::{self, Look, Target, tell};
use super::reading::{self, Reading};
use crate::analyze::{Analysis, Finish, MANY, Options, Past};
use crate::detect::Limits;
use crate::policy::init::{Draft, Seen};
use crate::policy::judge::Hearing;
use crate::policy::output::{Kind, Looks, write};
use crate::policy::{Judgement, Policy, Status, schema};
use crate::render::clean::clean;
use crate::render::units::plural;
use crate::report::{Connection, Report};
use crate::source::FileInfo;
use crate::time::Time;
use crate::timing::Extent;

/// The policy that is taken if it exists and no other is named.
const USUAL: &str = "tcpstate.toml";

/// What can be said about a check.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tcpstate check trace.pcap                              no warnings or errors
  tcpstate check --init good.pcap > tcpstate.toml        a policy from a capture known to be good
  tcpstate check --policy tcpstate.toml trace.pcap
  tcpstate check --report junit=junit.xml --report sarif=tcpstate.sarif captures/

A policy is TOML; --init writes a whole one, --schema tells of every key:
  version = 1
  [capture]
  max-missing = \"1%\"
  [[limit]]
  name = \"no leaks\"
  finding = \"close-wait-stuck\"
  max = 0
  [[expect]]
  name = \"web servers answer and close\"
  where = \"server port 443\"
  outcome = \"closed\"
  at-least = \"95%\"

Exit codes: 0 every rule passes; 1 a rule fails; 3 no rule fails, but the capture does not show enough to tell of all \
(lost packets, one direction, too short); 2 could not be done; 130 interrupted.")]
#[command(mut_arg("quiet", |arg| arg.help("Neither progress bar nor warnings, nor the table unless --report asks for it")))]
pub struct CheckArgs {
    /// Captures: pcap or pcapng, compressed or not; folders of them; `-` for standard input
    #[arg(value_name = "FILE", required_unless_present = "schema")]
    files: Vec<PathBuf>,

    /// The policy [default: tcpstate.toml in this folder if there is one, else: no warnings and no errors]
    #[arg(short, long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Write a report: table, junit, sarif, github, gitlab, json, markdown; to a file, or to standard output with `-` or no
    /// file, where it takes the place of the table; may be given several times
    #[arg(short, long, value_name = "KIND[=FILE]", value_parser = Offer::REPORTS, hide_possible_values = true)]
    report: Vec<String>,

    /// Write a policy that these captures, known to be good, pass
    #[arg(long, conflicts_with_all = ["policy", "report"])]
    init: bool,

    /// Check each FILE by itself, a folder as one, instead of all of them as parts of one capture
    #[arg(long, conflicts_with = "init")]
    separately: bool,

    /// Only read policies: each FILE is one
    #[arg(long, conflicts_with_all = ["policy", "report", "init", "separately"])]
    lint: bool,

    /// Write the JSON Schema of policies, for editors
    #[arg(long, exclusive = true)]
    schema: bool,

    /// Take this day for today when exceptions expire [default: the day in UTC]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    today: Option<Date>,

    /// Columns to fit in [default: those of the terminal, or $COLUMNS, or 100]
    #[arg(long, value_name = "COLUMNS", value_parser = columns)]
    width: Option<u16>,

    #[command(flatten)]
    timers: Timers,

    #[command(flatten)]
    jobs: Jobs,

    #[command(flatten)]
    reading: Reading,
}

fn day(word: &str) -> Result<Date, String> {
    word.parse().map_err(|_| "a day, as in 2027-01-31".to_owned())
}

/// Checks and reports; the exit code says how it came out.
pub fn run(args: &CheckArgs, look: Look) -> Result<u8, Failure> {
    if args.schema {
        let text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
        return output::print(|out| writeln!(out, "{text}")).map(|()| DONE);
    }
    if args.lint {
        return lint(&args.files);
    }
    reading::check(&args.files, None, "check")?;
    if args.init {
        return write_policy(args);
    }
    let wanted = reports(args)?;
    let policy = policy(args.policy.as_deref())?;
    let mut targets = Vec::new();
    for (kind, path) in wanted {
        spared(args, &policy, path.as_deref())?;
        targets.push((kind, Target::open(path.as_deref())?));
    }
    let captures = if args.separately { args.files.chunks(1).collect() } else { vec![args.files.as_slice()] };
    let judged = captures.into_iter().map(|files| judged(files, args, &policy)).collect::<Result<Vec<_>, _>>()?;
    let (judgements, codes): (Vec<Judgement>, Vec<u8>) = judged.into_iter().unzip();
    let width = look.width(args.width);
    for (kind, target) in targets {
        let looks = Looks { width, colour: look.colour(target.is_file()) };
        target.write(|out| write(kind, &judgements, looks, out))?;
    }
    // What could not be read weighs most, then what failed, then what cannot be told.
    Ok([FAILED, FOUND, UNCLEAR].into_iter().find(|code| codes.contains(code)).unwrap_or(DONE))
}

/// That no report overwrites what is read, the policy among it.
fn spared(args: &CheckArgs, policy: &Policy, report: Option<&Path>) -> Result<(), Failure> {
    let read: Vec<PathBuf> = args.files.iter().cloned().chain(policy.file.iter().map(PathBuf::from)).collect();
    report.map_or(Ok(()), |report| reading::spared(&read, report))
}

/// The verdict on one capture, and the exit code that it asks for.
fn judged(files: &[PathBuf], args: &CheckArgs, policy: &Policy) -> Result<(Judgement, u8), Failure> {
    let mut hearing = Hearing::new(policy, today(args));
    let analysis = analysis(args, policy.limits.clone());
    let analysis = if hearing.is_final_after(analysis.settles_after()) { analysis.bounded(MANY) } else { analysis };
    let read = args.jobs.read_letting_go(files, &args.reading, analysis, |c, capture| hearing.take(c, capture.last));
    let mut finish = match read {
        Err(failure) if args.separately && args.files.len() > 1 => {
            hearing = Hearing::new(policy, today(args));
            unread(files, &failure)
        }
        read => {
            let finish = read?;
            reading::warn(&finish.capture().files, args.reading, false);
            finish
        }
    };
    let end = finish.capture().last;
    args.jobs.connections(&mut finish, None, |c| hearing.take(c, end));
    let report = finish.report(Vec::new());
    let judgement = hearing.judgement(&report);
    let code = code(&report, &judgement);
    Ok((judgement, code))
}

/// An input that cannot be read, while others can: it is judged as one that shows nothing.
fn unread(files: &[PathBuf], failure: &Failure) -> Finish<'static> {
    tell(failure);
    let named = |path: &PathBuf| {
        let name = path.display().to_string();
        let problem = Some(clean(&failure.cause(&name)).into_owned());
        FileInfo { name: clean(&name).into_owned(), problem, unreadable: true, ..FileInfo::default() }
    };
    let mut analysis = Analysis::new(Options::default());
    analysis.complete();
    analysis.ended_after(Past::default(), files.iter().map(named).collect())
}

/// `--lint`
fn lint(files: &[PathBuf]) -> Result<u8, Failure> {
    for file in files {
        let policy = policy(Some(file))?;
        let (rules, exceptions) = (plural(policy.rules.len() as u64, "rule"), policy.allowances.len() as u64);
        let told = format!("{}: {rules}, {}\n", clean(&file.display().to_string()), plural(exceptions, "exception"));
        output::print(|out| out.write_all(told.as_bytes()))?;
    }
    Ok(DONE)
}

fn code(report: &Report, judgement: &Judgement) -> u8 {
    if report.capture.files.iter().any(|file| file.unreadable) {
        return FAILED;
    }
    match judgement.status() {
        Status::Pass => DONE,
        Status::Unclear => UNCLEAR,
        Status::Fail => FOUND,
    }
}

/// The reports asked for, each with its file; the table on standard output unless something else goes there.
fn reports(args: &CheckArgs) -> Result<Vec<(Kind, Option<PathBuf>)>, Failure> {
    let mut wanted: Vec<(Kind, Option<PathBuf>)> = Vec::new();
    for text in &args.report {
        let (kind, file) = text.split_once('=').map_or((text.as_str(), "-"), |(kind, file)| (kind, file));
        let kind: Kind = kind.trim().parse().map_err(|error| Failure::usage(format!("--report: {error}")))?;
        if file.is_empty() {
            return Err(Failure::usage(format!("--report: no file after `{}=`", kind.name())));
        }
        let file = (file != "-").then(|| PathBuf::from(file));
        // A device takes several, a file only the last.
        let twice = |path: &PathBuf| {
            (path.is_file() || !path.exists()) && wanted.iter().any(|(_, at)| at.as_ref() == Some(path))
        };
        if let Some(path) = file.as_ref().filter(|path| twice(path)) {
            return Err(Failure::usage(format!("--report: two reports to the same file, {}", path.display())));
        }
        let printed = wanted.iter().filter(|(_, at)| at.is_none() && file.is_none()).map(|(other, _)| *other);
        if let Some(other) = printed.into_iter().find(|other| !kind.goes_with(*other)) {
            let (one, two) = (other.name(), kind.name());
            let hint = format!("give one of them a file, as in --report {two}=FILE");
            let wrong = format!("--report: {one} and {two} can't both go to standard output\n  {hint}");
            return Err(Failure::usage(wrong));
        }
        wanted.push((kind, file));
    }
    if !args.reading.quiet && wanted.iter().all(|(_, file)| file.is_some()) {
        wanted.insert(0, (Kind::Table, None));
    }
    Ok(wanted)
}

/// The policy named, the usual one, or the standard.
fn policy(path: Option<&Path>) -> Result<Policy, Failure> {
    let usual = Path::new(USUAL);
    let path = match path {
        Some(path) => path,
        None if usual.is_file() => usual,
        None => return Ok(Policy::standard()),
    };
    if path.as_os_str() == "-" {
        let hint = "a shell that has <(…) gives what a program writes a name";
        return Err(Failure::usage(format!("check: a policy is read from a file, not from standard input\n  {hint}")));
    }
    let name = path.display().to_string();
    let text = std::fs::read(path).map_err(|error| Failure::file(&name, format!("cannot be read: {error}")))?;
    let text = String::from_utf8(text).map_err(|_| Failure::file(&name, "is not UTF-8 text"))?;
    Policy::read(&name, &text).map_err(|error| Failure::usage(error.to_string()))
}

fn analysis(args: &CheckArgs, limits: Limits) -> Analysis {
    Analysis::new(Options { limits, timing: Extent::Nothing, ..args.timers.options() })
}

/// Today comes in here and nowhere else.
fn today(args: &CheckArgs) -> Date {
    args.today.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).date())
}

/// `--init`
fn write_policy(args: &CheckArgs) -> Result<u8, Failure> {
    let mut analysis = analysis(args, Limits::default());
    let files = args.jobs.read(&args.files, &args.reading, &mut analysis)?;
    reading::warn(&files, args.reading, false);
    let hear = |take: &mut dyn FnMut(&Connection, Option<Time>)| {
        let mut finish = analysis.ended(files.clone());
        let end = finish.capture().last;
        args.jobs.connections(&mut finish, None, |c| take(c, end));
        finish.report(Vec::new())
    };
    let mut seen = Seen::default();
    let report = hear(&mut |c, _| seen.take(c));
    let draft = Draft::new(&seen, &report);
    // They are looked at once more: to keep them all takes several times the memory.
    let mut hearing = Hearing::new(draft.policy(), today(args));
    hear(&mut |c, end| hearing.take(c, end));
    let judgement = hearing.judgement(&report);
    let written = draft.written(&judgement);
    for remark in &written.remarks {
        tell(format_args!("tcpstate: {}", clean(remark)));
    }
    output::print(|out| out.write_all(written.text.as_bytes()))?;
    Ok(if written.passes { DONE } else { UNCLEAR })
}

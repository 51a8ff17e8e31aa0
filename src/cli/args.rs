//! What can be typed. What it means is worked out in the module of each command.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use super::check::CheckArgs;
use super::diff::DiffArgs;
use super::explain::ExplainArgs;
use super::jobs::Jobs;
use super::live::LiveArgs;
use super::names::Offer;
use super::output::Colour;
use super::reading::Reading;
use super::show::ShowArgs;
use super::snapshot::SnapshotArgs;
use crate::amount;
use crate::analyze::Options;
use crate::render::{Format, Limit, SortKey};
use crate::time::Span;
use crate::timing::Vantage;
use crate::tracker::Stack;

/// Reads packet captures and tells the TCP state of both ends of every connection: when it changed, why, and how that
/// is known.
#[derive(Debug, Parser)]
#[command(
    name = "tcpstate",
    bin_name = "tcpstate",
    version,
    about = "TCP states of both ends of every connection in a packet capture",
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Start with:  tcpstate analyze trace.pcap"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Colour::Auto, global = true, display_order = 900)]
    pub color: Colour,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The states of both ends of every connection in captures
    Analyze(Box<AnalyzeArgs>),
    /// Pass or fail for CI: captures against a policy
    Check(Box<CheckArgs>),
    /// What got better and what got worse between two captures, or their saved reports
    Diff(Box<DiffArgs>),
    /// The same from an interface (or a pipe), as it happens
    Live(Box<LiveArgs>),
    /// One connection as a ladder: every segment, with both ends' states after it and how each is known
    Show(Box<ShowArgs>),
    /// What `ss -tan` would have listed on each host at a time, or how many were in each state over time
    Snapshot(Box<SnapshotArgs>),
    /// What a TCP state or a finding means, how it is decided, and what to do
    Explain(ExplainArgs),
    /// A completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The manual page, for `man -l -`
    Man {
        /// Of this command instead of the whole program
        #[arg(value_parser = Offer::COMMANDS, hide_possible_values = true)]
        command: Option<String>,
    },
}

/// Parts of a report for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// What is wrong and what to do
    Findings,
    /// Outcomes, who closed first, endpoints per state
    Totals,
    /// Connections and findings per service and host, the worst 100 if nothing else is shown
    Rollups,
    /// Where the time went, in full if nothing else is shown
    Timing,
    /// Single connections
    Connections,
}

/// What can be said about an analysis.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tcpstate analyze trace.pcapng
  tcpstate analyze --filter 'server port 443 and not outcome closed' trace.pcap.gz
  tcpstate analyze --connection 17 trace.pcap
  tcpstate analyze --client laptop.pcap --server web1.pcap
  tcpdump -i eth0 -w - tcp | tcpstate analyze -
  tcpstate analyze --format json captures/ | jq '.connections[] | select(.outcome == \"reset\")'

Exit codes: 0 done; 1 --fail-on found something; 2 could not be done, or with --strict a capture is
damaged; 3 what --fail-on asks for may be of other connections than --filter; 130 interrupted.")]
pub struct AnalyzeArgs {
    /// Captures: pcap or pcapng, compressed or not; folders of them; `-` for standard input
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// With --server, instead of FILE: the same traffic captured at the client's side; may be given several times
    #[arg(long, value_name = "FILE", requires = "server", conflicts_with = "files")]
    pub client: Vec<PathBuf>,

    /// The same traffic captured at the server's side: what was only believed to arrive is then known
    #[arg(long, value_name = "FILE", requires = "client")]
    pub server: Vec<PathBuf>,

    /// How to write the report [default: table, or what the name of --output says]
    #[arg(short, long, value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|word| word.parse::<Format>()))]
    pub format: Option<Format>,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Only connections that pass, as in 'host 10.0.0.1 and state CLOSE_WAIT'; `help` prints the language
    #[arg(long, value_name = "EXPR")]
    pub filter: Option<String>,

    /// Only this connection, in full; may be given several times
    #[arg(short, long, value_name = "ID", value_delimiter = ',', value_parser = connection)]
    pub connection: Vec<u64>,

    /// List at most so many connections, and findings of each kind, or `all` [default: the first ones in the table and in Markdown,
    /// elsewhere all]
    #[arg(short = 'n', long, value_name = "N", value_parser = limit)]
    pub limit: Option<Limit>,

    /// Only these parts of the table or of the Markdown (findings, rollups, totals, timing, connections); or look only for these findings,
    /// by name or code
    #[arg(long, value_name = "PART|NAME", value_delimiter = ',', value_parser = Offer::PARTS, hide_possible_values = true)]
    pub only: Vec<String>,

    /// Only where the time went, in full; as `--only timing`
    #[arg(long, conflicts_with = "only")]
    pub timing: bool,

    /// One line per transition instead, in order of time: when, who, old and new state, how long, how it is known
    #[arg(long, conflicts_with_all = ["only", "timing", "limit", "sort", "reverse", "retracted", "vantage", "width"])]
    pub events: bool,

    /// In which order to list connections: the most or the longest first; `id` and `last` the earliest, `client` and `server`
    /// the lowest address
    #[arg(long, value_name = "KEY", value_parser = PossibleValuesParser::new(SortKey::ALL.map(SortKey::name)).try_map(|word| word.parse::<SortKey>()))]
    pub sort: Option<SortKey>,

    /// The other way round
    #[arg(long)]
    pub reverse: bool,

    #[command(flatten)]
    pub timers: Timers,

    /// Also list what was believed and then disproved
    #[arg(long)]
    pub retracted: bool,

    /// Where the tap was, instead of an estimate for each connection
    #[arg(long, value_name = "WHERE", value_parser = PossibleValuesParser::new(["client", "server", "middle"]).try_map(|word| word.parse::<Vantage>()))]
    pub vantage: Option<Vantage>,
    /// Do not look for these findings, by name or code
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = Offer::FINDINGS, hide_possible_values = true)]
    pub ignore: Vec<String>,

    /// Exit with 1 if there is such a finding among those shown: info, note, warning, error, or a finding's name
    #[arg(long, value_name = "SEVERITY|NAME", value_delimiter = ',', value_parser = Offer::SEVERITIES, hide_possible_values = true)]
    pub fail_on: Vec<String>,

    /// Draw the line of a finding elsewhere, as in time-wait-excess=200; `tcpstate explain NAME` shows them
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',')]
    pub threshold: Vec<String>,

    /// What waits for something that does not happen is stuck after this time
    ///
    /// Without it each finding has its own time to wait. An end that does not close, and a FIN or data sent three times
    /// without an answer up to the end, are told earlier where the capture is too short for that, as a note at most: after a
    /// tenth of the capture, but no less than 2 s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub stuck_after: Option<Span>,

    /// Fail with exit code 2 when a capture is damaged or cut off
    #[arg(long)]
    pub strict: bool,

    /// Columns to fit in [default: those of the terminal, or $COLUMNS, or 100]
    #[arg(long, value_name = "COLUMNS", value_parser = columns)]
    pub width: Option<u16>,

    /// Show times in the zone of this machine instead of UTC
    #[arg(long)]
    pub local_time: bool,

    #[command(flatten)]
    pub jobs: Jobs,

    #[command(flatten)]
    pub reading: Reading,
}

/// Timers of the stacks, which no packet shows.
#[derive(Clone, Copy, Debug, Args)]
pub struct Timers {
    /// Whose timers to assume for what no packet shows (2MSL and the like)
    #[arg(long, value_name = "STACK", default_value = "linux", value_parser = PossibleValuesParser::new(Stack::ALL.map(|(name, _)| name)).try_map(stack))]
    pub stack: Stack,

    /// Maximum segment lifetime instead of the stack's: TIME_WAIT lasts twice as long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub msl: Option<Span>,
}

impl Timers {
    /// An analysis with them.
    pub fn options(&self) -> Options {
        Options { stack: self.stack, msl: self.msl, ..Options::default() }
    }
}

pub(super) fn limit(word: &str) -> Result<Limit, String> {
    match word {
        "all" => Ok(Limit::All),
        // There are not as many of anything as no longer fit into a number.
        _ if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(word.parse().map_or(Limit::All, Limit::At))
        }
        _ => Err("a number or `all`".to_owned()),
    }
}

/// The number of a connection, also as reports write it.
pub(super) fn connection(word: &str) -> Result<u64, String> {
    let number = word.strip_prefix('#').unwrap_or(word);
    number.parse().map_err(|_| "the number of a connection, as `analyze` lists them: 17".to_owned())
}

/// Columns of a page.
pub(super) fn columns(word: &str) -> Result<u16, String> {
    let number = word.parse().ok().filter(|columns| *columns >= 40);
    number.ok_or_else(|| "a number of columns, 40 or more".to_owned())
}

pub(super) fn duration(word: &str) -> Result<Span, String> {
    amount::duration(&word.replace(' ', "")).ok_or_else(|| "a duration with its unit, as in 30s or 2min".to_owned())
}

/// clap has checked the word against the same table.
pub(super) fn stack(word: String) -> Result<Stack, String> {
    Stack::ALL.into_iter().find(|(name, _)| *name == word).map(|(_, stack)| stack).ok_or(word)
}

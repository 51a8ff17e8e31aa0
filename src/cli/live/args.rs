//! What can be said about watching.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::cli::args::{Timers, columns, duration, limit};
use crate::cli::names::Offer;
use crate::render::{Format, Limit};
use crate::time::Span;

/// Port of `--metrics` where none is given.
const METRICS_PORT: u16 = 9_464;

/// What can be said about watching.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tcpstate live --list
  tcpstate live -i eth0
  tcpstate live -i eth0 'server port 443 and not host 10.0.0.9'
  tcpdump -i eth0 -U -w - | tcpstate live -
  ssh web1 tcpdump -i eth0 -U -s 256 -w - tcp | tcpstate live -
  tcpstate live -i any -f ndjson -w trace.pcapng --rotate-size 100MB --rotate-keep 10 > live.ndjson
  tcpstate live -i eth0 --metrics 9464

On a terminal there is a dashboard (q quits, ? helps); elsewhere, or with --format ndjson, a stream of one JSON object \
per line: start, transition, retraction, connection (when it has ended), finding, cleared, evicted, interval; at the end \
capture, the connections still open, findings, summary. Ctrl-C ends both with the report that `tcpstate analyze` gives.

With more than --max-connections, connections are forgotten in this order: those that are over, those in TIME_WAIT, those \
that never came about (SYN_SENT, SYN_RCVD), then the others; of each kind the longest silent first. The totals still count \
them.

Exit codes: 0 done, also when ended by Ctrl-C or SIGTERM; 2 could not be done, or the interface has gone away (the report is \
written all the same); 130 by a second Ctrl-C before the report was out.")]
pub struct LiveArgs {
    /// `-` to read a capture from standard input as it is written; else a filter as of `analyze --filter`
    #[arg(value_name = "FILTER")]
    pub words: Vec<String>,

    /// The interface to watch, or `any`
    #[arg(short, long, value_name = "INTERFACE")]
    pub interface: Option<String>,

    /// Name the interfaces and their addresses
    #[arg(long)]
    pub list: bool,

    /// How to write: ndjson as it happens, any other at the end [default: what the name of --output says, a dashboard on a
    /// terminal, else ndjson]
    #[arg(short, long, value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|word| word.parse::<Format>()))]
    pub format: Option<Format>,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Stop after this time
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub duration: Option<Span>,

    /// Stop after so many packets
    #[arg(short = 'c', long, value_name = "N")]
    pub count: Option<u64>,

    /// Time between two summary lines
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub interval: Span,

    /// Also write the packets to this file (pcapng)
    #[arg(short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Begin a new file after so many bytes, as in 100MB; files are numbered
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "write")]
    pub rotate_size: Option<u64>,

    /// Begin a new file after this time
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "write")]
    pub rotate_every: Option<Span>,

    /// Keep only so many files
    #[arg(long, value_name = "N", requires = "write")]
    pub rotate_keep: Option<usize>,

    /// Serve Prometheus metrics on this address; a port alone is on 127.0.0.1 [without a value: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDR", value_parser = address, num_args = 0..=1, default_missing_value = "9464")]
    pub metrics: Option<SocketAddr>,

    /// Remember at most so many connections
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(16..))]
    pub max_connections: u32,

    /// Bytes of each packet to take; headers suffice
    #[arg(short, long, value_name = "BYTES", default_value_t = 256, value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub snap_len: u32,

    /// Size of the buffer shared with the kernel; 64MiB hold some 350,000 packets of 128 bytes until they are read
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    pub ring: u64,

    /// Size of the queue behind it, of packets that wait to be looked at: 256MiB hold some 1.7 million
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    pub queue: u64,

    /// Also take what is addressed to others
    #[arg(short, long)]
    pub promiscuous: bool,

    /// Also look into tunnels (IP in IP, GRE, VXLAN, Geneve, GTP, MPLS, PPPoE …)
    #[arg(long)]
    pub tunnels: bool,

    /// Which timers to assume.
    #[command(flatten)]
    pub timers: Timers,

    /// Do not look for these findings, by name or code
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = Offer::FINDINGS, hide_possible_values = true)]
    pub ignore: Vec<String>,

    /// Draw the line of a finding elsewhere, as in time-wait-excess=200; `tcpstate explain NAME` shows them
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',')]
    pub threshold: Vec<String>,

    /// What waits for something that does not happen is stuck after this time
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub stuck_after: Option<Span>,

    /// List at most so many connections in the report at the end, or `all`
    #[arg(short = 'n', long, value_name = "N", value_parser = limit)]
    pub limit: Option<Limit>,

    /// Columns of the report at the end [default: those of the terminal, or $COLUMNS, or 100]
    #[arg(long, value_name = "COLUMNS", value_parser = columns)]
    pub width: Option<u16>,

    /// Show times in the zone of this machine instead of UTC
    #[arg(long)]
    pub local_time: bool,

    /// No warnings
    #[arg(short, long)]
    pub quiet: bool,
}

/// Bytes with an optional unit: 500000, 64k, 100MB, 32MiB. `k`, `M`, `G` alone count in 1024.
fn size(word: &str) -> Result<u64, String> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match word[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err("a size with its unit, as in 500MB or 32MiB".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "a size with its unit, as in 500MB or 32MiB".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "too large".to_owned())
}

/// `127.0.0.1:9464`, `[::1]:9464`, an address alone, or a port alone (with or without colon).
fn address(word: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = word.parse() {
        return Ok(address);
    }
    if let Ok(address) = word.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, METRICS_PORT));
    }
    let port = word.strip_prefix("localhost").unwrap_or(word).trim_start_matches(':');
    port.parse()
        .map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))
        .map_err(|_| "an address, a port, or both, as in 127.0.0.1:9464".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("100MB"), Ok(100_000_000));
        assert_eq!(size("32MiB"), Ok(32 << 20));
        assert_eq!(size("64k"), Ok(64 << 10));
        assert!(size("MB").is_err() && size("1 fortnight").is_err() && size("99999999999G").is_err());
    }

    #[test]
    fn a_port_alone_is_on_loopback() {
        for word in ["9100", ":9100", "localhost:9100", "127.0.0.1:9100"] {
            assert_eq!(address(word), Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 9_100)), "{word}");
        }
        assert_eq!(address("::1").map(|a| a.port()), Ok(METRICS_PORT));
        assert!(address("eth0").is_err());
    }
}

//! Reconstructs the TCP state of both endpoints of every connection from captured packets, and says how each state is
//! known.
//!
//! The same code is behind the command line `tcpstate` and this library. Packets go one way through it:
//!
//! ```text
//! files, pipes, folders
//!    │
//! source      packets, and what is known of the input
//!    │
//! decode      segments
//!    │
//! tracker     both ends' states
//!    ├──────────────┐
//! signals, detect  timing      what is wrong, where the time went
//!    ├──────────────┘
//! report      plain data
//!    ├── show, snapshot        other views of it
//! render      bytes out: table, json, ndjson, csv, markdown, svg
//! ```
//!
//! No stage reaches back, and nothing from `decode` to `report` asks what time it is: time comes in with the packets,
//! so the same input gives the same report.
//!
//! # Where to look
//!
//! | to find out | look in |
//! |---|---|
//! | which file formats, compressions and pipes can be read, and how damage is told | [`source`] |
//! | which link layers and tunnels are understood, where lengths come from | [`decode`] |
//! | what is known of one segment | [`segment`] |
//! | which states there are, which arrow follows from what (RFC 9293 Figure 5) | [`tracker::rules`] |
//! | what a segment proves of its sender and suggests of its receiver | [`tracker`] |
//! | what silence means, what else is possible | [`tracker::verdict`] |
//! | timers of the common stacks | [`tracker::profile`] |
//! | how connections not spoken on are put away | [`pack`], [`tracker::store`] |
//! | connections drawn as text, as the tests are written | [`ladder`] |
//! | what is counted beside the states | [`signals`] |
//! | one finding: its texts, thresholds, examples and rule | its file under [`detect`] |
//! | round trips, think times, shares of the time | [`timing`] |
//! | the fields of a report (the JSON) | [`report`] |
//! | one connection segment by segment | [`show`] |
//! | states at a given time | [`snapshot`] |
//! | two captures of the same traffic, one at each end | [`bothends`] |
//! | policies, verdicts, reports for CI servers | [`policy`] |
//! | what differs between two captures | [`diff`] |
//! | an interface watched as it happens, bounded memory, metrics | [`live`] |
//! | the same on a screen | [`dashboard`] |
//! | captures written while watching | [`write`](mod@write) |
//! | how it is printed | [`render`] |
//! | the language of `--filter` | [`filter`] |
//! | durations and sizes as people write them | [`amount`] |
//! | the whole way from packets to a report | [`analyze`] |
//! | commands, options, exit codes | [`cli`] |
//! | how fast it is, how that is measured and kept | [`performance`] |
//! | the unit of times | [`time`] |
//!
//! # Analyse a capture
//!
//! ```
//! use tcpstate::analyze::{Analysis, Options};
//! use tcpstate::tracker::State;
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/trouble.pcap");
//! let mut source = tcpstate::source::open(&[path])?;
//! let mut analysis = Analysis::new(Options::default());
//! while let Some(packet) = source.next() {
//!     analysis.packet(&packet);
//! }
//! let report = analysis.finish(source.files());
//!
//! // Damage is no error: the report is of what could be read, and the file says what is wrong with it.
//! for file in &report.capture.files {
//!     if let Some(problem) = &file.problem {
//!         eprintln!("{}: {problem}", file.name);
//!     }
//! }
//!
//! let leaks: Vec<_> = report.connections.iter().filter(|c| c.endpoints.server.state == State::CloseWait).collect();
//! for connection in &leaks {
//!     let entered = connection.endpoints.server.history.last().unwrap();
//!     println!(
//!         "{} has not closed since packet {} ({}): {}",
//!         connection.server,
//!         entered.packet.unwrap_or_default(),
//!         entered.cause,
//!         entered.evidence,
//!     );
//! }
//! assert_eq!(leaks.len(), 6);
//! # Ok::<(), tcpstate::source::OpenError>(())
//! ```
//!
//! A reader of your own goes in by [`source::open_reader`], packets of your own as [`source::Packet`]. Of the report
//! [`render::render`] makes what the command line prints, and `serde` the JSON.
//!
//! # Feed segments of your own
//!
//! The tracker needs no capture: anything that can fill in a [`segment::Segment`] can drive it. It can be asked about
//! any time from the latest segment on, as often as wanted.
//!
//! ```
//! use tcpstate::segment::{Flags, Options, ScopeId, Segment, Socket};
//! use tcpstate::time::{Span, Time};
//! use tcpstate::tracker::{Evidence, Stack, State, Tracker};
//!
//! let client = Socket { addr: "192.0.2.1".parse()?, port: 40000 };
//! let server = Socket { addr: "192.0.2.2".parse()?, port: 80 };
//! let segment = |packet: u64, src, dst, seq, ack, flags| Segment {
//!     time: Time(packet as i64 * 1_000_000),
//!     packet,
//!     src,
//!     dst,
//!     scope: ScopeId(0),
//!     seq,
//!     ack,
//!     len: 0,
//!     captured: 0,
//!     flags,
//!     window: 65_535,
//!     checksum: 0,
//!     ip_id: 0,
//!     ttl: 64,
//!     options: Options::default(),
//! };
//!
//! let mut tracker = Tracker::new();
//! tracker.segment(&segment(1, client, server, 100, 0, Flags::SYN));
//! tracker.segment(&segment(2, server, client, 300, 101, Flags::SYN | Flags::ACK));
//! tracker.segment(&segment(3, client, server, 101, 301, Flags::ACK));
//!
//! // `sockets[0]` sent the first segment; the verdicts come in the same order.
//! let connection = &tracker.connections()[0];
//! assert_eq!(connection.sockets, [client, server]);
//! let now = connection.last + Span::millis(1);
//! let [client, server] = connection.verdicts(now, &Stack::Linux.profile());
//!
//! assert_eq!(client.state(), State::Established);
//! assert_eq!(client.steps.last().unwrap().mark.evidence, Evidence::Confirmed);
//! // That the last ACK arrived is likely, but nothing the server sent shows it yet.
//! assert_eq!(server.state(), State::Established);
//! assert_eq!(server.steps.last().unwrap().mark.evidence, Evidence::Inferred);
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! A longer example is `examples/states.rs` in the repository.

mod address;
pub mod amount;
pub mod analyze;
pub mod bothends;
pub mod cli;
pub mod dashboard;
pub mod decode;
pub mod detect;
pub mod diff;
pub mod filter;
pub mod ladder;
pub mod live;
pub mod pack;
#[doc = include_str!("performance.md")]
pub mod performance {}
pub mod policy;
mod prefetch;
pub mod render;
pub mod report;
#[cfg(test)]
mod schema;
pub mod segment;
pub mod show;
pub mod signals;
pub mod snapshot;
pub mod source;
mod spelling;
pub mod time;
pub mod timing;
pub mod tracker;
pub mod write;

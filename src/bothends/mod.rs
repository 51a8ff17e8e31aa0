//! Two captures of the same traffic, one at each end.
//!
//! A tap at a host sees all that the host sends and all that reaches it. So each end's history is taken from the capture
//! at that end, where nothing about receipts has to be guessed; the other capture says of each segment when it was sent,
//! or that it was and never arrived. The two are matched by what the segments say, never by the clocks: the clocks are
//! measured by the matches.
//!
//! What neither capture shows stays a belief: a segment that reached the host's tap can still be dropped by the host
//! (a firewall, a full accept queue), and only what the host does then tells.
//!
//! ```
//! use tcpstate::analyze::Options;
//! use tcpstate::bothends::{self, Tap};
//!
//! # let [client, server] = ["loss_client", "loss_server"]
//! #     .map(|name| format!("{}/testdata/{name}.pcap", env!("CARGO_MANIFEST_DIR")));
//! let read = |path: &str| {
//!     let mut source = tcpstate::source::open(&[path])?;
//!     let mut tap = Tap::new(Options::default());
//!     while let Some(packet) = source.next() {
//!         tap.packet(&packet);
//!     }
//!     Ok::<_, tcpstate::source::OpenError>((tap, source.files()))
//! };
//! let report = bothends::merge(read(&client)?, read(&server)?, false)?;
//! for connection in &report.connections {
//!     let path = connection.path.as_ref().expect("captured at both ends");
//!     println!("{}: {} segments of the server were lost", connection.server, path.server.lost);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | file | holds |
//! |---|---|
//! | [`tap`] | one capture: its report, and its segments for matching |
//! | [`segments`] | these segments, kept small, by four-tuple |
//! | `names` | which addresses and ports of one capture are which of the other (NAT) |
//! | [`pair`] | which segment of one capture is which of the other |
//! | `matched` | which connection of one capture is which of the other |
//! | [`clock`] | offset and drift between the two clocks |
//! | `apart` | captures that have nothing to do with each other |
//! | `merge` | two reports as one |
//! | `whole` | whether one capture misses anything |
//! | `witness` | which of the findings about single connections stand |
//! | `wide` | what many connections together show, once of both captures |

mod apart;
pub mod clock;
mod matched;
mod merge;
mod names;
pub mod pair;
pub mod segments;
pub mod tap;
mod whole;
mod wide;
mod witness;

pub use apart::Apart;
pub use merge::merge;
pub use tap::Tap;

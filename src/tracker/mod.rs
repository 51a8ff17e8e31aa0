//! The passive tracker: both endpoints' states from the segments seen between them.
//!
//! A tap sees a segment leave, not arrive. So for each end the tracker keeps a short list of dated events ([`log`]): what
//! the end sent is certain; what it received is believed from the moment it was captured, and confirmed or taken back
//! by what the end does next ([`receipt`](self)). A history is what the one table of transitions ([`rules`]) makes of
//! the list, so that taking an event back needs no undoing.
//!
//! | file | holds |
//! |---|---|
//! | [`rules`] | RFC 9293 Figure 5, one row per arrow |
//! | [`state`] | the eleven states, sets of them, grades of evidence |
//! | [`mark`], [`log`] | events of one end; folding them into a history |
//! | `sequence` | arithmetic of sequence numbers |
//! | [`endpoint`] | one end's stream: sequence numbers, gaps, window |
//! | [`trace`], `copies` | what is remembered of a segment; which segments are copies of it |
//! | [`connection`], `handshake`, `receipt`, `reset` | what one segment proves and suggests |
//! | `plausible` | whether a segment can be of the connection at all |
//! | `usual` | the short way for segments that move nothing; `closing`: for a close in order |
//! | [`run`] | several of these at once |
//! | `clock` | segments that the tap's clock dates before what they acknowledge |
//! | `unseen` | FINs that were not captured |
//! | `late` | what was acknowledged before it was captured |
//! | [`verdict`], `scale` | the histories at a given time, silence weighed |
//! | `possible` | where an end may be as well |
//! | [`table`], `incarnation` | four-tuples; where one connection on them ends and the next begins |
//! | `again` | connections on tape that come after another on their four-tuple |
//! | `adopt` | copies of a few that outlast the others |
//! | `scopes` | the VLANs and tunnels that a connection is seen in |
//! | `lanes` | four-tuples that are seen in many of them |
//! | `ahead` | looking up where segments belong before they are taken |
//! | `index` | connections by their four-tuple, hosts by their address |
//! | `recent` | those spoken on lately, by their ports alone |
//! | [`store`], `heads`, `kept` | where connections are kept: on tape, as records, packed while nothing is said |
//! | `restart` | records that are used again |
//! | `sight`, `turns`, `steady` | looking at connections there, several at once; their steady segments |
//! | [`case`] | a connection with what others note of it |
//! | [`textbook`], [`reading`] | connections that went as RFC 9293 draws them: what became of both ends without a log of beliefs; told from their tapes; [`abridged`]: in one go, by the `numbers` of each segment that matter, and [`entered`]: when their ends entered their states |
//! | [`ended`] | those that did so, and end otherwise: `broken`: by a RST; `crossed`: with FINs that cross; `halved`: where one end goes on behind the other's FIN; `unanswered`: as nobody answered |
//! | `opening` | the handshake that most connections begin with, in one go |
//! | `lone` | connections of which there is but one SYN |
//! | `outline`, `facts` | a connection in short; plain questions about it |
//! | `timers` | when an end took its steps, and which timers have run out |
//! | `tape`, `plain`, `written`, `player` | short connections as the list of their segments; the usual segment; any one as bytes; played back |
//! | `first` | the SYN that a tape begins with, while it is alone |
//! | `syn`, `piece` | the same in less room, while there is a flood of them |
//! | `repeats` | tapes on which something comes again, told at a glance |
//! | [`settled`] | connections of which nothing more is to come |
//! | `evict` | forgetting connections, so that memory stays bounded |
//! | [`profile`] | timers of common stacks |
//! | `packed` | the fields that packing writes |

pub mod abridged;
mod adopt;
mod again;
mod ahead;
mod broken;
pub mod case;
mod clock;
mod closing;
pub mod connection;
mod copies;
mod crossed;
pub mod ended;
pub mod endpoint;
pub mod entered;
mod evict;
mod facts;
mod first;
mod halved;
mod handshake;
mod heads;
mod incarnation;
pub(crate) mod index;
mod kept;
mod lanes;
mod late;
pub mod log;
mod lone;
pub mod mark;
mod numbers;
pub mod opening;
mod outline;
mod packed;
mod piece;
mod plain;
mod plausible;
mod player;
mod possible;
pub mod profile;
pub mod reading;
mod receipt;
mod recent;
mod repeats;
mod reset;
mod restart;
pub mod rules;
pub mod run;
mod scale;
mod scopes;
pub(crate) mod sequence;
pub mod settled;
mod sight;
pub mod state;
mod steady;
pub mod store;
mod syn;
pub mod table;
mod tape;
pub mod textbook;
mod timers;
pub mod trace;
mod turns;
mod unanswered;
mod unseen;
mod usual;
pub mod verdict;
mod written;

pub use ahead::{Ahead, LookUp, TOGETHER};
pub use broken::{Met, Rst};
pub use case::{Case, Notes, Scratch};
pub use connection::{Class, Connection, Taken};
pub use crossed::Crossed;
pub use ended::Ended;
pub use halved::Halved;
pub use lone::{Fate, Lone};
pub use outline::Outline;
pub use profile::{Profile, Stack};
pub use reset::{OVERTAKEN, is_unspent};
pub use state::{Evidence, State, States, UnknownState};

pub use table::Tracker;
pub(crate) use tape::MOST as MOST_ON_TAPE;
pub use textbook::Textbook;
pub use unanswered::Unanswered;
pub use verdict::Verdict;

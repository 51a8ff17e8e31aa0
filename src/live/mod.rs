//! Watching connections while they happen: states now, transitions as they occur, findings as they come and go.
//!
//! A [`Watcher`] is fed packets in order and told what time it is; it knows no clock, no terminal and no socket. What
//! happened since it was last asked comes out as a list of [`Event`]s. Memory is bounded: beyond a number of
//! connections those that matter least are forgotten, in a stated order, and only counted.
//!
//! | file | holds |
//! |---|---|
//! | `watcher` | the loop's view: packets and time in, events out |
//! | `assess` | all connections, a stretch at a time: which have ended, what is wrong |
//! | `bound` | forgetting connections |
//! | `book` | each connection as last shown, and when to look at it again |
//! | `bygone` | connections that are over, as far as findings rest on them |
//! | `counts` | connections per state and side, now and over the last minutes |
//! | `ending` | the report at the end |
//! | `event` | what happened |
//! | `firing` | findings as they come and go |
//! | `gone` | totals over what was forgotten |
//! | `order` | who is forgotten first |
//! | `metrics` | the same in Prometheus' text format |

mod assess;
mod book;
mod bound;
mod bygone;
mod counts;
mod ending;
mod event;
mod firing;
mod gone;
mod metrics;
mod order;
mod watcher;

pub use book::Shown;
pub use counts::{Counts, PAST, Sample};
pub use event::{Event, Interval, Start, Transition};
pub use metrics::{Histogram, Metrics};
pub use watcher::{Followed, Limits, Watcher};

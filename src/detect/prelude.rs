//! What every detector needs.

pub use std::collections::BTreeMap;

pub use serde_json::Value;

pub use super::LISTED;
pub use super::declaration::{Declaration, Detect, Example, Shown, Witness};
pub use super::digest::Digest;
pub use super::digests::Digests;
pub use super::members::Members;
pub use super::plain::{AtLeast, Plain, Word};
pub use super::quality::ONE_DIRECTION;
pub use super::scene::Scene;
pub use super::services::{Counted, Services};
pub use super::sign::Signs;
pub use super::sink::{Sink, seconds};
pub use super::stay::{Crowd, Overlap, peak};
pub use super::threshold::Threshold;
pub use super::view::{Facts, View};
pub use crate::report::number::{count, plural};
pub use crate::report::{Severity, Side};
pub use crate::segment::Socket;
pub use crate::signals;
pub use crate::time::{Span, Time};
pub use crate::tracker::log::Step;
pub use crate::tracker::rules::Event;
pub use crate::tracker::{Evidence, State};

/// Facts from a list.
pub fn facts<const N: usize>(list: [(&'static str, Value); N]) -> Facts {
    list.into_iter().collect()
}

/// `once`, `3 times`.
pub fn times(n: u64) -> String {
    if n == 1 { "once".to_owned() } else { plural(n, "time") }
}

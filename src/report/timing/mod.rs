//! The part of the report that tells where the time went: its shapes, and how they are made of what was measured.

mod connection;
pub mod groups;
pub mod summary;
mod tables;

pub use connection::{Blame, Distribution, GapEnd, Idle, IdleGap, Known, RoundTrips, Stops, Timing};
pub use tables::{GroupTiming, Occupancy, Omitted, Tables};

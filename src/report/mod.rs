//! The report model: what every renderer shows, in the shapes of the JSON contract (`tcpstate/1`).
//!
//! Everything here is plain data. It is built from tracked connections at the end of their life and handed to a
//! renderer; nothing in it refers back to the tracker. Absent means unknown: there are no made-up zeros.

pub mod carried;
pub mod course;
pub mod directory;
pub mod ending;
pub mod ends;
pub mod findings;
mod gather;
pub mod lone;
pub mod model;
pub mod number;
pub mod peaks;
pub mod rollup;
pub mod row;
pub mod severity;
pub mod side;
pub mod spent;
pub mod timing;
pub mod totals;
pub mod vantage;

pub use ending::{ClosedFirst, Ending, Outcome, ResetBy};
pub use ends::{BothEnds, Direction, OtherTap};
pub use findings::Untold;
pub use model::*;
pub use rollup::Rollups;
pub use row::Row;
pub use severity::Severity;
pub use spent::TimeInState;
pub use timing::{Tables, Timing};

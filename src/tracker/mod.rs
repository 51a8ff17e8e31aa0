//! The passive tracker: both endpoints' states from the segments seen between them.

pub mod state;

pub use state::{Evidence, State, States, UnknownState};

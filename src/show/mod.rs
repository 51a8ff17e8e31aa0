//! One connection as a story: every segment with what it did, and both ends' states after it.
//!
//! The connection is looked up first; then the same packets are read once more, and what belongs to it is kept. That way
//! nothing is held of any other connection, however large the capture.
//!
//! | file | holds |
//! |---|---|
//! | `collect` | the segments of one connection, each with what was believed then |
//! | `mark` | what is said of a segment besides its fields |
//! | `story` | from these to lines |
//! | `fold` | the lines that are left out |

mod collect;
mod fold;
mod mark;
mod story;

pub use collect::{Collector, Row};
pub use fold::{Folded, fold};
pub use mark::Mark;
pub use story::{Line, Seen, Story, Turn, story};

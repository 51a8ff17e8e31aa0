//! Writing captures: packets as they come, into pcapng files.
//!
//! | file | holds |
//! |---|---|
//! | `pcapng` | a file |
//! | `rotate` | one, or a row of them |

mod pcapng;
mod rotate;

pub use pcapng::PcapNgWriter;
pub use rotate::{RotatingWriter, Rotation};

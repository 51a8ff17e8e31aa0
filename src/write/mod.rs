//! Writing captures: packets as they come, into pcapng files.

mod pcapng;
mod rotate;

pub use pcapng::PcapNgWriter;
pub use rotate::{RotatingWriter, Rotation};

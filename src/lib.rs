//! Reconstructs the TCP state of both endpoints of every connection from captured segments.

pub mod analyze;
pub mod cli;
pub mod decode;
pub mod detect;
pub mod filter;
pub mod ladder;
pub mod render;
pub mod report;
#[cfg(test)]
mod schema;
pub mod segment;
pub mod show;
pub mod signals;
pub mod snapshot;
pub mod source;
pub mod time;
pub mod timing;
pub mod tracker;

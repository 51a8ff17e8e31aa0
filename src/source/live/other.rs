//! Systems on which interfaces are not read directly.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use super::{CaptureError, Feed, Passed, Settings};
use crate::source::{FileInfo, Packet};

/// The interface that stands for all of them.
pub const ANY: &str = "any";

const INSTEAD: &str =
    "interfaces are read directly on Linux only; pipe them in:\n    tcpdump -U -w - | tcpstate live -";

/// One interface of this machine; none is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: i32,
    /// `up` or `down`.
    pub state: &'static str,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// A capture that cannot be.
#[derive(Debug)]
pub enum Capture {}

impl Capture {
    /// Fails, and says what works instead.
    ///
    /// # Errors
    /// Always.
    pub fn open(_settings: &Settings) -> Result<Capture, CaptureError> {
        Err(CaptureError(INSTEAD.to_owned()))
    }

    /// The name of the interface.
    pub fn name(&self) -> &str {
        match *self {}
    }
}

impl Feed for Capture {
    fn packets(&mut self, _wait: Duration, _most: u64, _take: &mut dyn FnMut(&Packet<'_>)) -> Passed {
        match *self {}
    }

    fn info(&mut self) -> FileInfo {
        match *self {}
    }
}

/// Fails, and says what works instead.
///
/// # Errors
/// Always.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, INSTEAD))
}

/// There is nothing to give up.
///
/// # Errors
/// None.
pub fn drop_privileges() -> io::Result<()> {
    Ok(())
}

//! Live sources: packets as they pass, from an interface or through a pipe.
//!
//! Unlike a file, a live source can have nothing to say for a while: whoever has clocks and keys to attend to reads it in
//! a thread of its own.
//!
//! Interfaces are read through a packet socket of Linux with a ring shared with the kernel. Elsewhere
//! `tcpdump -U -w - | tcpstate live -` does the same.
//!
//! | file | holds |
//! |---|---|
//! | `capture` | packets from an interface; `frame`: the layout of the ring; `twice`: packets seen on several interfaces |
//! | `filter` | the kernel's part of filtering |
//! | `interface` | which interfaces there are |
//! | `privilege` | giving up what is not needed any more |
//! | `sys` | what only the kernel can do: all the `unsafe` of capturing, and the argument for it |
//! | `other` | systems on which interfaces are not read directly |
//! | `pipe` | a capture from a pipe |

#[cfg(target_os = "linux")]
mod capture;
#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod frame;
#[cfg(target_os = "linux")]
mod interface;
#[cfg(not(target_os = "linux"))]
mod other;
mod pipe;
#[cfg(target_os = "linux")]
mod privilege;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
mod twice;

use std::fmt;
use std::time::Duration;

#[cfg(target_os = "linux")]
pub use capture::{ANY, Capture};
#[cfg(target_os = "linux")]
pub use interface::{Interface, interfaces};
#[cfg(not(target_os = "linux"))]
pub use other::{ANY, Capture, Interface, drop_privileges, interfaces};
pub use pipe::Piped;
#[cfg(target_os = "linux")]
pub use privilege::drop_privileges;

use super::{FileInfo, Packet};

/// Bytes that a packet can gain at most after the kernel has cut it to the snap length: the header of a cooked capture
/// and a VLAN tag.
pub const DRESS: u32 = 24;

/// What a live source had to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// Packets.
    Some,
    /// None passed for as long as was waited.
    Nothing,
    /// There will be no more.
    End,
}

/// A source that goes on while it is read.
pub trait Feed {
    /// Gives `take` the packets that are there, at most `most` of them, in capture order. If there are none it waits, an
    /// interface for at most `wait`, a pipe until there are some.
    fn packets(&mut self, wait: Duration, most: u64, take: &mut dyn FnMut(&Packet<'_>)) -> Passed;

    /// What is known of the source so far; the kernel's drop counter is read for it.
    fn info(&mut self) -> FileInfo;

    /// Packets left out because another interface had shown them already.
    fn copies(&self) -> u64 {
        0
    }

    /// Why nothing could be read at all.
    fn failure(&self) -> Option<CaptureError> {
        None
    }
}

/// How to capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the interface, or [`ANY`].
    pub interface: String,
    /// Bytes of each packet to take.
    pub snap_len: u32,
    /// Bytes of the ring that holds packets until they are read.
    pub ring_bytes: u64,
    /// See what is addressed to others too.
    pub promiscuous: bool,
    /// Take tunnels as well, to look into them.
    pub tunnels: bool,
}

/// Why a capture could not begin: one or more lines for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CaptureError(pub String);

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl CaptureError {
    #[cfg(target_os = "linux")]
    fn no_interface(name: &str, all: &[Interface]) -> CaptureError {
        let names: Vec<&str> = all.iter().map(|interface| interface.name.as_str()).collect();
        CaptureError(format!("there is no interface `{name}`\n  there are: {}, {ANY}", names.join(", ")))
    }

    /// What the kernel said, and what to do about it.
    #[cfg(target_os = "linux")]
    fn refused(name: &str, error: &std::io::Error) -> CaptureError {
        use std::io;
        let advice = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                let program = std::env::current_exe().map_or_else(|_| "tcpstate".into(), |p| p.display().to_string());
                format!(
                    "capturing needs a privilege. Give it to the program, once:\n    \
                     sudo setcap cap_net_raw,cap_net_admin=eip {program}\n  \
                     or run this command with sudo; the privilege is given up once the capture is open"
                )
            }
            io::ErrorKind::OutOfMemory => "there is no memory for a ring of that size; try a smaller --ring".to_owned(),
            _ => return CaptureError(format!("{name}: {error}")),
        };
        CaptureError(format!("{name}: {error}\n  {advice}"))
    }
}

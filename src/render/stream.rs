//! Formats for programs of which connections are written while others still pass: what is known at the end only comes after
//! them.

use std::io;

use super::pen::Lines;
use super::pen::connection::End;
use super::{RenderOptions, order};
use crate::report::lone::LoneSyns;
use crate::report::{Connection, Report};

/// A report being written, some connections after the other.
pub trait Stream {
    /// Whether lone SYNs may be told in short.
    const LONE_IN_SHORT: bool;
    /// So many findings of a kind and severity are written.
    const FINDINGS: usize = usize::MAX;

    /// Adds to `made` what is written of `connections` and of `lone` SYNs, all in order of their numbers.
    fn make(made: &mut Lines, connections: &[Connection<impl End>], lone: &LoneSyns);

    /// Writes what was made elsewhere, and empties it.
    ///
    /// # Errors
    /// Only those of the output, as of all others.
    fn made(&mut self, made: &mut Lines) -> io::Result<()>;

    /// Makes and writes `connections` and `lone` SYNs, all in order of their numbers.
    ///
    /// # Errors
    /// Only those of the output.
    fn connections(&mut self, connections: &[Connection<impl End>], lone: &LoneSyns) -> io::Result<()>;

    /// Writes all that follows the connections.
    ///
    /// # Errors
    /// Only those of the output.
    fn end(&mut self, report: &Report) -> io::Result<()>;
}

/// Writes all of `report`, its connections as `options` ask for, to `out`.
pub(super) fn whole(report: &Report, options: &RenderOptions, mut out: impl Stream) -> io::Result<()> {
    order::for_programs(report, options).try_for_each(|c| out.connections(std::slice::from_ref(c), &LoneSyns::NONE))?;
    out.end(report)
}

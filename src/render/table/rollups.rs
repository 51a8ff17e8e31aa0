//! The roll-ups per service and host.

use std::io;

use super::{Page, timing};
use crate::render::RenderOptions;
use crate::render::rollups::tables;
use crate::report::Report;

/// Writes the sections.
pub fn write(report: &Report, options: &RenderOptions, page: &mut Page<'_>) -> io::Result<()> {
    tables(report, options).iter_mut().try_for_each(|table| {
        table.fit_numbers(page.width);
        timing::section(table, page)
    })
}

//! The table view at the widths people have.

#[path = "common/report.rs"]
mod report;

use tcpstate::render::{Format, Limit, RenderOptions, SortKey, render};
use tcpstate::report::Report;

fn shown(report: &Report, options: &RenderOptions) -> String {
    let mut out = Vec::new();
    render(Format::Table, report, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn at(width: usize) -> RenderOptions {
    RenderOptions { width, ..RenderOptions::default() }
}

#[test]
fn dump() {
    for w in [80, 120, 200] {
        println!("{}", shown(&report::large(), &at(w)));
        println!("=================================");
    }
    println!("{}", shown(&report::small(), &at(100)));
    println!("{}", shown(&report::small(), &RenderOptions { detail: true, ..at(100) }));
    println!("{}", shown(&report::empty(), &at(100)));
}

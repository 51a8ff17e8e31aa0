//! Findings as a list: their order, and those that are only counted.

use super::model::Finding;
use super::severity::Severity;

/// Findings of one kind and severity that are counted, and not told each: where hosts are scanned there is one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// Code of the anomaly.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
    /// How severe they are.
    pub severity: Severity,
    /// How many there are.
    pub findings: u64,
    /// Connections that show them.
    pub connections: u64,
}

/// Most severe first, then those with the most cases, then by code; equals stay in their order. What is said of connections
/// stands before what is said of the capture (code Q).
pub fn sort(findings: &mut [Finding]) {
    let of_capture = |f: &Finding| f.code.starts_with('Q');
    findings.sort_by(|a, b| {
        (b.severity, of_capture(a), b.count, a.code).cmp(&(a.severity, of_capture(b), a.count, b.code))
    });
}

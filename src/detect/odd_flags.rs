//! P01: flags that no stack sends together.

use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "P01",
    name: "odd-flags",
    severity: Severity::Warning,
    summary: "a segment has flags that no stack sends together",
    what: "SYN with FIN or RST, FIN with RST, FIN without ACK, or no flag at all.",
    why: "Scanners probe with such segments, evasion tools hide behind them, and broken devices make them.",
    decided: "The flags of a single segment (RFC 9293 §3.1; RFC 9293 §3.10.7 has no use for these).",
    confused: "ECN flags, which are fine.",
    advice: "Who sends them, and to how many ports? One source and many ports is a scan (port-scan).",
    thresholds: &[],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one("1. CLOSED --> <SEQ=100><CTL=SYN,FIN> --> CLOSED\n"),
    silent: Example::one(opened!("4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK,ECE> --> ESTABLISHED\n")),
    detect: Detect::Connection(Signs::ODD, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some((e, packet, flags)) = view.signals.cold().and_then(|r| r.odd_flags) else { return };
    let message = || format!("{} sent a segment with the flags {flags}", view.who(e));
    sink.raise(Severity::Warning, view.connection.first, packet, message)
        .at(e)
        .fact_with("flags", || flags.to_string().into());
}

//! F02: a transfer went as fast as the receiver's window allows, and no faster.

use super::prelude::*;

pub(super) const BYTES: Threshold = Threshold::count(
    "window-limited",
    500_000,
    "how many bytes a transfer must have",
    "fewer are over before it matters",
);
const SHARE: Threshold = Threshold::share(
    "window-limited-share",
    700_000,
    "which share of the largest window must have passed in each round trip",
    "70 %: the beginning is slower",
);

/// Nine times 60,000 bytes, a round trip of 100 ms each, after a handshake without window scaling; before the second the
/// sender waits.
macro_rules! transfer {
    ($pause:literal) => {
        concat!(
            "1. SYN_SENT    --> <SEQ=100><CTL=SYN>              --> SYN_RCVD\n",
            "2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +100ms\n",
            "3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>     --> ESTABLISHED\n",
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=60000> --> ESTABLISHED\n",
            "5. ESTABLISHED <-- <SEQ=301><ACK=60101><CTL=ACK><WIN=65535> <-- ESTABLISHED @ +100ms\n",
            "6. ESTABLISHED --> <SEQ=60101><ACK=301><CTL=ACK><LEN=60000> --> ESTABLISHED",
            $pause,
            "\n",
            "7. ESTABLISHED <-- <SEQ=301><ACK=120101><CTL=ACK><WIN=65535> <-- ESTABLISHED @ +100ms\n",
            "8. ESTABLISHED --> <SEQ=120101><ACK=301><CTL=ACK><LEN=60000> --> ESTABLISHED\n",
            "9. ESTABLISHED <-- <SEQ=301><ACK=180101><CTL=ACK><WIN=65535> <-- ESTABLISHED @ +100ms\n",
            "10. ESTABLISHED --> <SEQ=180101><ACK=301><CTL=ACK><LEN=60000> --> ESTABLISHED\n",
            "11. ESTABLISHED <-- <SEQ=301><ACK=240101><CTL=ACK><WIN=65535> <-- ESTABLISHED @ +100ms\n",
            "12. ESTABLISHED --> <SEQ=240101><ACK=301><CTL=ACK><LEN=60000> --> ESTABLISHED\n",
            "13. ESTABLISHED <-- <SEQ=301><ACK=300101><CTL=ACK><WIN=65535> <-- ESTABLISHED @ +100ms\n",
            "14. ESTABLISHED --> <SEQ=300101><ACK=301><CTL=ACK><LEN=60000> --> ESTABLISHED\n",
            "15. ESTABLISHED <-- <SEQ=301><ACK=360101><CTL=ACK><WIN=65535> <-- ESTABLISHED @ +100ms\n",
            "16. ESTABLISHED --> <SEQ=360101><ACK=301><CTL=ACK><LEN=60000> --> ESTABLISHED\n",
            "17. ESTABLISHED <-- <SEQ=301><ACK=420101><CTL=ACK><WIN=65535> <-- ESTABLISHED @ +100ms\n",
            "18. ESTABLISHED --> <SEQ=420101><ACK=301><CTL=ACK><LEN=60000> --> ESTABLISHED\n",
            "19. ESTABLISHED <-- <SEQ=301><ACK=480101><CTL=ACK><WIN=65535> <-- ESTABLISHED @ +100ms\n",
            "20. ESTABLISHED --> <SEQ=480101><ACK=301><CTL=ACK><LEN=60000> --> ESTABLISHED\n",
            "21. ESTABLISHED <-- <SEQ=301><ACK=540101><CTL=ACK><WIN=65535> <-- ESTABLISHED @ +100ms\n",
        )
    };
}

pub static DECLARATION: Declaration = Declaration {
    code: "F02",
    name: "window-limited",
    severity: Severity::Warning,
    summary: "a transfer is held to the receiver's window in each round trip, not by the network",
    what: "An end sent about as much in each round trip as the largest window that the other ever offered, from beginning to end.",
    why: "No faster network makes it faster: one window per round trip is the most that TCP allows. Without window scaling that \
          is 64 KiB, which is 650 kB/s at 100 ms.",
    decided: "All bytes over the time they took, against the largest window over the round trip that the capture shows (RFC \
              7323 §1.1). A warning where the SYNs did not agree on window scaling, a note where they did.",
    confused: "zero-window-stall, where the application does not read; loss, which keeps the sender below the window; a sender \
               that has no more to send.",
    advice: "Without scaling: which SYN lacks the option? An old stack, net.ipv4.tcp_window_scaling 0, SYN cookies, or a device \
             that strips options. With it: a receive buffer set by SO_RCVBUF, which turns auto-tuning off.",
    thresholds: &[&BYTES, &SHARE],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(transfer!("")),
    silent: Example::one(transfer!(" @ +5s")),
    detect: Detect::Connection(Signs::ANY, detect),
};

/// A round trip below which no window matters.
const NEAR: Span = Span::millis(5);

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let ends = &view.connection.ends;
    let least = u64::try_from(view.limit(&BYTES)).unwrap_or(u64::MAX);
    if ends[0].bytes.max(ends[1].bytes) < least || view.is_midstream() || view.is_one_sided() {
        return;
    }
    let (Some(a), Some(b)) = (ends[0].turnaround(), ends[1].turnaround()) else { return };
    let round = Span(a.0.saturating_add(b.0));
    if round < NEAR {
        return;
    }
    for e in 0..2 {
        let (bytes, window) = (ends[e].bytes, ends[1 - e].largest_window());
        let (Some(opened), Some(last)) = (view.entered(e, State::Established), view.end(e).last_data()) else {
            continue;
        };
        // The last window is sent at once.
        let took = last + round - opened.mark.time;
        if bytes < least || window == 0 || took.0 <= 0 || view.cold(1 - e).zero.times > 0 {
            continue;
        }
        let per_round = bytes as f64 * round.as_secs_f64() / took.as_secs_f64();
        let share = per_round / f64::from(window);
        // Beyond the window there is something that the capture does not tell.
        if share * 1e6 < view.limit(&SHARE) as f64 || share > 1.2 {
            continue;
        }
        let scaled = ends[0].offered_scale() && ends[1].offered_scale();
        let (severity, why) = if scaled {
            (Severity::Note, "")
        } else {
            (Severity::Warning, ", which cannot be larger because the SYNs did not agree on window scaling")
        };
        let rate = f64::from(window) / round.as_secs_f64();
        let message = || {
            format!(
                "{} sent {} at the pace of the window of {}: {} in each round trip of {} make {} kB/s at most{why}",
                view.who(e),
                plural(bytes, "byte"),
                view.who(1 - e),
                plural(window.into(), "byte"),
                Plain(round),
                count((rate / 1e3).round() as u64),
            )
        };
        sink.raise(severity, opened.mark.time, opened.mark.packet, message)
            .at(1 - e)
            .lasted("for", took)
            .fact("window", window)
            .fact("scaled", scaled)
            .fact("share", (share * 1e3).round() / 1e3)
            .span("round_trip", round);
    }
}

//! C06: both ends close at once.

use super::prelude::*;
use super::sink::Brief;
use crate::report::Anomaly;
use crate::tracker::Verdict;

pub static DECLARATION: Declaration = Declaration {
    code: "C06",
    name: "simultaneous-close",
    severity: Severity::Info,
    summary: "both ends closed before either knew of the other's FIN",
    what: "The FINs crossed: both ends went through CLOSING and both hold TIME_WAIT.",
    why: "Harmless, but it costs two TIME_WAITs instead of one, and says that both applications close on the same event, \
          often the same timeout.",
    decided: "A history goes through CLOSING (RFC 9293 §3.6 case 3, Figure 13). How far apart the FINs were sent is told by the \
              histories, if both were captured.",
    confused: "a FIN that crosses an acknowledgment of data only.",
    advice: "Nothing; if it is frequent, let one side's idle timeout be shorter.",
    thresholds: &[],
    absence: false,
    witness: Witness::Either,
    raises: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> ...
5. CLOSING <-- <SEQ=301><ACK=101><CTL=FIN,ACK> <-- FIN_WAIT_1
6. CLOSING ... <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSING
7. CLOSING --> <SEQ=102><ACK=302><CTL=ACK> --> TIME_WAIT
8. TIME_WAIT <-- <SEQ=302><ACK=102><CTL=ACK> <-- TIME_WAIT
"
    )),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
"
    )),
    detect: Detect::Connection(Signs::reached(State::Closing), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    if view.is_one_sided() {
        return;
    }
    let Some(step) = (0..2).filter_map(|e| view.entered(e, State::Closing)).min_by_key(|s| s.mark.time) else { return };
    let fins = [0, 1].map(|e| view.event(e, Event::SndFin).filter(|s| !s.mark.is_deduced()).map(|s| s.at));
    let apart = fins[0].zip(fins[1]).map(|(a, b)| Span((b - a).0.abs()));
    let message = || match apart {
        Some(apart) => told(apart),
        None => {
            let unseen = usize::from(fins[0].is_some());
            let who = view.who(unseen);
            if view.connection.ends[unseen].fins > 0 {
                // In what order they passed is not known then.
                return format!(
                    "both ends may have sent their FIN before either got the other's; that of {who} was captured behind its \
                     acknowledgment"
                );
            }
            format!("both ends had sent their FIN before either got the other's; that of {who} was not captured")
        }
    };
    let found = sink.raise(Severity::Info, step.mark.time, step.mark.packet, message);
    if let Some(apart) = apart {
        found.span(APART, apart);
    }
}

/// The fact of how far apart they were sent.
const APART: &str = "apart";

fn told(apart: Span) -> String {
    words!["both ends sent their FIN within ", Plain(apart), " of each other"]
}

/// What `brief` says in short, of a connection that went by the book, and of whose ends this became.
pub(super) fn by_the_book(brief: &Brief, verdicts: &[Verdict; 2]) -> Anomaly {
    let Declaration { code, name, .. } = DECLARATION;
    let Brief { severity, endpoint, time, packet, .. } = *brief;
    let sent = |verdict: &Verdict| verdict.steps.iter().find(|s| s.mark.event == Event::SndFin).map_or(time, |s| s.at);
    let [client, server] = verdicts.each_ref().map(sent);
    let apart = Span((server - client).0.abs());
    let (message, facts) = (told(apart), facts([(APART, seconds(apart))]));
    Anomaly { code, name, severity, endpoint, time, packet: (packet != 0).then_some(packet), message, facts }
}

//! E06: a router says that packets are too big, and their sender heeds it.

use super::mtu_black_hole::{fails, told};
use super::prelude::*;
use crate::segment::IcmpKind;
use crate::tracker::sequence::after;

pub static DECLARATION: Declaration = Declaration {
    code: "E06",
    name: "path-mtu-lowered",
    severity: Severity::Info,
    summary: "a router told an end that its packets are too big: path MTU discovery works",
    what: "A router on the path has a link with a smaller MTU than the ends suppose, says so by ICMP, and the sender sends \
           smaller segments.",
    why: "Nothing is broken: this is how path MTU discovery is meant. What was too big is sent again, which costs a round trip \
          at the beginning of a transfer.",
    decided: "ICMP fragmentation needed or packet too big (RFC 1191, RFC 8201) quotes a segment of the connection, and the same \
              large segment is not sent again and again after it.",
    confused: "mtu-black-hole, where the errors do not come, do not reach the sender, or are not heeded.",
    advice: "Nothing needs to be done as long as these ICMP messages are let through everywhere. To spare the round trip, clamp \
             the MSS at the device with the smaller link (`--clamp-mss-to-pmtu`), or set that MTU on the hosts.",
    thresholds: &[],
    absence: false,
    witness: Witness::Itself,
    raises: Example::told(
        opened!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1460> -->x ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1360> --> ESTABLISHED @ +2ms
6. ESTABLISHED <-- <SEQ=301><ACK=1461><CTL=ACK> <-- ESTABLISHED
7. ESTABLISHED --> <SEQ=1461><ACK=301><CTL=ACK><LEN=100> --> ESTABLISHED
8. ESTABLISHED <-- <SEQ=301><ACK=1561><CTL=ACK> <-- ESTABLISHED
"
        ),
        4,
        IcmpKind::TooBig(1_400),
    ),
    silent: Example::told(
        opened!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1460> -->x ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1460> -->x ESTABLISHED @ +300ms
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1460> -->x ESTABLISHED @ +600ms
7. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1460> -->x ESTABLISHED @ +1200ms
"
        ),
        4,
        IcmpKind::TooBig(1_400),
    ),
    detect: Detect::Connection(Signs::ODD, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in 0..2 {
        let Some(told) = told(view, e) else { continue };
        if fails(view, e).is_some() {
            continue;
        }
        let went_on = view.connection.ends[e].acked().is_some_and(|acked| after(acked, told.seq));
        let message = || {
            let size = if told.mtu > 0 {
                format!("larger than {} bytes", count(told.mtu.into()))
            } else {
                "as large as its".to_owned()
            };
            let rest = if went_on {
                "and the transfer went on"
            } else {
                "and the capture does not show what it sent after that acknowledged"
            };
            format!(
                "router {} told {} {} that packets {size} do not pass, {rest}",
                told.first.from,
                view.who(e),
                times(told.count.into()),
            )
        };
        let raised = sink.raise(Severity::Info, told.first.time, told.first.packet, message);
        let raised = raised.at(e).fact("errors", told.count).fact("went_on", went_on);
        let raised = raised.fact_with("from", || told.first.from.to_string().into());
        if told.mtu > 0 {
            raised.fact("mtu", told.mtu);
        }
    }
}

//! What each of the eleven states means to someone who looks for a fault: the text behind `tcpstate explain`.

use crate::tracker::State;

/// One page of the manual of states.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The state.
    pub state: State,
    /// What it is, in one sentence.
    pub meaning: &'static str,
    /// Who has to do what before anything changes.
    pub waiting: &'static str,
    /// How it is entered.
    pub entered: &'static str,
    /// How it is left.
    pub left: &'static str,
    /// How long it lasts when all is well, with Linux's defaults.
    pub normal: &'static str,
    /// How it looks in `ss`.
    pub ss: &'static str,
    /// What to do when it lasts, or when there are many.
    pub stuck: &'static str,
    /// What a capture shows of it.
    pub capture: &'static str,
}

/// The page of a state.
pub fn page(state: State) -> &'static Page {
    &PAGES[state as usize]
}

/// All pages in the order of [`State::ALL`].
pub const PAGES: [Page; 11] = [
    Page {
        state: State::Closed,
        meaning: "No connection: the socket does not exist, or is not connected to anything.",
        waiting: "Nobody: there is nothing to wait for.",
        entered: "From LAST_ACK by the ACK of our FIN, from TIME_WAIT after 2 MSL, from any state by a RST sent or received or by giving up.",
        left: "To SYN_SENT by connect(), to LISTEN by listen().",
        normal: "For ever.",
        ss: "Not listed; the kernel's name for it is TCP_CLOSE. `ss -tan state closed` shows unconnected sockets.",
        stuck: "It cannot be. If a peer still holds the connection, that peer is half-open: it learns of it by the RST that answers its next segment, or by keepalive.",
        capture: "An end that times out or is killed goes to CLOSED without a packet; then the capture allows more than one state (`possible`).",
    },
    Page {
        state: State::Listen,
        meaning: "Waiting for connection requests on a port.",
        waiting: "This host for any client's SYN.",
        entered: "From CLOSED by listen().",
        left: "The listening socket stays; each SYN makes a new connection in SYN_RCVD beside it.",
        normal: "As long as the server runs.",
        ss: "`ss -ltn`. Recv-Q is how many connections wait for accept(), Send-Q how many may: when Recv-Q reaches Send-Q, further handshakes are ignored.",
        stuck: "Clients in SYN_SENT or in ESTABLISHED without an answer while Recv-Q >= Send-Q: the accept queue is full. Look at `nstat -az TcpExtListenOverflows TcpExtListenDrops`; accept faster, raise the backlog and net.core.somaxconn.",
        capture: "Never seen itself; a server is taken to have been in LISTEN before its SYN_RCVD.",
    },
    Page {
        state: State::SynSent,
        meaning: "Our SYN was sent; waiting for the peer's SYN-ACK.",
        waiting: "The client for the server, or for whatever stands between them.",
        entered: "From CLOSED by sending SYN: connect().",
        left: "To ESTABLISHED by SYN-ACK, to SYN_RCVD by a SYN without ACK (simultaneous open), to CLOSED by RST (refused) or by giving up.",
        normal: "One round trip.",
        ss: "`ss -tano state syn-sent`; the timer column shows the next retry and how many there were.",
        stuck: "The SYN is dropped on the way (firewall, route, security group), the host is down, the accept queue is full, or the answer takes another path. Linux tries for about 131 s (tcp_syn_retries 6, since 6.5 with linear timeouts first). Capture on the server: if the SYN arrives there, the fault is there or on the way back.",
        capture: "Repeated SYNs with the same sequence number, at 1 s, 2 s, 4 s … or, on Linux since 6.5, several at 1 s first.",
    },
    Page {
        state: State::SynRcvd,
        meaning: "The peer's SYN was received and answered by SYN-ACK; waiting for the ACK that completes the handshake.",
        waiting: "The server for the client's ACK.",
        entered: "From LISTEN by received SYN; from SYN_SENT by received SYN (simultaneous open).",
        left: "To ESTABLISHED by the ACK, to CLOSED by RST or by giving up, to FIN_WAIT_1 by close().",
        normal: "One round trip.",
        ss: "`ss -tan state syn-recv`. With SYN cookies the kernel keeps nothing, so that nothing is listed.",
        stuck: "Many, from many addresses: a SYN flood, see `nstat -az TcpExtSyncookiesSent`. A few: the SYN-ACK or the last ACK is lost, the routes are asymmetric, or a load balancer only knocks. Client ESTABLISHED and server SYN_RCVD: the accept queue is full and the last ACK is ignored. Linux repeats the SYN-ACK 5 times, 63 s in all (tcp_synack_retries).",
        capture: "SYN-ACKs repeated although the client's ACK was captured: the server did not take it.",
    },
    Page {
        state: State::Established,
        meaning: "Open: data flows both ways.",
        waiting: "Each application for the other, as they please.",
        entered: "From SYN_SENT by SYN-ACK, from SYN_RCVD by the ACK of our SYN.",
        left: "To FIN_WAIT_1 by sending FIN, to CLOSE_WAIT by receiving FIN, to CLOSED by RST or by giving up.",
        normal: "As long as the applications want; silence is no fault.",
        ss: "`ss -tanoi state established`; Send-Q not empty and a growing `backoff` mean that nobody acknowledges.",
        stuck: "Silent for long: the peer may be gone without a word (power, NAT, failover). Turn on keepalive below the idle timeout of what is between (commonly 60 s to 350 s) or set TCP_USER_TIMEOUT. Data that is never acknowledged: Linux gives up after about 15 min (tcp_retries2 15).",
        capture: "A connection captured from its middle is assumed to be here.",
    },
    Page {
        state: State::FinWait1,
        meaning: "Our FIN was sent and is not acknowledged yet.",
        waiting: "This host's kernel for the peer's ACK.",
        entered: "From ESTABLISHED (or SYN_RCVD) by sending FIN: close() or shutdown().",
        left: "To FIN_WAIT_2 by the ACK of our FIN, to CLOSING by a FIN that does not acknowledge ours, to TIME_WAIT by one that does, to CLOSED by RST or by giving up.",
        normal: "One round trip, longer while data is still to be sent.",
        ss: "`ss -tano state fin-wait-1`; Send-Q counts the FIN and the data before it.",
        stuck: "The peer is gone or the path is cut, or its window is zero and data stands before the FIN. An orphan gives up after 8 tries, about 100 s (tcp_orphan_retries); many of them hold memory (tcp_max_orphans).",
        capture: "The FIN repeated, and no acknowledgment covers it.",
    },
    Page {
        state: State::FinWait2,
        meaning: "Our FIN is acknowledged; the peer has not sent its own.",
        waiting: "This host for the peer's application to close.",
        entered: "From FIN_WAIT_1 by the ACK of our FIN.",
        left: "To TIME_WAIT by the peer's FIN, to CLOSED by RST, or by a timeout when no application holds it.",
        normal: "As long as the peer's application takes to close: milliseconds; minutes in a half-close that is used.",
        ss: "`ss -tano state fin-wait-2`. After close() Linux drops it after 60 s (tcp_fin_timeout) and answers later data by RST; after shutdown() it may last for ever.",
        stuck: "Look at the peer: it is in CLOSE_WAIT and its application does not close. The fault is there, not here.",
        capture: "After our FIN was acknowledged, no FIN from the peer. Whether the kernel dropped it in the meantime cannot be seen: `possible` then also has CLOSED.",
    },
    Page {
        state: State::CloseWait,
        meaning: "The peer's FIN was received; our application has not closed.",
        waiting: "This host for its own application: no timer, no packet and no kernel setting ends this state.",
        entered: "From ESTABLISHED by receiving FIN.",
        left: "To LAST_ACK by sending FIN: close(); to CLOSED by RST.",
        normal: "As long as the application takes to read the end of the stream: milliseconds.",
        ss: "`ss -tanp state close-wait` names the process; a Recv-Q above 1 is data that it has not read (the FIN counts 1).",
        stuck: "It is the application: a response that is never closed, a blocked thread, a pool that never evicts, a forgotten descriptor in a child. Each holds a file descriptor; find the code by `ls -l /proc/PID/fd` and thread dumps, restart to relieve.",
        capture: "The peer's FIN acknowledged, and no FIN of its own after it.",
    },
    Page {
        state: State::Closing,
        meaning: "Both ends sent FIN at the same time: the peer's has arrived, ours is not acknowledged yet.",
        waiting: "This host's kernel for the ACK of our FIN.",
        entered: "From FIN_WAIT_1 by a FIN that does not acknowledge ours.",
        left: "To TIME_WAIT by the ACK of our FIN, to CLOSED by RST or by giving up.",
        normal: "At most one round trip.",
        ss: "`ss -tano state closing`.",
        stuck: "Rare. The ACK of our FIN is lost again and again: the path was cut just then.",
        capture: "Two FINs that cross.",
    },
    Page {
        state: State::LastAck,
        meaning: "Both FINs were sent, the peer's first; waiting for the ACK of ours.",
        waiting: "This host's kernel for the peer's last ACK.",
        entered: "From CLOSE_WAIT by sending FIN.",
        left: "To CLOSED by the ACK of our FIN, by RST, or by giving up.",
        normal: "One round trip.",
        ss: "`ss -tano state last-ack`; the timer column shows the repeats of the FIN.",
        stuck: "The peer has already forgotten the connection or cannot be reached, or a firewall dropped its entry after the first FIN. It ends by itself after about 100 s.",
        capture: "The second FIN repeated, and no acknowledgment covers it.",
    },
    Page {
        state: State::TimeWait,
        meaning: "Both FINs are acknowledged; the end that closed first waits 2 MSL so that stray segments die and a lost last ACK can be sent again.",
        waiting: "This host for the clock.",
        entered: "From FIN_WAIT_2 by the peer's FIN, from CLOSING by the ACK of our FIN, from FIN_WAIT_1 by a FIN that acknowledges ours.",
        left: "To CLOSED after 2 MSL (Linux 60 s, macOS 30 s, Windows 120 s by default), or earlier by a new SYN of the same client.",
        normal: "Exactly 2 MSL; a FIN that comes again starts it anew.",
        ss: "`ss -tano state time-wait`; `ss -s` counts them. No process is shown: the application is long gone.",
        stuck: "It is the sound end of a connection; only too many hurt. Some 28,000 to one server address and port use up a Linux client's ports (net.ipv4.ip_local_port_range): keep connections alive and pool them, let the other end close first, set net.ipv4.tcp_tw_reuse=1 on clients. Never use the old tcp_tw_recycle.",
        capture: "The state is proven by packets, its end by a clock: such an entry is marked as `timer`.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_own_page() {
        for state in State::ALL {
            assert_eq!(page(state).state, state);
        }
    }
}

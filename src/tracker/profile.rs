//! Timers of common TCP stacks, as data.

use crate::time::Span;

/// A TCP implementation whose timers are modelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stack {
    /// Linux: `TCP_TIMEWAIT_LEN` 60 s, `tcp_synack_retries` 5, `tcp_syn_retries` 6 with linear timeouts (since 6.5).
    #[default]
    Linux,
    /// FreeBSD: `net.inet.tcp.msl` 30 s.
    FreeBsd,
    /// macOS: `net.inet.tcp.msl` 15 s.
    MacOs,
    /// Windows: `TcpTimedWaitDelay` 120 s.
    Windows,
    /// RFC 9293 §3.4.2: MSL 2 minutes; RFC 1122 §4.2.3.5: at least 3 minutes for a SYN.
    Rfc,
}

/// The timers of one stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Length of TIME_WAIT.
    pub two_msl: Span,
    /// From the first SYN to the end of a connect that is never answered.
    pub syn_sent: Span,
    /// From the first SYN,ACK to the end of a request that is never completed.
    pub syn_rcvd: Span,
    /// How long a FIN_WAIT_2 without an application behind it may last before it is dropped silently.
    pub orphan_fin_wait_2: Span,
    /// Whether an open end delays the acknowledgment of a FIN, as any other (Linux `tcp_fin`; BSD, macOS and Windows send it at
    /// once).
    pub delays_ack_of_fin: bool,
    /// Ports from which outgoing connections are numbered (inclusive).
    pub ephemeral_ports: (u16, u16),
}

/// That of the default stack.
impl Default for Profile {
    fn default() -> Profile {
        Stack::default().profile()
    }
}

impl Stack {
    /// All of them, with the names that `--stack` takes.
    pub const ALL: [(&'static str, Stack); 5] = [
        ("linux", Stack::Linux),
        ("freebsd", Stack::FreeBsd),
        ("macos", Stack::MacOs),
        ("windows", Stack::Windows),
        ("rfc", Stack::Rfc),
    ];

    /// As `--stack` takes it.
    pub fn name(self) -> &'static str {
        Stack::ALL.into_iter().find(|(_, stack)| *stack == self).map_or("linux", |(name, _)| name)
    }

    /// Its timers with default settings.
    pub const fn profile(self) -> Profile {
        const fn p(two_msl: i64, syn: i64, syn_rcvd: i64, orphan: i64, ports: (u16, u16)) -> Profile {
            Profile {
                two_msl: Span::secs(two_msl),
                syn_sent: Span::secs(syn),
                syn_rcvd: Span::secs(syn_rcvd),
                orphan_fin_wait_2: Span::secs(orphan),
                delays_ack_of_fin: false,
                ephemeral_ports: ports,
            }
        }
        match self {
            Stack::Linux => Profile { delays_ack_of_fin: true, ..p(60, 131, 63, 60, (32768, 60999)) },
            Stack::FreeBsd => p(60, 75, 75, 60, (10000, 65535)),
            Stack::MacOs => p(30, 75, 75, 60, (49152, 65535)),
            Stack::Windows => p(120, 21, 21, 120, (49152, 65535)),
            Stack::Rfc => p(240, 180, 180, 240, (1024, 65535)),
        }
    }
}

//! What of a connection stands in the last byte of its row: whether it is what scanners make, and how the rest of it is kept.

/// Whether a connection is what scanners make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Probe {
    /// It is not.
    #[default]
    No,
    /// It was offered or opened, and ended or was left, without any payload.
    Empty,
    /// A segment of it has flags that no stack sends together, and none has payload.
    Odd,
    /// An ICMP error answered it, and nothing of its server was captured.
    Rejected,
    /// Nothing of its server was captured, and nothing else is to be said.
    Unheard,
}

/// A [`Probe`], and how the rest of a connection is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind(u8);

impl Kind {
    /// A lone SYN: there is no more to it.
    pub const LONE: u8 = 1 << 3;
    /// What there is more is kept as it is, not as a [`Usual`](super::usual::Usual).
    pub const WHOLE: u8 = 1 << 4;
    /// A [`Usual`](super::usual::Usual) with an [`Attempt`](super::attempt::Attempt).
    pub const ATTEMPT: u8 = 1 << 5;
    /// It began too far from the first of its stretch.
    pub const FAR: u8 = 1 << 6;
    /// Its server was in SYN_RCVD.
    pub const HALF_OPEN: u8 = 1 << 7;

    pub fn new(probe: Probe, kept: u8) -> Kind {
        Kind(probe as u8 | kept)
    }

    #[inline]
    pub fn is(self, kept: u8) -> bool {
        self.0 & kept != 0
    }

    /// All of it.
    #[inline]
    pub fn bits(self) -> u8 {
        self.0
    }

    #[inline]
    pub fn probe(self) -> Probe {
        const ALL: [Probe; 8] = {
            let mut all = [Probe::No; 8];
            let some = [Probe::No, Probe::Empty, Probe::Odd, Probe::Rejected, Probe::Unheard];
            let mut i = 0;
            while i < some.len() {
                all[some[i] as usize] = some[i];
                i += 1;
            }
            all
        };
        ALL[usize::from(self.0 & 7)]
    }
}

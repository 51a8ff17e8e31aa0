//! What a ladder says of a segment besides its fields.

/// What is to be said of a segment besides its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Captured twice, or repeated by the network.
    Copy,
    /// Outside both ends' windows.
    Astray,
    /// With none of SYN, RST and ACK: its receiver drops it.
    NoAck,
    /// A RST that changed nothing at its receiver.
    ResetIgnored,
    /// SYN or SYN,ACK again.
    OpeningAgain,
    /// The last byte again, to a closed window.
    WindowProbe,
    /// The last byte again, to see whether the other end is there.
    Keepalive,
    /// Sent again.
    Retransmission,
    /// Below the end of the stream, and not captured before.
    GapFill,
    /// Acknowledges the same as before.
    DuplicateAck,
    /// Offers no window.
    ZeroWindow,
    /// Opens the window again.
    WindowUpdate,
}

impl Mark {
    /// Whether the segment moves nothing.
    pub fn moves_nothing(&self) -> bool {
        matches!(self, Mark::ResetIgnored | Mark::Astray | Mark::NoAck | Mark::Copy)
    }

    /// Whether what it brings was sent before.
    pub fn is_again(&self) -> bool {
        matches!(self, Mark::Retransmission | Mark::OpeningAgain | Mark::GapFill)
    }

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Mark::Copy => "copy of an earlier segment",
            Mark::Astray => "outside the windows",
            Mark::NoAck => "dropped without ACK",
            Mark::ResetIgnored => "RST ignored",
            Mark::OpeningAgain => "SYN again",
            Mark::WindowProbe => "window probe",
            Mark::Keepalive => "keepalive",
            Mark::Retransmission => "retransmission",
            Mark::GapFill => "fills a gap",
            Mark::DuplicateAck => "duplicate ACK",
            Mark::ZeroWindow => "zero window",
            Mark::WindowUpdate => "window opens",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mark;

    #[test]
    fn a_copy_may_be_of_the_network_as_well_as_of_the_capture() {
        assert_eq!(Mark::Copy.name(), "copy of an earlier segment");
    }
}

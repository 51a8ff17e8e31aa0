//! Bytes from some header on: those that were captured, and how many there were on the wire.

/// A view into a packet. Reading past what was captured gives `None`, which ends decoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a> {
    /// What was captured; never more than `wire`.
    pub(crate) data: &'a [u8],
    /// How many bytes there were, by the headers so far.
    pub(crate) wire: usize,
}

impl<'a> Bytes<'a> {
    /// `wire` is raised to the captured length where a file claims less.
    pub(crate) fn new(data: &'a [u8], wire: usize) -> Bytes<'a> {
        Bytes { data, wire: wire.max(data.len()) }
    }

    /// Without the first `n` bytes.
    pub(crate) fn skip(self, n: usize) -> Option<Bytes<'a>> {
        Some(Bytes { data: self.data.get(n..)?, wire: self.wire.checked_sub(n)? })
    }

    /// With the length that a header gives: what lies behind it is padding or a trailer. A header that claims more
    /// than the frame had is not believed: such a packet is damaged, and its receiver drops it.
    pub(crate) fn of_length(self, wire: usize) -> Bytes<'a> {
        let wire = wire.min(self.wire);
        Bytes { data: &self.data[..self.data.len().min(wire)], wire }
    }

    pub(crate) fn u8(self, at: usize) -> Option<u8> {
        self.data.get(at).copied()
    }

    pub(crate) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.data.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    pub(crate) fn be16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(crate) fn be32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    pub(crate) fn le16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(crate) fn le32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }
}

//! One figure of many connections, packed into bytes.

use super::packed::{self, Entries, LABELS};

/// One figure of many connections, in their order; several entries of one connection stand together.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// The label of an entry tells how many connections after that of the one before it its own is; [`LABELS`] that the
    /// number is that, and the entry itself comes next.
    bytes: Vec<u8>,
    /// The connection of the last entry.
    last: u32,
}

impl Column {
    /// Appends an entry of `connection`, which is not before that of the last one.
    pub fn push(&mut self, connection: u32, value: u64) {
        // An entry takes nine bytes at most, two of them come. A quarter more at a time: columns are long, and many.
        if self.bytes.capacity() - self.bytes.len() < 18 {
            self.bytes.reserve_exact((self.bytes.len() / 4).max(64));
        }
        let mut on = connection - self.last;
        if on >= u32::from(LABELS) {
            packed::push(&mut self.bytes, LABELS, on.into());
            on = 0;
        }
        packed::push(&mut self.bytes, on as u8, value);
        self.last = connection;
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Gives every entry with its connection.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u64)> {
        let mut connection = 0_u32;
        Entries(&self.bytes).filter_map(move |(label, value)| {
            if label == LABELS {
                connection = connection.wrapping_add(value as u32);
                return None;
            }
            connection = connection.wrapping_add(u32::from(label));
            Some((connection, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_without_entries_are_skipped() {
        let mut column = Column::default();
        let entries = [(0, 5), (0, 6), (3, 0), (14, 7), (29, 8), (30, 9), (1_000_000, u64::MAX), (u32::MAX, 1)];
        entries.iter().for_each(|(connection, value)| column.push(*connection, *value));
        assert_eq!(column.entries().collect::<Vec<_>>(), entries);
    }
}

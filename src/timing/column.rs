//! One figure of many connections, packed into bytes.

use super::packed::{self, Entries, LABELS};

/// One figure of many connections, in their order; several entries of one connection stand together.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// The label of an entry tells how many connections after that of the one before it its own is; [`LABELS`] that the
    /// number is that, and the entry itself comes next.
    bytes: Vec<u8>,
    /// How many of them are in use.
    used: usize,
    /// The connection of the last entry.
    last: u32,
}

impl Column {
    /// Appends an entry of `connection`, which is not before that of the last one.
    #[inline]
    pub fn push(&mut self, connection: u32, value: u64) {
        let on = self.go_on(connection);
        self.write(on, value);
    }

    /// Appends three entries of `connection`.
    #[inline]
    pub fn push_three(&mut self, connection: u32, [a, b, c]: [u64; 3]) {
        let on = self.go_on(connection);
        self.write(on, a);
        self.write(0, b);
        self.write(0, c);
    }

    /// Makes room for what is said of `connection` next; the label of its entry.
    #[inline]
    fn go_on(&mut self, connection: u32) -> u8 {
        // An entry takes nine bytes at most, four of them come.
        if self.bytes.len() - self.used < 36 {
            self.grow();
        }
        let on = connection - self.last;
        self.last = connection;
        if on < u32::from(LABELS) {
            return on as u8;
        }
        self.write(LABELS, on.into());
        0
    }

    /// Writes an entry with all its bytes; those that do not count are overwritten by the next.
    #[inline]
    fn write(&mut self, label: u8, value: u64) {
        let (entry, counting) = packed::entry(label, value);
        if let Some(room) = self.bytes.get_mut(self.used..).and_then(|room| room.first_chunk_mut()) {
            *room = entry;
            self.used += counting;
        }
    }

    /// An eighth more at a time: columns are long, and many.
    #[cold]
    fn grow(&mut self) {
        let more = (self.bytes.len() / 8).max(64);
        self.bytes.reserve_exact(more);
        self.bytes.resize(self.bytes.len() + more, 0);
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Gives every entry with its connection.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u64)> {
        let mut connection = 0_u32;
        Entries(&self.bytes[..self.used]).filter_map(move |(label, value)| {
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

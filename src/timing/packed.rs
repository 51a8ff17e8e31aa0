//! Numbers in a row of bytes, each with a small label: most spans need four bytes of the eight.
//!
//! An entry is a head (low half: how many bytes follow; high half: the label) and the number's bytes, least first.

/// How many bytes `value` needs.
#[inline]
fn width(value: u64) -> usize {
    8 - value.leading_zeros() as usize / 8
}

/// An entry of `value` under `label` (at most 15): its bytes, and how many of them count.
#[inline]
pub fn entry(label: u8, value: u64) -> ([u8; 9], usize) {
    let width = width(value);
    let mut entry = [0; 9];
    entry[0] = label << 4 | width as u8;
    entry[1..].copy_from_slice(&value.to_le_bytes());
    (entry, 1 + width)
}

/// Appends `value` under `label`. All bytes are written, and those that do not count taken back: that is the fastest.
#[inline]
pub fn push(bytes: &mut Vec<u8>, label: u8, value: u64) {
    let (entry, counting) = entry(label, value);
    bytes.extend_from_slice(&entry);
    bytes.truncate(bytes.len() - (entry.len() - counting));
}

/// Entries of which there are few as a rule: the first `N` bytes of them need no allocation.
#[derive(Clone)]
pub struct Row<const N: usize> {
    inline: [u8; N],
    /// How many of `inline` are in use.
    used: u8,
    /// All of them, once there is no room in `inline`.
    #[allow(clippy::box_collection, reason = "eight bytes instead of 24 in every row, and hardly a row needs it")]
    all: Option<Box<Vec<u8>>>,
}

impl<const N: usize> Default for Row<N> {
    fn default() -> Row<N> {
        Row { inline: [0; N], used: 0, all: None }
    }
}

/// What is in it: how it is kept, and what was there before, tells nothing.
impl<const N: usize> std::fmt::Debug for Row<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}

impl<const N: usize> Row<N> {
    /// Begins anew: what is written counts no more.
    #[inline]
    pub fn restart(&mut self) {
        (self.used, self.all) = (0, None);
    }

    /// Appends `value` under `label`.
    #[inline]
    pub fn push(&mut self, label: u8, value: u64) {
        let (entry, counting) = entry(label, value);
        let used = usize::from(self.used);
        match self.inline.get_mut(used..).and_then(|free| free.first_chunk_mut::<9>()) {
            Some(free) if self.all.is_none() => {
                *free = entry;
                self.used += counting as u8;
            }
            _ => self.push_outside(label, value),
        }
    }

    #[cold]
    fn push_outside(&mut self, label: u8, value: u64) {
        let inline = &self.inline[..usize::from(self.used)];
        push(self.all.get_or_insert_with(|| Box::new(inline.to_vec())), label, value);
    }

    /// All entries.
    #[inline]
    pub fn entries(&self) -> Entries<'_> {
        match &self.all {
            Some(all) => Entries::of(all),
            None => Entries { bytes: &self.inline, at: 0, end: usize::from(self.used) },
        }
    }
}

/// What is left of eight bytes of which so many count.
const MASKS: [u64; 16] = {
    let mut masks = [u64::MAX; 16];
    let mut width = 0;
    while width < 8 {
        masks[width] = (1 << (8 * width)) - 1;
        width += 1;
    }
    masks
};

/// Reads entries, label and number, in order.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    /// All, and what lies behind them: as a rule there is enough to read eight bytes at once.
    bytes: &'a [u8],
    /// Where the next one begins, and where all of them end.
    at: usize,
    end: usize,
}

impl<'a> Entries<'a> {
    /// All in these bytes.
    pub fn of(bytes: &'a [u8]) -> Entries<'a> {
        Entries { bytes, at: 0, end: bytes.len() }
    }
}

impl Iterator for Entries<'_> {
    type Item = (u8, u64);

    #[inline]
    fn next(&mut self) -> Option<(u8, u64)> {
        let (head, rest) = self.bytes.get(self.at..)?.split_first().filter(|_| self.at < self.end)?;
        let width = usize::from(head & 15);
        let word = match rest.first_chunk::<8>() {
            Some(word) => *word,
            None => {
                let mut word = [0; 8];
                rest.iter().zip(&mut word).for_each(|(from, to)| *to = *from);
                word
            }
        };
        self.at += 1 + width;
        Some((head >> 4, u64::from_le_bytes(word) & MASKS[width]))
    }
}

impl<const N: usize> crate::pack::Pack for Row<N> {
    fn blank() -> Self {
        Row::default()
    }

    fn is_blank(&self) -> bool {
        self.used == 0 && self.all.is_none()
    }

    fn pack(&self, out: &mut crate::pack::Out<'_>) {
        let bytes = match &self.all {
            Some(all) => all.as_slice(),
            None => &self.inline[..usize::from(self.used)],
        };
        out.number((bytes.len() as u64) << 1 | u64::from(self.all.is_some()));
        out.bytes(bytes);
    }

    fn read(&mut self, from: &mut crate::pack::In<'_>) {
        *self = Self::unpack(from);
    }

    fn unpack(from: &mut crate::pack::In<'_>) -> Self {
        let head = from.number();
        let bytes = from.some_bytes((head >> 1) as usize);
        let mut row = Row::default();
        if head & 1 != 0 {
            row.all = Some(Box::new(bytes.to_vec()));
        } else {
            let used = bytes.len().min(N);
            row.inline[..used].copy_from_slice(&bytes[..used]);
            row.used = used as u8;
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for shift in 0..64 {
            for value in [(1_u64 << shift) - 1, 1 << shift] {
                let label = (shift % 16) as u8;
                push(&mut bytes, label, value);
                expected.push((label, value));
            }
        }
        push(&mut bytes, 15, u64::MAX);
        expected.push((15, u64::MAX));
        assert_eq!(Entries::of(&bytes).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_row_may_outgrow_its_place() {
        let mut row = Row::<20>::default();
        let entries: Vec<(u8, u64)> = (0..40).map(|i| (i as u8 % 7, 1 << i)).collect();
        for n in 0..entries.len() {
            assert!(row.entries().eq(entries[..n].iter().copied()), "{n}");
            row.push(entries[n].0, entries[n].1);
        }
    }

    #[test]
    fn small_numbers_take_few_bytes() {
        let mut bytes = Vec::new();
        push(&mut bytes, 3, 0);
        push(&mut bytes, 3, 30_000_000);
        assert_eq!(bytes.len(), 1 + 5);
    }
}

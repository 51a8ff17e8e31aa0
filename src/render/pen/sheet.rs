//! Room that is asked for once: what is short is written without asking at each word whether there is room for it.

use super::Pen;

/// What is written on a sheet is shorter than this.
pub const MOST: usize = 1 << 13;

/// So many bytes are written at once at most, those that do not count included.
const PIECE: usize = 256;

/// How much room a sheet takes, however little is written on it.
pub const ROOM: usize = MOST + PIECE;

/// Writes forward as a [`Pen`] does, and goes from hand to hand as that does.
#[derive(Debug)]
pub struct Sheet<'a> {
    room: &'a mut [u8; ROOM],
    at: usize,
}

impl Pen<'_> {
    /// Lets `write` write less than eight thousand bytes.
    #[inline(always)]
    pub fn sheet(self, write: impl FnOnce(Sheet<'_>) -> Sheet<'_>) -> Option<Self> {
        let Sheet { at, .. } = write(Sheet { room: self.room.first_chunk_mut()?, at: 0 });
        debug_assert!(at < MOST, "{at} bytes are too much for a sheet");
        Some(Pen { room: self.room.get_mut(at..)? })
    }
}

impl Sheet<'_> {
    /// Lets `fill` write into the next `N` bytes, of which `len` count.
    #[inline(always)]
    pub fn fill<const N: usize>(mut self, len: usize, fill: impl FnOnce(&mut [u8; N])) -> Self {
        const { assert!(N <= PIECE) };
        // There always is room behind that place, so that nothing is asked.
        if let Some(to) = self.room[self.at % MOST..].first_chunk_mut::<N>() {
            fill(to);
        }
        self.at += len;
        self
    }

    /// How much is written on it.
    #[inline(always)]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Writes `byte` where something is written.
    #[inline(always)]
    pub fn over(self, at: usize, byte: u8) -> Self {
        self.room[at % MOST] = byte;
        self
    }

    /// Writes `bytes`.
    #[inline(always)]
    pub fn put<const N: usize>(self, bytes: &[u8; N]) -> Self {
        self.fill(N, |to| *to = *bytes)
    }

    /// Writes the first `len` of `bytes`.
    #[inline(always)]
    pub fn part<const N: usize>(self, bytes: &[u8; N], len: usize) -> Self {
        self.fill(len, |to| *to = *bytes)
    }

    /// Writes text of any length, for which there is room.
    #[inline(always)]
    pub fn text(mut self, text: &[u8]) -> Self {
        if let Some(to) = self.room[self.at % MOST..].get_mut(..text.len()) {
            to.copy_from_slice(text);
            self.at += text.len();
        }
        self
    }

    /// Writes what stands at this place once more, so many bytes, `N` at most.
    #[inline(always)]
    pub fn again<const N: usize>(self, (at, len): (usize, usize)) -> Self {
        const { assert!(N <= PIECE) };
        match self.room[at % MOST..].first_chunk::<N>().copied() {
            Some(text) => self.part(&text, len),
            None => self,
        }
    }

    /// Writes a word of our own, of any length up to that of a piece.
    #[inline]
    pub fn word(mut self, word: &str) -> Self {
        let room = &mut self.room[self.at % MOST..][..PIECE];
        if let Some(to) = room.get_mut(..word.len()) {
            to.copy_from_slice(word.as_bytes());
            self.at += word.len();
        }
        self
    }

    /// Writes any float.
    #[cold]
    pub fn float(mut self, number: f64) -> Self {
        let mut room = &mut self.room[self.at % MOST..][..PIECE];
        if serde_json::to_writer(&mut room, &number).is_ok() {
            self.at += PIECE - room.len();
        }
        self
    }

    /// Writes a piece.
    #[inline(always)]
    pub fn piece<const N: usize>(self, Piece { text, len }: &Piece<N>) -> Self {
        self.part(text, *len)
    }

    /// Writes a piece without so many bytes at its end.
    #[inline(always)]
    pub fn piece_without<const N: usize>(self, Piece { text, len }: &Piece<N>, end: usize) -> Self {
        self.part(text, len - end)
    }
}

/// Text and room behind it, which are copied together: their length is known to the compiler.
#[derive(Clone, Copy, Debug)]
pub struct Piece<const N: usize> {
    text: [u8; N],
    len: usize,
}

impl<const N: usize> Piece<N> {
    /// No text.
    pub const EMPTY: Piece<N> = Piece { text: [0; N], len: 0 };

    /// This text.
    pub const fn of(text: &str) -> Piece<N> {
        Piece::EMPTY.and(text)
    }

    /// The same with `more` behind it.
    #[must_use]
    pub const fn and(mut self, more: &str) -> Piece<N> {
        let mut i = 0;
        while i < more.len() {
            self.text[self.len] = more.as_bytes()[i];
            self.len += 1;
            i += 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_begun_only_where_all_has_room() {
        fn write(sheet: Sheet<'_>) -> Sheet<'_> {
            sheet.put(b"ab").part(b"cdef", 1).piece(&Piece::<8>::of("g").and("h")).word("").word("ijk").float(0.25)
        }
        let mut room = [0; ROOM + 2];
        let left = Pen::new(&mut room).sheet(write).expect("there is room").left();
        assert_eq!(String::from_utf8_lossy(&room[..ROOM + 2 - left]), "abcghijk0.25");
        assert!(Pen::new(&mut room[..ROOM - 1]).sheet(write).is_none());
    }
}

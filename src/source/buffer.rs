//! A refill buffer over any reader: the bytes of a record lie in one piece, and nothing is copied per packet.

use std::io::{ErrorKind, Read};

/// First allocation; small files and files that are only sniffed need no more.
const FIRST: usize = 64 << 10;
/// Size once a read has filled that. What was read is still in the second nearest cache when its headers are looked at;
/// twice as much is not, and no read is the cheaper for it.
const STEADY: usize = 1 << 18;

/// Bytes read ahead from an input, with the offset at which they stood in it.
pub(crate) struct Buffer {
    input: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset in the (decompressed) input of `bytes[start]`.
    offset: u64,
    ended: bool,
    failure: Option<String>,
}

impl Buffer {
    pub(crate) fn new(input: Box<dyn Read + Send>) -> Buffer {
        Buffer { input, bytes: Vec::new(), start: 0, end: 0, offset: 0, ended: false, failure: None }
    }

    /// What is buffered and not yet consumed.
    pub(crate) fn available(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The same with what stands before it: what is available begins at [`Buffer::position`].
    pub(crate) fn held(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// Position of the first available byte in [`Buffer::all`].
    pub(crate) fn position(&self) -> u32 {
        self.start as u32
    }

    /// Everything held, also what was consumed; it stays in place until the next `fill`.
    #[inline]
    pub(crate) fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// Offset in the (decompressed) input of the first available byte.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Why reading failed, if it was not simply the end.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Marks `n` available bytes as done.
    pub(crate) fn consume(&mut self, n: usize) {
        let n = n.min(self.end - self.start);
        self.start += n;
        self.offset += n as u64;
    }

    /// Passes over `n` bytes without holding them; returns how many there were.
    pub(crate) fn skip(&mut self, n: u64) -> u64 {
        let mut left = n;
        loop {
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(self.end - self.start);
            self.consume(here);
            left -= here as u64;
            if left == 0 || !self.fill(1) {
                return n - left;
            }
        }
    }

    /// Tries to have `n` bytes available; false when the input ends or fails before.
    pub(crate) fn fill(&mut self, n: usize) -> bool {
        while self.end - self.start < n {
            if self.ended {
                return false;
            }
            // A short read tells of a small file or a slow pipe: what there is is enough.
            let full = self.end == self.bytes.len() && !self.bytes.is_empty();
            let want = if full { STEADY } else { FIRST };
            let want = want.max(n.next_power_of_two());
            if self.bytes.len() < want {
                // Fresh zero pages of the system, instead of growing and clearing.
                let mut larger = vec![0; want];
                larger[..self.end - self.start].copy_from_slice(self.available());
                self.bytes = larger;
            } else {
                self.bytes.copy_within(self.start..self.end, 0);
            }
            self.end -= self.start;
            self.start = 0;
            match self.input.read(&mut self.bytes[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(got) => self.end += got,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    self.ended = true;
                    self.failure = Some(super::text::printable(&e.to_string()));
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, as a slow pipe would.
    struct Drip(Vec<u8>);

    impl Read for Drip {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            match self.0.pop() {
                Some(byte) => {
                    buf[0] = byte;
                    Ok(1)
                }
                None => Ok(0),
            }
        }
    }

    #[test]
    fn short_reads_are_joined_and_offsets_count_what_was_consumed() {
        let mut buffer = Buffer::new(Box::new(Drip((0..100).rev().collect())));
        assert!(buffer.fill(10));
        assert_eq!(buffer.available(), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        buffer.consume(4);
        assert_eq!(buffer.offset(), 4);
        assert_eq!(buffer.skip(90), 90);
        assert!(buffer.fill(6));
        assert!(!buffer.fill(7), "only six bytes are left");
        assert_eq!(buffer.available(), &[94, 95, 96, 97, 98, 99]);
        assert_eq!(buffer.skip(10), 6);
    }
}

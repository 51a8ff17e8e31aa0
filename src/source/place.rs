//! The place in compressed input at which something goes wrong, told in plain words.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far compressed input was taken.
#[derive(Debug, Default)]
struct Place {
    /// Bytes taken of it.
    taken: AtomicU64,
    /// More was wanted than there is.
    ended: AtomicBool,
}

impl Place {
    /// Notes that `bytes` more were taken: whoever reads is alone, so that nothing need be locked.
    fn take(&self, bytes: usize) {
        self.taken.store(self.taken.load(Ordering::Relaxed) + bytes as u64, Ordering::Relaxed);
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// Compressed input that notes how far it was taken.
pub(super) struct Traced<R> {
    input: R,
    place: Arc<Place>,
}

/// What is inside `input`, by the decompressor that `open` makes of it; `name` is what that is called.
pub(super) fn placed<R: BufRead, D: Read>(
    name: &'static str,
    input: R,
    open: impl FnOnce(Traced<R>) -> D,
) -> Placed<D> {
    let place = Arc::new(Place::default());
    Placed { inside: open(Traced { input, place: Arc::clone(&place) }), place, name }
}

impl<R: BufRead> Read for Traced<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.input.read(out)?;
        self.place.take(got);
        if got == 0 && !out.is_empty() {
            self.place.end();
        }
        Ok(got)
    }

    fn read_exact(&mut self, out: &mut [u8]) -> io::Result<()> {
        let there = self.input.fill_buf()?.len();
        match self.input.read_exact(out) {
            Ok(()) => self.place.take(out.len()),
            Err(error) => {
                if error.kind() == io::ErrorKind::UnexpectedEof {
                    self.place.take(there.min(out.len()));
                    self.place.end();
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

impl<R: BufRead> BufRead for Traced<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let there = self.input.fill_buf()?;
        if there.is_empty() {
            self.place.end();
        }
        Ok(there)
    }

    fn consume(&mut self, bytes: usize) {
        self.place.take(bytes);
        self.input.consume(bytes);
    }
}

/// A decompressor whose errors say where they are.
pub(super) struct Placed<D> {
    inside: D,
    place: Arc<Place>,
    name: &'static str,
}

impl<D: Read> Read for Placed<D> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.inside.read(out).map_err(|error| {
            let (name, at) = (self.name, self.place.taken.load(Ordering::Relaxed));
            match error.kind() {
                // It says all there is to say, or is not about what is compressed.
                io::ErrorKind::Interrupted | io::ErrorKind::Unsupported => error,
                _ if error.raw_os_error().is_some() => error,
                _ if self.place.ended.load(Ordering::Relaxed) => {
                    let text = format!("the {name} data ends in the middle, after {at} bytes");
                    io::Error::new(io::ErrorKind::UnexpectedEof, text)
                }
                kind => io::Error::new(kind, format!("the {name} data is damaged before byte {at}: {error}")),
            }
        })
    }
}

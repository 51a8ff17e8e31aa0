//! Decompression in a thread of its own, some blocks ahead of the reader.
//!
//! The first part is read in place: small files and files that are only looked at start no thread.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Bytes read before a thread is worth it.
const IN_PLACE: usize = 1 << 20;
/// Bytes handed over at a time.
const BLOCK: usize = 512 << 10;
/// Blocks that wait for the reader.
const WAITING: usize = 3;

/// A reader that begins in place and goes on in a thread.
pub(crate) enum Ahead {
    InPlace { input: Option<Box<dyn Read + Send>>, read: usize },
    Thread(Blocks),
}

impl Ahead {
    pub(crate) fn new(input: Box<dyn Read + Send>) -> Ahead {
        Ahead::InPlace { input: Some(input), read: 0 }
    }
}

impl Read for Ahead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Ahead::InPlace { input, read } = self {
            if *read < IN_PLACE {
                let got = input.as_mut().map_or(Ok(0), |input| input.read(out))?;
                *read += got;
                return Ok(got);
            }
            let Some(input) = input.take() else { return Ok(0) };
            *self = Ahead::Thread(Blocks::start(input)?);
        }
        match self {
            Ahead::Thread(blocks) => blocks.read(out),
            Ahead::InPlace { .. } => Ok(0),
        }
    }
}

/// What comes from the thread. An empty block is the end; a channel that ends without one is a thread that failed.
pub(crate) struct Blocks {
    full: Receiver<io::Result<Vec<u8>>>,
    empty: SyncSender<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Blocks {
    fn start(input: Box<dyn Read + Send>) -> io::Result<Blocks> {
        let (full_in, full) = sync_channel(WAITING);
        let (empty, empty_out) = sync_channel(WAITING + 2);
        let name = "decompress".to_string();
        // It ends by itself when the reader is gone and its next block finds no taker.
        thread::Builder::new().name(name).spawn(move || fill(input, &full_in, &empty_out))?;
        Ok(Blocks { full, empty, current: Vec::new(), at: 0, ended: false })
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.current.len() && !self.ended {
            let next = self.full.recv().unwrap_or_else(|_| Err(io::Error::other("decompression stopped")));
            let used = std::mem::take(&mut self.current);
            if used.capacity() > 0 {
                // If the thread has ended nobody needs it.
                let _ = self.empty.try_send(used);
            }
            self.at = 0;
            match next {
                Ok(block) => {
                    self.ended = block.is_empty();
                    self.current = block;
                }
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
        }
        let rest = &self.current[self.at..];
        let got = rest.len().min(out.len());
        out[..got].copy_from_slice(&rest[..got]);
        self.at += got;
        Ok(got)
    }
}

/// Reads blocks to the end or to an error; what was read before an error is handed over first.
fn fill(mut input: Box<dyn Read + Send>, full: &SyncSender<io::Result<Vec<u8>>>, empty: &Receiver<Vec<u8>>) {
    loop {
        let mut block = empty.try_recv().unwrap_or_default();
        block.resize(BLOCK, 0);
        let mut len = 0;
        let mut failure = None;
        while len < BLOCK && failure.is_none() {
            match input.read(&mut block[len..]) {
                Ok(0) => break,
                Ok(got) => len += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => failure = Some(error),
            }
        }
        let ended = len == 0;
        block.truncate(len);
        if (!ended || failure.is_none()) && full.send(Ok(block)).is_err() {
            return;
        }
        if let Some(error) = failure {
            // The reader may be gone; then nobody wants to know.
            let _ = full.send(Err(error));
            return;
        }
        if ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives so many bytes, 1,000 at a time, then fails or ends.
    struct Count(u32, u32, bool);

    impl Read for Count {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let Count(at, end, fails) = self;
            if at == end {
                return if *fails { Err(io::Error::other("as told")) } else { Ok(0) };
            }
            let len = out.len().min(1_000).min((*end - *at) as usize);
            out[..len].iter_mut().for_each(|byte| {
                *byte = (*at % 251) as u8;
                *at += 1;
            });
            Ok(len)
        }
    }

    #[test]
    fn all_bytes_come_in_order_and_the_failure_after_them() {
        for (len, fails) in [(10, false), (10, true), (5_000_000, false), (5_000_000, true), (1 << 20, false)] {
            let mut ahead = Ahead::new(Box::new(Count(0, len, fails)));
            let mut all = Vec::new();
            assert_eq!(ahead.read_to_end(&mut all).is_err(), fails);
            assert_eq!(all.len(), len as usize);
            assert!(all.iter().zip(0_u32..).all(|(&byte, n)| byte == (n % 251) as u8));
            assert_eq!(ahead.read(&mut [0; 8]).unwrap_or(0), 0, "the end stays the end");
        }
    }

    #[test]
    fn a_reader_that_goes_away_ends_the_thread() {
        let mut ahead = Ahead::new(Box::new(Count(0, u32::MAX, false)));
        let mut some = vec![0; 3 << 20];
        ahead.read_exact(&mut some).unwrap();
        drop(ahead);
    }
}

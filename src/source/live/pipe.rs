//! A capture from a pipe as a live source.

use std::io::Read;

use super::{CaptureError, Feed, Passed};
use crate::source::{FileInfo, Packet, Source, open_reader};

/// Packets from a pipe. It is read where [`Feed::packets`] is called, which waits for as long as nothing is written into
/// the pipe.
pub struct Piped {
    name: String,
    /// Until it is known what comes.
    input: Option<Box<dyn Read + Send>>,
    source: Option<Box<dyn Source>>,
    failure: Option<CaptureError>,
    taken: u64,
}

impl Piped {
    /// A capture from `input`. Nothing is read yet.
    pub fn open(name: &str, input: Box<dyn Read + Send>) -> Piped {
        Piped { name: name.to_owned(), input: Some(input), source: None, failure: None, taken: 0 }
    }

    /// Reads what tells the format.
    fn begin(&mut self, input: Box<dyn Read + Send>) {
        match open_reader(&self.name, input) {
            Ok(source) => self.source = Some(source),
            Err(error) => {
                let cause = error.failures.first().map_or("", |(_, cause)| cause.as_str());
                self.failure = Some(CaptureError(cause.to_owned()));
            }
        }
    }
}

impl Feed for Piped {
    fn packets(&mut self, _wait: std::time::Duration, most: u64, take: &mut dyn FnMut(&Packet<'_>)) -> Passed {
        if let Some(input) = self.input.take() {
            self.begin(input);
            // Whoever waits may want to know what comes although nothing has come yet.
            return Passed::Nothing;
        }
        let Some(batch) = self.source.as_mut().and_then(|source| source.batch()) else { return Passed::End };
        for packet in batch.take(usize::try_from(most).unwrap_or(usize::MAX)) {
            self.taken += 1;
            take(&packet);
        }
        Passed::Some
    }

    fn info(&mut self) -> FileInfo {
        let info = self.source.as_ref().and_then(|source| source.files().into_iter().next()).unwrap_or_default();
        FileInfo { name: self.name.clone(), packets: self.taken, ..info }
    }

    fn failure(&self) -> Option<CaptureError> {
        self.failure.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::time::Duration;

    use super::*;

    fn all(piped: &mut Piped, most: u64) -> (u64, u64) {
        let (mut goes, mut packets) = (0, 0);
        while piped.packets(Duration::ZERO, most, &mut |_| packets += 1) != Passed::End {
            goes += 1;
        }
        (goes, packets)
    }

    #[test]
    fn what_is_no_capture_is_told_and_ends() {
        let mut piped = Piped::open("-", Box::new(Cursor::new(b"not a capture".to_vec())));
        assert_eq!(all(&mut piped, 10), (1, 0));
        assert!(piped.failure().is_some_and(|failure| failure.to_string().starts_with("is not a capture")));
    }

    #[test]
    fn packets_come_as_they_are_and_no_more_than_wanted() {
        let mut out = b"\x4d\x3c\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0".to_vec();
        for second in 1..=3_u8 {
            out.extend([second, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, second]);
        }
        let mut piped = Piped::open("-", Box::new(Cursor::new(out.clone())));
        assert_eq!(all(&mut piped, u64::MAX).1, 3);
        assert_eq!((piped.info().packets, piped.failure()), (3, None));
        let mut piped = Piped::open("-", Box::new(Cursor::new(out)));
        assert_eq!(piped.packets(Duration::ZERO, 2, &mut |_| {}), Passed::Nothing);
        let mut packets = 0;
        assert_eq!(piped.packets(Duration::ZERO, 2, &mut |_| packets += 1), Passed::Some);
        assert_eq!(packets, 2);
    }
}

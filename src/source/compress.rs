//! Compressed input, recognised by its first bytes and read as a stream. All of it is pure Rust.
//!
//! Concatenated members and frames are read to the last, which every one of the libraries needs a push for.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as ZstdFrame};

use super::place::placed;

/// Memory an xz stream may ask for, in KiB: more than `xz -9` needs (65 MiB).
const XZ_MEMORY: u32 = 256 << 10;
/// Bytes the decompressors read at a time.
const READ: usize = 256 << 10;

/// A way of compressing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
    Lz4,
    Xz,
    Bzip2,
}

impl Compression {
    /// By the first six bytes.
    pub(crate) fn detect(bytes: &[u8]) -> Option<Compression> {
        match bytes {
            [0x1f, 0x8b, ..] => Some(Compression::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Compression::Zstd),
            [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => Some(Compression::Lz4),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Compression::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Compression::Bzip2),
            _ => None,
        }
    }

    /// As it stands in [`FileInfo::format`](super::FileInfo::format).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Lz4 => "lz4",
            Compression::Xz => "xz",
            Compression::Bzip2 => "bzip2",
        }
    }

    /// A reader of what is inside.
    pub(crate) fn open(self, input: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let (name, input) = (self.name(), BufReader::with_capacity(READ, input));
        match self {
            Compression::Gzip => Box::new(placed(name, input, flate2::bufread::MultiGzDecoder::new)),
            Compression::Zstd => {
                Box::new(placed(name, input, |input| Zstd { input, frame: ZstdFrame::new(), open: false }))
            }
            Compression::Lz4 => {
                Box::new(placed(name, input, |input| Lz4 { frame: Some(lz4_flex::frame::FrameDecoder::new(input)) }))
            }
            Compression::Xz => {
                Box::new(placed(name, input, |input| lzma_rust2::XzReader::new_mem_limit(input, true, XZ_MEMORY)))
            }
            Compression::Bzip2 => Box::new(placed(name, input, bzip2::bufread::MultiBzDecoder::new)),
        }
    }
}

/// What is wrong in `words`: the library's own are for its developers. A reader that failed says so itself.
fn broken(error: &(dyn Error + 'static), words: &str) -> io::Error {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(os) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return io::Error::from_raw_os_error(os);
        }
        cause = error.source();
    }
    io::Error::other(words)
}

/// zstd: frame after frame, skippable ones passed over, checksums compared.
struct Zstd<R> {
    input: R,
    frame: ZstdFrame,
    open: bool,
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.open {
                if self.input.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                match self.frame.init(&mut self.input) {
                    Ok(()) => self.open = true,
                    Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                        length, ..
                    })) => {
                        let length = u64::from(length);
                        if io::copy(&mut (&mut self.input).take(length), &mut io::sink())? < length {
                            return Err(io::ErrorKind::UnexpectedEof.into());
                        }
                        continue;
                    }
                    Err(FrameDecoderError::WindowSizeTooBig { .. }) => {
                        return Err(io::Error::new(
                            io::ErrorKind::Unsupported,
                            "the zstd window is larger than is supported; decompress it with `zstd -d --long=31`",
                        ));
                    }
                    Err(error) => return Err(broken(&error, "no frame begins here")),
                }
            }
            while self.frame.can_collect() == 0 && !self.frame.is_finished() {
                let step = BlockDecodingStrategy::UptoBlocks(1);
                self.frame
                    .decode_blocks(&mut self.input, step)
                    .map_err(|error| broken(&error, "a block cannot be decoded"))?;
            }
            let got = self.frame.read(out)?;
            if got > 0 || out.is_empty() {
                return Ok(got);
            }
            self.open = false;
            let (stored, computed) = (self.frame.get_checksum_from_data(), self.frame.get_calculated_checksum());
            if let (Some(stored), Some(computed)) = (stored, computed)
                && stored != computed
            {
                return Err(io::Error::other("the checksum differs"));
            }
        }
    }
}

/// lz4: `Ok(0)` ends a frame, not the file; each frame gets a decoder of its own.
struct Lz4<R: Read> {
    frame: Option<lz4_flex::frame::FrameDecoder<R>>,
}

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(frame) = &mut self.frame else { return Ok(0) };
            let got = frame.read(out)?;
            if got > 0 || out.is_empty() {
                return Ok(got);
            }
            let Some(frame) = self.frame.take() else { return Ok(0) };
            let mut input = frame.into_inner();
            if input.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.frame = Some(lz4_flex::frame::FrameDecoder::new(input));
        }
    }
}

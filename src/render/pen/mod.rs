//! JSON written by hand: the bytes that `serde_json` would write, at a fiftieth of the work. A capture of
//! a million connections comes to gigabytes of lines, and a general formatter asks at every field what kind it is of.
//!
//! A [`Pen`] writes into what room it is given, front to back, and gives up (`None`) where the room ends; [`Lines`] makes
//! more and lets it begin the line again. So nothing is written twice but at the end of a buffer, and no length has to be
//! known before.
//!
//! Every struct is taken apart by name without `..`: a new field of the model does not compile until it is written here.
//!
//! | file | holds |
//! |---|---|
//! | [`lines`] | lines before they are written out |
//! | [`sheet`] | room that is asked for once |
//! | [`number`], [`text`] | numbers and times; words and addresses |
//! | [`connection`], [`passage`], [`by_the_book`] | a connection; ends of which the history is only written; those of textbook connections |
//! | [`timing`], [`spans`], [`tables`] | where its time went; spans by name; the time of many connections |
//! | [`findings`] | what is wrong; roll-ups |
//! | [`row`] | a connection as a row of CSV |
//! | [`template`] | lone SYNs, copied |

pub mod by_the_book;
pub mod connection;
pub mod findings;
pub mod lines;
pub mod number;
pub mod passage;
pub mod row;
pub mod sheet;
pub mod spans;
pub mod tables;
pub mod template;
pub mod text;
pub mod timing;

use std::{io, mem};

use serde::Serialize;

pub use lines::Lines;

/// Writes forward through the room it has. Every method hands the pen on; `None` means that the room was too small.
///
/// It goes from hand to hand by value, so that where it stands is kept in registers.
#[derive(Debug)]
pub struct Pen<'a> {
    room: &'a mut [u8],
}

impl<'a> Pen<'a> {
    /// One that writes at the front of `room`.
    pub fn new(room: &'a mut [u8]) -> Pen<'a> {
        Pen { room }
    }

    /// Bytes that are left.
    pub fn left(&self) -> usize {
        self.room.len()
    }

    /// The next `N` bytes, to be filled.
    #[inline(always)]
    pub fn take<const N: usize>(self) -> Option<(&'a mut [u8; N], Pen<'a>)> {
        let (taken, room) = self.room.split_first_chunk_mut::<N>()?;
        Some((taken, Pen { room }))
    }

    /// Writes `bytes`, whose number is known to the compiler.
    #[inline(always)]
    pub fn put<const N: usize>(self, bytes: &[u8; N]) -> Option<Self> {
        let (to, pen) = self.take::<N>()?;
        *to = *bytes;
        Some(pen)
    }

    /// Writes the first `len` of `bytes`; there must be room for all of them.
    #[inline(always)]
    pub fn part<const N: usize>(self, bytes: &[u8; N], len: usize) -> Option<Self> {
        *self.room.first_chunk_mut::<N>()? = *bytes;
        Some(Pen { room: self.room.get_mut(len..)? })
    }

    /// Writes `bytes` of any number; most are short.
    #[inline]
    pub fn bytes(self, bytes: &[u8]) -> Option<Self> {
        let (to, room) = self.room.split_at_mut_checked(bytes.len())?;
        // Two pieces of a fixed length that overlap, instead of a call for a few bytes.
        match bytes.len() {
            33..=64 => ends::<32>(to, bytes)?,
            16..=32 => ends::<16>(to, bytes)?,
            8..=15 => ends::<8>(to, bytes)?,
            4..=7 => ends::<4>(to, bytes)?,
            _ => to.copy_from_slice(bytes),
        }
        Some(Pen { room })
    }

    /// Writes items with commas between them.
    #[inline(always)]
    pub fn listed<T>(
        mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(Self, T) -> Option<Self>,
    ) -> Option<Self> {
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                self = self.put(b",")?;
            }
            self = write(self, item)?;
        }
        Some(self)
    }

    /// Writes what is not written by hand: floats, text to escape, nested values. None of these can fail but for room.
    #[cold]
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Option<Self> {
        let mut pen = self;
        serde_json::to_writer(&mut pen, value).ok()?;
        Some(pen)
    }
}

/// Copies the first and the last `N` bytes.
#[inline(always)]
fn ends<const N: usize>(to: &mut [u8], from: &[u8]) -> Option<()> {
    let (first, last) = (from.first_chunk::<N>()?, from.last_chunk::<N>()?);
    *to.first_chunk_mut::<N>()? = *first;
    *to.last_chunk_mut::<N>()? = *last;
    Some(())
}

/// All or nothing.
impl io::Write for Pen<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let pen = Pen { room: mem::take(&mut self.room) };
        *self = pen.bytes(bytes).ok_or(io::ErrorKind::WriteZero)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! JSON of connections, written by hand: the bytes that `serde_json` would write, at a fiftieth of the work. A capture of
//! a million connections comes to gigabytes of lines, and a general formatter asks at every field what kind it is of.
//!
//! A [`Pen`] writes into what room it is given, front to back, and gives up (`None`) where the room ends; [`Lines`] makes
//! more and lets it begin the line again. So nothing is written twice but at the end of a buffer, and no length has to be
//! known before.
//!
//! Every struct is taken apart by name without `..`: a new field of the model does not compile until it is written here.

pub mod connection;
pub mod lines;
pub mod number;
pub mod text;
pub mod timing;

use std::{io, mem};

use serde::Serialize;

pub use lines::Lines;

/// Writes forward through the room it has. `None` from any of its methods means that the room was too small.
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
    pub fn take<const N: usize>(&mut self) -> Option<&'a mut [u8; N]> {
        let (taken, rest) = mem::take(&mut self.room).split_first_chunk_mut::<N>()?;
        self.room = rest;
        Some(taken)
    }

    /// Writes `bytes`, whose number is known to the compiler.
    #[inline(always)]
    pub fn put<const N: usize>(&mut self, bytes: &[u8; N]) -> Option<()> {
        *self.take::<N>()? = *bytes;
        Some(())
    }

    /// Writes the first `len` of `bytes`; there must be room for all of them.
    #[inline(always)]
    pub fn part<const N: usize>(&mut self, bytes: &[u8; N], len: usize) -> Option<()> {
        *self.room.first_chunk_mut::<N>()? = *bytes;
        self.room = mem::take(&mut self.room).get_mut(len..)?;
        Some(())
    }

    /// Writes `bytes` of any number; most are short.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let n = bytes.len();
        if n > 32 {
            let (to, rest) = mem::take(&mut self.room).split_at_mut_checked(n)?;
            to.copy_from_slice(bytes);
            self.room = rest;
            return Some(());
        }
        // Two pieces of a fixed length that overlap, instead of a call for a few bytes.
        let (to, rest) = mem::take(&mut self.room).split_at_mut_checked(n)?;
        self.room = rest;
        ends::<16>(to, bytes).or_else(|| ends::<8>(to, bytes)).or_else(|| ends::<4>(to, bytes)).or_else(|| {
            to.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
            Some(())
        })
    }

    /// Writes what is not written by hand: floats, text to escape, nested values. None of these can fail but for room.
    #[cold]
    pub fn json(&mut self, value: &(impl Serialize + ?Sized)) -> Option<()> {
        serde_json::to_writer(&mut *self, value).ok()
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
        self.bytes(bytes).map(|()| bytes.len()).ok_or_else(|| io::ErrorKind::WriteZero.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

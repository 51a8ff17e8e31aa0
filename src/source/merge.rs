//! Several inputs as one: packets in time order, each input's own order kept, ties by the order of the inputs.
//!
//! A folder of rotated captures can hold thousands of files, so a regular file that is not due yet is closed
//! again after its first packet's time is known. Memory then goes with how many overlap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::file::CaptureFile;
use super::log::Record;
use super::{Batch, FileInfo, Packet, Source};
use crate::time::Time;

/// With more inputs than this, files that are not due yet are closed.
const KEEP_OPEN: usize = 8;

/// One input among those that are merged.
pub(crate) struct Input {
    pub(crate) name: String,
    state: State,
    /// Its first record once that has been looked for.
    first: Option<Option<Record>>,
    /// Where to open it again, if that is possible.
    path: Option<PathBuf>,
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

enum State {
    Open(Box<CaptureFile>),
    /// Closed again; what was known of it then.
    Parked(FileInfo),
    /// Read to its end, or never readable.
    Done(FileInfo),
}

impl Input {
    /// An input that is open; `path` if it is a regular file, with its size.
    pub(crate) fn open(
        name: String,
        file: CaptureFile,
        read: Arc<AtomicU64>,
        regular: Option<(PathBuf, u64)>,
    ) -> Input {
        let (path, total) = regular.unzip();
        Input { name, state: State::Open(Box::new(file)), first: None, path, read, total }
    }

    /// An input of which nothing can be read, kept to be reported.
    pub(crate) fn failed(name: String, cause: String) -> Input {
        let info = FileInfo { name: name.clone(), problem: Some(cause), unreadable: true, ..FileInfo::default() };
        Input { name, state: State::Done(info), first: None, path: None, read: Arc::default(), total: Some(0) }
    }

    /// Why nothing can be read from it, if that is so.
    pub(crate) fn failure(&self) -> Option<&str> {
        match &self.state {
            State::Done(info) if info.unreadable => info.problem.as_deref(),
            _ => None,
        }
    }

    fn info(&self) -> FileInfo {
        match &self.state {
            State::Open(file) => file.info(&self.name),
            State::Parked(info) => FileInfo { packets: 0, ..info.clone() },
            State::Done(info) => info.clone(),
        }
    }

    #[inline]
    fn advance(&mut self) -> Option<Record> {
        let State::Open(file) = &mut self.state else { return None };
        match file.advance() {
            Some(record) => Some(record),
            None => {
                self.finish();
                None
            }
        }
    }

    #[cold]
    fn finish(&mut self) {
        if let State::Open(file) = &self.state {
            self.state = State::Done(file.info(&self.name));
        }
    }

    /// Reads its first record, which stays the current one.
    fn first(&mut self) -> Option<Record> {
        if self.first.is_none() {
            self.first = Some(self.advance());
        }
        self.first.flatten()
    }

    /// As the `index`th input: if those before it are many, closes it until it is due.
    pub(crate) fn park_beyond(&mut self, index: usize) {
        if index < KEEP_OPEN || self.path.is_none() || self.first().is_none() {
            return;
        }
        if let State::Open(file) = &self.state {
            self.state = State::Parked(file.info(&self.name));
            self.read.store(0, Ordering::Relaxed);
        }
    }

    /// Opens it again and gives its first record.
    fn resume(&mut self) -> Option<Record> {
        let (State::Parked(info), Some(path)) = (&self.state, &self.path) else { return None };
        let opened = File::open(path).map_err(|e| format!("cannot be opened again: {e}"));
        match opened.and_then(|file| CaptureFile::open(Box::new(file), Arc::clone(&self.read))) {
            Ok(file) => {
                self.state = State::Open(Box::new(file));
                self.advance()
            }
            Err(cause) => {
                let problem = Some(super::text::printable(&cause));
                self.state = State::Done(FileInfo { packets: 0, problem, ..info.clone() });
                None
            }
        }
    }
}

/// All inputs, read as one.
pub(crate) struct Merged {
    inputs: Vec<Input>,
    /// Inputs that have a record to give, by its time and their order; without the current one.
    waiting: BinaryHeap<Reverse<(Time, usize)>>,
    /// The input that gave the latest packet.
    current: Option<usize>,
    /// First records of the inputs in `waiting`, as they lie in their buffers.
    records: Vec<Option<Record>>,
    number: u64,
    notes: Vec<String>,
}

impl Merged {
    pub(crate) fn new(mut inputs: Vec<Input>, notes: Vec<String>) -> Merged {
        let mut waiting = BinaryHeap::new();
        let mut records = vec![None; inputs.len()];
        if inputs.len() > 1 {
            for (index, input) in inputs.iter_mut().enumerate() {
                if let Some(record) = input.first() {
                    waiting.push(Reverse((record.time, index)));
                    records[index] = Some(record);
                }
            }
        }
        // A single input needs no look ahead: a pipe's first packet is not waited for.
        let current = (inputs.len() == 1).then_some(0);
        Merged { inputs, waiting, current, records, number: 0, notes }
    }

    /// The input that is due, and its record.
    #[inline]
    fn due(&mut self) -> Option<(usize, Record)> {
        if let Some(index) = self.current
            && let Some(record) = self.inputs.get_mut(index)?.advance()
        {
            match self.waiting.peek() {
                Some(Reverse(first)) if *first < (record.time, index) => {
                    self.waiting.push(Reverse((record.time, index)));
                    self.records[index] = Some(record);
                }
                _ => return Some((index, record)),
            }
        }
        self.first_waiting()
    }

    fn first_waiting(&mut self) -> Option<(usize, Record)> {
        loop {
            let Reverse((_, index)) = self.waiting.pop()?;
            self.current = Some(index);
            let input = &mut self.inputs[index];
            let record = self.records[index].take();
            let record = if matches!(input.state, State::Parked(_)) { input.resume() } else { record };
            if let Some(record) = record {
                return Some((index, record));
            }
        }
    }
}

impl Source for Merged {
    fn next(&mut self) -> Option<Packet<'_>> {
        let (index, record) = self.due()?;
        self.number += 1;
        let State::Open(file) = &self.inputs.get(index)?.state else { return None };
        Some(record.packet(file.bytes(), self.number))
    }

    fn batch(&mut self) -> Option<Batch<'_>> {
        let (index, _) = self.due()?;
        let State::Open(file) = &mut self.inputs.get_mut(index)?.state else { return None };
        let number = self.number + 1;
        let (records, bytes) = match self.waiting.peek() {
            // A single input, or the only one that is left.
            None => file.run(|_| true),
            Some(&Reverse(first)) => file.run(|record| (record.time, index) <= first),
        };
        self.number += records.len() as u64;
        Some(Batch::new(records, bytes, number))
    }

    fn files(&self) -> Vec<FileInfo> {
        self.inputs.iter().map(Input::info).collect()
    }

    fn bytes_read(&self) -> u64 {
        self.inputs.iter().map(|input| input.read.load(Ordering::Relaxed)).sum()
    }

    fn bytes_total(&self) -> Option<u64> {
        self.inputs.iter().map(|input| input.total).sum()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

//! Shared by the tests of input: where the captures of other projects lie, builders of small captures, and numbers.
#![allow(dead_code, unused_imports, reason = "each test file uses another part")]

pub mod capture;
pub mod compress;
pub mod frame;
pub mod shared;

pub use shared::{captures, corpus, files, oracle, truth};

/// A small generator of numbers that look random, the same for the same seed (xorshift64*).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Less than `n`; 0 if that is 0.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { (self.next() >> 11) as usize % n }
    }
}

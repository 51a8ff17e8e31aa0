//! Numbers in as little room as they need where there are millions of them.

/// A number below 2^48.
#[derive(Clone, Copy, Debug)]
pub struct Short([u16; 3]);

impl Short {
    /// The low 48 bits of `n`.
    pub fn of(n: u64) -> Short {
        Short([n as u16, (n >> 16) as u16, (n >> 32) as u16])
    }

    /// The number.
    pub fn get(self) -> u64 {
        let [a, b, c] = self.0.map(u64::from);
        a | b << 16 | c << 32
    }
}

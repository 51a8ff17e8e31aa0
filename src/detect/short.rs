//! Numbers in as little room as they need where there are millions of them.

/// A number of 48 bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Short([u16; 3]);

impl Short {
    /// That of `n`, if there is room for it.
    #[inline]
    pub fn signed_of(n: i64) -> Option<Short> {
        (n << 16 >> 16 == n).then_some(Short([n as u16, (n >> 16) as u16, (n >> 32) as u16]))
    }

    /// The number, with the sign that its highest bit tells.
    #[inline]
    pub fn signed(self) -> i64 {
        let [a, b, c] = self.0.map(u64::from);
        (a << 16 | b << 32 | c << 48) as i64 >> 16
    }
}

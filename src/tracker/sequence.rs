//! Sequence numbers: arithmetic modulo 2^32 (RFC 9293 §3.4).

/// Whether `a` comes before `b`: the shorter way round.
#[inline]
pub const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// Whether `a` comes after `b`.
#[inline]
pub const fn after(a: u32, b: u32) -> bool {
    before(b, a)
}

/// The later of two.
#[inline]
pub const fn later(a: u32, b: u32) -> u32 {
    if before(a, b) { b } else { a }
}

/// Whether `low <= n <= high`.
#[inline]
pub const fn within(low: u32, n: u32, high: u32) -> bool {
    !before(n, low) && !after(n, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_wrap() {
        assert!(before(u32::MAX, 0));
        assert!(after(5, u32::MAX - 5));
        assert_eq!(later(u32::MAX - 1, 3), 3);
        assert!(within(u32::MAX - 1, 0, 2));
        assert!(!within(u32::MAX - 1, 3, 2));
    }
}

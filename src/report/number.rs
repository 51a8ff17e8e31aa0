//! Counts in words, the same wherever people read them.
//!
//! A number that names something (a packet, a connection, a port, a sequence number) is no count: people look for it and
//! paste it into filters, so its digits stay together.

/// A count with thousands set apart: `48,211`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    if n < 1_000 {
        return digits;
    }
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count and its noun, which takes an `s` unless the count is one: `1 packet`, `3,000 connections`.
pub fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

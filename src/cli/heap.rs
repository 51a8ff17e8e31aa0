//! How the allocator keeps what is given back to it: what is let go of connections is asked for again at once by others.
//!
//! By itself the GNU C library returns it to the kernel whenever enough of it lies at the end of a heap, and takes fresh
//! pages for the next: of the page faults of a capture with a million connections an eighth, with three million a sixth, of a
//! flood a quarter. A page fault costs as much as a packet.

#![allow(unsafe_code, reason = "the standard library does not set up its allocator; see the argument below")]

/// Blocks from here on have pages of their own, which move when they grow, and go when they are freed.
const LARGE: i32 = 8 << 20;
/// With so much at the end of a heap some goes back to the kernel.
const PLENTY: i32 = 64 << 20;

/// Lets freed memory be used again, from now on. Elsewhere than in the GNU C library it does nothing. What is settled by
/// `GLIBC_TUNABLES` for these two is overridden.
pub(super) fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // Sound: `mallopt` takes two numbers and no address, locks the allocator itself, and moves no block (mallopt(3)); what it
    // does not know it refuses, and all stays as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, PLENTY);
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = (LARGE, PLENTY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_before_stays_as_it_was() {
        let before: Vec<Vec<u8>> = (0..64).map(|n| vec![n as u8; 1 << (n % 24)]).collect();
        keep();
        let mut behind: Vec<Vec<u8>> = (0..64).map(|n| vec![!n as u8; 1 << (n % 24)]).collect();
        behind.iter_mut().for_each(|bytes| bytes.resize(2 * bytes.len(), 7));
        for (n, (one, other)) in before.iter().zip(&behind).enumerate() {
            let (len, grown) = (1 << (n % 24), other.len());
            assert!(one.len() == len && one.iter().all(|byte| *byte == n as u8));
            assert!(grown == 2 * len && other[..len].iter().all(|byte| *byte == !n as u8));
        }
    }
}

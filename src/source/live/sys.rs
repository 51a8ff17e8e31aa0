//! What only the kernel can do for a capture, behind safe functions: packet sockets, the shared ring, interface
//! addresses, privileges.
//!
//! This is one of the three files with `unsafe` (the others only prefetch, and set up the allocator). Why each use is sound:
//!
//! * System calls get pointers to live values together with those values' own sizes; the kernel writes no further.
//!   Only types of plain integers are passed ([`Plain`]), so every bit pattern it writes is a value.
//! * The ring is mapped once, for [`Ring`]'s whole life, at an address the kernel chose, and unmapped when it is dropped.
//! * Kernel and program take turns with each block of the ring; the block's status word says whose it is. It is read with
//!   acquire and written with release order. [`Ring::block`] lends a block's bytes only while it is the program's, and
//!   [`Ring::release`], which hands it back, needs `&mut self`: no bytes can still be borrowed then. Blocks do not overlap
//!   and index and length are checked against the mapping. All else about a block's contents is read from that byte slice
//!   with the usual bounds checks, in `frame`.
//! * The list that `getifaddrs` allocates is walked before it is freed, and everything taken from it is copied.

#![allow(unsafe_code, reason = "a packet socket's ring is shared memory; see the argument above")]

use std::ffi::CStr;
use std::io;
use std::mem::{MaybeUninit, offset_of, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// Types of integers only: any bytes are a value, and none of them is padding that matters.
trait Plain: Copy {}
impl Plain for libc::c_int {}
impl Plain for libc::packet_mreq {}
impl Plain for libc::tpacket_req3 {}
impl Plain for libc::tpacket_stats_v3 {}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A packet socket that receives nothing until it is bound.
#[derive(Debug)]
pub(super) struct Socket(OwnedFd);

impl Socket {
    /// Opens one; `cooked` leaves out the link-layer header. Protocol 0: no packet slips in before the filter is there.
    pub(super) fn open(cooked: bool) -> io::Result<Socket> {
        let kind = if cooked { libc::SOCK_DGRAM } else { libc::SOCK_RAW };
        // SAFETY: no pointers.
        let fd = checked(unsafe { libc::socket(libc::AF_PACKET, kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) })?;
        // SAFETY: a new descriptor that nobody else has.
        Ok(Socket(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    fn set<T: Plain>(&self, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
        let len = size_of::<T>() as libc::socklen_t;
        // SAFETY: a live value and its size.
        checked(unsafe { libc::setsockopt(self.fd(), level, name, std::ptr::from_ref(value).cast(), len) }).map(|_| ())
    }

    fn get<T: Plain>(&self, level: libc::c_int, name: libc::c_int) -> io::Result<T> {
        let mut value = MaybeUninit::<T>::zeroed();
        let mut len = size_of::<T>() as libc::socklen_t;
        // SAFETY: a live value and its size; what the kernel leaves alone is zero, which is a value of a `Plain` type.
        checked(unsafe { libc::getsockopt(self.fd(), level, name, value.as_mut_ptr().cast(), &raw mut len) })?;
        // SAFETY: zeroed above, then perhaps overwritten by the kernel.
        Ok(unsafe { value.assume_init() })
    }

    /// Attaches a classic BPF program; the value it returns is the snap length.
    pub(super) fn filter(&self, program: &[libc::sock_filter]) -> io::Result<()> {
        let len = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        // The kernel only reads, whatever the field's type says.
        let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
        let size = size_of::<libc::sock_fprog>() as libc::socklen_t;
        let (level, name) = (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER);
        // SAFETY: a live value and its size; it points to `len` instructions that outlive the call, and the kernel copies.
        checked(unsafe { libc::setsockopt(self.fd(), level, name, (&raw const program).cast(), size) }).map(|_| ())
    }

    /// Sees also what is addressed to others on interface `index`, as long as the socket is open.
    pub(super) fn promiscuous(&self, index: i32) -> io::Result<()> {
        let request = libc::packet_mreq {
            mr_ifindex: index,
            mr_type: libc::PACKET_MR_PROMISC as libc::c_ushort,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)
    }

    /// Starts receiving from interface `index`, 0 for all of them.
    pub(super) fn bind(&self, index: i32) -> io::Result<()> {
        // SAFETY: all zero is a value of this struct of integers.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index;
        let len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: a live value and its size.
        checked(unsafe { libc::bind(self.fd(), (&raw const address).cast(), len) }).map(|_| ())
    }

    /// Packets dropped for want of room since the last call: reading resets the kernel's count.
    pub(super) fn take_drops(&self) -> io::Result<u32> {
        let stats: libc::tpacket_stats_v3 = self.get(libc::SOL_PACKET, libc::PACKET_STATISTICS)?;
        Ok(stats.tp_drops)
    }

    /// Waits until something was received or `millis` have passed. The error is the socket's own: the interface went down.
    pub(super) fn wait(&self, millis: i32) -> io::Result<()> {
        let mut poll = libc::pollfd { fd: self.fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one live entry.
        match checked(unsafe { libc::poll(&raw mut poll, 1, millis) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
            Ok(_) if poll.revents & libc::POLLERR != 0 => {
                match self.get::<libc::c_int>(libc::SOL_SOCKET, libc::SO_ERROR)? {
                    0 => Ok(()),
                    code => Err(io::Error::from_raw_os_error(code)),
                }
            }
            Ok(_) => Ok(()),
        }
    }
}

/// The blocks that the kernel fills with packets (TPACKET_V3).
#[derive(Debug)]
pub(super) struct Ring {
    map: NonNull<u8>,
    block_size: usize,
    blocks: usize,
}

/// Where in a block its status word lies.
const STATUS: usize = offset_of!(libc::tpacket_block_desc, hdr);

impl Ring {
    /// A ring of `blocks` blocks of `block_size` bytes (a power of two, at least a page) for `socket`. The kernel hands
    /// over a block that is not full after `retire` milliseconds.
    pub(super) fn map(socket: &Socket, block_size: u32, blocks: u32, retire: u32) -> io::Result<Ring> {
        const FRAME: u32 = 2_048;
        socket.set(libc::SOL_PACKET, libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V3 as libc::c_int))?;
        let request = libc::tpacket_req3 {
            tp_block_size: block_size,
            tp_block_nr: blocks,
            tp_frame_size: FRAME,
            tp_frame_nr: (block_size / FRAME).saturating_mul(blocks),
            tp_retire_blk_tov: retire,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        socket.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let (block_size, blocks) = (block_size as usize, blocks as usize);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let len = block_size.checked_mul(blocks).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping where the kernel pleases; it disturbs no other.
        let map = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, libc::MAP_SHARED, socket.fd(), 0) };
        if map == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let map = NonNull::new(map.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Ring { map, block_size, blocks })
    }

    /// How many blocks there are.
    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    /// The start of a block; `block` is below [`Ring::blocks`].
    fn start(&self, block: usize) -> NonNull<u8> {
        assert!(block < self.blocks, "block {block} of {}", self.blocks);
        // SAFETY: within the mapping, by the assertion.
        unsafe { self.map.add(block * self.block_size) }
    }

    fn status(&self, block: usize) -> &AtomicU32 {
        // SAFETY: within the block, which is page-aligned, so that the word is aligned; both sides treat it as atomic.
        unsafe { AtomicU32::from_ptr(self.start(block).add(STATUS).cast().as_ptr()) }
    }

    /// The bytes of a block, if the kernel has handed it over.
    pub(super) fn block(&self, block: usize) -> Option<&[u8]> {
        let ours = self.status(block).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0;
        // SAFETY: the block is the program's until `release`, which needs `&mut self`; the mapping outlives `self`'s borrow.
        ours.then(|| unsafe { std::slice::from_raw_parts(self.start(block).as_ptr(), self.block_size) })
    }

    /// Hands a block back to the kernel.
    pub(super) fn release(&mut self, block: usize) {
        self.status(block).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

// SAFETY: the mapping belongs to the process, not to a thread, and this value is the only one that leads to it.
unsafe impl Send for Ring {}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: mapped in `map` with this length, and nothing borrowed from it is left.
        unsafe { libc::munmap(self.map.as_ptr().cast(), self.block_size * self.blocks) };
    }
}

/// One address of an interface, or its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) name: String,
    /// `IFF_UP` and the like.
    pub(super) flags: u32,
    pub(super) kind: AddressKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressKind {
    Ip(IpAddr),
    /// Every interface has one of these: its number and ARP hardware type.
    Link {
        index: i32,
        hardware: u16,
    },
}

/// Everything the kernel tells of this network namespace's interfaces.
pub(super) fn addresses() -> io::Result<Vec<Address>> {
    let mut list = std::ptr::null_mut();
    // SAFETY: a live pointer to be filled.
    checked(unsafe { libc::getifaddrs(&raw mut list) })?;
    let mut found = Vec::new();
    let mut next = list.cast_const();
    // SAFETY: null, or an entry of the list, which is freed only below.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ifa_next;
        if entry.ifa_addr.is_null() {
            continue;
        }
        // SAFETY: an address that is there has a family, and is as long as its family says; it may be unaligned.
        let kind = unsafe {
            match i32::from((&raw const (*entry.ifa_addr).sa_family).read_unaligned()) {
                libc::AF_INET => {
                    let v4 = entry.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned();
                    AddressKind::Ip(IpAddr::V4(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr))))
                }
                libc::AF_INET6 => {
                    let v6 = entry.ifa_addr.cast::<libc::sockaddr_in6>().read_unaligned();
                    AddressKind::Ip(IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)))
                }
                libc::AF_PACKET => {
                    let link = entry.ifa_addr.cast::<libc::sockaddr_ll>().read_unaligned();
                    AddressKind::Link { index: link.sll_ifindex, hardware: link.sll_hatype }
                }
                _ => continue,
            }
        };
        // SAFETY: a C string of the list.
        let name = unsafe { CStr::from_ptr(entry.ifa_name) }.to_string_lossy().into_owned();
        found.push(Address { name, flags: entry.ifa_flags, kind });
    }
    // SAFETY: from `getifaddrs`, freed once.
    unsafe { libc::freeifaddrs(list) };
    Ok(found)
}

/// Whether this process acts as root.
pub(super) fn is_root() -> bool {
    // SAFETY: no pointers.
    unsafe { libc::geteuid() == 0 }
}

/// Becomes an ordinary user for good.
pub(super) fn become_user(user: u32, group: u32) -> io::Result<()> {
    // SAFETY: one live group id; the other calls have no pointers. Groups first: they cannot be changed afterwards.
    unsafe {
        checked(libc::setgroups(1, &raw const group))?;
        checked(libc::setresgid(group, group, group))?;
        checked(libc::setresuid(user, user, user))?;
    }
    Ok(())
}

/// Gives up every capability, and that any program started from here could gain one.
pub(super) fn drop_capabilities() -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: libc::c_int,
    }
    /// `_LINUX_CAPABILITY_VERSION_3`: two words for each of effective, permitted and inheritable.
    const VERSION_3: u32 = 0x2008_0522;
    let header = Header { version: VERSION_3, pid: 0 };
    let none = [0_u32; 6];
    // SAFETY: no pointers but to live values of the sizes that version 3 has.
    unsafe {
        checked(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        match libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

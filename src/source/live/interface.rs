//! Network interfaces: what they are called, whether they are up, which addresses they have.

use std::io;
use std::net::IpAddr;

use super::sys::{self, Address, AddressKind};
use crate::source::LinkType;

/// One interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// As in `ip link`.
    pub name: String,
    /// The kernel's number for it.
    pub index: i32,
    /// `up`, `down`, or `no carrier`.
    pub state: &'static str,
    /// Addresses in the order the kernel tells them.
    pub addresses: Vec<IpAddr>,
    /// ARP hardware type (`linux/if_arp.h`).
    pub(super) hardware: u16,
}

/// Hardware types with a name here.
const ETHERNET: u16 = 1;
const LOOPBACK: u16 = 772;
const WLAN_RADIOTAP: u16 = 803;

impl Interface {
    /// What to capture from it as: Ethernet frames where it has them, radiotap in monitor mode, else packets behind a
    /// header that the capture makes up (cooked).
    pub(super) fn link(&self) -> LinkType {
        match self.hardware {
            ETHERNET | LOOPBACK => LinkType::ETHERNET,
            WLAN_RADIOTAP => LinkType::IEEE802_11_RADIOTAP,
            _ => LinkType::LINUX_SLL2,
        }
    }

    /// Whether it is a loopback interface, which shows each packet on its way out and on its way in.
    pub fn is_loopback(&self) -> bool {
        self.hardware == LOOPBACK
    }
}

/// All interfaces of this network namespace, by number.
///
/// # Errors
/// When the kernel does not tell them.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let addresses = sys::addresses()?;
    let mut found: Vec<Interface> = addresses.iter().filter_map(|link| interface(link, &addresses)).collect();
    found.sort_by_key(|interface| interface.index);
    Ok(found)
}

fn interface(link: &Address, all: &[Address]) -> Option<Interface> {
    let AddressKind::Link { index, hardware } = link.kind else { return None };
    let has = |flag: libc::c_int| link.flags & flag as u32 != 0;
    let state = match (has(libc::IFF_UP), has(libc::IFF_RUNNING)) {
        (false, _) => "down",
        (true, false) => "no carrier",
        (true, true) => "up",
    };
    let addresses = all.iter().filter(|a| a.name == link.name).filter_map(|a| match a.kind {
        AddressKind::Ip(addr) => Some(addr),
        AddressKind::Link { .. } => None,
    });
    Some(Interface { name: link.name.clone(), index, state, addresses: addresses.collect(), hardware })
}

/// Whether the interface is still there: another one may have its name by now.
pub(super) fn exists(index: i32) -> bool {
    // Not being told is no sign that it is gone.
    interfaces().map_or(true, |all| all.iter().any(|interface| interface.index == index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_there_and_known_as_such() {
        let all = interfaces().unwrap();
        let lo = all.iter().find(|interface| interface.name == "lo").expect("every namespace has one");
        assert!(lo.is_loopback() && lo.index > 0);
        assert_eq!(lo.link(), LinkType::ETHERNET);
        assert!(exists(lo.index) && !exists(i32::MAX));
    }
}

//! Network interfaces: what they are called, where they are up, which addresses they have.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use super::sys;
use crate::source::LinkType;

/// Where the kernel describes interfaces.
const CLASS: &str = "/sys/class/net";

/// One interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// As in `ip link`.
    pub name: String,
    /// The kernel's number for it.
    pub index: i32,
    /// `up`, `down`, … (`operstate`; loopback, which has none, counts as up when it is enabled).
    pub state: String,
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

/// All interfaces, in the kernel's order.
///
/// # Errors
/// When the kernel does not tell them.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let addresses = sys::addresses()?;
    let mut found: Vec<Interface> = fs::read_dir(CLASS)?
        .filter_map(|entry| read(&entry.ok()?.file_name().into_string().ok()?, &addresses))
        .collect();
    found.sort_by_key(|interface| interface.index);
    Ok(found)
}

/// The interface of this name, if there is one.
pub(super) fn find(name: &str) -> Option<Interface> {
    // A name is one component of a path.
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return None;
    }
    read(name, &[])
}

/// Whether the interface is still there.
pub(super) fn exists(name: &str) -> bool {
    find(name).is_some()
}

fn read(name: &str, addresses: &[(String, IpAddr)]) -> Option<Interface> {
    let folder = Path::new(CLASS).join(name);
    let text = |file: &str| fs::read_to_string(folder.join(file)).ok().map(|text| text.trim().to_owned());
    let hardware = text("type")?.parse().ok()?;
    let enabled = || Some(u32::from_str_radix(text("flags")?.strip_prefix("0x")?, 16).ok()? & 1 != 0);
    let state = match text("operstate")?.as_str() {
        "unknown" => if enabled()? { "up" } else { "down" }.to_owned(),
        state => state.to_owned(),
    };
    Some(Interface {
        name: name.to_owned(),
        index: text("ifindex")?.parse().ok()?,
        state,
        addresses: addresses.iter().filter(|(of, _)| of == name).map(|(_, addr)| *addr).collect(),
        hardware,
    })
}

//! Link-layer header types by number and name (tcpdump.org, "Link-layer header types").

use super::LinkType;

/// Declares the constants and the table of names together, so that they cannot differ.
macro_rules! link_types {
    ($($name:ident = $number:literal, $doc:literal;)*) => {
        impl LinkType {
            $(#[doc = $doc] pub const $name: LinkType = LinkType($number);)*

            /// The registry's name without `LINKTYPE_`, if it is one that is known here.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(LinkType::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

link_types! {
    NULL = 0, "BSD loopback: address family in the byte order of the capturing host.";
    ETHERNET = 1, "Ethernet.";
    IEEE802_5 = 6, "Token Ring.";
    ARCNET_BSD = 7, "ARCNET as BSD systems write it.";
    PPP = 9, "PPP, with or without HDLC-like framing.";
    FDDI = 10, "FDDI.";
    ATM_RFC1483_BSD = 11, "LLC/SNAP over ATM, by the number some BSDs use.";
    RAW_BSD = 12, "Raw IP, by the number most systems use for DLT_RAW.";
    RAW_OPENBSD = 14, "Raw IP, by the number OpenBSD uses.";
    PPP_HDLC = 50, "PPP in HDLC-like framing.";
    PPP_ETHER = 51, "PPPoE session without its Ethernet header.";
    ATM_RFC1483 = 100, "LLC/SNAP over ATM.";
    RAW = 101, "Raw IP, version by its first nibble.";
    C_HDLC = 104, "Cisco PPP with HDLC framing.";
    IEEE802_11 = 105, "802.11 wireless LAN.";
    FRELAY = 107, "Frame Relay.";
    LOOP = 108, "OpenBSD loopback: address family in network byte order.";
    ENC = 109, "OpenBSD encapsulated IP.";
    LINUX_SLL = 113, "Linux cooked capture, version 1.";
    PFLOG = 117, "OpenBSD pf log.";
    IEEE802_11_PRISM = 119, "802.11 behind a Prism monitor header.";
    IEEE802_11_RADIOTAP = 127, "802.11 behind a radiotap header.";
    ARCNET_LINUX = 129, "ARCNET as Linux writes it.";
    IEEE802_11_AVS = 163, "802.11 behind an AVS header.";
    PPP_PPPD = 166, "PPP with a direction octet in place of the address field.";
    JUNIPER_ETHER = 178, "Ethernet behind a Juniper header.";
    PPI = 192, "Per-Packet Information header.";
    ERF = 197, "Endace ERF record.";
    PPP_WITH_DIR = 204, "PPP behind a direction octet.";
    IPV4 = 228, "Raw IPv4.";
    IPV6 = 229, "Raw IPv6.";
    NFLOG = 239, "Linux netfilter log.";
    NETANALYZER = 240, "Ethernet behind a Hilscher netANALYZER header.";
    NETANALYZER_TRANSPARENT = 241, "The same with preamble.";
    IPOIB = 242, "IP over InfiniBand.";
    PKTAP = 258, "Apple's pktap.";
    ETHERNET_MPACKET = 274, "Ethernet with preamble, 802.3br.";
    LINUX_SLL2 = 276, "Linux cooked capture, version 2.";
}

/// The name, or the number where there is none.
impl std::fmt::Display for LinkType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some("RAW_BSD" | "RAW_OPENBSD") => f.write_str("RAW"),
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

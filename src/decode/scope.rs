//! Scopes: the VLAN and tunnel ids that tell equal four-tuples apart, interned to small numbers.
//!
//! Only ids that are the same in both directions belong here. GTP tunnel endpoint ids, MPLS labels and L2TP
//! session ids are chosen by the receiver of each direction; as part of the key they would tear every connection
//! in two, so they are left out. So are a VLAN id of 0 (a priority tag) and ERSPAN session ids, which name the
//! mirror, not the network.

use std::collections::HashMap;

use crate::segment::ScopeId;

/// Tags kept of one packet, outermost first; deeper ones do not count.
const MAX_TAGS: usize = 8;
/// Scopes told apart in one run. Whoever sends the packets chooses the ids, so there is an end to them: all
/// further ones share one scope.
const MAX_SCOPES: usize = 65_536;

/// The kinds of ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    #[default]
    Vlan,
    Vxlan,
    Geneve,
    Gre,
    Nvgre,
    Eoip,
    Pppoe,
    /// I-SID of 802.1ah.
    Isid,
}

/// The ids found on the way to the innermost header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tags {
    list: [(Kind, u32); MAX_TAGS],
    len: u8,
}

impl Tags {
    pub(crate) fn push(&mut self, kind: Kind, id: u32) {
        if let Some(slot) = self.list.get_mut(usize::from(self.len)) {
            *slot = (kind, id);
            self.len += 1;
        }
    }

    /// A 802.1Q tag by its TCI.
    pub(crate) fn vlan(&mut self, tci: u16) {
        if tci & 0x0fff != 0 {
            self.push(Kind::Vlan, u32::from(tci & 0x0fff));
        }
    }

    fn without_vlans(&self) -> Tags {
        let mut rest = Tags::default();
        let tags = &self.list[..usize::from(self.len)];
        tags.iter().filter(|(kind, _)| *kind != Kind::Vlan).for_each(|&(kind, id)| rest.push(kind, id));
        rest
    }

    fn names(&self) -> Vec<String> {
        let tags = &self.list[..usize::from(self.len)];
        let name = |&(kind, id): &(Kind, u32)| match kind {
            Kind::Vlan => format!("vlan {id}"),
            Kind::Vxlan => format!("vxlan {id}"),
            Kind::Geneve => format!("geneve {id}"),
            Kind::Gre => format!("gre {id}"),
            Kind::Nvgre => format!("nvgre {id}"),
            Kind::Eoip => format!("eoip {id}"),
            Kind::Pppoe => format!("pppoe {id}"),
            Kind::Isid => format!("isid {id}"),
        };
        tags.iter().map(name).collect()
    }
}

/// A scope's names, and the scope that is left without VLANs.
pub type Named = (Vec<String>, ScopeId);

/// All scopes met so far.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    ids: HashMap<Tags, ScopeId, foldhash::quality::RandomState>,
    /// By id, from 1.
    names: Vec<Named>,
    last: Option<(Tags, ScopeId)>,
    /// The scope of all tags beyond the bound.
    other: Option<ScopeId>,
}

impl Scopes {
    /// The id of a set of tags. Ids are given in the order of appearance.
    #[inline]
    pub(crate) fn intern(&mut self, tags: &Tags) -> ScopeId {
        if tags.len == 0 { ScopeId(0) } else { self.intern_some(tags) }
    }

    fn intern_some(&mut self, tags: &Tags) -> ScopeId {
        if let Some((last, id)) = &self.last
            && last == tags
        {
            return *id;
        }
        let id = match self.ids.get(tags) {
            Some(&id) => id,
            None if self.names.len() < MAX_SCOPES => {
                let bare = tags.without_vlans();
                let bare = if bare == *tags { None } else { Some(self.intern(&bare)) };
                let id = ScopeId(self.names.len() as u32 + 1);
                self.names.push((tags.names(), bare.unwrap_or(id)));
                self.ids.insert(*tags, id);
                id
            }
            None => {
                // The first beyond the bound is the one of all others. Scopes without VLANs may have been added
                // with one of the last, so there can be one or two more.
                match self.other {
                    Some(id) => id,
                    None => {
                        let id = ScopeId(self.names.len() as u32 + 1);
                        self.names.push((vec!["other".to_string()], id));
                        *self.other.insert(id)
                    }
                }
            }
        };
        self.last = Some((*tags, id));
        id
    }

    /// What was named since `known` scopes were.
    pub(crate) fn since(&self, known: usize) -> &[Named] {
        self.names.get(known..).unwrap_or(&[])
    }

    /// Takes over names that another decoder gave, in its order: its ids are understood from then on.
    pub(crate) fn learn(&mut self, named: impl IntoIterator<Item = Named>) {
        self.names.extend(named);
    }

    /// The names behind an id.
    pub(crate) fn names(&self, id: ScopeId) -> &[String] {
        self.entry(id).map_or(&[], |(names, _)| names.as_slice())
    }

    /// The same scope without its VLAN ids.
    pub(crate) fn without_vlans(&self, id: ScopeId) -> ScopeId {
        self.entry(id).map_or(id, |&(_, bare)| bare)
    }

    fn entry(&self, id: ScopeId) -> Option<&Named> {
        self.names.get((id.0 as usize).checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_tags_are_one_scope_and_no_tags_are_the_plain_network() {
        let mut scopes = Scopes::default();
        let (mut a, mut b) = (Tags::default(), Tags::default());
        assert_eq!(scopes.intern(&a), ScopeId(0));
        a.vlan(0x2007);
        a.push(Kind::Vxlan, 42);
        b.vlan(0x0007);
        let (both, vlan) = (scopes.intern(&a), scopes.intern(&b));
        assert_eq!(scopes.intern(&a), both);
        assert_eq!(scopes.names(both), ["vlan 7", "vxlan 42"]);
        assert_eq!(scopes.names(vlan), ["vlan 7"]);
        assert!(scopes.names(ScopeId(0)).is_empty());
        b.vlan(0xe000);
        assert_eq!(scopes.intern(&b), vlan, "a priority tag is no VLAN");
        assert_eq!(scopes.without_vlans(vlan), ScopeId(0));
        assert_eq!(scopes.names(scopes.without_vlans(both)), ["vxlan 42"]);
        assert_eq!(scopes.without_vlans(ScopeId(0)), ScopeId(0));
    }

    #[test]
    fn the_number_of_scopes_has_an_end() {
        let mut scopes = Scopes::default();
        let mut last = ScopeId(0);
        for id in 0..(MAX_SCOPES as u32 + 10) {
            let mut tags = Tags::default();
            tags.push(Kind::Vxlan, id);
            last = scopes.intern(&tags);
        }
        assert_eq!(last, ScopeId(MAX_SCOPES as u32 + 1));
        assert_eq!(scopes.names(last), ["other"]);
        assert_eq!(scopes.names.len(), MAX_SCOPES + 1);
    }
}

//! What few of many have, kept apart from them. Where one after the other is looked at in the same place, the memory that one of
//! them had for it is there for the next.

use std::fmt;

use super::{In, Out, Pack};

/// Something that few have.
pub struct Seldom<T>(Option<Box<Slot<T>>>);

struct Slot<T> {
    /// It is there: else no more than its memory is.
    there: bool,
    value: T,
}

/// How something begins anew.
pub trait Renew: Default {
    /// Becomes as if it had just been made; memory may be kept.
    fn renew(&mut self) {
        *self = Self::default();
    }
}

impl<T: Renew> Renew for [T; 2]
where
    [T; 2]: Default,
{
    fn renew(&mut self) {
        self.iter_mut().for_each(T::renew);
    }
}

impl<T> Seldom<T> {
    /// Not there.
    pub const NONE: Seldom<T> = Seldom(None);

    /// What is there, if it is.
    #[inline(always)]
    pub fn as_ref(&self) -> Option<&T> {
        match &self.0 {
            Some(slot) if slot.there => Some(&slot.value),
            _ => None,
        }
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn as_mut(&mut self) -> Option<&mut T> {
        match &mut self.0 {
            Some(slot) if slot.there => Some(&mut slot.value),
            _ => None,
        }
    }

    /// Whether it is there.
    #[inline(always)]
    pub fn is_some(&self) -> bool {
        self.as_ref().is_some()
    }

    /// It is not there any more; its memory stays.
    #[inline(always)]
    pub fn clear(&mut self) {
        if let Some(slot) = &mut self.0 {
            slot.there = false;
        }
    }
}

impl<T: Renew> Seldom<T> {
    /// What is there; if it was not, it is from now on, newly made.
    #[inline]
    pub fn get_or_insert_default(&mut self) -> &mut T {
        let slot = match &mut self.0 {
            Some(slot) => slot,
            none => none.insert(Box::new(Slot { there: true, value: T::default() })),
        };
        if !slot.there {
            slot.there = true;
            slot.value.renew();
        }
        &mut slot.value
    }
}

impl<T> Default for Seldom<T> {
    fn default() -> Seldom<T> {
        Seldom::NONE
    }
}

impl<T: Clone> Clone for Seldom<T> {
    fn clone(&self) -> Seldom<T> {
        Seldom(self.as_ref().map(|value| Box::new(Slot { there: true, value: value.clone() })))
    }
}

/// What counts: memory alone tells nothing.
impl<T: fmt::Debug> fmt::Debug for Seldom<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl<T: Pack> Pack for Seldom<T> {
    fn blank() -> Self {
        Seldom::NONE
    }

    #[inline]
    fn is_blank(&self) -> bool {
        self.as_ref().is_none()
    }

    #[inline]
    fn pack(&self, out: &mut Out<'_>) {
        if let Some(value) = self.as_ref() {
            value.pack(out);
        }
    }

    #[inline]
    fn read(&mut self, from: &mut In<'_>) {
        self.0 = Some(Box::new(Slot { there: true, value: T::unpack(from) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Renew for u64 {}

    impl Renew for Vec<u8> {
        fn renew(&mut self) {
            self.clear();
        }
    }

    #[test]
    fn what_is_cleared_comes_back_empty_where_it_was() {
        let mut seldom: Seldom<Vec<u8>> = Seldom::default();
        assert!(seldom.as_ref().is_none() && !seldom.is_some());
        seldom.get_or_insert_default().extend([1, 2, 3]);
        let place = seldom.as_ref().map(|list| list.as_ptr());
        assert_eq!(format!("{seldom:?} {:?}", seldom.clone()), "Some([1, 2, 3]) Some([1, 2, 3])");
        seldom.clear();
        assert!(seldom.as_mut().is_none() && !seldom.clone().is_some());
        seldom.get_or_insert_default().push(4);
        assert_eq!(seldom.as_mut().map(|list| (list.as_ptr(), list.clone())), place.map(|place| (place, vec![4])));
    }

    #[test]
    fn what_is_there_is_written_and_read() {
        let mut seldom: Seldom<[u64; 2]> = Seldom::default();
        *seldom.get_or_insert_default() = [0, 7];
        let mut bytes = Vec::new();
        seldom.pack(&mut Out::new(&mut bytes, 0));
        assert!(!seldom.is_blank());
        assert_eq!(Seldom::<[u64; 2]>::unpack(&mut In::new(&bytes, 0)).as_ref(), Some(&[0, 7]));
        seldom.clear();
        assert!(seldom.is_blank());
    }
}

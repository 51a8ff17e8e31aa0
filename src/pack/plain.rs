//! Integers, options, lists.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::{In, Out, Pack};

macro_rules! unsigned {
    ($($t:ty),+) => {$(
        impl Pack for $t {
            fn blank() -> Self {
                0
            }

            #[inline]
            fn is_blank(&self) -> bool {
                *self == 0
            }

            #[inline]
            fn pack(&self, out: &mut Out<'_>) {
                out.number(u64::from(*self));
            }

            #[inline]
            fn read(&mut self, from: &mut In<'_>) {
                *self = from.number() as $t;
            }
        }
    )+};
}

unsigned!(u16, u64);

impl Pack for u32 {
    fn blank() -> Self {
        0
    }

    #[inline]
    fn is_blank(&self) -> bool {
        *self == 0
    }

    #[inline]
    fn pack(&self, out: &mut Out<'_>) {
        out.word(*self);
    }

    #[inline]
    fn read(&mut self, from: &mut In<'_>) {
        *self = from.word();
    }
}

/// One byte.
impl Pack for u8 {
    fn blank() -> Self {
        0
    }

    #[inline]
    fn is_blank(&self) -> bool {
        *self == 0
    }

    #[inline]
    fn pack(&self, out: &mut Out<'_>) {
        out.byte(*self);
    }

    #[inline]
    fn read(&mut self, from: &mut In<'_>) {
        *self = from.byte();
    }
}

impl Pack for usize {
    fn blank() -> Self {
        0
    }

    #[inline]
    fn is_blank(&self) -> bool {
        *self == 0
    }

    #[inline]
    fn pack(&self, out: &mut Out<'_>) {
        out.number(*self as u64);
    }

    #[inline]
    fn read(&mut self, from: &mut In<'_>) {
        *self = from.number() as usize;
    }
}

impl Pack for bool {
    fn blank() -> Self {
        false
    }

    #[inline]
    fn is_blank(&self) -> bool {
        !*self
    }

    #[inline]
    fn pack(&self, out: &mut Out<'_>) {
        out.byte(u8::from(*self));
    }

    #[inline]
    fn read(&mut self, from: &mut In<'_>) {
        *self = from.byte() != 0;
    }
}

impl Pack for () {
    fn blank() -> Self {}

    fn is_blank(&self) -> bool {
        true
    }

    fn pack(&self, _: &mut Out<'_>) {}

    fn read(&mut self, _: &mut In<'_>) {}
}

/// As two numbers.
impl Pack for u128 {
    fn blank() -> Self {
        0
    }

    fn is_blank(&self) -> bool {
        *self == 0
    }

    fn pack(&self, out: &mut Out<'_>) {
        out.number((*self >> 64) as u64);
        out.number(*self as u64);
    }

    fn read(&mut self, from: &mut In<'_>) {
        let high = from.number();
        *self = u128::from(high) << 64 | u128::from(from.number());
    }
}

/// All its bits.
impl Pack for f64 {
    fn blank() -> Self {
        0.0
    }

    fn is_blank(&self) -> bool {
        self.to_bits() == 0
    }

    fn pack(&self, out: &mut Out<'_>) {
        out.bytes(&self.to_le_bytes());
    }

    fn read(&mut self, from: &mut In<'_>) {
        *self = f64::from_le_bytes(from.bytes());
    }
}

impl Pack for i64 {
    fn blank() -> Self {
        0
    }

    #[inline]
    fn is_blank(&self) -> bool {
        *self == 0
    }

    #[inline]
    fn pack(&self, out: &mut Out<'_>) {
        out.number(super::zigzag(*self));
    }

    #[inline]
    fn read(&mut self, from: &mut In<'_>) {
        *self = super::unzigzag(from.number());
    }
}

impl Item for i64 {}

/// What stands in a mask is there, so that `Some` needs a byte of its own only inside of lists.
impl<T: Pack> Pack for Option<T> {
    fn blank() -> Self {
        None
    }

    #[inline]
    fn is_blank(&self) -> bool {
        self.is_none()
    }

    #[inline]
    fn pack(&self, out: &mut Out<'_>) {
        if let Some(value) = self {
            value.pack(out);
        }
    }

    #[inline]
    fn read(&mut self, from: &mut In<'_>) {
        *self = Some(T::unpack(from));
    }
}

impl<T: Pack> Pack for Box<T> {
    fn blank() -> Self {
        Box::new(T::blank())
    }

    fn is_blank(&self) -> bool {
        (**self).is_blank()
    }

    fn pack(&self, out: &mut Out<'_>) {
        (**self).pack(out);
    }

    fn read(&mut self, from: &mut In<'_>) {
        (**self).read(from);
    }
}

/// Each behind a bit of its own.
impl<T: Pack, const N: usize> Pack for [T; N] {
    fn blank() -> Self {
        std::array::from_fn(|_| T::blank())
    }

    #[inline]
    fn is_blank(&self) -> bool {
        self.iter().all(Pack::is_blank)
    }

    fn pack(&self, out: &mut Out<'_>) {
        const { assert!(N <= 64) };
        let mask = self.iter().enumerate().fold(0_u64, |mask, (i, v)| mask | u64::from(!v.is_blank()) << i);
        out.number(mask);
        self.iter().filter(|v| !v.is_blank()).for_each(|v| v.pack(out));
    }

    fn read(&mut self, from: &mut In<'_>) {
        let mask = from.number();
        for (i, item) in self.iter_mut().enumerate() {
            if mask >> i & 1 != 0 {
                item.read(from);
            }
        }
    }
}

macro_rules! list {
    ($list:ty, $item:ident, $($generics:tt)+) => {
        impl<$($generics)+> Pack for $list {
            fn blank() -> Self {
                <$list>::new()
            }

            #[inline]
            fn is_blank(&self) -> bool {
                self.is_empty()
            }

            fn pack(&self, out: &mut Out<'_>) {
                out.number(self.len() as u64);
                for item in self {
                    let blank = item.is_blank();
                    if $item::MARKED {
                        out.byte(u8::from(!blank));
                    }
                    if !$item::MARKED || !blank {
                        item.pack(out);
                    }
                }
            }

            fn read(&mut self, from: &mut In<'_>) {
                let len = from.number() as usize;
                self.extend((0..len).map(|_| {
                    if $item::MARKED && from.byte() == 0 { $item::blank() } else { $item::unpack(from) }
                }));
            }
        }
    };
}

/// What can stand in a list.
pub trait Item: Pack {
    /// It cannot be told from its bytes whether it is blank.
    const MARKED: bool = false;
}

list!(Vec<T>, T, T: Item);
list!(VecDeque<T>, T, T: Item);
list!(SmallVec<[T; N]>, T, T: Item, const N: usize);

macro_rules! tuple {
    ($($name:ident $place:tt),+) => {
        impl<$($name: Pack),+> Pack for ($($name,)+) {
            fn blank() -> Self {
                ($($name::blank(),)+)
            }

            #[inline]
            fn is_blank(&self) -> bool {
                $(self.$place.is_blank())&&+
            }

            fn pack(&self, out: &mut Out<'_>) {
                let mut mask = 0_u8;
                $(mask |= u8::from(!self.$place.is_blank()) << $place;)+
                out.byte(mask);
                $(if mask >> $place & 1 != 0 { self.$place.pack(out); })+
            }

            fn read(&mut self, from: &mut In<'_>) {
                let mask = from.byte();
                $(if mask >> $place & 1 != 0 { self.$place.read(from); })+
            }
        }

        impl<$($name: Pack),+> Item for ($($name,)+) {}
    };
}

tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);

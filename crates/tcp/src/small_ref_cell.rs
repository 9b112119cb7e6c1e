//! A `RefCell` that takes less code where it is borrowed.

use core::cell::{Ref, RefCell, RefMut};

/// Core's [`RefCell`], whose panic is one function. With core's own, each borrow has the place of its panic in the image,
/// which is 24 bytes. Nothing here is borrowed across an await or a call of another's code.
pub(crate) struct SmallRefCell<T: ?Sized>(RefCell<T>);

impl<T> SmallRefCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }
}

impl<T: ?Sized> SmallRefCell<T> {
    #[inline]
    pub(crate) fn borrow(&self) -> Ref<'_, T> {
        self.0.try_borrow().unwrap_or_else(|_| is_borrowed())
    }

    #[inline]
    pub(crate) fn borrow_mut(&self) -> RefMut<'_, T> {
        self.0.try_borrow_mut().unwrap_or_else(|_| is_borrowed())
    }

    /// None while it is borrowed to be changed.
    #[inline]
    pub(crate) fn try_borrow(&self) -> Option<Ref<'_, T>> {
        self.0.try_borrow().ok()
    }

    /// None while it is borrowed.
    #[inline]
    pub(crate) fn try_borrow_mut(&self) -> Option<RefMut<'_, T>> {
        self.0.try_borrow_mut().ok()
    }
}

#[cold]
#[inline(never)]
fn is_borrowed() -> ! {
    panic!("the same part of a listener is borrowed twice")
}

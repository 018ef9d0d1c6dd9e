//! Borrowed bytes, text and arrays, and how the other side's memory is read: by copying the part
//! that both sides know, never by reference.

use core::mem::MaybeUninit;

/// A type that may be read from the other side: `repr(C)`, and valid when all bytes are zero.
///
/// # Safety
///
/// The implementor must be `repr(C)` or `repr(transparent)` with no niche that excludes zero.
pub unsafe trait Wire: Copy {}

// SAFETY: an integer; arrays of it cross as `covers`.
unsafe impl Wire for u32 {}

/// Borrowed bytes. `ptr` may be null when `len` is zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    /// First byte.
    pub ptr: *const u8,
    /// Number of bytes.
    pub len: usize,
}

/// Borrowed UTF-8.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Str(
    /// The text's bytes.
    pub Bytes,
);

/// A borrowed array whose elements are `stride` bytes apart, which need not be `size_of::<T>()`.
#[repr(C)]
pub struct Slice<T> {
    /// First element.
    pub ptr: *const T,
    /// Number of elements.
    pub len: u32,
    /// Bytes from one element to the next, as the writer knows the type.
    pub stride: u32,
}

impl<T> Clone for Slice<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Slice<T> {}

impl Bytes {
    /// No bytes.
    pub const EMPTY: Self = Self {
        ptr: core::ptr::null(),
        len: 0,
    };

    /// Lends `bytes`; the caller keeps them alive as the contract says.
    pub const fn new(bytes: &[u8]) -> Self {
        Self {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// The bytes themselves.
    ///
    /// # Safety
    ///
    /// The bytes are still borrowed for `'a`.
    pub unsafe fn get<'a>(self) -> &'a [u8] {
        if self.len == 0 || self.ptr.is_null() {
            return &[];
        }
        // SAFETY: not empty and not null, so the contract above makes `ptr` valid for `len` bytes.
        unsafe { core::slice::from_raw_parts(self.ptr, self.len) }
    }
}

impl Str {
    /// No text.
    pub const EMPTY: Self = Self(Bytes::EMPTY);

    /// Lends `text`; the caller keeps it alive as the contract says.
    pub const fn new(text: &str) -> Self {
        Self(Bytes::new(text.as_bytes()))
    }

    /// The text itself. Invalid UTF-8 from the other side is an error, not undefined behaviour.
    ///
    /// # Safety
    ///
    /// As [`Bytes::get`].
    pub unsafe fn get<'a>(self) -> Result<&'a str, core::str::Utf8Error> {
        // SAFETY: passed on to the caller.
        core::str::from_utf8(unsafe { self.0.get() })
    }
}

impl<T: Wire> Slice<T> {
    /// No elements.
    pub const EMPTY: Self = Self {
        ptr: core::ptr::null(),
        len: 0,
        stride: 0,
    };

    /// Lends `items`; the caller keeps them alive as the contract says.
    pub const fn new(items: &[T]) -> Self {
        assert!(
            items.len() <= u32::MAX as usize,
            "an array of the contract has at most 2^32-1 elements"
        );
        Self {
            ptr: items.as_ptr(),
            len: items.len() as u32,
            stride: size_of::<T>() as u32,
        }
    }

    /// A copy of element `i`; what the writer did not know of it is zero.
    ///
    /// # Safety
    ///
    /// The array is still borrowed and `i < len`.
    pub unsafe fn get(self, i: u32) -> T {
        let offset = i as usize * self.stride as usize;
        // SAFETY: element `i` starts `i * stride` bytes in and is `stride` bytes long.
        unsafe { copy_prefix(self.ptr.byte_add(offset), self.stride as usize) }
    }

    /// Copies of all elements, one after the other.
    ///
    /// # Safety
    ///
    /// The array stays borrowed while the iterator lives.
    pub unsafe fn iter(self) -> impl Iterator<Item = T> {
        // SAFETY: `i < len`, and the caller keeps the array borrowed.
        (0..self.len).map(move |i| unsafe { self.get(i) })
    }
}

/// Copies the part of a size-prefixed struct that both sides know; the rest stays zero.
///
/// # Safety
///
/// `ptr` points at a struct that begins with its own size as `u32` and has that many readable bytes.
pub unsafe fn read<T: Wire>(ptr: *const T) -> T {
    // SAFETY: the caller promises a leading size; `T: Wire` makes zero-fill valid.
    unsafe { copy_prefix(ptr, ptr.cast::<u32>().read() as usize) }
}

unsafe fn copy_prefix<T: Wire>(src: *const T, available: usize) -> T {
    let mut out = MaybeUninit::<T>::zeroed();
    let known = available.min(size_of::<T>());
    // SAFETY: `known` bytes are readable at `src` and writable at `out`; zeroed `T` is valid.
    unsafe {
        core::ptr::copy_nonoverlapping(src.cast::<u8>(), out.as_mut_ptr().cast::<u8>(), known);
        out.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_of_other_strides_are_read_by_copying() {
        let wide = [1u32, 99, 2, 99, 3, 99];
        let slice = Slice::<u32> {
            ptr: wide.as_ptr(),
            len: 3,
            stride: 8,
        };
        // SAFETY: `wide` is alive and holds three elements eight bytes apart.
        let read: Vec<u32> = unsafe { slice.iter() }.collect();
        assert_eq!(read, [1, 2, 3]);

        let narrow = [7u16, 8];
        let slice = Slice::<u32> {
            ptr: narrow.as_ptr().cast(),
            len: 2,
            stride: 2,
        };
        // SAFETY: `narrow` is alive and holds two elements two bytes apart.
        let read: Vec<u32> = unsafe { slice.iter() }.collect();
        assert_eq!(
            read,
            [
                u32::from_ne_bytes([7u16.to_ne_bytes()[0], 7u16.to_ne_bytes()[1], 0, 0]),
                8
            ]
        );
    }

    #[test]
    fn null_is_empty_and_bad_utf8_is_an_error() {
        // SAFETY: empty values point at nothing; the byte string is static.
        unsafe {
            assert!(Bytes::EMPTY.get().is_empty());
            assert_eq!(Str::EMPTY.get(), Ok(""));
            assert!(Str(Bytes::new(b"\xff")).get().is_err());
        }
    }
}

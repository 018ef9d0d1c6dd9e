//! Copies out what a connector lends. Lengths are checked before anything is read, elements are read
//! by their stride, text must be UTF-8, and no reference to foreign memory leaves this file.

use std::time::Duration;

use ledgerline_plugin_api::abi::{self, Bytes, Slice, Str, Wire};

use super::SessionError;

type Result<T> = std::result::Result<T, SessionError>;

/// Whether `ptr` may be read as a `T`: neither null nor crooked.
pub(super) fn aligned<T>(ptr: *const T) -> bool {
    !ptr.is_null() && ptr.is_aligned()
}

/// Whether so many bytes of a `T` end between its fields. A field that is cut in two would be read as
/// something that its writer never lent: half a pointer.
fn ends_between_fields<T>(bytes: u32) -> bool {
    (bytes as usize).is_multiple_of(align_of::<T>())
}

/// Copies a struct that begins with its size.
///
/// # Safety
///
/// When `lent` is neither null nor crooked, it has as many readable bytes as its first four say.
pub(super) unsafe fn sized<T: Wire>(lent: *const T, what: &str) -> Result<T> {
    if !aligned(lent) {
        return Err(SessionError::bug(format!("{what} is null or not aligned")));
    }
    // SAFETY: not null and aligned, and the caller promises a leading size.
    let size = unsafe { lent.cast::<u32>().read() };
    if !ends_between_fields::<T>(size) {
        return Err(SessionError::bug(format!(
            "{what} says that it has {size} bytes, which ends within a field"
        )));
    }
    // SAFETY: as above.
    Ok(unsafe { abi::read(lent) })
}

/// A wait as the contract states it: zero means that none was stated.
pub(super) fn wait(millis: u64) -> Option<Duration> {
    (millis > 0).then(|| Duration::from_millis(millis))
}

/// Copies bytes.
///
/// # Safety
///
/// When `lent` is neither null nor longer than `max`, its bytes are readable.
pub(super) unsafe fn bytes(lent: Bytes, what: &str, max: usize) -> Result<Vec<u8>> {
    check(lent, what, max)?;
    // SAFETY: passed on to the caller.
    Ok(unsafe { lent.get() }.to_vec())
}

/// Copies bytes that must be UTF-8 into shared ones.
///
/// # Safety
///
/// As [`bytes`].
pub(super) unsafe fn utf8(lent: Bytes, what: &str, max: usize) -> Result<bytes::Bytes> {
    check(lent, what, max)?;
    // SAFETY: passed on to the caller.
    let bytes = unsafe { lent.get() };
    std::str::from_utf8(bytes).map_err(|_| not_utf8(what))?;
    Ok(bytes::Bytes::copy_from_slice(bytes))
}

/// Copies text.
///
/// # Safety
///
/// As [`bytes`].
pub(super) unsafe fn text(lent: Str, what: &str, max: usize) -> Result<String> {
    // SAFETY: passed on to the caller.
    let bytes = unsafe { bytes(lent.0, what, max) }?;
    String::from_utf8(bytes).map_err(|_| not_utf8(what))
}

/// Copies the elements of an array; what they point at is still foreign.
///
/// # Safety
///
/// When `lent` is neither null nor longer than `max`, its elements are readable.
pub(super) unsafe fn list<T: Wire>(lent: Slice<T>, what: &str, max: u32) -> Result<Vec<T>> {
    if lent.len == 0 {
        return Ok(Vec::new());
    }
    if lent.ptr.is_null() {
        return Err(SessionError::bug(format!(
            "{what} has {} elements at a null pointer",
            lent.len
        )));
    }
    if lent.len > max {
        let count = lent.len;
        return Err(SessionError::bug(format!(
            "{what} has {count} elements, allowed are {max}"
        )));
    }
    if lent.stride == 0 {
        return Err(SessionError::bug(format!("{what} has elements of no size")));
    }
    if !ends_between_fields::<T>(lent.stride) {
        return Err(SessionError::bug(format!(
            "{what} has elements {} bytes apart, which ends within a field",
            lent.stride
        )));
    }
    // SAFETY: not empty and not null; the caller promises that the elements are readable.
    Ok(unsafe { lent.iter() }.collect())
}

fn check(lent: Bytes, what: &str, max: usize) -> Result<()> {
    if lent.len > 0 && lent.ptr.is_null() {
        let len = lent.len;
        return Err(SessionError::bug(format!(
            "{what} has {len} bytes at a null pointer"
        )));
    }
    if lent.len > max {
        let len = lent.len;
        return Err(SessionError::bug(format!(
            "{what} has {len} bytes, allowed are {max}"
        )));
    }
    Ok(())
}

fn not_utf8(what: &str) -> SessionError {
    SessionError::bug(format!("{what} is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.expect_err("the rule is broken").message
    }

    #[test]
    fn a_stride_or_a_size_that_cuts_a_pointer_in_two_is_refused() {
        let whole = abi::Field {
            name: Str::new("name"),
            value: Bytes::new(b"value"),
        };
        let fields = [whole; 3];
        let mut cut = Slice::new(&fields);
        // SAFETY: the elements are three times 32 bytes, more than is read with these strides.
        unsafe {
            for (stride, known) in [(8, true), (16, true), (32, true), (12, false), (33, false)] {
                cut.stride = stride;
                assert_eq!(list(cut, "it", 9).is_ok(), known, "{stride}");
            }
            let sleep = |size| abi::Sleep {
                size,
                reserved: 0,
                millis: 7,
            };
            assert_eq!(sized(&sleep(16), "it").map(|it| it.millis).ok(), Some(7));
            assert_eq!(sized(&sleep(8), "it").map(|it| it.millis).ok(), Some(0));
            let cut = sized(&sleep(11), "the payload").map(|it| it.millis);
            assert!(said(cut).contains("the payload says that it has 11 bytes, which ends within"));
        }
    }

    #[test]
    fn lengths_are_checked_before_anything_is_read() {
        let wild = Bytes {
            ptr: std::ptr::dangling(),
            len: usize::MAX,
        };
        let null = Bytes {
            ptr: std::ptr::null(),
            len: 3,
        };
        let elements = Slice::<u32> {
            ptr: std::ptr::dangling(),
            len: 9,
            stride: 4,
        };
        // SAFETY: too long, null or without stride: nothing is read.
        let messages = unsafe {
            [
                said(bytes(wild, "the cursor", 64)),
                said(bytes(null, "the cursor", 64)),
                said(text(Str(Bytes::new(b"\xff")), "the url", 64)),
                said(list(elements, "`covers`", 8)),
                said(list(
                    Slice {
                        stride: 0,
                        ..elements
                    },
                    "`covers`",
                    9,
                )),
                said(list(
                    Slice {
                        ptr: std::ptr::null(),
                        ..elements
                    },
                    "`covers`",
                    9,
                )),
            ]
        };
        let rules = messages.map(|it| it.replace("the connector broke the contract: ", ""));
        assert_eq!(
            rules,
            [
                "the cursor has 18446744073709551615 bytes, allowed are 64",
                "the cursor has 3 bytes at a null pointer",
                "the url is not UTF-8",
                "`covers` has 9 elements, allowed are 8",
                "`covers` has elements of no size",
                "`covers` has 9 elements at a null pointer",
            ]
        );
    }
}

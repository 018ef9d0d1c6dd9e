//! What the C library's allocator has given out: it serves this process and every library in it.

/// Bytes in use, by all threads; `None` where the C library does not tell.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn heap_in_use() -> Option<usize> {
    // SAFETY: it takes nothing and gives a plain struct; the allocator locks its arenas meanwhile.
    let counts = unsafe { libc::mallinfo2() };
    Some(counts.uordblks.saturating_add(counts.hblkhd))
}

/// Bytes in use, by all threads; `None` where the C library does not tell.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn heap_in_use() -> Option<usize> {
    None
}

//! Pages that stay where they are: never swapped, in no dump, empty in a forked child.
//!
//! Whoever wants them asks the heap for memory with the alignment [`PAGE`]: a type says so with
//! `#[repr(align(4096))]` and needs to know nothing of this file. Nothing else in the process asks
//! for such an alignment. Only these pages are locked and never all there are: a limit that all of
//! them fit in today fails an allocation tomorrow, and with it the process.
//!
//! That a page cannot be locked is no reason to be without it. It is remembered, and told by
//! [`locking`]. Called by [`super::allocator`], and by `daemon` for what the operator is told.

use std::{
    alloc::Layout,
    hint::black_box,
    io, ptr,
    sync::atomic::{AtomicI32, Ordering::Relaxed},
};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};

/// The alignment that asks for pages of one's own.
pub const PAGE: usize = 4096;

/// What became of the pages so far: [`UNTRIED`], [`LOCKED`], or the first error there was. One
/// page that is not locked is enough for that, until the process ends.
static OUTCOME: AtomicI32 = AtomicI32::new(UNTRIED);
const UNTRIED: i32 = -1;
const LOCKED: i32 = 0;

/// Whether pages are locked.
#[derive(Debug)]
pub enum Locking {
    /// This program has another allocator, or nobody has asked for pages.
    Untried,
    /// All of them are.
    Locked,
    /// At least one was not.
    Refused(io::Error),
}

/// Whether all pages could be locked that anybody asked for.
#[must_use]
pub fn locking() -> Locking {
    match OUTCOME.load(Relaxed) {
        UNTRIED => Locking::Untried,
        LOCKED => Locking::Locked,
        error => Locking::Refused(io::Error::from_raw_os_error(error)),
    }
}

/// Asks for a page and gives it back, so that [`locking`] has an answer before anything is kept.
pub fn probe() {
    #[repr(align(4096))]
    struct Page(#[expect(dead_code, reason = "it is there to take up space")] [u8; PAGE]);
    drop(black_box(Box::new(Page([0; PAGE]))));
}

/// Whether this memory is to be had from here.
pub(super) fn is_meant(layout: Layout) -> bool {
    layout.align() == PAGE
}

/// Pages for this many bytes, cleared; null if there is no memory.
pub(super) fn map(bytes: usize) -> *mut u8 {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the kernel chooses a place where nothing is yet.
    let pages = unsafe { mmap_anonymous(ptr::null_mut(), bytes, access, MapFlags::PRIVATE) };
    let Ok(pages) = pages else { return ptr::null_mut() };
    // SAFETY: these pages are mapped, and none of the three changes what is in them here: nothing
    // is, and the child that sees them empty is another process.
    let locked = unsafe {
        let locked = mlock(pages, bytes);
        let undumped = madvise(pages, bytes, Advice::LinuxDontDump);
        let unforked = madvise(pages, bytes, Advice::LinuxWipeOnFork);
        locked.and(undumped).and(unforked)
    };
    // The first error stays; a success counts where there was nothing before.
    let outcome = locked.map_or_else(rustix::io::Errno::raw_os_error, |()| LOCKED);
    let _ = OUTCOME.fetch_update(Relaxed, Relaxed, |before| (before <= LOCKED).then_some(outcome));
    pages.cast()
}

/// Gives pages back. They are unlocked by that.
///
/// # Safety
///
/// They were had from [`map`] with the same size, and nobody uses them any more.
pub(super) unsafe fn unmap(pages: *mut u8, bytes: usize) {
    // SAFETY: the caller promises that this is one whole mapping and that nobody uses it. It cannot
    // fail then; if it did, the pages would be cleared and never used again.
    let _ = unsafe { munmap(pages.cast(), bytes) };
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What the kernel says of the mapping that begins at this place.
    fn flags(pages: *mut u8) -> Option<String> {
        let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
        let begin = format!("{:x}-", pages as usize);
        let mut lines = smaps.lines().skip_while(|line| !line.starts_with(&begin)).skip(1);
        lines.find_map(|line| line.strip_prefix("VmFlags:")).map(str::to_owned)
    }

    #[test]
    fn a_page_is_locked_in_no_dump_and_empty_in_a_child() {
        let pages = map(4 * PAGE);

        let flags_held = flags(pages).unwrap();
        // SAFETY: they were mapped above and are used by nobody.
        unsafe { unmap(pages, 4 * PAGE) };

        for flag in [" lo", " dd", " wf"] {
            assert!(flags_held.contains(flag), "{flag} is missing in {flags_held}");
        }
        assert!(matches!(locking(), Locking::Locked));
        assert_eq!(flags(pages), None, "they are gone");
    }

    #[test]
    fn only_what_asks_for_pages_gets_them() {
        let layout = |align| Layout::from_size_align(100, align).unwrap();

        assert!(is_meant(layout(PAGE)));
        assert!(!is_meant(layout(16)));
        assert!(!is_meant(layout(2 * PAGE)), "a page is not aligned to that");
    }
}

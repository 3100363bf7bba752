//! A heap that leaves nothing behind: what is freed is cleared first.
//!
//! A token passes through buffers that are not ours, of TLS, HTTP and gRPC, and nobody else could
//! clear those. Memory that is asked for by the page goes to [`super::locked`]; the rest is the
//! system's. Knows nothing of what is in it. Set by each program under `bin`.

use std::alloc::{GlobalAlloc, Layout, System};

use super::locked;

/// The allocator, for `#[global_allocator]`.
#[derive(Debug, Clone, Copy)]
pub struct Clearing;

// SAFETY: each pair of `alloc` and `dealloc` goes to the same of two allocators, because the layout
// alone chooses and is the same in both. The provided `realloc` allocates, copies and deallocates:
// were the system's used, what it moves would stay behind where it was.
unsafe impl GlobalAlloc for Clearing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if locked::is_meant(layout) {
            return locked::map(layout.size());
        }
        // SAFETY: the caller's promises about the layout are those that the system wants.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if locked::is_meant(layout) {
            return locked::map(layout.size());
        }
        // SAFETY: as in `alloc`. The system knows which pages are fresh and need no clearing.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller owns these bytes, and nobody reads them again. `explicit_bzero` is the
        // one that a compiler may not leave out although they are never read (bzero(3)).
        unsafe { libc::explicit_bzero(memory.cast(), layout.size()) };
        if locked::is_meant(layout) {
            // SAFETY: `alloc` had it from `map`, with this size.
            unsafe { locked::unmap(memory, layout.size()) };
        } else {
            // SAFETY: `alloc` had it from the system, with this layout.
            unsafe { System.dealloc(memory, layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_copied_whole() {
        let (small, large) = (Layout::from_size_align(64, 8).unwrap(), 100_000);

        // SAFETY: each block is used within its layout and freed with it.
        unsafe {
            let memory = Clearing.alloc(small);
            memory.write_bytes(7, small.size());
            let memory = Clearing.realloc(memory, small, large);
            let kept = std::slice::from_raw_parts(memory, small.size()).iter().all(|b| *b == 7);
            Clearing.dealloc(memory, Layout::from_size_align(large, 8).unwrap());

            assert!(kept);
        }
    }

    #[test]
    fn what_is_freed_is_cleared() {
        // Small blocks are kept in a list for the next of their size: the memory stays readable.
        let layout = Layout::from_size_align(1024, 8).unwrap();
        let freed = |allocator: &dyn Fn(*mut u8)| {
            // SAFETY: the block is written within its layout, and freed once by `allocator`. Reading
            // it afterwards goes through a file, where memory that is gone would be an error.
            let memory = unsafe {
                let memory = System.alloc(layout);
                memory.write_bytes(0xa5, layout.size());
                memory
            };
            let place = memory as u64;
            allocator(memory);
            let mut left = vec![0; layout.size()];
            let process = std::fs::File::open("/proc/self/mem").unwrap();
            std::os::unix::fs::FileExt::read_exact_at(&process, &mut left, place).unwrap();
            // The first two words of a free block are the system's own, and may be any bytes.
            left.into_iter().skip(16).filter(|byte| *byte == 0xa5).count()
        };

        // SAFETY: the block is of this layout and freed once.
        let by_system = freed(&|memory| unsafe { System.dealloc(memory, layout) });
        // SAFETY: as above.
        let by_ours = freed(&|memory| unsafe { Clearing.dealloc(memory, layout) });

        assert!(by_system > 900, "the system leaves it: {by_system}");
        assert_eq!(by_ours, 0);
    }
}

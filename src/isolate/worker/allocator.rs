//! The memory of one isolate: counted as the system's allocator counts it, with a hard bound. QuickJS's
//! own limit does not count what its small-block arenas take, and can be passed sevenfold.

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::allocator::Allocator;

#[derive(Default)]
pub struct Meter {
    used: Cell<usize>,
    bound: Cell<usize>,
    refused: Cell<bool>,
}

impl Meter {
    pub fn new(bound: usize) -> Rc<Meter> {
        Rc::new(Meter { bound: Cell::new(bound), ..Meter::default() })
    }

    /// Whether a request was ever refused. The script may have caught the exception; its isolate is lost all the same.
    pub fn was_refused(&self) -> bool {
        self.refused.get()
    }

    pub fn bound(&self) -> usize {
        self.bound.get()
    }

    fn admits(&self, more: usize) -> bool {
        let fits = self.used.get().checked_add(more).is_some_and(|total| total <= self.bound.get());
        if !fits {
            self.refused.set(true);
        }
        fits
    }

    fn add(&self, bytes: usize) {
        self.used.set(self.used.get() + bytes);
    }

    fn subtract(&self, bytes: usize) {
        self.used.set(self.used.get().saturating_sub(bytes));
    }
}

/// What the system's allocator keeps beside each block.
const OVERHEAD: usize = 8;

pub struct Bounded(pub Rc<Meter>);

// SAFETY: every pointer comes from the system's malloc family and goes back to it, and
// malloc_usable_size is its own answer to how large a block is.
#[allow(unsafe_code)]
unsafe impl Allocator for Bounded {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.0.admits(size) {
            return std::ptr::null_mut();
        }
        // SAFETY: malloc takes any size.
        self.counted(unsafe { libc::malloc(size) }.cast())
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        if !count.checked_mul(size).is_some_and(|total| self.0.admits(total)) {
            self.0.refused.set(true);
            return std::ptr::null_mut();
        }
        // SAFETY: calloc takes any sizes.
        self.counted(unsafe { libc::calloc(count, size) }.cast())
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8) {
        // SAFETY: the caller passes a block of this allocator.
        unsafe {
            self.0.subtract(libc::malloc_usable_size(ptr.cast()) + OVERHEAD);
            libc::free(ptr.cast());
        }
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, new_size: usize) -> *mut u8 {
        if ptr.is_null() {
            return self.alloc(new_size);
        }
        // SAFETY: the caller passes a block of this allocator.
        let old = unsafe { libc::malloc_usable_size(ptr.cast()) };
        if new_size > old && !self.0.admits(new_size - old) {
            return std::ptr::null_mut();
        }
        // SAFETY: as above.
        let moved: *mut u8 = unsafe { libc::realloc(ptr.cast(), new_size) }.cast();
        if !moved.is_null() {
            self.0.subtract(old + OVERHEAD);
        }
        self.counted(moved)
    }

    unsafe fn usable_size(ptr: *mut u8) -> usize {
        // SAFETY: the caller passes a block of this allocator.
        unsafe { libc::malloc_usable_size(ptr.cast()) }
    }
}

impl Bounded {
    #[allow(unsafe_code)]
    fn counted(&self, ptr: *mut u8) -> *mut u8 {
        if ptr.is_null() {
            self.0.refused.set(true);
        } else {
            // SAFETY: a live block of malloc's.
            self.0.add(unsafe { libc::malloc_usable_size(ptr.cast()) } + OVERHEAD);
        }
        ptr
    }
}

//! The memory of one isolate: counted as the system's allocator counts it, with a hard bound. QuickJS's
//! own limit does not count what its small-block arenas take, and can be passed sevenfold.
//!
//! Every block is linked to its neighbours, so that all of them can be given back without a word to the engine:
//! one that ran out of memory has lost track of some of its own, and aborts the process when it is asked to
//! clean up. Blocks are few, because the engine cuts small ones out of larger ones itself.

use std::cell::Cell;
use std::ptr::null_mut;
use std::rc::Rc;

use rquickjs::allocator::Allocator;

#[derive(Default)]
pub struct Meter {
    used: Cell<usize>,
    bound: usize,
    /// What may be used beside the bound, to end the script.
    reserve: Cell<usize>,
    refused: Cell<bool>,
    /// What was held, and asked for, when a request was refused for the first time.
    breach: Cell<Option<(usize, usize)>>,
    first: Cell<Block>,
}

/// What stands in front of each block: its neighbours. As long as an alignment of malloc's, so that what
/// follows is aligned as well.
#[repr(C, align(16))]
struct Header {
    previous: Block,
    next: Block,
}

#[derive(Clone, Copy, PartialEq)]
struct Block(*mut Header);

impl Default for Block {
    fn default() -> Block {
        Block(null_mut())
    }
}

const RESERVE_BYTES: usize = 64 * 1024;
const HEADER: usize = size_of::<Header>();
/// What the system's allocator keeps beside each block.
const OVERHEAD: usize = 8;

impl Meter {
    pub fn new(bound: usize) -> Rc<Meter> {
        Rc::new(Meter { bound, ..Meter::default() })
    }

    /// Whether a request was ever refused. The script may have caught the exception; its isolate is lost all the same.
    pub fn was_refused(&self) -> bool {
        self.refused.get()
    }

    pub fn bound(&self) -> usize {
        self.bound
    }

    pub fn used(&self) -> usize {
        self.used.get()
    }

    /// How the bound was reached, in words.
    pub fn breach(&self) -> String {
        match self.breach.get() {
            Some((held, asked)) => format!("it held {held} and asked for {asked} more"),
            None => "the system gave it no more".into(),
        }
    }

    /// Lets the engine make the error that no script can catch. Without room for it, it would throw one that can be.
    pub fn open_reserve(&self) {
        self.reserve.set(self.used.get().saturating_sub(self.bound) + RESERVE_BYTES);
    }

    /// Gives all blocks back.
    ///
    /// # Safety
    /// Nothing may use the engine, or a value of its, ever again.
    #[allow(unsafe_code)]
    pub unsafe fn release_all(&self) {
        let mut block = self.first.take();
        while block != Block::default() {
            // SAFETY: linked blocks are live blocks of malloc's, each freed once; the next is read before.
            block = unsafe {
                let next = (*block.0).next;
                libc::free(block.0.cast());
                next
            };
        }
        self.used.set(0);
    }

    fn admits(&self, more: usize) -> bool {
        let fits =
            self.used.get().checked_add(more).is_some_and(|total| total <= self.bound + self.reserve.get());
        if !fits {
            self.refused.set(true);
            self.breach.set(self.breach.get().or(Some((self.used.get(), more))));
        }
        fits
    }

    /// Takes a new block up; where the engine's part of it begins.
    ///
    /// # Safety
    /// `block` is null, or a live block of malloc's with room for a header, not linked.
    #[allow(unsafe_code)]
    unsafe fn link(&self, block: Block) -> *mut u8 {
        if block == Block::default() {
            self.refused.set(true);
            return null_mut();
        }
        let next = self.first.replace(block);
        // SAFETY: the caller's word for `block`; linked blocks are live.
        unsafe {
            block.0.write(Header { previous: Block::default(), next });
            if next != Block::default() {
                (*next.0).previous = block;
            }
            self.used.set(self.used.get() + size_of_block(block));
            block.0.cast::<u8>().add(HEADER)
        }
    }

    /// # Safety
    /// `block` is linked.
    #[allow(unsafe_code)]
    unsafe fn unlink(&self, block: Block) {
        // SAFETY: linked blocks are live, and so are their neighbours.
        unsafe {
            let Header { previous, next } = block.0.read();
            if previous == Block::default() {
                self.first.set(next);
            } else {
                (*previous.0).next = next;
            }
            if next != Block::default() {
                (*next.0).previous = previous;
            }
            self.used.set(self.used.get().saturating_sub(size_of_block(block)));
        }
    }
}

/// # Safety
/// `block` is a live block of malloc's.
#[allow(unsafe_code)]
unsafe fn size_of_block(block: Block) -> usize {
    // SAFETY: the caller's word.
    unsafe { libc::malloc_usable_size(block.0.cast()) + OVERHEAD }
}

/// # Safety
/// `ptr` is the engine's part of a block.
#[allow(unsafe_code)]
unsafe fn block_of(ptr: *mut u8) -> Block {
    // SAFETY: a header stands in front of it.
    Block(unsafe { ptr.sub(HEADER) }.cast())
}

pub struct Bounded(pub Rc<Meter>);

// SAFETY: every block comes from the system's malloc family and goes back to it; the engine's part begins
// behind a header that keeps the alignment, and is as large as malloc_usable_size says, without the header.
#[allow(unsafe_code)]
unsafe impl Allocator for Bounded {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        let total = size.saturating_add(HEADER);
        if !self.0.admits(total) {
            return null_mut();
        }
        // SAFETY: malloc takes any size, and its block is new.
        unsafe { self.0.link(Block(libc::malloc(total).cast())) }
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let total = count.saturating_mul(size).saturating_add(HEADER);
        if !self.0.admits(total) {
            return null_mut();
        }
        // SAFETY: calloc takes any size, and its block is new.
        unsafe { self.0.link(Block(libc::calloc(1, total).cast())) }
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8) {
        // SAFETY: the engine passes what this allocator gave it.
        unsafe {
            let block = block_of(ptr);
            self.0.unlink(block);
            libc::free(block.0.cast());
        }
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, new_size: usize) -> *mut u8 {
        if ptr.is_null() {
            return self.alloc(new_size);
        }
        let total = new_size.saturating_add(HEADER);
        // SAFETY: the engine passes what this allocator gave it; a block that cannot be moved stays as it is.
        unsafe {
            let block = block_of(ptr);
            let more = total.saturating_sub(libc::malloc_usable_size(block.0.cast()));
            if more > 0 && !self.0.admits(more) {
                return null_mut();
            }
            self.0.unlink(block);
            let moved = Block(libc::realloc(block.0.cast(), total).cast());
            if moved == Block::default() {
                self.0.link(block);
            }
            self.0.link(moved)
        }
    }

    unsafe fn usable_size(ptr: *mut u8) -> usize {
        // SAFETY: the engine passes what this allocator gave it.
        unsafe { libc::malloc_usable_size(block_of(ptr).0.cast()) - HEADER }
    }
}

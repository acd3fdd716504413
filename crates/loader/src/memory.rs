//! Bounds the memory of an evaluation by counting what its thread allocates; it does not know Starlark.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;
use std::marker::PhantomData;

/// How many bytes of a file's name a message shows.
const NAME: usize = 240;

/// What the current thread has allocated since its scope began.
struct Account {
    /// The bound in bytes; 0 outside of a scope.
    limit: Cell<usize>,
    /// Bytes allocated and not freed; below zero where what is older was freed.
    live: Cell<isize>,
    /// The file that is evaluated, cut to fit, and its length.
    file: Cell<([u8; NAME], usize)>,
}

thread_local! {
    static ACCOUNT: Account =
        const { Account { limit: Cell::new(0), live: Cell::new(0), file: Cell::new(([0; NAME], 0)) } };
}

/// The system's allocator, which ends the process with exit code 2 and a message that names the file when the
/// evaluation of one file takes more memory than it may.
///
/// Starlark can ask for any amount of memory in one step, and an allocator can neither fail (the process aborts)
/// nor unwind. So the binary installs this, and a runaway file is told by name:
///
/// ```ignore
/// #[global_allocator]
/// static ALLOCATOR: loader::CountingAllocator = loader::CountingAllocator;
/// ```
///
/// Outside of an evaluation it costs one read of a thread-local variable.
#[derive(Debug)]
pub struct CountingAllocator;

/// Counts the memory of the current thread for a file, until it is dropped.
pub(crate) struct Scope(PhantomData<*const ()>);

impl Scope {
    /// From now on the thread may allocate `limit` bytes more than it frees.
    pub(crate) fn enter(file: &str, limit: usize) -> Self {
        let mut name = [0; NAME];
        let length = file.len().min(NAME);
        name[..length].copy_from_slice(&file.as_bytes()[..length]);
        ACCOUNT.with(|account| {
            account.file.set((name, length));
            account.live.set(0);
            account.limit.set(limit);
        });
        Self(PhantomData)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        ACCOUNT.with(|account| account.limit.set(0));
    }
}

/// Whether the current thread evaluates a file now.
///
/// Starlark panics on some files. Such a panic is caught and told as an error of the file, so the panic hook of the
/// binary has nothing to say about it.
pub fn is_evaluating() -> bool {
    ACCOUNT.try_with(|account| account.limit.get() != 0).unwrap_or(false)
}

fn count(allocated: usize, freed: usize) {
    let _ = ACCOUNT.try_with(|account| {
        let limit = account.limit.get();
        if limit == 0 {
            return;
        }
        let change = allocated.cast_signed().saturating_sub(freed.cast_signed());
        let live = account.live.get().saturating_add(change);
        account.live.set(live);
        if live > limit.cast_signed() {
            account.limit.set(0);
            end(account, limit);
        }
    });
}

/// Says which file it was and ends the process, without allocating.
#[cold]
#[allow(clippy::exit, reason = "an allocator can neither fail nor unwind")]
fn end(account: &Account, limit: usize) -> ! {
    let (name, length) = account.file.get();
    let mut error = std::io::stderr();
    let _ = error.write_all(b"error[loader::memory]: evaluating `");
    let _ = error.write_all(&name[..length]);
    let _ = writeln!(error, "` takes more than {} MiB of memory", limit >> 20);
    let _ = error.write_all(
        b"help: a list, string or number in it, or in a file that it loads, grows without bound\n",
    );
    std::process::exit(2)
}

#[allow(
    unsafe_code,
    reason = "an allocator is an unsafe trait; every call goes to the system's with the same arguments"
)]
// SAFETY: all methods forward to `System` and neither allocate nor unwind themselves.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

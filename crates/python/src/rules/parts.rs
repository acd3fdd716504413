//! Files in parts that go to one process each. A part ends where the path of a file says so: another file more or less changes
//! one part, or two, and every machine makes the same.

/// How many files are in a part.
pub(super) struct Size {
    /// So many at least, but for the last part.
    pub(super) least: usize,
    /// So many at most.
    pub(super) most: usize,
    /// Of so many further files, one ends a part.
    pub(super) ends: u64,
}

/// `files`, each behind its path and sorted by that, in parts.
pub(super) fn parts<'f, T>(files: impl IntoIterator<Item = (&'f str, T)>, size: &Size) -> Vec<Vec<T>> {
    let (mut all, mut part) = (Vec::new(), Vec::new());
    for (path, file) in files {
        part.push(file);
        if part.len() >= size.most || part.len() >= size.least && hash(path).is_multiple_of(size.ends) {
            all.push(std::mem::take(&mut part));
        }
    }
    if !part.is_empty() {
        all.push(part);
    }
    all
}

/// A number that stands for a path, the same on every machine: FNV-1a, mixed so that its low bits depend on all of it.
fn hash(path: &str) -> u64 {
    let add = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = path.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, add);
    hash ^ (hash >> 32)
}

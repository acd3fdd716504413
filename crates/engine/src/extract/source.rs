//! Bytes that can be read at any position: a file or memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Something with a fixed length that is read by position, also by several threads at once.
#[allow(clippy::len_without_is_empty, reason = "nothing asks an archive whether it is empty")]
pub trait ReadAt: Sync {
    /// How many bytes there are.
    fn len(&self) -> u64;
    /// Fills `buffer` with the bytes from `offset` on; fewer are an error.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(buffer.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        ReadAt::len(self.as_slice())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.as_slice().read_exact_at(buffer, offset)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn len(&self) -> u64 {
        ReadAt::len(*self)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        ReadAt::read_exact_at(*self, buffer, offset)
    }
}

/// An open file with its length at the time of opening.
pub struct FileSource {
    file: File,
    len: u64,
}

impl FileSource {
    /// Takes an open file; fails where its length cannot be asked.
    pub fn new(file: File) -> io::Result<FileSource> {
        let len = file.metadata()?.len();
        Ok(FileSource { file, len })
    }
}

impl ReadAt for FileSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

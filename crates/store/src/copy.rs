//! Copies bytes between files inside of the kernel where that can be; it does not know what they are.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use rustix::io::Errno;

/// Makes `to` share the blocks of `from`; false where the file system cannot.
pub(crate) fn reflink(from: &File, to: &File) -> bool {
    rustix::fs::ioctl_ficlone(to, from).is_ok()
}

/// Copies `len` bytes at `offset` of `from` to `to_offset` of `to`.
pub(crate) fn range(from: &File, offset: u64, to: &File, to_offset: u64, len: u64) -> io::Result<()> {
    let (mut read, mut write) = (offset, to_offset);
    let end = offset.saturating_add(len);
    while read < end {
        let left = usize::try_from(end - read).unwrap_or(usize::MAX).min(1 << 30);
        match rustix::fs::copy_file_range(from, Some(&mut read), to, Some(&mut write), left) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            // Two file systems, or one that has no such call: through memory.
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {
                return through_memory(from, read, to, write, end - read);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// How much is written at once: in larger pieces, ext4 takes several times as long (measured).
const PIECE: usize = 64 * 1024;

/// Writes all of `bytes` where `to` is.
pub(crate) fn write(mut to: &File, bytes: &[u8]) -> io::Result<()> {
    bytes.chunks(PIECE).try_for_each(|piece| to.write_all(piece))
}

fn through_memory(from: &File, offset: u64, to: &File, to_offset: u64, len: u64) -> io::Result<()> {
    let mut chunk = vec![0; PIECE.min(usize::try_from(len).unwrap_or(PIECE))];
    let mut done = 0;
    while done < len {
        let part = chunk.len().min(usize::try_from(len - done).unwrap_or(usize::MAX));
        from.read_exact_at(&mut chunk[..part], offset + done)?;
        to.write_all_at(&chunk[..part], to_offset + done)?;
        done += part as u64;
    }
    Ok(())
}

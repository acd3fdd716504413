//! Keeps what a process writes within bounds: its beginning and its end. It does not know who writes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use rustix::fs::{FallocateFlags, fallocate};

/// So many bytes are kept of the beginning, and as many of the end.
const EDGE: u64 = 8 << 20;
/// By so much more a file grows before it is thinned again.
const STEP: u64 = 4 << 20;

/// A file that somebody writes to without bounds.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    thinned: u64,
}

impl Output {
    pub(crate) fn new(file: File) -> Output {
        Output { file, thinned: 2 * EDGE }
    }

    /// Gives the disk back what lies between the beginning and the end. Where the file system cannot do that, the file
    /// grows until it has ended.
    pub(crate) fn thin(&mut self) {
        let Ok(len) = self.file.metadata().map(|found| found.len()) else { return };
        if len >= self.thinned + STEP {
            self.thinned = len;
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = fallocate(&self.file, flags, EDGE, len - 2 * EDGE);
        }
    }

    /// Whether more was written than is kept.
    pub(crate) fn is_cut(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.len() > 2 * EDGE)
    }

    /// What is kept of all that was written, with a line for what is left out.
    pub(crate) fn read(&mut self) -> io::Result<Vec<u8>> {
        let len = self.file.metadata()?.len();
        let mut bytes = Vec::new();
        self.file.rewind()?;
        if len <= 2 * EDGE {
            self.file.read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
        self.file.by_ref().take(EDGE).read_to_end(&mut bytes)?;
        bytes.extend_from_slice(format!("\n[{} bytes are left out here]\n", len - 2 * EDGE).as_bytes());
        self.file.seek(SeekFrom::Start(len - EDGE))?;
        self.file.by_ref().take(EDGE).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let mut file = tempfile::tempfile().unwrap();
        let mut output = Output::new(file.try_clone().unwrap());
        file.write_all(b"first\n").unwrap();
        output.thin();
        assert_eq!(output.read().unwrap(), b"first\n");
        file.seek(SeekFrom::End(0)).unwrap();
        for _ in 0..100 {
            file.write_all(&vec![b'x'; 1 << 20]).unwrap();
            output.thin();
        }
        file.write_all(b"last\n").unwrap();
        let taken = file.metadata().unwrap().blocks() * 512;
        let kept = output.read().unwrap();
        assert!(kept.starts_with(b"first\nxxx") && kept.ends_with(b"xxxlast\n"));
        let said = format!("\n[{} bytes are left out here]\n", (100 << 20) + 11 - 2 * EDGE);
        assert_eq!(kept.len() as u64, 2 * EDGE + said.len() as u64);
        let middle = usize::try_from(EDGE).unwrap();
        assert_eq!(&kept[middle..middle + said.len()], said.as_bytes());
        // A file system that cannot give space back is told by what is taken.
        assert!(taken <= 2 * EDGE + 2 * STEP || taken >= 100 << 20, "{taken}");
    }
}

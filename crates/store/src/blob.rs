//! Reads a blob as one stream, whatever it is kept as; it does not know where the parts are.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use crate::composed::Segment;
use crate::store::Content;
use crate::{Digest, Store, StoreError};

/// A blob to read from.
///
/// The errors that it gives as [`Read`] may be a [`StoreError`] inside: see [`StoreError::from_io`].
#[derive(Debug)]
pub struct Blob {
    store: Store,
    digest: Digest,
    source: Source,
    position: u64,
}

#[derive(Debug)]
enum Source {
    Bytes(Vec<u8>),
    File(File),
    /// The segments with the position that each ends at, and the file of the one that was read last.
    Parts(Vec<(u64, Segment)>, Option<(Digest, File)>),
}

impl Store {
    /// Opens a blob to read. Fails with [`StoreError::Missing`] if it is not here, or was corrupt.
    pub fn open_blob(&self, digest: &Digest) -> Result<Blob, StoreError> {
        let source = match self.content(digest)?.ok_or(StoreError::Missing(*digest))? {
            Content::Small(bytes) => Source::Bytes(bytes),
            Content::File(file) => Source::File(file),
            Content::Composed(segments) => Source::Parts(with_ends(segments), None),
        };
        Ok(Blob { store: self.clone(), digest: *digest, source, position: 0 })
    }

    /// The file of a large blob that is not composed.
    pub(crate) fn part_file(&self, digest: &Digest) -> Result<File, StoreError> {
        match self.content(digest)? {
            Some(Content::File(file)) => Ok(file),
            _ => Err(StoreError::Missing(*digest)),
        }
    }
}

fn with_ends(segments: Vec<Segment>) -> Vec<(u64, Segment)> {
    let mut end = 0;
    let add = |segment: Segment| {
        end += segment.len();
        (end, segment)
    };
    segments.into_iter().map(add).collect()
}

impl Blob {
    /// What is read.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.digest.size
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.digest.size == 0
    }

    /// The parts of the blob from `offset` on for `len` bytes, each inside of one that is not composed.
    pub(crate) fn segments(&self, offset: u64, len: u64) -> Vec<Segment> {
        match &self.source {
            Source::Bytes(bytes) => vec![Segment::Bytes(bytes.clone()).cut(offset, len)],
            Source::File(_) => vec![Segment::Blob { digest: self.digest, offset, len }],
            Source::Parts(parts, _) => {
                let mut found = Vec::new();
                for (end, segment) in parts {
                    let begin = end - segment.len();
                    let (from, to) = (offset.max(begin), (offset + len).min(*end));
                    if from < to {
                        found.push(segment.clone().cut(from - begin, to - from));
                    }
                }
                found
            }
        }
    }

    fn read_parts(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Source::Parts(parts, open) = &mut self.source else { return Ok(0) };
        let index = parts.partition_point(|(end, _)| *end <= self.position);
        let Some((end, segment)) = parts.get(index) else { return Ok(0) };
        let inside = self.position - (end - segment.len());
        let left = usize::try_from(end - self.position).unwrap_or(usize::MAX);
        let count = buffer.len().min(left);
        match segment {
            Segment::Bytes(bytes) => read_slice(bytes, inside, &mut buffer[..count]),
            Segment::Blob { digest, offset, .. } => {
                let file = match open {
                    Some((of, file)) if of == digest => file,
                    _ => {
                        let file = self.store.part_file(digest).map_err(StoreError::into_io)?;
                        &mut open.insert((*digest, file)).1
                    }
                };
                full(file.read_at(&mut buffer[..count], offset + inside)?, count)
            }
        }
    }
}

/// A file that ends before its blob has been cut since it was checked.
fn full(read: usize, wanted: usize) -> io::Result<usize> {
    if read == 0 && wanted > 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
}

fn read_slice(bytes: &[u8], position: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let begin = usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
    let count = buffer.len().min(bytes.len() - begin);
    buffer[..count].copy_from_slice(&bytes[begin..begin + count]);
    Ok(count)
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.digest.size.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let count = buffer.len().min(left);
        let read = match &self.source {
            _ if count == 0 => 0,
            Source::Bytes(bytes) => read_slice(bytes, self.position, &mut buffer[..count])?,
            Source::File(file) => full(file.read_at(&mut buffer[..count], self.position)?, count)?,
            Source::Parts(..) => self.read_parts(&mut buffer[..count])?,
        };
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Blob {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.digest.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

//! Content on its way, compressed by Zstandard where the server can do that and it becomes smaller. Digests and sizes are
//! always those of the content itself.

use std::io::{self, Read, Write};

use crate::fault::Fault;

/// Above the speed of most networks, on one processor.
const LEVEL: i32 = 1;

/// What is smaller does not become smaller enough.
const SMALLEST: usize = 1 << 10;

/// So much of a large blob tells what becomes of the rest of it.
pub(crate) const SAMPLE: usize = 128 << 10;

/// A content in fewer bytes: at least an eighth fewer, or none.
pub(crate) fn compressed(content: &[u8]) -> Option<Vec<u8>> {
    if content.len() < SMALLEST {
        return None;
    }
    let bytes = zstd::bulk::compress(content, LEVEL).ok()?;
    (bytes.len() <= content.len() - content.len() / 8).then_some(bytes)
}

/// The content of this size that was compressed. More than that is never written to memory.
pub(crate) fn restored(bytes: &[u8], size: u64) -> Result<Vec<u8>, Fault> {
    let size = usize::try_from(size).map_err(|_| Fault::corrupt())?;
    zstd::bulk::decompress(bytes, size).map_err(|_| Fault::corrupt())
}

/// Reads what `content` is when it is compressed.
pub(crate) fn compressing(content: impl Read) -> io::Result<impl Read> {
    zstd::stream::read::Encoder::new(content, LEVEL)
}

/// Takes in what was compressed, or was not, and writes the content.
pub(crate) enum Restoring<W: Write> {
    /// As it comes.
    Plain(W),
    /// Compressed.
    Zstd(Box<zstd::stream::write::Decoder<'static, W>>),
}

impl<W: Write> Restoring<W> {
    pub(crate) fn new(writer: W, is_compressed: bool) -> io::Result<Restoring<W>> {
        Ok(match is_compressed {
            true => Restoring::Zstd(Box::new(zstd::stream::write::Decoder::new(writer)?)),
            false => Restoring::Plain(writer),
        })
    }

    /// Writes all content that `bytes` complete.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Restoring::Plain(writer) => writer.write_all(bytes),
            Restoring::Zstd(decoder) => {
                decoder.write_all(bytes)?;
                // What it holds back would be asked for again after a break.
                decoder.flush()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_no_smaller_stays_as_it_is() {
        let noise: Vec<u8> =
            std::iter::repeat_with(crate::connection::random).flat_map(u64::to_le_bytes).take(5000).collect();
        assert_eq!(compressed(&noise), None);
        assert_eq!(compressed(&[b'a'; 100]), None);
        let text = b"def function():\n    return 1\n".repeat(100);
        let bytes = compressed(&text).unwrap();
        assert!(bytes.len() < 200);
        assert_eq!(restored(&bytes, text.len() as u64).unwrap(), text);
    }

    #[test]
    fn what_is_larger_than_its_size_is_refused() {
        let bytes = compressed(&vec![0; 1 << 24]).unwrap();
        assert!(restored(&bytes, 1000).is_err());
        assert!(restored(b"no frame", 1000).is_err());
    }
}

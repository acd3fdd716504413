//! A zip file that nobody vouches for, opened so that everything read from it afterwards is safe to unpack:
//! names, types, sizes and places are checked at once, contents while they are read. Knows no trees.

use std::io::Write;

use flate2::{Decompress, FlushDecompress, Status};

use super::central::{self, Record};
use super::error::{ExtractError, ExtractErrors, Problem};
use super::names;
use super::source::ReadAt;

/// A zip file whose directory has been checked.
pub struct SafeZip<R> {
    archive: String,
    source: R,
    entries: Vec<Entry>,
}

/// One entry of a [`SafeZip`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it belongs: relative, of plain parts, without a directory's last slash.
    pub path: String,
    /// A file, or a directory.
    pub kind: EntryKind,
    /// How its bytes are kept.
    pub method: Method,
    /// The checksum of its content.
    pub crc32: u32,
    /// The length of its content.
    pub size: u64,
    /// The length of its bytes in the archive.
    pub compressed_size: u64,
    /// Where those start in the archive.
    pub offset: u64,
    /// Where its local header starts in the archive.
    pub header_offset: u64,
}

/// What an entry becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file, executable by its owner or not.
    File {
        /// The owner's executable bit.
        executable: bool,
    },
    /// A directory.
    Directory,
}

/// How an entry's bytes are kept. These two are all that PEX files and wheels may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// As they are (0).
    Stored,
    /// Deflated (8).
    Deflated,
}

/// What an archive may claim before it is taken for an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most entries.
    pub entries: u64,
    /// What any archive may unpack to.
    pub floor: u64,
    /// How many times its own length a larger one may unpack to.
    pub ratio: u64,
}

impl Default for Limits {
    /// Half a million entries; 256 MiB, or 200 times the length of the archive where that is more.
    fn default() -> Limits {
        Limits { entries: 500_000, floor: 256 << 20, ratio: 200 }
    }
}

impl<R: ReadAt> SafeZip<R> {
    /// Reads and checks the directory of `source`, which messages call `archive`. Fails with every fault found:
    /// climbing, absolute or ambiguous paths, links, two entries of one name, overlaps, entries whose two headers
    /// disagree, methods other than stored and deflate, encryption, and archives beyond `limits`.
    pub fn open(archive: &str, source: R, limits: Limits) -> Result<SafeZip<R>, ExtractErrors> {
        let whole = |problem| ExtractError { archive: archive.to_owned(), entry: None, problem };
        let directory = central::read(&source, limits.entries).map_err(whole)?;
        let mut errors = Vec::new();
        let mut entries = Vec::with_capacity(directory.records.len());
        for record in &directory.records {
            match check_record(&source, record, directory.start) {
                Ok(entry) => entries.push(entry),
                Err(problem) => errors.push(ExtractError {
                    archive: archive.to_owned(),
                    entry: Some(String::from_utf8_lossy(&record.name).into_owned()),
                    problem,
                }),
            }
        }
        for (index, problem) in check_entries(&entries) {
            let entry = Some(entries[index].path.clone());
            errors.push(ExtractError { archive: archive.to_owned(), entry, problem });
        }
        let size = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
        let limit = limits.floor.max(source.len().saturating_mul(limits.ratio));
        if size > limit {
            errors.push(whole(Problem::Bomb { size, limit }));
        }
        ExtractErrors::check(errors)?;
        Ok(SafeZip { archive: archive.to_owned(), source, entries })
    }

    /// The entries in the order of the archive's directory.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of this path.
    pub fn find(&self, path: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path == path)
    }

    /// The name by which messages call the archive.
    pub fn archive(&self) -> &str {
        &self.archive
    }

    /// The bytes of the archive.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// The local header of `entry`: what stands before its data.
    pub fn header(&self, entry: &Entry) -> Result<Vec<u8>, ExtractError> {
        let length =
            usize::try_from(entry.offset - entry.header_offset).expect("at most 128 KiB by the format");
        let mut header = vec![0; length];
        self.source.read_exact_at(&mut header, entry.header_offset).map_err(|error| ExtractError {
            archive: self.archive.clone(),
            entry: Some(entry.path.clone()),
            problem: Problem::Io(error),
        })?;
        Ok(header)
    }

    /// The whole content of `entry`, one of this archive's; fails where it is not what the directory declares.
    pub fn read(&self, entry: &Entry) -> Result<Vec<u8>, ExtractError> {
        let mut content = Vec::new();
        self.copy(entry, &mut content)?;
        Ok(content)
    }

    /// Writes the content of `entry` to `sink` in pieces, never more than it declares. On failure, what was
    /// written is to be thrown away: size and checksum are known only at the end.
    pub fn copy(&self, entry: &Entry, sink: &mut dyn Write) -> Result<(), ExtractError> {
        self.unpack(entry, sink).map_err(|problem| ExtractError {
            archive: self.archive.clone(),
            entry: Some(entry.path.clone()),
            problem,
        })
    }

    fn unpack(&self, entry: &Entry, sink: &mut dyn Write) -> Result<(), Problem> {
        let mut checked = Checked { sink, hasher: crc32fast::Hasher::new(), written: 0, limit: entry.size };
        match entry.method {
            Method::Stored => self.pieces(entry, |piece| checked.write(piece))?,
            Method::Deflated => {
                let mut inflater = Inflater::new();
                self.pieces(entry, |piece| inflater.feed(piece, &mut checked))?;
                inflater.finish(&mut checked)?;
            }
        }
        checked.finish(entry)
    }

    /// Hands the raw bytes of `entry` to `take`, in order.
    fn pieces(
        &self,
        entry: &Entry,
        mut take: impl FnMut(&[u8]) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        const PIECE: u64 = 64 << 10;
        let mut buffer = vec![0; usize::try_from(entry.compressed_size.min(PIECE)).expect("at most 64 KiB")];
        let mut done = 0;
        while done < entry.compressed_size {
            let want = usize::try_from((entry.compressed_size - done).min(PIECE)).expect("at most 64 KiB");
            self.source.read_exact_at(&mut buffer[..want], entry.offset + done)?;
            take(&buffer[..want])?;
            done += want as u64;
        }
        Ok(())
    }
}

/// What is wrong with `entries` taken together, each by its place: two of one path, a file above another path,
/// and data that overlaps (a small archive can thus claim any size).
pub fn check_entries(entries: &[Entry]) -> Vec<(usize, Problem)> {
    let paths = entries.iter().map(|entry| (entry.path.as_str(), entry.kind == EntryKind::Directory));
    let mut problems = names::clashes(paths);
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|&index| (entries[index].header_offset, index));
    for pair in order.windows(2) {
        let (first, second) = (&entries[pair[0]], &entries[pair[1]]);
        if first.offset + first.compressed_size > second.header_offset {
            problems.push((pair[1], Problem::Overlap(first.path.clone())));
        }
    }
    problems
}

fn check_record(source: &dyn ReadAt, record: &Record, end: u64) -> Result<Entry, Problem> {
    const ENCRYPTED: u16 = 1;
    const UTF8: u16 = 1 << 11;
    let name = names::decode(&record.name, record.flags & UTF8 != 0)?;
    let directory_name = name.strip_suffix('/');
    let path = directory_name.unwrap_or(&name).to_owned();
    names::check(&path)?;
    if record.flags & ENCRYPTED != 0 {
        return Err(Problem::Encrypted);
    }
    let method = match record.method {
        0 => Method::Stored,
        8 => Method::Deflated,
        other => return Err(Problem::Method(other)),
    };
    let kind = kind(record.attributes >> 16, directory_name.is_some())?;
    if method == Method::Stored && record.size != record.compressed_size {
        return Err(Problem::Size { declared: record.size, found: record.compressed_size });
    }
    if kind == EntryKind::Directory && record.size != 0 {
        return Err(Problem::Malformed("a directory has content"));
    }
    Ok(Entry {
        path,
        kind,
        method,
        crc32: record.crc32,
        size: record.size,
        compressed_size: record.compressed_size,
        offset: central::data_offset(source, record, end)?,
        header_offset: record.header_offset,
    })
}

fn kind(mode: u32, named_directory: bool) -> Result<EntryKind, Problem> {
    const TYPE: u32 = 0o170_000;
    const EXECUTABLE: u32 = 0o100;
    match mode & TYPE {
        0o120_000 => Err(Problem::Symlink),
        0 | 0o100_000 | 0o040_000 if named_directory => Ok(EntryKind::Directory),
        // Writers that tell no kind of file set any bits; pip and the runtime of PEX files heed none of them.
        0 => Ok(EntryKind::File { executable: false }),
        0o100_000 => Ok(EntryKind::File { executable: mode & EXECUTABLE != 0 }),
        0o040_000 => Err(Problem::FileAndDirectory),
        other => Err(Problem::Special(other)),
    }
}

/// A sink that counts, sums and refuses what goes beyond the declared size.
struct Checked<'a> {
    sink: &'a mut dyn Write,
    hasher: crc32fast::Hasher,
    written: u64,
    limit: u64,
}

impl Checked<'_> {
    fn write(&mut self, piece: &[u8]) -> Result<(), Problem> {
        self.written += piece.len() as u64;
        if self.written > self.limit {
            return Err(Problem::Size { declared: self.limit, found: self.written });
        }
        self.hasher.update(piece);
        self.sink.write_all(piece).map_err(Problem::from)
    }

    fn finish(self, entry: &Entry) -> Result<(), Problem> {
        if self.written != entry.size {
            return Err(Problem::Size { declared: entry.size, found: self.written });
        }
        match self.hasher.finalize() {
            found if found == entry.crc32 => Ok(()),
            found => Err(Problem::Crc { declared: entry.crc32, found }),
        }
    }
}

/// Inflates piece by piece through a buffer of fixed size.
struct Inflater {
    state: Decompress,
    buffer: Vec<u8>,
    ended: bool,
}

impl Inflater {
    fn new() -> Inflater {
        Inflater { state: Decompress::new(false), buffer: vec![0; 64 << 10], ended: false }
    }

    fn feed(&mut self, mut piece: &[u8], sink: &mut Checked<'_>) -> Result<(), Problem> {
        while !piece.is_empty() {
            if self.ended {
                return Err(Problem::Malformed("bytes follow the end of the compressed data"));
            }
            let (read, written) = self.step(piece, sink)?;
            if read == 0 && written == 0 && !self.ended {
                return Err(Problem::Corrupt);
            }
            piece = &piece[read..];
        }
        Ok(())
    }

    /// Takes what is still inside once all input has been fed.
    fn finish(&mut self, sink: &mut Checked<'_>) -> Result<(), Problem> {
        while !self.ended {
            if self.step(&[], sink)?.1 == 0 && !self.ended {
                return Err(Problem::Corrupt);
            }
        }
        Ok(())
    }

    /// Decodes once and says how many bytes went in and out.
    fn step(&mut self, piece: &[u8], sink: &mut Checked<'_>) -> Result<(usize, usize), Problem> {
        let (read, written) = (self.state.total_in(), self.state.total_out());
        let status = self
            .state
            .decompress(piece, &mut self.buffer, FlushDecompress::None)
            .map_err(|_| Problem::Corrupt)?;
        let read = usize::try_from(self.state.total_in() - read).expect("at most the piece");
        let written = usize::try_from(self.state.total_out() - written).expect("at most the buffer");
        sink.write(&self.buffer[..written])?;
        self.ended = status == Status::StreamEnd;
        Ok((read, written))
    }
}

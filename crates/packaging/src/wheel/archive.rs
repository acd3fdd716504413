//! Walks the entries of a wheel's zip file and trusts none of it: paths, kinds, sizes, checksums; knows nothing of
//! what a wheel contains.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};
use zip::read::{ZipFile, ZipFileEntry};
use zip::result::{ZipError, ZipResult};
use zip::{ExtraField, HasZipMetadata, ZipArchive, ZipReadOptions};

use super::error::WheelFault;

/// How much a wheel may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of entries.
    pub entries: usize,
    /// The sum of all uncompressed sizes, in bytes.
    pub total: u64,
    /// How many times its own size it may unpack to, once that is more than [`Limits::free`] bytes.
    pub ratio: u64,
    /// What it may always unpack to, in bytes, however well it is compressed.
    pub free: u64,
}

impl Default for Limits {
    /// Some ten times what the largest published wheels need.
    fn default() -> Self {
        Self { entries: 500_000, total: 64 << 30, ratio: 100, free: 256 << 20 }
    }
}

/// One file or folder in a wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The path, with `/`; that of a folder ends in one.
    pub path: String,
    /// The size of the content, in bytes.
    pub size: u64,
    /// The CRC-32 of the content.
    pub crc32: u32,
    /// Whether the archive marks it as executable by its owner.
    pub executable: bool,
}

/// No more than this many faults of one wheel are told.
const MAX_FAULTS: usize = 16;

/// Reads every entry of an archive and verifies it. `visit` gets the entries that `wants` chooses by path, with their
/// content, in the order of the archive.
///
/// # Errors
/// Fails with everything that is wrong: what an index of the archive shows, or else what its contents show.
pub(super) fn walk<R: Read + Seek>(
    reader: &mut R,
    length: u64,
    limits: &Limits,
    wants: impl Fn(&str, u64) -> bool,
    mut visit: impl FnMut(&str, Vec<u8>),
) -> Result<Vec<Entry>, Vec<WheelFault>> {
    let unreadable = |error: ZipError| vec![archive_fault(error)];
    let mut archive = ZipArchive::new(&mut *reader).map_err(unreadable)?;
    let (entries, mut faults) = index(&archive, length, limits).map_err(unreadable)?;
    if archive.has_duplicate_names() {
        let start = archive.central_directory_start();
        let twice = duplicates(reader, start).map_err(unreadable)?;
        faults.extend(twice.into_iter().map(|entry| WheelFault::Duplicate { entry }));
        return Err(faults);
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut spans = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        let options = ZipReadOptions::new().ignore_crc32(true);
        match archive.by_index_with_options(at, options) {
            Err(error) => faults.push(entry_fault(&entry.path, error)),
            Ok(mut file) => {
                if file.extra_data_fields().any(|field| matches!(field, ExtraField::UnicodePath(_))) {
                    let reason = "it has a second name";
                    faults.push(WheelFault::UnsafePath { entry: entry.path.clone(), reason });
                }
                spans.push((file.header_start(), end_of(&file), at));
                match content(&mut file, entry, wants(&entry.path, entry.size)) {
                    Ok(Some(bytes)) => visit(&entry.path, bytes),
                    Ok(None) => {}
                    Err(fault) => faults.push(fault),
                }
            }
        }
        if faults.len() >= MAX_FAULTS {
            break;
        }
    }
    faults.extend(overlap(&mut spans, &entries));
    if faults.is_empty() {
        archive.validate_header_consistency().map_err(unreadable)?;
        Ok(entries)
    } else {
        Err(faults)
    }
}

/// The entries as the archive's own index lists them, and all that is wrong there.
fn index<R: Read + Seek>(
    archive: &ZipArchive<R>,
    length: u64,
    limits: &Limits,
) -> ZipResult<(Vec<Entry>, Vec<WheelFault>)> {
    if archive.len() > limits.entries {
        let fault = bomb(format!("{} entries", archive.len()), format!("{} entries", limits.entries));
        return Ok((Vec::new(), vec![fault]));
    }
    let mut entries = Vec::with_capacity(archive.len());
    let mut faults = Vec::new();
    let mut total = 0_u64;
    for at in 0..archive.len() {
        let (entry, wrong) = entry_of(&archive.by_index_data(at)?);
        faults.extend(wrong);
        total = total.saturating_add(entry.size);
        entries.push(entry);
    }
    faults.extend(clashes(&entries));
    let allowed = limits.total.min(length.saturating_mul(limits.ratio).max(limits.free));
    if total > allowed {
        faults.push(bomb(format!("{total} bytes"), format!("{allowed} bytes")));
    }
    faults.truncate(MAX_FAULTS);
    Ok((entries, faults))
}

/// The names that the central directory has more than once. The archive's reader keeps one entry a name, so this
/// goes over the directory's headers itself.
fn duplicates<R: Read + Seek>(reader: &mut R, start: u64) -> ZipResult<BTreeSet<String>> {
    const HEADER: usize = 46;
    reader.seek(SeekFrom::Start(start))?;
    let mut seen = BTreeSet::new();
    let mut twice = BTreeSet::new();
    let mut header = [0_u8; HEADER];
    while reader.read_exact(&mut header).is_ok() && header.starts_with(b"PK\x01\x02") {
        let length = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let mut rest = vec![0; length(28) + length(30) + length(32)];
        reader.read_exact(&mut rest)?;
        let name = String::from_utf8_lossy(&rest[..length(28)]).into_owned();
        if !seen.insert(name.clone()) {
            twice.insert(name);
        }
    }
    Ok(twice)
}

fn bomb(found: String, allowed: String) -> WheelFault {
    WheelFault::Bomb { found, allowed }
}

/// One entry of the index, and what is wrong with it.
fn entry_of(found: &ZipFileEntry<'_>) -> (Entry, Vec<WheelFault>) {
    let data = found.get_metadata();
    let name = String::from_utf8_lossy(found.name_raw());
    let shown = || name.escape_debug().to_string();
    let mut faults = Vec::new();
    let unsafe_path = match &name {
        std::borrow::Cow::Owned(_) => Some("expected UTF-8"),
        std::borrow::Cow::Borrowed(path) => unsafe_path(path),
    };
    if let Some(reason) = unsafe_path {
        faults.push(WheelFault::UnsafePath { entry: shown(), reason });
    }
    let mode = data.external_attributes >> 16;
    let kind = match (mode & 0o170_000, name.ends_with('/')) {
        (0 | 0o100_000, false) | (0 | 0o040_000, true) => None,
        (0o120_000, _) => Some("a symbolic link"),
        (0o040_000, false) => Some("a folder without a `/` at its end"),
        (0o100_000, true) => Some("a file with a `/` at its end"),
        _ => Some("a special file"),
    };
    if let Some(kind) = kind {
        faults.push(WheelFault::Special { entry: shown(), kind });
    }
    if data.is_encrypted() {
        faults.push(WheelFault::Encrypted { entry: shown() });
    }
    match data.compression_method {
        zip::CompressionMethod::Stored | zip::CompressionMethod::Deflated => {}
        other => {
            faults.push(WheelFault::Method { entry: shown(), method: other.to_string() });
        }
    }
    let stored = data.compression_method == zip::CompressionMethod::Stored;
    if stored && !data.is_encrypted() && data.compressed_size != data.uncompressed_size {
        faults.push(WheelFault::Size {
            entry: shown(),
            declared: data.uncompressed_size,
            found: format!("{} bytes", data.compressed_size),
        });
    }
    let entry = Entry {
        size: data.uncompressed_size,
        crc32: data.crc32,
        executable: mode & 0o100 != 0,
        path: name.into_owned(),
    };
    (entry, faults)
}

/// What is unsafe about a path on Linux, macOS or Windows.
fn unsafe_path(path: &str) -> Option<&'static str> {
    let bytes = path.as_bytes();
    let plain = path.strip_suffix('/').unwrap_or(path);
    if bytes.first() == Some(&b'/') {
        Some("it is absolute")
    } else if bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' {
        Some("it begins with a drive letter")
    } else if path.contains('\\') {
        Some("it has a backslash")
    } else if path.chars().any(char::is_control) {
        Some("it has a control character")
    } else if plain.split('/').any(|part| part == "..") {
        Some("it climbs out of its folder")
    } else if plain.split('/').any(|part| part.is_empty() || part == ".") {
        Some("it is not in its plainest form")
    } else {
        None
    }
}

/// Paths that are there as a file and as a folder.
fn clashes(entries: &[Entry]) -> Vec<WheelFault> {
    let mut faults = Vec::new();
    let mut seen: BTreeSet<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let mut last = "";
    for entry in entries {
        let folder = entry.path.trim_end_matches('/').rsplit_once('/').map_or("", |(folder, _)| folder);
        let own = entry.path.strip_suffix('/').unwrap_or("");
        for mut path in [folder, own] {
            if path == last {
                continue;
            }
            last = path;
            while !path.is_empty() {
                if seen.remove(path) {
                    faults.push(WheelFault::FileAndFolder { entry: path.to_owned() });
                }
                path = path.rsplit_once('/').map_or("", |(outer, _)| outer);
            }
        }
    }
    faults
}

/// Reads one entry to its end; its content if it is wanted.
fn content<R: Read>(
    file: &mut ZipFile<'_, R>,
    entry: &Entry,
    wanted: bool,
) -> Result<Option<Vec<u8>>, WheelFault> {
    let mut kept = Vec::new();
    let mut hash = crc32fast::Hasher::new();
    let mut size = 0_u64;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if size == entry.size || is_too_long(&error) => return Err(lie(entry, "more")),
            Err(error) => return Err(entry_fault(&entry.path, ZipError::Io(error))),
        };
        size += count as u64;
        if size > entry.size {
            return Err(lie(entry, "more"));
        }
        hash.update(&buffer[..count]);
        if wanted {
            kept.extend_from_slice(&buffer[..count]);
        }
    }
    if size != entry.size {
        return Err(lie(entry, &format!("{size} bytes")));
    }
    let crc = hash.finalize();
    if crc != entry.crc32 {
        return Err(WheelFault::Checksum { entry: entry.path.clone(), declared: entry.crc32, found: crc });
    }
    Ok(wanted.then_some(kept))
}

/// Whether the archive's reader says by this that there is more than was declared.
fn is_too_long(error: &std::io::Error) -> bool {
    error.to_string().contains("larger than its declared")
}

fn lie(entry: &Entry, found: &str) -> WheelFault {
    WheelFault::Size { entry: entry.path.clone(), declared: entry.size, found: found.to_owned() }
}

fn end_of<R: Read>(file: &ZipFile<'_, R>) -> u64 {
    file.data_start().unwrap_or_else(|| file.header_start()).saturating_add(file.compressed_size())
}

/// The first entry whose bytes belong to another as well.
fn overlap(spans: &mut [(u64, u64, usize)], entries: &[Entry]) -> Option<WheelFault> {
    spans.sort_unstable();
    let pair = spans.windows(2).find(|pair| pair[0].1 > pair[1].0)?;
    Some(WheelFault::Overlap { entry: entries[pair[1].2].path.clone() })
}

fn archive_fault(error: ZipError) -> WheelFault {
    match error {
        ZipError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            if error.raw_os_error().is_some() {
                WheelFault::Io { reason: error.to_string() }
            } else {
                WheelFault::Unreadable { reason: error.to_string() }
            }
        }
        other => WheelFault::Unreadable { reason: plain(&other) },
    }
}

/// A message of the archive's reader without its preamble, and with a small letter in front.
fn plain(error: &ZipError) -> String {
    let message = error.to_string();
    let message = message.strip_prefix("invalid Zip archive: ").unwrap_or(&message);
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn entry_fault(path: &str, error: ZipError) -> WheelFault {
    match error {
        ZipError::Io(error) if error.raw_os_error().is_some() => WheelFault::Io { reason: error.to_string() },
        other => WheelFault::Damaged { entry: path.to_owned(), reason: other.to_string() },
    }
}

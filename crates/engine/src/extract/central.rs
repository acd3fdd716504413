//! Reads the central directory of a zip file (APPNOTE 4.3.12 to 4.3.16, ZIP64 included) and each entry's
//! local header, without judging names. It trusts no number: each is checked against the file's length.

use super::error::Problem;
use super::source::ReadAt;

/// One record of the central directory, with where its data starts.
pub(super) struct Record {
    pub(super) name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc32: u32,
    pub(super) compressed_size: u64,
    pub(super) size: u64,
    pub(super) attributes: u32,
    /// Where its local header starts in the file.
    pub(super) header_offset: u64,
}

/// The central directory's records and where it starts, which is where the data of entries ends.
pub(super) struct Directory {
    pub(super) records: Vec<Record>,
    pub(super) start: u64,
}

const END: &[u8; 4] = b"PK\x05\x06";
const END64: &[u8; 4] = b"PK\x06\x06";
const END64_LOCATOR: &[u8; 4] = b"PK\x06\x07";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const LOCAL: &[u8; 4] = b"PK\x03\x04";

const END_LEN: usize = 22;
const END64_LEN: usize = 56;
const LOCATOR_LEN: usize = 20;
const CENTRAL_LEN: usize = 46;
const LOCAL_LEN: usize = 30;
const COMMENT_MAX: usize = 0xFFFF;
/// Far above what half a million entries need; it is held in memory.
const DIRECTORY_MAX: usize = 256 << 20;

struct End {
    count: u64,
    size: u64,
    offset: u64,
    /// Where the records end.
    position: u64,
}

/// Reads the directory of the zip file that ends where `source` ends; bytes before it are allowed.
pub(super) fn read(source: &dyn ReadAt, max_entries: u64) -> Result<Directory, Problem> {
    let end = find_end(source)?;
    if end.count > max_entries {
        return Err(Problem::TooMany { count: end.count, limit: max_entries });
    }
    let start = end
        .position
        .checked_sub(end.size)
        .ok_or(Problem::Malformed("the central directory is larger than what stands before its end"))?;
    let shift = start
        .checked_sub(end.offset)
        .ok_or(Problem::Malformed("the central directory does not end where its end record is"))?;
    let length = usize::try_from(end.size).ok().filter(|&length| length <= DIRECTORY_MAX);
    let mut bytes = vec![0; length.ok_or(Problem::Malformed("the central directory is too large"))?];
    source.read_exact_at(&mut bytes, start)?;

    let mut records = Vec::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (record, after) = central_record(rest, shift)?;
        if record.header_offset >= start {
            return Err(Problem::Malformed("an entry starts behind the central directory"));
        }
        records.push(record);
        rest = after;
    }
    if records.len() as u64 != end.count {
        return Err(Problem::Malformed(
            "the central directory has another number of entries than its end says",
        ));
    }
    Ok(Directory { records, start })
}

fn find_end(source: &dyn ReadAt) -> Result<End, Problem> {
    let length = source.len();
    let tail_len = usize::try_from(length.min((END_LEN + COMMENT_MAX) as u64)).expect("at most 65,557");
    let tail_start = length - tail_len as u64;
    let mut tail = vec![0; tail_len];
    source.read_exact_at(&mut tail, tail_start)?;
    let at = (0..=tail_len.checked_sub(END_LEN).ok_or(Problem::NotZip)?)
        .rev()
        .find(|&at| {
            tail[at..].starts_with(END) && usize::from(u16_at(&tail, at + 20)) == tail_len - at - END_LEN
        })
        .ok_or(Problem::NotZip)?;
    let record = &tail[at..];
    if u16_at(record, 4) != u16_at(record, 6) || u16_at(record, 8) != u16_at(record, 10) {
        return Err(Problem::Malformed("the archive is split over several files"));
    }
    let end = End {
        count: u64::from(u16_at(record, 10)),
        size: u64::from(u32_at(record, 12)),
        offset: u64::from(u32_at(record, 16)),
        position: tail_start + at as u64,
    };
    Ok(find_end64(source, end.position)?.unwrap_or(end))
}

/// The ZIP64 end record, where a locator for it stands before the ordinary one.
fn find_end64(source: &dyn ReadAt, end: u64) -> Result<Option<End>, Problem> {
    let Some(locator_at) = end.checked_sub(LOCATOR_LEN as u64) else { return Ok(None) };
    let mut locator = [0; LOCATOR_LEN];
    source.read_exact_at(&mut locator, locator_at)?;
    if !locator.starts_with(END64_LOCATOR) {
        return Ok(None);
    }
    let wrong = Problem::Malformed("the ZIP64 end record is not where its locator stands");
    let Some(position) = locator_at.checked_sub(END64_LEN as u64) else { return Err(wrong) };
    let mut record = [0; END64_LEN];
    source.read_exact_at(&mut record, position)?;
    if !record.starts_with(END64) || u64_at(&record, 24) != u64_at(&record, 32) {
        return Err(wrong);
    }
    Ok(Some(End {
        count: u64_at(&record, 32),
        size: u64_at(&record, 40),
        offset: u64_at(&record, 48),
        position,
    }))
}

fn central_record(bytes: &[u8], shift: u64) -> Result<(Record, &[u8]), Problem> {
    let cut = || Problem::Malformed("the central directory is cut off");
    if bytes.len() < CENTRAL_LEN {
        return Err(cut());
    }
    if !bytes.starts_with(CENTRAL) {
        return Err(Problem::Malformed("a record of the central directory has a wrong signature"));
    }
    let length_at = |at| usize::from(u16_at(bytes, at));
    let name_end = CENTRAL_LEN + length_at(28);
    let extra_end = name_end + length_at(30);
    let end = extra_end + length_at(32);
    if bytes.len() < end {
        return Err(cut());
    }
    let mut record = Record {
        name: bytes[CENTRAL_LEN..name_end].to_vec(),
        flags: u16_at(bytes, 8),
        method: u16_at(bytes, 10),
        crc32: u32_at(bytes, 16),
        compressed_size: u64::from(u32_at(bytes, 20)),
        size: u64::from(u32_at(bytes, 24)),
        attributes: u32_at(bytes, 38),
        header_offset: u64::from(u32_at(bytes, 42)),
    };
    apply_zip64(&mut record, &bytes[name_end..extra_end])?;
    record.header_offset = record
        .header_offset
        .checked_add(shift)
        .ok_or(Problem::Malformed("an entry starts behind the central directory"))?;
    Ok((record, &bytes[end..]))
}

/// Takes the 64-bit values of the extra field 0x0001 for those that did not fit (APPNOTE 4.5.3).
fn apply_zip64(record: &mut Record, mut extra: &[u8]) -> Result<(), Problem> {
    const UNSET: u64 = 0xFFFF_FFFF;
    let mut wanted: Vec<&mut u64> =
        [&mut record.size, &mut record.compressed_size, &mut record.header_offset]
            .into_iter()
            .filter(|value| **value == UNSET)
            .collect();
    while !wanted.is_empty() && extra.len() >= 4 {
        let length = usize::from(u16_at(extra, 2));
        let body = extra.get(4..4 + length).ok_or(Problem::Malformed("an extra field is cut off"))?;
        if u16_at(extra, 0) == 1 {
            for (value, bytes) in wanted.drain(..).zip(body.chunks_exact(8)) {
                *value = u64_at(bytes, 0);
            }
        }
        extra = &extra[4 + length..];
    }
    Ok(())
}

/// Where the data of `record` starts, after its local header has been found to agree with it.
pub(super) fn data_offset(source: &dyn ReadAt, record: &Record, end: u64) -> Result<u64, Problem> {
    const STREAMED: u16 = 1 << 3;
    let mut header = vec![0; LOCAL_LEN + record.name.len()];
    if record.header_offset + header.len() as u64 > end {
        return Err(Problem::Malformed("the local header is cut off"));
    }
    source.read_exact_at(&mut header, record.header_offset)?;
    if !header.starts_with(LOCAL) {
        return Err(Problem::Malformed("the local header has a wrong signature"));
    }
    if usize::from(u16_at(&header, 26)) != record.name.len() || header[LOCAL_LEN..] != record.name {
        return Err(Problem::Disagreement("name"));
    }
    if u16_at(&header, 8) != record.method {
        return Err(Problem::Disagreement("compression method"));
    }
    if u16_at(&header, 6) & STREAMED == 0 {
        let agrees = |local: u32, central: u64| local == u32::MAX || u64::from(local) == central;
        if !agrees(u32_at(&header, 18), record.compressed_size) || !agrees(u32_at(&header, 22), record.size) {
            return Err(Problem::Disagreement("size"));
        }
        if u32_at(&header, 14) != record.crc32 {
            return Err(Problem::Disagreement("CRC-32"));
        }
    }
    let start = record.header_offset + header.len() as u64 + u64::from(u16_at(&header, 28));
    match start.checked_add(record.compressed_size) {
        Some(data_end) if data_end <= end => Ok(start),
        _ => Err(Problem::Malformed("the data reaches into the central directory")),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

//! The bytes of zip records (APPNOTE 4.3.7, 4.3.12, 4.3.16) as a PEX has them: no time, no extra field, no
//! comment, no ZIP64, the same on every machine. Knows no files and no compression.

use crate::extract::Method;

/// What both headers of an entry say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The path; a directory's ends in `/`.
    pub(super) path: String,
    pub(super) mode: Mode,
    pub(super) method: Method,
    pub(super) crc32: u32,
    pub(super) compressed_size: u32,
    pub(super) size: u32,
}

/// What an entry is to a Unix system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    File,
    Executable,
    Directory,
}

/// The length of a local header without its name.
pub(super) const LOCAL_LEN: usize = 30;
/// The length of a record of the central directory without its name.
pub(super) const CENTRAL_LEN: usize = 46;
/// The length of the end record.
pub(super) const END_LEN: usize = 22;

/// 2.0, the first version with deflate and directories.
const VERSION: u16 = 20;
const UNIX: u16 = 3;
const UTF8: u16 = 1 << 11;
/// 1980-01-01, the first day of a zip file's calendar.
const DATE: u16 = 0x0021;
const TIME: u16 = 0;

impl Mode {
    fn attributes(self) -> u32 {
        const DOS_DIRECTORY: u32 = 0x10;
        match self {
            Mode::File => 0o100_644 << 16,
            Mode::Executable => 0o100_755 << 16,
            Mode::Directory => 0o040_755 << 16 | DOS_DIRECTORY,
        }
    }
}

impl Header {
    /// Appends the local header.
    pub(super) fn write_local(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PK\x03\x04");
        self.write_shared(out);
        out.extend_from_slice(self.path.as_bytes());
    }

    /// Appends the record of the central directory for an entry whose local header is at `offset`.
    pub(super) fn write_central(&self, offset: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PK\x01\x02");
        put16(out, UNIX << 8 | VERSION);
        self.write_shared(out);
        put16(out, 0); // comment
        put16(out, 0); // disk
        put16(out, 0); // internal attributes
        put32(out, self.mode.attributes());
        put32(out, offset);
        out.extend_from_slice(self.path.as_bytes());
    }

    /// The fields that stand in both headers, in one order.
    fn write_shared(&self, out: &mut Vec<u8>) {
        put16(out, VERSION);
        put16(out, if self.path.is_ascii() { 0 } else { UTF8 });
        put16(
            out,
            match self.method {
                Method::Stored => 0,
                Method::Deflated => 8,
            },
        );
        put16(out, TIME);
        put16(out, DATE);
        put32(out, self.crc32);
        put32(out, self.compressed_size);
        put32(out, self.size);
        put16(out, u16::try_from(self.path.len()).expect("the length of every path is checked before"));
        put16(out, 0); // extra field
    }
}

/// Appends the end record for a directory of `count` entries and `size` bytes at `offset`.
pub(super) fn write_end(count: u16, size: u32, offset: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(b"PK\x05\x06");
    put16(out, 0); // this disk
    put16(out, 0); // disk of the directory
    put16(out, count);
    put16(out, count);
    put32(out, size);
    put32(out, offset);
    put16(out, 0); // comment
}

fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

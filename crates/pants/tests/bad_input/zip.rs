//! Zip files made by hand, so that they can lie.

use sha2::{Digest, Sha256};

/// One entry, as its two headers have it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    name: String,
    content: Vec<u8>,
    /// The size that the headers declare.
    size: u32,
    /// The Unix mode.
    mode: u32,
}

impl Entry {
    /// A regular file.
    pub(crate) fn file(name: &str, content: &str) -> Entry {
        let content = content.as_bytes().to_vec();
        let size = u32::try_from(content.len()).expect("a short text");
        Entry { name: name.to_owned(), content, size, mode: 0o100_644 }
    }

    /// A symbolic link.
    pub(crate) fn link(name: &str, target: &str) -> Entry {
        Entry { mode: 0o120_777, ..Entry::file(name, target) }
    }

    /// The same entry that declares another size.
    pub(crate) fn claiming(self, size: u32) -> Entry {
        Entry { size, ..self }
    }
}

/// A zip file of stored entries.
pub(crate) fn archive(entries: &[Entry]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = number(out.len());
        let head = head(entry);
        out.extend(b"PK\x03\x04");
        out.extend(&head);
        out.extend(entry.name.as_bytes());
        out.extend(&entry.content);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&head);
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let (start, count) = (number(out.len()), u16::try_from(entries.len()).expect("few entries"));
    let length = number(directory.len());
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend([length.to_le_bytes(), start.to_le_bytes()].concat());
    out.extend([0; 2]);
    out
}

/// What both headers of an entry have: version, flags, method, time, checksum, sizes, lengths.
fn head(entry: &Entry) -> Vec<u8> {
    const VERSION_FLAGS_METHOD: [u8; 6] = [20, 0, 0, 8, 0, 0];
    const MIDNIGHT_OF_1980: [u8; 4] = [0, 0, 0x21, 0];
    let mut head = Vec::new();
    head.extend(VERSION_FLAGS_METHOD);
    head.extend(MIDNIGHT_OF_1980);
    head.extend(crc32fast::hash(&entry.content).to_le_bytes());
    head.extend(number(entry.content.len()).to_le_bytes());
    head.extend(entry.size.to_le_bytes());
    head.extend(u16::try_from(entry.name.len()).expect("a short name").to_le_bytes());
    head.extend([0; 2]);
    head
}

fn number(length: usize) -> u32 {
    u32::try_from(length).expect("a short archive")
}

/// The entries that every wheel of `project` 1.0 has, beside others that its `RECORD` lists.
pub(crate) fn dist_info(project: &str, others: &[Entry]) -> Vec<Entry> {
    let folder = format!("{project}-1.0.dist-info");
    let own = ["METADATA", "WHEEL", "RECORD"].map(|name| format!("{folder}/{name},,\n"));
    let record: String = others.iter().map(|entry| format!("{},,\n", entry.name)).chain(own).collect();
    vec![
        Entry::file(
            &format!("{folder}/METADATA"),
            &format!("Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n"),
        ),
        Entry::file(
            &format!("{folder}/WHEEL"),
            "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
        Entry::file(&format!("{folder}/RECORD"), &record),
    ]
}

/// A wheel of `project` 1.0 with these entries.
pub(crate) fn wheel(project: &str, entries: &[Entry]) -> Vec<u8> {
    archive(&[entries, &dist_info(project, entries)].concat())
}

/// The SHA-256 of some bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

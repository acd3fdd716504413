//! Zip files that lie are refused with their name and their entry's; sound ones of other writers are read.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Cursor, Write};

use engine::extract::{EntryKind, Limits, Method, SafeZip, extract};
use proptest::prelude::*;
use store::{DigestFunction, Entry, Store};
use zip::write::SimpleFileOptions;

/// One entry to write by hand.
#[derive(Clone)]
struct Raw {
    name: Vec<u8>,
    content: Vec<u8>,
    method: u16,
    flags: u16,
    mode: u32,
    crc32: u32,
    /// What both headers say, where it is not the truth.
    size: Option<u32>,
    /// The name in the local header, where it is another.
    local_name: Option<Vec<u8>>,
    /// Where the entry says it starts, where it is not the truth.
    offset: Option<u32>,
}

fn raw(name: &str, content: &[u8]) -> Raw {
    Raw {
        name: name.into(),
        content: content.to_vec(),
        method: 0,
        flags: 1 << 11,
        mode: 0o100_644,
        crc32: crc32fast::hash(content),
        size: None,
        local_name: None,
        offset: None,
    }
}

fn write(entries: &[Raw]) -> Vec<u8> {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = entry.offset.unwrap_or(u32::try_from(out.len()).unwrap());
        let length = u32::try_from(entry.content.len()).unwrap();
        let shared = |name: &[u8]| {
            let mut bytes = vec![20, 0];
            bytes.extend(entry.flags.to_le_bytes());
            bytes.extend(entry.method.to_le_bytes());
            bytes.extend([0, 0, 0x21, 0]);
            bytes.extend(entry.crc32.to_le_bytes());
            bytes.extend(length.to_le_bytes());
            bytes.extend(entry.size.unwrap_or(length).to_le_bytes());
            bytes.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            bytes.extend([0, 0]);
            bytes
        };
        let local_name = entry.local_name.as_ref().unwrap_or(&entry.name);
        out.extend([b"PK\x03\x04", &shared(local_name)[..], local_name, &entry.content].concat());
        central.extend([b"PK\x01\x02\x14\x03", &shared(&entry.name)[..], &[0; 6]].concat());
        central.extend((entry.mode << 16).to_le_bytes());
        central.extend(offset.to_le_bytes());
        central.extend(&entry.name);
    }
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    let start = u32::try_from(out.len()).unwrap();
    let size = u32::try_from(central.len()).unwrap();
    out.extend(central);
    out.extend(
        [b"PK\x05\x06\0\0\0\0", &count[..], &count, &size.to_le_bytes(), &start.to_le_bytes(), &[0, 0]]
            .concat(),
    );
    out
}

/// The codes of all faults of an archive, in its directory or, where that has none, in its contents.
fn faults(bytes: &[u8]) -> Vec<&'static str> {
    match SafeZip::open("bad.whl", bytes, Limits::default()) {
        Err(errors) => {
            assert!(errors.to_string().starts_with("archive `bad.whl`"), "{errors}");
            errors.iter().map(engine::extract::ExtractError::code).collect()
        }
        Ok(zip) => {
            zip.entries().iter().filter_map(|entry| zip.read(entry).err()).map(|error| error.code()).collect()
        }
    }
}

fn check(entries: &[Raw], expected: &[&str]) {
    assert_eq!(faults(&write(entries)), expected);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for (name, code) in [
        ("../a", "extract::climbing_path"),
        ("a/../../b", "extract::climbing_path"),
        ("a/..", "extract::climbing_path"),
        ("/etc/passwd", "extract::absolute_path"),
        ("C:/a", "extract::absolute_path"),
        ("a\\..\\b", "extract::backslash"),
        ("a//b", "extract::name"),
        ("./a", "extract::name"),
        ("", "extract::name"),
        ("a\0b", "extract::name"),
    ] {
        check(&[raw(name, b"x")], &[code]);
    }
    check(&[raw(&"n".repeat(300), b"")], &["extract::name"]);
    check(&[Raw { name: vec![0xff], ..raw("", b"") }], &["extract::name"]);
}

#[test]
fn all_faults_are_told_at_once() {
    let entries = [
        raw("../a", b""),
        raw("fine", b""),
        Raw { mode: 0o120_777, ..raw("link", b"/etc/passwd") },
        Raw { mode: 0o060_644, ..raw("device", b"") },
        Raw { method: 12, ..raw("bzip2", b"") },
        Raw { flags: 1, ..raw("secret", b"") },
        raw("twice", b"1"),
        raw("twice", b"2"),
        raw("file", b"1"),
        raw("file/below", b"2"),
    ];
    let expected = [
        "extract::climbing_path",
        "extract::symlink",
        "extract::file_type",
        "extract::method",
        "extract::encrypted",
        "extract::duplicate",
        "extract::file_and_directory",
    ];
    check(&entries, &expected);
}

#[test]
fn sizes_and_sums_that_lie_are_refused() {
    let deflated = |content: &[u8]| {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(content).unwrap();
        let packed = encoder.finish().unwrap();
        Raw {
            method: 8,
            size: Some(u32::try_from(content.len()).unwrap()),
            crc32: crc32fast::hash(content),
            ..raw("a", &packed)
        }
    };
    let sound = deflated(&[0; 1_000_000]);
    check(std::slice::from_ref(&sound), &[]);
    check(&[Raw { size: Some(10), ..sound.clone() }], &["extract::size"]);
    check(&[Raw { size: Some(2_000_000), ..sound.clone() }], &["extract::size"]);
    check(&[Raw { crc32: 1, ..sound.clone() }], &["extract::crc"]);
    check(&[Raw { crc32: 1, ..raw("a", b"x") }], &["extract::crc"]);
    check(&[Raw { size: Some(7), ..raw("a", b"x") }], &["extract::size"]);
    let cut = sound.content[..sound.content.len() - 3].to_vec();
    check(&[Raw { content: cut, ..sound.clone() }], &["extract::corrupt"]);
    let more = [&sound.content[..], b"more"].concat();
    check(&[Raw { content: more, ..sound.clone() }], &["extract::malformed"]);
    check(&[Raw { content: vec![0xff; 20], ..sound.clone() }], &["extract::corrupt"]);
    let bomb = Raw { size: Some(u32::MAX - 1), ..sound };
    check(&[bomb], &["extract::bomb"]);
}

#[test]
fn headers_that_disagree_or_overlap_are_refused() {
    check(&[Raw { local_name: Some(b"b".to_vec()), ..raw("a", b"x") }], &["extract::disagreement"]);
    let same = [raw("a", b"x"), Raw { offset: Some(0), local_name: Some(b"a".to_vec()), ..raw("b", b"x") }];
    check(&same, &["extract::disagreement"]);
    let inner = write(&[raw("b", b"inner")]);
    let start = 30 + 1;
    let overlapping = [raw("a", &inner[..36]), Raw { offset: Some(start), ..raw("b", b"inner") }];
    assert_eq!(faults(&write(&overlapping)), ["extract::overlap"]);
    check(&[Raw { offset: Some(9999), ..raw("a", b"x") }], &["extract::malformed"]);
}

#[test]
fn what_is_no_zip_file_is_refused() {
    for bytes in [&b""[..], b"PK", b"no zip file at all, just text that is longer than the record at the end"]
    {
        assert_eq!(faults(bytes), ["extract::not_zip"]);
    }
    let sound = write(&[raw("a", b"x")]);
    for cut in 1..sound.len() {
        assert!(!faults(&sound[..cut]).is_empty(), "cut at {cut}");
    }
}

#[test]
fn limits_are_kept() {
    let zip = write(&[raw("a", b"1"), raw("b", b"2")]);
    let open = |limits| SafeZip::open("x", &zip[..], limits).err().map(|errors| errors.code());
    let limits = Limits::default();
    assert_eq!(open(limits), None);
    assert_eq!(open(Limits { entries: 1, ..limits }), Some("extract::too_many_entries"));
    assert_eq!(open(Limits { floor: 1, ratio: 0, ..limits }), Some("extract::bomb"));
}

/// Written by the `zip` crate: streamed with data descriptors, ZIP64, folders, modes, bytes before the start.
#[test]
fn archives_of_other_writers_are_read() {
    let plain = SimpleFileOptions::default();
    let large = plain.large_file(true);
    let stored = plain.compression_method(zip::CompressionMethod::Stored).unix_permissions(0o755);
    let mut streamed = zip::ZipWriter::new_stream(Vec::new());
    streamed.start_file("d/streamed.txt", large).unwrap();
    streamed.write_all(&b"text ".repeat(1000)).unwrap();
    let streamed = streamed.finish().unwrap().into_inner();
    let mut bytes = Cursor::new(b"#!prefix\n".to_vec());
    bytes.set_position(9);
    let mut writer = zip::ZipWriter::new(bytes);
    writer.add_directory("empty/", plain).unwrap();
    writer.start_file("run.sh", stored).unwrap();
    writer.write_all(b"#!/bin/sh\n").unwrap();
    let seeked = writer.finish().unwrap().into_inner();

    let zip = SafeZip::open("streamed", &streamed[..], Limits::default()).unwrap();
    let entry = zip.find("d/streamed.txt").unwrap();
    assert_eq!((entry.method, zip.read(entry).unwrap()), (Method::Deflated, b"text ".repeat(1000)));

    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
    let tree = extract(&store, "seeked", &store.put(&seeked).unwrap()).unwrap();
    let tree = store.tree(&tree).unwrap();
    assert!(matches!(tree.get("empty"), Some(Entry::Directory(inner)) if inner.is_empty()));
    assert!(matches!(tree.get("run.sh"), Some(Entry::File { executable: true, .. })));
}

#[test]
fn modes_count_where_the_kind_of_file_is_told() {
    for (mode, executable) in [(0o100_755, true), (0o100_644, false), (0o777, false), (0, false)] {
        let zip = write(&[Raw { mode, ..raw("a", b"") }]);
        let zip = SafeZip::open("x", &zip[..], Limits::default()).unwrap();
        assert_eq!(zip.entries()[0].kind, EntryKind::File { executable }, "{mode:o}");
    }
}

#[test]
fn names_without_the_flag_are_in_code_page_437() {
    let zip = write(&[Raw { name: vec![b'a', 0x81], flags: 0, ..raw("", b"") }]);
    let zip = SafeZip::open("old", &zip[..], Limits::default()).unwrap();
    assert_eq!(zip.entries()[0].path, "aü");
    assert_eq!(zip.entries()[0].kind, EntryKind::File { executable: false });
}

#[test]
fn nothing_is_kept_of_an_archive_that_is_refused_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
    let large = vec![3; 2 << 20];
    let bytes = write(&[raw("small", b"1"), Raw { crc32: 1, ..raw("large", &large) }]);
    let blob = store.put(&bytes).unwrap();
    let error = extract(&store, "bad.whl", &blob).unwrap_err();
    assert_eq!(error.code(), "extract::crc");
    assert!(
        error.to_string().starts_with("archive `bad.whl`, entry `large`: declared CRC-32 is 00000001"),
        "{error}"
    );
    assert!(!store.has(&store.digest(&large)).unwrap());
}

proptest! {
    /// Any bytes at any place of a sound archive: an error or the content, never a panic.
    #[test]
    fn damage_never_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = write(&[raw("a/b", b"content"), raw("c", b"more content")]);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        faults_or_content(&bytes);
    }

    #[test]
    fn noise_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        bytes.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2e\0\0\0\0\0\0\0\0\0");
        faults_or_content(&bytes);
    }
}

fn faults_or_content(bytes: &[u8]) {
    if let Ok(zip) = SafeZip::open("noise", bytes, Limits::default()) {
        for entry in zip.entries() {
            let _ = zip.read(entry);
        }
    }
}

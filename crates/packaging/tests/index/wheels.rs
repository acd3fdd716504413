//! The names inside of a wheel, without fetching it where the index can serve parts.

use std::io::{Cursor, Write as _};

use packaging::index::archive_listing;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::server::{Fault, Server};
use crate::{FILE, PATH, client, hex, sha256};

const ENTRY_POINTS: &str = "demo-1.dist-info/entry_points.txt";

/// A wheel of `files` files, after `size` bytes that do not compress.
fn wheel(files: usize, size: usize) -> (Vec<u8>, Vec<String>) {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut names = vec!["demo/data.bin".to_owned()];
    names.extend((0..files).map(|at| format!("demo/module_with_a_long_name_{at}.py")));
    names.push(ENTRY_POINTS.to_owned());
    for (at, name) in names.iter().enumerate() {
        zip.start_file(name, options).unwrap();
        zip.write_all(if name == ENTRY_POINTS { b"[g]\na = b\n" } else { &[1] }).unwrap();
        zip.write_all(&vec![1; if at == 0 { size } else { 0 }]).unwrap();
    }
    (zip.finish().unwrap().into_inner(), names)
}

fn check(files: usize, size: usize, ranges: bool, requests: usize) {
    let (body, names) = wheel(files, size);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    server.put_file("demo", FILE, &hex(sha256(&body)), &body);
    if !ranges {
        server.without_ranges();
    }
    server.fail(PATH, [Fault::Status(503, None)]);
    let found = archive_listing(&client(&server.url(), folder.path()), "default", "demo", FILE).unwrap();
    assert_eq!(found.names, names);
    assert_eq!(found.entry_points.as_deref(), Some("[g]\na = b\n"));
    assert_eq!(server.seen(PATH).len(), requests + 1);
}

#[test]
fn the_end_alone_is_read() {
    check(3, 10, true, 1);
    check(3, 900_000, true, 1);
    check(3_000, 900_000, true, 3);
    check(3, 900_000, false, 1);
}

#[test]
fn what_is_no_wheel_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let (mut body, _) = wheel(3, 100_000);
    body.truncate(90_000);
    server.put_file("demo", FILE, &hex(sha256(&body)), &body);
    let error = archive_listing(&client(&server.url(), folder.path()), "default", "demo", FILE).unwrap_err();
    assert_eq!(error.code(), "packaging::fetch_archive");
    assert!(error.to_string().starts_with(&format!("`{FILE}` cannot be read as a wheel: ")), "{error}");
}

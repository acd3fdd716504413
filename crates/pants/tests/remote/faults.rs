//! What servers do wrong: dead, stopped, restarted, emptied, with other bytes than they were given.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::servers::casd;
use crate::{Bench, scratch};

#[test]
fn a_server_that_is_not_there_costs_a_warning() {
    let bench = Bench::new(scratch(), "grpc://127.0.0.1:9");
    let built = bench.build("one");
    assert!(built.warns("remote::unreachable"), "{}", built.stderr);
    assert!(built.ran() > 0);
}

#[test]
fn a_server_that_stands_still_is_waited_for_once() {
    let Some((bench, server)) = Bench::with_casd("a server that stands still") else { return };
    let first = bench.build("one");
    server.signal(Signal::STOP);
    bench.write("app/main.py", "from app import names\nprint(names.NAMES, 2)\n");
    let built = bench.build("one");
    assert!(built.warns("remote::unreachable"), "{}", built.stderr);
    assert!(built.bytes != first.bytes);
}

#[test]
fn a_server_that_dies_and_comes_back_serves_again() {
    let Some((bench, mut server)) = Bench::with_casd("a server that comes back") else { return };
    let first = bench.build("one");
    server.kill();
    let alone = bench.build("two");
    assert!(alone.warns("remote::unreachable") && alone.ran() > 0, "{}", alone.stderr);
    server.restart();
    let again = bench.build("three");
    assert_eq!(again.ran(), 0, "{}", again.stderr);
    assert!(again.bytes == first.bytes, "the bytes differ");
}

#[test]
fn what_a_server_loses_is_made_again() {
    let Some((bench, mut server)) = Bench::with_casd("a server that is emptied") else { return };
    bench.build("one");
    // This machine knows what was made, and has next to nothing of it.
    bench.build("two");
    server.empty();
    bench.write("app/main.py", "from app import names\nprint(names.NAMES, 3)\n");
    let built = bench.build("two");
    assert!(built.ran() > 0, "{}", built.stderr);
    // What was made again is on the server again.
    let other = bench.build("three");
    assert!(
        other.ran() < bench.build_with("four", &[("PANTS_REMOTE_READ", "false")]).ran(),
        "{}",
        other.stderr
    );
}

#[test]
fn a_server_that_is_emptied_in_the_middle_of_a_build_only_slows_it_down() {
    let Some((bench, mut server)) = Bench::with_casd("a server that is emptied meanwhile") else { return };
    let first = bench.build("one");
    let _ = fs::remove_dir_all(bench.path("repository/dist"));
    let mut command = bench.pants("two", &["--output", "json", "binary", "//app:app"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let running = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(120));
    server.empty();
    let built = bench.result(&running.wait_with_output().unwrap());
    // Nobody knows how far it was: it has either what the other made, or its own.
    assert!(built.bytes == first.bytes || built.programs() > 0, "{}", built.stderr);
}

/// The files of a server's blobs that are at least so large, the largest first.
pub(crate) fn blobs(folder: &Path, least: u64) -> Vec<(u64, PathBuf)> {
    let (mut found, mut open) = (Vec::new(), vec![folder.join("cas/objects")]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let about = entry.metadata().unwrap();
            match about.is_dir() {
                true => open.push(entry.path()),
                false if about.len() >= least => found.push((about.len(), entry.path())),
                false => {}
            }
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

#[test]
fn what_comes_with_other_bytes_is_not_used() {
    let Some((bench, server)) = Bench::with_casd("a server with wrong bytes") else { return };
    let first = bench.build("one");
    let all = blobs(&server.folder, 1);
    assert!(all.len() > 10);
    for (_, path) in all {
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    let built = bench.build("two");
    assert!(built.warns("remote::corrupt"), "{}", built.stderr);
    assert_eq!(built.programs(), 2, "{}", built.stderr);
    assert!(built.bytes != first.bytes, "a step of the test makes other bytes each time");
}

#[test]
fn a_large_file_with_other_bytes_is_made_again() {
    let Some((bench, server)) = Bench::with_casd("a server with a wrong file") else { return };
    bench.build("one");
    let (len, path) = blobs(&server.folder, 1_000_000).into_iter().next().unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, vec![0; usize::try_from(len).unwrap()]).unwrap();
    let built = bench.build("two");
    assert!(built.warns("remote::corrupt") && built.ran() > 0, "{}", built.stderr);
}

#[test]
fn two_servers_are_two_names_for_content() {
    let Some((mut bench, _server)) = Bench::with_casd("another server") else { return };
    let first = bench.build("one");
    let Ok(other) = casd(&bench.path("other")) else { return };
    bench.address = other.address();
    // What is here is not uploaded again, and is good for any server that names content in the same way.
    let second = bench.build("one");
    assert!(second.bytes == first.bytes && second.ran() == 0, "{}", second.stderr);
}

//! The store as its users see it, on real files.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a test that does not run says so")]

mod blobs;
mod budget;
mod corruption;
mod index;
mod processes;
mod properties;
mod refusals;
mod snapshots;
mod states;
mod trees;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use store::{DigestFunction, Store};

/// How long a collection waits for other processes.
const PATIENCE: Duration = Duration::from_secs(5);

/// A store in a new directory, which is removed with the first of the two.
fn open(function: DigestFunction) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("cache"), function).unwrap();
    (dir, store)
}

/// Bytes that do not repeat soon.
fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Moves what waits in the log of a closed store's database into the database, so that damage to it matters.
fn checkpoint(cache: &Path) {
    let database = rusqlite::Connection::open(cache.join("v1/blake3/db2/1/store.db")).unwrap();
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
}

/// Says that a test did not run, and why.
fn skipped(why: &str) {
    println!("skipped: {why}");
}

/// What a child works on is told to it by this variable.
const CHILD: &str = "STORE_TEST_CHILD";

/// Runs a test of this binary as nobody, who may enter `dir`, and tells it `argument`.
fn run_as_another_user(test: &str, dir: &Path, argument: &Path) {
    if !rustix::process::geteuid().is_root() {
        return skipped("only root can become another user");
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    // The other user may not be able to enter the folder of this binary.
    let binary = dir.join("test");
    fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    let output = Command::new(&binary)
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(CHILD, argument)
        .current_dir("/")
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A file system in memory of its own, unmounted at the end; none where that needs more rights than we have.
struct Mount {
    dir: tempfile::TempDir,
}

impl Mount {
    fn new(options: &str) -> Option<Mount> {
        let dir = tempfile::tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(dir.path()).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Mount { dir })
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn read_only(&self) {
        let status = Command::new("mount").args(["-o", "remount,ro"]).arg(self.path()).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

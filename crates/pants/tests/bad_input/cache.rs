//! A cache that is damaged, full, or may not be written to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::index::Index;
use crate::mount::{Mount, refusal, shut};
use crate::repository::{Repository, files, skipped};

const BUILD: [&str; 2] = ["binary", "//svc:app"];

/// A program of one module, and the index that its runtime comes from.
fn program(test: &str) -> Option<(Repository, Index)> {
    let index = Index::start(test)?;
    let mut repository = Repository::new(&[
        ("svc/main.py", "print(\"served\")\n"),
        (
            "svc/BUILD",
            "python_library(name = \"lib\")\n\npython_binary(name = \"app\", entry_point = \"main.py\", start_plan = False)\n",
        ),
    ]);
    index.of(&mut repository);
    Some((repository, index))
}

/// The same, built once; with the bytes of its PEX.
fn built(test: &str) -> Option<(Repository, Index, Vec<u8>)> {
    let (repository, index) = program(test)?;
    let said = repository.run(&BUILD);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let pex = repository.read("dist/svc/app.pex");
    fs::remove_dir_all(repository.root().join("dist")).expect("it is there");
    Some((repository, index, pex))
}

/// Builds and checks that the PEX is the same and what is said about it, the text once.
#[track_caller]
fn rebuilds(repository: &Repository, pex: &[u8], expected: &str) {
    let said = repository.run(&BUILD);
    repository.compare(&said, 0, expected);
    assert_eq!(said.stdout, "dist/svc/app.pex\n");
    assert!(repository.read("dist/svc/app.pex") == pex, "the same bytes");
    let again = repository.run(&BUILD);
    repository.compare(&again, 0, "0 steps run, 8 from the cache, in N s");
}

/// The files of the cache, with their paths, whose names end so.
fn cached(repository: &Repository, end: &str) -> Vec<PathBuf> {
    let cache = repository.cache();
    files(&cache).into_iter().filter(|file| file.ends_with(end)).map(|file| cache.join(file)).collect()
}

#[test]
fn cache_that_is_a_file() {
    let repository = Repository::new(&[]);
    fs::write(repository.cache(), "mine").expect("a file");
    repository.fails(
        &["list", "::"],
        3,
        r#"
error[store::unusable]: the cache directory `TMP/cache` cannot be used
 |
 = note: File exists (os error 17)
 = help: name a directory that can be written to with `--cache-dir`
"#,
    );
    assert_eq!(fs::read(repository.cache()).expect("it stays"), b"mine");
}

#[test]
fn cache_below_a_file() {
    let mut repository = Repository::new(&[]);
    fs::write(repository.cache(), "mine").expect("a file");
    let below = repository.cache().join("below").display().to_string();
    repository.env.insert("PANTS_CACHE_DIR".to_owned(), below);
    repository.fails(
        &["list", "::"],
        3,
        r#"
error[store::unusable]: the cache directory `TMP/cache/below` cannot be used
 |
 = note: Not a directory (os error 20)
 = help: name a directory that can be written to with `--cache-dir`
"#,
    );
}

/// Moves what waits in the log of a database into it, so that damage to it matters.
fn checkpoint(database: &Path) {
    let connection = rusqlite::Connection::open(database).expect("a database");
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("nobody else has it open");
}

#[test]
fn corrupt_database() {
    let Some((repository, _index, pex)) = built("corrupt_database") else { return };
    let databases = cached(&repository, ".db");
    assert!(!databases.is_empty(), "{:?}", files(&repository.cache()));
    for database in databases {
        checkpoint(&database);
        fs::write(&database, "this is no database, ".repeat(1000)).expect("a file");
    }
    rebuilds(
        &repository,
        &pex,
        r#"
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
assemble dist/svc/app.pex
warning[store::corrupt_database]: the cache database `TMP/cache/v1/blake3/db2/1/store.db` was corrupt and was begun anew
8 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn truncated_database() {
    let Some((repository, _index, pex)) = built("truncated_database") else { return };
    for database in cached(&repository, ".db") {
        checkpoint(&database);
        let size = fs::metadata(&database).expect("a file").len();
        fs::File::options().write(true).open(&database).expect("a file").set_len(size / 2).expect("cut");
    }
    rebuilds(
        &repository,
        &pex,
        r#"
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
assemble dist/svc/app.pex
warning[store::corrupt_database]: the cache database `TMP/cache/v1/blake3/db2/1/store.db` was corrupt and was begun anew
8 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn corrupt_blobs() {
    let Some((repository, _index, pex)) = built("corrupt_blobs") else { return };
    let cache = repository.cache();
    let mut damaged = 0;
    for file in files(&cache).iter().filter(|file| file.contains("/blobs/")) {
        let path = cache.join(file);
        let mut bytes = fs::read(&path).expect("a blob");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
        fs::write(&path, bytes).expect("a blob");
        damaged += 1;
    }
    assert!(damaged > 0, "{:?}", files(&cache));
    let said = repository.run(&BUILD);
    assert_eq!((said.code, said.stdout.as_str()), (0, "dist/svc/app.pex\n"), "{}", said.stderr);
    assert!(repository.read("dist/svc/app.pex") == pex, "the same bytes");
    let warnings: Vec<&str> = said.stderr.lines().filter(|line| line.starts_with("warning")).collect();
    let [warning] = warnings.as_slice() else { panic!("expected one warning\n{}", said.stderr) };
    assert!(warning.starts_with("warning[store::corrupt_blob]: the blob `"), "{warning}");
    assert!(warning.contains("` was corrupt in the cache and was removed (and "), "{warning}");
    let again = repository.run(&BUILD);
    repository.compare(&again, 0, "0 steps run, 8 from the cache, in N s");
}

#[test]
fn blobs_that_are_gone() {
    let Some((repository, _index, pex)) = built("blobs_that_are_gone") else { return };
    let cache = repository.cache();
    for file in files(&cache).iter().filter(|file| file.contains("/blobs/")) {
        fs::remove_file(cache.join(file)).expect("a blob");
    }
    let said = repository.run(&BUILD);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(repository.read("dist/svc/app.pex") == pex, "the same bytes");
}

#[test]
fn full_disk_under_the_cache() {
    let test = "full_disk_under_the_cache";
    let Some((repository, _index)) = program(test) else { return };
    fs::create_dir_all(repository.cache()).expect("a folder");
    let Some(_mount) = Mount::small(test, &repository.cache(), "3m") else { return };
    repository.fails(&BUILD, 3, r#"
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::fetch_disk]: cannot keep `pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl` in the cache
 |
 = note: while trying to fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
 = note: No space left on device (os error 28)
 = help: free some space on the file system of the cache, or name another place for it with `--cache-dir`
2 steps run, 0 from the cache, in N s
"#);
    assert_eq!(repository.dist(), [""; 0]);
}

/// Wherever the space ends, it is said, and the same cache is good once there is some.
#[test]
fn full_disk_at_any_moment() {
    let test = "full_disk_at_any_moment";
    let Some((repository, _index)) = program(test) else { return };
    fs::create_dir_all(repository.cache()).expect("a folder");
    let Some(mount) = Mount::small(test, &repository.cache(), "16k") else { return };
    let mut failed = 0;
    for size in
        std::iter::successors(Some(64_u32), |size| Some(size * 4 / 3)).take_while(|size| *size < 100_000)
    {
        mount.resize(&format!("{size}k"));
        let said = repository.run(&BUILD);
        if said.code == 0 {
            break;
        }
        failed += 1;
        assert_eq!(said.code, 3, "{size}: {}", said.stderr);
        assert_eq!(said.stdout, "", "{size}");
        assert_eq!(repository.dist(), [""; 0], "{size}");
        let says = ["no space is left", "No space left on device", "disk is full"];
        assert!(says.iter().any(|words| said.stderr.contains(words)), "{size}: {}", said.stderr);
        assert!(said.stderr.contains("help: free some space"), "{size}: {}", said.stderr);
    }
    assert!(failed > 3, "failed {failed} times");
    assert_eq!(repository.dist(), ["svc/app.pex"]);
}

/// Where not a byte is left, the cache can be emptied.
#[test]
fn clear_on_a_full_disk() {
    let test = "clear_on_a_full_disk";
    let Some((repository, _index)) = program(test) else { return };
    for words in [&["cache", "clear"][..], &["cache", "gc", "--budget", "0B"]] {
        fs::create_dir_all(repository.cache()).expect("a folder");
        let Some(_mount) = Mount::small(test, &repository.cache(), "60m") else { return };
        assert_eq!(repository.run(&BUILD).code, 0);
        let filler = fs::File::create(repository.cache().join("filler")).expect("a file");
        while std::io::Write::write_all(&mut &filler, &[1; 4096]).is_ok() {}
        drop(filler);
        let said = repository.run(words);
        repository.compare(&said, 0, "");
        if words == ["cache", "clear"] {
            let left =
                cached(&repository, "").into_iter().filter(|path| path.to_string_lossy().contains("/blobs/"));
            assert_eq!(left.count(), 0, "{}", said.stdout);
        }
        fs::remove_file(repository.cache().join("filler")).expect("it is there");
        fs::remove_dir_all(repository.root().join("dist")).expect("it was built");
        let said = repository.run(&BUILD);
        assert_eq!(said.code, 0, "{words:?}: {}", said.stderr);
    }
}

/// What cannot be made smaller says what would help.
#[test]
fn collecting_on_a_read_only_mount() {
    let test = "collecting_on_a_read_only_mount";
    let repository = Repository::new(&[]);
    assert_eq!(repository.run(&["list", "::"]).code, 0);
    let Some(_shut) = shut(test, &repository.cache()) else { return };
    let expected = format!(
        r#"
warning[store::read_only]: the cache `TMP/cache` cannot be written to ({}): nothing is kept
error[store::database]: the cache database `TMP/cache/v1/blake3/db2/1/store.db` failed
 |
 = note: attempt to write a readonly database
 = note: Error code 8: attempt to write a readonly database
 = help: let your user write to the folder of `TMP/cache/v1/blake3/db2/1/store.db`, or name another cache with `--cache-dir`
"#,
        refusal()
    );
    for words in [&["cache", "clear"][..], &["cache", "gc", "--budget", "0B"]] {
        repository.compare(&repository.run(words), 3, &expected);
    }
}

#[test]
fn cache_on_a_read_only_mount() {
    let test = "cache_on_a_read_only_mount";
    let Some((repository, _index, pex)) = built(test) else { return };
    let before = files(&repository.cache());
    let Some(shut) = shut(test, &repository.cache()) else { return };
    let warning = format!(
        "warning[store::read_only]: the cache `TMP/cache` cannot be written to ({}): nothing is kept\n",
        refusal()
    );
    let said = repository.run(&BUILD);
    repository.compare(&said, 0, &format!("{warning}0 steps run, 8 from the cache, in N s"));
    assert!(repository.read("dist/svc/app.pex") == pex, "the same bytes");
    repository.write("svc/main.py", "print(\"served otherwise\")\n");
    let said = repository.run(&BUILD);
    repository.compare(
        &said,
        0,
        &format!("assemble dist/svc/app.pex\n{warning}4 steps run, 4 from the cache, in N s"),
    );
    assert!(repository.read("dist/svc/app.pex") != pex, "what is new is built");
    drop(shut);
    assert_eq!(files(&repository.cache()), before);
}

/// A process that is stopped in a write to the database of the cache, and killed when it is dropped.
struct Stopped(Child);

impl Stopped {
    fn new(test: &str, repository: &Repository) -> Option<Stopped> {
        let script = "import os, signal, sqlite3, sys\n\
                      database = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                      database.execute(\"BEGIN IMMEDIATE\")\n\
                      os.kill(os.getpid(), signal.SIGSTOP)\n";
        let path = repository.beside("hold.py");
        fs::write(&path, script).expect("a file");
        let database = repository.cache().join("v1/blake3/db2/1/store.db");
        let mut python = Command::new("python3");
        let Ok(child) = python.arg("hold.py").arg(database).current_dir(repository.beside("")).spawn() else {
            skipped(test, "there is no `python3`");
            return None;
        };
        let mut stopped = Stopped(child);
        while !fs::read_to_string(format!("/proc/{}/status", stopped.0.id()))
            .is_ok_and(|status| status.contains("State:\tT"))
        {
            if let Some(status) = stopped.0.try_wait().expect("it can be waited for") {
                skipped(test, &format!("`python3` cannot hold a database: {status}"));
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(stopped)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.kill().expect("it can be ended");
        self.0.wait().expect("it can be waited for");
    }
}

/// Who collects waits a little for a process that is stopped while it writes, and then says which one it is.
#[test]
fn database_held_by_a_stopped_process() {
    let test = "database_held_by_a_stopped_process";
    let repository = Repository::new(&[("a/BUILD", "python_library()\n"), ("a/a.py", "")]);
    assert_eq!(repository.run(&["list", "::"]).code, 0);
    let Some(stopped) = Stopped::new(test, &repository) else { return };
    let pid = stopped.0.id();
    // Some names of `python3` are scripts that become another program.
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("it lives").replace('\0', " ");
    let command = command.trim_end().replace(&repository.beside("cache").display().to_string(), "TMP/cache");
    let expected = format!(
        r#"
error[store::held]: another process has held the cache `TMP/cache/v1/blake3/db2/1/store.db` for 5 s: process {pid} (`{command}`), which is stopped
 |
 = help: let it go on with `kill -CONT {pid}`, or end it with `kill -KILL {pid}`
"#
    );
    let begin = Instant::now();
    let said = repository.run(&["cache", "gc", "--budget", "0B"]);
    repository.compare(&said, 3, &expected);
    assert!(begin.elapsed() < Duration::from_secs(20), "it took {:?}", begin.elapsed());
    // What a run collects at its end is no reason to wait, nor to say anything.
    repository.write("a/BUILD", "python_library(name = \"a\")\n");
    let begin = Instant::now();
    let said = repository.run(&["list", "::"]);
    repository.compare(&said, 0, "");
    assert!(begin.elapsed() < Duration::from_secs(10), "it took {:?}", begin.elapsed());
    drop(stopped);
    repository.compare(&repository.run(&["cache", "gc", "--budget", "0B"]), 0, "");
}

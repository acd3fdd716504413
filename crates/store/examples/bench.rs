//! Measures the store beside `cp`: `cargo run --release -p store --example bench -- <folder on the disk to measure>`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark has no one to recover for")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use store::{Digest, DigestFunction, Part, StatIndex, Store};

const MEGABYTE: usize = 1 << 20;

/// The shortest of some runs: what else the machine does can only add.
fn best(runs: usize, mut run: impl FnMut()) -> Duration {
    let time = |_| {
        let begin = Instant::now();
        run();
        begin.elapsed()
    };
    (0..runs).map(time).min().unwrap_or_default()
}

fn say(what: &str, time: Duration, note: &str) {
    println!("{what:44} {:10.3} ms  {note}", time.as_secs_f64() * 1e3);
}

fn each(time: Duration, count: usize) -> String {
    format!("{:.0} a second", count as f64 / time.as_secs_f64())
}

fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        bytes.extend_from_slice(&(state ^ (state >> 29)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

fn opening(dir: &Path) {
    let mut number = 0;
    let new = best(10, || {
        number += 1;
        Store::open(&dir.join(format!("new-{number}")), DigestFunction::Blake3).unwrap();
    });
    say("open, new", new, "");
    let again = best(50, || drop(Store::open(&dir.join("new-1"), DigestFunction::Blake3).unwrap()));
    say("open and close, existing", again, "");
}

fn small_blobs(store: &Store) {
    const COUNT: usize = 5_000;
    for len in [200, 4_000, 16_000, 32_000] {
        let single: Vec<_> = (0..COUNT).map(|index| bytes(len, (len * COUNT + index) as u64)).collect();
        let many: Vec<_> = (0..COUNT).map(|index| bytes(len, (len * 10 * COUNT + index) as u64)).collect();
        let put = best(1, || assert!(single.iter().all(|blob| store.put(blob).is_ok())));
        say(&format!("put, {COUNT} of {len} bytes"), put, &each(put, COUNT));
        let put_many = best(1, || drop(store.put_many(&many).unwrap()));
        say(&format!("put_many, {COUNT} of {len} bytes"), put_many, &each(put_many, COUNT));
        let digests: Vec<Digest> = many.iter().map(|blob| store.digest(blob)).collect();
        let read = best(3, || digests.iter().for_each(|digest| drop(store.read(digest).unwrap())));
        say(&format!("read, {COUNT} of {len} bytes"), read, &each(read, COUNT));
    }
}

/// The same sizes as files, to see where rows stop to pay.
fn small_files(dir: &Path) {
    const COUNT: usize = 5_000;
    for len in [4_000, 16_000, 32_000, 64_000] {
        let folder = dir.join(format!("files-{len}"));
        fs::create_dir(&folder).unwrap();
        let content = bytes(len, 1);
        let write = best(1, || {
            for index in 0..COUNT {
                let temporary = folder.join("tmp");
                fs::write(&temporary, &content).unwrap();
                fs::rename(&temporary, folder.join(index.to_string())).unwrap();
            }
        });
        say(&format!("plain files, write {COUNT} of {len} bytes"), write, &each(write, COUNT));
        let read =
            best(3, || (0..COUNT).for_each(|index| drop(fs::read(folder.join(index.to_string())).unwrap())));
        say(&format!("plain files, read {COUNT} of {len} bytes"), read, &each(read, COUNT));
    }
}

fn large_blobs(store: &Store, dir: &Path) {
    let content = bytes(30 * MEGABYTE, 1);
    let (source, dest) = (dir.join("source"), dir.join("dest"));
    fs::write(&source, &content).unwrap();
    let cp = best(10, || {
        let _ = fs::remove_file(&dest);
        assert!(Command::new("cp").arg(&source).arg(&dest).status().unwrap().success());
    });
    say("cp of 30 MiB", cp, "");
    let beside = |time: Duration| format!("{:.2} x cp", time.as_secs_f64() / cp.as_secs_f64());
    let mut number = 0;
    let mut content = content;
    let put = best(5, || {
        number += 1;
        content[0] = number;
        store.put(&content).unwrap();
    });
    say("put of 30 MiB", put, &beside(put));
    let write = best(5, || {
        let mut file = fs::File::create(dir.join(format!("written-{number}"))).unwrap();
        number += 1;
        content.chunks(64 * 1024).for_each(|piece| std::io::Write::write_all(&mut file, piece).unwrap());
    });
    say("plain write of 30 MiB", write, &beside(write));
    let begin = Instant::now();
    let digest = store.put_file(&source).unwrap();
    say("put_file of 30 MiB, first", begin.elapsed(), &beside(begin.elapsed()));
    let place = best(10, || {
        let _ = fs::remove_file(&dest);
        store.place(&digest, &dest, true).unwrap();
    });
    say("place of 30 MiB", place, &beside(place));
    let wheel = |index: usize| store.put(&content[index * MEGABYTE..(index + 3) * MEGABYTE]).unwrap();
    let wheels: Vec<Digest> = (0..27).step_by(3).map(wheel).collect();
    let mut parts = Vec::new();
    for wheel in &wheels {
        parts.push(Part::Bytes(vec![7; 5_000]));
        parts.push(Part::Blob { digest: *wheel, offset: 0, len: wheel.size });
    }
    let mut number = 0;
    let mut composed = digest;
    let compose = best(10, || {
        number += 1;
        parts[0] = Part::Bytes(vec![number; 3 * MEGABYTE]);
        composed = store.put_composed(&parts).unwrap();
    });
    say("put_composed of 30 MiB", compose, &beside(compose));
    let hash = best(10, || assert!(store.digest(&content).size > 0));
    say("hash of 30 MiB in memory", hash, &beside(hash));
    let place = best(10, || {
        let _ = fs::remove_file(&dest);
        store.place(&composed, &dest, true).unwrap();
    });
    say("place of 30 MiB that are composed", place, &beside(place));
}

fn index(store: &Store, dir: &Path) {
    for count in [10_000, 100_000] {
        let root = dir.join(format!("workspace-{count}"));
        let mut paths = Vec::with_capacity(count);
        for number in 0..count {
            let folder = format!("src/package_{:04}/module_{}", number / 100, number / 10 % 10);
            if number % 10 == 0 {
                fs::create_dir_all(root.join(&folder)).unwrap();
            }
            paths.push(format!("{folder}/file_{number}.py"));
            fs::write(root.join(&paths[number]), format!("print({number})\n").repeat(20)).unwrap();
        }
        paths.sort();
        std::thread::sleep(Duration::from_millis(50));
        let mut first = StatIndex::open(store, &root).unwrap();
        let hash = best(1, || assert!(first.digests(&paths).iter().all(Result::is_ok)));
        say(&format!("index of {count} files, first"), hash, &each(hash, count));
        let save = best(1, || first.save().unwrap());
        say(&format!("index of {count} files, save"), save, "");
        let open = best(10, || drop(StatIndex::open(store, &root).unwrap()));
        say(&format!("index of {count} files, open"), open, "");
        let again = StatIndex::open(store, &root).unwrap();
        let lookup = best(5, || assert!(again.digests(&paths).iter().all(Result::is_ok)));
        say(&format!("index of {count} files, look at all"), lookup, &each(lookup, count));
        let stat = best(3, || assert!(paths.iter().all(|path| root.join(path).is_file())));
        say(&format!("stat of {count} files, one thread"), stat, "");
    }
}

fn main() {
    let parent = std::env::args_os().nth(1).unwrap_or_else(|| std::env::temp_dir().into_os_string());
    let dir = tempfile::tempdir_in(parent).unwrap();
    opening(dir.path());
    let store = Store::open(&dir.path().join("cache"), DigestFunction::Blake3).unwrap();
    small_blobs(&store);
    small_files(dir.path());
    large_blobs(&store, dir.path());
    index(&store, dir.path());
    assert!(store.take_warnings().is_empty());
}

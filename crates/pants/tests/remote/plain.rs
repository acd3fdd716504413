//! Caches without a server of their own: what one machine made no other makes again, with few requests, and nothing that goes
//! wrong fails a build.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::plain_servers::{Cache, Kind, start};
use crate::wire::{nothing_of_the_machine, proxy};
use crate::{Bench, Built, brought, scratch};

/// With a cache; none, and why is said, where it cannot be had.
fn with(kind: Kind, test: &str) -> Option<(Bench, Cache)> {
    let folder = scratch();
    let cache = start(kind, folder.path());
    let cache = cache.map_err(|why| println!("skipped: {test}: {kind:?}: {why}")).ok()?;
    let mut bench = Bench::new(folder, &cache.address);
    bench.shown.clone_from(&cache.writer);
    Some((bench, cache))
}

/// How many requests a build made.
fn requests(built: &Built) -> u64 {
    let said = built.stderr.split(" request").next().unwrap().rsplit(' ').next().unwrap();
    said.parse().unwrap_or_else(|_| panic!("{}", built.stderr))
}

fn check_sharing(kind: Kind) {
    let Some((mut bench, cache)) = with(kind, "sharing through a plain cache") else { return };
    let first = bench.build("one");
    assert!(first.programs() == 2 && !first.stderr.contains("warning[remote"), "{}", first.stderr);
    println!("{kind:?}: written by {} requests", requests(&first));
    let second = bench.build("two");
    assert_eq!(second.ran(), 0, "{}", second.stderr);
    assert!(second.bytes == first.bytes, "the bytes differ");
    // What lands in `dist/`, what steps made (its imports are read), and the index.
    assert!(brought(&second) < (first.bytes.len() + 5_000_000) as f64 * 1.1, "{}", second.stderr);
    println!("{kind:?}: read by {} requests", requests(&second));
    assert!(requests(&first) < 20 && requests(&second) < 20, "{}{}", first.stderr, second.stderr);
    // Who may only read says so once, and goes on.
    bench.write("app/main.py", "from app import names\nprint(names.NAMES, 1)\n");
    if kind == Kind::Bucket {
        bench.shown.clone_from(&cache.reader);
        let reads = bench.build("two");
        assert!(reads.warns("remote::read_only") && reads.programs() == 0, "{}", reads.stderr);
        bench.shown.clone_from(&cache.writer);
        bench.write("app/main.py", "from app import names\nprint(names.NAMES, 2)\n");
    }
    let changed = bench.build("two");
    let third = bench.build_with("three", &[("PANTS_REMOTE_WRITE", "false")]);
    assert!(changed.ran() > 0 && third.ran() == 0, "{}", third.stderr);
    assert!(third.stderr.contains(" 0 B uploaded as 0 steps"), "{}", third.stderr);
    assert!(third.bytes == changed.bytes, "the bytes differ");
}

#[test]
fn what_one_machine_made_no_other_makes_again_with_a_folder() {
    check_sharing(Kind::Folder);
}

#[test]
fn what_one_machine_made_no_other_makes_again_with_an_http_cache() {
    check_sharing(Kind::Http);
}

#[test]
fn what_one_machine_made_no_other_makes_again_with_a_bucket() {
    check_sharing(Kind::Bucket);
}

#[test]
fn a_test_run_is_shared() {
    let bench = Bench::new(scratch(), "");
    bench.write(
        "app/BUILD",
        "python_requirement(name = 'pytest', requirements = ['pytest==8.3.*'])\npython_tests(name = 'tests')\n",
    );
    bench.write("app/one_test.py", "def test_one():\n    assert True\n");
    let mut lock = bench.pants("locks", &["lock"]);
    if let Some(home) = std::env::var_os("HOME") {
        lock.env("HOME", home);
    }
    let said = lock.env("PANTS_REMOTE_CACHE", "").output().unwrap();
    if !said.status.success() {
        println!("skipped: sharing a test run: {}", String::from_utf8_lossy(&said.stderr));
        return;
    }
    let run = |cache: &Cache, machine: &str| {
        let mut command = bench.pants(machine, &["--output", "json", "test", "::"]);
        if let Some(home) = std::env::var_os("HOME") {
            command.env("HOME", home);
        }
        command.env("PANTS_REMOTE_CACHE", &cache.address).envs(cache.writer.iter().cloned());
        let said = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success(), "{stderr}");
        let report: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        (report["actions_run"].as_u64().unwrap(), stderr)
    };
    for kind in [Kind::Folder, Kind::Http, Kind::Bucket, Kind::Server] {
        let folder = bench.path(&format!("{kind:?}"));
        fs::create_dir_all(&folder).unwrap();
        let cache = match start(kind, &folder) {
            Ok(cache) => cache,
            Err(why) => {
                println!("skipped: sharing a test run: {kind:?}: {why}");
                continue;
            }
        };
        let (ran, said) = run(&cache, &format!("{kind:?}-one"));
        assert!(ran > 0 && !said.contains("warning[remote::un"), "{kind:?}: {said}");
        let (ran, said) = run(&cache, &format!("{kind:?}-two"));
        assert_eq!(ran, 0, "{kind:?}: {said}");
        // Its result and what pytest said come, and not pytest.
        let line = said.lines().find(|line| line.starts_with("remote cache:")).unwrap_or_default().to_owned();
        println!("{kind:?}: {line}");
        let built = Built { report: serde_json::Value::Null, stderr: said, bytes: Vec::new() };
        assert!(brought(&built) < 500_000.0, "{line}");
        assert!(kind == Kind::Server || requests(&built) < 20, "{line}");
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            match entry.path().is_dir() {
                true => open.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn what_comes_with_other_bytes_is_not_used() {
    let Some((bench, cache)) = with(Kind::Folder, "a folder with wrong bytes") else { return };
    let first = bench.build("one");
    let folder = PathBuf::from(&cache.address);
    let all = files(&folder);
    assert!(all.len() < 20, "few files: {all:?}");
    // Packs and large blobs first, then the indexes too.
    for below in ["/content/", "/index/"] {
        for path in all.iter().filter(|path| path.display().to_string().contains(below)) {
            let mut bytes = fs::read(path).unwrap();
            bytes.iter_mut().step_by(100).for_each(|byte| *byte ^= 1);
            fs::write(path, bytes).unwrap();
        }
        let built = bench.build_with(below.trim_matches('/'), &[("PANTS_REMOTE_WRITE", "false")]);
        assert!(built.warns("remote::corrupt") && built.ran() > 0, "{}", built.stderr);
        assert!(built.bytes != first.bytes, "a step of the test makes other bytes each time");
    }
    // What was damaged is written again, and found.
    let again = bench.build("three");
    let found = bench.build("four");
    assert!(found.ran() == 0 && found.bytes == again.bytes, "{}", found.stderr);
}

#[test]
fn what_is_lost_is_made_again() {
    let Some((bench, cache)) = with(Kind::Folder, "a folder that loses files") else { return };
    bench.build("one");
    let content = files(Path::new(&cache.address));
    for path in content.iter().filter(|path| path.display().to_string().contains("/content/")) {
        fs::remove_file(path).unwrap();
    }
    let again = bench.build("two");
    assert!(again.ran() > 0 && !again.stderr.contains("warning[remote::unreachable"), "{}", again.stderr);
    // What was made again is there again.
    let found = bench.build("three");
    assert_eq!(found.ran(), 0, "{}", found.stderr);
}

#[test]
fn a_plain_server_that_dies_or_stands_still_costs_a_warning() {
    for kind in [Kind::Http, Kind::Bucket] {
        let Some((bench, mut cache)) = with(kind, "a plain server that fails") else { continue };
        let Some(server) = cache.server.as_mut() else { continue };
        let first = bench.build("one");
        server.signal(Signal::STOP);
        bench.write("app/main.py", "from app import names\nprint(names.NAMES, 2)\n");
        let still = bench.build("one");
        assert!(still.warns("remote::unreachable") && still.bytes != first.bytes, "{}", still.stderr);
        server.signal(Signal::CONT);
        server.kill();
        let dead = bench.build("two");
        assert!(dead.warns("remote::unreachable") && dead.ran() > 0, "{}", dead.stderr);
    }
}

#[test]
fn keys_that_are_wrong_are_told_once() {
    let Some((mut bench, cache)) = with(Kind::Bucket, "wrong keys") else { return };
    bench.shown.retain(|(name, _)| name != "AWS_SECRET_ACCESS_KEY");
    bench.shown.push(("AWS_SECRET_ACCESS_KEY".to_owned(), "not-the-secret".to_owned()));
    let built = bench.build("one");
    assert!(built.warns("remote::unauthenticated"), "{}", built.stderr);
    assert_eq!(built.stderr.matches("warning[remote").count(), 1, "{}", built.stderr);
    assert!(!built.stderr.contains("not-the-secret"));
    bench.shown.retain(|(name, _)| !name.starts_with("AWS_"));
    let none = bench.build_with("two", &[("AWS_EC2_METADATA_DISABLED", "true")]);
    assert!(none.warns("remote::credentials"), "{}", none.stderr);
    // Out of a file, and out of what tells a container its keys.
    let key = |name: &str| &cache.writer.iter().find(|(one, _)| one == name).unwrap().1;
    let (id, secret) = (key("AWS_ACCESS_KEY_ID"), key("AWS_SECRET_ACCESS_KEY"));
    let file = bench.path("credentials");
    let text = format!(
        "[default]\naws_access_key_id = none\n[ci]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
    );
    fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let of_file = bench.build_with("three", &[("AWS_SHARED_CREDENTIALS_FILE", &file), ("AWS_PROFILE", "ci")]);
    assert!(of_file.ran() > 0 && !of_file.stderr.contains("warning[remote"), "{}", of_file.stderr);
    let told = tells(format!("{{\"AccessKeyId\": \"{id}\", \"SecretAccessKey\": \"{secret}\"}}"));
    let of_container = bench.build_with("four", &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &told)]);
    assert_eq!(of_container.ran(), 0, "{}", of_container.stderr);
}

/// The address of something that answers every request with this text.
fn tells(text: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let len = text.len();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n{text}")
                .unwrap();
        }
    });
    format!("http://{address}/keys")
}

#[test]
fn many_small_indexes_become_one() {
    for kind in [Kind::Folder, Kind::Http] {
        let Some((bench, cache)) = with(kind, "many indexes") else { continue };
        for edit in 0..18 {
            bench.write("app/main.py", &format!("from app import names\nprint(names.NAMES, {edit})\n"));
            bench.build("one");
        }
        if kind == Kind::Folder {
            let all = files(Path::new(&cache.address));
            let indexes = all.iter().filter(|path| path.display().to_string().contains("/index/")).count();
            assert!(indexes < 5, "{all:?}");
        }
        let other = bench.build("two");
        assert!(other.ran() == 0 && requests(&other) < 20, "{}", other.stderr);
    }
}

#[test]
fn nothing_of_the_machine_goes_to_a_plain_cache() {
    for kind in [Kind::Http, Kind::Bucket] {
        let Some((mut bench, cache)) = with(kind, "what goes to a plain cache") else { continue };
        let (port, sent) = proxy(cache.server.as_ref().unwrap().port);
        let through = format!("http://127.0.0.1:{port}");
        match kind {
            Kind::Http => bench.address = through,
            _ => bench.shown.push(("PANTS_REMOTE_ENDPOINT".to_owned(), through)),
        }
        let key = cache.writer.iter().find(|(name, _)| name == "AWS_SECRET_ACCESS_KEY");
        let key = key.map_or("a-password-of-the-tests", |(_, value)| value.as_str());
        nothing_of_the_machine(&bench, &sent, &[], &[key]);
        assert!(sent.lock().unwrap().len() > 5_000_000);
    }
    let Some((bench, cache)) = with(Kind::Folder, "what goes to a folder") else { return };
    let built = bench.build_with("one", &[("UNDECLARED", "a-value-that-no-step-declares")]);
    assert_eq!(built.programs(), 2);
    let mut all = Vec::new();
    for file in files(Path::new(&cache.address)) {
        all.extend(fs::read(file).unwrap());
    }
    crate::wire::has_none(&bench, &all, &["a-value-that-no-step-declares", "UNDECLARED"]);
}

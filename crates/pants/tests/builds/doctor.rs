//! What `doctor` finds on a machine that lacks something, each thing made to lack by the test.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::recorded::schema;
use crate::repository::{CONFIGURATION, Repository};
use crate::schema::violations;

/// What `doctor` says of a topic: the status, what was found and the advice.
fn findings(repository: &Repository, arguments: &[&str], code: i32) -> Vec<(String, String, String, String)> {
    let said = repository.run(&[&["doctor", "--output", "json"], arguments].concat());
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    let answer: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(violations(&schema("doctor"), &answer), [""; 0], "{answer}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = answer.as_array().unwrap().iter();
    all.map(|one| (text(&one["topic"]), text(&one["status"]), text(&one["found"]), text(&one["advice"])))
        .collect()
}

/// Whether something with these words is found with this status.
#[track_caller]
fn check(findings: &[(String, String, String, String)], topic: &str, status: &str, words: &str) {
    let is =
        |one: &&(String, String, String, String)| one.0 == topic && one.1 == status && one.2.contains(words);
    let found =
        findings.iter().find(is).unwrap_or_else(|| panic!("no {status} with {words:?}: {findings:#?}"));
    assert_eq!(found.3.is_empty(), status == "ok", "what can be changed has advice: {found:?}");
}

/// An index that answers each request with this head.
fn index(head: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            write!(stream, "HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        }
    });
    format!("http://{address}/simple/")
}

#[test]
fn what_a_repository_asks_for_and_is_not_here_is_named() {
    let repository = Repository::new(&[(
        "pants.toml",
        "[python]\ninterpreter_search_paths = [\"bin\"]\ninterpreters = [\"3.99\"]\ninterpreter_constraints = \
         [\"==3.98.*\"]\n\n[python.resolves]\nweb = \"web.lock\"\n",
    )]);
    repository.write("bin/python3.99", "#!/bin/sh\nexit 1\n");
    let program = repository.root().join("bin/python3.99");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let found = findings(&repository, &["--offline"], 3);
    check(&found, "interpreters", "warning", "bin/python3.99 is named like an interpreter");
    check(&found, "interpreters", "warning", "`[python] interpreters` names 3.99");
    check(&found, "interpreters", "warning", "(==3.98.*) accept none");
    check(&found, "interpreters", "error", "no interpreter was found");
    check(&found, "repository", "warning", "`web` has no lock: there is no web.lock");
    check(&found, "indexes", "ok", "is not asked");
}

#[test]
fn indexes_are_told_by_how_they_answer() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let indexes = [
        ("well", index("200 OK\r\ncontent-type: text/html")),
        ("empty", index("404 Not Found")),
        ("late", index("200 OK\r\ncontent-type: text/html\r\ndate: Sat, 01 Jan 2000 00:00:00 GMT")),
        ("closed", index("401 Unauthorized")),
        ("dead", format!("http://{dead}/simple/")),
    ];
    let listed: Vec<String> =
        indexes.iter().map(|(name, url)| format!("{{ name = \"{name}\", url = \"{url}\" }}")).collect();
    let configuration = format!("{CONFIGURATION}[python-repos]\nindexes = [{}]\n", listed.join(", "));
    let repository = Repository::new(&[("pants.toml", &configuration)]);
    let found = findings(&repository, &[], 3);
    for name in ["well", "empty", "late"] {
        check(&found, "indexes", "ok", &format!("`{name}` answers in"));
    }
    check(&found, "indexes", "warning", "s ahead of that of `late`");
    check(&found, "indexes", "error", "`closed`: ");
    check(&found, "indexes", "error", "`dead`: ");
    let addresses = indexes.iter().filter(|(_, url)| found.iter().any(|one| one.2.contains(url)));
    assert_eq!(addresses.count(), 0, "addresses may hold what is secret");
}

#[test]
fn a_cache_that_cannot_be_used_is_told_once() {
    let repository = Repository::new(&[]);
    fs::write(repository.cache(), "no folder").unwrap();
    let found = findings(&repository, &["--offline"], 3);
    check(&found, "cache", "error", "cannot be used");
    assert_eq!(found.iter().filter(|one| one.1 == "error").count(), 1, "{found:#?}");

    fs::remove_file(repository.cache()).unwrap();
    let said = repository.run(&["doctor", "--offline", "--problems"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert!(!said.stdout.contains("  ok "), "{}", said.stdout);
}

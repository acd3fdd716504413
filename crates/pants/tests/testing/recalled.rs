//! What is asked again with nothing changed is answered without loading anything, and as if it had been.

use std::fs;

use serde_json::Value;

use crate::repository::Repository;
use crate::{ends, online, report, shop, text};

/// The report of a run, and whether that loaded the graph.
fn loads(repository: &Repository, arguments: &[&str], variable: &str) -> (Value, bool) {
    let events = repository.root().join("events.jsonl");
    let command = ["--output", "json", "--events", "events.jsonl", "test"];
    let said = online(repository, &[&command, arguments].concat()).env("GIVEN", variable).output().unwrap();
    let report = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{}", text(&said.stderr)));
    (report, fs::read_to_string(events).unwrap().contains("\"load\""))
}

/// The same of the third run on files that nobody has just written.
fn settled(repository: &Repository, arguments: &[&str], variable: &str) -> (Value, bool) {
    for _ in 0..2 {
        loads(repository, arguments, variable);
    }
    loads(repository, arguments, variable)
}

/// A report without what differs from run to run.
fn lasting(mut report: Value) -> Value {
    report["seconds"] = Value::Null;
    report
}

#[test]
fn what_passed_is_recalled_as_it_was() {
    let Some(repository) = shop("what_passed_is_recalled_as_it_was") else { return };
    repository.write("svc/BUILD", "python_tests(name = \"tests\", extra_env_vars = [\"GIVEN\"])\n");
    repository.write("svc/bad_test.py", "def test_bad():\n    pass\n");
    let first = report(&repository, &["::"]);
    assert_eq!(first["exit_code"], 0, "{first:#}");
    let second = lasting(loads(&repository, &["::"], "a").0);
    let (third, loaded) = settled(&repository, &["::"], "a");
    assert!(!loaded && ends(&third).iter().all(|(.., cached)| *cached), "{third:#}");
    let fourth = lasting(loads(&repository, &["::"], "a").0);
    assert_eq!(lasting(third), fourth);
    assert_eq!(second["tests"].as_array().unwrap().len(), 3);

    // The reports are put back that somebody edited or took away.
    let junit = repository.read("dist/test/svc/good_test.py.xml");
    repository.write("dist/test/svc/good_test.py.xml", "x");
    fs::remove_file(repository.root().join("dist/test/svc/bad_test.py.xml")).unwrap();
    assert!(!loads(&repository, &["::"], "a").1);
    assert_eq!(repository.read("dist/test/svc/good_test.py.xml"), junit);
    assert!(repository.root().join("dist/test/svc/bad_test.py.xml").exists());

    // Whatever tests can see makes it anew: a variable, a configuration that was not there, a source.
    assert!(loads(&repository, &["::"], "b").1);
    assert!(!settled(&repository, &["::"], "b").1);
    repository.write("svc/pytest.ini", "[pytest]\naddopts = -q\n");
    let (configured, loaded) = loads(&repository, &["::"], "b");
    assert!(loaded && ends(&configured).iter().all(|(.., cached)| !*cached), "{configured:#}");
    assert!(!settled(&repository, &["::"], "b").1);
    repository.write("lib/sums.py", "def add(a, b):\n    return a - b\n");
    let (edited, loaded) = loads(&repository, &["::"], "b");
    assert!(loaded && edited["exit_code"] == 1, "{edited:#}");

    // What fails runs again each time.
    assert!(settled(&repository, &["::"], "b").1);
    // Another question is another request.
    assert!(!settled(&repository, &["svc/none_test.py"], "b").1);
    let one = settled(&repository, &["svc/bad_test.py", "--", "-k", "nothing"], "b");
    assert!(!one.1 && one.0["tests"][0]["tests"] == 0, "{:#}", one.0);
    assert!(loads(&repository, &["--force", "svc/none_test.py"], "b").1);
}

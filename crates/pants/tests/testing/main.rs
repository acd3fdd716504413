//! `pants test` by the finished program, with a real pytest: what passes, fails and is remembered, and what it says.
//!
//! A test that needs what a machine may lack (the index) prints `skipped: <test>: <why>`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

#[path = "../bad_input/repository.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod repository;

mod batches;
mod coverage;
mod generated;
mod own;
mod packages;
mod plugins;
mod recalled;
mod tries;

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::repository::{Repository, skipped};

/// A library with tests: one that passes, one that fails, one without tests.
fn shop(test: &str) -> Option<Repository> {
    let repository = Repository::new(&[
        ("BUILD", "python_requirement(name = \"pytest\", requirements = [\"pytest==8.3.*\"])\n"),
        ("lib/BUILD", "python_library()\n"),
        ("lib/__init__.py", ""),
        ("lib/sums.py", "def add(a, b):\n    return a + b\n"),
        ("svc/BUILD", "python_tests(name = \"tests\")\n"),
        (
            "svc/good_test.py",
            "from lib.sums import add\n\ndef test_add():\n    print('quiet')\n    assert add(1, 2) == 3\n",
        ),
        (
            "svc/bad_test.py",
            "def test_bad():\n    print('told')\n    assert 1 == 2\n\ndef test_fine():\n    pass\n",
        ),
        ("svc/none_test.py", ""),
    ]);
    let (code, said) = run(&repository, &["-q", "lock"]);
    if code == 3 {
        skipped(test, &said);
        return None;
    }
    assert_eq!(code, 0, "{said}");
    Some(repository)
}

/// A command that knows the index of this machine.
fn online(repository: &Repository, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pants"));
    command.args(arguments).current_dir(repository.root()).env("PANTS_CACHE_DIR", repository.cache());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The exit code, and all that was said.
fn run(repository: &Repository, arguments: &[&str]) -> (i32, String) {
    let said = online(repository, arguments).output().unwrap();
    (said.status.code().unwrap(), text(&said.stdout) + &text(&said.stderr))
}

/// The report of a run.
fn report(repository: &Repository, arguments: &[&str]) -> Value {
    let said = online(repository, &[&["--output", "json", "test"], arguments].concat()).output().unwrap();
    serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&said.stderr)))
}

/// Of each file: how it ended, and whether that was remembered.
fn ends(report: &Value) -> Vec<(&str, &str, bool)> {
    report["tests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|test| {
            (
                test["file"].as_str().unwrap(),
                test["status"].as_str().unwrap(),
                test["cached"].as_bool().unwrap(),
            )
        })
        .collect()
}

#[test]
fn what_passed_is_remembered_and_what_failed_is_told() {
    let Some(repository) = shop("what_passed_is_remembered_and_what_failed_is_told") else { return };
    let (code, said) = run(&repository, &["test", "::"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("assert 1 == 2") && said.contains("told") && !said.contains("quiet"), "{said}");
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with(['✓', '✗'])).collect();
    assert!(lines[0].starts_with("✓ svc/good_test.py: 1 passed in "), "{said}");
    assert!(lines[1].starts_with("✓ svc/none_test.py: no tests in "), "{said}");
    assert!(lines[2].starts_with("✗ svc/bad_test.py: 1 failed, 1 passed in "), "{said}");

    // Reports are there for all, also for what is not run again.
    fs::remove_dir_all(repository.root().join("dist")).unwrap();
    let again = report(&repository, &["::"]);
    assert_eq!(again["exit_code"], 1);
    let bad = ("svc/bad_test.py", "failed", false);
    assert_eq!(
        ends(&again),
        [bad, ("svc/good_test.py", "passed", true), ("svc/none_test.py", "passed", true)]
    );
    for (file, tests) in [("good", 1), ("bad", 2), ("none", 0)] {
        let junit = String::from_utf8(repository.read(&format!("dist/test/svc/{file}_test.py.xml"))).unwrap();
        assert!(junit.contains(&format!("tests=\"{tests}\"")), "{junit}");
    }

    // An edit runs those again that can see it.
    repository.write("lib/sums.py", "def add(a, b):\n    return b + a\n");
    let edited = report(&repository, &["svc:tests"]);
    assert_eq!(
        ends(&edited),
        [bad, ("svc/good_test.py", "passed", false), ("svc/none_test.py", "passed", true)]
    );
    let forced = report(&repository, &["--force", "svc/none_test.py"]);
    assert_eq!(ends(&forced), [("svc/none_test.py", "passed", false)]);
}

#[test]
fn files_and_single_tests_are_chosen() {
    let Some(repository) = shop("files_and_single_tests_are_chosen") else { return };
    let one = report(&repository, &["svc/bad_test.py::test_fine"]);
    assert_eq!(ends(&one), [("svc/bad_test.py", "passed", false)]);
    assert_eq!((&one["tests"][0]["tests"], &one["exit_code"]), (&1.into(), &0.into()));
    let by_name = report(&repository, &["svc/bad_test.py", "--", "-k", "fine"]);
    assert_eq!(by_name["tests"][0]["tests"], 1);
    let (code, said) = run(&repository, &["test", "lib::"]);
    assert!(code == 2 && said.contains("error[test::none]: no `python_test` is among `lib::`"), "{said}");
}

#[test]
fn tests_see_what_they_reach_and_what_is_declared() {
    let Some(repository) = shop("tests_see_what_they_reach_and_what_is_declared") else { return };
    repository.write(
        "svc/BUILD",
        "python_tests(\n    name = \"tests\",\n    sources = [\"seen_test.py\"],\n    env = {\"OWN\": \"1\"},\n    \
         extra_env_vars = [\"GIVEN\", \"FIXED=2\"],\n)\n",
    );
    repository.write("svc/secret.txt", "x");
    repository.write(
        "svc/seen_test.py",
        "import os\n\ndef test_seen():\n    assert not os.path.exists('svc/secret.txt')\n    \
         assert os.environ['OWN'] == '1' and os.environ['FIXED'] == '2'\n    \
         assert os.environ.get('GIVEN') == 'yes'\n    assert 'UNKNOWN' not in os.environ\n",
    );
    let given = |value: &str| {
        let mut command = online(&repository, &["--output", "json", "test", "::"]);
        let said = command.env("GIVEN", value).env("UNKNOWN", "x").output().unwrap();
        let report: Value = serde_json::from_slice(&said.stdout).unwrap();
        let test = &report["tests"][0];
        (test["status"].as_str().unwrap().to_owned(), test["cached"].as_bool().unwrap())
    };
    assert_eq!(given("no"), ("failed".to_owned(), false));
    assert_eq!(given("yes"), ("passed".to_owned(), false));
    assert_eq!(given("yes"), ("passed".to_owned(), true));
    // What nobody reaches does not count, and neither do those who run it.
    repository.write("svc/secret.txt", "y");
    assert_eq!(given("yes"), ("passed".to_owned(), true));
}

#[test]
fn tests_that_take_too_long_are_ended_with_what_they_said() {
    let Some(repository) = shop("tests_that_take_too_long_are_ended_with_what_they_said") else { return };
    repository
        .write("svc/BUILD", "python_tests(name = \"tests\", sources = [\"slow_test.py\"], timeout = 2)\n");
    repository.write(
        "svc/slow_test.py",
        "import time\n\ndef test_slow():\n    print('so far', flush = True)\n    time.sleep(600)\n",
    );
    let (code, said) = run(&repository, &["test", "::", "--", "-s"]);
    assert!(code == 1 && said.contains("✗ svc/slow_test.py: ended after 2 s"), "{said}");
    assert!(said.contains("so far"), "{said}");
}

#[test]
fn configuration_and_conftest_count() {
    let Some(repository) = shop("configuration_and_conftest_count") else { return };
    repository.write(
        "svc/BUILD",
        "python_tests(name = \"tests\", sources = [\"own_test.py\"])\npython_test_utils(name = \"utils\")\n",
    );
    repository
        .write("svc/conftest.py", "import pytest\n\n@pytest.fixture\ndef word():\n    return 'hello'\n");
    repository.write("svc/own_test.py", "def check_word(word):\n    assert word == 'hello'\n");
    repository.write("pyproject.toml", "[tool.other]\nx = 1\n");
    let count = |repository: &Repository| report(repository, &["svc::"])["tests"][0]["tests"].as_u64();
    assert_eq!(count(&repository), Some(0));
    repository.write("pyproject.toml", "[tool.pytest.ini_options]\npython_functions = [\"check_*\"]\n");
    assert_eq!(count(&repository), Some(1));
}

#[test]
fn a_resolve_without_pytest_says_so() {
    let repository = Repository::new(&[
        ("svc/BUILD", "python_tests(name = \"tests\")\n"),
        ("svc/a_test.py", "def test_a():\n    pass\n"),
    ]);
    repository.fails(
        &["test", "::"],
        2,
        r#"
error[test::no_pytest]: `//svc:tests` is in the resolve `default`, which has no `pytest` to run it with
 --> svc/BUILD:1:1
  |
1 | python_tests(name = "tests")
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = note: the lock is `pants.lock`
  = help: add `pytest` to the requirements of `default`, and run `pants lock`
"#,
    );
}

#[test]
fn pytest_is_given_no_path_that_it_takes_for_another() {
    let Some(repository) = shop("pytest_is_given_no_path_that_it_takes_for_another") else { return };
    report(&repository, &["svc/good_test.py"]);
    let junit = repository.root().join("dist/test/svc/good_test.py.xml");
    assert!(junit.exists());
    repository.write("svc/odd[1]_test.py", "def test_odd():\n    pass\n");
    let (code, said) = run(&repository, &["test", "svc::"]);
    let expect = "error[test::name]: pytest cannot run `svc/odd[1]_test.py`: it takes what begins with `[` for parameters \
                  of a test\n --> svc/BUILD:1:";
    assert!(code == 2 && said.contains(expect), "{said}");
    assert!(!junit.exists(), "a report tells of tests that did not run");
}

#[test]
fn parts_and_what_failed_before() {
    let Some(repository) = shop("parts_and_what_failed_before") else { return };
    let names = |report: &Value| -> Vec<String> {
        ends(report).iter().map(|(file, ..)| (*file).to_owned()).collect()
    };
    assert_eq!(names(&report(&repository, &["::", "--failed"])), [""; 0]);
    let all = report(&repository, &["::"]);
    assert_eq!(names(&report(&repository, &["::", "--failed"])), ["svc/bad_test.py"]);
    repository.write("svc/bad_test.py", "def test_bad():\n    pass\n");
    assert_eq!(names(&report(&repository, &["::", "--failed"])), ["svc/bad_test.py"]);
    assert_eq!(names(&report(&repository, &["::", "--failed"])), [""; 0]);

    // Each file is in exactly one part, with times or without.
    let time = |name: &str, seconds: f64| serde_json::json!({ "path": format!("svc/{name}_test.py"), "seconds": seconds });
    let slow = serde_json::json!({ "tests": [time("bad", 1.0), time("good", 1.0), time("none", 60.0)] });
    repository.write("times.json", slow.to_string());
    repository.write("all.json", all.to_string());
    for times in [&[][..], &["--durations", "times.json"], &["--durations", "all.json"]] {
        let part = |part: &str| names(&report(&repository, &[&["::", "--shard", part], times].concat()));
        let mut found = [part("1/2"), part("2/2")].concat();
        found.sort();
        assert_eq!(found, ["svc/bad_test.py", "svc/good_test.py", "svc/none_test.py"], "{times:?}");
    }
    let times = ["::", "--shard", "1/2", "--durations", "times.json"];
    assert_eq!(names(&report(&repository, &times)), ["svc/none_test.py"]);
    repository.write("times.json", "{}");
    let (code, said) = run(&repository, &[&["test"], &times[..]].concat());
    assert!(code == 2 && said.contains("error[test::durations]: `"), "{said}");
}

#[test]
fn debugging_is_pytest_in_the_foreground() {
    let Some(repository) = shop("debugging_is_pytest_in_the_foreground") else { return };
    let (code, said) = run(&repository, &["test", "--debug", "svc/good_test.py", "--", "-s"]);
    assert!(code == 0 && said.contains("quiet") && said.contains("1 passed"), "{said}");
    let (code, said) = run(&repository, &["test", "--debug", "svc/bad_test.py::test_bad"]);
    assert!(code == 1 && said.contains("1 failed"), "{said}");
    assert!(!repository.root().join("dist").exists(), "nothing is remembered");
    let (code, said) = run(&repository, &["test", "--debug", "::"]);
    assert!(code == 2 && said.contains("error[test::one_file]: there are 3 files of tests"), "{said}");
}

#[test]
fn kept_folders_run_the_tests_again() {
    let Some(repository) = shop("kept_folders_run_the_tests_again") else { return };
    let (code, said) = run(&repository, &["test", "svc::", "--keep-sandboxes", "on-failure"]);
    assert_eq!(code, 1, "{said}");
    let kept: Vec<_> = fs::read_dir(repository.cache().join("sandboxes")).unwrap().flatten().collect();
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    for arguments in [&[][..], &["--here"]] {
        let again = Command::new(kept.path().join("run.sh")).args(arguments).output().unwrap();
        let said = text(&again.stdout);
        assert!(again.status.code() == Some(1) && said.contains("1 failed, 1 passed"), "{again:?}");
    }
}

#[test]
fn shells_and_exported_virtualenvs() {
    let Some(repository) = shop("shells_and_exported_virtualenvs") else { return };
    repository.write("lib/more.py", "import pytest\nfrom lib import sums\n");
    let print = "import lib.more, pytest, sys; print(lib.more.__file__, pytest.__version__[:2], sys.prefix)";
    let (code, said) = run(&repository, &["repl", "lib/more.py", "--", "-c", print]);
    let file = repository.root().join("lib/more.py").display().to_string();
    let prefix = repository.cache().join("environments").display().to_string();
    assert!(code == 0 && said.contains(&format!("{file} 8. {prefix}/")), "{said}");
    let (code, said) = run(&repository, &["repl", "lib/sums.py", "--shell", "nosuch"]);
    assert!(code == 2 && said.contains("error[repl::no_shell]"), "{said}");

    let exported = |repository: &Repository| {
        let said = online(repository, &["-q", "--output", "json", "export", "--pyright"]).output().unwrap();
        serde_json::from_slice::<Value>(&said.stdout).unwrap_or_else(|_| panic!("{}", text(&said.stderr)))
    };
    let first = exported(&repository);
    let path = first["virtualenvs"][0]["path"].as_str().unwrap().to_owned();
    assert!(path.starts_with("dist/export/python/virtualenvs/default/3."), "{first}");
    assert_eq!(
        (&first["virtualenvs"][0]["changed"], first["virtualenvs"].as_array().unwrap().len()),
        (&true.into(), 1)
    );
    let python = repository.root().join(&path).join("bin/python");
    let import = |what: &str| {
        let said = Command::new(&python).args(["-c", what]).current_dir("/").output().unwrap();
        (said.status.success(), text(&said.stdout) + &text(&said.stderr))
    };
    assert_eq!(import("import lib.more; print(lib.more.__file__)"), (true, format!("{file}\n")));
    assert_eq!(exported(&repository)["virtualenvs"][0]["changed"], false);
    let config: Value = serde_json::from_slice(&repository.read("pyrightconfig.json")).unwrap();
    assert_eq!(
        format!("{}/{}", config["venvPath"].as_str().unwrap(), config["venv"].as_str().unwrap()),
        path
    );

    // Another lock: what is new comes, what is not wanted goes, what somebody put there stays.
    repository.write(
        "BUILD",
        "python_requirement(name = \"pytest\", requirements = [\"pytest==8.3.*\"])\n\
         python_requirement(name = \"six\", requirements = [\"six\"])\n",
    );
    let own = format!("{path}/own.txt");
    repository.write(&own, "x");
    assert_eq!(run(&repository, &["-q", "lock"]).0, 0);
    assert_eq!(exported(&repository)["virtualenvs"][0]["changed"], true);
    assert!(import("import six, pytest").0);
    repository.write("BUILD", "python_requirement(name = \"pytest\", requirements = [\"pytest==8.3.*\"])\n");
    assert_eq!(run(&repository, &["-q", "lock"]).0, 0);
    exported(&repository);
    assert!(!import("import six").0 && import("import pytest").0);
    assert_eq!(repository.read(&own), b"x");
}

#[test]
fn one_test_of_a_file_by_any_of_its_paths() {
    let Some(repository) = shop("one_test_of_a_file_by_any_of_its_paths") else { return };
    let absolute = repository.root().join("svc/bad_test.py::test_fine");
    for path in ["svc/bad_test.py::test_fine", "./svc/bad_test.py::test_fine", absolute.to_str().unwrap()] {
        let (code, said) = run(&repository, &["test", path]);
        assert!(code == 0 && said.contains("svc/bad_test.py: 1 passed"), "{path}: {said}");
    }
    let mut command = online(&repository, &["test", "bad_test.py::test_fine"]);
    let said = command.current_dir(repository.root().join("svc")).output().unwrap();
    assert!(said.status.success() && text(&said.stdout).contains("1 passed"), "{said:?}");
    let (code, said) = run(&repository, &["test", "svc/bad_test.py::test_fine", "lib/sums.py::test_add"]);
    assert!(code == 2 && said.contains("`lib/sums.py::test_add` is not among the tests"), "{said}");
}

#[test]
fn virtualenvs_are_exported_for_the_pythons_that_are_here() {
    let Some(repository) = shop("virtualenvs_are_exported_for_the_pythons_that_are_here") else { return };
    let paths = || {
        let said = online(&repository, &["-q", "export"]).output().unwrap();
        assert!(said.status.success(), "{}", text(&said.stderr));
        text(&said.stdout)
    };
    let first = paths();
    let version = first.trim_end().rsplit_once('/').unwrap().1;
    let minor = version.rsplit_once('.').unwrap().0;
    repository.write("pants.toml", format!("[python]\ninterpreters = [\"{minor}\", \"3.98\"]\n"));
    assert_eq!(run(&repository, &["-q", "lock"]).0, 0);
    assert_eq!(paths(), first);
    // What is tested has to be tested under all of them.
    let (code, said) = run(&repository, &["test", "::"]);
    assert!(code == 3 && said.contains("error[python::no_interpreter]: there is no Python 3.98"), "{said}");
}

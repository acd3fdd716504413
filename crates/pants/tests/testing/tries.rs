//! Tests that run more than once: after a failure, or as often as was asked for. What is flaky is never hidden.

use serde_json::Value;

use crate::repository::Repository;
use crate::{ends, report, run, shop};

/// A test that fails the first so many times that it runs: it counts in a file outside of the repository, which a sandbox
/// would hide.
fn flaky(test: &str, failures: usize) -> Option<Repository> {
    let repository = shop(test)?;
    let count = repository.beside("count");
    repository.write("pants.toml", "[sandbox]\nlevel = \"off\"\n");
    repository.write("svc/BUILD", "python_tests(name = \"tests\", sources = [\"flaky_test.py\"])\n");
    repository.write(
        "svc/flaky_test.py",
        format!(
            "import os\n\n\ndef test_flaky():\n    with open({count:?}, 'a') as file:\n        file.write('x')\n    \
             assert os.path.getsize({count:?}) > {failures}, 'not yet'\n\n\ndef test_fine():\n    pass\n"
        ),
    );
    Some(repository)
}

fn tries(report: &Value) -> Vec<&str> {
    let tries = report["tests"][0]["tries"].as_array().unwrap();
    tries.iter().map(|one| one["status"].as_str().unwrap()).collect()
}

#[test]
fn what_passes_at_the_second_try_is_flaky() {
    let Some(repository) = flaky("what_passes_at_the_second_try_is_flaky", 2) else { return };
    // Not even the third try is the last one that fails.
    let (code, said) = run(&repository, &["test", "::", "--retries", "1"]);
    assert!(code == 1 && said.contains("✗ svc/flaky_test.py: 1 failed, 1 passed in "), "{said}");
    assert!(said.contains(", after try 2\n") && !said.contains("flaky:"), "{said}");

    let (code, said) = run(&repository, &["test", "::", "--retries", "3"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("~ svc/flaky_test.py: 2 passed in ") && said.contains("1 is flaky"), "{said}");
    assert!(said.contains("(flaky: failed 2 of 3 times)"), "{said}");
    let (code, said) = run(&repository, &["log", "--flaky"]);
    assert!(code == 0 && said.contains("failed 2 of 3  test svc/flaky_test.py  last: passed"), "{said}");

    // That it came from the cache makes it no better.
    let again = report(&repository, &["::"]);
    assert_eq!(ends(&again), [("svc/flaky_test.py", "passed", true)]);
    assert_eq!(again["tests"][0]["flaky"], serde_json::json!({ "passed": 1, "failed": 2 }));
}

#[test]
fn targets_say_how_often_they_are_tried() {
    let Some(repository) = flaky("targets_say_how_often_they_are_tried", 1) else { return };
    repository
        .write("svc/BUILD", "python_tests(name = \"tests\", sources = [\"flaky_test.py\"], retries = 2)\n");
    let first = report(&repository, &["::"]);
    assert_eq!((tries(&first), &first["exit_code"]), (vec!["failed", "passed"], &0.into()));
    let junit = String::from_utf8(repository.read("dist/test/svc/flaky_test.py.xml")).unwrap();
    assert!(junit.contains("failures=\"0\"") && junit.contains("<flakyFailure message="), "{junit}");
    let (_, said) = run(&repository, &["test", "::", "--force", "--", "-k", "fine"]);
    assert!(said.contains("✓ svc/flaky_test.py: 1 passed"), "another key: {said}");
}

#[test]
fn tests_run_as_often_as_asked() {
    let Some(repository) = flaky("tests_run_as_often_as_asked", 2) else { return };
    let several = report(&repository, &["::", "--runs", "5"]);
    let mut found = tries(&several);
    found.sort_unstable();
    assert_eq!(found, ["failed", "failed", "passed", "passed", "passed"], "{several:#}");
    assert_eq!(ends(&several), [("svc/flaky_test.py", "failed", false)]);
    let (code, said) = run(&repository, &["test", "::", "--runs", "2"]);
    assert!(code == 0 && said.contains("~ svc/flaky_test.py: 2 passed in each of 2 runs"), "{said}");
    assert!(said.contains("(flaky: failed 2 of 7 times)"), "{said}");
    let (code, said) = run(&repository, &["test", "::", "--runs", "0"]);
    assert!(code == 2 && said.contains("0 is not in 1.."), "{said}");
}

#[test]
fn what_tests_need_is_checked_and_what_they_took_is_told() {
    let Some(repository) = shop("what_tests_need_is_checked_and_what_they_took_is_told") else { return };
    let needs = |needs: &str| {
        repository.write(
            "svc/BUILD",
            format!("python_tests(name = \"tests\", sources = [\"good_test.py\"], needs = {needs})\n"),
        );
        run(&repository, &["test", "::"])
    };
    for (wrong, expect) in [
        ("{\"memory\": \"much\"}", "error[test::needs]: `much` is no size of memory"),
        ("{\"memory\": [\"1 GB\"]}", "error[test::needs]: `memory` is a string"),
        ("{\"exclusive\": \"x\"}", "error[test::needs]: `exclusive` is a list of strings"),
        ("{\"cpus\": \"2\"}", "error[test::needs]: tests cannot need `cpus`"),
    ] {
        let (code, said) = needs(wrong);
        assert!(code == 2 && said.contains(expect) && said.contains("= help: such as `needs = "), "{said}");
    }
    let (code, said) = needs("{\"memory\": \"1 GB\", \"exclusive\": [\"database\"]}");
    assert_eq!(code, 0, "{said}");
    let (_, said) = run(&repository, &["log", "1"]);
    let line = said.lines().find(|line| line.contains("test svc/good_test.py")).unwrap_or_default();
    assert!(line.contains(" of processor, ") && line.ends_with("MB)"), "{said}");
}

#[test]
fn files_have_fields_of_their_own() {
    let Some(repository) = flaky("files_have_fields_of_their_own", 1) else { return };
    repository.write(
        "svc/BUILD",
        "python_tests(name = \"tests\", sources = [\"flaky_test.py\", \"env_test.py\"], env = {\"A\": \"all\"}, overrides = {\
         \"flaky_test.py\": {\"retries\": 1}, \"env_test.py\": {\"env\": {\"A\": \"own\"}}})\n",
    );
    repository
        .write("svc/env_test.py", "import os\n\n\ndef test_env():\n    assert os.environ['A'] == 'own'\n");
    let first = report(&repository, &["::"]);
    let expect = [("svc/env_test.py", "passed", false), ("svc/flaky_test.py", "passed", false)];
    assert_eq!(ends(&first), expect, "{first:#}");
}

#[test]
fn who_ran_out_of_time_is_not_flaky() {
    let Some(repository) = flaky("who_ran_out_of_time_is_not_flaky", 0) else { return };
    repository.write(
        "svc/BUILD",
        "python_tests(name = \"tests\", sources = [\"flaky_test.py\"], timeout = 5, retries = 1)\n",
    );
    let test = String::from_utf8(repository.read("svc/flaky_test.py")).unwrap();
    let slow = "import time\n\n\ndef test_slow():\n    import os\n    \
                time.sleep(600 if os.path.getsize(COUNT) == 1 else 0)\n";
    let count = format!("{:?}", repository.beside("count"));
    repository.write("svc/flaky_test.py", test + &slow.replace("COUNT", &count));
    let (code, said) = run(&repository, &["test", "::"]);
    assert!(code == 0 && said.contains("✓ svc/flaky_test.py: 3 passed in "), "{said}");
    assert!(said.contains(", passed at try 2") && !said.contains("flaky:"), "{said}");
    let (code, said) = run(&repository, &["log", "--flaky"]);
    assert!(code == 0 && said.contains("nothing failed and succeeded"), "{said}");
}

#[test]
fn how_a_process_ended_that_reported_nothing() {
    let Some(repository) = shop("how_a_process_ended_that_reported_nothing") else { return };
    repository.write("svc/bad_test.py", "import os\n\n\ndef test_bad():\n    os.kill(os.getpid(), 9)\n");
    repository.write("svc/good_test.py", "import os\n\n\ndef test_good():\n    os._exit(7)\n");
    let (code, said) = run(&repository, &["test", "svc::"]);
    assert_eq!(code, 1, "{said}");
    let line = |start: &str| said.lines().any(|line| line.starts_with(start));
    assert!(line("✗ svc/bad_test.py: the process was ended by SIGKILL (out of memory?) in "), "{said}");
    assert!(line("✗ svc/good_test.py: the process ended before pytest did, with status 7 in "), "{said}");
}

#[test]
fn who_takes_too_much_has_failed_and_hides_nobody() {
    let Some(repository) = shop("who_takes_too_much_has_failed_and_hides_nobody") else { return };
    repository.write("pants.toml", "[sandbox]\nprocesses = 30\n");
    repository.write(
        "svc/bad_test.py",
        "import os\nimport time\n\n\ndef test_forks():\n    print('before', flush=True)\n    for _ in range(60):\n        \
         if os.fork() == 0:\n            time.sleep(60)\n            os._exit(0)\n    time.sleep(60)\n",
    );
    let (code, said) = run(&repository, &["test", "::"]);
    assert!(code == 1 && said.contains("✓ svc/good_test.py: 1 passed"), "{said}");
    assert!(said.contains("✗ svc/bad_test.py: the process was stopped: it had "), "{said}");
    assert!(said.contains("and may have 30 (`[sandbox] processes`)"), "{said}");
    let junit = String::from_utf8(repository.read("dist/test/svc/bad_test.py.xml")).unwrap();
    assert!(junit.contains("errors=\"1\"") && junit.contains("and may have 30 "), "{junit}");
    assert_eq!(ends(&report(&repository, &["svc/bad_test.py"])), [("svc/bad_test.py", "failed", false)]);
}

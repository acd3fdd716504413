//! Files of tests that share a process: each has a result and an outcome in the cache of its own.

use crate::{ends, report, run, shop};

#[test]
fn files_of_a_batch_have_their_own_results() {
    let Some(repository) = shop("files_of_a_batch_have_their_own_results") else { return };
    let build = |batch: &str| format!("python_tests(name = \"tests\"{batch})\n");
    repository.write("svc/BUILD", build(", batch = \"shop\""));
    // One process: what a file leaves in it, another one finds.
    repository.write("svc/a_test.py", "import sys\n\n\ndef test_a():\n    sys.modules['left'] = sys\n");
    repository.write("svc/b_test.py", "def test_b():\n    import left\n");
    repository.write("svc/broken_test.py", "import nothing_like_this\n");
    let tests = ["-j1", "--output", "json", "test", "::"];
    let first = crate::online(&repository, &tests).output().unwrap();
    let first: serde_json::Value = serde_json::from_slice(&first.stdout).unwrap();
    let expect = |cached: bool| {
        [
            ("svc/a_test.py", "passed", cached),
            ("svc/b_test.py", "passed", cached),
            ("svc/bad_test.py", "failed", false),
            ("svc/broken_test.py", "failed", false),
            ("svc/good_test.py", "passed", cached),
            ("svc/none_test.py", "passed", cached),
        ]
    };
    assert_eq!(ends(&first), expect(false), "{first:#}");
    let junit = String::from_utf8(repository.read("dist/test/svc/good_test.py.xml")).unwrap();
    assert!(junit.contains("tests=\"1\"") && junit.contains("name=\"test_add\""), "{junit}");
    assert_eq!(ends(&report(&repository, &["::"])), expect(true));

    // An edit runs only those again that can see it; one alone is in no batch.
    repository.write("lib/sums.py", "def add(a, b):\n    return b + a\n");
    let edited = report(&repository, &["::"]);
    let cached: Vec<bool> = ends(&edited).iter().map(|(_, _, cached)| *cached).collect();
    assert_eq!(cached, [true, true, false, false, false, true]);

    // Alone, the second finds nothing of the first.
    let (code, said) = run(&repository, &["test", "--force", "svc/b_test.py"]);
    assert!(code == 1 && said.contains("No module named 'left'"), "{said}");
    let (code, said) = run(&repository, &["log", "4"]);
    assert!(code == 0 && said.contains(" and 5 more"), "{said}");
}

#[test]
fn files_that_a_conftest_ignores_have_no_tests() {
    let Some(repository) = shop("files_that_a_conftest_ignores_have_no_tests") else { return };
    repository.write("svc/BUILD", "python_tests(name = \"tests\")\npython_test_utils(name = \"utils\")\n");
    repository.write("svc/conftest.py", "collect_ignore = ['bad_test.py']\n");
    let all = report(&repository, &["::"]);
    assert_eq!((&all["exit_code"], &all["tests"][0]["tests"]), (&0.into(), &0.into()), "{all:#}");
    // One who names a test means it.
    let named = report(&repository, &["svc/bad_test.py::test_bad"]);
    assert_eq!(ends(&named), [("svc/bad_test.py", "failed", false)]);
}

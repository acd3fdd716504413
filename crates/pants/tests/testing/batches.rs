//! Files of tests that share a process: each has a result and an outcome in the cache of its own.

use crate::repository::Repository;
use crate::{ends, report, run, shop};

#[test]
fn files_of_a_batch_have_their_own_results() {
    let Some(repository) = shop("files_of_a_batch_have_their_own_results") else { return };
    repository.write("svc/BUILD", "python_tests(name = \"tests\", batch = \"shop\")\n");
    // One process: what a file leaves in it, another one finds.
    repository.write("svc/a_test.py", "import sys\n\n\ndef test_a():\n    sys.modules['left'] = sys\n");
    repository.write("svc/b_test.py", "def test_b():\n    import left\n");
    repository.write("svc/broken_test.py", "import nothing_like_this\n");
    let first = report(&repository, &["::"]);
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
    // Nothing was there before: what the batch needed is not told as coming from the cache.
    assert_eq!(first["cache_hits"], serde_json::json!({}), "{first:#}");
    let junit = String::from_utf8(repository.read("dist/test/svc/good_test.py.xml")).unwrap();
    assert!(junit.contains("tests=\"1\"") && junit.contains("name=\"test_add\""), "{junit}");
    assert_eq!(ends(&report(&repository, &["::"])), expect(true));
    let (code, said) = run(&repository, &["log", "2"]);
    assert!(code == 0 && said.contains(" and 5 more"), "{said}");

    // What one of them can see, all can.
    repository.write("lib/sums.py", "def add(a, b):\n    return b + a\n");
    assert_eq!(ends(&report(&repository, &["::"])), expect(false));
    // Alone, the second finds nothing of the first.
    let (code, said) = run(&repository, &["test", "svc/b_test.py"]);
    assert!(code == 1 && said.contains("No module named 'left'"), "{said}");
}

/// Writes tests of targets that are in batches of their own.
fn write(repository: &Repository, files: &[(&str, &str)]) {
    for (path, text) in files {
        repository.write(path, text);
    }
}

#[test]
fn what_a_batch_does_not_show_to_have_passed_runs_alone() {
    let Some(repository) = shop("what_a_batch_does_not_show_to_have_passed_runs_alone") else { return };
    write(
        &repository,
        &[
            ("svc/BUILD", ""),
            ("moves/BUILD", "python_tests(name = 'tests', batch = 'moves')\n"),
            (
                "moves/a_test.py",
                "def test_a(monkeypatch, tmp_path):\n    monkeypatch.chdir(tmp_path)\n    assert False\n",
            ),
            ("moves/b_test.py", "import os\n\n\ndef test_b():\n    os.chdir('/')\n"),
            ("moves/c_test.py", "def test_c():\n    pass\n"),
            ("stops/BUILD", "python_tests(name = 'tests', batch = 'stops', args = ['-x'])\n"),
            ("stops/a_test.py", "def test_a():\n    pass\n\n\ndef test_bad():\n    assert False\n"),
            ("stops/b_test.py", "def test_b():\n    assert False\n"),
            ("slow/BUILD", "python_tests(name = 'tests', batch = 'slow', timeout = 3)\n"),
            ("slow/a_test.py", "import time\n\n\ndef test_a():\n    time.sleep(4)\n"),
            ("slow/b_test.py", "def test_b():\n    pass\n"),
            ("dies/BUILD", "python_tests(name = 'tests', batch = 'dies')\n"),
            ("dies/a_test.py", "import os\n\n\ndef test_a():\n    os._exit(0)\n"),
            ("dies/b_test.py", "def test_b():\n    assert False\n"),
        ],
    );
    let all = report(&repository, &["::", "--exclude=dies::"]);
    assert_eq!(
        ends(&all),
        [
            ("moves/a_test.py", "failed", false),
            ("moves/b_test.py", "passed", false),
            ("moves/c_test.py", "passed", false),
            ("slow/a_test.py", "timed_out", false),
            ("slow/b_test.py", "passed", false),
            ("stops/a_test.py", "failed", false),
            ("stops/b_test.py", "failed", false),
        ],
        "{all:#}"
    );
    // Where a process left nothing, each file has to run for itself.
    let died = report(&repository, &["dies::"]);
    let expect = [("dies/a_test.py", "failed", false), ("dies/b_test.py", "failed", false)];
    assert_eq!(ends(&died), expect, "{died:#}");
    let junit = String::from_utf8(repository.read("dist/test/dies/a_test.py.xml")).unwrap();
    assert!(junit.contains("<error message=\"the process ended before pytest did\">"), "{junit}");
}

#[test]
fn a_batch_sees_what_its_files_declare_and_one_configuration() {
    let Some(repository) = shop("a_batch_sees_what_its_files_declare_and_one_configuration") else { return };
    write(
        &repository,
        &[
            ("svc/BUILD", ""),
            (
                "data/BUILD",
                "files(name = 'data', sources = ['data.txt'])\n\
                 python_tests(name = 'a', sources = ['a_test.py'], batch = 'data')\n\
                 python_tests(name = 'b', sources = ['b_test.py'], batch = 'data', dependencies = [':data'])\n",
            ),
            ("data/data.txt", "good"),
            ("data/a_test.py", "def test_a():\n    assert open('data/data.txt').read() == 'good'\n"),
            ("data/b_test.py", "def test_b():\n    pass\n"),
            ("ini/pytest.ini", "[pytest]\n"),
            ("ini/strict/pytest.ini", "[pytest]\nfilterwarnings = error\n"),
            ("ini/strict/BUILD", "python_tests(name = 'tests', batch = 'ini')\n"),
            ("ini/strict/a_test.py", "import warnings\n\n\ndef test_a():\n    warnings.warn('told')\n"),
            ("ini/loose/BUILD", "python_tests(name = 'tests', batch = 'ini')\n"),
            ("ini/loose/b_test.py", "def test_b():\n    pass\n"),
            ("ini/loose/c_test.py", "def test_c():\n    pass\n"),
        ],
    );
    let expect = |data: &'static str, cached: bool| {
        [
            ("data/a_test.py", data, cached && data == "passed"),
            ("data/b_test.py", "passed", cached && data == "passed"),
            ("ini/loose/b_test.py", "passed", cached),
            ("ini/loose/c_test.py", "passed", cached),
            ("ini/strict/a_test.py", "failed", false),
        ]
    };
    let all = report(&repository, &["::"]);
    assert_eq!(ends(&all), expect("passed", false), "{all:#}");
    assert_eq!(ends(&report(&repository, &["::"])), expect("passed", true));
    // The first never said that it reads that. Nobody serves it from before.
    repository.write("data/data.txt", "bad");
    assert_eq!(ends(&report(&repository, &["::"])), expect("failed", true));
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

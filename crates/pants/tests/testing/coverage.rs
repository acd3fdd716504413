//! What lines tests run: the same as plain `coverage` says, whatever came from the cache or from other shards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::repository::Repository;
use crate::{report, run, shop, text};

/// What every file of a report of `coverage json` has of lines and branches that were run or not.
fn lines(path: &Path) -> Vec<(String, Value, Value, Value)> {
    let told: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let files = told["files"].as_object().unwrap().iter();
    let of = |(name, file): (&String, &Value)| {
        let part = |key: &str| file[key].clone();
        (name.clone(), part("executed_lines"), part("missing_lines"), part("missing_branches"))
    };
    files.map(of).collect()
}

/// The shop, with code of which not all is run, and with `coverage` in its lock.
fn measured(test: &str) -> Option<Repository> {
    let repository = shop(test)?;
    let requirements =
        "python_requirement(name = \"pytest\", requirements = [\"pytest==8.3.*\", \"coverage==7.6.*\"])\n";
    repository.write("BUILD", requirements);
    repository.write(
        "lib/sums.py",
        "def add(a, b):\n    if a > 1000:\n        return 0\n    for one in range(3):\n        if one > 5:\n            break\n    \
         return a + b\n\n\ndef never():\n    pass\n",
    );
    repository.write(
        "svc/more_test.py",
        "from lib.sums import add\n\ndef test_more():\n    assert add(2000, 1) == 0\n",
    );
    repository.write(".coveragerc", "[run]\nbranch = True\n");
    let (code, said) = run(&repository, &["-q", "lock"]);
    assert_eq!(code, 0, "{said}");
    Some(repository)
}

#[test]
fn coverage_equals_that_of_one_plain_run() {
    let test = "coverage_equals_that_of_one_plain_run";
    let Some(repository) = measured(test) else { return };
    let all = ["test", "::", "--coverage", "--coverage-report", "json,xml,html,lcov"];
    let (code, said) = run(&repository, &all);
    assert_eq!(code, 1, "a test fails: {said}");
    assert!(said.contains("\nTOTAL "), "{said}");
    let reports = repository.root().join("dist/coverage");
    let ours = lines(&reports.join("coverage.json"));
    for name in ["coverage.xml", "coverage.lcov", "html/index.html", "report.txt", "coverage.data"] {
        assert!(reports.join(name).is_file(), "no {name}");
    }

    // The plain run, in a virtualenv with the same versions.
    let (code, said) = run(&repository, &["export"]);
    assert_eq!(code, 0, "{said}");
    let python = fs::read_dir(repository.root().join("dist/export"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .flat_map(|folder| python_below(&folder))
        .next()
        .unwrap_or_else(|| panic!("no Python below dist/export: {said}"));
    let plain = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        command.arg("-m").args(arguments).current_dir(repository.root());
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let said = command.output().unwrap();
        text(&said.stdout) + &text(&said.stderr)
    };
    let said = plain(&["coverage", "run", "-m", "pytest", "-p", "no:cacheprovider", "svc"]);
    let file = repository.beside("plain.json");
    let told = plain(&["coverage", "json", "-o", file.to_str().unwrap()]);
    assert!(file.exists(), "{said}{told}");
    assert_eq!(ours, lines(&file), "{said}{told}");

    // What came from the cache counts as well: only the test that fails runs again.
    let again = report(&repository, &["::", "--coverage", "--coverage-report", "json"]);
    assert_eq!(lines(&reports.join("coverage.json")), ours);
    assert!(again["coverage"]["percent"].as_f64().is_some_and(|percent| percent > 50.0), "{again:#}");

    // The last shard reports on all of them.
    let shards: Vec<PathBuf> = (1..=2)
        .map(|number| {
            run(&repository, &["test", "::", "--coverage", "--shard", &format!("{number}/3")]);
            let kept = repository.beside(&format!("shard-{number}.data"));
            fs::copy(reports.join("coverage.data"), &kept).unwrap();
            kept
        })
        .collect();
    let mut last = vec!["test", "::", "--coverage", "--shard", "3/3", "--coverage-report", "json"];
    for shard in &shards {
        last.extend(["--coverage-data", shard.to_str().unwrap()]);
    }
    let (_, said) = run(&repository, &last);
    assert_eq!(lines(&reports.join("coverage.json")), ours, "{said}");
}

fn python_below(folder: &Path) -> Option<PathBuf> {
    let python = folder.join("bin/python");
    if python.exists() {
        return Some(python);
    }
    let folders = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    folders.filter(|path| !path.is_symlink()).find_map(|folder| python_below(&folder))
}

#[test]
fn too_little_coverage_fails() {
    let Some(repository) = measured("too_little_coverage_fails") else { return };
    let good = ["test", "svc/good_test.py", "--coverage", "--coverage-fail-under"];
    let (code, said) = run(&repository, &[&good[..], &["100"]].concat());
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("error[test::coverage_too_low]: ") && said.contains(" and 100 % is asked for"),
        "{said}"
    );
    let (code, said) = run(&repository, &[&good[..], &["10"]].concat());
    assert_eq!(code, 0, "{said}");
    // What `coverage` is configured with holds where nothing is said.
    repository.write(".coveragerc", "[report]\nfail_under = 99\n");
    let (code, said) = run(&repository, &good[..3]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("and 99 % is asked for"), "{said}");
    // What is not from `coverage` is an error, and not left out.
    let wrong = repository.beside("wrong.data");
    fs::write(&wrong, "no database").unwrap();
    let (code, said) =
        run(&repository, &[&good[..3], &["--coverage-data", wrong.to_str().unwrap()]].concat());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("while trying to report on coverage") && said.contains("use data file"), "{said}");
}

#[test]
fn a_lock_without_coverage_is_told() {
    let Some(repository) = shop("a_lock_without_coverage_is_told") else { return };
    let (code, said) = run(&repository, &["test", "svc/good_test.py", "--coverage"]);
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("error[test::no_coverage]: ") && said.contains("add `coverage` to the requirements"),
        "{said}"
    );
}

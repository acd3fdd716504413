//! Plugins of pytest that no test imports: which distributions are there for their entry points, whatever they are called.

use crate::repository::{Repository, skipped};
use crate::{ends, report, run};

/// A test that uses fixtures of plugins whose names do not tell that they are plugins, and of one whose name does.
const TEST: &str = "def test_fixtures(faker, mocker):\n    assert faker.name()\n    mocker.Mock()\n";

/// A repository that asks for the plugins, and for a distribution that is none; and what its lock has, a pin a line.
fn locked(test: &str) -> Option<(Repository, String)> {
    let wanted = "[\"pytest==8.3.*\", \"faker\", \"pytest-mock\", \"iniconfig\"]";
    let repository = Repository::new(&[
        ("BUILD", &format!("python_requirement(name = \"reqs\", requirements = {wanted})\n")),
        ("svc/BUILD", "python_tests(name = \"tests\")\n"),
        ("svc/some_test.py", TEST),
    ]);
    let (code, said) = run(&repository, &["-q", "lock"]);
    if code == 3 {
        skipped(test, &said);
        return None;
    }
    assert_eq!(code, 0, "{said}");
    let lock = String::from_utf8(repository.read("pants.lock")).unwrap();
    let parsed: toml::Table = lock.parse().unwrap();
    let text = |package: &toml::Value, key: &str| package[key].as_str().unwrap().to_owned();
    let pins = parsed["packages"].as_array().unwrap().iter();
    let pins = pins.map(|one| format!("{}=={}\n", text(one, "name"), text(one, "version"))).collect();
    Some((repository, pins))
}

#[test]
fn what_has_an_entry_point_for_pytest_is_a_plugin() {
    let Some((repository, _)) = locked("what_has_an_entry_point_for_pytest_is_a_plugin") else { return };
    let lock = String::from_utf8(repository.read("pants.lock")).unwrap();
    assert!(lock.contains("\npytest-plugins = [\"faker\", \"pytest-mock\"]\n"), "{lock}");
    assert_eq!(ends(&report(&repository, &["::"])), [("svc/some_test.py", "passed", false)]);

    // A lock that does not say it has those that are called so.
    let without: String = lock
        .lines()
        .filter(|line| !line.starts_with("pytest-plugins"))
        .map(|line| format!("{line}\n"))
        .collect();
    repository.write("pants.lock", &without);
    let (code, said) = run(&repository, &["test", "::"]);
    assert!(code == 1 && said.contains("fixture 'faker' not found"), "{said}");
    assert!(!said.contains("fixture 'mocker' not found"), "{said}");
    // Locking again tells.
    let (code, said) = run(&repository, &["lock"]);
    assert_eq!((code, repository.read("pants.lock")), (0, lock.into_bytes()), "{said}");
}

#[test]
fn of_a_lock_that_does_not_say_it_the_wheels_do() {
    let Some((repository, pins)) = locked("of_a_lock_that_does_not_say_it_the_wheels_do") else { return };
    repository.write("requirements.txt", &pins);
    repository.write(
        "pants.toml",
        "[python]\ninterpreters = [\"3.11\"]\n\n[python.resolves]\ndefault = \"requirements.txt\"\n",
    );
    assert_eq!(ends(&report(&repository, &["::"])), [("svc/some_test.py", "passed", false)]);
    // What was found out is remembered: nobody is asked again.
    let again = report(&repository, &["::", "--offline", "--force"]);
    assert_eq!(ends(&again), [("svc/some_test.py", "passed", false)]);
}

//! `pants lint`.

use std::process::Command;

use serde_json::Value;

use crate::{answer, online, report, run, shop, text};

const UNUSED: &str = "svc/app.py:1:8: F401 `os` imported but unused\n";

#[test]
fn what_is_found_is_told_and_remembered() {
    let config = "[lint]\ntools = [\"ruff\", \"flake8\"]\n";
    let Some(repository) = shop("what_is_found_is_told_and_remembered", &["ruff", "flake8"], config) else {
        return;
    };
    let said = format!(
        "ruff:\n{UNUSED}flake8:\nsvc/app.py:1:1: F401 'os' imported but unused\n\
         ✗ ruff: 1 finding in 1 of 3 files\n✗ flake8: 1 finding in 1 of 3 files\n"
    );
    assert_eq!(answer(&repository, &["lint", "::"]), (1, said.clone()));
    let remembered = said.replace("3 files\n", "3 files (cached)\n");
    assert_eq!(answer(&repository, &["lint", "::"]), (1, remembered));
    let one = "✗ ruff: 1 finding in 1 of 1 file\n";
    assert_eq!(
        answer(&repository, &["lint", "svc/app.py", "--tool", "ruff"]),
        (1, format!("ruff:\n{UNUSED}{one}"))
    );

    // A file that configures a tool counts, where it is above the file.
    repository.write("svc/ruff.toml", "[lint]\nignore = [\"F401\"]\n");
    repository.write("setup.cfg", "[flake8]\nignore = F401\n");
    let clean = "✓ ruff: nothing in 3 files\n✓ flake8: nothing in 3 files\n";
    assert_eq!(answer(&repository, &["lint", "::"]), (0, clean.to_owned()));
    repository.write("setup.cfg", "[other]\n");
    let found = report(&repository, &["lint", "::", "--tool=flake8"]);
    let finding = &found["tools"][0]["findings"][0];
    assert_eq!(
        (&finding["path"], &finding["line"], &finding["code"], &found["exit_code"]),
        (&"svc/app.py".into(), &1.into(), &"F401".into(), &1.into())
    );
}

#[test]
fn modules_of_the_repository_are_known_as_such() {
    // In a batch of one file alone, too: the other module is not in it.
    let config = "[lint]\ntools = [\"ruff\"]\n\n[tools.ruff]\nargs = [\"--select=I,INP\"]\n";
    let Some(repository) = shop("modules_of_the_repository_are_known_as_such", &["ruff"], config) else {
        return;
    };
    repository.write("svc/__init__.py", "");
    repository.write("svc/app.py", "import os\n\nimport six\n\nimport lib.sums\n");
    assert_eq!(answer(&repository, &["lint", "svc/app.py"]), (0, "✓ ruff: nothing in 1 file\n".to_owned()));
    repository.write("svc/app.py", "import os\n\nimport lib.sums\nimport six\n");
    assert_eq!(answer(&repository, &["lint", "svc/app.py"]).0, 1);
}

#[test]
fn tools_that_are_not_there_say_so() {
    let config = "[lint]\ntools = [\"flake8\"]\n";
    let Some(repository) = shop("tools_that_are_not_there_say_so", &["ruff"], config) else { return };
    let (code, said) = run(&repository, &["lint", "::"]);
    assert_eq!(code, 2);
    let expect = "error[tools::not_locked]: no lock has `flake8`, which `lint` runs\n --> pants.toml:9:9\n";
    assert!(said.starts_with(expect), "{said}");
    assert!(said.contains("= note: looked in `tools.lock`, `pants.lock`"), "{said}");
    let target = "`python_requirement(name = \"flake8\", requirements = [\"flake8\"], resolve = \"tools\")`";
    assert!(
        said.contains(&format!("= help: write {target} in a BUILD file, and run `pants lock`")),
        "{said}"
    );

    let (code, said) = run(&repository, &["lint", "::", "--tool", "flak8"]);
    assert!(code == 2 && said.contains("error[tools::unknown]: `lint` has no tool `flak8`"), "{said}");
    assert!(said.contains("did you mean `flake8`?"), "{said}");
    // What is not configured is asked of the locks.
    let pants = String::from_utf8(repository.read("pants.toml")).unwrap().replace(config, "");
    repository.write("pants.toml", &pants);
    let (code, said) = answer(&repository, &["lint", "lib::"]);
    assert_eq!((code, said.as_str()), (0, "✓ ruff: nothing in 2 files\n"));
    repository.write("BUILD", "");
    repository.write("tools.lock", "");
    repository.write("pants.toml", "");
    let (code, said) = run(&repository, &["lint", "::"]);
    assert!(code == 2 && said.starts_with("error[tools::none]: `lint` has no tools\n"), "{said}");
}

#[test]
fn a_tool_that_fails_is_told_with_what_it_said() {
    let config = "[lint]\ntools = [\"ruff\"]\n\n[tools.ruff]\nargs = [\"--no-such-option\"]\n";
    let Some(repository) = shop("a_tool_that_fails_is_told_with_what_it_said", &["ruff"], config) else {
        return;
    };
    let (code, said) = run(&repository, &["lint", "svc::"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("error[tools::failed]: `ruff` failed with exit code 2 on `svc/app.py`"), "{said}");
    assert!(said.contains("= note: error: unexpected argument '--no-such-option' found"), "{said}");
}

#[test]
fn services_get_the_forms_that_they_read() {
    let config = "[lint]\ntools = [\"ruff\"]\n";
    let Some(repository) = shop("services_get_the_forms_that_they_read", &["ruff"], config) else { return };
    let (code, said) = answer(&repository, &["--output", "sarif", "lint", "::"]);
    let log: Value = serde_json::from_str(&said).unwrap();
    let of_ruff = &log["runs"][0];
    assert_eq!(
        (code, &log["version"], &of_ruff["tool"]["driver"]["name"]),
        (1, &"2.1.0".into(), &"ruff".into())
    );
    let result = &of_ruff["results"][0];
    assert_eq!((&result["ruleId"], of_ruff["results"].as_array().unwrap().len()), (&"F401".into(), 1));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "svc/app.py");

    let mut command = online(&repository, &["lint", "::"]);
    let said = command.env("GITHUB_ACTIONS", "true").output().unwrap();
    let expect = "::error file=svc/app.py,line=1,col=8,title=ruff F401::`os` imported but unused\n";
    assert!(text(&said.stderr).contains(expect), "{said:?}");
    let (code, said) = run(&repository, &["--output", "sarif", "fmt", "::"]);
    assert!(
        code == 2 && said.contains("error[cli::form]: `fmt` has no answer in the form `sarif`"),
        "{said}"
    );
}

#[test]
fn tools_of_ones_own_are_a_table() {
    let config = "[lint]\ntools = [\"pycodestyle\"]\n\n[tools.pycodestyle]\ngoal = \"lint\"\n\
                  config = [\"style.cfg\"]\nconfig_option = \"--config\"\nargs = [\"--max-line-length=20\"]\n\n\
                  [fmt]\ntools = [\"pyupgrade\"]\n\n[tools.pyupgrade]\ngoal = \"fmt\"\nargs = [\"--exit-zero-even-if-changed\"]\n";
    let tools = ["pycodestyle", "pyupgrade"];
    let Some(repository) = shop("tools_of_ones_own_are_a_table", &tools, config) else { return };
    let found = "pycodestyle:\nsvc/app.py:3:21: E501 line too long (24 > 20 characters)\n";
    let (code, said) = answer(&repository, &["lint", "svc::"]);
    assert_eq!((code, said), (1, format!("{found}✗ pycodestyle: 1 finding in 1 of 1 file\n")));
    repository.write("svc/style.cfg", "[pycodestyle]\nignore = E501\n");
    assert_eq!(answer(&repository, &["lint", "svc::"]).0, 0);
    repository.write("svc/app.py", "x = set([1])\n");
    assert_eq!(answer(&repository, &["fmt", "svc::"]), (0, "svc/app.py\n".to_owned()));
    assert_eq!(repository.read("svc/app.py"), b"x = {1}\n");
}

#[test]
fn what_the_configuration_says_of_tools_is_checked() {
    let Some(repository) = shop("what_the_configuration_says_of_tools_is_checked", &["ruff"], "") else {
        return;
    };
    let pants = String::from_utf8(repository.read("pants.toml")).unwrap();
    let check = |more: &str, expect: &str| {
        repository.write("pants.toml", format!("{pants}{more}"));
        let (code, said) = run(&repository, &["lint", "::"]);
        assert!(code == 2 && said.contains(expect), "{more}: {said}");
    };
    check("[lint]\ntools = [\"black\"]\n", "error[config::tool]: `lint` has no tool `black`");
    check("[tools.rufff]\nargs = []\n", "= help: did you mean `ruff`?");
    check("[tools.own]\nargs = []\n", "error[config::tool]: the tool `own` is not known, and has no `goal`");
    check(
        "[tools.ruff]\ngoal = \"format\"\n",
        "`goal` cannot be `format`: expected one of `lint`, `fmt`, `check`",
    );
    check("[tools.ruff]\noutput = \"Ruff\"\n", "= help: did you mean `ruff`?");
    check("[tools.ruff]\nexit_codes = [\"one\"]\n", "error[config::type]: `exit_codes` takes numbers");
    check("[tools.ruff]\nresolv = \"x\"\n", "section `[tools.ruff]` has no key `resolv`");
    check(
        "[tools.ruff]\nresolve = \"tool\"\n[lint]\ntools = [\"ruff\"]\n",
        "there is no resolve `tool` for the tool `ruff`",
    );
    check("[tools]\nruff = true\n", "error[config::type]: `tools.ruff` takes a section, not a boolean");
}

#[test]
fn of_a_change_the_files_that_changed_are_linted_and_their_dependents_type_checked() {
    let test = "of_a_change_the_files_that_changed_are_linted_and_their_dependents_type_checked";
    let Some(repository) = shop(test, &["ruff", "mypy"], "") else { return };
    repository.write("lib/other.py", "import os\n");
    let git = |arguments: &[&str]| {
        let done = Command::new("git").current_dir(repository.root()).args(arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "all"]);
    repository.write("lib/sums.py", "import os\n\n\ndef add(a: int, b: str) -> int:\n    return a\n");
    let changed = ["--changed-since=HEAD", "--changed-dependents=transitive"];
    // `lib/other.py` of the same target and `svc/app.py`, which depends on it, are as they were.
    let (code, said) = answer(&repository, &[&["lint", "--tool", "ruff"], &changed[..]].concat());
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("lib/sums.py:1:8: F401 ") && said.ends_with("✗ ruff: 1 finding in 1 of 1 file\n"),
        "{said}"
    );
    let (code, said) = answer(&repository, &["fix", "--tool", "ruff", "--changed-since=HEAD", "--dry-run"]);
    assert!(code == 0 && said.contains("lib/sums.py") && !said.contains("lib/other.py"), "{said}");
    // What it no longer fits is found by who reads all that files import.
    repository.write("svc/app.py", "from lib.sums import add\n\nthree: int = add(1, 2)\n");
    git(&["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-aqm", "more"]);
    repository.write("lib/sums.py", "def add(a: int, b: bytes) -> int:\n    return a\n");
    let (code, said) = answer(&repository, &[&["check"], &changed[..]].concat());
    assert!(code == 1 && said.contains("svc/app.py:3:21: arg-type"), "{said}");
}

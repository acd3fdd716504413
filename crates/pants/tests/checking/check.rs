//! `pants check`.

use crate::repository::Repository;
use crate::{answer, report, run, shop};

const CHECK: &str = "[check]\ntools = [\"mypy\"]\n";
/// A service of another source root, which imports a distribution and a library wrongly.
const APP: &str = "import attr\n\nfrom lib.sums import add\n\n\n@attr.s(auto_attribs=True)\nclass Item:\n    count: int\n\n\n\
                   Item(\"one\")\nadd(1, \"2\")\n";
const FOUND: &str = "mypy:\nsrc/svc/app.py:11:6: arg-type Argument 1 to \"Item\" has incompatible type \"str\"; expected \"int\"\n\
                     src/svc/app.py:12:8: arg-type Argument 2 to \"add\" has incompatible type \"str\"; expected \"int\"\n";

fn typed(test: &str, tools: &str, more: &str) -> Option<Repository> {
    let repository = shop(test, &[], &format!("{more}{CHECK}"))?;
    let requirements = format!(
        "python_requirement(name = \"attrs\", requirements = [\"attrs\"])\n\
         python_requirement(name = \"mypy\", requirements = [\"mypy\"]{tools})\n"
    );
    repository.write("BUILD", requirements);
    repository.write("src/svc/BUILD", "python_library()\n");
    repository.write("src/svc/app.py", APP);
    assert_eq!(run(&repository, &["-q", "lock"]).0, 0);
    Some(repository)
}

#[test]
fn types_are_checked_with_what_files_import() {
    let test = "types_are_checked_with_what_files_import";
    let Some(repository) = typed(test, ", resolve = \"tools\"", "") else { return };
    let summary = "✗ mypy: 2 findings in 1 of 1 file\n";
    assert_eq!(answer(&repository, &["check", "src::"]), (1, format!("{FOUND}{summary}")));
    assert_eq!(report(&repository, &["check", "src::"])["tools"][0]["cached"], true);

    // An edit of what is imported counts, and what is wrong there is told too.
    repository.write("lib/sums.py", "def add(a: int, b: str) -> int:\n    return b\n");
    let (code, said) = answer(&repository, &["check", "src::"]);
    assert!(code == 1 && !said.contains("src/svc/app.py:12"), "{said}");
    assert!(said.contains("lib/sums.py:2:12: return-value Incompatible return value type"), "{said}");
    assert!(said.ends_with("✗ mypy: 2 findings in 2 files\n"), "{said}");

    repository.write("mypy.ini", "[mypy]\ndisable_error_code = arg-type, return-value\n");
    assert_eq!(answer(&repository, &["check", "src::"]), (0, "✓ mypy: nothing in 1 file\n".to_owned()));
    repository.write("src/svc/app.py", "def (:\n");
    let (code, said) = answer(&repository, &["check", "src::"]);
    assert!(code == 1 && said.contains("src/svc/app.py:1:6: syntax "), "{said}");
}

#[test]
fn tools_of_the_resolve_of_the_files_share_its_virtualenv() {
    let test = "tools_of_the_resolve_of_the_files_share_its_virtualenv";
    let Some(repository) = typed(test, "", "") else { return };
    let (code, said) = answer(&repository, &["check", "src/svc/app.py"]);
    assert!(code == 1 && said.starts_with(FOUND), "{said}");
    repository.write("lib/sums.pyi", "def add(a: int, b: str) -> int: ...\n");
    let (code, said) = answer(&repository, &["check", "::"]);
    assert!(code == 1 && said.ends_with("✗ mypy: 1 finding in 1 of 4 files\n"), "{said}");
}

#[test]
fn the_kernel_alone_or_nothing_keeps_tools_apart() {
    let test = "the_kernel_alone_or_nothing_keeps_tools_apart";
    let Some(repository) = typed(test, ", resolve = \"tools\"", "") else { return };
    for level in ["--sandbox-level=landlock", "--sandbox-level=off"] {
        let (code, said) = answer(&repository, &[level, "check", "--force", "src::"]);
        assert!(code == 1 && said.starts_with(FOUND), "{level}: {said}");
    }
}

/// What is found, beside what is found without anything that is remembered.
fn both(repository: &Repository) -> String {
    let (_, said) = answer(repository, &["check", "src::", "lib::"]);
    assert_eq!(answer(repository, &["check", "src::", "lib::", "--force"]).1, said);
    said
}

#[test]
fn what_mypy_remembers_changes_nothing_of_what_it_finds() {
    let test = "what_mypy_remembers_changes_nothing_of_what_it_finds";
    let Some(repository) = typed(test, ", resolve = \"tools\"", "") else { return };
    // As long as each other, and written at once.
    let (number, text) = ("get: int = 10\n", "get: str = \"\"\n");
    repository.write("lib/one.py", number);
    repository.write("lib/two.py", text);
    repository.write("src/svc/app.py", "from lib import one, two\n\na: int = one.get\nb: int = two.get\n");
    let said = both(&repository);
    assert!(said.contains("src/svc/app.py:4:"), "{said}");
    repository.write("lib/one.py", text);
    repository.write("lib/two.py", number);
    let said = both(&repository);
    assert!(said.contains("src/svc/app.py:3:") && !said.contains("src/svc/app.py:4:"), "{said}");
    // What was there before, gone and there again.
    std::fs::remove_file(repository.root().join("lib/one.py")).unwrap();
    assert!(both(&repository).contains("src/svc/app.py:1:1: attr-defined "));
    repository.write("lib/one.py", number);
    assert!(both(&repository).starts_with("✓ mypy: nothing in "));
}

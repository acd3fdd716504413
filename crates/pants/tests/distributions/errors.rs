//! What keeps a distribution from being made: files without an owner or with several, and metadata that cannot be.

use crate::repository::Repository;

const LIB: &str = "python_library(name = \"lib\")\n";

/// A distribution called `name` of `:lib`.
fn dist(name: &str, dependencies: &str) -> String {
    format!(
        "python_distribution(name = \"{name}\", dependencies = [{dependencies}], provides = {{\"name\": \"{name}\", \
         \"version\": \"1\"}})\n"
    )
}

fn check(files: &[(&str, &str)], expected: &str) {
    let repository = Repository::new(files);
    let said = repository.run(&["package", "::"]);
    let shown =
        said.stderr.lines().filter(|line| line.starts_with("error") || line.trim_start().starts_with("= "));
    let shown: Vec<&str> = shown.map(str::trim).collect();
    assert_eq!(shown.join("\n"), expected, "{}", said.stderr);
    assert_eq!((said.code, repository.dist()), (2, Vec::<String>::new()));
}

#[test]
fn a_file_that_nobody_owns_is_told_with_the_way_to_it() {
    let a = LIB.to_owned() + &dist("dist", "\":lib\"");
    check(
        &[("a/BUILD", &a), ("a/one.py", "import b.two\n"), ("b/BUILD", LIB), ("b/two.py", "")],
        "error[distribution::unowned]: `//a:dist` needs `//b/two.py:lib`, which no distribution owns\n\
         = note: needed by way of `//a:dist` -> `//a:lib` -> `//a/one.py:lib` -> `//b/two.py:lib`\n\
         = help: the distribution to have it is one in its folder or above, or one that names `//b:lib` in \
         `dependencies`",
    );
}

#[test]
fn a_file_that_several_own_is_told_once_for_each() {
    let a = LIB.to_owned() + &dist("x", "\":lib\"") + &dist("y", "\":lib\"");
    let told = |name: &str| {
        format!(
            "error[distribution::overlap]: `//a:{name}` needs `//a/one.py:lib`, which `//a:x` and `//a:y` have an \
             equal claim to\n= note: needed by way of `//a:{name}` -> `//a:lib` -> `//a/one.py:lib`\n\
             = help: name `//a:lib` in the `dependencies` of one of them alone"
        )
    };
    check(&[("a/BUILD", &a), ("a/one.py", "")], &[told("x"), told("y")].join("\n"));
}

#[test]
fn the_nearest_distribution_owns() {
    let top = dist("all", "\"//a/b:lib\", \"//a/c:lib\"");
    let own = LIB.to_owned() + &dist("own", "\":lib\"");
    let repository = Repository::new(&[
        ("pants.toml", ""),
        ("BUILD", &top),
        ("a/BUILD", LIB),
        ("a/__init__.py", "# a package\n"),
        ("a/b/BUILD", &own),
        ("a/b/__init__.py", ""),
        ("a/b/one.py", "import a.c.two\n"),
        ("a/c/BUILD", LIB),
        ("a/c/two.py", ""),
    ]);
    let said = repository.run(&["-q", "package", "::"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let wheel = |name: &str| {
        let bytes = repository.read(&format!("dist/{name}-1-py3-none-any.whl"));
        let has = |path: &str| bytes.windows(path.len()).any(|window| window == path.as_bytes());
        ["a/__init__.py", "a/b/one.py", "a/c/two.py"].map(has)
    };
    // The distribution at the root is above all, and so the package of all is its own.
    assert_eq!(wheel("all"), [true, false, true]);
    assert_eq!(wheel("own"), [false, true, false]);
}

#[test]
fn a_package_without_code_that_nobody_owns_goes_along_with_each() {
    let (one, two) = (LIB.to_owned() + &dist("one", "\":lib\""), LIB.to_owned() + &dist("two", "\":lib\""));
    let repository = Repository::new(&[
        ("pants.toml", ""),
        ("a/BUILD", LIB),
        ("a/__init__.py", "# a package\n"),
        ("a/b/BUILD", &one),
        ("a/b/x.py", ""),
        ("a/c/BUILD", &two),
        ("a/c/y.py", ""),
    ]);
    let said = repository.run(&["-q", "package", "::"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for name in ["one", "two"] {
        let bytes = repository.read(&format!("dist/{name}-1-py3-none-any.whl"));
        assert!(bytes.windows(13).any(|window| window == b"a/__init__.py"), "{name}");
    }
    repository.write("a/__init__.py", "VERSION = 1\n");
    let said = repository.run(&["-q", "package", "::"]);
    assert_eq!(
        (said.code, said.stderr.matches("error[distribution::unowned]").count()),
        (2, 2),
        "{}",
        said.stderr
    );
}

#[test]
fn metadata_that_cannot_be_is_told_all_at_once() {
    let build = "python_library(name = \"lib\")\n\
        python_distribution(name = \"dist\", dependencies = [\":lib\"], provides = {\"name\": \"-\", \"verson\": \"1\", \
        \"install_requires\": [], \"classifiers\": \"x\"}, entry_points = {\"run\": \"one\"})\n";
    check(
        &[("a/BUILD", build), ("a/one.py", "")],
        "error[distribution::metadata]: `provides` has no `verson`\n\
         = help: did you mean `version`?\n\
         error[distribution::metadata]: `provides` cannot say `install_requires`\n\
         = help: what it requires is told by what its files import; name more in `dependencies`\n\
         error[distribution::metadata]: `-` is not a valid name: expected ASCII letters, digits, `-`, `_` and `.`, \
         beginning and ending with a letter or digit\n\
         error[distribution::metadata]: the distribution has no version\n\
         = help: say it by `version`, or have it told by `version_from_vcs = \"v{version}\"`\n\
         error[distribution::metadata]: `run = one` is no entry point\n\
         = help: write it as in `module:function`, or name a python_binary that starts a function\n\
         error[distribution::metadata]: `classifiers` of `provides` has to be a list, found a string",
    );
}

#[test]
fn plain_files_are_refused() {
    let build = "files(name = \"data\", sources = [\"data.txt\"])\n".to_owned() + &dist("dist", "\":data\"");
    check(
        &[("a/BUILD", &build), ("a/data.txt", "")],
        "error[distribution::unfit]: `//a:dist` needs `//a:data`, and a `files` cannot be part of a distribution\n\
         = help: make it `resources`, which lie beside the code",
    );
}

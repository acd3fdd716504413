//! Settings from files, variables and options: which wins, that a change is seen at once, and what is said of wrong ones.

use crate::repository::Repository;

/// A repository with a file that `pants_ignore` may name, and a target that has the files that are there.
fn repository(configuration: &str) -> Repository {
    Repository::new(&[
        ("pants.toml", configuration),
        ("a.txt", ""),
        ("b.txt", ""),
        ("c.txt", ""),
        ("BUILD", "files(name = \"f\", sources = [\"*.txt\"])\n"),
    ])
}

/// The names of the files that are there.
#[track_caller]
fn names(repository: &Repository, arguments: &[&str]) -> String {
    let said = repository.run(&[&["filedeps", "::"], arguments].concat());
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    said.stdout.lines().map(|line| line.trim_end_matches(".txt")).collect()
}

#[test]
fn each_source_wins_over_those_behind_it_and_is_seen_at_once() {
    let mut repository = repository("");
    assert_eq!(names(&repository, &[]), "abc");
    repository.write("pants.toml", "[GLOBAL]\npants_ignore = [\"a.txt\"]\n");
    assert_eq!(names(&repository, &[]), "bc");
    repository.write("pants.ci.toml", "[GLOBAL]\npants_ignore.add = [\"b.txt\"]\n");
    assert_eq!(names(&repository, &[]), "bc");
    repository.env.insert("PANTS_CONFIG_FILES".into(), "pants.ci.toml".into());
    assert_eq!(names(&repository, &[]), "c");
    repository.write(".pants.rc", "[GLOBAL]\npants_ignore.remove = [\"a.txt\"]\n");
    assert_eq!(names(&repository, &[]), "ac");
    std::fs::write(repository.beside("home").join(".pants.rc"), "[GLOBAL]\npants_ignore = []\n").unwrap();
    assert_eq!(names(&repository, &[]), "abc");
    repository.env.insert("PANTS_PANTSRC".into(), "false".into());
    assert_eq!(names(&repository, &[]), "c");
    repository.env.insert("PANTS_IGNORE".into(), "+['c.txt'],-['b.txt']".into());
    assert_eq!(names(&repository, &[]), "b");
    assert_eq!(names(&repository, &["--pants-ignore=['b.txt']", "--pants-ignore=a.txt"]), "c");
    repository.env.clear();
    assert_eq!(names(&repository, &["--no-pantsrc"]), "bc");
    repository.write("ignored", "['c.txt']\n");
    assert_eq!(names(&repository, &["--pants-ignore=@ignored"]), "ab");
    repository.write("ignored", "['b.txt']\n");
    assert_eq!(names(&repository, &["--pants-ignore=@ignored"]), "ac");
    assert_eq!(names(&repository, &["--pants-ignore=@?nothing"]), "abc");
    repository.write(
        "pants.toml",
        "[DEFAULT]\nend = \"txt\"\n[GLOBAL]\npants_ignore = [\"%(env.WHICH)s.%(end)s\"]\n",
    );
    repository.env.insert("WHICH".into(), "a".into());
    assert_eq!(names(&repository, &["--no-pantsrc"]), "bc");
    repository.env.insert("WHICH".into(), "b".into());
    assert_eq!(names(&repository, &["--no-pantsrc"]), "ac");
}

#[test]
fn aliases_and_build_files_by_other_names() {
    let repository = repository("[cli.alias]\nall = \"filedeps ::\"\n--no-a = \"--exclude '//a:x'\"\n");
    repository.write("a/BUILD", "files(name = \"x\", sources = [\"BUILD\"])\n");
    assert_eq!(repository.run(&["all"]).stdout, "a.txt\na/BUILD\nb.txt\nc.txt\n");
    assert_eq!(repository.run(&["all", "--no-a"]).stdout, "a.txt\nb.txt\nc.txt\n");
    repository.write("pants.toml", "[cli.alias]\nall = \"list ::\"\n");
    assert_eq!(repository.run(&["all"]).stdout, "//:f\n//a:x\n");
    assert_eq!(repository.run(&["all", "--build-ignore=a"]).stdout, "//:f\n");
    repository.write("a/BUILD.tools", "files(name = \"y\", sources = [\"BUILD\"])\n");
    assert_eq!(repository.run(&["all", "--build-patterns=['BUILD.*']"]).stdout, "//a:y\n");
    assert_eq!(repository.run(&["all"]).stdout, "//:f\n//a:x\n");
}

#[test]
fn what_belongs_to_pants_is_said_once() {
    let text = "[GLOBAL]\npants_version = \"2.17.1\"\nbackend_packages.add = [\"x\"]\n[mypy]\nargs = []\n\
                [python]\npip_version = \"24.0\"\n[my-plugin-of-pants]\nx = 1\n";
    let mut repository = repository(text);
    let said = "5 keys and sections of Pants that the configuration has without effect here: \
                `[GLOBAL]` backend_packages, pants_version; `[my-plugin-of-pants]`; `[mypy]` args; `[python]` pip_version";
    let first = repository.run(&["list", "::"]);
    assert_eq!(first.stdout, "//:f\n");
    repository.compare(
        &first,
        0,
        &format!(
            "warning[config::no_effect]: {said}\n |\n = note: this is said once, and again when they change; `--verbose` \
             says it each time\n = help: `pants help pants.toml` lists all keys that have one"
        ),
    );
    repository.compare(&repository.run(&["list", "::"]), 0, "");
    assert!(repository.run(&["list", "-v", "::"]).stderr.contains("backend_packages"));
    repository.fails(
        &["list", "--strict", "::"],
        2,
        &format!(
            "error[config::no_effect]: {said}\n --> pants.toml:2:1\n  |\n2 | pants_version = \"2.17.1\"\n  | ^^^^^^^^^^^^^\n  \
             |\n  = help: `pants help pants.toml` lists all keys that have one"
        ),
    );
    repository.write("pants.toml", text.replace("[mypy]", "[black]"));
    assert!(repository.run(&["list", "::"]).stderr.contains("`[black]` args"));
    repository.env.insert("PANTS_LEVEL".into(), "error".into());
    repository.write("pants.toml", text);
    repository.compare(&repository.run(&["list", "::"]), 0, "");
}

#[test]
fn wrong_values_are_told_with_where_they_come_from() {
    let mut repository = repository("");
    repository.write(".pants.rc", "[GLOBAL]\nlevel = \"loud\"\n");
    repository.env.insert("PANTS_PYTHON_INFER_IMPORTS".into(), "maybe".into());
    repository.env.insert("PANTS_SOURCE_ROOT_PATTERNS".into(), "['src'".into());
    repository.fails(
        &["list", "::", "--python-infer-string-imports-min-dots=0", "--python-default-resolve"],
        2,
        r#"
error[config::no_value]: `--python-default-resolve` needs a value: a string
 |
 = help: write `--python-default-resolve=VALUE`
error[config::type]: `imports` takes true or false, not `maybe`
 --> $PANTS_PYTHON_INFER_IMPORTS:1:1
  |
1 | maybe
  | ^^^^^
error[config::type]: `root_patterns` takes a list of strings: expected `,` or the end of the list at letter 7
 --> $PANTS_SOURCE_ROOT_PATTERNS:1:1
  |
1 | ['src'
  | ^^^^^^
error[config::type]: `string_imports_min_dots` takes a number from 1 on, not `0`
 --> --python-infer-string-imports-min-dots:1:1
  |
1 | 0
  | ^
error[config::choice]: `level` cannot be `loud`: expected one of `error`, `warn`, `info`, `debug`, `trace`
 --> .pants.rc:2:9
  |
2 | level = "loud"
  |         ^^^^^^
"#,
    );
}

#[test]
fn values_that_stand_for_nothing_are_told() {
    let repository = repository("");
    repository.write("pants.toml", "[GLOBAL]\npants_ignore = [\"%(env.NOTHING)s\", \"%(x)s\"]\n[cache]\ndir = \"@nowhere\"\n[cli.alias]\nlist = \"x\"\n");
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[config::placeholder]: `%(env.NOTHING)s` in `pants_ignore` stands for nothing
 --> pants.toml:2:16
  |
2 | pants_ignore = ["%(env.NOTHING)s", "%(x)s"]
  |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: set the variable `NOTHING`
error[config::value_file]: cannot read `nowhere`, where the value of `dir` is: No such file or directory (os error 2)
 --> pants.toml:4:7
  |
4 | dir = "@nowhere"
  |       ^^^^^^^^^^
  |
  = help: `@?nowhere` is for a file that need not be there, and `@@` for an `@`
error[config::alias]: `list` cannot be an alias: it has a meaning already
 --> pants.toml:6:8
  |
6 | list = "x"
  |        ^^^
  |
  = help: give it another name
"#,
    );
}

#[test]
fn a_file_that_is_named_has_to_be_there() {
    let mut repository = repository("");
    repository.env.insert("PANTS_CONFIG_FILES".into(), "pants.ci.toml".into());
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[config::unreadable]: cannot read `TMP/repository/pants.ci.toml`: No such file or directory (os error 2)
 |
 = note: `$PANTS_CONFIG_FILES` names it
"#,
    );
}

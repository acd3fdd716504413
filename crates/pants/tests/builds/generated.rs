//! Files that steps of the repository make: in programs, again only when something of them has changed, and in a sandbox.

use std::process::Command;

use serde_json::Value;

use crate::repository::Repository;

/// A program that imports what a tool of the repository makes of a text, and carries what the shell makes.
fn repository() -> Repository {
    Repository::new(&[
        (
            "api/BUILD",
            "python_library()\ngenrule(\n    name = 'names',\n    sources = ['names.txt'],\n    outputs = ['names.py'],\n    \
             command = 'namer $SRCS > $OUTS',\n    tools = ['//tools:namer'],\n)\n\
             genrule(\n    name = 'upper',\n    outputs = ['deep/upper.txt'],\n    \
             command = 'tr a-z A-Z < names.py > deep/upper.txt',\n    tools = [':names'],\n)\n",
        ),
        ("api/__init__.py", ""),
        ("api/names.txt", "ada\n"),
        ("tools/BUILD", "python_library()\npython_binary(name = 'namer', entry_point = 'namer.py:main')\n"),
        (
            "tools/namer.py",
            "import sys\nfrom tools.words import words\n\n\ndef main():\n    print('NAMES = %r' % words(sys.argv[1]))\n",
        ),
        (
            "tools/words.py",
            "def words(path):\n    with open(path) as file:\n        return file.read().split()\n",
        ),
        (
            "svc/BUILD",
            "python_library()\npython_binary(name = 'app', entry_point = 'main.py', dependencies = ['//api:upper'])\n",
        ),
        (
            "svc/main.py",
            "import pathlib\nfrom api import names\n\nupper = pathlib.Path(names.__file__).parent / 'deep/upper.txt'\n\
             print(names.NAMES, upper.read_text().strip())\n",
        ),
    ])
}

fn build(repository: &Repository) -> Value {
    let said = repository.run(&["binary", "//svc:app", "--output", "json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

#[track_caller]
fn prints(repository: &Repository, expect: &str) {
    let said = Command::new(repository.root().join("dist/svc/app/app")).output();
    let said = said.or_else(|_| Command::new(repository.root().join("dist/svc/app.pex")).output()).unwrap();
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert_eq!(out.trim_end(), expect, "{err}");
}

/// How many steps ran that start programs.
fn ran(report: &Value) -> u64 {
    report["actions_run_by_kind"]["run"].as_u64().unwrap_or_default()
}

#[test]
fn what_steps_make_is_in_programs_and_made_again_as_it_changes() {
    let repository = repository();
    let first = build(&repository);
    assert_eq!(ran(&first), 2, "{first:#}");
    prints(&repository, "['ada'] NAMES = ['ADA']");
    assert!(!repository.root().join("api/names.py").exists(), "the repository stays as it is");
    assert_eq!(build(&repository)["actions_run"], 0);

    // A change of the source, and of what the tool imports.
    repository.write("api/names.txt", "ada grace\n");
    assert_eq!(ran(&build(&repository)), 2);
    prints(&repository, "['ada', 'grace'] NAMES = ['ADA', 'GRACE']");
    repository.write("tools/words.py", "def words(path):\n    return open(path).read().split()[::-1]\n");
    assert_eq!(ran(&build(&repository)), 2);
    prints(&repository, "['grace', 'ada'] NAMES = ['GRACE', 'ADA']");

    // What comes out the same ends the rebuild.
    repository.write("api/names.txt", "ada\n\n\n   grace\n");
    let same = build(&repository);
    assert_eq!((ran(&same), same["actions_run"].as_u64()), (1, Some(1)), "{same:#}");
}

#[test]
fn tools_are_no_part_of_the_program() {
    let repository = repository();
    build(&repository);
    let list = Command::new("python3")
        .args(["-m", "zipfile", "-l", "dist/svc/app.pex"])
        .current_dir(repository.root())
        .output()
        .unwrap();
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let has = |path: &str| list.lines().any(|line| line.starts_with(path));
    assert!(has("api/names.py ") && has("api/deep/upper.txt ") && has("api/__init__.py "), "{list}");
    assert!(!has("tools/"), "{list}");
    // For questions about the graph they count.
    let needs = repository.run(&["dependencies", "--transitive", "//svc:app"]).stdout;
    assert!(needs.contains("//tools:namer"), "{needs}");
    let changed = repository.run(&["dependents", "--transitive", "tools/words.py"]).stdout;
    assert!(changed.contains("//svc:app"), "{changed}");
}

#[test]
fn what_is_wrong_with_a_step_is_told() {
    let repository = Repository::new(&[("a/secret.txt", "secret\n"), ("a/main.py", "print(1)\n")]);
    let fails = |rule: &str, code: i32, expected: &str| {
        let build = format!(
            "{rule}\npython_library(name = 'lib')\npython_binary(name = 'app', entry_point = 'main.py', dependencies = [':step'])\n"
        );
        repository.write("a/BUILD", build);
        let said = repository.run(&["binary", "//a:app"]);
        assert_eq!(said.code, code, "{}", said.stderr);
        assert!(said.stderr.contains(expected), "expected {expected} in {}", said.stderr);
    };
    let step = |command: &str| format!("genrule(name = 'step', outputs = ['x.txt'], command = '{command}')");
    fails(&step("echo told >&2; exit 3"), 1, "it said:\n");
    fails(&step("echo told >&2; exit 3"), 1, "while trying to generate //a:step");
    fails(&step("true"), 1, "did not make `a/x.txt`");
    fails(&step("cat secret.txt > x.txt"), 1, "secret.txt");
    fails(&step("mkdir x.txt"), 1, "`//a:step` makes `a/x.txt`, which is no file");
    fails(&step("cat $(SRCS) > x.txt"), 2, "`$(SRCS)` in a command means nothing here");
    fails(
        "genrule(name = 'step', outputs = ['../x.txt'], command = 'true')",
        2,
        "a step cannot make `../x.txt`",
    );
    fails(
        "genrule(name = 'step', outputs = ['x.txt'], command = 'sleep 100', timeout = 1)",
        1,
        "stopped after 1 second",
    );
}

#[test]
fn steps_that_lead_to_each_other_through_packages_run() {
    let repository = Repository::new(&[
        (
            "pkg/BUILD",
            "python_library()\n\
             genrule(name = 'a', outputs = ['a_pb2.py'], command = 'echo A = 1 > $OUTS')\n\
             genrule(name = 'b', outputs = ['b_pb2.py'], command = 'echo B = 2 > $OUTS')\n",
        ),
        ("pkg/__init__.py", "from pkg.a_pb2 import A\nfrom pkg.b_pb2 import B\n"),
        ("svc/BUILD", "python_library()\npython_binary(name = 'app', entry_point = 'main.py')\n"),
        ("svc/main.py", "import pkg\n\nprint(pkg.A, pkg.B)\n"),
    ]);
    build(&repository);
    prints(&repository, "1 2");
}

#[test]
fn steps_that_need_each_other_to_run_are_told() {
    let step = |name: &str, other: &str| {
        format!(
            "python_library(sources = ['{name}_tool.py'], name = '{name}_lib')\n\
             python_binary(name = '{name}_tool', entry_point = '{name}_tool.py')\n\
             genrule(name = '{name}', outputs = ['{name}_made.py'], command = '{name}_tool > $OUTS', tools = [':{name}_tool'])\n\
             # {other}\n"
        )
    };
    let repository = Repository::new(&[
        ("pkg/BUILD", &(step("a", "b") + &step("b", "a"))),
        ("pkg/a_tool.py", "from pkg import b_made\n"),
        ("pkg/b_tool.py", "from pkg import a_made\n"),
    ]);
    let said = repository.run(&["package", "//pkg:a_tool"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    let expected =
        "error[genrule::cycle]: steps need each other to run: `//pkg:a`, `//pkg:b`\n --> pkg/BUILD:3:1\n";
    assert!(said.stderr.starts_with(expected), "{}", said.stderr);
}

#[test]
fn what_two_things_would_be_is_refused() {
    let repository = Repository::new(&[
        (
            "d/BUILD",
            "genrule(name = 'one', outputs = ['cfg.py'], command = 'echo X = 1 > $OUTS')\n\
             genrule(name = 'two', outputs = ['cfg.py', 'own.py'], command = 'echo X = 2 > $OUTS')\n\
             python_library(name = 'lib', sources = ['own.py'])\n",
        ),
        ("d/own.py", ""),
    ]);
    let said = repository.run(&["list", "::"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    for expected in [
        "error[genrule::clash]: `//d:two` makes `d/cfg.py`, which `//d:one` makes too\n --> d/BUILD:2:33\n",
        "error[genrule::clash]: `//d:two` makes `d/own.py`, which `//d:lib` has among its sources\n --> d/BUILD:2:33\n",
    ] {
        assert!(said.stderr.contains(expected), "{}", said.stderr);
    }
}

#[test]
fn what_a_step_needs_to_run_binds_nobody_else() {
    let repository = Repository::new(&[
        ("pants.toml", "[python]\nplatforms = [\"linux-x86_64\"]\n"),
        (
            "t/BUILD",
            "python_library(interpreter_constraints = ['CPython==3.12.*'])\n\
             python_binary(name = 'gen', entry_point = 'gen.py', interpreters = ['3.12'], args = ['--fixed'], env = {'MODE': 'a b'})\n",
        ),
        ("t/gen.py", "import os, sys\n\nprint('X = %r' % (sys.argv[1:] + [os.environ['MODE']]))\n"),
        (
            "svc/BUILD",
            "python_library()\npython_binary(name = 'app', entry_point = 'main.py', interpreters = ['3.11'])\n\
             genrule(name = 'x', outputs = ['x.py'], command = 'gen user > $OUTS', tools = ['//t:gen'], \
             interpreter_constraints = ['CPython==3.12.*'])\n",
        ),
        ("svc/main.py", "from svc.x import X\n\nprint(*X, sep='|')\n"),
    ]);
    let said = repository.run(&["binary", "//svc:app"]);
    if said.stderr.contains("python::no_interpreter") || said.stderr.contains("build::no_tool") {
        return crate::repository::skipped(
            "what_a_step_needs_to_run_binds_nobody_else",
            "there is no Python 3.12",
        );
    }
    assert_eq!(said.code, 0, "{}", said.stderr);
    prints(&repository, "--fixed|user|a b");
}

#[test]
fn a_program_is_of_one_state_however_long_steps_take() {
    let repository = Repository::new(&[
        (
            "svc/BUILD",
            "python_library()\npython_binary(name = 'app', entry_point = 'main.py')\n\
             genrule(name = 'x', outputs = ['x.py'], command = 'sleep 3; echo X = 1 > $OUTS')\n",
        ),
        ("svc/main.py", "from svc.x import X\n\nprint(X)\n"),
        ("svc/later.py", "Y = 2\n"),
    ]);
    let mut command = repository.command(&["binary", "//svc:app"]);
    let mut building = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    repository.write("svc/main.py", "from svc.x import X\nfrom svc.later import Y\n\nprint(X, Y)\n");
    assert!(building.wait().unwrap().success());
    prints(&repository, "1");
    build(&repository);
    prints(&repository, "1 2");
}

#[test]
fn what_a_step_looked_for_is_told_with_what_would_bring_it() {
    let repository = Repository::new(&[
        (
            "d/BUILD",
            "genrule(name = 'gen', outputs = ['a.txt'], command = 'cat in.txt > $OUTS')\n\
             files(name = 'other', sources = ['owned.txt'])\n\
             genrule(name = 'two', outputs = ['b.txt'], command = 'cat owned.txt > $OUTS')\n",
        ),
        ("d/in.txt", "x\n"),
        ("d/owned.txt", "x\n"),
    ]);
    for (target, path, help) in [
        ("//d:gen", "d/in.txt", "write `files(name = \"files\", sources = [\"in.txt\"])` into d/BUILD"),
        ("//d:two", "d/owned.txt", "add \"//d:other\" to its `dependencies`"),
    ] {
        let said = repository.run(&["export"]);
        assert_eq!(said.code, 1, "{}", said.stderr);
        let expected = format!(
            "warning[sandbox::undeclared]: `{target}` looked for `{path}`, which it does not depend on\n"
        );
        assert!(said.stderr.contains(&expected) && said.stderr.contains(help), "{}", said.stderr);
    }
}

#[test]
fn the_folder_of_generated_files_is_taken_over() {
    let repository = Repository::new(&[
        (
            "d/BUILD",
            "python_library()\ngenrule(name = 'a', outputs = ['a.py'], command = 'echo A = 1 > $OUTS')\n\
             genrule(name = 'b', outputs = ['b.py'], command = 'echo B = 1 > $OUTS')\n",
        ),
        ("d/use.py", "from d.a import A\n"),
    ]);
    let files = || {
        let mut names: Vec<String> = repository.dist();
        names.retain(|name| name.starts_with("generated/") && !name.contains("__pycache__"));
        names
    };
    assert_eq!(repository.run(&["export"]).code, 0);
    let all = ["generated/d/a.py", "generated/d/b.py"];
    assert_eq!(files(), all);
    // A shell that needs one of them takes away none.
    let said = repository.run(&["repl", "d/use.py", "--", "-c", "from d.a import A; print(A)"]);
    assert_eq!((said.stdout.trim(), files()), ("1", all.map(str::to_owned).to_vec()), "{}", said.stderr);
    assert_eq!(repository.run(&["cache", "clear"]).code, 0);
    let said = repository.run(&["export"]);
    assert_eq!((said.code, files()), (0, all.map(str::to_owned).to_vec()), "{}", said.stderr);
}

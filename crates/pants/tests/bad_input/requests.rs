//! Command lines and programs that ask for what cannot be.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::index::{Index, silent};
use crate::repository::{CONFIGURATION, Repository};

/// A repository with one program, whose fields are given.
fn program(fields: &str) -> Repository {
    Repository::new(&[
        ("svc/server.py", "def run():\n    print(\"served\")\n"),
        (
            "svc/BUILD",
            &format!(
                "python_library(name = \"lib\")\n\npython_binary(\n    name = \"app\",\n    {fields}\n    \
                 dependencies = [\":lib\"],\n)\n"
            ),
        ),
    ])
}

/// Checks what is said when the program with these fields is built.
#[track_caller]
fn check(fields: &str, expected: &str) {
    program(fields).fails(&["binary", "--offline", "//svc:app"], 2, expected);
}

#[test]
fn unknown_option() {
    let said = program("").run(&["list", "--outptu", "json", "::"]);
    program("").compare(
        &said,
        2,
        r#"
error: unexpected argument '--outptu' found

  tip: a similar argument exists: '--output'

Usage: pants list [OPTIONS] [TARGET]...

For more information, try '--help'.
"#,
    );
    assert_eq!(said.stdout, "");
}

#[test]
fn unknown_goal() {
    let said = program("").run(&["binry", "::"]);
    program("").compare(
        &said,
        2,
        r#"
error: unrecognized goal 'binry'

  tip: a similar goal exists: 'binary'

Usage: pants [OPTIONS] <GOAL>

For more information, try '--help'.
"#,
    );
    assert_eq!(said.stdout, "");
}

#[test]
fn goal_without_targets() {
    let said = program("").run(&["binary"]);
    program("").compare(
        &said,
        2,
        r#"
error: the following required arguments were not provided:
  <TARGET>...

Usage: pants binary [OPTIONS] [TARGET]...

For more information, try '--help'.
"#,
    );
}

#[test]
fn no_program_among_the_targets() {
    program("").fails(
        &["binary", "//svc:lib"],
        2,
        r#"
error[binary::none]: no `python_binary` is among `//svc:lib`
 |
 = help: `pants list --type python_binary ::` names all that there are
"#,
    );
    program("").fails(
        &["run", "--as-package", "//svc:lib"],
        2,
        r#"
error[run::one_program]: `//svc:lib` is no `python_binary`
 |
 = help: `pants list --type python_binary ::` names all that there are
"#,
    );
}

#[test]
fn unknown_type_of_targets() {
    program("").fails(
        &["list", "--type", "python_binry", "::"],
        2,
        r#"
error[list::rule]: there is no rule `python_binry`
 |
 = help: did you mean `python_binary`?
"#,
    );
}

#[test]
fn entry_point_that_is_none() {
    check(
        "entry_point = \"svc/server\",",
        r#"
error[python::entry_point]: `svc/server` is no entry point: expected `module`, `module:function`, `file.py` or `file.py:function`
 --> svc/BUILD:5:19
  |
5 |     entry_point = "svc/server",
  |                   ^^^^^^^^^^^^
  |
  = help: did you mean `svc.server`?
"#,
    );
}

#[test]
fn entry_point_file_that_is_no_source() {
    check(
        "entry_point = \"sever.py\",",
        r#"
error[python::entry_point_unowned]: the entry point `svc/sever.py` is a source of no target
 --> svc/BUILD:5:19
  |
5 |     entry_point = "sever.py",
  |                   ^^^^^^^^^^
  |
  = help: did you mean `svc/server.py`?
"#,
    );
    check(
        "entry_point = \"svc/server.py:run\",",
        r#"
error[python::entry_point_unowned]: the entry point `svc/svc/server.py` is a source of no target
 --> svc/BUILD:5:19
  |
5 |     entry_point = "svc/server.py:run",
  |                   ^^^^^^^^^^^^^^^^^^^
  |
  = help: files are relative to the BUILD file: write `server.py:run`
"#,
    );
}

#[test]
fn entry_point_module_that_does_not_exist() {
    check(
        "entry_point = \"svc.sever:run\",",
        r#"
error[python::no_module]: there is no module `svc.sever`: no target has it, and the program has no requirements
 --> svc/BUILD:5:19
  |
5 |     entry_point = "svc.sever:run",
  |                   ^^^^^^^^^^^^^^^
  |
  = help: did you mean `svc.server:run`?
"#,
    );
    check(
        "entry_point = \"server:run\",",
        r#"
error[python::no_module]: there is no module `server`: no target has it, and the program has no requirements
 --> svc/BUILD:5:19
  |
5 |     entry_point = "server:run",
  |                   ^^^^^^^^^^^^
  |
  = help: did you mean `svc.server:run`?
"#,
    );
}

#[test]
fn entry_point_of_the_standard_library() {
    let test = "entry_point_of_the_standard_library";
    let Some(index) = Index::start(test) else { return };
    let mut repository = program("entry_point = \"http.server\",");
    index.of(&mut repository);
    assert_eq!(repository.run(&["binary", "//svc:app"]).code, 0);
}

#[test]
fn entry_point_and_script_together() {
    check(
        "entry_point = \"server.py\",\n    script = \"gunicorn\",",
        r#"
error[pex::no_such_script]: there is no script `gunicorn`: the program has no requirements
 --> svc/BUILD:6:14
  |
6 |     script = "gunicorn",
  |              ^^^^^^^^^^
  |
  = help: name the requirement that has it in `dependencies`
"#,
    );
}

#[test]
fn two_programs_with_one_output_path() {
    let repository = Repository::new(&[
        ("svc/a.py", ""),
        (
            "svc/BUILD",
            "python_library(name = \"lib\")\n\n\
             python_binary(name = \"one\", entry_point = \"a.py\", output_path = \"app.pex\")\n\n\
             python_binary(name = \"two\", entry_point = \"a.py\", output_path = \"app.pex\")\n",
        ),
    ]);
    repository.fails(
        &["binary", "--offline", "::"],
        2,
        r#"
error[python::output_clash]: `//svc:one` and `//svc:two` would both be written to `dist/app.pex`
 --> svc/BUILD:5:1
  |
5 | python_binary(name = "two", entry_point = "a.py", output_path = "app.pex")
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: give one of them another `output_path`
"#,
    );
}

/// Where no terminal is, an interrupted command writes no codes for one.
#[test]
fn interrupted_without_a_terminal() {
    let mut repository = program("entry_point = \"server.py\",");
    let (_listener, address) = silent();
    repository.env.insert("PIP_INDEX_URL".to_owned(), address);
    let mut command = repository.command(&["binary", "//svc:app"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    stderr.read_line(&mut said).unwrap();
    assert!(said.starts_with("fetch "), "{said}");
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    said.clear();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!((said.as_str(), child.wait().unwrap().code()), ("interrupted\n", Some(130)));
}

#[test]
fn output_path_below_that_of_another_program() {
    let repository = Repository::new(&[
        ("svc/a.py", ""),
        (
            "svc/BUILD",
            "python_library(name = \"lib\")\n\n\
             python_binary(name = \"one\", entry_point = \"a.py\", output_path = \"same.pex/app\")\n\n\
             python_binary(name = \"two\", entry_point = \"a.py\", output_path = \"same.pex\")\n",
        ),
    ]);
    repository.fails(
        &["binary", "--offline", "::"],
        2,
        r#"
error[python::output_clash]: `//svc:two` writes the file `dist/same.pex`, which `//svc:one` needs as a folder of its own
 --> svc/BUILD:5:1
  |
5 | python_binary(name = "two", entry_point = "a.py", output_path = "same.pex")
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: give one of them another `output_path`
"#,
    );
}

#[test]
fn output_path_outside_of_dist() {
    check(
        "entry_point = \"server.py\",\n    output_path = \"../app.pex\",",
        r#"
error[python::output_path]: `../app.pex` is no path below `dist/`
 --> svc/BUILD:6:19
  |
6 |     output_path = "../app.pex",
  |                   ^^^^^^^^^^^^
  |
  = help: write it relative to `dist/`, without `..`, such as `services/app.pex`
"#,
    );
    check(
        "entry_point = \"server.py\",\n    output_path = \"/tmp/app.pex\",",
        r#"
error[python::output_path]: `/tmp/app.pex` is no path below `dist/`
 --> svc/BUILD:6:19
  |
6 |     output_path = "/tmp/app.pex",
  |                   ^^^^^^^^^^^^^^
  |
  = help: write it relative to `dist/`, without `..`, such as `services/app.pex`
"#,
    );
}

#[test]
fn sources_without_a_source_root() {
    let repository = program("entry_point = \"server.py\",");
    repository.write("pants.toml", format!("{CONFIGURATION}\n[source]\nroot_patterns = [\"src\"]\n"));
    repository.fails(
        &["binary", "--offline", "//svc:app"],
        2,
        r#"
error[python::no_source_root]: no source root holds `svc/server.py`, a source of `//svc:lib`
 --> svc/BUILD:1:1
  |
1 | python_library(name = "lib")
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: add its folder to `[source] root_patterns`
"#,
    );
}

#[test]
fn files_are_named_as_editors_and_shells_do() {
    let repository = Repository::new(&[("lib/BUILD", "python_library()\n"), ("lib/a.py", ""), ("a.py", "")]);
    let check = |folder: &str, text: &str, expect: &str| {
        let mut command = repository.command(&["list", text]);
        command.current_dir(repository.root().join(folder));
        let said = repository.said(command);
        assert_eq!((said.code, said.stdout.trim()), (0, expect), "{text} in {folder}: {}", said.stderr);
    };
    check("", "lib/a.py", "//lib:lib");
    check("lib", "lib/a.py", "//lib:lib");
    check("lib", "./a.py", "//lib:lib");
    check("lib", repository.root().join("lib/a.py").to_str().unwrap(), "//lib:lib");
    check("lib", "../lib/a.py", "//lib:lib");
}

#[test]
fn commands_of_a_goal_are_named() {
    let repository = Repository::new(&[]);
    let said = repository.run(&["cache", "foo"]);
    let expected = "error: unrecognized command 'foo'\n\n  tip: the commands of `cache` are stats, du, gc, clear, verify\n";
    assert!(said.code == 2 && said.stderr.starts_with(expected), "{}", said.stderr);
    let said = repository.run(&["cache"]);
    assert!(said.code == 2 && said.stderr.contains("Usage: pants cache"), "{}", said.stderr);
}

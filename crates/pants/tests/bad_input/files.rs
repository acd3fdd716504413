//! Files of the repository that are not what they should be, or that the user may not read.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::index::Index;
use crate::repository::{NOBODY, Repository, Said, is_root, skipped};

/// A program of one module, and a library of another one in the same folder.
fn program() -> Repository {
    Repository::new(&[
        ("svc/main.py", "print(\"served\")\n"),
        (
            "svc/BUILD",
            "python_library(name = \"lib\")\n\npython_binary(name = \"app\", entry_point = \"main.py\")\n",
        ),
    ])
}

const BUILD: [&str; 3] = ["binary", "--offline", "//svc:app"];

#[test]
fn symlink_loop_under_the_root() {
    let repository = program();
    symlink("..", repository.root().join("svc/up")).expect("a link");
    symlink("itself", repository.root().join("itself")).expect("a link");
    let said = repository.run(&["list", "--files", "::"]);
    repository.compare(&said, 0, "");
    assert_eq!(said.stdout, "//svc:app\n//svc:lib\n//svc/main.py:lib\n");
}

#[test]
fn build_file_that_links_to_itself() {
    let repository = program();
    fs::remove_file(repository.root().join("svc/BUILD")).expect("it is there");
    symlink("BUILD", repository.root().join("svc/BUILD")).expect("a link");
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[loader::unreadable]: `svc/BUILD` cannot be read: it is a symbolic link that leads to no file
"#,
    );
}

#[test]
fn build_file_that_is_a_fifo() {
    let repository = program();
    fifo(&repository, "web/BUILD");
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[loader::unreadable]: `web/BUILD` cannot be read: it is no regular file
"#,
    );
}

#[test]
fn file_name_that_is_not_utf8() {
    let repository = program();
    fs::write(repository.root().join("svc").join(OsStr::from_bytes(b"caf\xe9.py")), "").expect("a file");
    let said = repository.run(&["list", "::"]);
    repository.compare(
        &said,
        0,
        r#"
warning[loader::not_utf8_name]: a file in `svc` is left out, since its name `caf\xe9.py` is not UTF-8
 |
 = help: rename it, or name it in `pants_ignore`
"#,
    );
    assert_eq!(said.stdout, "//svc:app\n//svc:lib\n");
}

/// Runs `pants` as a user who is not root, in a copy of the program that he can start.
fn as_nobody(repository: &Repository, arguments: &[&str]) -> Said {
    if !is_root() {
        return repository.run(arguments);
    }
    let program = repository.beside("pants");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_pants"), &program).expect("a copy");
    }
    let cache = repository.cache();
    fs::create_dir_all(&cache).expect("a folder");
    let owned = Command::new("chown").args(["-R", NOBODY]).arg(&cache).status();
    assert!(owned.expect("chown").success());
    let program = program.display().to_string();
    let ids = [&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups", &program];
    repository.said(repository.command_through("setpriv", &[&ids, arguments].concat()))
}

/// Whether a test is, or can become, somebody who may not read a file.
fn can_be_nobody(test: &str) -> bool {
    let known = Command::new("setpriv").arg("--version").output().is_ok_and(|output| output.status.success());
    if is_root() && !known {
        skipped(test, "root needs `setpriv` to become another user");
    }
    !is_root() || known
}

#[test]
fn files_that_the_user_may_not_read() {
    if !can_be_nobody("files_that_the_user_may_not_read") {
        return;
    }
    let repository = program();
    let hidden = |path: &str| {
        fs::set_permissions(repository.root().join(path), fs::Permissions::from_mode(0o000)).expect("a mode");
    };
    hidden("svc/main.py");
    let said = as_nobody(&repository, &BUILD);
    repository.compare(
        &said,
        2,
        r#"
error[store::file_unreadable]: cannot read `svc/main.py`
 --> svc/BUILD:1:1
  |
1 | python_library(name = "lib")
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = note: Permission denied (os error 13)
  = note: a source of `//svc:lib`
  = help: `ls -l svc/main.py` shows who may read it
"#,
    );
    hidden("svc/BUILD");
    let said = as_nobody(&repository, &["list", "::"]);
    repository.compare(
        &said,
        2,
        r#"
error[loader::unreadable]: `svc/BUILD` cannot be read: permission denied
 |
 = help: `ls -l svc/BUILD` shows who may read it
"#,
    );
    hidden("svc");
    let said = as_nobody(&repository, &["list", "::"]);
    repository.compare(&said, 2, r#"
error[loader::walk]: the files of the repository cannot be listed: TMP/repository/svc: Permission denied (os error 13)
 |
 = help: name in `pants_ignore` what does not belong to the repository
"#);
    hidden("pants.toml");
    let said = as_nobody(&repository, &["list", "::"]);
    repository.compare(
        &said,
        2,
        r#"
error[config::unreadable]: cannot read `TMP/repository/pants.toml`: Permission denied (os error 13)
"#,
    );
}

#[test]
fn source_that_is_a_directory() {
    let repository = program();
    fs::create_dir(repository.root().join("svc/data.py")).expect("a folder");
    let build = "python_library(name = \"lib\", sources = [\"main.py\", \"data.py\"])\n";
    repository.write("svc/BUILD", build);
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[loader::missing_source]: `svc/data.py` is a directory
 --> svc/BUILD:1:52
  |
1 | python_library(name = "lib", sources = ["main.py", "data.py"])
  |                                                    ^^^^^^^^^
  |
  = help: name the files in it, as by `data.py/**`
"#,
    );
}

fn fifo(repository: &Repository, path: &str) {
    let path = repository.root().join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

#[test]
fn source_that_is_a_fifo() {
    let repository = program();
    fifo(&repository, "svc/pipe.py");
    repository.write("svc/BUILD", "python_library(name = \"lib\", sources = [\"main.py\", \"pipe.py\"])\n");
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[loader::unreadable]: `svc/pipe.py` cannot be read: it is no regular file
 --> svc/BUILD:1:52
  |
1 | python_library(name = "lib", sources = ["main.py", "pipe.py"])
  |                                                    ^^^^^^^^^
"#,
    );
}

#[test]
fn source_that_is_a_dangling_symlink() {
    let repository = program();
    symlink("nowhere.py", repository.root().join("svc/link.py")).expect("a link");
    repository.write("svc/BUILD", "python_library(name = \"lib\", sources = [\"main.py\", \"link.py\"])\n");
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[loader::unreadable]: `svc/link.py` cannot be read: it is a symbolic link that leads to no file
 --> svc/BUILD:1:52
  |
1 | python_library(name = "lib", sources = ["main.py", "link.py"])
  |                                                    ^^^^^^^^^
"#,
    );
}

#[test]
fn source_that_is_ignored() {
    let repository = program();
    repository.write(".gitignore", "*_generated.py\n");
    repository.write("svc/api_generated.py", "");
    repository.write("svc/BUILD", "python_library(name = \"lib\", sources = [\"api_generated.py\"])\n");
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[loader::ignored_source]: `svc/api_generated.py` is left out by `*_generated.py` in `.gitignore`
 --> svc/BUILD:1:41
  |
1 | python_library(name = "lib", sources = ["api_generated.py"])
  |                                         ^^^^^^^^^^^^^^^^^^
  |
  = help: what is left out does not exist for BUILD files: take it out there, or leave it out here
"#,
    );
}

/// What a pattern does not match is not a source, whatever it is.
#[test]
fn patterns_pass_over_what_is_no_file() {
    let repository = program();
    fifo(&repository, "svc/pipe.py");
    symlink("nowhere.py", repository.root().join("svc/link.py")).expect("a link");
    fs::create_dir(repository.root().join("svc/folder.py")).expect("a folder");
    let said = repository.run(&["list", "--files", "//svc:lib"]);
    repository.compare(&said, 0, "");
    assert_eq!(said.stdout, "//svc:lib\n//svc/main.py:lib\n");
}

#[test]
fn source_under_a_name_of_the_runtime() {
    let test = "source_under_a_name_of_the_runtime";
    let Some(index) = Index::start(test) else { return };
    let mut repository = program();
    index.of(&mut repository);
    repository.write("__main__.py", "print(\"mine\")\n");
    repository.write("__pex__/__init__.py", "");
    repository.write("BUILD", "python_library(name = \"top\")\n");
    repository.write("__pex__/BUILD", "python_library(name = \"pex\")\n");
    repository.write(
        "svc/BUILD",
        "python_library(name = \"lib\")\n\npython_binary(\n    name = \"app\",\n    entry_point = \"main.py\",\n    \
         dependencies = [\"//:top\", \"//__pex__:pex\"],\n)\n",
    );
    let said = repository.run(&["binary", "//svc:app"]);
    repository.compare(&said, 2, r#"
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[pex::reserved_name]: `__main__.py` cannot be in a PEX: the top-level name `__main__.py` is the runtime's own
                           `__pex__/__init__.py` cannot be in a PEX: every path that starts with `__pex__` belongs to its runtime
 |
 = note: while trying to check the sources of //svc:app
 = help: rename the file, or put it into a package
5 steps run, 0 from the cache, in N s
"#);
    assert_eq!(said.stdout, "");
    assert_eq!(repository.dist(), [""; 0]);
}

/// A large file is rewritten all the time that builds read it: each build gives a whole PEX or says that it changes.
#[test]
fn file_that_is_edited_during_the_build() {
    let Some(index) = Index::start("file_that_is_edited_during_the_build") else { return };
    let mut repository = program();
    index.of(&mut repository);
    let path = repository.root().join("svc/data.py");
    let text = |letter: char| format!("# {}\n", letter.to_string().repeat(4 << 20));
    let (one, other) = (text('a'), text('b'));
    fs::write(&path, &one).expect("a file");
    let said = repository.run(&["binary", "//svc:app"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                fs::write(&path, &other).expect("a file");
                fs::write(&path, &one).expect("a file");
            }
        });
        for _ in 0..10 {
            let said = repository.run(&["binary", "//svc:app"]);
            if said.code == 0 {
                check_whole(&repository);
            } else {
                let expected = "error[store::changing]: `svc/data.py` changes while it is read\n |\n \
                                = help: build again when nothing writes to the file";
                repository.compare(&said, 2, expected);
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    fs::write(&path, &one).expect("a file");
    let said = repository.run(&["binary", "//svc:app"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    check_whole(&repository);
    repository.no_leftovers();
}

/// Python reads every entry of the PEX and compares it with its checksum.
fn check_whole(repository: &Repository) {
    let mut python = Command::new("python3");
    let program = "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip())";
    let status = python.args(["-c", program]).arg(repository.root().join("dist/svc/app.pex")).status();
    assert!(status.expect("python").success());
}

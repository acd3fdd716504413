//! `pants run` by the finished program: what it starts, what that is given, and a real debugger that stops at a line.
//!
//! A test that needs what a machine may lack (the index) prints `skipped: <test>: <why>`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod debugger;
#[path = "../bad_input/repository.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod repository;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::repository::{Repository, skipped};

/// A program that tells what it was given, over a library.
fn service() -> Repository {
    Repository::new(&[
        ("lib/BUILD", "python_library()\n"),
        ("lib/sums.py", "def add(a, b):\n    return a + b\n"),
        (
            "svc/BUILD",
            "python_library(name = \"code\")\n\
             python_binary(name = \"app\", entry_point = \"main.py\", args = [\"--first\"], env = {\"LEVEL\": \"info\"})\n\
             python_binary(name = \"call\", entry_point = \"main.py:main\")\n\
             python_binary(name = \"shell\", dependencies = [\":code\"])\n",
        ),
        (
            "svc/main.py",
            "import os\nimport sys\n\nfrom lib.sums import add\n\n\ndef main():\n    \
             print(add(1, 2), __name__, sys.argv[1:], os.environ.get('LEVEL'), os.getcwd())\n    return 3\n\n\n\
             if __name__ == '__main__':\n    sys.exit(main())\n",
        ),
    ])
}

#[test]
fn programs_files_and_functions_start_from_sources() {
    let repository = service();
    let root = repository.root().display().to_string();
    let check = |arguments: &[&str], expect: &str| {
        let said = repository.run(&[&["-q", "run"], arguments].concat());
        assert_eq!((said.code, said.stdout.trim_end()), (3, expect), "{}", said.stderr);
    };
    check(&["//svc:app", "--", "a", "-b"], &format!("3 __main__ ['--first', 'a', '-b'] info {root}"));
    check(&["//svc:call"], &format!("3 svc.main [] None {root}"));
    check(&["svc/main.py", "--", "x y"], &format!("3 __main__ ['x y'] None {root}"));
    check(&["//svc:code"], &format!("3 __main__ [] None {root}"));
    assert_eq!(repository.dist(), [""; 0], "nothing is built");

    // An edit counts at the next start; a variable that is set stays; the folder is that of the user.
    repository.write("lib/sums.py", "def add(a, b):\n    return 10 * (a + b)\n");
    let mut command = repository.command(&["-q", "run", "//svc:app"]);
    command.current_dir(repository.root().join("lib")).env("LEVEL", "own");
    let said = repository.said(command);
    assert_eq!(said.stdout.trim_end(), format!("30 __main__ ['--first'] own {root}/lib"), "{}", said.stderr);
    // What lies in that folder is no module of the program.
    repository.write("lib/main.py", "raise SystemExit('not this')\n");
    let mut command =
        repository.command(&["-q", "run", "//svc:shell", "--", "-c", "import svc.main; print('in')"]);
    command.current_dir(repository.root().join("lib"));
    assert_eq!(repository.said(command).stdout, "in\n");
    // The same as a package.
    let said = repository.run(&["-q", "run", "--as-package", "//svc:code"]);
    assert!(said.code == 2 && said.stderr.contains("error[run::one_program]"), "{}", said.stderr);
}

#[test]
fn what_cannot_be_run_says_what_can() {
    let repository = service();
    repository.write("svc/more.py", "");
    repository.write("data/BUILD", "files(name = \"data\", sources = [\"*.txt\"])\n");
    repository.write("data/a.txt", "");
    let check = |arguments: &[&str], expect: &str| {
        repository.fails(&[&["run"], arguments].concat(), 2, expect);
    };
    check(
        &["//svc:code"],
        r#"
error[run::one_target]: `//svc:code` has 2 files of Python, and one can be run
 |
 = help: name one: `pants run svc/main.py`, `pants run svc/more.py`
"#,
    );
    check(
        &["svc::"],
        r#"
error[run::one_target]: `svc::` is 4 targets, and one can be run
 |
 = help: name one: `pants run //svc:app`, `pants run //svc:call`, `pants run //svc:code`
"#,
    );
    check(
        &["//data:data"],
        r#"
error[run::nothing]: `//data:data` is a `files`, of which nothing can be run
 |
 = help: a `python_binary`, a Python file and a `python_requirement` can be run; `pants list --type python_binary ::` names all binaries
"#,
    );
    check(
        &["//svc:app", "--script", "flask"],
        r#"
error[run::no_script]: no distribution that `//svc:app` reaches has a command `flask`
 |
 = help: name the distribution in `dependencies`, and run `pants lock` where it is not locked
"#,
    );
}

#[test]
fn the_program_is_the_process_itself() {
    let repository = service();
    repository.write("svc/BUILD", "python_library(name = \"code\")\n");
    repository.write(
        "svc/main.py",
        "import os\nimport signal\nimport sys\n\n\ndef end(number, frame):\n    os.write(1, b'ended by %d\\n' % number)\n    \
         os._exit(7)\n\n\nsignal.signal(signal.SIGTERM, end)\n\
         print(os.getpid(), sys.stdin.readline().strip(), sys.stdout.isatty(), flush=True)\nsignal.pause()\n",
    );
    let mut command = repository.command(&["-q", "run", "svc/main.py"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, format!("{} hello False\n", child.id()));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!((child.wait().unwrap().code(), rest.as_str()), (Some(7), "ended by 15\n"));

    // The terminal is that of the user.
    repository
        .write("svc/main.py", "import sys\nprint('terminal', sys.stdin.isatty(), sys.stdout.isatty())\n");
    let spawn = "import os, pty, sys; sys.exit(os.WEXITSTATUS(pty.spawn(sys.argv[1:])))";
    let run = repository.command(&["-q", "run", "svc/main.py"]);
    let mut terminal = Command::new("python3");
    terminal.arg("-c").arg(spawn).arg(run.get_program()).args(run.get_args()).current_dir(repository.root());
    terminal.env("PANTS_CACHE_DIR", repository.cache()).stdin(Stdio::null());
    let said = terminal.output().unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(text.contains("terminal True True"), "{text}{}", String::from_utf8_lossy(&said.stderr));
}

/// A command that knows the index of this machine.
fn online(repository: &Repository, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pants"));
    command.args(arguments).current_dir(repository.root()).env("PANTS_CACHE_DIR", repository.cache());
    command
}

/// The exit code, and all that was said.
fn run(repository: &Repository, arguments: &[&str]) -> (i32, String) {
    let said = online(repository, arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (said.status.code().unwrap(), text(&said.stdout) + &text(&said.stderr))
}

/// Locks what a repository requires; says so where that cannot be had.
fn locked(repository: Repository, test: &str) -> Option<Repository> {
    let (code, said) = run(&repository, &["-q", "lock"]);
    if code == 3 {
        skipped(test, &said);
        return None;
    }
    assert_eq!(code, 0, "{said}");
    Some(repository)
}

#[test]
fn commands_of_requirements() {
    let requirement = |name: &str, project: &str| {
        format!("python_requirement(name = \"{name}\", requirements = [\"{project}\"])\n")
    };
    let reqs =
        ["cowsay", "pyserial", "pygments", "six"].map(|project| requirement(project, project)).concat();
    let repository = service();
    repository.write("3rdparty/BUILD", reqs);
    let Some(repository) = locked(repository, "commands_of_requirements") else { return };
    // That with its name, that which is alone, and none of several.
    let (code, said) = run(&repository, &["-q", "run", "//3rdparty:cowsay", "--", "-t", "moo"]);
    assert!(code == 0 && said.contains("moo"), "{said}");
    let (code, said) = run(&repository, &["-q", "run", "//3rdparty:pygments", "--", "-V"]);
    assert!(code == 0 && said.starts_with("Pygments version"), "{said}");
    let (code, said) = run(&repository, &["-q", "run", "//3rdparty:pyserial"]);
    assert!(
        code == 2 && said.contains("error[run::one_command]") && said.contains("`pyserial-ports`"),
        "{said}"
    );
    let named = ["-q", "run", "//3rdparty:pyserial", "--script", "pyserial-ports", "--", "--help"];
    let (code, said) = run(&repository, &named);
    assert!(code == 0 && said.contains("usage:"), "{said}");
    let (code, said) = run(&repository, &["-q", "run", "//3rdparty:six"]);
    assert!(code == 2 && said.contains("error[run::no_command]: `//3rdparty:six` has no command"), "{said}");
    // A name that is near.
    let (code, said) = run(&repository, &["run", "//3rdparty:pygments", "--script", "pygmentise"]);
    assert!(code == 2 && said.contains("did you mean `pygmentize`?"), "{said}");
}

#[test]
fn commands_import_first_party_code_before_all_else() {
    let repository = service();
    repository
        .write("3rdparty/BUILD", "python_requirement(name = \"pytest\", requirements = [\"pytest\"])\n");
    repository.write(
        "svc/BUILD",
        "python_library(name = \"code\")\npython_binary(name = \"test\", script = \"pytest\", \
         args = [\"-p\", \"svc.plugin\", \"--co\"], dependencies = [\":code\", \"//3rdparty:pytest\"])\n\
         python_binary(name = \"app\", entry_point = \"path.py\", env = {\"PYTHONPATH\": \"/own/a\"})\n",
    );
    repository.write("svc/plugin.py", "print('plugged in')\n");
    repository.write("svc/path.py", "import os\n\nprint(os.environ['PYTHONPATH'])\n");
    let test = "commands_import_first_party_code_before_all_else";
    let Some(repository) = locked(repository, test) else { return };
    let mut command = online(&repository, &["-q", "run", "//svc:test"]);
    let said = command.current_dir("/").arg("--root").arg(repository.root()).output().unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).contains("plugged in"), "{said:?}");

    // What the program or the user has on the path stays behind it.
    let root = repository.root().display().to_string();
    let (_, said) = run(&repository, &["-q", "run", "//svc:app"]);
    assert_eq!(said.trim_end(), format!("{root}:/own/a"));
    let given =
        online(&repository, &["-q", "run", "//svc:app"]).env("PYTHONPATH", "/a::/b").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&given.stdout).trim_end(), format!("{root}:/a:/b"), "{given:?}");
    let (code, said) = run(&repository, &["-q", "run", "//svc:test", "--script", "/bin/ls"]);
    assert!(code == 2 && said.contains("error[run::no_script]"), "{said}");
}

#[test]
fn what_runs_keeps_its_virtualenv() {
    let repository = service();
    repository.write("svc/main.py", "import sys\n\nprint('up', flush=True)\nsys.stdin.read()\n");
    repository.write("svc/other.py", "");
    repository.write("3rdparty/BUILD", "python_requirement(name = \"six\", requirements = [\"six\"])\n");
    let Some(repository) = locked(repository, "what_runs_keeps_its_virtualenv") else { return };
    let mut command = online(&repository, &["-q", "run", "svc/main.py"]);
    let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    let all = repository.cache().join("environments");
    let folders = || std::fs::read_dir(&all).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let age = |folder: &std::path::Path| {
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(8 * 24 * 3600);
        std::fs::File::open(folder).unwrap().set_modified(old).unwrap();
    };
    let [folder] = folders().try_into().unwrap();
    age(&folder);
    let other = ["-q", "run", "//3rdparty:six", "--script", "python"];
    assert_eq!(run(&repository, &other).0, 0);
    assert!(folder.exists(), "it is in use");
    drop(server.stdin.take());
    server.wait().unwrap();
    age(&folder);
    assert_eq!(run(&repository, &other).0, 0);
    assert!(!folder.exists(), "nobody uses it any more");
}

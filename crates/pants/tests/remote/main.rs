//! Builds share what they make through servers that really run: what one machine made no other makes again, and whatever a
//! server does, a build has the right bytes and succeeds.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod doctor;
mod execution;
mod faults;
mod guard;
mod plain;
mod plain_faults;
mod plain_servers;
mod servers;
mod tokens;
mod wire;
mod workers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use servers::{Server, casd};
use tempfile::TempDir;

/// A program with what a step makes that never makes the same twice.
const BUILD: &str = "python_library(name = 'lib')\n\
     genrule(name = 'numbers', outputs = ['numbers.txt', 'more/large.bin'],\n        \
     command = 'head -c 16 /dev/urandom > numbers.txt; head -c 5000000 /dev/urandom > more/large.bin')\n\
     genrule(name = 'names', sources = ['names.txt'], outputs = ['names.py'], \
     command = 'echo \"NAMES = $(wc -c < $SRCS)\" > $OUTS')\n\
     python_binary(name = 'app', entry_point = 'main.py', dependencies = [':numbers', ':names'])\n";

/// A repository, and a machine for each cache that it is built with.
pub(crate) struct Bench {
    folder: TempDir,
    pub(crate) address: String,
    /// Variables that every run has.
    pub(crate) shown: Vec<(String, String)>,
}

/// What a build said.
pub(crate) struct Built {
    pub(crate) report: Value,
    pub(crate) stderr: String,
    /// The content of the program.
    pub(crate) bytes: Vec<u8>,
}

impl Built {
    /// How many steps ran.
    pub(crate) fn ran(&self) -> u64 {
        self.report["actions_run"].as_u64().unwrap()
    }

    /// How many programs ran.
    pub(crate) fn programs(&self) -> u64 {
        self.report["actions_run_by_kind"]["run"].as_u64().unwrap_or_default()
    }

    /// Whether a warning of this code was said.
    pub(crate) fn warns(&self, code: &str) -> bool {
        self.stderr.contains(&format!("warning[{code}]"))
    }
}

impl Bench {
    pub(crate) fn new(folder: TempDir, address: &str) -> Bench {
        let bench = Bench { folder, address: address.to_owned(), shown: Vec::new() };
        fs::create_dir_all(bench.path("repository/app")).unwrap();
        fs::create_dir_all(bench.path("home")).unwrap();
        bench.write("pants.toml", "[python]\ninterpreter_constraints = [\"CPython>=3.9\"]\n");
        bench.write("app/BUILD", BUILD);
        bench.write("app/names.txt", "ada\n");
        bench.write("app/__init__.py", "");
        bench.write("app/main.py", "from app import names\nprint(names.NAMES)\n");
        bench
    }

    /// With a `buildbox-casd`; none, and why is said, where it cannot be had.
    pub(crate) fn with_casd(test: &str) -> Option<(Bench, Server)> {
        let folder = scratch();
        let server = casd(folder.path());
        let server = server.map_err(|why| println!("skipped: {test}: no buildbox-casd: {why}")).ok()?;
        let address = server.address();
        Some((Bench::new(folder, &address), server))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::write(self.path("repository").join(path), text).unwrap();
    }

    /// `pants` on the machine of this name.
    pub(crate) fn pants(&self, machine: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pants"));
        command.args(arguments).current_dir(self.path("repository"));
        command.env("HOME", self.path("home")).env("PANTS_CACHE_DIR", self.path(machine));
        command.env("PANTS_REMOTE_CACHE", &self.address).env_remove("XDG_CACHE_HOME");
        command.envs(self.shown.iter().cloned());
        if let Some(home) = std::env::var_os("HOME") {
            command.env("PYENV_ROOT", Path::new(&home).join(".pyenv"));
        }
        command
    }

    /// Builds the program, which has to succeed, with these variables.
    pub(crate) fn build_with(&self, machine: &str, env: &[(&str, &str)]) -> Built {
        let mut command = self.pants(machine, &["--output", "json", "binary", "//app:app"]);
        self.built(command.envs(env.iter().copied()))
    }

    pub(crate) fn build(&self, machine: &str) -> Built {
        self.build_with(machine, &[])
    }

    /// What a command built that was just made.
    pub(crate) fn built(&self, command: &mut Command) -> Built {
        let _ = fs::remove_dir_all(self.path("repository/dist"));
        let output = command.output().unwrap();
        self.result(&output)
    }

    pub(crate) fn result(&self, output: &std::process::Output) -> Built {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}{}", String::from_utf8_lossy(&output.stdout));
        let report = serde_json::from_slice(&output.stdout).unwrap();
        Built { report, stderr, bytes: fs::read(self.path("repository/dist/app/app.pex")).unwrap() }
    }
}

pub(crate) fn scratch() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// The number in front of ` brought` in what a build says, in bytes.
pub(crate) fn brought(built: &Built) -> f64 {
    let said = built.stderr.split(" brought").next().unwrap().rsplit(", ").next().unwrap().to_owned();
    let (number, unit) = said.split_once(' ').unwrap();
    let factor =
        [("B", 1.0), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9)].into_iter().find(|(name, _)| *name == unit);
    number.parse::<f64>().unwrap() * factor.unwrap().1
}

#[test]
fn what_one_machine_made_no_other_makes_again() {
    let Some((bench, _server)) = Bench::with_casd("sharing through a server") else { return };
    let first = bench.build("one");
    assert_eq!(first.programs(), 2, "{}", first.stderr);
    let second = bench.build("two");
    assert_eq!(second.ran(), 0, "{}", second.stderr);
    assert!(second.bytes == first.bytes, "the bytes differ");
    // What lands in `dist/` is brought, what steps made (its imports are read) and the directories of all trees, and no wheel.
    assert!(brought(&second) < (first.bytes.len() + 5_000_000) as f64 * 1.02, "{}", second.stderr);
    // Nothing has changed: the server is not asked at all.
    let same = bench.pants("two", &["binary", "//app:app"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&same.stderr).contains("remote cache:"));

    // What changed is made, by what the server has of its inputs.
    bench.write("app/main.py", "from app import names\nprint(names.NAMES, 1)\n");
    let changed = bench.build("two");
    assert_eq!(changed.programs(), 0, "{}", changed.stderr);
    assert!(changed.ran() > 0 && changed.bytes != first.bytes);
    let third = bench.build("three");
    assert_eq!(third.ran(), 0, "{}", third.stderr);
    assert!(third.bytes == changed.bytes, "the bytes differ");
}

#[test]
fn who_only_reads_uploads_nothing() {
    let Some((bench, _server)) = Bench::with_casd("reading only") else { return };
    let reads = bench.build_with("one", &[("PANTS_REMOTE_WRITE", "false")]);
    assert!(reads.stderr.contains(" 0 B uploaded as 0 steps"), "{}", reads.stderr);
    assert!(bench.build("two").ran() > 0);
    let writes_alone = bench.build_with("three", &[("PANTS_REMOTE_READ", "false")]);
    assert!(writes_alone.ran() > 0, "{}", writes_alone.stderr);
}

#[test]
fn without_a_sandbox_nothing_is_uploaded_that_a_program_made() {
    let Some((bench, _server)) = Bench::with_casd("uploading without a sandbox") else { return };
    let first = bench.build_with("one", &[("PANTS_SANDBOX_LEVEL", "off")]);
    assert_eq!(first.programs(), 2);
    assert_eq!(bench.build("two").programs(), 2);
}

#[test]
fn tests_that_share_a_process_run_once_for_all() {
    let test = "tests that share a process";
    let Some((bench, _server)) = Bench::with_casd(test) else { return };
    bench.write(
        "app/BUILD",
        "python_requirement(name = 'pytest', requirements = ['pytest==8.3.*'])\n\
         python_tests(name = 'tests', batch = 'app')\n",
    );
    bench.write("app/a_test.py", "def test_a():\n    pass\n");
    bench.write("app/b_test.py", "def test_b():\n    pass\n");
    let locked = bench.pants("one", &["-q", "lock"]).output().unwrap();
    if locked.status.code() == Some(3) {
        return println!("skipped: {test}: {}", String::from_utf8_lossy(&locked.stderr));
    }
    let tested = |machine: &str| -> Value {
        let said = bench.pants(machine, &["--output", "json", "test", "::"]).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        serde_json::from_slice(&said.stdout).unwrap()
    };
    let first = tested("one");
    assert_eq!((&first["tests"][0]["cached"], &first["tests"][1]["cached"]), (&false.into(), &false.into()));
    let second = tested("two");
    assert_eq!((&second["tests"][0]["cached"], &second["tests"][1]["cached"]), (&true.into(), &true.into()));
    assert_eq!(second["actions_run"], 0, "{second:#}");
}

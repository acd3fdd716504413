//! A repository locks and builds against a private index with a password: what is pinned to it is taken from nowhere else,
//! what goes wrong is said, and the password is nowhere but where the user put it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod server;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use server::Private;
use tempfile::TempDir;

const USER: &str = "bob";
const PASSWORD: &str = "s3cret/p w";
/// The ways in which the password could be written down: as it is, in an address, in a header.
const TRACES: [&str; 4] = ["s3cret", "s3cret%2Fp%20w", "s3cret%2Fp+w", "Ym9iOnMzY3JldC9wIHc"];

/// A repository with a cache and a home beside it.
struct Bench {
    folder: TempDir,
    server: Private,
}

impl Bench {
    /// None, and why is said, where there is no server or no network.
    fn new(test: &str) -> Option<Bench> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let started = Private::start(folder.path(), USER, PASSWORD);
        let server = started.map_err(|why| println!("skipped: {test}: no pypiserver: {why}")).ok()?;
        let bench = Bench { folder, server };
        for name in ["repository", "home"] {
            fs::create_dir_all(bench.path(name)).unwrap();
        }
        Some(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.path("repository").join(path), text).unwrap();
    }

    /// The program of these requirements, by a configuration in which `URL` is the server's address.
    fn program(&self, requirements: &str, configuration: &str) {
        self.write("pants.toml", &configuration.replace("URL", &self.server.url()));
        self.write(
            "BUILD",
            &format!(
                "python_requirement(name = \"reqs\", requirements = {requirements})\n\
                 python_library(name = \"lib\", sources = [\"main.py\"], dependencies = [\":reqs\"])\n\
                 python_binary(name = \"app\", entry_point = \"main.py\", dependencies = [\":lib\"])\n"
            ),
        );
        self.write("main.py", "import corp_lib\nprint(corp_lib.WHERE)\n");
    }

    /// What `pants` says with these variables: its exit code, and both streams.
    fn pants(&self, arguments: &[&str], env: &[(&str, &str)]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pants"));
        command.args(arguments).current_dir(self.path("repository"));
        command.env("HOME", self.path("home")).env("PANTS_CACHE_DIR", self.path("cache"));
        for variable in ["NETRC", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
            command.env_remove(variable);
        }
        if let Some(home) = std::env::var_os("HOME") {
            command.env("PYENV_ROOT", Path::new(&home).join(".pyenv"));
        }
        let output = command.envs(env.iter().copied()).output().unwrap();
        let said = [output.stderr, output.stdout].concat();
        let said = String::from_utf8(said).unwrap();
        assert_clean("what it says", said.as_bytes());
        assert!(!said.contains(&self.server.url()), "{said}");
        (output.status.code().unwrap(), said)
    }

    /// Looks for the password in every file that was written but those of the user and the server.
    fn no_traces(&self) {
        let mut folders = vec![self.path("repository"), self.path("cache")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                match entry.file_type().unwrap() {
                    kind if kind.is_dir() => folders.push(entry.path()),
                    kind if kind.is_file() => {
                        assert_clean(&entry.path().display().to_string(), &fs::read(entry.path()).unwrap());
                    }
                    _ => {}
                }
            }
        }
    }
}

fn assert_clean(what: &str, bytes: &[u8]) {
    for trace in TRACES {
        let found = bytes.windows(trace.len()).any(|window| window == trace.as_bytes());
        assert!(!found, "{what} has `{trace}`");
    }
}

const SCOPED: &str = "[python]\ninterpreters = [\"3.12\"]\n\n[[python-repos.indexes]]\nname = \"corp\"\nurl = \"URL\"\n\
                      packages = [\"six\", \"corp-*\"]\n";

const CREDENTIALS: [(&str, &str); 2] =
    [("PANTS_INDEX_CORP_USERNAME", USER), ("PANTS_INDEX_CORP_PASSWORD", PASSWORD)];

/// Whether a command failed since nothing but the test's own server can be reached.
fn unreachable(said: &str) -> bool {
    said.contains("the index `default`") && said.contains("cannot get")
}

#[test]
fn a_private_index_is_locked_and_built_against() {
    let Some(bench) = Bench::new("a private index") else { return };
    let packages = &bench.server.packages;
    // The public index has a `six` of its own, newer by far.
    bench.server.wheel(packages, ("six", "0.1"), "WHERE = 'private'\n", &[]);
    bench.server.wheel(packages, ("corp_lib", "2.0"), "import six\nWHERE = six.WHERE\n", &["six", "idna"]);
    bench.program("[\"corp-lib\"]", SCOPED);

    let (code, said) = bench.pants(&["lock"], &[]);
    if unreachable(&said) {
        return println!("skipped: a private index: {said}");
    }
    let refused = "cannot resolve `default`: the index `corp` refused `corp-lib`: status";
    assert_eq!(code, 3, "{said}");
    assert!(said.contains(&format!("{refused} 401")), "{said}");
    assert!(said.contains("set `PANTS_INDEX_CORP_USERNAME` and `PANTS_INDEX_CORP_PASSWORD`"), "{said}");
    let wrong = [CREDENTIALS[0], ("PANTS_INDEX_CORP_PASSWORD", "s3cre")];
    let (code, said) = bench.pants(&["lock"], &wrong);
    assert!(code == 3 && said.contains(refused), "{said}");
    assert!(said.contains("which come from `PANTS_INDEX_CORP_PASSWORD`"), "{said}");

    // From here on, what uv is called with is written down.
    let (uv, log) = (bench.path("cache/tools/uv-0.13.9/uv"), bench.path("arguments"));
    let real = bench.path("uv");
    fs::rename(&uv, &real).unwrap();
    let script = format!("#!/bin/sh\necho \"$@\" >> {}\nexec {} \"$@\"\n", log.display(), real.display());
    fs::write(&uv, script).unwrap();
    fs::set_permissions(&uv, fs::Permissions::from_mode(0o755)).unwrap();

    let (code, said) = bench.pants(&["lock"], &CREDENTIALS);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("six 0.1") && said.contains("corp-lib 2.0"), "{said}");
    assert_clean("what uv is called with", &fs::read(&log).unwrap());
    assert_eq!(bench.pants(&["lock", "--check"], &CREDENTIALS).0, 0);
    let lock = fs::read_to_string(bench.path("repository/pants.lock")).unwrap();
    assert!(!lock.contains("://") && lock.matches("index = \"corp\"").count() == 2, "{lock}");

    let (code, said) = bench.pants(&["--offline", "binary", ":app"], &CREDENTIALS);
    assert!(
        code == 3 && said.contains("files") && said.contains("`corp_lib-2.0-py3-none-any.whl`"),
        "{said}"
    );
    fs::write(bench.path("home/.netrc"), format!("machine 127.0.0.1 login {USER} password \"{PASSWORD}\"\n"))
        .unwrap();
    let (code, said) = bench.pants(&["-v", "run", ":app"], &[]);
    assert!(code == 0 && said.ends_with("private\n"), "{said}");
    bench.no_traces();
}

#[test]
fn what_is_pinned_is_looked_for_nowhere_else() {
    let Some(bench) = Bench::new("a pinned project") else { return };
    let (packages, other) = (&bench.server.packages, bench.path("repository/wheels"));
    bench.server.wheel(packages, ("corp_other", "1.0"), "", &[]);
    // The folder stands for an index that anybody may put files on.
    bench.server.wheel(&other, ("corp_lib", "9.0"), "", &[]);
    bench.server.wheel(&other, ("app", "1.0"), "", &["corp-lib"]);
    let plain = "[python]\ninterpreters = [\"3.12\"]\n\n[python-repos]\nfind_links = [\"wheels\"]\n";
    let pinned =
        format!("{plain}indexes = [{{ name = \"corp\", url = \"URL\", packages = [\"corp-*\"] }}]\n");
    bench.program("[\"app\"]", &pinned);
    let (code, said) = bench.pants(&["lock"], &CREDENTIALS);
    if unreachable(&said) {
        return println!("skipped: a pinned project: {said}");
    }
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("corp-lib was not found on the index `corp`, which it is pinned to"), "{said}");
    assert!(!bench.path("repository/pants.lock").exists());
    bench.server.wheel(packages, ("corp_lib", "1.0"), "WHERE = 'private'\n", &[]);
    let (code, said) = bench.pants(&["lock"], &CREDENTIALS);
    assert!(code == 0 && said.contains("corp-lib 1.0"), "{said}");

    // A lock from before the pin is refused.
    bench.program("[\"app\"]", plain);
    assert_eq!(bench.pants(&["lock"], &[]).0, 0);
    bench.program("[\"app\"]", &pinned);
    let (code, said) = bench.pants(&["binary", ":app"], &CREDENTIALS);
    let message = "the lock takes `corp_lib-9.0-py3-none-any.whl` from the index `find-links`, but `corp-lib` is pinned to \
                   the index `corp`";
    assert!(code == 2 && said.contains(message), "{said}");
}

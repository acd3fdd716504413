//! A repository in a temporary folder, and what the built `pants` says about it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// No command of these tests takes longer, or it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// What can be built for on every machine, whatever Pythons it has.
pub(crate) const CONFIGURATION: &str =
    "[python]\ninterpreters = [\"3.11\"]\nplatforms = [\"linux-x86_64\"]\n";
/// A user who is not root.
pub(crate) const NOBODY: &str = "65534";

/// A repository with a cache and a home of its own beside it.
pub(crate) struct Repository {
    folder: TempDir,
    /// Variables of the environment that commands run in; no others are there but `PATH` and `HOME`.
    pub(crate) env: BTreeMap<String, String>,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Repository {
    /// A repository with these files, and [`CONFIGURATION`] as `pants.toml` where none is among them.
    pub(crate) fn new(files: &[(&str, &str)]) -> Repository {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Others may enter it: some tests run as another user.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let repository = Repository { folder, env: BTreeMap::new() };
        for name in ["repository", "home"] {
            fs::create_dir(repository.beside(name)).expect("a folder");
        }
        repository.write("pants.toml", CONFIGURATION);
        for (path, text) in files {
            repository.write(path, text);
        }
        repository
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.beside("repository")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.beside("cache")
    }

    /// A path next to the repository.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().expect("it is there").join(name)
    }

    /// Writes a file of the repository and the folders above it.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("it is below the root")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The files in `dist/`, sorted.
    pub(crate) fn dist(&self) -> Vec<String> {
        files(&self.root().join("dist"))
    }

    /// The command `pants` in this repository, with the arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_through(env!("CARGO_BIN_EXE_pants"), arguments)
    }

    /// The same by another path of the program.
    pub(crate) fn command_through(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.root()).env_clear();
        command.env("PATH", std::env::var_os("PATH").expect("a path"));
        command.env("HOME", self.beside("home")).env("PANTS_CACHE_DIR", self.cache());
        if let Some(pyenv) = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv")) {
            command.env("PYENV_ROOT", pyenv);
        }
        command.envs(&self.env);
        command
    }

    /// Runs `pants` and gives what it said, with what differs from run to run replaced.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.said(self.command(arguments))
    }

    /// Runs a command and gives what it said, with what differs from run to run replaced.
    pub(crate) fn said(&self, command: Command) -> Said {
        let said = run(command);
        let folder = self.folder.path().canonicalize().expect("it is there");
        let plain = |text: &str| redacted(text, &folder.display().to_string());
        Said { code: said.code, stdout: said.stdout, stderr: plain(&said.stderr) }
    }

    /// Checks all that `pants` says about a request that is wrong or fails: the exit code and the whole of standard
    /// error, that standard output is empty, and that `--output json` says the same. Nothing half-written stays.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, expected: &str) {
        let said = self.run(arguments);
        self.compare(&said, code, expected);
        assert_eq!(said.stdout, "", "standard output has answers alone");
        let json = self.run(&[&["--output", "json"], arguments].concat());
        assert_eq!(json.code, code, "{}", json.stderr);
        let report: Value =
            serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error}: {}", json.stdout));
        assert_eq!(report["exit_code"], code);
        assert_eq!(report["artifacts"], serde_json::json!([]));
        self.compare_report(&report, expected);
        self.no_leftovers();
    }

    /// Checks the exit code and the whole of standard error.
    #[track_caller]
    pub(crate) fn compare(&self, said: &Said, code: i32, expected: &str) {
        assert!(
            said.code == code && said.stderr.trim_end() == expected.trim(),
            "exit code {}, expected {code}\n--- expected\n{}\n--- found\n{}\n--- end\n--- standard output\n{}",
            said.code,
            expected.trim(),
            said.stderr.trim_end(),
            said.stdout,
        );
    }

    /// Checks that the diagnostics of a report are those of the text, in its order.
    #[track_caller]
    fn compare_report(&self, report: &Value, text: &str) {
        let folder = self.folder.path().canonicalize().expect("it is there").display().to_string();
        let mut rest = text;
        let mut find = |wanted: &str| match rest.find(wanted) {
            Some(at) => rest = &rest[at + wanted.len()..],
            None => panic!("not in the text, or not in this order: {wanted}\n{rest}"),
        };
        let diagnostics = report["diagnostics"].as_array().expect("a list");
        assert_eq!(diagnostics.len(), titles(text), "{diagnostics:#?}");
        for diagnostic in diagnostics {
            let field = |name: &str| {
                diagnostic[name].as_str().map(|text| redacted(text, &folder).trim_end().to_owned())
            };
            let (severity, code) = (field("severity").unwrap(), field("code").unwrap());
            let message = field("message").expect("a message");
            let first = message.lines().next().expect("a line").to_owned();
            find(&format!("{severity}[{code}]: {first}"));
            let place = &diagnostic["place"];
            if let Some(file) = place["file"].as_str() {
                find(&format!("--> {file}:{}:{}", place["line"], place["column"]));
            }
            if let Some(help) = field("help") {
                find(help.lines().next().expect("a line"));
            }
        }
    }

    /// Checks that no temporary file is left where artifacts, locks and the cache are.
    #[track_caller]
    pub(crate) fn no_leftovers(&self) {
        let cache = self.cache();
        for folder in [self.root(), cache.join("partial"), cache.join("v1").join("tmp"), cache.join("tools")]
        {
            let names = files(&folder);
            let is_leftover = |name: &String| {
                let file = name.rsplit('/').next().unwrap_or(name);
                name.contains(".pants-") || file.starts_with(".tmp") || folder.ends_with("tmp")
            };
            let left: Vec<&String> = names.iter().filter(|name| is_leftover(name)).collect();
            assert!(left.is_empty(), "left in {}: {left:?}", folder.display());
        }
    }
}

/// How many diagnostics a text has.
fn titles(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("error[") || line.starts_with("warning[")).count()
}

/// The text without what differs from run to run.
fn redacted(text: &str, folder: &str) -> String {
    let text = text.replace(folder, "TMP");
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| match line.rsplit_once(", in ") {
            Some((head, tail)) if tail.ends_with(" s") && head.contains(" from the cache") => {
                format!("{head}, in N s\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    // Downloads begin in any order.
    for fetches in lines.chunk_by_mut(|one, other| one.starts_with("fetch ") && other.starts_with("fetch ")) {
        fetches.sort_unstable();
    }
    lines.concat()
}

/// Runs a command to its end, which has to come soon.
pub(crate) fn run(mut command: Command) -> Said {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = drain(child.stdout.take().expect("it is piped"));
    let stderr = drain(child.stderr.take().expect("it is piped"));
    let code = wait(&mut child, &command);
    let text = |thread: std::thread::JoinHandle<Vec<u8>>| {
        String::from_utf8(thread.join().expect("it reads")).expect("UTF-8")
    };
    Said { code, stdout: text(stdout), stderr: text(stderr) }
}

fn drain(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}

fn wait(child: &mut Child, command: &Command) -> i32 {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status.code().unwrap_or_else(|| panic!("{command:?} ended by {status}"));
        }
        if start.elapsed() > PATIENCE {
            child.kill().expect("it can be ended");
            panic!("{command:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// All files below a folder, sorted; none where there is no folder.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let entry = entry.expect("an entry");
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                found.push(path.strip_prefix(folder).expect("it is below").display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// Checks what is said about a repository with these files when all its targets are listed.
#[track_caller]
pub(crate) fn check(files: &[(&str, &str)], expected: &str) {
    Repository::new(files).fails(&["list", "::"], 2, expected);
}

/// Whether the tests are run by root, who may mount and become another user.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|found| std::os::unix::fs::MetadataExt::uid(&found) == 0)
}

/// Says that a test did not run.
pub(crate) fn skipped(test: &str, why: &str) {
    println!("skipped: {test}: {why}");
}

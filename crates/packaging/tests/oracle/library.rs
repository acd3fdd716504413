//! The library `packaging`, fetched by pip once and kept between runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A release of the library in a folder of its own.
pub(crate) struct Library {
    folder: PathBuf,
}

impl Library {
    /// The newest that was tried, and for old interpreters the last that runs on them. Nothing, and a line that says
    /// why, where pip cannot get it.
    pub(crate) fn find(old: bool) -> Option<Self> {
        Self::release(if old { &["packaging==20.9", "pyparsing==2.4.7"] } else { &["packaging==26.3"] })
    }

    /// Wheels of these releases, the first of which names them all.
    pub(crate) fn release(wanted: &[&str]) -> Option<Self> {
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = shared.join(wanted[0]);
        if !folder.is_dir() {
            let fresh = tempfile::tempdir_in(shared).unwrap();
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target"]);
            let done = pip.arg(fresh.path().join("it")).args(wanted).stderr(Stdio::null()).status();
            if !done.is_ok_and(|status| status.success()) {
                println!("skipped: no `python3` with pip, or no index to get `{}` from", wanted[0]);
                return None;
            }
            // Another test may have been faster.
            let _ = std::fs::rename(fresh.path().join("it"), &folder);
        }
        folder.is_dir().then_some(Self { folder })
    }

    /// Lets a Python import it.
    pub(crate) fn on_path<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("PYTHONPATH", &self.folder)
    }

    /// What a program prints as JSON, given an input as JSON.
    pub(crate) fn run(&self, python: &Path, program: &str, input: &Value) -> Value {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), input.to_string()).unwrap();
        let mut command = Command::new(python);
        command.args(["-B", "-c", program]).arg(file.path());
        let output = self.on_path(&mut command).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

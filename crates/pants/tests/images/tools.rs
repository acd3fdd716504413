//! The programs of others that the tests need: those of the machine, or else Debian's.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Mutex;

use crate::repository::skipped;

/// One installation at a time.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Whether a program is there now; else it is said that the test is skipped.
pub(crate) fn has(test: &str, program: &str, package: &str) -> bool {
    if find(program).is_some() {
        return true;
    }
    let _alone = INSTALLING.lock().unwrap();
    if find(program).is_none() {
        let install = "apt-get update -qq; apt-get install -y -qq --no-install-recommends \"$0\"";
        let _ = Command::new("sh")
            .args(["-c", install, package])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output();
    }
    let found = find(program).is_some();
    if !found {
        skipped(test, &format!("there is no `{program}`, and Debian's `{package}` cannot be installed"));
    }
    found
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// What a program says that has to succeed.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

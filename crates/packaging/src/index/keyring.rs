//! Passwords from the command `keyring`, asked for as pip's provider `subprocess` asks. Runs only where that is switched on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use engine::{Cancel, Said, run_and_listen};

/// How long it may take, with the question that it may have for the user.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first `keyring` on a search path.
pub(super) fn find(path: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join("keyring")).find(|file| file.is_file())
}

/// The password of a user for the first of the services that has one: the address of an index, and then its host.
pub(super) fn password(keyring: &Path, services: &[String], username: &str) -> Option<String> {
    services.iter().find_map(|service| {
        let mut command = Command::new(keyring);
        command.args(["get", service, username]).env("PYTHONIOENCODING", "utf-8");
        let said = run_and_listen(&mut command, Some(PATIENCE), &Cancel::new()).ok().filter(Said::success)?;
        let text = String::from_utf8(said.stdout).ok()?;
        let text =
            text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
        (!text.is_empty()).then(|| text.to_owned())
    })
}

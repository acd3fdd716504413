//! Folders that nothing can be written to, and file systems that are small: by mounts where root runs the tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::repository::{is_root, skipped};

/// What keeps folders from being written to until it is dropped.
pub(crate) enum Shut {
    Mounted(#[allow(dead_code, reason = "it is dropped")] Mount),
    Modes(PathBuf),
}

/// Makes a folder and all below it so that nothing can be written there: read-only by a mount for root, whom modes do
/// not stop, by modes for others.
pub(crate) fn shut(test: &str, folder: &Path) -> Option<Shut> {
    if is_root() {
        return Mount::read_only(test, folder).map(Shut::Mounted);
    }
    set_modes(folder, 0o555);
    Some(Shut::Modes(folder.to_owned()))
}

/// What the system says where something is [`shut`].
pub(crate) fn refusal() -> &'static str {
    if is_root() { "Read-only file system (os error 30)" } else { "Permission denied (os error 13)" }
}

impl Drop for Shut {
    fn drop(&mut self) {
        if let Shut::Modes(folder) = self {
            set_modes(folder, 0o755);
        }
    }
}

fn set_modes(folder: &Path, mode: u32) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            set_modes(&entry.path(), mode);
        }
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// A mount that ends with the test.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// Makes a folder read-only, its content as it is.
    fn read_only(test: &str, folder: &Path) -> Option<Mount> {
        let path = folder.display().to_string();
        let mount = Mount::new(test, &["--bind", &path, &path], folder)?;
        let again = Command::new("mount").args(["-o", "remount,bind,ro", &path]).status();
        assert!(again.is_ok_and(|status| status.success()), "a bind mount can be made read-only");
        Some(mount)
    }

    /// Puts an empty file system of this size over a folder.
    pub(crate) fn small(test: &str, folder: &Path, size: &str) -> Option<Mount> {
        let options = format!("size={size},mode=0777");
        Mount::new(test, &["-t", "tmpfs", "-o", &options, "tmpfs", &folder.display().to_string()], folder)
    }

    /// Gives a file system of [`Mount::small`] another size.
    pub(crate) fn resize(&self, size: &str) {
        let mut mount = Command::new("mount");
        let resized = mount.args(["-o", &format!("remount,size={size}")]).arg(&self.0).status();
        assert!(resized.is_ok_and(|status| status.success()), "a tmpfs can grow");
    }

    fn new(test: &str, arguments: &[&str], folder: &Path) -> Option<Mount> {
        let mounted = Command::new("mount").args(arguments).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Mount(folder.to_owned()));
        }
        skipped(test, "only root can mount");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{} stays mounted", self.0.display());
    }
}

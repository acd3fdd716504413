//! The folder of a project as a source distribution: its files as they are, and no backend is asked which of them count.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ignore::WalkBuilder;

use crate::distribution::sdist::{Member, archive};

/// The bytes of an archive of all files below `folder` that git would not ignore, each below `name/`. The same files give
/// the same bytes.
///
/// # Errors
/// A file or folder that cannot be read, or a name that is not UTF-8.
pub fn of_folder(folder: &Path, name: &str) -> io::Result<Vec<u8>> {
    let mut members = Vec::new();
    let is_kept = |entry: &ignore::DirEntry| entry.file_name() != ".git";
    let files = WalkBuilder::new(folder).hidden(false).require_git(false).filter_entry(is_kept).build();
    for entry in files {
        let entry = entry.map_err(|error| io::Error::other(error.to_string()))?;
        let state = entry.path().metadata()?;
        if !state.is_file() {
            continue;
        }
        let below = entry.path().strip_prefix(folder).ok().and_then(Path::to_str);
        let below = below.ok_or_else(|| {
            let message = format!("the name of `{}` is not UTF-8", entry.path().display());
            io::Error::new(io::ErrorKind::InvalidFilename, message)
        })?;
        members.push(Member {
            path: format!("{name}/{below}"),
            content: std::fs::read(entry.path())?,
            executable: state.permissions().mode() & 0o100 != 0,
        });
    }
    archive(members)
}

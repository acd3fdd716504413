//! Files that are written anew: shown as a difference, and put in their places when all of them are ready. Does not know
//! what is in them.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use similar::TextDiff;
use tempfile::NamedTempFile;

use crate::diagnostic::{Diagnostic, Exit};

/// How many lines around a change are shown.
const AROUND: usize = 3;

/// A file that shall have another content: text, or bytes of which nobody knows what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rewrite<T = String> {
    /// Relative to the root.
    pub(crate) path: String,
    /// What it holds; none where it is not there.
    pub(crate) old: Option<T>,
    pub(crate) new: T,
}

impl<T: AsRef<[u8]>> Rewrite<T> {
    /// What changes, as `diff -u` and git show it.
    pub(crate) fn diff(&self) -> String {
        let old = String::from_utf8_lossy(self.old.as_ref().map_or(&[], T::as_ref));
        let new = String::from_utf8_lossy(self.new.as_ref());
        let from = if self.old.is_some() { format!("a/{}", self.path) } else { "/dev/null".to_owned() };
        let diff = TextDiff::from_lines(&*old, &*new);
        diff.unified_diff().context_radius(AROUND).header(&from, &format!("b/{}", self.path)).to_string()
    }
}

/// Writes all files, each at once. Where one of them cannot be prepared, none is written.
pub(crate) fn write<T: AsRef<[u8]>>(root: &Path, rewrites: &[Rewrite<T>]) -> Result<(), Vec<Diagnostic>> {
    let (mut ready, mut errors) = (Vec::new(), Vec::new());
    for rewrite in rewrites {
        match prepare(root, rewrite) {
            Ok(prepared) => ready.push(prepared),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let failed = ready.into_iter().filter_map(|(file, place)| {
        let error = file.persist(&place).err()?.error;
        Some(cannot(root, &place, &error))
    });
    let failed: Vec<Diagnostic> = failed.collect();
    if failed.is_empty() { Ok(()) } else { Err(failed) }
}

/// The new content beside the place where it goes.
fn prepare<T: AsRef<[u8]>>(
    root: &Path,
    rewrite: &Rewrite<T>,
) -> Result<(NamedTempFile, PathBuf), Diagnostic> {
    let path = root.join(&rewrite.path);
    // A link stays one.
    let place = path.canonicalize().unwrap_or(path);
    let failed = |error: std::io::Error| cannot(root, &place, &error);
    let found = match std::fs::read(&place) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    if found.as_deref() != rewrite.old.as_ref().map(T::as_ref) {
        let message = format!("`{}` was edited meanwhile", rewrite.path);
        let error = Diagnostic::error(Exit::Wrong, "rewrite::edited", message);
        return Err(error.note("nothing is written").help(Some("run it again")));
    }
    let mode = place.metadata().map_or(0o666, |found| found.permissions().mode());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pants-").permissions(Permissions::from_mode(0o666));
    let mut file = builder.tempfile_in(place.parent().unwrap_or(root)).map_err(failed)?;
    file.write_all(rewrite.new.as_ref()).map_err(failed)?;
    if rewrite.old.is_some() {
        file.as_file().set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
    }
    file.as_file().sync_data().map_err(failed)?;
    Ok((file, place))
}

fn cannot(root: &Path, place: &Path, error: &std::io::Error) -> Diagnostic {
    let shown = crate::session::shown(place, root);
    Diagnostic::error(Exit::Environment, "rewrite::cannot_write", format!("cannot write `{shown}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: Option<&str>, new: &str, on_disk: Option<&str>, expect: Result<(), &str>) {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("BUILD");
        if let Some(text) = on_disk {
            std::fs::write(&place, text).unwrap();
        }
        let rewrite =
            Rewrite { path: "BUILD".to_owned(), old: old.map(ToOwned::to_owned), new: new.to_owned() };
        let written = write(folder.path(), &[rewrite]);
        let found = std::fs::read_to_string(&place).ok();
        match expect {
            Ok(()) => assert_eq!((written, found.as_deref()), (Ok(()), Some(new))),
            Err(code) => {
                assert_eq!(written.unwrap_err()[0].code, code);
                assert_eq!(found.as_deref(), on_disk);
            }
        }
        assert_eq!(
            folder.path().read_dir().unwrap().count(),
            usize::from(on_disk.is_some() || expect.is_ok())
        );
    }

    #[test]
    fn files_are_written_unless_somebody_else_did() {
        check(None, "new\n", None, Ok(()));
        check(Some("old\n"), "new\n", Some("old\n"), Ok(()));
        check(Some("old\n"), "new\n", Some("theirs\n"), Err("rewrite::edited"));
        check(None, "new\n", Some("theirs\n"), Err("rewrite::edited"));
        check(Some("old\n"), "new\n", None, Err("rewrite::edited"));
    }

    #[test]
    fn differences_are_shown_as_git_does() {
        let rewrite = |old: Option<&str>| Rewrite {
            path: "a/BUILD".to_owned(),
            old: old.map(ToOwned::to_owned),
            new: "x\n".to_owned(),
        };
        assert_eq!(rewrite(None).diff(), "--- /dev/null\n+++ b/a/BUILD\n@@ -0,0 +1 @@\n+x\n");
        assert_eq!(rewrite(Some("y\n")).diff(), "--- a/a/BUILD\n+++ b/a/BUILD\n@@ -1 +1 @@\n-y\n+x\n");
    }
}

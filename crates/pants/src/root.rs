//! Which folder is the root of the repository. Reads no configuration.

use std::path::{Path, PathBuf};

use packaging::pyproject;

use crate::config::{FILE, PYPROJECT};
use crate::diagnostic::{Diagnostic, Exit};
use crate::environment::Environment;

/// Files that mark a root, the strongest first; the second and third are those of Pants 2.
const MARKERS: [&str; 3] = [FILE, "BUILDROOT", "BUILD_ROOT"];
/// Files that a Python project has.
const PROJECT: [&str; 3] = [PYPROJECT, "requirements.txt", "setup.py"];

/// The root of the repository: as given, or the nearest folder upwards that is marked as one. Where none is, it is that of
/// the Python project around: the root of git, else the project or the workspace that it is a member of.
pub(crate) fn find(given: Option<&Path>, environment: &Environment) -> Result<PathBuf, Diagnostic> {
    let missing = |message: String, help: String| {
        Diagnostic::error(Exit::Wrong, "session::no_root", message).help(Some(help))
    };
    let found = match given {
        Some(given) => {
            let found = environment.folder.join(given);
            let is_one = has(&found, &MARKERS) || has(&found, &PROJECT) || found.join(".git").exists();
            is_one.then_some(found.clone()).ok_or_else(|| {
                let message = format!("`{}` has no `{FILE}`", found.display());
                let help = format!("`touch {FILE}` there marks it as the root; it may stay empty");
                missing(message, help)
            })?
        }
        None => marked(&environment.folder).or_else(|| plain(&environment.folder)).ok_or_else(|| {
            let message = format!("no `{FILE}` in `{}` or a folder above it", environment.folder.display());
            let help = format!("`touch {FILE}` at the root of the repository marks it; it may stay empty");
            missing(message, help)
        })?,
    };
    found.canonicalize().map_err(|error| {
        let message = format!("cannot read `{}`: {error}", found.display());
        Diagnostic::error(Exit::Wrong, "session::no_root", message)
    })
}

fn has(folder: &Path, names: &[&str]) -> bool {
    names.iter().any(|name| folder.join(name).is_file())
}

/// The nearest folder with the strongest marker that there is.
fn marked(folder: &Path) -> Option<PathBuf> {
    let with = |marker: &&str| folder.ancestors().find(|above| above.join(marker).is_file());
    MARKERS.iter().find_map(with).map(Path::to_owned)
}

/// The root of a repository that nothing marks, where a folder on the way to it is a Python project.
fn plain(folder: &Path) -> Option<PathBuf> {
    let git = folder.ancestors().find(|above| above.join(".git").exists());
    let within = folder.ancestors().take_while(|above| git.is_none_or(|git| above.starts_with(git)));
    let projects: Vec<&Path> = within.filter(|above| has(above, &PROJECT)).collect();
    let nearest = projects.first()?;
    let workspace = || projects.iter().rev().find(|above| is_workspace(above));
    Some(git.unwrap_or_else(|| workspace().unwrap_or(nearest)).to_owned())
}

fn is_workspace(folder: &Path) -> bool {
    let text = std::fs::read_to_string(folder.join(PYPROJECT)).unwrap_or_default();
    pyproject::about(&text).members.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the root is, seen from the folder `a/b`, where some files are there; those that end with a slash are folders.
    fn check(files: &[(&str, &str)], expect: Option<&str>) {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("a/b");
        std::fs::create_dir_all(&folder).unwrap();
        for (path, text) in files {
            let path = top.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let found = marked(&folder).or_else(|| plain(&folder));
        // Folders above the temporary one are not ours to say.
        let found = found.filter(|found| found.starts_with(top.path()));
        assert_eq!(found, expect.map(|expect| top.path().join(expect)), "{files:?}");
    }

    #[test]
    fn marks_go_before_git_and_git_before_projects() {
        check(&[], None);
        check(&[("pants.toml", ""), ("a/.git/HEAD", ""), ("a/b/pyproject.toml", "")], Some(""));
        check(&[("a/BUILDROOT", ""), ("a/b/pyproject.toml", "")], Some("a"));
        check(&[("a/.git/HEAD", ""), ("a/b/setup.py", ""), ("pyproject.toml", "")], Some("a"));
        check(&[("a/.git/HEAD", ""), ("pyproject.toml", "")], None);
        check(&[("pyproject.toml", ""), ("a/requirements.txt", "")], Some("a"));
        check(
            &[("pyproject.toml", "[tool.uv.workspace]\nmembers = []\n"), ("a/pyproject.toml", "")],
            Some(""),
        );
    }
}

//! The files that differ from a revision: committed since it parted from `HEAD`, uncommitted and untracked, also in
//! submodules. It does not know targets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;

use super::git::Git;
use crate::diagnostic::{Diagnostic, Exit};

/// The mode of a submodule.
const SUBMODULE: &str = "160000";

/// What git says of an object that is nowhere.
const NOTHING: char = '0';

/// How git is asked for what differs from a commit: as data, whatever its configuration says.
const DIFFERENCES: &[&str] = &[
    "diff",
    "--raw",
    "-z",
    "--no-abbrev",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=none",
    "--no-color",
    "--relative",
];

/// Files that differ.
#[derive(Debug, Default)]
pub(crate) struct ChangedFiles {
    /// The commit that they differ from.
    pub(crate) base: String,
    /// By path relative to the root.
    pub(crate) files: BTreeMap<String, ChangedFile>,
}

/// A file that differs.
#[derive(Clone, Debug)]
pub(crate) struct ChangedFile {
    /// The folder to ask for what it was, and the name of this; none if it was not there.
    pub(crate) old: Option<(PathBuf, String)>,
    /// Whether it is there now.
    pub(crate) now: bool,
}

impl ChangedFile {
    /// What happened to it.
    pub(crate) fn change(&self) -> &'static str {
        match (&self.old, self.now) {
            (None, _) => "added",
            (Some(_), true) => "modified",
            (Some(_), false) => "deleted",
        }
    }
}

/// The files that differ from where `HEAD` and `revision` part.
pub(super) fn since(git: &Git, revision: &str) -> Result<ChangedFiles, Diagnostic> {
    let base = base(git, revision)?;
    let mut found = ChangedFiles { base: base.clone(), files: BTreeMap::new() };
    collect(git, "", Some(&base), &mut found.files)?;
    for (path, file) in &mut found.files {
        file.now = git.folder.join(path).is_file();
    }
    found.files.retain(|_, file| file.now || file.old.is_some());
    Ok(found)
}

/// The commit where `HEAD` and a revision part.
fn base(git: &Git, revision: &str) -> Result<String, Diagnostic> {
    let commit = |name: &str| -> Result<Option<String>, Diagnostic> {
        let name = format!("{name}^{{commit}}");
        git.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name])
    };
    let Some(head) = commit("HEAD")? else {
        let message = "the repository has no commit yet, so nothing can have changed since one";
        return Err(Diagnostic::error(Exit::Wrong, "changed::no_commit", message));
    };
    let Some(theirs) = commit(revision)? else { return Err(unknown(git, revision)?) };
    match git.line(&["merge-base", &theirs, &head])? {
        Some(base) => Ok(base),
        None => {
            let message = format!("`{revision}` and `HEAD` have no commit in common");
            let error = Diagnostic::error(Exit::Wrong, "changed::no_merge_base", message);
            Err(if is_shallow(git)? { shallow(error) } else { error })
        }
    }
}

fn unknown(git: &Git, revision: &str) -> Result<Diagnostic, Diagnostic> {
    let message = format!("git knows no revision `{revision}`");
    let error = Diagnostic::error(Exit::Wrong, "changed::unknown_revision", message);
    if is_shallow(git)? {
        return Ok(shallow(error));
    }
    let names = ["for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags"];
    let names = git.line(&names)?.unwrap_or_default();
    let near = graph::near_all(revision, names.lines());
    let near: Vec<String> = near.into_iter().map(|name| format!("`{name}`")).collect();
    let help = if near.is_empty() {
        "`git branch --all` and `git tag` list the names that it knows".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    Ok(error.help(Some(help)))
}

fn is_shallow(git: &Git) -> Result<bool, Diagnostic> {
    Ok(git.line(&["rev-parse", "--is-shallow-repository"])?.as_deref() == Some("true"))
}

fn shallow(error: Diagnostic) -> Diagnostic {
    error.note("the clone is shallow: older commits, and where branches part, are not in it").help(Some(
        "`git fetch --unshallow` brings them; a CI job asks for them when it clones, such as with `fetch-depth: 0`",
    ))
}

/// Collects what differs in the repository of a folder; all of its files where `base` is not known.
fn collect(
    git: &Git,
    prefix: &str,
    base: Option<&str>,
    files: &mut BTreeMap<String, ChangedFile>,
) -> Result<(), Diagnostic> {
    let others = ["ls-files", "-z", "--others", "--exclude-per-directory=.gitignore"];
    let (tracked, untracked) = thread::scope(|scope| {
        let untracked = scope.spawn(|| git.ask(&others));
        let tracked = match base {
            Some(base) => git.ask(&[DIFFERENCES, &[base, "--"]].concat()),
            None => git.ask(&["ls-files", "-z"]),
        };
        (tracked, untracked.join().expect("asking git does not panic"))
    });
    let (tracked, untracked) = (tracked?, untracked?);
    let mut add = |path: &str, old: Option<(PathBuf, String)>| {
        let known = files.entry(format!("{prefix}{path}"));
        let file = known.or_insert(ChangedFile { old: None, now: true });
        file.old = file.old.take().or(old);
    };
    // Other repositories, each with the commit that it was at.
    let mut nested: Vec<(String, Option<String>)> = Vec::new();
    if base.is_some() {
        for difference in differences(&tracked) {
            if difference.is_submodule() {
                nested.push((difference.path.to_owned(), difference.old_module()));
            }
            let old = difference.old_file().map(|object| (git.folder.clone(), object.to_owned()));
            if old.is_some() || !difference.is_submodule() {
                add(difference.path, old);
            }
        }
    } else {
        names(&tracked).for_each(|path| add(path, None));
    }
    for path in names(&untracked) {
        match path.strip_suffix('/') {
            Some(folder) => nested.push((folder.to_owned(), None)),
            None => add(path, None),
        }
    }
    for (path, old) in nested {
        inside(git, prefix, &path, old.as_deref(), files)?;
    }
    Ok(())
}

/// Collects what differs in a repository inside another; all of it where the commit that it was at is not there.
fn inside(
    git: &Git,
    prefix: &str,
    path: &str,
    old: Option<&str>,
    files: &mut BTreeMap<String, ChangedFile>,
) -> Result<(), Diagnostic> {
    let git = git.at(path);
    if !git.folder.join(".git").exists() {
        return Ok(());
    }
    let base = match old {
        Some(old) => git.try_ask(&["cat-file", "-e", old])?.and(Some(old)),
        None => None,
    };
    collect(&git, &format!("{prefix}{path}/"), base, files)
}

/// One record of `git diff --raw -z`.
struct Difference<'d> {
    old_mode: &'d str,
    new_mode: &'d str,
    old: &'d str,
    path: &'d str,
}

impl Difference<'_> {
    fn is_submodule(&self) -> bool {
        [self.old_mode, self.new_mode].contains(&SUBMODULE)
    }

    fn old_module(&self) -> Option<String> {
        (self.old_mode == SUBMODULE).then(|| self.old.to_owned())
    }

    fn old_file(&self) -> Option<&str> {
        (self.old_mode != SUBMODULE && !self.old.chars().all(|digit| digit == NOTHING)).then_some(self.old)
    }
}

/// The records of `git diff --raw -z`. No target can have a file whose name is not UTF-8.
fn differences(printed: &[u8]) -> impl Iterator<Item = Difference<'_>> {
    let mut parts = printed.split(|byte| *byte == 0);
    std::iter::from_fn(move || {
        let head = parts.next().filter(|head| head.starts_with(b":"))?;
        Some((head, parts.next()?))
    })
    .filter_map(|(head, path)| {
        let head = std::str::from_utf8(head).ok()?;
        let mut words = head[1..].split(' ');
        let (old_mode, new_mode, old) = (words.next()?, words.next()?, words.next()?);
        Some(Difference { old_mode, new_mode, old, path: std::str::from_utf8(path).ok()? })
    })
}

/// The names that git prints with a NUL behind each.
pub(super) fn names(printed: &[u8]) -> impl Iterator<Item = &str> {
    let names = printed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.filter_map(|name| std::str::from_utf8(name).ok())
}

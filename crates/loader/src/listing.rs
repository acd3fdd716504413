//! All files of the repository, found in one walk; it does not read them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::FileType;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, WalkBuilder, WalkState};

use crate::earlier::Earlier;
use crate::error::{LoadError, Problem};
use crate::options::Options;

/// The names that a BUILD file may have.
pub(crate) const BUILD_FILES: [&str; 2] = ["BUILD", "BUILD.pants"];

/// The directories of the repository, each with the names of its files.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Sorted by path.
    directories: Vec<Directory>,
    /// The paths of all directories that were walked, also of those without files, sorted.
    walked: Vec<String>,
    /// The paths of all symbolic links, sorted: what one leads to may come and go without a trace in its directory.
    links: Vec<String>,
}

/// A directory with files.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Its path relative to the root, `""` for the root.
    pub(crate) path: Arc<str>,
    /// The names of its files, sorted.
    pub(crate) files: Vec<Box<str>>,
}

impl Directory {
    /// Whether it has the file.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.files.binary_search_by(|file| (**file).cmp(name)).is_ok()
    }
}

impl Listing {
    /// Walks the root, following no symbolic link to a directory.
    ///
    /// `.gitignore` files count, also without git; hidden directories, `__pycache__` and `dist` at the root are left out. Gives
    /// errors for what cannot be listed, and warnings for names that are not UTF-8. Where `only` says so, it has
    /// only what is in these directories and below them.
    pub(crate) fn walk(
        options: &Options,
        only: Option<&BTreeSet<String>>,
    ) -> (Self, Vec<LoadError>, Vec<LoadError>) {
        let mut errors = Vec::new();
        let mine = Arc::new(ignored(options, &mut errors));
        let root = options.root.clone();
        let rules = mine.clone();
        // A prelude may lie anywhere.
        let only = only.filter(|_| options.prelude.is_empty()).cloned();
        let mut builder = WalkBuilder::new(&options.root);
        builder.hidden(false).parents(false).ignore(false).git_global(false).git_exclude(false);
        builder.git_ignore(true).require_git(false).follow_links(false).threads(options.jobs.max(1));
        builder.filter_entry(move |entry| {
            entry.depth() == 0 || (keep(entry, &root, &rules) && leads_to(entry, &root, only.as_ref()))
        });
        let all = Mutex::new(Vec::new());
        builder.build_parallel().run(|| {
            let mut collector = Collector { root: &options.root, found: Found::default(), all: &all };
            Box::new(move |entry| {
                collector.add(entry);
                WalkState::Continue
            })
        });
        let mut found = Found::default();
        for part in all.into_inner().unwrap_or_else(PoisonError::into_inner) {
            found.directories.extend(part.directories);
            found.links.extend(part.links);
            found.files.extend(part.files);
            errors.extend(part.errors);
            found.warnings.extend(part.warnings);
        }
        errors.sort_by_cached_key(ToString::to_string);
        found.warnings.sort_by_cached_key(ToString::to_string);
        if let Some(earlier) = &options.earlier {
            found.files = as_it_was(found.files, earlier, &mine);
        }
        found.directories.sort_unstable();
        found.links.sort_unstable();
        let listing = Self { walked: found.directories, links: found.links, ..Self::new(found.files) };
        (listing, errors, found.warnings)
    }

    fn new(mut files: Vec<(Arc<str>, Box<str>)>) -> Self {
        files.sort_unstable();
        let mut directories: Vec<Directory> = Vec::new();
        for (directory, name) in files {
            match directories.last_mut() {
                Some(last) if *last.path == *directory => last.files.push(name),
                _ => directories.push(Directory { path: directory, files: vec![name] }),
            }
        }
        Self { directories, ..Self::default() }
    }

    /// The paths of all directories that were walked, sorted.
    pub(crate) fn into_walked(self) -> Vec<String> {
        self.walked
    }

    /// The directories with files, sorted.
    pub(crate) fn directories(&self) -> &[Directory] {
        &self.directories
    }

    /// What decides which files there are: the directories, what symbolic links in them lead to, and the files that say
    /// what in them is ignored.
    pub(crate) fn inputs(&self, root: &Path) -> impl Iterator<Item = PathBuf> {
        // A file like that may be one of those that it takes away, and then it is not in the listing.
        let directories = self.walked.iter().flat_map(move |directory| {
            let ignore = Path::new(directory).join(".gitignore");
            let ignore = root.join(&ignore).symlink_metadata().is_ok().then_some(ignore);
            std::iter::once(PathBuf::from(if directory.is_empty() { "." } else { directory })).chain(ignore)
        });
        directories.chain(self.links.iter().map(PathBuf::from))
    }

    /// The directory, if it has files.
    pub(crate) fn directory(&self, path: &str) -> Option<&Directory> {
        let index = self.directories.binary_search_by(|directory| (*directory.path).cmp(path)).ok()?;
        self.directories.get(index)
    }

    /// The directory and all below it, sorted.
    pub(crate) fn below(&self, path: &str) -> impl Iterator<Item = &Directory> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let start = self.directories.partition_point(|directory| *directory.path < *prefix);
        let below =
            self.directories[start..].iter().take_while(move |directory| directory.path.starts_with(&prefix));
        let own = if path.is_empty() { None } else { self.directory(path) };
        own.into_iter().chain(below)
    }

    /// Whether there is the file, by its path relative to the root.
    pub(crate) fn has(&self, file: &str) -> bool {
        let (directory, name) = file.rsplit_once('/').unwrap_or(("", file));
        self.directory(directory).is_some_and(|directory| directory.has(name))
    }

    /// Whether there is a directory with files somewhere below it.
    pub(crate) fn has_directory(&self, path: &str) -> bool {
        self.below(path).next().is_some()
    }
}

/// The patterns that the repository ignores by its configuration.
fn ignored(options: &Options, errors: &mut Vec<LoadError>) -> Gitignore {
    let mut builder = GitignoreBuilder::new(&options.root);
    for pattern in &options.ignore {
        if let Err(error) = builder.add_line(None, pattern) {
            let problem = Problem::IgnorePattern { pattern: pattern.clone(), reason: error.to_string() };
            errors.push(problem.nowhere());
        }
    }
    builder.build().unwrap_or_else(|error| {
        let problem = Problem::IgnorePattern { pattern: options.ignore.join(" "), reason: error.to_string() };
        errors.push(problem.nowhere());
        Gitignore::empty()
    })
}

fn keep(entry: &DirEntry, root: &Path, mine: &Gitignore) -> bool {
    let directory = entry.file_type().is_some_and(|kind| kind.is_dir());
    let name = entry.file_name().as_encoded_bytes();
    let left_out =
        name.starts_with(b".") || name == b"__pycache__" || (entry.depth() == 1 && name == b"dist");
    if directory && left_out {
        return false;
    }
    let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
    !mine.matched(path, directory).is_ignore()
}

/// Whether a directory is one of those that are looked at, below one, or on the way to one.
fn leads_to(entry: &DirEntry, root: &Path, only: Option<&BTreeSet<String>>) -> bool {
    let Some(only) = only else { return true };
    let path = entry.path().strip_prefix(root).ok().and_then(Path::to_str);
    let (Some(path), true) = (path, entry.file_type().is_some_and(|kind| kind.is_dir())) else { return true };
    let mut above = path;
    while !only.contains(above) {
        if above.is_empty() {
            let below = format!("{path}/");
            return only.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below));
        }
        above = above.rsplit_once('/').map_or("", |(above, _)| above);
    }
    true
}

/// Directory and name of the files of an earlier state, from those on the disk.
fn as_it_was(
    files: Vec<(Arc<str>, Box<str>)>,
    earlier: &Earlier,
    mine: &Gitignore,
) -> Vec<(Arc<str>, Box<str>)> {
    let mut all: BTreeMap<(Arc<str>, Box<str>), bool> = files.into_iter().map(|file| (file, true)).collect();
    for (path, was_there) in earlier.files() {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let hidden = directory.split('/').any(|part| part.starts_with('.'));
        let is_output = directory == "dist" || directory.starts_with("dist/");
        let ignored = hidden || is_output || mine.matched_path_or_any_parents(path, false).is_ignore();
        if !was_there || !ignored {
            all.insert((directory.into(), name.into()), was_there);
        }
    }
    all.into_iter().filter_map(|(file, was_there)| was_there.then_some(file)).collect()
}

/// What something is that is neither a file nor a directory, nor leads to one.
pub(crate) fn irregular(kind: FileType) -> &'static str {
    if kind.is_symlink() { "it is a symbolic link that leads to no file" } else { "it is no regular file" }
}

#[derive(Default)]
struct Found {
    directories: Vec<String>,
    links: Vec<String>,
    /// Directory and name; neighbours share the directory.
    files: Vec<(Arc<str>, Box<str>)>,
    errors: Vec<LoadError>,
    warnings: Vec<LoadError>,
}

/// Collects what one thread of the walk finds, and hands it over when the thread is done.
struct Collector<'a> {
    root: &'a PathBuf,
    found: Found,
    all: &'a Mutex<Vec<Found>>,
}

impl Drop for Collector<'_> {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.found));
    }
}

impl Collector<'_> {
    fn add(&mut self, entry: Result<DirEntry, ignore::Error>) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                return self.found.errors.push(Problem::Walk { reason: error.to_string() }.nowhere());
            }
        };
        let path = entry.path().strip_prefix(self.root).unwrap_or(entry.path());
        let Some(text) = path.to_str() else { return self.not_utf8(path) };
        let Some(kind) = entry.file_type() else { return };
        if kind.is_dir() {
            return self.found.directories.push(text.to_owned());
        }
        if kind.is_symlink() {
            self.found.links.push(text.to_owned());
        }
        if kind.is_file() || (kind.is_symlink() && entry.path().is_file()) {
            let (directory, name) = text.rsplit_once('/').unwrap_or(("", text));
            let directory = match self.found.files.last() {
                Some((last, _)) if **last == *directory => last.clone(),
                _ => directory.into(),
            };
            self.found.files.push((directory, name.into()));
        } else if BUILD_FILES.contains(&text.rsplit('/').next().unwrap_or(text)) && !entry.path().is_dir() {
            let reason = irregular(kind).to_owned();
            self.found.errors.push(Problem::Unreadable { file: text.to_owned(), reason }.nowhere());
        }
    }

    /// Warns of a name, but not of all the names below it.
    fn not_utf8(&mut self, path: &Path) {
        let Some(parent) = path.parent().and_then(Path::to_str) else { return };
        let name = path.file_name().unwrap_or_default().as_encoded_bytes().escape_ascii().to_string();
        let directory = if parent.is_empty() { ".".to_owned() } else { parent.to_owned() };
        self.found.warnings.push(Problem::NotUtf8Name { name, directory }.nowhere());
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Listing};

    #[test]
    fn what_is_below_is_found_among_names_that_sort_between() {
        let files = ["a/x", "a-b/x", "a/b/x", "a.c/x", "ab/x", "x", "a/b-c/y"];
        let split = |file: &str| {
            let (directory, name) = file.rsplit_once('/').unwrap_or(("", file));
            (Arc::from(directory), Box::from(name))
        };
        let listing = Listing::new(files.map(split).into());
        let below = |path: &str| listing.below(path).map(|found| found.path.to_string()).collect::<Vec<_>>();
        assert_eq!(below("a"), ["a", "a/b", "a/b-c"]);
        assert_eq!(below("").len(), 7);
        assert!(listing.has("a/b-c/y") && listing.has("x") && !listing.has("a/b"));
    }
}

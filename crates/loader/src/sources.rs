//! Patterns of source files, matched against the listing; it does not know targets.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use globset::{GlobBuilder, GlobMatcher};
use graph::{join, near_all};

use crate::error::Problem;
use crate::left_out::by_gitignore;
use crate::listing::{BUILD_FILES, Listing, irregular};

/// Matches patterns, and keeps each one that it has compiled.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    pub(crate) listing: &'a Listing,
    root: &'a Path,
    compiled: Mutex<HashMap<String, Result<Arc<GlobMatcher>, String>>>,
}

/// What a list of patterns gives: the files, relative to the package and sorted, and what is wrong with which item.
#[derive(Debug, Default)]
pub(crate) struct Matched {
    pub(crate) files: BTreeSet<String>,
    pub(crate) problems: Vec<(usize, Problem)>,
    /// Whether the outcome depends on directories below the package.
    pub(crate) deep: bool,
}

impl<'a> Sources<'a> {
    pub(crate) fn new(root: &'a Path, listing: &'a Listing) -> Self {
        Self { root, listing, compiled: Mutex::new(HashMap::new()) }
    }

    /// The files of `package` that the patterns match; `!` in front takes files away, and `strict` says that
    /// every other pattern has to match something.
    pub(crate) fn select(&self, package: &str, patterns: &[&str], strict: bool) -> Matched {
        let mut matched = Matched::default();
        for (index, pattern) in patterns.iter().enumerate().filter(|(_, pattern)| !pattern.starts_with('!')) {
            match self.include(package, pattern, &mut matched) {
                Err(problem) if !strict && problem.is_unmatched() => {}
                Err(problem) => matched.problems.push((index, problem)),
                Ok(()) => {}
            }
        }
        for (index, pattern) in patterns.iter().enumerate() {
            if let Some(pattern) = pattern.strip_prefix('!') {
                match self.exclude(pattern, &mut matched.files) {
                    Ok(()) => {}
                    Err(problem) => matched.problems.push((index, problem)),
                }
            }
        }
        matched
    }

    fn include(&self, package: &str, pattern: &str, matched: &mut Matched) -> Result<(), Problem> {
        check(pattern)?;
        matched.deep |= pattern.contains('/') || pattern.contains("**");
        if self.listing.has(&join(package, pattern)) {
            matched.files.insert(pattern.to_owned());
            return Ok(());
        }
        if !is_glob(pattern) {
            return Err(self.missing(package, pattern));
        }
        let matcher = self.matcher(pattern)?;
        let hidden = pattern.starts_with('.') || pattern.contains("/.");
        let before = matched.files.len();
        let mut any = false;
        let mut add = |below: &str, files: &[Box<str>]| {
            for name in files.iter().filter(|name| (hidden || !name.starts_with('.')) && !is_build_file(name))
            {
                let path = join(below, name);
                if matcher.is_match(&path) {
                    any = true;
                    matched.files.insert(path);
                }
            }
        };
        if pattern.contains('/') || pattern.contains("**") {
            for directory in self.listing.below(package) {
                let below = directory.path.strip_prefix(package).unwrap_or_default().trim_start_matches('/');
                add(below, &directory.files);
            }
        } else if let Some(directory) = self.listing.directory(package) {
            add("", &directory.files);
        }
        if any || matched.files.len() > before {
            Ok(())
        } else {
            Err(self.left_out(package, pattern, &matcher))
        }
    }

    /// The error for a pattern that matches nothing, or nothing but a file that is ignored.
    fn left_out(&self, package: &str, pattern: &str, matcher: &GlobMatcher) -> Problem {
        let entries = self.root.join(package).read_dir().into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let ignored = names.filter(|name| matcher.is_match(name)).map(|name| join(package, &name));
        let by = |file: String| Some((by_gitignore(self.root, &file)?, file));
        match ignored.filter_map(by).min() {
            Some((by, file)) => Problem::IgnoredSource { file, by: Some(by) },
            None => Problem::Unmatched { pattern: pattern.to_owned() },
        }
    }

    fn exclude(&self, pattern: &str, files: &mut BTreeSet<String>) -> Result<(), Problem> {
        check(pattern)?;
        if !is_glob(pattern) {
            files.remove(pattern);
            return Ok(());
        }
        let matcher = self.matcher(pattern)?;
        files.retain(|file| !matcher.is_match(file));
        Ok(())
    }

    /// The error for one file that is not there.
    pub(crate) fn missing(&self, package: &str, name: &str) -> Problem {
        let file = join(package, name);
        let path = self.root.join(&file);
        if self.listing.has_directory(&file) || path.is_dir() {
            return Problem::SourceIsDirectory { file };
        }
        if let Ok(found) = path.symlink_metadata() {
            if path.is_file() {
                let by = by_gitignore(self.root, &file);
                return Problem::IgnoredSource { file, by };
            }
            return Problem::Unreadable { file, reason: irregular(found.file_type()).to_owned() };
        }
        let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
        let own = last(&file);
        let siblings = self.listing.directory(directory);
        let names = siblings.iter().flat_map(|directory| &directory.files).map(|name| &**name);
        let below = name.strip_suffix(own).unwrap_or_default();
        let near = near_all(own, names).into_iter().map(|near| format!("{below}{near}")).collect();
        Problem::MissingSource { file, near }
    }

    fn matcher(&self, pattern: &str) -> Result<Arc<GlobMatcher>, Problem> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if !compiled.contains_key(pattern) {
            let glob = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(false).build();
            let matcher =
                glob.map(|glob| Arc::new(glob.compile_matcher())).map_err(|error| error.kind().to_string());
            compiled.insert(pattern.to_owned(), matcher);
        }
        let matcher = compiled.get(pattern).cloned().unwrap_or_else(|| Err(String::new()));
        matcher.map_err(|reason| Problem::Pattern { pattern: pattern.to_owned(), reason })
    }
}

/// Whether a path relative to the root is one that a pattern relative to it matches.
pub(crate) fn is_match(pattern: &str, path: &str) -> bool {
    let glob = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(false).build();
    pattern == path || glob.is_ok_and(|glob| glob.compile_matcher().is_match(path))
}

/// Checks that a pattern stays in its package.
fn check(pattern: &str) -> Result<(), Problem> {
    if pattern.starts_with('/') || pattern.split('/').any(|segment| segment == "..") {
        return Err(Problem::LeavesPackage { path: pattern.to_owned() });
    }
    let reason = if pattern.is_empty() {
        "it is empty"
    } else if pattern.split('/').any(|segment| segment.is_empty() || segment == ".") {
        "a directory in it is empty or `.`"
    } else {
        return Ok(());
    };
    Err(Problem::Pattern { pattern: pattern.to_owned(), reason: reason.to_owned() })
}

fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[', '{'])
}

fn is_build_file(name: &str) -> bool {
    BUILD_FILES.contains(&name)
}

fn last(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}

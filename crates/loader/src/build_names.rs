//! Which files are BUILD files: by their names, and by what is said not to be read. It does not look for them.

use std::path::Path;

use globset::{Glob, GlobSet, GlobSetBuilder};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::{LoadError, Problem};
use crate::listing::BUILD_FILES;
use crate::options::Options;

/// The names that BUILD files have.
#[derive(Debug)]
pub(crate) struct BuildNames {
    /// What names match and what they must not match; none for the usual names.
    patterns: Option<(GlobSet, GlobSet)>,
    /// What is not read.
    ignored: Gitignore,
}

impl BuildNames {
    /// Those that are asked for, and what is wrong with the patterns.
    pub(crate) fn new(options: &Options) -> (Self, Vec<LoadError>) {
        let mut errors = Vec::new();
        let patterns = options.build_patterns.as_ref().map(|patterns| {
            let (without, with): (Vec<&str>, Vec<&str>) =
                patterns.iter().map(String::as_str).partition(|pattern| pattern.starts_with('!'));
            let without = without.into_iter().map(|pattern| &pattern[1..]);
            (set(with.into_iter(), &mut errors), set(without, &mut errors))
        });
        let mut ignored = GitignoreBuilder::new(&options.root);
        for pattern in &options.build_ignore {
            if let Err(error) = ignored.add_line(None, pattern) {
                errors.push(wrong(pattern, &error.to_string()));
            }
        }
        let ignored = ignored.build().unwrap_or_else(|error| {
            errors.push(wrong(&options.build_ignore.join(" "), &error.to_string()));
            Gitignore::empty()
        });
        (Self { patterns, ignored }, errors)
    }

    /// Whether a BUILD file may have the name.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        match &self.patterns {
            None => BUILD_FILES.contains(&name),
            Some((with, without)) => with.is_match(name) && !without.is_match(name),
        }
    }

    /// Whether the file is a BUILD file that is read, by its path relative to the root.
    pub(crate) fn has(&self, file: &str) -> bool {
        self.has_name(file.rsplit('/').next().unwrap_or(file))
            && !self.ignored.matched_path_or_any_parents(Path::new(file), false).is_ignore()
    }
}

fn set<'p>(patterns: impl Iterator<Item = &'p str>, errors: &mut Vec<LoadError>) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        match Glob::new(pattern) {
            Ok(glob) => drop(set.add(glob)),
            Err(error) => errors.push(wrong(pattern, &error.kind().to_string())),
        }
    }
    set.build().unwrap_or_else(|error| {
        errors.push(wrong("", &error.to_string()));
        GlobSet::empty()
    })
}

fn wrong(pattern: &str, reason: &str) -> LoadError {
    Problem::Pattern { pattern: pattern.to_owned(), reason: reason.to_owned() }.nowhere()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: Option<&[&str]>, ignore: &[&str], files: &[&str], expected: &[&str]) {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut options = Options::new("/repository");
        options.build_patterns = patterns.map(owned);
        options.build_ignore = owned(ignore);
        let (names, errors) = BuildNames::new(&options);
        assert_eq!(errors, []);
        let found: Vec<&str> = files.iter().copied().filter(|file| names.has(file)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn names_and_what_is_not_read() {
        let files = ["BUILD", "a/BUILD.pants", "a/BUILD.tools", "a/b/BUILD", "x/a/b/BUILD", "a/BUILD.bazel"];
        check(None, &[], &files, &["BUILD", "a/BUILD.pants", "a/b/BUILD", "x/a/b/BUILD"]);
        check(Some(&["BUILD.*", "!BUILD.bazel"]), &[], &files, &["a/BUILD.pants", "a/BUILD.tools"]);
        check(None, &["a/b/**"], &files, &["BUILD", "a/BUILD.pants", "x/a/b/BUILD"]);
        check(None, &["b", "!x/a/b"], &files, &["BUILD", "a/BUILD.pants", "x/a/b/BUILD"]);
        check(Some(&[]), &[], &files, &[]);
    }
}

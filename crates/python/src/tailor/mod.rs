//! The targets that sources, tests, files of requirements and programs without one should have. Decides by names and texts
//! of files; writes nothing, and does not know how BUILD files are written.

mod names;
mod programs;
mod requirements;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use graph::{Label, Target, Value};

use crate::source_roots::SourceRoots;
use names::Names;

/// A repository as it is.
pub struct Repository<'a> {
    /// All its files, relative to the root, sorted.
    pub files: &'a [String],
    /// The targets that it has.
    pub targets: &'a [Target],
    /// Where imports start.
    pub roots: &'a SourceRoots,
    /// Gives the content of a file.
    pub read: &'a (dyn Fn(&str) -> std::io::Result<Vec<u8>> + Sync),
    /// Files that are passed over, as patterns below the root.
    pub ignore_paths: &'a [String],
    /// Targets that are not added.
    pub not_added: &'a [Label],
}

/// A target that should be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its address.
    pub label: Label,
    /// Its rule.
    pub rule: &'static str,
    /// Its fields but for the name.
    pub fields: Vec<(&'static str, Value)>,
    /// The files that are the reason for it, relative to the root.
    pub files: Vec<String>,
}

/// Something that could be a target and is not made one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The file.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What should be added to a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The targets, by folder and in the order in which they are written.
    pub targets: Vec<Planned>,
    /// What is passed over, by path.
    pub passed: Vec<Passed>,
}

/// A target that somebody asks for, before it has a name that is free.
struct Wanted {
    package: String,
    /// The names that it may have, the best first; empty for that of the folder.
    names: Vec<String>,
    rule: &'static str,
    fields: Vec<(&'static str, Value)>,
    files: Vec<String>,
}

/// A pattern of files that is no glob.
#[derive(Debug, thiserror::Error)]
#[error("`{pattern}` is not a pattern for files: {source}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    source: globset::Error,
}

/// What a repository lacks.
///
/// # Errors
/// With the first pattern that is no glob.
pub fn plan(repository: &Repository<'_>) -> Result<Plan, PatternError> {
    let ignored = globs(repository.ignore_paths)?;
    let environments = environments(repository.files);
    // No pattern matches a hidden file, and nobody imports one.
    let looked_at = |file: &&String| {
        !split(file).1.starts_with('.')
            && !ignored.is_match(file)
            && !environments.iter().any(|folder| file.starts_with(folder.as_str()))
    };
    let files: Vec<&str> = repository.files.iter().filter(looked_at).map(String::as_str).collect();
    let mut passed = Vec::new();
    let mut wanted = sources::wanted(repository, &files);
    wanted.extend(requirements::wanted(repository, &files, &mut passed));
    wanted.extend(programs::wanted(repository, &files, &mut passed));
    wanted.sort_by(|a, b| a.package.cmp(&b.package));
    let mut names = Names::of(repository.targets);
    let mut targets = Vec::new();
    for one in wanted {
        match names.choose(&one.package, &one.names) {
            Some(label) if repository.not_added.contains(&label) => {}
            Some(label) => {
                targets.push(Planned { label, rule: one.rule, fields: one.fields, files: one.files });
            }
            None => {
                passed.extend(one.files.into_iter().map(|path| Passed {
                    path,
                    reason: "no target can be in a folder of this name".to_owned(),
                }));
            }
        }
    }
    passed.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Plan { targets, passed })
}

/// The files that a plan is made of beside their names: whoever remembers it has to look at these.
pub fn is_read(path: &str) -> bool {
    path.ends_with(".py") || requirements::is_requirements(path) || path.ends_with("pyproject.toml")
}

fn globs(patterns: &[String]) -> Result<GlobSet, PatternError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let wrong = |source| PatternError { pattern: pattern.clone(), source };
        set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(wrong)?);
    }
    set.build().map_err(|source| PatternError { pattern: patterns.join(", "), source })
}

/// The folders of virtual environments, each with a slash at its end.
fn environments(files: &[String]) -> Vec<String> {
    files.iter().filter_map(|file| file.strip_suffix("pyvenv.cfg")).map(ToOwned::to_owned).collect()
}

/// The folder of a file, and its name.
fn split(file: &str) -> (&str, &str) {
    file.rsplit_once('/').unwrap_or(("", file))
}

/// Files by folder.
fn by_folder<'f>(files: impl IntoIterator<Item = &'f str>) -> BTreeMap<&'f str, Vec<&'f str>> {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in files {
        let (folder, name) = split(file);
        folders.entry(folder).or_default().push(name);
    }
    folders
}

/// The files that targets have.
fn owned(targets: &[Target]) -> BTreeSet<&str> {
    targets.iter().flat_map(|target| &target.sources).map(|source| &*source.path).collect()
}

fn strings(items: impl IntoIterator<Item = impl Into<String>>) -> Value {
    Value::List(items.into_iter().map(|item| Value::Str(item.into())).collect())
}

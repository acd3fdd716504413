//! Targets for the files of requirements that none is generated from.

use std::collections::{BTreeMap, BTreeSet};

use graph::Value;
use packaging::pyproject::{self, Group};
use packaging::requirement_file;

use super::{Passed, Repository, Wanted, by_folder, split, strings};
use crate::requirements::generates_requirements;

const RULE: &str = "python_requirements";
const POETRY: &str = "poetry_requirements";
const PYPROJECT: &str = "pyproject.toml";
const USUAL: &str = "requirements.txt";

/// Whether a group of requirements is of a kind.
type IsOf = fn(&Group) -> bool;

/// Whether a file is one of requirements by its name.
pub(super) fn is_requirements(path: &str) -> bool {
    let (_, name) = split(path);
    name.contains("requirements") && name.ends_with(".txt")
}

pub(super) fn wanted(repository: &Repository<'_>, files: &[&str], passed: &mut Vec<Passed>) -> Vec<Wanted> {
    let owned: BTreeSet<&str> = (repository.targets.iter())
        .filter(|target| generates_requirements(target))
        .flat_map(|target| target.sources.iter().map(|source| &*source.path))
        .collect();
    let is_one = |file: &&str| is_requirements(file) || split(file).1 == PYPROJECT;
    let mut wanted = Vec::new();
    for (folder, names) in by_folder(files.iter().copied().filter(is_one)) {
        let project = names.iter().find(|name| **name == PYPROJECT);
        let of_project = project.and_then(|name| {
            let path = graph::join(folder, name);
            Some((from_project(repository, &path, passed)?, path))
        });
        let texts: Vec<String> =
            names.iter().filter(|name| is_requirements(name)).map(|name| graph::join(folder, name)).collect();
        if let Some((project, path)) = of_project {
            let reason = format!("`{path}` says what the project requires");
            passed.extend(
                texts
                    .iter()
                    .filter(|text| !owned.contains(text.as_str()))
                    .map(|text| Passed { path: text.clone(), reason: reason.clone() }),
            );
            if !owned.contains(path.as_str()) {
                wanted.push(match project {
                    Project::Standard(fields) => one(folder, vec!["reqs".to_owned()], fields, path),
                    Project::Poetry => {
                        let target = one(folder, vec!["poetry".to_owned()], Vec::new(), path);
                        Wanted { rule: POETRY, ..target }
                    }
                });
            }
            continue;
        }
        for path in from_texts(repository, &texts, passed) {
            if owned.contains(path.as_str()) {
                continue;
            }
            let (_, name) = split(&path);
            let stem = name.strip_suffix(".txt").unwrap_or(name).to_owned();
            let (names, fields) = match name {
                USUAL => (vec!["reqs".to_owned(), stem], Vec::new()),
                name => (vec![stem], vec![("source", name.into())]),
            };
            wanted.push(one(folder, names, fields, path.clone()));
        }
    }
    wanted
}

fn one(folder: &str, names: Vec<String>, fields: Vec<(&'static str, Value)>, path: String) -> Wanted {
    Wanted { package: folder.to_owned(), names, rule: RULE, fields, files: vec![path] }
}

/// The text of a file, if it can be had.
fn text(repository: &Repository<'_>, path: &str, passed: &mut Vec<Passed>) -> Option<String> {
    let found = (repository.read)(path).map_err(|error| error.to_string());
    let found = found.and_then(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string()));
    found.map_err(|reason| passed.push(Passed { path: path.to_owned(), reason })).ok()
}

/// What a `pyproject.toml` is that asks for something.
enum Project {
    /// One with the standard's tables, and the fields for it: all its extras and groups, as long as it does not say that
    /// some exclude each other.
    Standard(Vec<(&'static str, Value)>),
    /// One with the tables of Poetry.
    Poetry,
}

fn from_project(repository: &Repository<'_>, path: &str, passed: &mut Vec<Passed>) -> Option<Project> {
    let text = text(repository, path, passed)?;
    let about = pyproject::about(&text);
    let of_poetry = pyproject::is_of_poetry(&text);
    let read = if of_poetry { pyproject::poetry_dependencies } else { pyproject::dependencies };
    let (found, errors) = read(path, &text);
    if let Some(error) = errors.first() {
        let reason = format!("line {}: {error}", error.place.line);
        passed.push(Passed { path: path.to_owned(), reason });
        return None;
    }
    if found.requirements.is_empty() && !found.groups.contains(&Group::Project) {
        return None;
    }
    if of_poetry {
        return Some(Project::Poetry);
    }
    let mut fields = vec![("source", PYPROJECT.into())];
    let kinds: [(&'static str, IsOf); 2] = [
        ("extras", |group| matches!(group, Group::Extra(_))),
        ("groups", |group| matches!(group, Group::Dependency(_))),
    ];
    for (field, is_of_kind) in kinds {
        let names: Vec<String> =
            found.groups.iter().filter(|group| is_of_kind(group)).map(ToString::to_string).collect();
        if !names.is_empty() && !about.has_conflicts {
            fields.push((field, strings(names)));
        }
    }
    Some(Project::Standard(fields))
}

/// Those of the requirement files of a folder that can be read, ask for something, and are no part of another.
fn from_texts(repository: &Repository<'_>, texts: &[String], passed: &mut Vec<Passed>) -> Vec<String> {
    let mut parts: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for path in texts {
        let read = |path: &str| (repository.read)(path);
        let (file, errors) = requirement_file::parse(path, &read);
        match errors.first() {
            Some(error) => {
                let reason = format!("{}:{}: {}", error.file, error.place.line, error.fault);
                passed.push(Passed { path: path.clone(), reason });
            }
            None if file.requirements.is_empty() => {}
            None => {
                parts.insert(path, file.requirements.iter().map(|listed| listed.file.to_string()).collect());
            }
        }
    }
    let is_part = |path: &str| {
        parts
            .iter()
            .any(|(other, files)| *other != path && files.contains(path) && !parts[path].contains(*other))
    };
    parts.keys().filter(|path| !is_part(path)).map(ToString::to_string).collect()
}

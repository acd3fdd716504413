//! The tables of Poetry in a `pyproject.toml`, written as requirements of PEP 508; asks no Poetry.

#[cfg(test)]
mod tests;
mod versions;

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use super::error::PyprojectFault as Fault;
use super::groups::{Entry, Groups};
use super::read::{Reader, Value, is_archive};
use super::{DEV, Group};
use crate::name::{PackageName, parse_name};
use crate::requirement_file::{RequirementFileFault, below_root};

const MAIN: &str = "tool.poetry.dependencies";
const GROUP: &str = "tool.poetry.group";
const SPECIFICATION: &str = "a version, a table, or an array of them";

/// The keys of the table of a dependency. Those without effect say which index is asked, how code is installed, and
/// what a lock takes: they are the configuration's here, or mean nothing.
const KEYS: [&str; 17] = [
    "version",
    "python",
    "platform",
    "markers",
    "extras",
    "git",
    "branch",
    "tag",
    "rev",
    "subdirectory",
    "path",
    "file",
    "url",
    "optional",
    "source",
    "develop",
    "allow-prereleases",
];

/// The table `[tool.poetry]`.
pub(super) fn table<'d, 't>(document: &'d DeTable<'t>) -> Option<&'d DeTable<'t>> {
    document.get("tool")?.get_ref().as_table()?.get("poetry")?.get_ref().as_table()
}

/// The projects that Poetry takes from a folder: code of the repository, which belongs to targets.
pub(super) fn members(poetry: &DeTable<'_>) -> BTreeSet<PackageName> {
    let dependencies = poetry.get("dependencies").and_then(|table| table.get_ref().as_table());
    let of_folder = |value: &Value<'_>| value.get_ref().as_table().is_some_and(is_folder);
    let members = dependencies.into_iter().flat_map(|table| table.iter());
    let members = members.filter(|(_, value)| of_folder(value));
    members.filter_map(|(name, _)| parse_name(name.get_ref()).ok()).collect()
}

fn is_folder(table: &DeTable<'_>) -> bool {
    let path = table.get("path").and_then(|path| path.get_ref().as_str());
    path.is_some_and(|path| !is_archive(path))
}

/// One dependency that is being read: where it is written, and what it is called in messages.
struct Dependency<'a> {
    name: &'a str,
    key: &'a str,
}

impl Reader<'_> {
    /// Adds what the tables of Poetry ask for. Where `[project]` lists the dependencies, as Poetry 2 has it, its
    /// `dependencies` only say of these where they come from.
    pub(super) fn poetry(&mut self, poetry: &DeTable<'_>, is_listed: bool, groups: &mut Groups) {
        if let Some(value) = poetry.get("dependencies") {
            let entries = self.poetry_group(value, MAIN, &Group::Project);
            if is_listed {
                groups.locate(&Group::Project, entries);
            } else {
                groups.extend(Group::Project, entries);
            }
        }
        if let Some(value) = poetry.get("dev-dependencies") {
            self.poetry_named(value, "tool.poetry.dev-dependencies", DEV, value.span().start, groups);
        }
        let Some(all) = poetry.get("group").and_then(|all| self.table(all, GROUP)) else { return };
        let mut all: Vec<_> = all.iter().collect();
        all.sort_by_key(|(name, _)| name.span().start);
        for (name, group) in all {
            let key = format!("{GROUP}.{}", name.get_ref());
            let dependencies = self.table(group, &key).and_then(|group| group.get("dependencies"));
            if let Some(value) = dependencies {
                let key = format!("{key}.dependencies");
                self.poetry_named(value, &key, name.get_ref(), name.span().start, groups);
            }
        }
    }

    fn poetry_named(&mut self, value: &Value<'_>, key: &str, name: &str, at: usize, groups: &mut Groups) {
        match parse_name(name) {
            Ok(name) => {
                let group = Group::Dependency(name);
                let entries = self.poetry_group(value, key, &group);
                groups.extend(group, entries);
            }
            Err(_) => self.fail(at, Fault::Name { table: GROUP, name: name.to_owned() }),
        }
    }

    fn poetry_group(&mut self, value: &Value<'_>, key: &str, group: &Group) -> Vec<Entry> {
        let mut entries = Vec::new();
        let Some(table) = self.table(value, key) else { return entries };
        let mut all: Vec<_> = table.iter().collect();
        all.sort_by_key(|(name, _)| name.span().start);
        // `python` is what the project itself runs on.
        for (name, value) in all.into_iter().filter(|(name, _)| name.get_ref() != "python") {
            let key = format!("{key}.{}", name.get_ref());
            let one = Dependency { name: name.get_ref(), key: &key };
            let found: Vec<_> = match value.get_ref() {
                DeValue::Array(items) => {
                    items.iter().map(|item| (item.span(), self.poetry_one(&one, item))).collect()
                }
                _ => vec![(name.span(), self.poetry_one(&one, value))],
            };
            for (span, text) in found {
                if let Some(text) = text {
                    self.requirement(&text, span, group, &mut entries);
                }
            }
        }
        entries
    }

    /// A dependency as a requirement, unless it is code of the repository or wrong.
    fn poetry_one(&mut self, one: &Dependency<'_>, value: &Value<'_>) -> Option<String> {
        match value.get_ref() {
            DeValue::String(version) => {
                let versions = self.poetry_versions(version, value.span().start)?;
                Some(format!("{}{versions}", one.name))
            }
            DeValue::Table(table) => self.poetry_table(one, table),
            other => {
                self.wrong(value.span().start, one.key, SPECIFICATION, other);
                None
            }
        }
    }

    fn poetry_table(&mut self, one: &Dependency<'_>, table: &DeTable<'_>) -> Option<String> {
        let before = self.errors.len();
        for (key, _) in table {
            let name = key.get_ref();
            // The older spelling.
            if !KEYS.contains(&name.as_ref()) && name != "allows-prereleases" {
                let near = KEYS.into_iter().find(|known| strsim::jaro_winkler(known, name) >= 0.8);
                let fault = Fault::PoetryKey { key: one.key.to_owned(), found: name.to_string(), near };
                self.fail(key.span().start, fault);
            }
        }
        let extras = self.poetry_extras(one, table);
        let location = self.poetry_location(one, table);
        let versions = match self.poetry_text(one, table, "version") {
            Some((version, at)) if location.is_none() => {
                self.poetry_versions(version, at).unwrap_or_default()
            }
            _ => String::new(),
        };
        let marker = self.poetry_marker(one, table);
        if self.errors.len() > before || is_folder(table) {
            return None;
        }
        let location = location.map_or(String::new(), |location| format!(" @ {location}"));
        let marker = if marker.is_empty() { String::new() } else { format!(" ; {marker}") };
        Some(format!("{}{extras}{versions}{location}{marker}", one.name))
    }

    /// The versions of one requirement.
    fn poetry_versions(&mut self, text: &str, at: usize) -> Option<String> {
        let text = || text.to_owned();
        let fault = match versions::ranges(&text()) {
            Ok(ranges) => match ranges.as_slice() {
                [one] => return Some(versions::specifiers(one)),
                _ => Fault::PoetryAlternatives { text: text() },
            },
            Err(reason) => Fault::PoetryVersion { text: text(), reason },
        };
        self.fail(at, fault);
        None
    }

    fn poetry_extras(&mut self, one: &Dependency<'_>, table: &DeTable<'_>) -> String {
        let Some(value) = table.get("extras") else { return String::new() };
        let key = format!("{}.extras", one.key);
        let expected = "an array of strings";
        let Some(list) = self.list(value, &key, expected) else { return String::new() };
        let mut extras = Vec::new();
        for (span, item) in list {
            match item {
                DeValue::String(extra) => extras.push(extra.as_ref()),
                other => self.wrong(span.start, &key, expected, other),
            }
        }
        if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) }
    }

    /// Where it comes from, if that is no index: a repository, an address or an archive.
    fn poetry_location(&mut self, one: &Dependency<'_>, table: &DeTable<'_>) -> Option<String> {
        let mut text = |key: &str| self.poetry_text(one, table, key);
        let folder = text("subdirectory").map(|(folder, _)| format!("#subdirectory={folder}"));
        let folder = folder.unwrap_or_default();
        if let Some((git, _)) = text("git") {
            let revision = ["rev", "tag", "branch"].into_iter().find_map(text);
            let revision = revision.map(|(revision, _)| format!("@{revision}")).unwrap_or_default();
            return Some(format!("git+{}{revision}{folder}", git_url(git)));
        }
        if let Some((url, _)) = text("url") {
            return Some(format!("{url}{folder}"));
        }
        let (path, at) = text("path").or_else(|| text("file"))?;
        if !is_archive(path) {
            return None;
        }
        let Some(below) = below_root(self.folder(), path) else {
            let fault = RequirementFileFault::OutsideRoot { path: path.to_owned() };
            self.fail(at, Fault::Requirement(fault));
            return None;
        };
        Some(format!("./{below}"))
    }

    /// All conditions of a dependency as one marker.
    fn poetry_marker(&mut self, one: &Dependency<'_>, table: &DeTable<'_>) -> String {
        let mut all = Vec::new();
        if let Some((python, at)) = self.poetry_text(one, table, "python") {
            match versions::ranges(python) {
                Ok(ranges) => all.extend(versions::python_marker(&ranges)),
                Err(reason) => self.fail(at, Fault::PoetryVersion { text: python.to_owned(), reason }),
            }
        }
        if let Some((platform, _)) = self.poetry_text(one, table, "platform") {
            all.push(platform_marker(platform));
        }
        if let Some((markers, _)) = self.poetry_text(one, table, "markers") {
            all.push(markers.to_owned());
        }
        match all.as_slice() {
            [only] => only.clone(),
            several => several.iter().map(|marker| format!("({marker})")).collect::<Vec<_>>().join(" and "),
        }
    }

    /// A string of a table, and where it is.
    fn poetry_text<'d>(
        &mut self,
        one: &Dependency<'_>,
        table: &'d DeTable<'_>,
        key: &str,
    ) -> Option<(&'d str, usize)> {
        let value = table.get(key)?;
        let at = value.span().start;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(at, &format!("{}.{key}", one.key), "a string", value.get_ref());
        }
        Some((text?, at))
    }
}

/// The URL of a git repository, also where it is written as `git@host:path`.
fn git_url(written: &str) -> String {
    match written.split_once(':') {
        Some((host, path)) if !written.contains("://") && host.contains('@') => {
            format!("ssh://{host}/{path}")
        }
        _ => written.to_owned(),
    }
}

/// The marker for the values of `sys_platform` that Poetry names.
fn platform_marker(text: &str) -> String {
    let comparison = |one: &str| {
        let one = one.trim();
        match one.strip_prefix("!=") {
            Some(other) => format!("sys_platform != \"{}\"", other.trim()),
            None => format!("sys_platform == \"{}\"", one.trim_start_matches('=').trim()),
        }
    };
    let all = |range: &str| range.split(',').map(comparison).collect::<Vec<_>>().join(" and ");
    text.split("||").map(all).collect::<Vec<_>>().join(" or ")
}

//! The tables of a `pyproject.toml` as groups that are not put together yet; knows not what includes lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{PyprojectError, PyprojectFault as Fault};
use super::groups::{Entry, Groups};
use super::{DEV, EXTRAS, GROUPS, Group, poetry};
use crate::name::{PackageName, parse_extra, parse_name};
use crate::place::Places;
use crate::requirement_file::{Listed, from_index};

/// A value of the file.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

const REQUIREMENT: &str = "a string with a requirement";
const GROUP_ENTRY: &str = "a string with a requirement or a table `{ include-group = \"name\" }`";

/// A file that is being read, and what is wrong with it so far.
pub(super) struct Reader<'t> {
    file: Arc<str>,
    text: &'t str,
    places: Places<'t>,
    /// The normalised name of the project itself.
    own: Option<PackageName>,
    /// What uv takes from the workspace or a folder: projects of the repository, whose sources belong to targets.
    members: BTreeSet<PackageName>,
    /// Whether the tables of Poetry are read as well.
    of_poetry: bool,
    pub(super) errors: Vec<PyprojectError>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(file: &str, text: &'t str, of_poetry: bool) -> Self {
        let (own, members, errors) = (None, BTreeSet::new(), Vec::new());
        Self { file: file.into(), text, places: Places::new(text), own, members, of_poetry, errors }
    }

    /// The folder of the file.
    pub(super) fn folder(&self) -> &str {
        self.file.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Notes what is wrong at a byte of the file.
    pub(super) fn fail(&mut self, offset: usize, fault: Fault) {
        self.errors.push(PyprojectError { file: self.file.clone(), place: self.places.of(offset), fault });
    }

    /// Reads all groups.
    pub(super) fn groups(&mut self) -> Groups {
        let mut groups = Groups::default();
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let reason = error.message().lines().collect::<Vec<_>>().join(", ");
            self.fail(error.span().map_or(0, |span| span.start), Fault::Toml { reason });
        }
        if !errors.is_empty() {
            return groups;
        }
        let document = document.get_ref();
        let uv =
            document.get("tool").and_then(|tool| tool.get_ref().as_table()?.get("uv")?.get_ref().as_table());
        self.members =
            uv.and_then(|uv| uv.get("sources")?.get_ref().as_table()).map(members).unwrap_or_default();
        let poetry = poetry::table(document).filter(|_| self.of_poetry);
        self.members.extend(poetry.map(poetry::members).unwrap_or_default());
        match document.get("project") {
            Some(project) => self.project(project, &mut groups),
            None if self.of_poetry => self.require_poetry(document),
            None => self.refuse_poetry(document),
        }
        if let Some(poetry) = poetry {
            let project = document.get("project").and_then(|project| project.get_ref().as_table());
            let is_listed = project.is_some_and(|project| project.contains_key("dependencies"));
            self.poetry(poetry, is_listed, &mut groups);
        }
        if let Some(table) = document.get(GROUPS) {
            self.tables(table, GROUPS, &mut groups);
        }
        if let Some(list) = uv.and_then(|uv| uv.get("dev-dependencies")) {
            self.development(list, &mut groups);
        }
        groups
    }

    /// What uv had before there were groups: it is taken as a part of the group `dev`.
    fn development(&mut self, list: &Value<'_>, groups: &mut Groups) {
        let Ok(name) = parse_name(DEV) else { return };
        let group = Group::Dependency(name);
        let entries = self.entries(list, "tool.uv.dev-dependencies", &group);
        groups.extend(group, entries);
    }

    fn refuse_poetry(&mut self, document: &DeTable<'_>) {
        let tool = document.get("tool").and_then(|tool| tool.get_ref().as_table());
        if let Some((key, _)) = tool.and_then(|tool| tool.get_key_value("poetry")) {
            self.fail(key.span().start, Fault::Poetry);
        }
    }

    fn require_poetry(&mut self, document: &DeTable<'_>) {
        if poetry::table(document).is_none() && !document.contains_key(GROUPS) {
            self.fail(0, Fault::NoPoetry);
        }
    }

    fn project(&mut self, project: &Value<'_>, groups: &mut Groups) {
        let Some(table) = self.table(project, "project") else { return };
        let name = table.get("name").and_then(|name| name.get_ref().as_str());
        self.own = name.and_then(|name| parse_name(name).ok());
        // What is dynamic is in the tables of Poetry.
        if let Some(dynamic) = table.get("dynamic").filter(|_| !self.of_poetry) {
            self.dynamic(dynamic);
        }
        if let Some(list) = table.get("dependencies") {
            let entries = self.entries(list, "project.dependencies", &Group::Project);
            groups.add(Group::Project, entries);
        }
        if let Some(extras) = table.get("optional-dependencies") {
            self.tables(extras, EXTRAS, groups);
        }
    }

    fn dynamic(&mut self, dynamic: &Value<'_>) {
        let Some(list) = self.list(dynamic, "project.dynamic", "an array of strings") else { return };
        for (offset, value) in list {
            for key in ["dependencies", "optional-dependencies"] {
                if value.as_str() == Some(key) {
                    self.fail(offset.start, Fault::Dynamic { key });
                }
            }
        }
    }

    /// Reads a table of groups by name.
    fn tables(&mut self, value: &Value<'_>, table: &'static str, groups: &mut Groups) {
        let Some(found) = self.table(value, table) else { return };
        let mut members: Vec<_> = found.iter().collect();
        members.sort_by_key(|(key, _)| key.span().start);
        let mut first: BTreeMap<Group, &str> = BTreeMap::new();
        for (key, value) in members {
            let (at, name) = (key.span().start, key.get_ref().as_ref());
            let group = if table == EXTRAS {
                parse_extra(name).map(Group::Extra)
            } else {
                parse_name(name).map(Group::Dependency)
            };
            let Ok(group) = group else {
                self.fail(at, Fault::Name { table, name: name.to_owned() });
                continue;
            };
            if let Some(first) = first.get(&group) {
                let (first, second) = ((*first).to_owned(), name.to_owned());
                self.fail(at, Fault::SameName { table, first, second });
                continue;
            }
            let entries = self.entries(value, &format!("{table}.{name}"), &group);
            first.insert(group.clone(), name);
            groups.add(group, entries);
        }
    }

    fn entries(&mut self, value: &Value<'_>, key: &str, group: &Group) -> Vec<Entry> {
        let Some(list) = self.list(value, key, "an array of requirements") else { return Vec::new() };
        let mut entries = Vec::new();
        for (index, (span, value)) in list.enumerate() {
            match (value, group) {
                (DeValue::String(text), _) => self.requirement(text, span, group, &mut entries),
                (DeValue::Table(table), Group::Dependency(_)) => {
                    entries.extend(self.include(table, &span, &format!("{key}[{index}]")));
                }
                (other, _) => {
                    let expected =
                        if matches!(group, Group::Dependency(_)) { GROUP_ENTRY } else { REQUIREMENT };
                    self.wrong(span.start, &format!("{key}[{index}]"), expected, other);
                }
            }
        }
        entries
    }

    /// Adds a requirement that is written, or meant, at a span of the file.
    pub(super) fn requirement(
        &mut self,
        text: &str,
        span: Range<usize>,
        group: &Group,
        entries: &mut Vec<Entry>,
    ) {
        let start = span.start;
        let requirement = match from_index(text) {
            Ok(requirement) => requirement,
            Err((offset, fault)) => {
                let trimmed = text.len() - text.trim_start().len();
                let verbatim = self.text.get(span).and_then(|written| written.find(text));
                let at = verbatim.map_or(start, |quote| start + quote + trimmed + offset);
                return self.fail(at, Fault::Requirement(fault));
            }
        };
        if self.members.contains(&requirement.name) {
            return;
        }
        if self.own.as_ref() != Some(&requirement.name) {
            let place = self.places.of(start);
            let listed = Listed { requirement, file: self.file.clone(), place, hashes: Vec::new() };
            return entries.push(Entry::Listed(listed));
        }
        if !requirement.marker.is_always()
            || requirement.specifiers().is_none_or(|versions| !versions.is_empty())
        {
            return self.fail(start, Fault::ConditionalSelf { name: requirement.name.to_string() });
        }
        if matches!(group, Group::Dependency(_)) {
            entries.push(Entry::Include { group: Group::Project, at: start });
        }
        let extras = requirement.extras.into_iter().map(Group::Extra);
        entries.extend(extras.map(|group| Entry::Include { group, at: start }));
    }

    fn include(&mut self, table: &DeTable<'_>, span: &Range<usize>, key: &str) -> Option<Entry> {
        let Some(value) = table.get("include-group").filter(|_| table.len() == 1) else {
            let keys = "a table with other keys";
            let fault = Fault::Type { key: key.to_owned(), expected: GROUP_ENTRY, found: keys };
            self.fail(span.start, fault);
            return None;
        };
        let at = value.span().start;
        let DeValue::String(name) = value.get_ref() else {
            self.wrong(
                at,
                &format!("{key}.include-group"),
                "a string with the name of a group",
                value.get_ref(),
            );
            return None;
        };
        match parse_name(name) {
            Ok(name) => Some(Entry::Include { group: Group::Dependency(name), at }),
            Err(error) => {
                self.fail(at, Fault::Name { table: GROUPS, name: error.found });
                None
            }
        }
    }

    pub(super) fn table<'v, 't2>(&mut self, value: &'v Value<'t2>, key: &str) -> Option<&'v DeTable<'t2>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong(value.span().start, key, "a table", value.get_ref());
        }
        table
    }

    pub(super) fn list<'v, 't2>(
        &mut self,
        value: &'v Value<'t2>,
        key: &str,
        expected: &'static str,
    ) -> Option<impl Iterator<Item = (Range<usize>, &'v DeValue<'t2>)> + use<'v, 't2>> {
        let list = value.get_ref().as_array();
        if list.is_none() {
            self.wrong(value.span().start, key, expected, value.get_ref());
        }
        list.map(|list| list.iter().map(|value| (value.span(), value.get_ref())))
    }

    pub(super) fn wrong(&mut self, offset: usize, key: &str, expected: &'static str, found: &DeValue<'_>) {
        let found = match found {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.fail(offset, Fault::Type { key: key.to_owned(), expected, found });
    }
}

/// Whether a path is that of a wheel or source distribution, by its name.
pub(super) fn is_archive(path: &str) -> bool {
    [".whl", ".gz", ".zip"].iter().any(|end| path.ends_with(end))
}

/// The projects that uv takes from the workspace, or from a folder that is no archive.
fn members(sources: &DeTable<'_>) -> BTreeSet<PackageName> {
    let of_repository = |table: &DeTable<'_>| {
        let workspace = table.get("workspace").and_then(|value| value.get_ref().as_bool()) == Some(true);
        let path = table.get("path").and_then(|value| value.get_ref().as_str());
        workspace || path.is_some_and(|path| !is_archive(path))
    };
    let is_member = |value: &DeValue<'_>| match value {
        DeValue::Table(table) => of_repository(table),
        // One for each of several markers.
        DeValue::Array(all) => all.iter().all(|one| one.get_ref().as_table().is_some_and(&of_repository)),
        _ => false,
    };
    let members = sources.iter().filter(|(_, value)| is_member(value.get_ref()));
    members.filter_map(|(name, _)| parse_name(name.get_ref()).ok()).collect()
}

//! Reads the text of a file of the configuration into what it says of each key. Does not know what the keys mean, nor
//! what other files say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use graph::Place;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::declared;
use super::keys::{KEYS, Key, Kind, OUTSIDE};
use super::pants_keys::{self, ALIASES};
use super::placeholders::Placeholders;
use super::value::{Given, Reading, Wrong};
use crate::diagnostic::{Diagnostic, Exit};

/// The name of the file that marks the root.
pub(crate) const FILE: &str = "pants.toml";

/// The section whose keys are names for `%(…)s`.
const DEFAULT: &str = "DEFAULT";

/// What one source says.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// By section and key.
    pub(super) given: BTreeMap<(String, String), (Given, Place)>,
    /// Sections whose keys are the user's own, and that are given as a whole.
    pub(super) whole: BTreeSet<String>,
    /// What belongs to Pants and has no effect here.
    pub(super) others: Vec<Other>,
    pub(super) errors: Vec<Diagnostic>,
}

/// A key of Pants, or a section of its, that has no effect here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Other {
    pub(crate) place: Place,
    pub(crate) section: String,
    /// None for a whole section.
    pub(crate) key: Option<String>,
}

/// Reads the text of a file that messages call `file`.
pub(super) fn read(
    text: &str,
    file: &Arc<str>,
    mut placeholders: Placeholders<'_>,
    root: &std::path::Path,
) -> Layer {
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let place = error.span().map(|span| place(text, file, &span));
            let message = format!("`{file}` is not valid TOML: {}", error.message());
            let wrong = Diagnostic::error(Exit::Wrong, "config::syntax", message).at(place);
            return Layer { errors: vec![wrong], ..Layer::default() };
        }
    };
    if let Some(DeValue::Table(names)) = table.get_ref().get(DEFAULT).map(Spanned::get_ref) {
        for (name, value) in names {
            if let DeValue::String(value) = value.get_ref() {
                placeholders.define(name.get_ref().to_string(), value.to_string());
            }
        }
    }
    let reading = Reading { root, placeholders: Some(&placeholders) };
    let mut reader = Reader { text, file, reading, layer: Layer::default() };
    for (name, value) in table.get_ref() {
        match value.get_ref() {
            _ if name.get_ref() == DEFAULT => {}
            DeValue::Table(section) => reader.section(name.get_ref(), name, section),
            _ => reader.no_section(name.get_ref(), name, value),
        }
    }
    reader.layer
}

pub(super) struct Reader<'t> {
    text: &'t str,
    file: &'t Arc<str>,
    pub(super) reading: Reading<'t>,
    pub(super) layer: Layer,
}

impl Reader<'_> {
    fn section<T>(&mut self, path: &str, name: &Spanned<T>, table: &DeTable<'_>) {
        let ours = KEYS.iter().any(|key| is_within(key.section, declared(path)));
        let renamed = ALIASES.iter().any(|((section, _), _)| *section == path);
        if !ours && !renamed {
            let sections = KEYS.iter().map(|key| key.section);
            if !pants_keys::SECTIONS.contains(&path) && graph::near(path, sections.clone()).is_some() {
                return self.unknown(
                    format!("`{}` has no section `[{path}]`", self.file),
                    path,
                    sections,
                    name,
                );
            }
            return self.other(path, None, name);
        }
        if KEYS.iter().any(|key| key.section == path && key.name.is_none()) {
            return self.own_names(path, table);
        }
        for (key, value) in table {
            let inner = format!("{path}.{}", key.get_ref());
            let is_section = KEYS.iter().any(|known| is_within(known.section, declared(&inner)));
            match value.get_ref() {
                DeValue::Table(table) if is_section => self.section(&inner, key, table),
                _ if is_section => self.wrong_type(&inner, "a section", value),
                _ => self.key(path, key.get_ref(), key, value),
            }
        }
    }

    /// A section whose keys are the user's own names; with the key `add` alone, more of them.
    fn own_names(&mut self, path: &str, table: &DeTable<'_>) {
        let add = table.iter().next().filter(|(key, value)| {
            table.len() == 1 && key.get_ref() == "add" && matches!(value.get_ref(), DeValue::Table(_))
        });
        if let Some((_, value)) = add
            && let DeValue::Table(more) = value.get_ref()
        {
            for (key, value) in more {
                self.key(path, key.get_ref(), key, value);
            }
            return;
        }
        self.layer.whole.insert(path.to_owned());
        for (key, value) in table {
            self.key(path, key.get_ref(), key, value);
        }
    }

    /// A key or a value where a section should be.
    fn no_section<T>(&mut self, name: &str, at: &Spanned<T>, value: &Spanned<DeValue<'_>>) {
        let mut sections = KEYS.iter().filter(|key| key.name == Some(name)).map(|key| key.section);
        match sections.next() {
            Some(section) if !KEYS.iter().any(|key| key.section == name) => {
                let message = format!("the key `{name}` is in no section");
                let help = format!("keys belong in a section: write `[{section}]` above");
                let place = Some(self.place(at));
                self.layer.errors.push(
                    Diagnostic::error(Exit::Wrong, "config::no_section", message).at(place).help(Some(help)),
                );
            }
            _ => self.wrong_type(name, "a section", value),
        }
    }

    fn key<T>(&mut self, section: &str, name: &str, at: &Spanned<T>, value: &Spanned<DeValue<'_>>) {
        let renamed = ALIASES.iter().find(|(from, _)| *from == (section, name)).map(|(_, to)| *to);
        let (section, name) = renamed.unwrap_or((section, name));
        let mut keys = KEYS.iter().filter(|key| key.section == declared(section));
        let known = keys.clone().find(|key| key.name.is_none_or(|known| known == name));
        let outside = section == "GLOBAL" && OUTSIDE.contains(&name);
        let Some(key) = known.filter(|_| !outside) else {
            let of_pants = pants_keys::has(section, name)
                || !KEYS.iter().any(|key| is_within(key.section, declared(section)));
            if outside || of_pants {
                return self.other(section, Some(name), at);
            }
            let message = format!("section `[{section}]` has no key `{name}`");
            let inner = format!("{section}.");
            let sections = KEYS.iter().filter_map(|key| key.section.strip_prefix(&inner));
            let names = keys.by_ref().filter_map(|key| key.name).chain(sections);
            return self.unknown(message, name, names, at);
        };
        let given = match (key.kind, value.get_ref()) {
            (Kind::Indexes | Kind::FindLinks, DeValue::Array(items)) => {
                Ok(Some(Given::Value(self.indexes(name, items))))
            }
            _ => self.reading.toml(key.kind, value.get_ref()),
        };
        match given {
            Ok(Some(given)) => {
                let place = self.place(value);
                self.layer.given.insert((section.to_owned(), name.to_owned()), (given, place));
            }
            Ok(None) => {}
            Err(wrong) => self.wrong(key, name, wrong, value),
        }
    }

    fn wrong(&mut self, key: &Key, name: &str, wrong: Wrong, value: &Spanned<DeValue<'_>>) {
        let diagnostic = match wrong {
            Wrong::Type(_) => return self.wrong_type(name, key.kind.expected(), value),
            wrong => explain(name, key.kind.expected(), &wrong),
        };
        self.layer.errors.push(diagnostic.at(Some(self.place(value))));
    }

    fn other<T>(&mut self, section: &str, key: Option<&str>, at: &Spanned<T>) {
        let (section, key) = (section.to_owned(), key.map(str::to_owned));
        self.layer.others.push(Other { place: self.place(at), section, key });
    }

    fn unknown<'a, T>(
        &mut self,
        message: String,
        wanted: &str,
        candidates: impl Iterator<Item = &'a str>,
        at: &Spanned<T>,
    ) {
        let help = match graph::near(wanted, candidates) {
            Some(near) => format!("did you mean `{near}`?"),
            None => elsewhere(wanted).unwrap_or_else(|| format!("`pants help {FILE}` lists all keys")),
        };
        self.layer.errors.push(
            Diagnostic::error(Exit::Wrong, "config::unknown", message)
                .at(Some(self.place(at)))
                .help(Some(help)),
        );
    }

    pub(super) fn wrong_type(&mut self, name: &str, expected: &str, value: &Spanned<DeValue<'_>>) {
        let found = match value.get_ref() {
            DeValue::String(text) if expected.starts_with('`') => format!("`{text}`"),
            DeValue::Integer(_) | DeValue::Float(_) => {
                format!("`{}`", self.text.get(value.span()).unwrap_or_default())
            }
            other => super::value::found(other),
        };
        let diagnostic = explain(name, expected, &Wrong::Type(found));
        self.layer.errors.push(diagnostic.at(Some(self.place(value))));
    }

    /// Where something is.
    pub(super) fn place<T>(&self, at: &Spanned<T>) -> Place {
        place(self.text, self.file, &at.span())
    }
}

/// Which sections have a key, unless nearly all have it.
fn elsewhere(name: &str) -> Option<String> {
    const FEW: usize = 3;
    let sections: Vec<String> = (KEYS.iter().filter(|key| key.name == Some(name)))
        .map(|key| format!("`[{}]`", key.section))
        .collect();
    let few = (1..=FEW).contains(&sections.len());
    few.then(|| format!("`{name}` is a key of {}", sections.join(" and of ")))
}

/// What is wrong with the value of a key, without its place.
pub(super) fn explain(name: &str, expected: &str, wrong: &Wrong) -> Diagnostic {
    let (code, message, help) = match wrong {
        Wrong::Type(found) => ("config::type", format!("`{name}` takes {expected}, not {found}"), None),
        Wrong::Literal(error) => {
            let message =
                format!("`{name}` takes {expected}: expected {} at letter {}", error.expected, error.column);
            ("config::type", message, None)
        }
        Wrong::Placeholder(placeholder) => {
            let message = format!("`%({placeholder})s` in `{name}` stands for nothing");
            let help = match placeholder.strip_prefix("env.") {
                Some(variable) => format!("set the variable `{variable}`"),
                None => {
                    "`buildroot`, `homedir`, `user`, `env.NAME` and the keys of `[DEFAULT]` stand for something"
                        .to_owned()
                }
            };
            ("config::placeholder", message, Some(help))
        }
        Wrong::Address { shown } => {
            let message = format!("`{shown}` in `{name}` is no URL, and no folder that is there");
            let host = shown.split('/').next().unwrap_or_default().trim_matches('.');
            let example = format!(", as in `https://{shown}`");
            let example = if host.contains(['.', ':']) { example } else { String::new() };
            let help =
                format!("an address begins with `https://`{example}; a folder is named relative to the root");
            ("config::address", message, Some(help))
        }
        Wrong::File { path, reason } => {
            let message = format!("cannot read `{path}`, where the value of `{name}` is: {reason}");
            let help = format!("`@?{path}` is for a file that need not be there, and `@@` for an `@`");
            ("config::value_file", message, Some(help))
        }
    };
    Diagnostic::error(Exit::Wrong, code, message).help(help)
}

/// Whether a section is another or inside of it.
fn is_within(section: &str, outer: &str) -> bool {
    section.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The line and column of a span of the text.
fn place(text: &str, file: &Arc<str>, span: &std::ops::Range<usize>) -> Place {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let width =
        text.get(span.clone()).map_or(1, |text| text.lines().next().unwrap_or_default().chars().count());
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place::new(file.clone(), number(line), number(column)).wide(number(width))
}

//! Reads the text of `pants.toml` into values that the table of keys allows. Does not know what they mean.

use std::collections::BTreeMap;

use clap::{ColorChoice, ValueEnum};
use graph::Place;
use packaging::index::DeclaredIndex;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key, Kind};
use crate::diagnostic::{Diagnostic, Exit};

/// The name of the file.
pub(crate) const FILE: &str = "pants.toml";

/// The value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Flag(bool),
    Number(u16),
    Texts(Vec<String>),
    Color(ColorChoice),
    Indexes(Vec<DeclaredIndex>),
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

/// All settings of a file, by section and key.
pub(crate) type Settings = BTreeMap<(String, String), Setting>;

/// Reads a file: what can be read, and what is wrong with the rest.
pub(crate) fn read(text: &str) -> (Settings, Vec<Diagnostic>) {
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let place = error.span().map(|span| place(text, &span));
            let message = format!("`{FILE}` is not valid TOML: {}", error.message());
            let wrong = Diagnostic::error(Exit::Wrong, "config::syntax", message).at(place);
            return (Settings::new(), vec![wrong]);
        }
    };
    let mut reader = Reader { text, settings: Settings::new(), errors: Vec::new() };
    for (name, value) in table.get_ref() {
        match value.get_ref() {
            DeValue::Table(section) => reader.section(name.get_ref(), name, section),
            _ => reader.no_section(name.get_ref(), name, value),
        }
    }
    (reader.settings, reader.errors)
}

pub(super) struct Reader<'t> {
    text: &'t str,
    settings: Settings,
    pub(super) errors: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn section<T>(&mut self, path: &str, name: &Spanned<T>, table: &DeTable<'_>) {
        let known = |section: &str| section == path || section.starts_with(&format!("{path}."));
        if !KEYS.iter().any(|key| known(key.section)) {
            let sections = KEYS.iter().map(|key| key.section);
            return self.unknown(format!("`{FILE}` has no section `[{path}]`"), path, sections, name);
        }
        for (key, value) in table {
            let inner = format!("{path}.{}", key.get_ref());
            let is_section = KEYS
                .iter()
                .any(|known| known.section == inner || known.section.starts_with(&format!("{inner}.")));
            match value.get_ref() {
                DeValue::Table(table) if is_section => self.section(&inner, key, table),
                _ if is_section => self.wrong_type(&inner, "a section", value),
                _ => self.key(path, key.get_ref(), key, value),
            }
        }
    }

    /// A key or a value where a section should be.
    fn no_section<T>(&mut self, name: &str, at: &Spanned<T>, value: &Spanned<DeValue<'_>>) {
        let mut sections = KEYS.iter().filter(|key| key.name == Some(name)).map(|key| key.section);
        match sections.next() {
            Some(section) if !KEYS.iter().any(|key| key.section == name) => {
                let message = format!("the key `{name}` is in no section");
                let help = format!("keys belong in a section: write `[{section}]` above");
                let place = Some(place(self.text, &at.span()));
                self.errors.push(
                    Diagnostic::error(Exit::Wrong, "config::no_section", message).at(place).help(Some(help)),
                );
            }
            _ => self.wrong_type(name, "a section", value),
        }
    }

    fn key<T>(&mut self, section: &str, name: &str, at: &Spanned<T>, value: &Spanned<DeValue<'_>>) {
        let mut keys = KEYS.iter().filter(|key| key.section == section);
        let Some(Key { kind, .. }) = keys.clone().find(|key| key.name.is_none_or(|known| known == name))
        else {
            let inner = format!("{section}.");
            let sections = KEYS.iter().filter_map(|key| key.section.strip_prefix(&inner));
            let names = keys.by_ref().filter_map(|key| key.name).chain(sections);
            return self.unknown(format!("section `[{section}]` has no key `{name}`"), name, names, at);
        };
        let place = place(self.text, &value.span());
        let converted = match (kind, value.get_ref()) {
            (Kind::Indexes, DeValue::Array(items)) => Some(self.indexes(name, items)),
            _ => convert(*kind, value.get_ref()),
        };
        match converted {
            Some(value) => {
                self.settings.insert((section.to_owned(), name.to_owned()), Setting { value, place });
            }
            None => self.wrong_type(name, kind.expected(), value),
        }
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
            None => format!("`pants help {FILE}` lists all keys"),
        };
        let place = place(self.text, &at.span());
        self.errors.push(
            Diagnostic::error(Exit::Wrong, "config::unknown", message).at(Some(place)).help(Some(help)),
        );
    }

    /// Where a span is.
    pub(super) fn place(&self, span: &std::ops::Range<usize>) -> Place {
        place(self.text, span)
    }

    pub(super) fn wrong_type(&mut self, name: &str, expected: &str, value: &Spanned<DeValue<'_>>) {
        let found = match value.get_ref() {
            DeValue::String(text) if expected.starts_with('`') => format!("`{text}`"),
            DeValue::Integer(_) | DeValue::Float(_) => {
                format!("`{}`", self.text.get(value.span()).unwrap_or_default())
            }
            other => format!("{} {}", article(other.type_str()), other.type_str()),
        };
        let message = format!("`{name}` takes {expected}, not {found}");
        let place = place(self.text, &value.span());
        self.errors.push(Diagnostic::error(Exit::Wrong, "config::type", message).at(Some(place)));
    }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

fn convert(kind: Kind, value: &DeValue<'_>) -> Option<Value> {
    match (kind, value) {
        (Kind::Text, DeValue::String(text)) => Some(Value::Text(text.to_string())),
        (Kind::Color, DeValue::String(text)) => {
            <ColorChoice as ValueEnum>::from_str(text, false).ok().map(Value::Color)
        }
        (Kind::Flag, DeValue::Boolean(flag)) => Some(Value::Flag(*flag)),
        (Kind::Number, DeValue::Integer(number)) => {
            let number = u16::from_str_radix(number.as_str(), number.radix()).ok()?;
            (number > 0).then_some(Value::Number(number))
        }
        (Kind::Texts, DeValue::Array(items)) => (items.iter())
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            })
            .collect::<Option<_>>()
            .map(Value::Texts),
        _ => None,
    }
}

/// The line and column of a span of the text.
fn place(text: &str, span: &std::ops::Range<usize>) -> Place {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let width =
        text.get(span.clone()).map_or(1, |text| text.lines().next().unwrap_or_default().chars().count());
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place::new(FILE, number(line), number(column)).wide(number(width))
}

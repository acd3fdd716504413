//! The values of keys: what one source gives, made of TOML or of a text. It does not know which key.

use std::path::Path;

use clap::{ColorChoice, ValueEnum};
use graph::Place;
use packaging::index::DeclaredIndex;
use toml::de::DeValue;

use super::indexes;
use super::keys::Kind;
use super::literal::{self, ListEdit, Literal, LiteralError};
use super::placeholders::Placeholders;

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

/// What a source says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Value(Value),
    Edit(ListEdit),
}

/// Why a value is none for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is of another type: what was found, in words.
    Type(String),
    /// The text of a list or dictionary goes wrong somewhere.
    Literal(LiteralError),
    /// A placeholder stands for nothing.
    Placeholder(String),
    /// A file that the value is to be taken from.
    File { path: String, reason: String },
    /// It is neither an address nor a path of something; without what may be a password.
    Address { shown: String },
}

/// What values are made with.
pub(super) struct Reading<'r> {
    /// Where files are that values are taken from.
    pub(super) root: &'r Path,
    /// What placeholders stand for; none where there are no placeholders.
    pub(super) placeholders: Option<&'r Placeholders<'r>>,
}

impl Reading<'_> {
    /// The value of a key of `pants.toml`; none if it is in an optional file that is not there.
    pub(super) fn toml(&self, kind: Kind, value: &DeValue<'_>) -> Result<Option<Given>, Wrong> {
        let given = match (kind, value) {
            (Kind::Text, DeValue::String(text)) => return self.text(kind, &self.fill(text)?),
            (Kind::Color, DeValue::String(text)) => {
                let color = <ColorChoice as ValueEnum>::from_str(text, false);
                Given::Value(Value::Color(color.map_err(|_| Wrong::Type(format!("`{text}`")))?))
            }
            (Kind::Texts, DeValue::String(text)) => {
                let text = self.fill(text)?;
                if !(literal::is_list(&text) || text.starts_with('@')) {
                    return Err(Wrong::Type(found(value)));
                }
                return self.text(kind, &text);
            }
            (Kind::Flag, DeValue::Boolean(flag)) => Given::Value(Value::Flag(*flag)),
            (Kind::Number, DeValue::Integer(number)) => {
                let written = u16::from_str_radix(number.as_str(), number.radix()).ok();
                let number = written.filter(|number| *number > 0);
                Given::Value(Value::Number(number.ok_or_else(|| Wrong::Type(String::new()))?))
            }
            (Kind::Texts, DeValue::Array(_)) => Given::Edit(ListEdit::of(self.list(value)?)),
            (Kind::Texts, DeValue::Table(table)) => {
                let known = |key: &str| matches!(key, "add" | "remove");
                if table.is_empty() || !table.keys().all(|key| known(key.get_ref())) {
                    return Err(Wrong::Type(found(value)));
                }
                let mut edit = ListEdit::default();
                for (key, value) in table {
                    let items = self.list(value.get_ref())?;
                    if key.get_ref() == "add" { edit.add = items } else { edit.remove = items }
                }
                Given::Edit(edit)
            }
            _ => return Err(Wrong::Type(found(value))),
        };
        Ok(Some(given))
    }

    /// Refuses what is no URL, and no folder or page below the root either.
    pub(super) fn address(&self, text: &str) -> Result<(), Wrong> {
        let text = text.trim();
        if text.contains("://") || text.starts_with("file:") || self.root.join(text).exists() {
            return Ok(());
        }
        let shown = text.rsplit_once('@').map_or(text, |(_, behind)| behind).to_owned();
        Err(Wrong::Address { shown })
    }

    /// The value of a variable or an option; none if it is in an optional file that is not there.
    pub(super) fn text(&self, kind: Kind, text: &str) -> Result<Option<Given>, Wrong> {
        let Some(text) = self.expand(text)? else { return Ok(None) };
        let wrong = || Wrong::Type(format!("`{text}`"));
        Ok(Some(match kind {
            Kind::Text => Given::Value(Value::Text(text)),
            Kind::Flag => Given::Value(Value::Flag(flag(&text).ok_or_else(wrong)?)),
            Kind::Number => {
                let number = text.parse().ok().filter(|number| *number > 0);
                Given::Value(Value::Number(number.ok_or_else(wrong)?))
            }
            Kind::Color => {
                let color = <ColorChoice as ValueEnum>::from_str(&text, false);
                Given::Value(Value::Color(color.map_err(|_| wrong())?))
            }
            Kind::Texts => Given::Edit(literal::edit(&text).map_err(Wrong::Literal)?),
            Kind::Indexes | Kind::FindLinks => {
                let [url] = &literal::edit(&text).map_err(Wrong::Literal)?.apply(&[])[..] else {
                    return Err(Wrong::Type("a list of several, which need names".to_owned()));
                };
                self.address(url)?;
                Given::Value(indexes::only(kind, url.clone()))
            }
        }))
    }

    /// The entries of a section whose keys are the user's own, as a text, and whether they are added to others.
    pub(super) fn entries(&self, kind: Kind, text: &str) -> Result<(bool, Vec<(String, Given)>), Wrong> {
        let Some(text) = self.expand(text)? else { return Ok((true, Vec::new())) };
        let (adds, entries) = literal::dictionary(&text).map_err(Wrong::Literal)?;
        let mut given = Vec::new();
        for (name, value) in entries {
            let value = match (kind, value) {
                (Kind::Text, Literal::Text(text)) => Given::Value(Value::Text(text)),
                (Kind::Texts, Literal::List(items)) => {
                    let item = |item| if let Literal::Text(item) = item { Some(item) } else { None };
                    let items: Option<Vec<String>> = items.into_iter().map(item).collect();
                    Given::Edit(ListEdit::of(items.ok_or_else(|| Wrong::Type(format!("`{text}`")))?))
                }
                _ => return Err(Wrong::Type(format!("`{text}`"))),
            };
            given.push((name, value));
        }
        Ok((adds, given))
    }

    fn fill(&self, text: &str) -> Result<String, Wrong> {
        match self.placeholders {
            Some(placeholders) => placeholders.fill(text).map_err(Wrong::Placeholder),
            None => Ok(text.to_owned()),
        }
    }

    fn list(&self, value: &DeValue<'_>) -> Result<Vec<String>, Wrong> {
        let DeValue::Array(items) = value else { return Err(Wrong::Type(found(value))) };
        let text = |item: &DeValue<'_>| match item {
            DeValue::String(text) => self.fill(text),
            other => Err(Wrong::Type(format!("a list with {}", found(other)))),
        };
        items.iter().map(|item| text(item.get_ref())).collect()
    }

    /// A text as it is, or the content of the file that `@path` names; `@?path` need not be there, `@@` is an `@`.
    fn expand(&self, text: &str) -> Result<Option<String>, Wrong> {
        let Some(path) = text.strip_prefix('@') else { return Ok(Some(text.to_owned())) };
        if path.starts_with('@') {
            return Ok(Some(path.to_owned()));
        }
        let (path, optional) = path.strip_prefix('?').map_or((path, false), |path| (path, true));
        match std::fs::read_to_string(self.root.join(path)) {
            Ok(content) => Ok(Some(content.trim_end_matches(['\r', '\n']).to_owned())),
            Err(error) if optional && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Wrong::File { path: path.to_owned(), reason: error.to_string() }),
        }
    }
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// What of TOML a value is, in words; numbers are told by their text, which only the file has.
pub(super) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Integer(_) | DeValue::Float(_) => String::new(),
        other => format!("{} {}", article(other.type_str()), other.type_str()),
    }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

//! What a dependency rule says of a target: its rule, path, name and tags, as a text or a dictionary. It does not know
//! what follows from a match.

use std::fmt;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::globs::{PathGlob, name_glob};
use crate::label::join;
use crate::{Label, Part, Target, Value, near};

/// The keys of a dictionary that says it.
const KEYS: [&str; 5] = ["type", "path", "name", "tags", "action"];

/// What is said of targets: all that is given has to match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSpec {
    /// A glob over the names of its rule.
    pub rule: Option<String>,
    /// A glob over its path: that of its file, else that of its folder.
    pub path: Option<String>,
    /// A glob over its name.
    pub name: Option<String>,
    /// Globs, for each of which it has a tag.
    pub tags: Vec<String>,
}

/// Why something is no rule for dependencies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// It is something else than a set of rules.
    #[error("a set of rules is `(selectors, rule, …)`, not {0}")]
    NoSet(String),
    /// It is neither a text nor a dictionary.
    #[error("a selector or rule is a string or a dictionary, not {0}")]
    NoSpec(String),
    /// Nothing is said.
    #[error("a selector or rule that says nothing matches nothing")]
    Empty,
    /// The text is of no known form.
    #[error("`{0}` is no selector: expected a glob, or `<type>[path:name](tag, tag)`")]
    Text(String),
    /// A key of a dictionary.
    #[error("a selector or rule has no `{0}`")]
    Key(String),
    /// A value of a dictionary.
    #[error("`{key}` takes {expected}, not {found}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What it was given.
        found: String,
    },
    /// A glob begins above the root.
    #[error("the glob `{0}` leaves the root")]
    LeavesRoot(String),
    /// A glob is too large.
    #[error("the glob `{0}…` is too large")]
    TooLarge(String),
    /// The function is called a second time.
    #[error("`{0}` is called twice in one BUILD file")]
    Twice(&'static str),
}

impl SpecError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        "graph::dependency_rule_form"
    }

    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoSet(_) => Some("for example `(\"*\", \"src/lib/**\", \"!*\")`".to_owned()),
            Self::Key(key) => Some(match near(key, KEYS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has `{}`", KEYS.join("`, `")),
            }),
            Self::Twice(_) => Some("give all sets to one call".to_owned()),
            _ => None,
        }
    }
}

impl TargetSpec {
    /// What a text says: a path with or without `:name`, or `<type>[path:name](tags)` of which parts may be missing.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let path_like = |c: char| c.is_alphanumeric() || "_.:/*#".contains(c);
        match text.chars().next() {
            None => return Err(SpecError::Empty),
            Some(first) if path_like(first) => return Self::address(text),
            Some(_) => {}
        }
        let mut spec = Self::default();
        let mut rest = text;
        let wrong = || SpecError::Text(text.to_owned());
        while let Some(open) = rest.chars().next() {
            let close = match open {
                '<' => '>',
                '[' => ']',
                '(' => ')',
                _ => return Err(wrong()),
            };
            let (inner, behind) = rest[1..].split_once(close).ok_or_else(wrong)?;
            match open {
                '<' => spec.rule = given(inner),
                '[' => {
                    let Self { path, name, .. } = Self::address(inner)?;
                    (spec.path, spec.name) = (path, name);
                }
                _ => spec.tags = tags(inner),
            }
            rest = behind.trim_start();
        }
        spec.some()
    }

    /// What a dictionary says; `action` is not looked at.
    pub(super) fn dictionary(pairs: &[(Value, Value)]) -> Result<Self, SpecError> {
        let mut spec = Self::default();
        for (key, value) in pairs {
            let key = key.as_str().ok_or_else(|| SpecError::Key(key.type_name().to_owned()))?;
            let text = |key| match value {
                Value::Str(text) => Ok(given(text)),
                other => {
                    let found = named(other);
                    Err(SpecError::Value { key, expected: "a string", found })
                }
            };
            match key {
                // A rule by its name, not as a text.
                "type" => {
                    spec.rule = text("type")?.map(|rule| rule.trim_matches(['<', '>']).to_owned());
                }
                "path" => spec.path = text("path")?,
                "name" => spec.name = text("name")?,
                "tags" => {
                    spec.tags = match value {
                        Value::List(items) => {
                            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                        }
                        Value::Str(text) => tags(text),
                        other => {
                            let found = named(other);
                            return Err(SpecError::Value {
                                key: "tags",
                                expected: "a list of strings",
                                found,
                            });
                        }
                    }
                }
                "action" => {}
                other => return Err(SpecError::Key(other.to_owned())),
            }
        }
        spec.some()
    }

    fn address(text: &str) -> Result<Self, SpecError> {
        let (path, name) = text.split_once(':').unwrap_or((text, ""));
        Self { path: given(path), name: given(name), ..Self::default() }.some()
    }

    fn some(self) -> Result<Self, SpecError> {
        if self == Self::default() { Err(SpecError::Empty) } else { Ok(self) }
    }

    /// The spec, ready to match; `base` is the folder of the BUILD file that has it.
    pub(super) fn compile(&self, base: &str) -> Result<Matcher, SpecError> {
        let name = |text: &Option<String>| text.as_deref().map(name_glob).transpose();
        Ok(Matcher {
            rule: name(&self.rule)?,
            path: self.path.as_deref().map(|path| PathGlob::new(path, base)).transpose()?,
            name: name(&self.name)?,
            tags: self.tags.iter().map(|tag| name_glob(tag)).collect::<Result<_, _>>()?,
        })
    }
}

/// What a value is, in words.
pub(super) fn named(value: &Value) -> String {
    match value {
        Value::None => "`None`".to_owned(),
        Value::Bool(_) => "a truth value".to_owned(),
        Value::Int(_) => "a number".to_owned(),
        Value::Str(_) => "a string".to_owned(),
        Value::Label(_) | Value::Except { .. } => "a label".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Dict(_) => "a dictionary".to_owned(),
        Value::Other(name) => format!("a `{name}`"),
    }
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn tags(text: &str) -> Vec<String> {
    text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
}

impl fmt::Display for TargetSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut address = self.path.clone().unwrap_or_default();
        if let Some(name) = &self.name {
            address.push(':');
            address.push_str(name);
        }
        if self.rule.is_none() && self.tags.is_empty() {
            return f.write_str(&address);
        }
        if let Some(rule) = &self.rule {
            write!(f, "<{rule}>")?;
        }
        if !address.is_empty() {
            write!(f, "[{address}]")?;
        }
        if !self.tags.is_empty() {
            write!(f, "({})", self.tags.join(", "))?;
        }
        Ok(())
    }
}

/// A spec that is ready to match.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    rule: Option<Regex>,
    path: Option<PathGlob>,
    name: Option<Regex>,
    tags: Vec<Regex>,
}

/// One end of an edge, as specs look at it.
pub(super) struct End<'g> {
    /// Who is meant.
    pub(super) label: Label,
    /// The target that a BUILD file has: that of a file its owner, of what is generated what generates it.
    pub(super) target: &'g Target,
    /// The path of the file, of what is generated that of its generator with its name, else the folder.
    pub(super) path: String,
    /// The folder that relative globs start at.
    pub(super) folder: String,
}

impl<'g> End<'g> {
    pub(super) fn new(label: Label, target: &'g Target) -> Self {
        let path = path_of(&label);
        let folder = match label.part() {
            Part::File(_) => path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned(),
            Part::Whole | Part::Generated(_) => label.package().to_owned(),
        };
        Self { label, target, path, folder }
    }
}

/// The path by which globs see what a label names.
pub(super) fn path_of(label: &Label) -> String {
    match label.part() {
        Part::Whole => label.package().to_owned(),
        Part::File(file) => join(label.package(), file),
        Part::Generated(name) => {
            let default = crate::last_segment(label.package()) == label.name();
            let generator =
                if default { label.package().to_owned() } else { join(label.package(), label.name()) };
            format!("{generator}#{name}")
        }
    }
}

impl Matcher {
    /// Whether it matches an end; `folder` is that of the target that the rules are for.
    pub(super) fn matches(&self, end: &End<'_>, folder: &str) -> bool {
        let mut rules = std::iter::once(end.target.rule.name).chain(end.target.rule.aliases.iter().copied());
        let tags = end.target.list("tags");
        self.rule.as_ref().is_none_or(|rule| rules.any(|name| rule.is_match(name)))
            && self.name.as_ref().is_none_or(|name| name.is_match(end.label.name()))
            && self.path.as_ref().is_none_or(|path| path.matches(&end.path, folder))
            && self.tags.iter().all(|wanted| tags.iter().any(|tag| wanted.is_match(tag)))
    }
}

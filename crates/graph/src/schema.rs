//! What a rule and its fields are: names, kinds, defaults, words for the manual, and the check of a value; it does
//! not know the rules themselves.

use crate::{Label, LabelError, LabelReason, Value, near};

/// What part a target plays, from which follows who may depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Code, data or requirements: everything may depend on it.
    Code,
    /// A program: packages, tests and steps may depend on it.
    Program,
    /// A package of others, such as a distribution or an image: packages, tests and steps may depend on it.
    Package,
    /// A test: nothing may depend on it.
    Test,
    /// A step that makes files: everything may depend on it.
    Step,
    /// Another name of a target, with the role of what it names.
    Alias,
    /// A group of any targets: everything may depend on it, and it on everything.
    Group,
}

impl Role {
    /// Whether a target of this role may depend on one of role `other`, which is not an alias any more.
    pub fn may_depend_on(self, other: Self) -> bool {
        match other {
            Self::Code | Self::Step | Self::Alias | Self::Group => true,
            Self::Program => {
                matches!(self, Self::Package | Self::Test | Self::Step | Self::Alias | Self::Group)
            }
            Self::Package => self == Self::Program || self.may_depend_on(Self::Program),
            Self::Test => matches!(self, Self::Alias | Self::Group),
        }
    }
}

/// One rule of the BUILD language.
#[derive(Debug)]
pub struct RuleSchema {
    /// The name under which it is documented.
    pub name: &'static str,
    /// Other names under which it is accepted.
    pub aliases: &'static [&'static str],
    /// What it is, in a few words.
    pub summary: &'static str,
    /// What it does, for the manual; Markdown.
    pub doc: &'static str,
    /// What part its targets play.
    pub role: Role,
    /// Whether each of its source files is a node of the graph.
    pub file_nodes: bool,
    /// The fields, in the order of the manual.
    pub fields: &'static [FieldSchema],
    /// Fields that Pants has for it, and that have no effect here.
    pub ignored: &'static [&'static str],
}

/// What the names of fields start with by which a target of Pants is left out by one of its tools.
const SKIP: &str = "skip_";
/// The field that names those tools here.
pub const SKIP_TOOLS: &str = "skip_tools";

impl RuleSchema {
    /// Whether a field is one of Pants's that has no effect here.
    pub fn ignores(&self, name: &str) -> bool {
        self.ignored.contains(&name) || (name.starts_with(SKIP) && self.ignored.contains(&"skip_…"))
    }

    /// The tool that a field of Pants leaves targets out of, where that has an effect: `black` of `skip_black`.
    pub fn skipped_tool(&self, name: &str) -> Option<String> {
        let tool = name.strip_prefix(SKIP).filter(|_| name != SKIP_TOOLS)?;
        self.field(SKIP_TOOLS)?;
        Some(if tool == "ruff_check" { "ruff".to_owned() } else { tool.replace('_', "-") })
    }

    /// Whether its targets name one file as well as several: `source` in place of `sources`.
    pub fn has_source_and_sources(&self) -> bool {
        self.field("source").is_some() && self.field("sources").is_some()
    }

    /// The field called `name`, by its name or an alias.
    pub fn field(&self, name: &str) -> Option<&'static FieldSchema> {
        self.fields.iter().find(|field| field.name == name || field.aliases.contains(&name))
    }

    /// All names that a field may be given under.
    pub fn field_names(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().flat_map(|field| std::iter::once(field.name).chain(field.aliases.iter().copied()))
    }
}

impl PartialEq for RuleSchema {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for RuleSchema {}

/// One field of a rule.
#[derive(Debug)]
pub struct FieldSchema {
    /// The name under which it is documented.
    pub name: &'static str,
    /// Other names under which it is accepted.
    pub aliases: &'static [&'static str],
    /// What it holds.
    pub kind: FieldKind,
    /// Whether it has to be given.
    pub required: bool,
    /// What holds where it is not given.
    pub default: FieldDefault,
    /// What it means, for the manual; Markdown.
    pub doc: &'static str,
    /// An example of the value, as it is written in a BUILD file; `""` where none is needed.
    pub example: &'static str,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A string.
    Str,
    /// `True` or `False`.
    Bool,
    /// A whole number that is not negative.
    Int,
    /// A list of strings.
    StrList,
    /// A dictionary of strings.
    StrDict,
    /// A dictionary from strings to lists of strings.
    StrListDict,
    /// A dictionary from strings to strings, truth values, lists of strings and such dictionaries.
    Table,
    /// A dictionary from files, or whatever else the rule generates targets from, to fields of theirs.
    Overrides,
    /// A list of file patterns, `!` in front of what is taken away, or `glob(...)`.
    Sources,
    /// One file, by its path below the package.
    File,
    /// The label of a target.
    Label,
    /// A list of labels of targets.
    Labels,
    /// One of these strings.
    Choice(&'static [&'static str]),
}

/// What holds where a field is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldDefault {
    /// Nothing.
    None,
    /// This.
    Bool(bool),
    /// This.
    Int(i64),
    /// This.
    Str(&'static str),
    /// These.
    List(&'static [&'static str]),
    /// What is decided elsewhere, in words for the manual.
    Said(&'static str),
}

/// Why a value is not accepted by a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The value, or its item number `item`, is of another type.
    #[error("field `{field}`: expected {expected}, found {found}")]
    WrongType {
        /// The field.
        field: &'static str,
        /// What was expected, with its article.
        expected: &'static str,
        /// What was found.
        found: String,
        /// Which item of the list or dictionary, from 0; none if it is the value itself.
        item: Option<usize>,
    },
    /// The value is not one of those that are possible.
    #[error("field `{field}`: expected one of {}, found `{found}`", quoted(.all))]
    WrongChoice {
        /// The field.
        field: &'static str,
        /// What was found.
        found: String,
        /// The possible values.
        all: &'static [&'static str],
    },
    /// A string is no label.
    #[error("field `{field}`: {error}")]
    BadLabel {
        /// The field.
        field: &'static str,
        /// What is wrong with it, and at which column of the string.
        error: LabelError,
        /// Which item of the list, from 0.
        item: Option<usize>,
    },
}

impl FieldError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongType { .. } => "graph::field_type",
            Self::WrongChoice { .. } => "graph::field_choice",
            Self::BadLabel { .. } => "graph::label",
        }
    }

    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::WrongType { field, expected, found, item: None } if expected.starts_with("a list") => {
                let text = found.strip_prefix("the string ")?;
                Some(format!("write `{field} = [{text}]`"))
            }
            Self::WrongType { found, .. } if found == FLOAT => {
                Some("write it in quotes, such as `\"3.11\"`".to_owned())
            }
            Self::WrongType { .. } => None,
            Self::WrongChoice { found, all, .. } => {
                near(found, all.iter().copied()).map(|name| format!("did you mean `{name}`?"))
            }
            Self::BadLabel { error, .. } => error.help(),
        }
    }

    /// Which item of a list or dictionary is wrong, from 0.
    pub fn item(&self) -> Option<usize> {
        match self {
            Self::WrongType { item, .. } | Self::BadLabel { item, .. } => *item,
            Self::WrongChoice { .. } => None,
        }
    }
}

impl FieldSchema {
    /// Checks a value that a BUILD file of `package` gives, and reads labels in it.
    ///
    /// `None` is accepted by every field, as if it were not given. Gives every error of the value.
    pub fn check(&self, value: Value, package: &str) -> Result<Value, Vec<FieldError>> {
        let wrong = |expected, value: &Value, item| vec![self.wrong(expected, value, item)];
        match (self.kind, value) {
            (_, Value::None) => Ok(Value::None),
            (FieldKind::Str, value @ Value::Str(_)) | (FieldKind::Bool, value @ Value::Bool(_)) => Ok(value),
            (FieldKind::File, value @ Value::Str(_)) => Ok(value),
            (FieldKind::Int, Value::Int(number)) if number >= 0 => Ok(Value::Int(number)),
            (FieldKind::Int, Value::Int(number)) => Err(vec![FieldError::WrongType {
                field: self.name,
                expected: self.kind.expected(),
                found: format!("`{number}`"),
                item: None,
            }]),
            (FieldKind::StrList | FieldKind::Sources, Value::List(items)) => self.strings(items),
            (FieldKind::StrDict, Value::Dict(items)) => {
                self.dict(items, |value| matches!(value, Value::Str(_)))
            }
            (FieldKind::StrListDict, Value::Dict(items)) => self.dict(items, is_string_list),
            (FieldKind::Table, Value::Dict(items)) => self.dict(items, is_table_value),
            (FieldKind::Overrides, Value::Dict(items)) => {
                self.dict(items, |value| matches!(value, Value::Dict(_)))
            }
            (FieldKind::Label, Value::Str(text)) => {
                self.label(&text, package, None).map_err(|error| vec![error])
            }
            (FieldKind::Labels, Value::List(items)) => self.labels(&items, package),
            (FieldKind::Choice(all), Value::Str(found)) if !all.contains(&found.as_str()) => {
                Err(vec![FieldError::WrongChoice { field: self.name, found, all }])
            }
            (FieldKind::Choice(_), value @ Value::Str(_)) => Ok(value),
            (kind, value) => Err(wrong(kind.expected(), &value, None)),
        }
    }

    fn wrong(&self, expected: &'static str, value: &Value, item: Option<usize>) -> FieldError {
        FieldError::WrongType { field: self.name, expected, found: found(value), item }
    }

    fn strings(&self, items: Vec<Value>) -> Result<Value, Vec<FieldError>> {
        let wrong: Vec<FieldError> = items
            .iter()
            .enumerate()
            .filter(|(_, item)| !matches!(item, Value::Str(_)))
            .map(|(index, item)| self.wrong("a list of strings", item, Some(index)))
            .collect();
        if wrong.is_empty() { Ok(Value::List(items)) } else { Err(wrong) }
    }

    fn dict(
        &self,
        items: Vec<(Value, Value)>,
        accepts: fn(&Value) -> bool,
    ) -> Result<Value, Vec<FieldError>> {
        let expected = self.kind.expected();
        let mut wrong = Vec::new();
        for (index, (key, value)) in items.iter().enumerate() {
            let several = self.kind == FieldKind::Overrides && is_string_list(key);
            if !several && !matches!(key, Value::Str(_)) {
                wrong.push(self.wrong(expected, key, Some(index)));
            } else if !accepts(value) {
                wrong.push(self.wrong(expected, value, Some(index)));
            }
        }
        if wrong.is_empty() { Ok(Value::Dict(items)) } else { Err(wrong) }
    }

    fn label(&self, text: &str, package: &str, item: Option<usize>) -> Result<Value, FieldError> {
        Label::parse(text, package).map(Value::Label).map_err(|error| FieldError::BadLabel {
            field: self.name,
            error,
            item,
        })
    }

    /// A label behind `!` or `!!`.
    fn except(&self, text: &str, package: &str, item: usize) -> Result<Value, FieldError> {
        let bare = text.trim_start_matches('!');
        let marks = text.len() - bare.len();
        let label = Label::parse(bare, package);
        let label = label.map_err(|error| (error.reason, error.column + u32::try_from(marks).unwrap_or(0)));
        let label = match label {
            Ok(label) if marks <= 2 => return Ok(Value::Except { label, transitive: marks == 2 }),
            Ok(_) => Err((LabelReason::Character('!'), 3)),
            Err(wrong) => Err(wrong),
        };
        label.map_err(|(reason, column)| FieldError::BadLabel {
            field: self.name,
            error: LabelError { text: text.to_owned(), reason, column },
            item: Some(item),
        })
    }

    fn labels(&self, items: &[Value], package: &str) -> Result<Value, Vec<FieldError>> {
        let mut labels = Vec::with_capacity(items.len());
        let mut wrong = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let label = match item {
                Value::Str(text) if text.starts_with('!') => self.except(text, package, index),
                Value::Str(text) => self.label(text, package, Some(index)),
                other => Err(self.wrong("a list of labels", other, Some(index))),
            };
            match label {
                Ok(label) => labels.push(label),
                Err(error) => wrong.push(error),
            }
        }
        if wrong.is_empty() { Ok(Value::List(labels)) } else { Err(wrong) }
    }
}

impl FieldKind {
    /// What the field expects, with its article, for messages and the manual.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Str => "a string",
            Self::Bool => "`True` or `False`",
            Self::Int => "a whole number that is not negative",
            Self::StrList => "a list of strings",
            Self::StrDict => "a dictionary of strings",
            Self::StrListDict => "a dictionary of lists of strings",
            Self::Table => "a dictionary of strings, lists of strings and dictionaries",
            Self::Overrides => "a dictionary of fields",
            Self::Sources => "a list of file patterns",
            Self::File => "the path of a file",
            Self::Label => "a label",
            Self::Labels => "a list of labels",
            Self::Choice(_) => "one of a few strings",
        }
    }
}

/// A number with a point in a message.
const FLOAT: &str = "a number with a point";

/// A value in a message: short ones as they are written, others by their type.
fn found(value: &Value) -> String {
    match value {
        Value::Str(text) if text.len() <= 40 => format!("the string {text:?}"),
        Value::Bool(true) => "`True`".to_owned(),
        Value::Bool(false) => "`False`".to_owned(),
        Value::Int(number) => format!("the number `{number}`"),
        Value::Other(name) if name == "float" => FLOAT.to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Dict(_) => "a dictionary".to_owned(),
        Value::Str(_) => "a string".to_owned(),
        other => format!("a {}", other.type_name()),
    }
}

fn is_string_list(value: &Value) -> bool {
    value.as_list().is_some_and(|items| items.iter().all(|item| matches!(item, Value::Str(_))))
}

fn is_table_value(value: &Value) -> bool {
    match value {
        Value::None | Value::Bool(_) | Value::Str(_) => true,
        Value::List(items) => items.iter().all(is_table_value),
        Value::Dict(items) => {
            items.iter().all(|(key, value)| matches!(key, Value::Str(_)) && is_table_value(value))
        }
        _ => false,
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

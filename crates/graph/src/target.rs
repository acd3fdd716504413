//! A target: a rule, its fields with their places, and its source files; it does not know other targets.

use std::sync::Arc;

use crate::{FieldDefault, Fields, Label, Place, RuleSchema, Value};

/// One target of a BUILD file, or one that a target generates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its address; never a file.
    pub label: Label,
    /// Its rule.
    pub rule: &'static RuleSchema,
    /// The fields that were given, in the order of the schema.
    pub fields: Fields,
    /// Where the rule is called.
    pub place: Place,
    /// The files that its `sources` (or `source`) name, sorted by path.
    pub sources: Vec<SourceFile>,
}

/// One field that was given, checked against its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name in the schema, never an alias.
    pub name: &'static str,
    /// Its value, with labels read.
    pub value: Value,
    /// Where the value is written.
    pub place: Place,
    /// Where each item of a list that is written out is; empty where this is not known.
    pub items: Vec<Place>,
}

/// A source file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceFile {
    /// Its path, relative to the root.
    pub path: Arc<str>,
}

impl Field {
    /// Where the item is written, or else the field.
    pub fn item_place(&self, item: usize) -> &Place {
        self.items.get(item).unwrap_or(&self.place)
    }
}

impl Target {
    /// The field as it was given; none for `None` and where it was not given.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name && field.value != Value::None)
    }

    /// The string or choice of a field, or its default.
    pub fn str(&self, name: &str) -> Option<&str> {
        match self.field(name) {
            Some(field) => field.value.as_str(),
            None => match self.default(name) {
                FieldDefault::Str(text) => Some(text),
                _ => None,
            },
        }
    }

    /// The truth value of a field, or its default; false where it has none.
    pub fn bool_or_default(&self, name: &str) -> bool {
        match self.field(name) {
            Some(field) => field.value == Value::Bool(true),
            None => self.default(name) == FieldDefault::Bool(true),
        }
    }

    /// The number of a field, or its default.
    pub fn int(&self, name: &str) -> Option<i64> {
        match (self.field(name).map(|field| &field.value), self.default(name)) {
            (Some(Value::Int(number)), _) => Some(*number),
            (None, FieldDefault::Int(number)) => Some(number),
            _ => None,
        }
    }

    /// The strings of a list, or its default; empty where it has none.
    ///
    /// [`Target::field`] tells a list that was given empty from one that was not given.
    pub fn list(&self, name: &str) -> Vec<&str> {
        match self.field(name) {
            Some(field) => {
                field.value.as_list().unwrap_or_default().iter().filter_map(Value::as_str).collect()
            }
            None => match self.default(name) {
                FieldDefault::List(items) => items.to_vec(),
                _ => Vec::new(),
            },
        }
    }

    /// The strings of a dictionary, in the order in which they are written.
    pub fn dict(&self, name: &str) -> Vec<(&str, &str)> {
        self.pairs(name).iter().filter_map(|(key, value)| Some((key.as_str()?, value.as_str()?))).collect()
    }

    /// The lists of a dictionary of lists, in the order in which they are written.
    pub fn dict_of_lists(&self, name: &str) -> Vec<(&str, Vec<&str>)> {
        self.pairs(name)
            .iter()
            .filter_map(|(key, value)| {
                Some((key.as_str()?, value.as_list()?.iter().filter_map(Value::as_str).collect()))
            })
            .collect()
    }

    /// The labels of a field of labels or one label, each with the place of its string.
    pub fn labels(&self, name: &str) -> Vec<(&Label, &Place)> {
        let Some(field) = self.field(name) else { return Vec::new() };
        match &field.value {
            Value::Label(label) => vec![(label, &field.place)],
            Value::List(items) => items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| match item {
                    Value::Label(label) => Some((label, field.item_place(index))),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// What the dependencies take away again, each with whether that goes for all that is reached.
    pub fn exceptions(&self) -> Vec<(&Label, bool)> {
        let items = self.field("dependencies").and_then(|field| field.value.as_list()).unwrap_or_default();
        let exceptions = items.iter().filter_map(|item| match item {
            Value::Except { label, transitive } => Some((label, *transitive)),
            _ => None,
        });
        exceptions.collect()
    }

    /// The value of a field that holds for one of its files, or for one project that it generates a requirement for,
    /// where `overrides` says another one; and where that is written.
    pub fn overridden(&self, file: &str, name: &str) -> Option<(&Value, &Place)> {
        let field = self.field("overrides")?;
        let is = |value: &Value, text: &str| value.as_str() == Some(text);
        let Value::Dict(files) = &field.value else { return None };
        let index = files.iter().position(|(key, _)| is(key, file))?;
        let Value::Dict(fields) = &files[index].1 else { return None };
        let (_, value) = fields.iter().find(|(key, _)| is(key, name))?;
        Some((value, field.item_place(index)))
    }

    /// The target as it is for one of its files, whose path is relative to the root: with the fields that `overrides` gives it.
    pub fn of_file(&self, path: &str) -> Target {
        let below = path.strip_prefix(self.label.package()).unwrap_or(path).trim_start_matches('/');
        let mut own = self.clone();
        for schema in self.rule.fields {
            let Some((value, place)) = self.overridden(below, schema.name) else { continue };
            let field =
                Field { name: schema.name, value: value.clone(), place: place.clone(), items: Vec::new() };
            own.fields.retain(|other| other.name != schema.name);
            own.fields.push(field);
        }
        own
    }

    /// The entries of a table, in the order in which they are written.
    pub fn table(&self, name: &str) -> Vec<(&str, &Value)> {
        self.pairs(name).iter().filter_map(|(key, value)| Some((key.as_str()?, value))).collect()
    }

    fn pairs(&self, name: &str) -> &[(Value, Value)] {
        match self.field(name).map(|field| &field.value) {
            Some(Value::Dict(pairs)) => pairs,
            _ => &[],
        }
    }

    fn default(&self, name: &str) -> FieldDefault {
        self.rule.field(name).map_or(FieldDefault::None, |field| field.default)
    }
}

//! The value of a field; it does not know which field.

use serde::{Deserialize, Serialize};

use crate::Label;

/// What a field of a target can hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// `None`: as if the field were not given.
    #[default]
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A string.
    Str(String),
    /// A label, made from a string by the check of a field that holds labels.
    Label(Label),
    /// A label behind `!`, which takes a dependency away again; or behind `!!`, which takes it out of all that is reached.
    Except {
        /// What is taken away.
        label: Label,
        /// Whether it is behind `!!`.
        transitive: bool,
    },
    /// A list or a tuple.
    List(Vec<Value>),
    /// A dictionary in the order in which it was written.
    Dict(Vec<(Value, Value)>),
    /// Something that no field accepts, by the name of its type: a function, a float.
    Other(String),
}

impl Value {
    /// The name of the value's type, as Starlark calls it.
    pub fn type_name(&self) -> &str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Str(_) => "string",
            Self::Label(_) | Self::Except { .. } => "label",
            Self::List(_) => "list",
            Self::Dict(_) => "dict",
            Self::Other(name) => name,
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The list's values, if it is one.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

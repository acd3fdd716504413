//! What can be wrong with an expression, and where in it.

use std::ops::Range;

use crate::{GraphError, LabelError};

/// An expression that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct QueryError {
    /// What is wrong.
    pub reason: QueryReason,
    /// The line of the expression, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// How many characters are wrong.
    pub width: u32,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryReason {
    /// It is too long.
    #[error("the expression has {found} bytes, more than {limit}")]
    TooLong {
        /// Its length.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// Its brackets nest too deeply.
    #[error("the expression is nested more than {limit} deep")]
    TooDeep {
        /// The bound.
        limit: usize,
    },
    /// A character that only a quoted word may have.
    #[error("the character `{}` has to be in quotes", .0.escape_debug())]
    Character(char),
    /// A quote that never ends.
    #[error("the quote is never closed")]
    Unclosed,
    /// Something else was expected.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What was expected.
        expected: String,
        /// What is there.
        found: String,
    },
    /// No function has the name.
    #[error("there is no function `{name}`")]
    UnknownFunction {
        /// The name.
        name: String,
        /// Functions that it may have been meant to be.
        near: Vec<String>,
    },
    /// A function takes another number of arguments.
    #[error("`{name}` takes {takes}, found {found}")]
    Arguments {
        /// The function.
        name: &'static str,
        /// How many it takes.
        takes: String,
        /// How many were given.
        found: usize,
        /// How it is written.
        usage: &'static str,
    },
    /// No `let` around it defines the variable.
    #[error("the variable `${name}` is not defined")]
    UnknownVariable {
        /// The name.
        name: String,
        /// Variables that it may have been meant to be.
        near: Vec<String>,
    },
    /// A pattern of targets cannot be read.
    #[error("{0}")]
    Pattern(LabelError),
    /// A pattern of targets matches nothing.
    #[error("{0}")]
    Match(Box<GraphError>),
    /// No rule has the attribute.
    #[error("no rule has the field `{name}`")]
    UnknownField {
        /// The name.
        name: String,
        /// Fields that it may have been meant to be.
        near: Vec<String>,
    },
    /// A regular expression cannot be read.
    #[error("`{text}` is not a regular expression: {reason}")]
    Regex {
        /// The text.
        text: String,
        /// Why.
        reason: String,
    },
    /// `some` of nothing.
    #[error("`some` is asked for a target of an empty set")]
    Empty,
}

impl QueryError {
    /// The error for a range of bytes of the expression.
    pub(crate) fn at(expression: &str, range: Range<usize>, reason: QueryReason) -> Box<Self> {
        let before = expression.get(..range.start).unwrap_or(expression);
        let count = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX - 1);
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default();
        let wrong = expression.get(range).unwrap_or_default();
        Box::new(Self {
            reason,
            line: u32::try_from(line).unwrap_or(u32::MAX - 1) + 1,
            column: count(column) + 1,
            width: count(wrong.lines().next().unwrap_or_default()).max(1),
        })
    }

    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match &self.reason {
            QueryReason::TooLong { .. } | QueryReason::TooDeep { .. } => "query::too_large",
            QueryReason::Character(_) | QueryReason::Unclosed | QueryReason::Expected { .. } => {
                "query::syntax"
            }
            QueryReason::UnknownFunction { .. } => "query::unknown_function",
            QueryReason::Arguments { .. } => "query::arguments",
            QueryReason::UnknownVariable { .. } => "query::unknown_variable",
            QueryReason::Pattern(error) => error.code(),
            QueryReason::Match(error) => error.code(),
            QueryReason::UnknownField { .. } => "query::unknown_field",
            QueryReason::Regex { .. } => "query::regex",
            QueryReason::Empty => "query::empty",
        }
    }

    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        let near = |near: &[String], mark: &str| {
            let names: Vec<String> = near.iter().map(|name| format!("`{mark}{name}`")).collect();
            (!names.is_empty()).then(|| format!("did you mean {}?", names.join(" or ")))
        };
        match &self.reason {
            QueryReason::TooLong { .. } => Some("ask in parts".to_owned()),
            QueryReason::TooDeep { .. } => Some("leave out brackets that change nothing".to_owned()),
            QueryReason::Character(_) => Some("write the word as `\"...\"`".to_owned()),
            QueryReason::Unclosed => Some("a quote ends with the mark that it begins with".to_owned()),
            QueryReason::Expected { .. } => None,
            QueryReason::UnknownFunction { near: names, .. } => {
                near(names, "").or_else(|| Some("`pants help query` lists the functions".to_owned()))
            }
            QueryReason::Arguments { usage, .. } => Some(format!("write `{usage}`")),
            QueryReason::UnknownVariable { near: names, .. } => {
                near(names, "$").or_else(|| Some("`let x = ... in ...` defines `$x`".to_owned()))
            }
            QueryReason::Pattern(error) => error.help(),
            QueryReason::Match(error) => error.help(),
            QueryReason::UnknownField { near: names, .. } => {
                near(names, "").or_else(|| Some("`pants help rules` leads to the fields".to_owned()))
            }
            QueryReason::Regex { .. } => {
                Some("a backslash takes the meaning of the next character away".to_owned())
            }
            QueryReason::Empty => None,
        }
    }
}

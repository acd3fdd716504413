//! The query language, which is Bazel's: an expression over the graph becomes a set of nodes. It does not know the disk,
//! nor how sets are shown.

mod attributes;
mod error;
mod evaluate;
mod functions;
mod lexer;
mod parser;
mod set;
#[cfg(test)]
mod tests;

use crate::TargetGraph;

pub use attributes::{attribute_text, attribute_texts};
pub use error::{QueryError, QueryReason};
pub use functions::{FUNCTIONS, Function};
pub use set::Set;

/// How long an expression may be, in bytes.
pub const LONGEST: usize = 1 << 20;

/// What an expression is about.
#[derive(Clone, Copy)]
pub struct World<'w> {
    /// The targets.
    pub graph: &'w TargetGraph,
    /// Whether a path relative to the root is a file.
    pub is_file: &'w dyn Fn(&str) -> bool,
    /// The `.bzl` files behind the BUILD file of a directory.
    pub modules: &'w dyn Fn(&str) -> Vec<String>,
}

/// The set that an expression means.
///
/// # Errors
/// With the first thing that is wrong with the expression, and where it is.
pub fn query(expression: &str, world: World<'_>) -> Result<Set, Box<QueryError>> {
    if expression.len() > LONGEST {
        let found = expression.len();
        return Err(QueryError::at(expression, 0..0, QueryReason::TooLong { found, limit: LONGEST }));
    }
    let tokens = lexer::tokens(expression)?;
    let parsed = parser::parse(expression, &tokens)?;
    evaluate::evaluate(expression, &parsed, world)
}

//! BUILD files as texts: read with every place and comment, formatted, and edited in place. Evaluates nothing.
//!
//! The parser is ruff's and not Starlark's: its tokens have the comments, and it reads all that real BUILD files have of
//! Python.

mod edit;
mod format;
mod group;
mod same;
mod statements;
mod style;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use graph::{Place, Value};
use ruff_python_ast::ModModule;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Parsed, parse_module};
use ruff_text_size::{Ranged, TextRange, TextSize};

use crate::error::{LoadError, Problem};
use crate::nesting;
use crate::options::Limits;

pub use edit::{Edit, EditError, append, edit};
pub use style::Style;

/// The stack of a thread that reads or writes a tree: enough for what the bound on nesting lets through.
const STACK: usize = 256 << 20;

/// A call of a rule that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall {
    /// The rule, by the name that the file shall have.
    pub rule: String,
    /// The fields, in their order. Values are strings and lists of strings.
    pub fields: Vec<(String, Value)>,
}

/// Formats a BUILD file: one argument a line where a call does not fit on one, one kind of quotes, sorted
/// `dependencies`. Comments stay, and so does all that it means.
///
/// # Errors
/// Where it is no BUILD file.
pub fn format(file: &str, text: &str, style: &Style) -> Result<String, LoadError> {
    on_large_stack(|| {
        let plain = text.replace("\r\n", "\n");
        let source = Source::parse(file, &plain)?;
        let formatted = statements::print(&source, style);
        let again = Source::parse(file, &formatted)?;
        if same::means_the_same(&source, &again) {
            Ok(formatted)
        } else {
            let message = "formatting this file would change what it says".to_owned();
            Err(Problem::Evaluation { message }.at(Place::new(file, 1, 1)))
        }
    })
}

/// Runs something that recurses as deep as a file is nested.
fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let joined = thread.expect("the machine has one more thread").join();
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A BUILD file as its text and tree.
struct Source<'t> {
    file: Arc<str>,
    text: &'t str,
    parsed: Parsed<ModModule>,
    /// Where the comments are, in order.
    comments: Vec<TextRange>,
}

impl<'t> Source<'t> {
    fn parse(file: &str, text: &'t str) -> Result<Self, LoadError> {
        let limit = Limits::default().nesting;
        if let Err(found) = nesting::check(text, limit) {
            return Err(Problem::TooDeep { limit }.at(Place::new(file, found.line, found.column)));
        }
        let parsed = parse_module(text).map_err(|error| {
            let message = lower(&error.error.to_string());
            Problem::Syntax { message }.at(place(file, text, error.location.start()))
        })?;
        let comments = parsed.tokens().iter().filter(|token| token.kind() == TokenKind::Comment);
        let comments = comments.map(Ranged::range).collect();
        Ok(Self { file: file.into(), text, parsed, comments })
    }

    /// The text of a range.
    fn at(&self, range: TextRange) -> &'t str {
        &self.text[range]
    }

    /// The text between two places.
    fn between(&self, start: TextSize, end: TextSize) -> &'t str {
        &self.text[usize::from(start)..usize::from(end).max(usize::from(start))]
    }

    /// The comments in a range.
    fn comments_in(&self, range: TextRange) -> &[TextRange] {
        let start = self.comments.partition_point(|comment| comment.start() < range.start());
        let end = self.comments.partition_point(|comment| comment.start() < range.end());
        &self.comments[start..end.max(start)]
    }

    /// Whether there is no comment and nothing but `expected` and spaces between two places.
    fn is_plain(&self, start: TextSize, end: TextSize, expected: &str) -> bool {
        self.between(start, end).trim() == expected
    }

    fn place(&self, at: TextSize) -> Place {
        place(&self.file, self.text, at)
    }
}

fn place(file: &str, text: &str, at: TextSize) -> Place {
    let before = text.get(..usize::from(at)).unwrap_or(text);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX - 1) + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    Place::new(file, number(before.matches('\n').count()), number(column))
}

/// A message of the parser as ours are written.
fn lower(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_lowercase(), letters.as_str()))
}

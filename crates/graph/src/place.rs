//! A place in a file, for messages; it does not know the file's text.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where something is written: a root-relative file, line and column, both counted from 1, in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file, relative to the root.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// How many characters a caret underlines from there on; what passes the line's end is cut by who prints it.
    pub width: u32,
}

impl Place {
    /// A place of one character.
    pub fn new(file: impl Into<Arc<str>>, line: u32, column: u32) -> Self {
        Self { file: file.into(), line, column, width: 1 }
    }

    /// The same place, `width` characters wide (one at least).
    #[must_use]
    pub fn wide(self, width: u32) -> Self {
        Self { width: width.max(1), ..self }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

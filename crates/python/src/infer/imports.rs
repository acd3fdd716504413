//! What a file of Python mentions that may be a module: its imports, and strings. Does not know who has the modules.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::calls::SKIPPING;
use super::lexical::depth;
use super::lines::Lines;
use super::{parse, scan};

/// How deep the parser may have to descend. Deeper files are scanned instead, since what is parsed is dropped, and
/// compared, by recursion.
const DEEPEST: usize = 5_000;
/// The largest file that is looked at.
pub(super) const LARGEST: usize = 256 << 20;

/// The comment that keeps a line from being an import.
pub(super) const PRAGMA: &str = "# pants: no-infer-dep";

/// What is looked for in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Also strings that may name a module or a file.
    pub strings: bool,
}

/// What one file mentions. It holds for every file with this content, wherever it lies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imports {
    /// The imports, in the order of the file.
    pub imports: Vec<Import>,
    /// Strings that may name a module or a file, if they were asked for.
    pub strings: Vec<Mention>,
    /// Whether there is nothing but white space.
    pub blank: bool,
}

/// One import statement, or one module of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Import {
    /// How many dots are in front: 0 for an absolute import.
    pub level: u32,
    /// The module, without these dots; may be empty after dots.
    pub module: String,
    /// What is taken from it, each a submodule or an attribute; empty for `import module`. May be `*`.
    pub names: Vec<String>,
    /// Whether the file works without it: caught `ImportError`, or only for type checkers.
    pub weak: bool,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mention {
    /// What it holds.
    pub text: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Imports {
    /// Reads a file. Whatever it holds, something is found or not: text in any encoding, for any version of Python, with
    /// or without mistakes.
    pub fn of(bytes: &[u8], detail: Detail) -> Imports {
        let text = decode(bytes);
        if text.trim().is_empty() {
            return Imports { blank: true, ..Imports::default() };
        }
        let found =
            if depth(&text) > DEEPEST { scan::imports(&text, detail) } else { parse::imports(&text, detail) };
        found.finish()
    }

    /// The same by the scan that files are given to which are nested too deeply for the parser.
    ///
    /// It finds the same imports, but takes all of them for weak.
    pub fn scanned(bytes: &[u8], detail: Detail) -> Imports {
        scan::imports(&decode(bytes), detail).finish()
    }
}

/// Text without its byte order mark. Where it is not UTF-8, it is one of the encodings that agree with it in ASCII.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// Gathers what is found in a text.
pub(super) struct Found<'t> {
    text: &'t str,
    lines: Lines,
    /// Whether any line opts out.
    opted: bool,
    detail: Detail,
    imports: Vec<Import>,
    strings: Vec<Mention>,
}

impl<'t> Found<'t> {
    pub(super) fn new(text: &'t str, detail: Detail) -> Found<'t> {
        let (imports, strings) = (Vec::new(), Vec::new());
        Found { text, lines: Lines::of(text), opted: text.contains(PRAGMA), detail, imports, strings }
    }

    /// Whether anything is to be learnt from the strings and calls of the text.
    pub(super) fn wants_tokens(&self) -> bool {
        let calls = ["import_module", "__import__", SKIPPING];
        self.detail.strings || calls.iter().any(|call| self.text.contains(call))
    }

    /// A statement that imports a module; `at` is where its name is.
    pub(super) fn module(&mut self, at: usize, module: String, weak: bool) {
        if !self.opts_out(at) {
            self.push(at, Import { level: 0, module, names: Vec::new(), weak, line: 0, column: 0 });
        }
    }

    /// A statement that takes names from a module. `span` is where it is, `at` where it names the module, and each name
    /// comes with where it is.
    pub(super) fn from(
        &mut self,
        span: (usize, usize),
        at: usize,
        (level, module): (u32, String),
        names: Vec<(String, usize)>,
        weak: bool,
    ) {
        if self.opts_out(span.0) || self.opts_out(span.1) {
            return;
        }
        let kept = names.into_iter().filter(|(_, at)| !self.opts_out(*at)).map(|(name, _)| name);
        let names: Vec<String> = kept.collect();
        if !names.is_empty() {
            self.push(at, Import { level, module, names, weak, line: 0, column: 0 });
        }
    }

    /// A call that imports a module by its name.
    pub(super) fn call(&mut self, at: usize, level: u32, module: &str, weak: bool) {
        if self.opts_out(at) || !module.split('.').all(is_identifier) {
            return;
        }
        let module = module.to_owned();
        self.push(at, Import { level, module, names: Vec::new(), weak, line: 0, column: 0 });
    }

    /// A string, as it is written with its quotes.
    pub(super) fn string(&mut self, at: usize, token: &str) {
        if !self.detail.strings {
            return;
        }
        let Some(text) = literal(token).filter(|text| is_dotted(text) || is_path(text)) else { return };
        if !self.opts_out(at) {
            let (line, column) = self.lines.place(self.text, at);
            self.strings.push(Mention { text: text.to_owned(), line, column });
        }
    }

    fn push(&mut self, at: usize, import: Import) {
        let (line, column) = self.lines.place(self.text, at);
        self.imports.push(Import { line, column, ..import });
    }

    fn opts_out(&self, at: usize) -> bool {
        self.opted && self.lines.line(self.text, at).contains(PRAGMA)
    }

    fn finish(mut self) -> Imports {
        let place = |import: &Import| (import.line, import.column);
        self.imports.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.cmp(b)));
        Imports { imports: self.imports, strings: self.strings, blank: false }
    }
}

/// Whether a text is a name in Python; letters outside ASCII are let pass.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && letters.all(|c| c == '_' || c.is_alphanumeric())
}

/// The longest string that may name something.
const LONGEST: usize = 300;

/// What a string token holds, if it is one line without escapes.
pub(super) fn literal(token: &str) -> Option<&str> {
    let quoted = token.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| quoted.starts_with(quote))?;
    let text = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
    (text.len() <= LONGEST && !text.contains(['\\', '\n', '\r'])).then_some(text)
}

fn is_dotted(text: &str) -> bool {
    text.contains('.') && text.split('.').all(is_identifier)
}

fn is_path(text: &str) -> bool {
    text.contains('/')
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "*?:<>|\"'{}".contains(c))
        && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

//! What the configuration says of inference: `[python-infer]`, with the names of Pants. Reads no file.

use std::str::FromStr;

use super::finding::Finding;

/// The switches of inference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InferSettings {
    /// Whether imports become dependencies. Without it nothing is inferred.
    pub imports: bool,
    /// Whether strings that look like modules become dependencies too.
    pub string_imports: bool,
    /// How many dots such a string has at least.
    pub string_imports_min_dots: usize,
    /// Whether strings that look like paths become dependencies on resources and files.
    pub assets: bool,
    /// How many slashes such a string has at least.
    pub assets_min_slashes: usize,
    /// Which `__init__.py` of the packages above a file it depends on.
    pub init_files: InitFiles,
    /// Whether tests depend on the `conftest.py` of their folder and those above.
    pub conftests: bool,
    /// What is done about imports that no target provides.
    pub unowned: Behaviour,
    /// What is done about imports that several targets provide.
    pub ambiguous: Behaviour,
    /// How one of several owners of a module is chosen.
    pub ambiguity: Ambiguity,
}

impl InferSettings {
    /// What is done about a finding.
    pub fn behaviour(&self, finding: &Finding) -> Behaviour {
        if finding.is_unowned() { self.unowned } else { self.ambiguous }
    }
}

impl Default for InferSettings {
    fn default() -> InferSettings {
        InferSettings {
            imports: true,
            string_imports: false,
            string_imports_min_dots: 2,
            assets: false,
            assets_min_slashes: 1,
            init_files: InitFiles::Always,
            conftests: true,
            unowned: Behaviour::Warning,
            ambiguous: Behaviour::Warning,
            ambiguity: Ambiguity::Nearest,
        }
    }
}

/// Which `__init__.py` files of the packages above a file it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitFiles {
    /// All: Python runs each of them before it runs the file, and an empty one still makes a package.
    Always,
    /// Those that hold anything.
    ContentOnly,
    /// None.
    Never,
}

/// What is done about imports that lead nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Nothing.
    Ignore,
    /// It is said.
    Warning,
    /// The goal fails.
    Error,
}

/// How one of several owners of a module is chosen, after the resolve and what is declared have been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguity {
    /// The one in the source root of the import, else the one in the nearest folder.
    Nearest,
    /// The one in the source root of the import.
    BySourceRoot,
    /// None.
    None,
}

/// A value that a choice does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {}, found `{found}`", either(.choices))]
pub struct ChoiceError {
    /// What is written.
    pub found: String,
    /// What may be.
    pub choices: &'static [&'static str],
}

fn either(choices: &[&str]) -> String {
    let quoted: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    quoted.join(" or ")
}

fn choose<T: Copy>(text: &str, choices: &'static [&'static str], values: &[T]) -> Result<T, ChoiceError> {
    let found = choices.iter().zip(values).find(|(choice, _)| **choice == text);
    found.map(|(_, value)| *value).ok_or_else(|| ChoiceError { found: text.to_owned(), choices })
}

impl FromStr for InitFiles {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<InitFiles, ChoiceError> {
        use InitFiles::{Always, ContentOnly, Never};
        choose(text, &["always", "content_only", "never"], &[Always, ContentOnly, Never])
    }
}

impl FromStr for Behaviour {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Behaviour, ChoiceError> {
        use Behaviour::{Error, Ignore, Warning};
        choose(text, &["ignore", "warning", "error"], &[Ignore, Warning, Error])
    }
}

impl FromStr for Ambiguity {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Ambiguity, ChoiceError> {
        use Ambiguity::{BySourceRoot, Nearest, None};
        choose(text, &["nearest", "by_source_root", "none"], &[Nearest, BySourceRoot, None])
    }
}

//! What can be wrong with BUILD files, each with its place.

use std::fmt;

use graph::visibility::SpecError;
use graph::{FieldError, LabelReason, Place};

use crate::advice;

/// One error or warning of loading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// What is wrong.
    pub problem: Box<Problem>,
    /// Where; none for what has no line, such as a directory that cannot be read.
    pub place: Option<Place>,
    /// Other places that belong to it, each with what is there.
    pub notes: Vec<(Place, String)>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum Problem {
    #[error("{message}")]
    Syntax { message: String },
    #[error("{message}")]
    Evaluation { message: String },
    #[error("evaluating `{file}` takes more than {limit} steps")]
    TooManySteps { file: String, limit: u64 },
    #[error("evaluating `{file}` takes more than {} MiB of memory", .limit >> 20)]
    TooMuchMemory { file: String, limit: usize },
    #[error("functions call each other more than {limit} deep")]
    TooManyCalls { limit: usize },
    #[error("brackets, operators and blocks are nested more than {limit} deep")]
    TooDeep { limit: usize },
    #[error("`{file}` has {size} bytes, more than the {limit} that are read")]
    TooLarge { file: String, size: u64, limit: u64 },
    #[error("`{file}` cannot be read: {reason}")]
    Unreadable { file: String, reason: String },
    #[error("`{file}` is not UTF-8")]
    NotUtf8 { file: String },
    #[error("evaluating `{file}` failed inside of the evaluator: {reason}")]
    Panicked { file: String, reason: String },
    #[error("`{directory}` has both a `{}` and a `{}`", .names[0], .names[1])]
    TwoBuildFiles { directory: String, names: [String; 2] },
    #[error("a file in `{directory}` is left out, since its name `{name}` is not UTF-8")]
    NotUtf8Name { name: String, directory: String },
    #[error("the files of the repository cannot be listed: {reason}")]
    Walk { reason: String },
    #[error("the pattern `{pattern}` to ignore is wrong: {reason}")]
    IgnorePattern { pattern: String, reason: String },
    #[error("there is no rule or function `{name}`")]
    UnknownName { name: String, near: Vec<String> },
    #[error("there is no rule or function `{name}`: {}", without_effect(*.count))]
    UnknownCalls { name: String, count: usize },
    #[error("tabs and spaces are mixed, so that it cannot be told how far the line is indented")]
    MixedTabs,
    #[error("one call comes to more than {limit} targets")]
    TooManyTargets { limit: usize },
    #[error("`{name}` cannot be in the address of a target: {reason}")]
    Parameter { name: String, reason: LabelReason },
    #[error("`__defaults__` is called outside of a BUILD file")]
    DefaultsElsewhere,
    #[error("`!!` is not for a `{rule}`: only binaries, tests and packages decide about all that they reach")]
    TransitiveException { rule: String },
    #[error("`{rule}` gives both `source` and `sources`")]
    SourceAndSources { rule: String },
    #[error("`{name}` is no source of the target")]
    OverridesNothing { name: String },
    #[error("`overrides` give `{name}` the field `{field}` twice")]
    OverriddenTwice { name: String, field: String },
    #[error("`{field}` cannot be another for one file of a target")]
    NotOfOneFile { field: &'static str },
    #[error("`{rule}` takes named arguments alone")]
    Positional { rule: String },
    #[error("`{rule}` has no field `{field}`")]
    UnknownField { rule: String, field: String, near: Vec<String>, fields: Vec<&'static str> },
    #[error("`{rule}` gives the field `{field}` twice, under two names")]
    FieldTwice { rule: String, field: &'static str },
    #[error("`{rule}` needs the field `{field}`")]
    MissingField { rule: String, field: &'static str, example: &'static str },
    #[error("{0}")]
    Field(FieldError),
    #[error("{0}")]
    DependencyRule(SpecError),
    #[error("`{name}` cannot be the name of a target: {reason}")]
    Name { name: String, reason: LabelReason },
    #[error("a target in the root directory needs a `name`")]
    NoName,
    #[error("two targets are named `{label}`")]
    DuplicateTarget { label: String },
    #[error("`{rule}` is called while `{file}` is loaded; only a BUILD file can have targets")]
    TargetInModule { rule: String, file: String },
    #[error("`glob` is called while `{file}` is loaded; only a BUILD file can look for files")]
    GlobInModule { file: String },
    #[error("there is no file `{file}`")]
    MissingSource { file: String, near: Vec<String> },
    #[error("`{file}` is left out by {}", .by.as_deref().unwrap_or("`pants_ignore`, or by where it lies"))]
    IgnoredSource { file: String, by: Option<String> },
    #[error(
        "`{label}` has no files: nothing in its directory matches the patterns that its rule has by default"
    )]
    NoFiles { label: String },
    #[error("`{label}` generates no requirements: the file of a `{rule}` is not read")]
    NotRead { label: String, rule: &'static str },
    #[error("`{file}` is a directory")]
    SourceIsDirectory { file: String },
    #[error("the pattern `{pattern}` matches no file")]
    Unmatched { pattern: String },
    #[error("the pattern `{pattern}` is wrong: {reason}")]
    Pattern { pattern: String, reason: String },
    #[error("`{path}` leaves the directory of the BUILD file")]
    LeavesPackage { path: String },
    #[error(
        "`{path}` cannot be loaded: expected `//directory/file.bzl`, `//directory:file.bzl` or `:file.bzl`"
    )]
    ModulePath { path: String },
    #[error("there is no file `{file}` to load")]
    MissingModule { file: String, near: Vec<String> },
    #[error("`{file}` has no `{symbol}` to load")]
    MissingSymbol { file: String, symbol: String, near: Vec<String> },
    #[error("files load each other in a circle: {}", .path.join(" -> "))]
    LoadCycle { path: Vec<String> },
}

impl Problem {
    /// Whether it is about sources that are not there.
    pub(crate) fn is_unmatched(&self) -> bool {
        matches!(
            self,
            Problem::Unmatched { .. } | Problem::MissingSource { .. } | Problem::IgnoredSource { .. }
        )
    }

    /// The error at a place.
    pub(crate) fn at(self, place: Place) -> LoadError {
        LoadError { problem: Box::new(self), place: Some(place), notes: Vec::new() }
    }

    /// The error without a place.
    pub(crate) fn nowhere(self) -> LoadError {
        LoadError { problem: Box::new(self), place: None, notes: Vec::new() }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.problem, f)
    }
}

impl std::error::Error for LoadError {}

impl LoadError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match &*self.problem {
            Problem::Syntax { .. } => "loader::syntax",
            Problem::Evaluation { .. } => "loader::evaluation",
            Problem::TooManySteps { .. } => "loader::steps",
            Problem::TooMuchMemory { .. } => "loader::memory",
            Problem::TooManyCalls { .. } => "loader::calls",
            Problem::TooDeep { .. } => "loader::nesting",
            Problem::TooLarge { .. } => "loader::file_size",
            Problem::Unreadable { .. } => "loader::unreadable",
            Problem::NotUtf8 { .. } => "loader::not_utf8",
            Problem::Panicked { .. } => "loader::panicked",
            Problem::TwoBuildFiles { .. } => "loader::two_build_files",
            Problem::NotUtf8Name { .. } => "loader::not_utf8_name",
            Problem::Walk { .. } => "loader::walk",
            Problem::IgnorePattern { .. } => "loader::ignore_pattern",
            Problem::UnknownName { .. } => "loader::unknown_name",
            Problem::UnknownCalls { .. } => "loader::unknown_rule",
            Problem::MixedTabs => "loader::tabs",
            Problem::TooManyTargets { .. } | Problem::Parameter { .. } => "loader::parametrize",
            Problem::DefaultsElsewhere => "loader::defaults",
            Problem::TransitiveException { .. } => "loader::transitive_exception",
            Problem::SourceAndSources { .. } => "loader::source_and_sources",
            Problem::OverridesNothing { .. }
            | Problem::OverriddenTwice { .. }
            | Problem::NotOfOneFile { .. } => "loader::overrides",
            Problem::Positional { .. } => "loader::positional",
            Problem::UnknownField { .. } => "loader::unknown_field",
            Problem::FieldTwice { .. } => "loader::field_twice",
            Problem::MissingField { .. } => "loader::missing_field",
            Problem::Field(error) => error.code(),
            Problem::DependencyRule(error) => error.code(),
            Problem::Name { .. } | Problem::NoName => "loader::name",
            Problem::DuplicateTarget { .. } => "graph::duplicate_target",
            Problem::TargetInModule { .. } => "loader::target_in_module",
            Problem::GlobInModule { .. } => "loader::glob_in_module",
            Problem::MissingSource { .. } | Problem::SourceIsDirectory { .. } => "loader::missing_source",
            Problem::IgnoredSource { .. } => "loader::ignored_source",
            Problem::NoFiles { .. } => "loader::no_files",
            Problem::NotRead { .. } => "loader::not_read",
            Problem::Unmatched { .. } => "loader::unmatched_pattern",
            Problem::Pattern { .. } => "loader::pattern",
            Problem::LeavesPackage { .. } => "loader::leaves_package",
            Problem::ModulePath { .. } => "loader::module_path",
            Problem::MissingModule { .. } => "loader::missing_module",
            Problem::MissingSymbol { .. } => "loader::missing_symbol",
            Problem::LoadCycle { .. } => "loader::load_cycle",
        }
    }

    /// Where it is.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match &*self.problem {
            Problem::UnknownField { near, fields, .. } if near.is_empty() => {
                Some(format!("its fields are {}", quoted(fields)))
            }
            Problem::UnknownName { name, near } => {
                advice::name(name).map(ToOwned::to_owned).or_else(|| did_you_mean(near))
            }
            Problem::UnknownField { near, .. }
            | Problem::MissingSource { near, .. }
            | Problem::MissingModule { near, .. }
            | Problem::MissingSymbol { near, .. } => did_you_mean(near),
            Problem::Syntax { message } | Problem::Evaluation { message } => advice::message(message),
            Problem::Field(error) => error.help(),
            Problem::DependencyRule(error) => error.help(),
            Problem::MissingField { field, example, .. } if !example.is_empty() => {
                Some(format!("for example `{field} = {example}`"))
            }
            Problem::SourceIsDirectory { file } => {
                let name = file.rsplit('/').next().unwrap_or(file);
                Some(format!("name the files in it, as by `{name}/**`"))
            }
            Problem::ModulePath { path } => module_path_help(path),
            Problem::Unreadable { file, reason } if reason == "permission denied" => {
                Some(format!("`ls -l {file}` shows who may read it"))
            }
            other => fixed_help(other).map(ToOwned::to_owned),
        }
    }
}

/// What to do about what is always the same.
fn fixed_help(problem: &Problem) -> Option<&'static str> {
    Some(match problem {
        Problem::UnknownCalls { .. } => "`--strict` makes this an error",
        Problem::MixedTabs => "indent with spaces",
        Problem::TooManyTargets { .. } => "`parametrize` fewer fields, or with fewer values",
        Problem::Parameter { .. } => "give the value a name, as by `parametrize(py3 = [\">=3.9\"])`",
        Problem::DefaultsElsewhere => "call it in the BUILD file itself",
        Problem::TransitiveException { .. } => "write `!` for its own dependencies, or `!!` in the binary",
        Problem::SourceAndSources { .. } | Problem::OverriddenTwice { .. } => "remove one of them",
        Problem::NotOfOneFile { .. } => "put the file into a target of its own",
        Problem::Positional { .. } => "write `name = \"…\"`",
        Problem::TwoBuildFiles { .. } => "move the targets of one into the other",
        Problem::DuplicateTarget { .. } => "give one of them another `name`",
        Problem::TargetInModule { .. } | Problem::GlobInModule { .. } => {
            "put the call into a function that a BUILD file calls"
        }
        Problem::Unmatched { .. } => "remove it, or correct it; `!` and `exclude` may match nothing",
        Problem::LoadCycle { .. } => "move what both need into a file of its own",
        Problem::LeavesPackage { .. } => {
            "sources lie in the directory of the BUILD file or below it; depend on a target of the other"
        }
        Problem::TooManySteps { .. } | Problem::TooManyCalls { .. } => {
            "is there a loop or a recursion that does not end?"
        }
        Problem::TooDeep { .. } => "is a bracket never closed? else spread it over several assignments",
        Problem::IgnoredSource { .. } => {
            "what is left out does not exist for BUILD files: take it out there, or leave it out here"
        }
        Problem::NotRead { .. } => {
            "write them with `pipenv requirements > requirements.txt`, and read that by a `python_requirements`"
        }
        Problem::NoFiles { .. } => "write `sources = []` where it shall have none, or say which they are",
        Problem::Walk { .. } => "name in `pants_ignore` what does not belong to the repository",
        Problem::NotUtf8 { .. } => "save it as UTF-8",
        Problem::TooMuchMemory { .. } => {
            "a list, string or number in it, or in a file that it loads, grows without bound"
        }
        Problem::NotUtf8Name { .. } => "rename it, or name it in `pants_ignore`",
        _ => return None,
    })
}

/// The path of a file to load as it may have been meant.
fn module_path_help(path: &str) -> Option<String> {
    let bare = path.trim_start_matches("./").trim_start_matches('/');
    let plain = bare.ends_with(".bzl") && !bare.contains(':') && !bare.split('/').any(|part| part == "..");
    plain.then(|| match bare.contains('/') {
        true => format!("did you mean `//{bare}`?"),
        false => format!("did you mean `:{bare}`?"),
    })
}

fn without_effect(calls: usize) -> String {
    if calls == 1 { "the call has no effect".to_owned() } else { format!("{calls} calls have no effect") }
}

fn did_you_mean(near: &[String]) -> Option<String> {
    (!near.is_empty()).then(|| format!("did you mean {}?", alternatives(near)))
}

fn alternatives(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

//! The functions of the language as data: their names, what they take, what they mean; it does not evaluate them.

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// A set.
    Set,
    /// A word: the name of a field.
    Word,
    /// A word that is a regular expression.
    Regex,
    /// A whole number.
    Number,
}

/// Which function it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    AllPaths,
    Attr,
    BuildFiles,
    Deps,
    Filter,
    Kind,
    Labels,
    RDeps,
    SamePkgDirectRDeps,
    Siblings,
    Some,
    SomePath,
    Tests,
}

/// A function of the language.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it means.
    pub doc: &'static str,
    pub(super) which: Name,
    /// What it takes; from `required` on an argument may be left out.
    pub(super) parameters: &'static [Parameter],
    pub(super) required: usize,
}

const fn function(
    which: Name,
    name: &'static str,
    usage: &'static str,
    parameters: &'static [Parameter],
    required: usize,
    doc: &'static str,
) -> Function {
    Function { name, usage, doc, which, parameters, required }
}

use Parameter::{Number, Regex, Set, Word};

/// All functions, by name.
pub const FUNCTIONS: &[Function] = &[
    function(
        Name::AllPaths,
        "allpaths",
        "allpaths(FROM, TO)",
        &[Set, Set],
        2,
        "all that is on a way from FROM to TO",
    ),
    function(
        Name::Attr,
        "attr",
        "attr(FIELD, REGEX, SET)",
        &[Word, Regex, Set],
        3,
        "targets of SET whose field, given or by default, matches; a list is written `[a, b]`",
    ),
    function(
        Name::BuildFiles,
        "buildfiles",
        "buildfiles(SET)",
        &[Set],
        1,
        "the BUILD files of SET, and the .bzl files that they load",
    ),
    function(
        Name::Deps,
        "deps",
        "deps(SET)` or `deps(SET, DEPTH)",
        &[Set, Number],
        1,
        "SET and all that it depends on, or what is at most DEPTH steps away",
    ),
    function(
        Name::Filter,
        "filter",
        "filter(REGEX, SET)",
        &[Regex, Set],
        2,
        "what of SET has an address that matches",
    ),
    function(
        Name::Kind,
        "kind",
        "kind(REGEX, SET)",
        &[Regex, Set],
        2,
        "targets of SET whose rule matches; files are a `source file`",
    ),
    function(
        Name::Labels,
        "labels",
        "labels(FIELD, SET)",
        &[Word, Set],
        2,
        "the targets or files that a field of the targets of SET names",
    ),
    function(
        Name::RDeps,
        "rdeps",
        "rdeps(UNIVERSE, SET)` or `rdeps(UNIVERSE, SET, DEPTH)",
        &[Set, Set, Number],
        2,
        "SET and all that depends on it, among UNIVERSE and what that depends on",
    ),
    function(
        Name::SamePkgDirectRDeps,
        "same_pkg_direct_rdeps",
        "same_pkg_direct_rdeps(SET)",
        &[Set],
        1,
        "what depends on SET by itself and is in the same folder",
    ),
    function(Name::Siblings, "siblings", "siblings(SET)", &[Set], 1, "all targets of the folders of SET"),
    function(
        Name::Some,
        "some",
        "some(SET)` or `some(SET, COUNT)",
        &[Set, Number],
        1,
        "the first of SET, or the first COUNT",
    ),
    function(
        Name::SomePath,
        "somepath",
        "somepath(FROM, TO)",
        &[Set, Set],
        2,
        "a shortest way from FROM to TO",
    ),
    function(Name::Tests, "tests", "tests(SET)", &[Set], 1, "the tests of SET"),
];

//! Environment markers and the environment that they are evaluated in (PEP 508), also of a foreign platform; knows
//! no requirement.
//!
//! Two rules differ from evaluating a marker on the interpreter itself, both for Python 2.7. Its `sys_platform` is `linux`
//! (there it is `linux2`) and a marker's `"linux2"` means `"linux"` to it, and its `implementation_name` is `cpython`
//! (there it is empty): a universal lock is made by today's rules and must not lose its packages on 2.7.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifier, VersionSpecifiers, release_specifiers_to_ranges};
use pep508_rs::{
    ExtraName, MarkerEnvironment, MarkerEnvironmentBuilder, MarkerTree, MarkerTreeKind, MarkerValueExtra,
    MarkerValueString, MarkerValueVersion, MarkerWarningKind, Pep508Error, Pep508ErrorSource, Pep508Url,
    Reporter,
};

use crate::platform::Platform;
use crate::target::Target;

/// Brackets may nest this deep in a marker; more is hostile.
const MAX_DEPTH: usize = 64;
/// A marker may be this long, in bytes.
const MAX_LENGTH: usize = 64 * 1024;

/// Above the third number of all releases of CPython; up to it one that satisfies is searched for.
const NEWEST_MICRO: u64 = 40;

/// An environment marker, such as `python_version < "3.8" and extra == "async"`; the empty one always holds.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Marker {
    text: String,
    tree: MarkerTree,
    /// The same as Python 2 sees it, where that differs.
    python2: Option<MarkerTree>,
}

/// What does not read as a marker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an environment marker: {reason}")]
pub struct MarkerError {
    /// What was given.
    pub text: String,
    /// The byte at which it breaks.
    pub offset: usize,
    /// What was expected there and what was found.
    pub reason: String,
}

impl MarkerError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "packaging::marker"
    }
}

impl Marker {
    /// The marker that always holds.
    #[must_use]
    pub fn always() -> Self {
        Self::default()
    }

    /// Whether it holds everywhere.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.tree.is_true()
    }

    /// The marker as it was written; empty if it always holds.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds in an environment, with these extras asked for; what is unknown there is as [`Environment::of`] says.
    #[must_use]
    pub fn holds(&self, environment: &Environment, extras: &[ExtraName]) -> bool {
        self.tree_for(environment).evaluate(&environment.values, extras)
    }

    /// Whether it holds in some environment, with these extras asked for. May say so of one that never does.
    #[must_use]
    pub fn may_hold_somewhere(&self, extras: &[ExtraName]) -> bool {
        self.tree.evaluate_extras(extras)
    }

    /// Whether it and another can never hold together. May miss some that cannot.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        self.tree.is_disjoint(&other.tree)
    }

    /// Whether it can hold in an environment, for some value of what is unknown there.
    #[must_use]
    pub fn may_hold(&self, environment: &Environment, extras: &[ExtraName]) -> bool {
        Walk { environment, extras }.can_hold(self.tree_for(environment))
    }

    /// A marker that was read as the end of a requirement.
    pub(crate) fn from_tree(tree: MarkerTree, requirement: &str) -> Self {
        if tree.is_true() {
            return Self::default();
        }
        let url_end = if requirement.contains("://") { requirement.rfind(" ;") } else { None };
        let start = url_end.or_else(|| requirement.find(';'));
        let text = start.map_or("", |at| requirement[at..].trim_start_matches([' ', ';']).trim());
        Self { python2: python2(text), text: text.to_owned(), tree }
    }

    fn tree_for(&self, environment: &Environment) -> &MarkerTree {
        match &self.python2 {
            Some(tree) if environment.values.python_version().release().first() == Some(&2) => tree,
            _ => &self.tree,
        }
    }
}

/// The marker with `"linux2"` read as `"linux"`, where it has it.
fn python2(text: &str) -> Option<MarkerTree> {
    if !text.contains("linux2") {
        return None;
    }
    let modern = text.replace("'linux2'", "'linux'").replace("\"linux2\"", "\"linux\"");
    modern.parse().ok()
}

impl FromStr for Marker {
    type Err = MarkerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        let failed = |offset, reason| MarkerError { text: text.to_owned(), offset, reason };
        if let Some((offset, reason)) = unfit(text) {
            return Err(failed(offset, reason));
        }
        let mut ignored = Ignored::default();
        let tree = MarkerTree::parse_reporter(text, &mut ignored)
            .map_err(|error| failed(error.start.min(text.len()), reason(&error)))?;
        if let Some(reason) = ignored.0 {
            return Err(failed(0, reason));
        }
        if tree.is_true() {
            return Ok(Self::default());
        }
        Ok(Self { text: text.to_owned(), tree, python2: python2(text) })
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Marker({:?})", self.text)
    }
}

/// What keeps a text from the parser behind, and where: it recurses into what is nested, and counts characters where it
/// means bytes. The grammar of PEP 508 has nothing but ASCII.
pub(crate) fn unfit(text: &str) -> Option<(usize, String)> {
    let too_deep = || "it is nested too deeply".to_owned();
    if text.len() > MAX_LENGTH {
        return Some((MAX_LENGTH, too_deep()));
    }
    let mut depth = 0_usize;
    text.char_indices().find_map(|(offset, char)| {
        match char {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if !char.is_ascii() => return Some((offset, format!("expected ASCII, found `{char}`"))),
            _ => {}
        }
        (depth > MAX_DEPTH).then(|| (offset, too_deep()))
    })
}

/// What the parser behind does not understand and would leave out, so that the rest would hold where the whole does not.
#[derive(Default)]
pub(crate) struct Ignored(pub(crate) Option<String>);

impl Reporter for Ignored {
    fn report(&mut self, kind: MarkerWarningKind, warning: String) {
        use MarkerWarningKind as Kind;
        if matches!(kind, Kind::DeprecatedMarkerName | Kind::LexicographicComparison) {
            return;
        }
        let words: Vec<&str> = warning.split_whitespace().collect();
        self.0.get_or_insert_with(|| one_line(&words.join(" ").replace(", will be ignored", "")));
    }
}

/// What the parser says, as one line in our manner.
pub(crate) fn reason<T: Pep508Url>(error: &Pep508Error<T>) -> String {
    let message = match &error.message {
        Pep508ErrorSource::String(message) | Pep508ErrorSource::UnsupportedRequirement(message) => {
            message.clone()
        }
        Pep508ErrorSource::UrlError(error) => error.to_string(),
    };
    one_line(&message)
}

fn one_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().trim_end_matches('.');
    let mut letters = line.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The values of the variables of markers for one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    values: MarkerEnvironment,
    /// Whether the third number of the version is known.
    micro_known: bool,
}

impl Environment {
    /// The environment of a target, computed, without an interpreter of it. Where the third number of the version is
    /// unknown it is that of the newest release; `platform_release` and `platform_version`, which name the kernel of one host, are empty.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        let minor = target.minor();
        let full = format!("{minor}.{}", target.micro.map_or(NEWEST_MICRO, u64::from));
        let (sys_platform, platform_system) = match target.platform {
            Platform::Linux { .. } => ("linux", "Linux"),
            Platform::Macos { .. } => ("darwin", "Darwin"),
        };
        let values = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: "cpython",
            implementation_version: &full,
            os_name: "posix",
            platform_machine: target.platform.machine(),
            platform_python_implementation: "CPython",
            platform_release: "",
            platform_system,
            platform_version: "",
            python_full_version: &full,
            python_version: &minor.to_string(),
            sys_platform,
        })
        .expect("numbers with dots are versions");
        Self { values, micro_known: target.micro.is_some() }
    }

    /// `python_full_version`: the version of Python, with a high third number where it is unknown.
    #[must_use]
    pub fn python_full_version(&self) -> &Version {
        &self.values.python_full_version().version
    }

    /// Whether the version of Python satisfies a `Requires-Python`; where its third number is unknown, whether one does.
    #[must_use]
    pub fn satisfies(&self, requires: &VersionSpecifiers) -> bool {
        if self.micro_known {
            return requires.contains(self.python_full_version());
        }
        let release = self.values.python_version().release();
        (0..=NEWEST_MICRO).any(|micro| requires.contains(&Version::new([release[0], release[1], micro])))
    }

    /// Every variable with its value, by name, as PEP 508 lists them.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 11] {
        let v = &self.values;
        [
            ("implementation_name", v.implementation_name().to_owned()),
            ("implementation_version", v.implementation_version().to_string()),
            ("os_name", v.os_name().to_owned()),
            ("platform_machine", v.platform_machine().to_owned()),
            ("platform_python_implementation", v.platform_python_implementation().to_owned()),
            ("platform_release", v.platform_release().to_owned()),
            ("platform_system", v.platform_system().to_owned()),
            ("platform_version", v.platform_version().to_owned()),
            ("python_full_version", v.python_full_version().to_string()),
            ("python_version", v.python_version().to_string()),
            ("sys_platform", v.sys_platform().to_owned()),
        ]
    }

    /// The half-open range of full versions that an unknown third number leaves open.
    fn open_versions(&self) -> VersionSpecifiers {
        let release = self.values.python_version().release();
        let (major, minor) = (release[0], release[1]);
        let from = VersionSpecifier::greater_than_equal_version(Version::new([major, minor]));
        let to = VersionSpecifier::less_than_version(Version::new([major, minor + 1]));
        VersionSpecifiers::from_iter([from, to])
    }
}

/// Walks a marker's decision tree along all values of what is unknown.
struct Walk<'a> {
    environment: &'a Environment,
    extras: &'a [ExtraName],
}

impl Walk<'_> {
    /// Whether it can be true.
    fn can_hold(&self, tree: &MarkerTree) -> bool {
        let values = &self.environment.values;
        match tree.kind() {
            MarkerTreeKind::True => true,
            MarkerTreeKind::False => false,
            MarkerTreeKind::Version(node) => {
                let open = !self.environment.micro_known && *node.key() != MarkerValueVersion::PythonVersion;
                let span = release_specifiers_to_ranges(self.environment.open_versions());
                let known = values.get_version(node.key());
                node.edges()
                    .filter(|(range, _)| if open { !range.is_disjoint(&span) } else { range.contains(known) })
                    .any(|(_, tree)| self.can_hold(&tree))
            }
            MarkerTreeKind::String(node) => {
                let (open, known) = (is_of_host(node.key()), values.get_string(node.key()).to_owned());
                node.children()
                    .filter(|(range, _)| open || range.contains(&known))
                    .any(|(_, tree)| self.can_hold(&tree))
            }
            MarkerTreeKind::In(node) => {
                let known = node.value().contains(values.get_string(node.key()));
                self.either(node.children(), known, is_of_host(node.key()))
            }
            MarkerTreeKind::Contains(node) => {
                let known = values.get_string(node.key()).contains(node.value());
                self.either(node.children(), known, is_of_host(node.key()))
            }
            MarkerTreeKind::Extra(node) => {
                let asked =
                    self.extras.iter().any(|extra| *node.name() == MarkerValueExtra::Extra(extra.clone()));
                self.can_hold(&node.edge(asked))
            }
        }
    }

    fn either(&self, children: impl Iterator<Item = (bool, MarkerTree)>, known: bool, open: bool) -> bool {
        children.filter(|(value, _)| open || *value == known).any(|(_, tree)| self.can_hold(&tree))
    }
}

/// Whether a variable's value belongs to one host, which no target knows.
fn is_of_host(key: &MarkerValueString) -> bool {
    use MarkerValueString as Key;
    matches!(key, Key::PlatformRelease | Key::PlatformVersion | Key::PlatformVersionDeprecated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        let (python, platform) = text.split_once(' ').unwrap();
        Target::new(python.parse().unwrap(), platform.parse().unwrap())
    }

    /// Checks whether a marker holds, and whether it may.
    fn check(text: &str, on: &str, holds: bool, may_hold: bool) {
        let (marker, environment) = (text.parse::<Marker>().unwrap(), target(on).environment());
        assert_eq!(marker.holds(&environment, &[]), holds, "{text} on {on}");
        assert_eq!(marker.may_hold(&environment, &[]), may_hold, "{text} on {on}");
    }

    #[test]
    fn what_the_target_does_not_say_may_be() {
        let linux = "3.11 linux-x86_64";
        check("python_version >= '3.11'", linux, true, true);
        check("python_version > '3.11'", linux, false, false);
        check("python_full_version >= '3.11'", linux, true, true);
        check("python_full_version > '3.11'", linux, true, true);
        check("python_full_version >= '3.11.4'", linux, true, true);
        check("python_full_version < '3.11.4'", linux, false, true);
        check("python_full_version == '3.11.4'", linux, false, true);
        check("python_full_version < '3.11.4'", "3.11.7 linux-x86_64", false, false);
        check("python_full_version < '3.11'", linux, false, false);
        check("python_full_version >= '3.12'", linux, false, false);
        check("python_full_version < '3.11.0a7'", linux, false, false);
        check("implementation_version == '3.11.2'", linux, false, true);
        check("python_full_version != '3.11.2' and os_name == 'nt'", linux, false, false);
        check("platform_release >= '20'", linux, false, true);
        check("'Ubuntu' in platform_version", linux, false, true);
        check("'Ubuntu' in platform_version and os_name == 'nt'", linux, false, false);
        check("'Ubuntu' in platform_version or os_name == 'posix'", linux, true, true);
    }

    #[test]
    fn python_2_is_seen_as_today() {
        check("sys_platform == 'linux'", "2.7 linux-x86_64", true, true);
        check("sys_platform == 'linux2'", "2.7 linux-x86_64", true, true);
        check("sys_platform == \"linux2\"", "3.6 linux-x86_64", false, false);
        check("sys_platform == 'linux2'", "2.7 macos-x86_64", false, false);
        check("implementation_name == 'cpython'", "2.7 linux-x86_64", true, true);
    }

    #[test]
    fn extras_are_asked_for() {
        let extra = |text: &str, asked: &[&str]| {
            let extras: Vec<ExtraName> = asked.iter().map(|one| one.parse().unwrap()).collect();
            text.parse::<Marker>().unwrap().holds(&target("3.11 linux-x86_64").environment(), &extras)
        };
        assert!(extra("extra == 'A_b'", &["x", "a-b"]));
        assert!(!extra("extra == 'a' and extra == 'b'", &["a"]));
        assert!(extra("extra == 'a' and extra == 'b'", &["b", "a"]));
        assert!(extra("extra != 'a'", &[]));
    }

    #[test]
    fn what_is_no_marker_is_refused() {
        let check = |text: &str, offset: usize, reason: &str| {
            let error = text.parse::<Marker>().unwrap_err();
            assert_eq!((error.offset, error.reason.as_str()), (offset, reason), "{text}");
        };
        check("os_name = 'nt'", 8, "expected a valid marker operator (such as `>=` or `not in`), found `=`");
        check("nonsense", 0, "expected a quoted string or a valid marker name, found `nonsense`");
        check(&"(".repeat(100), MAX_DEPTH, "it is nested too deeply");
        check("os_name == 'nt' \u{df}\u{23a}\u{9cb}ine == 'x'", 16, "expected ASCII, found `\u{df}`");
        // Left out by the parser, it would hold everywhere.
        check(
            "python_version in '2.6, 2.7'",
            0,
            "expected PEP 440 versions to compare with python_version, found 2.6, 2.7: after parsing `2.6`, found \
             `,`, which is not part of a valid version",
        );
        check("os_name == sys_platform", 0, "comparing two markers with each other doesn't make any sense");
        check("'a' == 'b'", 0, "comparing two quoted strings with each other doesn't make sense: 'a' == 'b'");
        check("extra > 'x'", 0, "comparing extra with something other than a quoted string is wrong");
    }

    #[test]
    fn what_always_holds_is_no_marker() {
        for text in ["", "  ", "os_name == 'a' or os_name != 'a'"] {
            assert_eq!(text.parse::<Marker>().unwrap(), Marker::always());
        }
        let excludes =
            |a: &str, b: &str| a.parse::<Marker>().unwrap().excludes(&b.parse::<Marker>().unwrap());
        assert!(excludes("python_version < '3.10'", "python_full_version >= '3.10'"));
        assert!(!excludes("python_version < '3.10'", "os_name == 'nt'"));
    }
}

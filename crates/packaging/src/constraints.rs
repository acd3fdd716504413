//! Interpreter constraints as Pants and pex write them: `CPython>=3.9,<3.14`, several of which are alternatives; knows
//! no machine.

use std::fmt;
use std::str::FromStr;

use crate::python::{Implementation, Minor, Wanted};
use crate::{Version, VersionSpecifiers};

/// The newest minor version that is considered when a constraint has no upper end.
const NEWEST_MINOR: u8 = 30;
/// The third number up to which a minor version is searched for one that fits.
const NEWEST_MICRO: u64 = 40;

/// One constraint: an implementation, perhaps, and the versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterpreterConstraint {
    /// Which builds; `None` for any.
    pub build: Option<Build>,
    /// The versions, every one of which must hold.
    pub specifiers: VersionSpecifiers,
    text: String,
}

/// Which builds of Python a constraint names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// `CPython`.
    CPython,
    /// `CPython+t` or `CPython[free-threaded]`.
    FreeThreaded,
    /// `CPython-t` or `CPython[gil]`.
    Gil,
    /// `PyPy`.
    PyPy,
}

/// The spellings, a longer one before its own beginning.
const BUILDS: [(&str, Build); 6] = [
    ("CPython[free-threaded]", Build::FreeThreaded),
    ("CPython+t", Build::FreeThreaded),
    ("CPython[gil]", Build::Gil),
    ("CPython-t", Build::Gil),
    ("CPython", Build::CPython),
    ("PyPy", Build::PyPy),
];

/// What does not read as an interpreter constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an interpreter constraint: {reason}")]
pub struct ConstraintError {
    /// What was given.
    pub text: String,
    /// What was expected and what was found.
    pub reason: String,
}

impl ConstraintError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "packaging::interpreter_constraint"
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some("write it as `CPython>=3.9,<3.14`, `CPython==3.11.*` or `>=3.9`".to_owned())
    }
}

impl InterpreterConstraint {
    /// Whether an interpreter satisfies it.
    #[must_use]
    pub fn accepts(&self, implementation: &Implementation, free_threaded: bool, version: &Version) -> bool {
        let build = match self.build {
            None => true,
            Some(Build::CPython) => *implementation == Implementation::CPython,
            Some(Build::FreeThreaded) => *implementation == Implementation::CPython && free_threaded,
            Some(Build::Gil) => *implementation == Implementation::CPython && !free_threaded,
            Some(Build::PyPy) => *implementation == Implementation::named("PyPy"),
        };
        build && self.specifiers.contains(version)
    }
}

impl FromStr for InterpreterConstraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let failed = |reason: String| ConstraintError { text: text.to_owned(), reason };
        let build = BUILDS.iter().find(|(name, _)| text.starts_with(name));
        let rest = build.map_or(text, |(name, _)| &text[name.len()..]).trim();
        if rest.starts_with(|c: char| c.is_alphabetic() || c == '[') {
            return Err(failed("expected `CPython` or `PyPy` and versions".to_owned()));
        }
        if rest.is_empty() && build.is_none() {
            return Err(failed("expected versions, found nothing".to_owned()));
        }
        let specifiers = VersionSpecifiers::from_str(rest)
            .map_err(|_| failed(format!("expected versions such as `>=3.9,<3.14`, found `{rest}`")))?;
        Ok(Self { build: build.map(|(_, build)| *build), specifiers, text: text.to_owned() })
    }
}

impl fmt::Display for InterpreterConstraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Constraints of which one must hold; without any, every interpreter will do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterpreterConstraints(Vec<InterpreterConstraint>);

impl InterpreterConstraints {
    /// Reads a list of constraints.
    ///
    /// # Errors
    /// Fails with every entry that does not read as one.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, Vec<ConstraintError>> {
        let mut errors = Vec::new();
        let mut all = Vec::new();
        for text in texts {
            match text.as_ref().parse() {
                Ok(one) => all.push(one),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Self(all)) } else { Err(errors) }
    }

    /// The alternatives, as they were written.
    #[must_use]
    pub fn alternatives(&self) -> &[InterpreterConstraint] {
        &self.0
    }

    /// Whether an interpreter satisfies one of them.
    #[must_use]
    pub fn accepts(&self, implementation: &Implementation, free_threaded: bool, version: &Version) -> bool {
        self.0.is_empty() || self.0.iter().any(|one| one.accepts(implementation, free_threaded, version))
    }

    /// Whether one of them asks for the free-threaded build.
    #[must_use]
    pub fn names_free_threaded(&self) -> bool {
        self.0.iter().any(|one| one.build == Some(Build::FreeThreaded))
    }

    /// Whether some CPython of a minor version satisfies one of them.
    #[must_use]
    pub fn accepts_minor(&self, minor: Minor) -> bool {
        let builds = [false, true].map(|free_threaded| Wanted { free_threaded, ..Wanted::minor(minor) });
        builds.iter().any(|wanted| accept_together(&[self], *wanted))
    }

    /// The minor versions of CPython that satisfy them and that this tool builds for, oldest first, as far as one can
    /// be told: without an upper end they go on past what exists.
    #[must_use]
    pub fn minors(&self) -> Vec<Minor> {
        minors_together(&[self])
    }
}

/// Whether some release of a CPython satisfies several constraints at once.
#[must_use]
pub fn accept_together(all: &[&InterpreterConstraints], wanted: Wanted) -> bool {
    let micros = wanted.micro.map_or(0..=NEWEST_MICRO, |micro| u64::from(micro)..=u64::from(micro));
    let Minor { major, minor } = wanted.minor;
    let release = |micro| Version::new([u64::from(major), u64::from(minor), micro]);
    micros.map(release).any(|version| {
        all.iter().all(|one| one.accepts(&Implementation::CPython, wanted.free_threaded, &version))
    })
}

/// The minor versions that satisfy several constraints at once, as [`InterpreterConstraints::minors`] gives those of one.
#[must_use]
pub fn minors_together(all: &[&InterpreterConstraints]) -> Vec<Minor> {
    let builds = |minor| [false, true].map(|free_threaded| Wanted { free_threaded, ..Wanted::minor(minor) });
    known_minors().filter(|minor| builds(*minor).iter().any(|one| accept_together(all, *one))).collect()
}

fn known_minors() -> impl Iterator<Item = Minor> {
    std::iter::once(Minor::new(2, 7)).chain((6..=NEWEST_MINOR).map(|minor| Minor::new(3, minor)))
}

impl From<Vec<InterpreterConstraint>> for InterpreterConstraints {
    fn from(alternatives: Vec<InterpreterConstraint>) -> Self {
        Self(alternatives)
    }
}

impl fmt::Display for InterpreterConstraints {
    /// As Pants shows them: joined by `OR`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, one) in self.0.iter().enumerate() {
            write!(f, "{}{one}", if index == 0 { "" } else { " OR " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(constraints: &[&str], version: &str, expect: bool) {
        let constraints = InterpreterConstraints::parse(constraints).unwrap();
        let version = version.parse().unwrap();
        let found = constraints.accepts(&Implementation::CPython, false, &version);
        assert_eq!(found, expect, "{constraints} on {version}");
    }

    #[test]
    fn constraints_match_versions() {
        check(&["CPython>=3.9,<3.14"], "3.11.7", true);
        check(&["CPython>=3.9,<3.14"], "3.14.0", false);
        check(&["==3.11.*"], "3.11.7", true);
        check(&[">=3.9"], "3.8.18", false);
        check(&["CPython==2.7.*", "CPython>=3.6"], "2.7.18", true);
        check(&["CPython==2.7.*", "CPython>=3.6"], "3.5.1", false);
        check(&["PyPy>=3.6"], "3.9.0", false);
        check(&["CPython+t>=3.13"], "3.13.0", false);
        check(&["CPython-t>=3.13"], "3.13.0", true);
        check(&["CPython"], "3.13.0", true);
        check(&[], "3.13.0", true);
    }

    #[test]
    fn what_is_no_constraint_is_refused_together() {
        let bad = ["", "CPython>=", "Jython>=2.7", "CPython>=3.9;<4", "CPython[x]>=3", "CPython 3.9", "3.9"];
        let errors = InterpreterConstraints::parse(&bad).unwrap_err();
        assert_eq!(errors.len(), bad.len(), "{errors:?}");
        assert_eq!(
            errors[6].to_string(),
            "`3.9` is not an interpreter constraint: expected versions such as `>=3.9,<3.14`, found `3.9`"
        );
    }

    #[test]
    fn minors_are_told() {
        let minors = |texts: &[&str]| {
            let minors = InterpreterConstraints::parse(texts).unwrap().minors();
            minors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(minors(&["CPython>=3.9,<3.12"]), "3.9 3.10 3.11");
        assert_eq!(minors(&["==2.7.*", ">=3.6.3,<3.7", ">=3.13.2,<3.14"]), "2.7 3.6 3.13");
        assert_eq!(minors(&["<3"]), "2.7");
    }

    #[test]
    fn several_hold_at_once() {
        let together = |texts: &[&[&str]], wanted: &str| {
            let all: Vec<_> = texts.iter().map(|one| InterpreterConstraints::parse(one).unwrap()).collect();
            accept_together(&all.iter().collect::<Vec<_>>(), wanted.parse().unwrap())
        };
        assert!(together(&[&[">=3.9"], &["<3.12", "==2.7.*"]], "3.11"));
        assert!(!together(&[&[">=3.9"], &["<3.12", "==2.7.*"]], "3.12"));
        // Each accepts some release of 3.11, and none the same.
        assert!(!together(&[&[">=3.11.4"], &["<3.11.4"]], "3.11"));
        assert!(!together(&[&[">=3.11.4"]], "3.11.3"));
        assert!(!together(&[&["CPython+t>=3.13"]], "3.13"));
        assert!(together(&[&["CPython+t>=3.13"], &[">=3.13"]], "3.13t"));
    }

    #[test]
    fn they_are_shown_as_written() {
        let texts = ["CPython>=3.9,<3.14", "==2.7.*"];
        let shown = InterpreterConstraints::parse(&texts).unwrap().to_string();
        assert_eq!(shown, "CPython>=3.9,<3.14 OR ==2.7.*");
    }
}

//! Names of projects and extras, normalised when they are parsed; knows no project.

pub use pep508_rs::{ExtraName, PackageName};

/// What is not the name of a project or an extra.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` is not a valid name: expected ASCII letters, digits, `-`, `_` and `.`, beginning and ending with a \
     letter or digit"
)]
pub struct NameError {
    /// What was given.
    pub found: String,
}

impl NameError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "packaging::name"
    }
}

/// Parses the name of a project and normalises it (PEP 503): `Ruamel.YAML` becomes `ruamel-yaml`.
///
/// # Errors
/// Fails on anything that PEP 508 does not allow as a name.
pub fn parse_name(text: &str) -> Result<PackageName, NameError> {
    // The parser behind takes the empty name.
    let parsed = if text.is_empty() { None } else { text.parse().ok() };
    parsed.ok_or_else(|| NameError { found: text.to_owned() })
}

/// Parses the name of an extra and normalises it (PEP 685), by the rules of [`parse_name`].
///
/// # Errors
/// Fails on anything that PEP 508 does not allow as a name.
pub fn parse_extra(text: &str) -> Result<ExtraName, NameError> {
    // The parser behind takes the empty name.
    let parsed = if text.is_empty() { None } else { text.parse().ok() };
    parsed.ok_or_else(|| NameError { found: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expect: Option<&str>) {
        assert_eq!(parse_name(input).ok().as_ref().map(PackageName::as_ref), expect, "{input}");
    }

    #[test]
    fn names_are_normalised_or_refused() {
        check("Ruamel.YAML", Some("ruamel-yaml"));
        check("zope._-interface", Some("zope-interface"));
        check("A", Some("a"));
        for bad in ["", "-a", "a-", "a b", "é", "a/b", "../a", "a\0"] {
            check(bad, None);
        }
        let error = parse_name("a b").unwrap_err();
        assert_eq!(error.code(), "packaging::name");
        assert!(error.to_string().starts_with("`a b` is not a valid name"));
    }
}

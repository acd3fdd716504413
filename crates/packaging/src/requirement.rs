//! One requirement on a project, as written and as understood (PEP 508); knows no lock and no file.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use pep508_rs::{Pep508Url, VersionOrUrl};

use crate::marker::{self, Marker};
use crate::name::{ExtraName, PackageName};
use crate::{Version, VersionSpecifiers};

/// One requirement, such as `flask[async]==3.0.*; python_version >= "3.8"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The normalised name of the project.
    pub name: PackageName,
    /// The extras that are asked for, sorted, each once.
    pub extras: Vec<ExtraName>,
    /// Where it comes from.
    pub source: Source,
    /// When it holds.
    pub marker: Marker,
    text: String,
}

/// Where a requirement is met from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An index, by version; no specifier means any version.
    Index(VersionSpecifiers),
    /// A URL, also one of a version control system.
    Url(String),
    /// A file or folder of this machine.
    Path(String),
}

/// What does not read as a requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// It breaks the grammar.
    #[error("`{text}` is not a requirement: {reason}")]
    Syntax {
        /// What was given.
        text: String,
        /// The byte at which it breaks.
        offset: usize,
        /// What was expected there and what was found.
        reason: String,
    },
    /// A file, folder or URL without the name of its project.
    #[error("`{text}` does not name its project: expected `name @ {text}`")]
    Unnamed {
        /// What was given.
        text: String,
    },
}

impl RequirementError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "packaging::requirement",
            Self::Unnamed { .. } => "packaging::requirement_unnamed",
        }
    }

    /// What may have been meant.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let Self::Syntax { text, .. } = self else { return None };
        meant(text).map(|meant| format!("did you mean `{meant}`?"))
    }

    /// The byte of the text at which it breaks.
    #[must_use]
    pub fn offset(&self) -> usize {
        match self {
            Self::Syntax { offset, .. } => *offset,
            Self::Unnamed { .. } => 0,
        }
    }
}

/// The requirement that a text would be with its comparisons the right way round.
pub(crate) fn meant(text: &str) -> Option<String> {
    let swapped = [("=>", ">="), ("=<", "<="), ("=!", "!="), ("=~", "~=")];
    let meant = swapped.iter().fold(text.to_owned(), |text, (wrong, right)| text.replace(wrong, right));
    (meant != text && meant.parse::<Requirement>().is_ok()).then_some(meant)
}

impl Requirement {
    /// The requirement exactly as it was written, without space around it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The URL or path that it names, unless it comes from an index.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        match &self.source {
            Source::Index(_) => None,
            Source::Url(location) | Source::Path(location) => Some(location),
        }
    }

    /// The text of the same requirement at another URL or path.
    #[must_use]
    pub fn text_at(&self, url: &str) -> String {
        let extras: Vec<&str> = self.extras.iter().map(AsRef::as_ref).collect();
        let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
        let marker = if self.marker.is_always() { String::new() } else { format!(" ; {}", self.marker) };
        format!("{}{extras} @ {url}{marker}", self.name)
    }

    /// The version specifiers, unless it comes from elsewhere than an index.
    #[must_use]
    pub fn specifiers(&self) -> Option<&VersionSpecifiers> {
        match &self.source {
            Source::Index(specifiers) => Some(specifiers),
            Source::Url(_) | Source::Path(_) => None,
        }
    }

    /// Whether a locked version satisfies it (PEP 440; a locked pre-release counts, since it was chosen). One that comes from elsewhere than an index is
    /// satisfied by any.
    #[must_use]
    pub fn accepts(&self, version: &Version) -> bool {
        self.specifiers().is_none_or(|specifiers| specifiers.contains(version))
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if is_unnamed(text) {
            return Err(RequirementError::Unnamed { text: text.to_owned() });
        }
        let syntax = |offset, reason| RequirementError::Syntax { text: text.to_owned(), offset, reason };
        if let Some((offset, reason)) = marker::unfit(text) {
            return Err(syntax(offset, reason));
        }
        if let Some(offset) = name_ends_badly(text) {
            return Err(syntax(offset, "expected a letter or digit at the end of a name".to_owned()));
        }
        let mut ignored = marker::Ignored::default();
        let parsed = pep508_rs::Requirement::<Location>::parse_reporter(text, "", &mut ignored)
            .map_err(|error| syntax(error.start.min(text.len()), marker::reason(&error)))?;
        if let Some(reason) = ignored.0 {
            return Err(syntax(text.find(';').map_or(0, |at| at + 1), reason));
        }
        let mut extras = parsed.extras;
        extras.sort();
        extras.dedup();
        let source = match parsed.version_or_url {
            None => Source::Index(VersionSpecifiers::empty()),
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => Source::Index(specifiers),
            Some(VersionOrUrl::Url(Location(location))) if location.contains("://") => Source::Url(location),
            Some(VersionOrUrl::Url(Location(location))) => Source::Path(location),
        };
        let marker = Marker::from_tree(parsed.marker, text);
        Ok(Self { name: parsed.name, extras, source, marker, text: text.to_owned() })
    }
}

/// Whether it begins as a path or a URL does, or is the name of an archive.
fn is_unnamed(text: &str) -> bool {
    let first = text.split([' ', '\t', ';']).next().unwrap_or_default();
    let named = text.split_once('@').is_some_and(|(name, _)| crate::name::parse_name(name.trim()).is_ok());
    let archive = [".whl", ".tar.gz", ".tar.bz2", ".zip"].iter().any(|end| first.ends_with(end));
    !named
        && (first.starts_with(['.', '/', '~'])
            || first.contains("://")
            || archive
            || first.starts_with("git+"))
}

/// The location in `name @ location`, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Location(String);

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pep508Url for Location {
    type Err = Infallible;

    fn parse_url(url: &str, _working_dir: Option<&std::path::Path>) -> Result<Self, Self::Err> {
        Ok(Self(url.to_owned()))
    }
}
/// Where the name of a requirement or of one of its extras ends in `-`, `_` or `.`: the parser behind panics on it
/// unless the text ends there.
fn name_ends_badly(text: &str) -> Option<usize> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let name = text.find(|c| !in_name(c)).unwrap_or(text.len());
    let extras = text[name..].trim_start();
    let end = if extras.starts_with('[') {
        text.len() - extras.len() + extras.find(']').unwrap_or(extras.len())
    } else {
        name
    };
    let head = text[..end].char_indices().map(|(offset, c)| (offset, Some(c)));
    let mut before = None;
    for (offset, c) in head.chain([(end, None)]) {
        let ended = c.is_none_or(|c| !in_name(c));
        if ended && let Some((bad, '-' | '_' | '.')) = before {
            return Some(bad);
        }
        before = c.map(|c| (offset, c));
    }
    None
}

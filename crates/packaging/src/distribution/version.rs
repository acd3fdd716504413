//! The version that a tag of the version control system gives: reads what `git describe` prints, and asks nobody.

use pep440_rs::{LocalSegment, Prerelease};

use crate::Version;

/// What stands for the version in a pattern of tags.
const PLACE: &str = "{version}";
/// So many digits of the commit are in a version, whatever number git would take for unique.
const DIGITS: usize = 9;

/// A pattern of tags, such as `v{version}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPattern {
    before: String,
    after: String,
}

/// Why a tag gives no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// A pattern without exactly one place for the version.
    #[error("`{0}` is no pattern of tags: expected `{{version}}` in it, once")]
    Pattern(String),
    /// The tag that git found has no version where the pattern has it.
    #[error("the tag `{tag}` has no version that can be read")]
    Tag {
        /// The tag.
        tag: String,
    },
    /// What git printed is not what it prints.
    #[error("`git describe` printed `{0}`")]
    Unexpected(String),
}

impl TagError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Pattern(_) => "packaging::tag_pattern",
            Self::Tag { .. } => "packaging::tag",
            Self::Unexpected(_) => "packaging::describe",
        }
    }
}

impl TagPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Where the version is in it not exactly once.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        let wrong = || TagError::Pattern(text.to_owned());
        let (before, after) = text.split_once(PLACE).ok_or_else(wrong)?;
        let plain = |part: &str| !part.contains(['{', '}']) && !part.contains(char::is_whitespace);
        if !plain(before) || !plain(after) {
            return Err(wrong());
        }
        Ok(Self { before: before.to_owned(), after: after.to_owned() })
    }

    /// The pattern in the form of `git describe --match`.
    #[must_use]
    pub fn glob(&self) -> String {
        let escape = |text: &str| {
            text.chars().fold(String::new(), |mut escaped, c| {
                if matches!(c, '*' | '?' | '[' | '\\') {
                    escaped.push('\\');
                }
                escaped.push(c);
                escaped
            })
        };
        // A version begins with a digit, and other tags that begin alike do not.
        format!("{}[0-9]*{}", escape(&self.before), escape(&self.after))
    }

    /// The version of what `git describe --long --dirty` prints: that of the tag, or, where there is more since, a
    /// development version of the next one with the commit in it.
    ///
    /// # Errors
    /// See [`TagError`].
    pub fn version(&self, described: &str) -> Result<Version, TagError> {
        let unexpected = || TagError::Unexpected(described.to_owned());
        let (clean, dirty) = match described.strip_suffix("-dirty") {
            Some(clean) => (clean, true),
            None => (described, false),
        };
        let (rest, commit) = clean.rsplit_once("-g").ok_or_else(unexpected)?;
        let (tag, distance) = rest.rsplit_once('-').ok_or_else(unexpected)?;
        let distance: u64 = distance.parse().map_err(|_| unexpected())?;
        let version = tag.strip_prefix(&self.before).and_then(|rest| rest.strip_suffix(&self.after));
        let version = version.and_then(|text| text.parse::<Version>().ok());
        let version = version.ok_or_else(|| TagError::Tag { tag: tag.to_owned() })?;
        if distance == 0 && !dirty {
            return Ok(version);
        }
        let commit: String = commit.chars().take(DIGITS).collect();
        let mut local = vec![LocalSegment::String(format!("g{commit}"))];
        if dirty {
            local.push(LocalSegment::String(DIRTY.to_owned()));
        }
        Ok(next(&version).with_dev(Some(distance)).with_local(local))
    }
}

/// The part of a version that says that it is made of what no commit has.
const DIRTY: &str = "dirty";

/// Whether a version is made of what no commit has.
pub(crate) fn is_dirty(version: &Version) -> bool {
    version.local().iter().any(|part| matches!(part, LocalSegment::String(text) if text == DIRTY))
}

/// The version that development after another one leads to.
fn next(version: &Version) -> Version {
    if let Some(Prerelease { kind, number }) = version.pre() {
        return version.clone().only_release().with_pre(Some(Prerelease { kind, number: number + 1 }));
    }
    let mut release: Vec<u64> = version.release().to_vec();
    if let Some(last) = release.last_mut() {
        *last += 1;
    }
    Version::new(release).with_epoch(version.epoch())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, described: &str, expect: &str) {
        let pattern = TagPattern::parse(pattern).unwrap();
        let found = match pattern.version(described) {
            Ok(version) => version.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expect, "{described}");
    }

    #[test]
    fn tags_give_versions() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        check("v{version}", &format!("v1.2.0-0-g{commit}"), "1.2.0");
        check("v{version}", &format!("v1.2.0-3-g{commit}"), "1.2.1.dev3+g012345678");
        check("v{version}", &format!("v1.2.0-0-g{commit}-dirty"), "1.2.1.dev0+g012345678.dirty");
        check("v{version}", &format!("v2.0rc1-1-g{commit}"), "2.0rc2.dev1+g012345678");
        check("lib-{version}-final", &format!("lib-1.0-final-0-g{commit}"), "1.0");
        check("{version}", &format!("1!2-0-g{commit}"), "1!2");
        check("v{version}", &format!("v1.x-0-g{commit}"), "the tag `v1.x` has no version that can be read");
        check("v{version}", "fatal", "`git describe` printed `fatal`");
    }

    #[test]
    fn patterns_have_the_version_once() {
        for wrong in ["v", "{version}{version}", "v {version}", "{v}"] {
            assert!(TagPattern::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(TagPattern::parse("a*{version}").unwrap().glob(), "a\\*[0-9]*");
    }
}

//! The name of a wheel (PEP 427), taken apart; never looks inside the file.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use pep440_rs::Version;

use crate::name::{PackageName, parse_name};
use crate::tags::Tags;

/// The name of a wheel, such as `flask-3.0.3-py3-none-any.whl`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WheelFilename {
    text: String,
    /// The normalised name of the project.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The build tag: its number and what follows; a higher one wins among wheels of equal tags.
    pub build: Option<(u64, String)>,
    /// Where the three sets of tags begin in `text`.
    tags: [usize; 3],
}

/// What is not the name of a wheel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not the name of a wheel: {reason}")]
pub struct WheelFilenameError {
    /// What was given.
    pub found: String,
    /// What is wrong about it.
    pub reason: &'static str,
}

impl WheelFilenameError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "packaging::wheel_name"
    }
}

impl WheelFilename {
    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The Python tags, such as `py2` and `py3` of `py2.py3`.
    pub fn pythons(&self) -> impl Iterator<Item = &str> + Clone {
        self.text[self.tags[0]..self.tags[1] - 1].split('.')
    }

    /// The ABI tags.
    pub fn abis(&self) -> impl Iterator<Item = &str> + Clone {
        self.text[self.tags[1]..self.tags[2] - 1].split('.')
    }

    /// The platform tags.
    pub fn platforms(&self) -> impl Iterator<Item = &str> + Clone {
        self.text[self.tags[2]..self.text.len() - ".whl".len()].split('.')
    }
}

impl FromStr for WheelFilename {
    type Err = WheelFilenameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let failed = |reason| WheelFilenameError { found: text.to_owned(), reason };
        let stem = text.strip_suffix(".whl").ok_or_else(|| failed("expected it to end in `.whl`"))?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+' | b'!');
        if !stem.bytes().all(plain) {
            return Err(failed("expected ASCII letters, digits, `-`, `_`, `.`, `+` and `!`"));
        }
        let parts: Vec<&str> = stem.split('-').collect();
        let (build, tags) = match parts.as_slice() {
            [_, _, tags @ ..] if tags.len() == 3 => (None, tags),
            [_, _, build, tags @ ..] if tags.len() == 3 => (Some(*build), tags),
            _ => return Err(failed("expected five or six parts between dashes")),
        };
        if tags.iter().any(|set| set.split('.').any(str::is_empty)) {
            return Err(failed("expected tags of Python, ABI and platform"));
        }
        let name = parse_name(parts[0]).map_err(|_| failed("expected the name of a project first"))?;
        let version = parts[1].replace('_', "-");
        let version = version.parse().map_err(|_| failed("expected a version after the name"))?;
        let build = build
            .map(|build| {
                let digits = build.bytes().take_while(u8::is_ascii_digit).count();
                let number = build[..digits]
                    .parse()
                    .map_err(|_| failed("expected a build tag that begins with a digit"))?;
                Ok((number, build[digits..].to_owned()))
            })
            .transpose()?;
        let platform = stem.len() - tags[2].len();
        let abi = platform - 1 - tags[1].len();
        let python = abi - 1 - tags[0].len();
        Ok(Self { text: text.to_owned(), name, version, build, tags: [python, abi, platform] })
    }
}

impl fmt::Display for WheelFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The index of the best wheel for some tags: of the best tag, then of the highest build number, then the first.
/// `None` if none can be installed.
pub fn best<'a>(tags: &Tags, wheels: impl IntoIterator<Item = &'a WheelFilename>) -> Option<usize> {
    wheels
        .into_iter()
        .enumerate()
        .filter_map(|(index, wheel)| Some((tags.rank(wheel)?, Reverse(&wheel.build), index)))
        .min()
        .map(|(_, _, index)| index)
}

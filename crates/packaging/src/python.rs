//! Which Python is meant: minor version, ABI and what `interpreters = [...]` asks for; knows no machine.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A minor version of Python, such as 3.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Minor {
    /// 2 or 3.
    pub major: u8,
    /// The 11 of 3.11.
    pub minor: u8,
}

impl Minor {
    /// A minor version from its two numbers.
    #[must_use]
    pub const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }

    /// Whether this tool builds for it: CPython 2.7, and 3.6 and later.
    #[must_use]
    pub fn is_supported(self) -> bool {
        self == Self::new(2, 7) || (self.major == 3 && (6..100).contains(&self.minor))
    }

    /// The digits that tags are made of: `311`.
    #[must_use]
    pub fn digits(self) -> String {
        format!("{}{}", self.major, self.minor)
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The implementation of an interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Implementation {
    /// The reference implementation, the only one that is a target.
    CPython,
    /// Any other, by the name that it gives itself, such as `PyPy`.
    Other(String),
}

impl Implementation {
    /// From what `platform.python_implementation()` says.
    #[must_use]
    pub fn named(name: &str) -> Self {
        if name == "CPython" { Self::CPython } else { Self::Other(name.to_owned()) }
    }
}

impl fmt::Display for Implementation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CPython => f.write_str("CPython"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// The ABI of a CPython: its minor version and the flags in its tag (PEP 3149, PEP 703).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Abi {
    /// The minor version.
    pub minor: Minor,
    /// `t`: the free-threaded build, from 3.13.
    pub free_threaded: bool,
    /// `d`: a debug build.
    pub debug: bool,
    /// `m`: with pymalloc; a flag until 3.7.
    pub pymalloc: bool,
    /// `u`: four bytes a character; a flag until 3.2.
    pub wide_unicode: bool,
}

impl Abi {
    /// The ABI that a distribution's or python.org's build of that minor version has: `cp27mu`, `cp37m`, `cp311`.
    ///
    /// On macOS Python 2.7 is narrow, elsewhere it is wide; see [`Abi::narrow`].
    #[must_use]
    pub fn usual(minor: Minor) -> Self {
        Self {
            minor,
            free_threaded: false,
            debug: false,
            pymalloc: minor < Minor::new(3, 8),
            wide_unicode: minor < Minor::new(3, 3),
        }
    }

    /// The same with two bytes a character: `cp27m`, as python.org builds 2.7 for macOS.
    #[must_use]
    pub fn narrow(self) -> Self {
        Self { wide_unicode: false, ..self }
    }

    /// The ABI of the free-threaded build of a minor version: `cp313t`.
    #[must_use]
    pub fn free_threaded(minor: Minor) -> Self {
        Self { free_threaded: true, ..Self::usual(minor) }
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cp{}", self.minor.digits())?;
        for (set, flag) in
            [(self.free_threaded, "t"), (self.debug, "d"), (self.pymalloc, "m"), (self.wide_unicode, "u")]
        {
            if set {
                f.write_str(flag)?;
            }
        }
        Ok(())
    }
}

/// What is not a version of Python that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PythonError {
    /// It does not read as one.
    #[error(
        "`{found}` is not a Python version: expected a minor or full version such as `3.11`, `3.11.7` or `3.13t`"
    )]
    Unreadable {
        /// What was given.
        found: String,
    },
    /// It is one that this tool does not build for.
    #[error("Python {minor} is not supported: expected 2.7, or 3.6 or later")]
    Unsupported {
        /// The minor version.
        minor: Minor,
    },
}

impl PythonError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "packaging::python_version",
            Self::Unsupported { .. } => "packaging::python_unsupported",
        }
    }
}

impl PythonError {
    /// What may have been meant.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let Self::Unreadable { found } = self else { return None };
        let lower = found.to_lowercase();
        let rest = ["cpython", "python", "py", "cp"].iter().find_map(|name| lower.strip_prefix(name))?;
        let version = rest.trim_start_matches(['=', ' ', '-']).trim_end_matches(".*");
        // `py311`, as platforms have it, is one digit and the rest.
        let version = match version.split_at_checked(1) {
            Some((major, minor)) if !version.contains('.') && !minor.is_empty() => format!("{major}.{minor}"),
            _ => version.to_owned(),
        };
        version.parse::<Wanted>().is_ok().then(|| format!("did you mean `{version}`?"))
    }
}

/// One entry of `interpreters = [...]`: a minor version, perhaps a full one, perhaps the free-threaded build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wanted {
    /// The minor version.
    pub minor: Minor,
    /// The third number, when it is asked for.
    pub micro: Option<u16>,
    /// Whether the free-threaded build is meant.
    pub free_threaded: bool,
}

impl Wanted {
    /// The ordinary build of a minor version, whatever its third number.
    #[must_use]
    pub const fn minor(minor: Minor) -> Self {
        Self { minor, micro: None, free_threaded: false }
    }
}

impl FromStr for Wanted {
    type Err = PythonError;

    /// Reads `3.11`, `3.11.7`, `3.13t` and `3.13.0t`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unreadable = || PythonError::Unreadable { found: text.to_owned() };
        let (numbers, free_threaded) = text.strip_suffix('t').map_or((text, false), |rest| (rest, true));
        let mut parts = numbers.split('.');
        let mut next = || parts.next().map(number).transpose();
        let major = next().and_then(|n| n.ok_or(())).and_then(|n| u8::try_from(n).map_err(|_| ()));
        let minor = next().and_then(|n| n.ok_or(())).and_then(|n| u8::try_from(n).map_err(|_| ()));
        let micro = next().map_err(|()| unreadable())?;
        let (Ok(major), Ok(minor), Ok(None)) = (major, minor, next()) else {
            return Err(unreadable());
        };
        let minor = Minor::new(major, minor);
        if !minor.is_supported() {
            return Err(PythonError::Unsupported { minor });
        }
        if free_threaded && minor < Minor::new(3, 13) {
            return Err(unreadable());
        }
        Ok(Self { minor, micro, free_threaded })
    }
}

/// A number in plain digits, without sign or leading zero.
fn number(text: &str) -> Result<u16, ()> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().map_err(|_| ()) } else { Err(()) }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.minor)?;
        if let Some(micro) = self.micro {
            write!(f, ".{micro}")?;
        }
        f.write_str(if self.free_threaded { "t" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expect: Result<&str, &str>) {
        let found = input.parse::<Wanted>();
        let found = found.as_ref().map(ToString::to_string).map_err(PythonError::code);
        assert_eq!(found, expect.map(str::to_owned), "{input}");
    }

    #[test]
    fn wanted_versions_are_read() {
        for good in ["2.7", "2.7.18", "3.6", "3.11.7", "3.13t", "3.14.0t"] {
            check(good, Ok(good));
        }
        for bad in [
            "", "3", "3.", "3.11.", "3.11.7.1", "3.x", "py3.11", "+3.11", "3.011", "3.12t", "999.1",
            "3.99999",
        ] {
            check(bad, Err("packaging::python_version"));
        }
        for old in ["2.6", "3.5", "4.0", "1.5"] {
            check(old, Err("packaging::python_unsupported"));
        }
    }

    #[test]
    fn other_spellings_are_recognised() {
        let check = |text: &str, expect: Option<&str>| {
            let help = text.parse::<Wanted>().expect_err(text).help();
            assert_eq!(help, expect.map(|version| format!("did you mean `{version}`?")), "{text}");
        };
        check("py311", Some("3.11"));
        check("CPython3.11", Some("3.11"));
        check("CPython==3.11.*", Some("3.11"));
        check("python-3.13t", Some("3.13t"));
        check("cp27", Some("2.7"));
        check("py3", None);
        check("cp312t", None);
        check("python3.11.7.1", None);
        check("three", None);
        check("python", None);
    }

    #[test]
    fn abis_have_their_flags() {
        let check = |abi: Abi, expect: &str| assert_eq!(abi.to_string(), expect);
        check(Abi::usual(Minor::new(2, 7)), "cp27mu");
        check(Abi::usual(Minor::new(2, 7)).narrow(), "cp27m");
        check(Abi::usual(Minor::new(3, 7)), "cp37m");
        check(Abi::usual(Minor::new(3, 8)), "cp38");
        check(Abi::free_threaded(Minor::new(3, 13)), "cp313t");
    }
}

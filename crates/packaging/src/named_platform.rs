//! What an entry of `platforms` can name: a platform, or one together with its interpreter, as Pants 1 and pex spell it
//! (`linux-x86_64-cp-311-cp311`) or a complete-platform file describes it. Reads no file.

use crate::complete_platform::{self, CompleteError};
use crate::platform::{Machine, Platform, PlatformError};
use crate::python::{Abi, Minor};
use crate::target::Target;

/// What an entry of `platforms` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedPlatform {
    /// A platform, for which each interpreter is built.
    Platform(Platform),
    /// A platform with its interpreter, which is one thing to build for.
    Target(Target),
}

/// What is no entry of `platforms`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamedPlatformError {
    /// It is no platform.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// It has a platform and an interpreter, of which one is not readable or not supported.
    #[error("`{found}` is no platform with an interpreter: {reason}")]
    Spelling {
        /// What was given.
        found: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// A file that describes one is wrong.
    #[error("`{path}` is no complete platform that can be built for: {error}")]
    Complete {
        /// The path, relative to the root.
        path: String,
        /// What is wrong.
        error: CompleteError,
    },
}

impl NamedPlatformError {
    /// The error that a file cannot be read.
    #[must_use]
    pub fn unreadable(path: &str, reason: &str) -> Self {
        Self::Complete { path: path.to_owned(), error: CompleteError::Unreadable(reason.to_owned()) }
    }

    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Platform(error) => error.code(),
            Self::Spelling { .. } => "packaging::platform_spelling",
            Self::Complete { .. } => "packaging::complete_platform",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Platform(error) => error.help(),
            Self::Spelling { .. } => Some(
                "write it as `linux-x86_64-cp-311-cp311`, or name the platform alone and the version in `interpreters`"
                    .to_owned(),
            ),
            Self::Complete { .. } => Some(
                "`pex3 interpreter inspect --markers --tags` writes such a file on the machine that it is for"
                    .to_owned(),
            ),
        }
    }
}

impl NamedPlatform {
    /// Whether an entry is the path of a complete-platform file.
    #[must_use]
    pub fn is_file(text: &str) -> bool {
        text.ends_with(".json")
    }

    /// Reads an entry that is no file.
    ///
    /// # Errors
    /// See [`NamedPlatformError`].
    pub fn resolve(text: &str, machine: &Machine) -> Result<Self, NamedPlatformError> {
        if let Some((platform, python)) = with_interpreter(text) {
            let wrong = |reason| NamedPlatformError::Spelling { found: text.to_owned(), reason };
            let platform = match tag(platform) {
                Some(platform) => platform,
                None => platform.parse()?,
            };
            return target(python, platform).map(Self::Target).map_err(wrong);
        }
        let platform = tag(text).map_or_else(|| Platform::resolve(text, machine), Ok)?;
        Ok(Self::Platform(platform))
    }

    /// Reads the content of a complete-platform file.
    ///
    /// # Errors
    /// See [`NamedPlatformError`].
    pub fn complete(path: &str, content: &[u8]) -> Result<Self, NamedPlatformError> {
        let found = complete_platform::read(content);
        found.map(Self::Target).map_err(|error| NamedPlatformError::Complete { path: path.to_owned(), error })
    }

    /// The platform.
    #[must_use]
    pub fn platform(self) -> Platform {
        match self {
            Self::Platform(platform) => platform,
            Self::Target(target) => target.platform,
        }
    }
}

/// Splits what ends in an implementation, a version and an ABI, as in `linux-x86_64-cp-311-cp311`.
fn with_interpreter(text: &str) -> Option<(&str, [&str; 3])> {
    let mut parts = text.rsplitn(4, '-');
    let (abi, version, implementation) = (parts.next()?, parts.next()?, parts.next()?);
    let platform = parts.next()?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_name = implementation.len() == 2 && implementation.bytes().all(|byte| byte.is_ascii_lowercase());
    (is_version && is_name).then_some((platform, [implementation, version, abi]))
}

/// The target of an interpreter that is spelled out.
fn target([implementation, version, abi]: [&str; 3], platform: Platform) -> Result<Target, String> {
    if implementation != "cp" {
        return Err(format!("expected the implementation `cp`, found `{implementation}`"));
    }
    let (minor, micro) =
        numbers(version).ok_or_else(|| format!("expected a version such as `311`, found `{version}`"))?;
    if !minor.is_supported() {
        return Err(format!("expected Python 2.7, or 3.6 or later, found {minor}"));
    }
    let abi = self::abi(minor, abi).ok_or_else(|| {
        format!("expected an ABI of Python {minor}, such as `{}`, found `{abi}`", Abi::usual(minor))
    })?;
    Ok(Target { abi, micro, platform })
}

/// `311`, `3.11` and `3.11.7`.
fn numbers(version: &str) -> Option<(Minor, Option<u16>)> {
    let mut parts = version.split('.');
    let (first, second, third) = (parts.next()?, parts.next(), parts.next());
    let plain = |text: &str| (text.len() <= 3).then(|| text.parse::<u8>().ok()).flatten();
    let (major, minor) = match second {
        Some(minor) => (plain(first)?, plain(minor)?),
        None => (plain(first.get(..1)?)?, plain(first.get(1..)?)?),
    };
    let micro = third.map(|micro| micro.parse().ok());
    if parts.next().is_some() || micro == Some(None) {
        return None;
    }
    Some((Minor::new(major, minor), micro.flatten()))
}

/// The ABI of a tag of a minor version: `cp311`, `cp313t`, `cp37m`; also its flags alone, such as `mu`.
pub(crate) fn abi(minor: Minor, text: &str) -> Option<Abi> {
    let flags = text.strip_prefix(&format!("cp{}", minor.digits())).unwrap_or(text);
    let none = Abi { minor, free_threaded: false, debug: false, pymalloc: false, wide_unicode: false };
    let mut found = none;
    for flag in flags.chars() {
        let known = match flag {
            't' if minor >= Minor::new(3, 13) => &mut found.free_threaded,
            'd' => &mut found.debug,
            'm' if minor < Minor::new(3, 8) => &mut found.pymalloc,
            'u' if minor < Minor::new(3, 3) => &mut found.wide_unicode,
            _ => return None,
        };
        *known = true;
    }
    // Flags are written in one order, each once.
    let written = found.to_string();
    (written.strip_prefix(&format!("cp{}", minor.digits())) == Some(flags)).then_some(found)
}

/// The platform of a tag, such as `manylinux2014_x86_64`, `musllinux_1_2_aarch64` or `macosx_11_0_arm64`; `linux_x86_64`
/// is what the short name is.
pub(crate) fn tag(text: &str) -> Option<Platform> {
    let text = text.replace(['-', '.'], "_");
    if let Some(machine) = text.strip_prefix("linux_") {
        return ["x86_64", "aarch64"]
            .contains(&machine)
            .then(|| format!("linux-{machine}").parse().ok())
            .flatten();
    }
    let (floor, machine) = ["x86_64", "aarch64", "arm64"].iter().find_map(|machine| {
        let floor = text.strip_suffix(machine)?.strip_suffix('_')?;
        Some((floor, *machine))
    })?;
    match floor.strip_prefix("macosx_") {
        Some(version) => format!("macos-{machine}-{}", version.replacen('_', ".", 1)).parse().ok(),
        None if floor.contains("linux") => format!("linux-{machine}-{floor}").parse().ok(),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        let machine = Machine { os: "linux".to_owned(), arch: "x86_64".to_owned(), musl: false };
        let found = NamedPlatform::resolve(text, &machine);
        let found = found.as_ref().map(|found| match found {
            NamedPlatform::Platform(platform) => platform.to_string(),
            NamedPlatform::Target(target) => {
                let micro = target.micro.map(|micro| format!(" .{micro}")).unwrap_or_default();
                format!("{} on {}{micro}", target.abi, target.platform)
            }
        });
        assert_eq!(found.map_err(NamedPlatformError::code), expect.map(str::to_owned), "{text}");
    }

    #[test]
    fn what_pants_1_and_pex_spell_is_read() {
        check("linux-x86_64-cp-311-cp311", Ok("cp311 on linux-x86_64"));
        check("linux_x86_64-cp-27-cp27mu", Ok("cp27mu on linux-x86_64"));
        check("linux-x86_64-cp-37-m", Ok("cp37m on linux-x86_64"));
        check("macosx_11_0_arm64-cp-312-cp312", Ok("cp312 on macos-arm64"));
        check("macosx-10.9-x86_64-cp-38-cp38", Ok("cp38 on macos-x86_64-10.9"));
        check("manylinux2014_x86_64-cp-38-cp38", Ok("cp38 on linux-x86_64-manylinux_2_17"));
        check("manylinux_2_28_aarch64-cp-313-cp313t", Ok("cp313t on linux-aarch64"));
        check("musllinux_1_2_x86_64-cp-3.11.7-cp311", Ok("cp311 on linux-x86_64-musl .7"));
        check("linux-x86_64-manylinux_2_17-cp-311-cp311", Ok("cp311 on linux-x86_64-manylinux_2_17"));
    }

    #[test]
    fn platforms_alone_are_read() {
        check("linux-x86_64", Ok("linux-x86_64"));
        check("current", Ok("linux-x86_64"));
        check("manylinux2014_x86_64", Ok("linux-x86_64-manylinux_2_17"));
        check("macosx_12_0_arm64", Ok("macos-arm64-12.0"));
        check("win_amd64", Err("packaging::platform_unknown"));
        check("linux-x86_64-manylinux_3_1", Err("packaging::platform_floor"));
    }

    #[test]
    fn what_is_none_is_refused() {
        for wrong in [
            "linux-x86_64-pp-39-pypy39_pp73",
            "linux-x86_64-cp-35-cp35m",
            "linux-x86_64-cp-311-cp312",
            "linux-x86_64-cp-311-abi3",
            "linux-x86_64-cp-311-cp311m",
            "linux-x86_64-cp-37-cp37mm",
            "linux-x86_64-cp-3-cp3",
            "linux-x86_64-cp-3.11.7.1-cp311",
        ] {
            check(wrong, Err("packaging::platform_spelling"));
        }
        check("win_amd64-cp-311-cp311", Err("packaging::platform_unknown"));
    }
}

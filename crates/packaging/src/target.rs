//! What a binary is built for: an interpreter and a platform together; knows no requirement.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::marker::Environment;
use crate::platform::Platform;
use crate::python::{Abi, Minor, Wanted};
use crate::tags::Tags;

/// An interpreter, as far as choosing wheels goes, and a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The minor version and ABI of CPython.
    pub abi: Abi,
    /// The third number of the version, where one is asked for; without it markers may see any.
    pub micro: Option<u16>,
    /// The platform.
    pub platform: Platform,
}

impl Target {
    /// The target for an entry of `interpreters` and one of `platforms`, with the ABI that is usual there.
    #[must_use]
    pub fn new(wanted: Wanted, platform: Platform) -> Self {
        let abi = if wanted.free_threaded {
            Abi::free_threaded(wanted.minor)
        } else {
            usual_abi(wanted.minor, platform)
        };
        Self { abi, micro: wanted.micro, platform }
    }

    /// The minor version.
    #[must_use]
    pub fn minor(&self) -> Minor {
        self.abi.minor
    }

    /// The tags that it accepts, best first.
    #[must_use]
    pub fn tags(&self) -> Tags {
        Tags::of(self.abi, self.platform)
    }

    /// The environment that markers see.
    #[must_use]
    pub fn environment(&self) -> Environment {
        Environment::of(self)
    }

    /// The tag of the interpreter as it stands in the name of a file: `cp311`, `cp313t`; the ABI in full only where
    /// it is not the usual one (`cp27m` on Linux).
    #[must_use]
    pub fn interpreter_tag(&self) -> String {
        if self.abi == usual_abi(self.minor(), self.platform) {
            format!("cp{}", self.minor().digits())
        } else {
            self.abi.to_string()
        }
    }
}

/// The ABI of the builds that are usual on a platform.
fn usual_abi(minor: Minor, platform: Platform) -> Abi {
    let abi = Abi::usual(minor);
    if matches!(platform, Platform::Macos { .. }) { abi.narrow() } else { abi }
}

impl fmt::Display for Target {
    /// As in the name of an output file: `cp311-linux_x86_64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.interpreter_tag(), self.platform.file_tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(python: &str, platform: &str, abi: &str, shown: &str) {
        let target = Target::new(python.parse().unwrap(), platform.parse().unwrap());
        assert_eq!((target.abi.to_string().as_str(), target.to_string().as_str()), (abi, shown));
    }

    #[test]
    fn targets_have_short_names() {
        check("3.11", "linux-x86_64", "cp311", "cp311-linux_x86_64");
        check("3.11.7", "linux-x86_64-musl", "cp311", "cp311-linux_x86_64_musl");
        check("3.7", "linux-aarch64", "cp37m", "cp37-linux_aarch64");
        check("2.7", "linux-x86_64", "cp27mu", "cp27-linux_x86_64");
        check("2.7", "macos-x86_64", "cp27m", "cp27-macos_x86_64");
        check("3.13t", "macos-arm64", "cp313t", "cp313t-macos_arm64");
    }

    #[test]
    fn an_unusual_abi_is_named() {
        let mut target = Target::new("2.7".parse().unwrap(), "linux-x86_64".parse().unwrap());
        target.abi = target.abi.narrow();
        assert_eq!(target.to_string(), "cp27m-linux_x86_64");
    }
}

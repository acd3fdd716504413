//! Platforms by their short names, such as `linux-x86_64`; knows no interpreter and no tag.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A platform that a binary is built for: system, architecture and the oldest system it must start on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Platform {
    /// Linux with a C library of at least this version.
    Linux {
        /// The architecture.
        arch: Arch,
        /// The C library and its oldest version.
        libc: Libc,
    },
    /// macOS of at least this version.
    Macos {
        /// The architecture.
        arch: Arch,
        /// The oldest version.
        version: (u16, u16),
    },
}

/// An architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Arch {
    /// 64-bit x86.
    X86_64,
    /// 64-bit Arm: `aarch64` on Linux, `arm64` on macOS.
    Aarch64,
}

/// The C library of a Linux system and a version of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Libc {
    /// The GNU C library: what `manylinux` tags name (PEP 600).
    Glibc(u16, u16),
    /// musl: what `musllinux` tags name (PEP 656).
    Musl(u16, u16),
}

/// The floors that a short name without a suffix means.
const GLIBC: (u16, u16) = (2, 28);
const MUSL: (u16, u16) = (1, 2);
const MACOS: (u16, u16) = (11, 0);

/// The short names without a floor, in the order in which they are listed to users.
const SHORT: [(&str, Platform); 6] = [
    ("linux-x86_64", Platform::Linux { arch: Arch::X86_64, libc: Libc::Glibc(GLIBC.0, GLIBC.1) }),
    ("linux-aarch64", Platform::Linux { arch: Arch::Aarch64, libc: Libc::Glibc(GLIBC.0, GLIBC.1) }),
    ("linux-x86_64-musl", Platform::Linux { arch: Arch::X86_64, libc: Libc::Musl(MUSL.0, MUSL.1) }),
    ("linux-aarch64-musl", Platform::Linux { arch: Arch::Aarch64, libc: Libc::Musl(MUSL.0, MUSL.1) }),
    ("macos-arm64", Platform::Macos { arch: Arch::Aarch64, version: MACOS }),
    ("macos-x86_64", Platform::Macos { arch: Arch::X86_64, version: MACOS }),
];

/// The word that stands for the machine's own short name.
pub const CURRENT: &str = "current";

/// What is not the name of a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// It is no short name.
    #[error("unknown platform `{found}`: expected one of {expected}")]
    Unknown {
        /// What was given.
        found: String,
        /// What there is, each in backticks.
        expected: String,
        /// The nearest short name, if one is near.
        near: Option<String>,
    },
    /// The floor after the short name does not read as one.
    #[error("`{found}` has no readable floor: expected {expected}")]
    Floor {
        /// What was given.
        found: String,
        /// An example of such a name with a floor.
        expected: String,
    },
    /// The machine itself is none of the platforms that binaries are built for.
    #[error("`current` has no platform: this machine is `{os}` on `{arch}`, expected one of {expected}")]
    Machine {
        /// The operating system, as Rust names it.
        os: String,
        /// The architecture, as Rust names it.
        arch: String,
        /// The short names, each in backticks.
        expected: String,
    },
}

impl PlatformError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "packaging::platform_unknown",
            Self::Floor { .. } => "packaging::platform_floor",
            Self::Machine { .. } => "packaging::platform_machine",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown { near, .. } => near.as_ref().map(|near| format!("did you mean `{near}`?")),
            Self::Floor { .. } => None,
            Self::Machine { .. } => Some("name the platform in `platforms` instead of `current`".to_owned()),
        }
    }
}

/// What decides the machine's own short name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// `linux` or `macos`, as in `std::env::consts::OS`.
    pub os: String,
    /// `x86_64` or `aarch64`, as in `std::env::consts::ARCH`.
    pub arch: String,
    /// Whether the C library of a Linux machine is musl.
    pub musl: bool,
}

impl Machine {
    /// The machine that this process runs on. The C library is that of the system's own programs: a system whose only
    /// program loader is musl's has musl.
    #[must_use]
    pub fn detect() -> Self {
        let arch = std::env::consts::ARCH;
        let exists = |path: String| Path::new(&path).exists();
        let musl = exists(format!("/lib/ld-musl-{arch}.so.1"))
            && !["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"]
                .iter()
                .any(|loader| exists((*loader).to_owned()));
        Self { os: std::env::consts::OS.to_owned(), arch: arch.to_owned(), musl }
    }
}

impl Platform {
    /// The machine's own short name: its floors are those of the short name, so that bytes do not differ by machine.
    ///
    /// # Errors
    /// Fails on a machine that has no short name.
    pub fn current(machine: &Machine) -> Result<Self, PlatformError> {
        let arch = match machine.arch.as_str() {
            "x86_64" => Some(Arch::X86_64),
            "aarch64" => Some(Arch::Aarch64),
            _ => None,
        };
        let found = match (machine.os.as_str(), arch) {
            ("linux", Some(arch)) if machine.musl => {
                Some(Self::Linux { arch, libc: Libc::Musl(MUSL.0, MUSL.1) })
            }
            ("linux", Some(arch)) => Some(Self::Linux { arch, libc: Libc::Glibc(GLIBC.0, GLIBC.1) }),
            ("macos", Some(arch)) => Some(Self::Macos { arch, version: MACOS }),
            _ => None,
        };
        found.ok_or_else(|| PlatformError::Machine {
            os: machine.os.clone(),
            arch: machine.arch.clone(),
            expected: listed(),
        })
    }

    /// Reads an entry of `platforms = [...]`: a short name, one with a floor, or `current`.
    ///
    /// # Errors
    /// Fails on an unknown name, with the nearest one, on an unreadable floor, and on `current` on a machine that has
    /// no short name.
    pub fn resolve(text: &str, machine: &Machine) -> Result<Self, PlatformError> {
        if text == CURRENT { Self::current(machine) } else { text.parse() }
    }

    /// The architecture.
    #[must_use]
    pub fn arch(self) -> Arch {
        match self {
            Self::Linux { arch, .. } | Self::Macos { arch, .. } => arch,
        }
    }

    /// The architecture as the platform itself names it in tags and in `platform_machine`.
    #[must_use]
    pub fn machine(self) -> &'static str {
        match (self, self.arch()) {
            (_, Arch::X86_64) => "x86_64",
            (Self::Linux { .. }, Arch::Aarch64) => "aarch64",
            (Self::Macos { .. }, Arch::Aarch64) => "arm64",
        }
    }

    /// Whether what starts on `self` starts on `other` too: the same system and architecture, and no newer floor.
    #[must_use]
    pub fn runs_on(self, other: Self) -> bool {
        match (self, other) {
            (
                Self::Linux { arch: a, libc: Libc::Glibc(x, y) },
                Self::Linux { arch: b, libc: Libc::Glibc(u, v) },
            )
            | (
                Self::Linux { arch: a, libc: Libc::Musl(x, y) },
                Self::Linux { arch: b, libc: Libc::Musl(u, v) },
            ) => a == b && (x, y) <= (u, v),
            (Self::Macos { arch: a, version: x }, Self::Macos { arch: b, version: y }) => a == b && x <= y,
            _ => false,
        }
    }

    /// The name as it stands in the name of a file: `linux_x86_64`.
    #[must_use]
    pub fn file_tag(self) -> String {
        self.to_string().replace(['-', '.'], "_")
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = SHORT.iter().find(|(_, platform)| platform == self) {
            return f.write_str(name);
        }
        let machine = self.machine();
        match self {
            Self::Linux { libc: Libc::Glibc(major, minor), .. } => {
                write!(f, "linux-{machine}-manylinux_{major}_{minor}")
            }
            Self::Linux { libc: Libc::Musl(major, minor), .. } => {
                write!(f, "linux-{machine}-musllinux_{major}_{minor}")
            }
            Self::Macos { version: (major, minor), .. } => write!(f, "macos-{machine}-{major}.{minor}"),
        }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    /// Reads a short name, or one with a floor: `linux-x86_64-manylinux_2_17`, `linux-x86_64-musllinux_1_1`,
    /// `macos-arm64-12.0`. The older spellings `manylinux1`, `manylinux2010` and `manylinux2014` are read as well.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((_, platform)) = SHORT.iter().find(|(name, _)| *name == text) {
            return Ok(*platform);
        }
        let based = SHORT
            .iter()
            .find_map(|(name, platform)| Some((name, platform, text.strip_prefix(name)?.strip_prefix('-')?)));
        let Some((name, base, floor)) = based else {
            let names = SHORT.iter().map(|(name, _)| *name).chain([CURRENT]);
            let near = names
                .map(|name| (strsim::damerau_levenshtein(name, &text.to_lowercase()), name))
                .min()
                .filter(|(distance, _)| *distance <= 4)
                .map(|(_, name)| name.to_owned());
            return Err(PlatformError::Unknown {
                found: text.to_owned(),
                expected: format!("`{CURRENT}`, {}", listed()),
                near,
            });
        };
        with_floor(*base, floor).ok_or_else(|| PlatformError::Floor {
            found: text.to_owned(),
            expected: match base {
                Self::Linux { .. } => format!("such as `{name}-manylinux_2_17` or `{name}-musllinux_1_1`"),
                Self::Macos { .. } => format!("such as `{name}-12.0`"),
            },
        })
    }
}

/// The platform with another floor than its short name has.
fn with_floor(base: Platform, floor: &str) -> Option<Platform> {
    match base {
        Platform::Linux { arch, .. } => {
            let libc = match floor {
                "manylinux1" if arch == Arch::X86_64 => Libc::Glibc(2, 5),
                "manylinux2010" if arch == Arch::X86_64 => Libc::Glibc(2, 12),
                "manylinux2014" => Libc::Glibc(2, 17),
                _ => {
                    if let Some(version) = floor.strip_prefix("manylinux_") {
                        let (major, minor) = pair(version, '_').filter(|(major, _)| *major == 2)?;
                        Libc::Glibc(major, minor)
                    } else {
                        let (major, minor) =
                            pair(floor.strip_prefix("musllinux_")?, '_').filter(|v| v.0 == 1)?;
                        Libc::Musl(major, minor)
                    }
                }
            };
            Some(Platform::Linux { arch, libc })
        }
        Platform::Macos { arch, .. } => {
            let version = pair(floor, '.')?;
            let oldest = if arch == Arch::X86_64 { (10, 4) } else { MACOS };
            let known = version >= oldest && (version.0 > 10 || version.1 <= 16);
            known.then_some(Platform::Macos { arch, version })
        }
    }
}

/// Two numbers of at most three digits around a separator.
fn pair(text: &str, separator: char) -> Option<(u16, u16)> {
    let (major, minor) = text.split_once(separator)?;
    let number = |part: &str| {
        let plain = !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten()
    };
    Some((number(major)?, number(minor)?))
}

fn listed() -> String {
    let names: Vec<String> = SHORT.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expect: Result<&str, &str>) {
        let found = input.parse::<Platform>();
        let found = found.as_ref().map(ToString::to_string).map_err(PlatformError::code);
        assert_eq!(found, expect.map(str::to_owned), "{input}");
    }

    #[test]
    fn names_are_read_and_printed() {
        for (name, _) in SHORT {
            check(name, Ok(name));
        }
        check("linux-x86_64-manylinux_2_17", Ok("linux-x86_64-manylinux_2_17"));
        check("linux-x86_64-manylinux2014", Ok("linux-x86_64-manylinux_2_17"));
        check("linux-x86_64-manylinux_2_28", Ok("linux-x86_64"));
        check("linux-aarch64-musllinux_1_1", Ok("linux-aarch64-musllinux_1_1"));
        check("macos-arm64-12.0", Ok("macos-arm64-12.0"));
        check("macos-x86_64-10.9", Ok("macos-x86_64-10.9"));
    }

    #[test]
    fn what_is_no_platform_is_refused() {
        for bad in ["", "linux", "Linux-x86_64", "win-amd64", "linux-x86_64_", "macos-aarch64", CURRENT] {
            check(bad, Err("packaging::platform_unknown"));
        }
        for bad in ["linux-x86_64-", "linux-x86_64-2.17", "linux-x86_64-manylinux_3_1", "macos-arm64-10.9"] {
            check(bad, Err("packaging::platform_floor"));
        }
        for bad in
            ["linux-x86_64-manylinux_2_", "linux-aarch64-manylinux1", "macos-arm64-99999.0", "macos-arm64-12"]
        {
            check(bad, Err("packaging::platform_floor"));
        }
        let near = |text: &str| text.parse::<Platform>().unwrap_err().help();
        assert_eq!(near("linux-x86-64").unwrap(), "did you mean `linux-x86_64`?");
        assert_eq!(near("MacOS-ARM64").unwrap(), "did you mean `macos-arm64`?");
        assert_eq!(near("curent").unwrap(), "did you mean `current`?");
        assert_eq!("plan9".parse::<Platform>().unwrap_err().help(), None);
    }

    #[test]
    fn the_machine_has_a_short_name() {
        let current = |os: &str, arch: &str, musl| {
            let machine = Machine { os: os.to_owned(), arch: arch.to_owned(), musl };
            Platform::resolve(CURRENT, &machine).map(|p| p.to_string()).map_err(|e| e.code())
        };
        assert_eq!(current("linux", "x86_64", false), Ok("linux-x86_64".to_owned()));
        assert_eq!(current("linux", "aarch64", true), Ok("linux-aarch64-musl".to_owned()));
        assert_eq!(current("macos", "aarch64", false), Ok("macos-arm64".to_owned()));
        assert_eq!(current("windows", "x86_64", false), Err("packaging::platform_machine"));
        assert!(Platform::current(&Machine::detect()).is_ok());
    }

    #[test]
    fn floors_order_platforms() {
        let runs = |a: &str, b: &str| a.parse::<Platform>().unwrap().runs_on(b.parse().unwrap());
        assert!(runs("linux-x86_64-manylinux_2_17", "linux-x86_64"));
        assert!(!runs("linux-x86_64", "linux-x86_64-manylinux_2_17"));
        assert!(!runs("linux-x86_64", "linux-x86_64-musl"));
        assert!(!runs("linux-x86_64", "linux-aarch64"));
        assert!(runs("macos-arm64", "macos-arm64-14.0"));
    }

    #[test]
    fn file_tags_have_no_dashes() {
        assert_eq!("linux-x86_64-musl".parse::<Platform>().unwrap().file_tag(), "linux_x86_64_musl");
        assert_eq!("macos-arm64-12.0".parse::<Platform>().unwrap().file_tag(), "macos_arm64_12_0");
    }
}

//! The compatibility tags that an interpreter on a platform accepts, best first (PEP 425, 600, 656); knows no wheel's
//! contents.

use crate::platform::{Libc, Platform};
use crate::python::{Abi, Minor};
use crate::wheel::WheelFilename;

/// The tags of one target, in the order in which `packaging.tags` lists them.
///
/// They are kept as the pairs of an interpreter and an ABI and the list of platforms whose product they are, so that
/// making and asking them costs little.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// Pairs that go with every platform, best first.
    native: Vec<(String, String)>,
    /// Interpreters whose wheels run on any platform, best first.
    anywhere: Vec<String>,
    platforms: Vec<String>,
}

impl Tags {
    /// The tags of an ABI of CPython on a platform.
    #[must_use]
    pub fn of(abi: Abi, platform: Platform) -> Self {
        let minor = abi.minor;
        let interpreter = format!("cp{}", minor.digits());
        let pythons = pythons(minor);
        let mut native: Vec<(String, String)> =
            abis(abi).into_iter().map(|abi| (interpreter.clone(), abi)).collect();
        // The stable ABI (PEP 384), of which free-threaded builds have one of their own (PEP 803).
        let stable = if abi.free_threaded { "abi3t" } else { "abi3" };
        let has_stable = minor >= Minor::new(3, 2);
        if has_stable {
            native.push((interpreter.clone(), stable.to_owned()));
        }
        native.push((interpreter.clone(), "none".to_owned()));
        if has_stable {
            native.extend((2..minor.minor).rev().map(|older| (format!("cp3{older}"), stable.to_owned())));
        }
        native.extend(pythons.iter().map(|python| (python.clone(), "none".to_owned())));
        let anywhere = std::iter::once(interpreter).chain(pythons).collect();
        Self { native, anywhere, platforms: platforms(platform) }
    }

    /// How good a wheel is: 0 is the best, `None` that it cannot be installed.
    #[must_use]
    pub fn rank(&self, wheel: &WheelFilename) -> Option<u32> {
        let mut best = None;
        for python in wheel.pythons() {
            for abi in wheel.abis() {
                for platform in wheel.platforms() {
                    let rank = self.rank_of(python, abi, platform);
                    best = match (best, rank) {
                        (Some(old), Some(new)) => Some(std::cmp::min::<u32>(old, new)),
                        (old, new) => old.or(new),
                    };
                }
            }
        }
        best
    }

    /// Whether a tag of a platform is one of them.
    #[must_use]
    pub fn has_platform(&self, platform: &str) -> bool {
        same(platform, "any") || self.platforms.iter().any(|one| same(one, platform))
    }

    /// Whether wheels of an interpreter and ABI can be installed, on whatever platform.
    #[must_use]
    pub fn has_interpreter(&self, python: &str, abi: &str) -> bool {
        self.native.iter().any(|pair| same(&pair.0, python) && same(&pair.1, abi))
    }

    /// The rank of a single tag.
    fn rank_of(&self, python: &str, abi: &str, platform: &str) -> Option<u32> {
        let width = self.platforms.len();
        let rank = if same(platform, "any") {
            let at = self.anywhere.iter().position(|one| same(abi, "none") && same(one, python))?;
            self.native.len() * width + at
        } else {
            let row = self.native.iter().position(|pair| same(&pair.0, python) && same(&pair.1, abi))?;
            row * width + self.platforms.iter().position(|one| same(one, platform))?
        };
        u32::try_from(rank).ok()
    }

    /// Every tag as it is written, best first: `cp311-cp311-manylinux_2_28_x86_64`.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        let native = self.native.iter().flat_map(|(python, abi)| {
            self.platforms.iter().map(move |platform| format!("{python}-{abi}-{platform}"))
        });
        native.chain(self.anywhere.iter().map(|python| format!("{python}-none-any")))
    }
}

/// Tags are compared without regard to case.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// The ABIs whose extension modules load; a debug build loads ordinary ones from 3.8.
fn abis(abi: Abi) -> Vec<String> {
    let mut found = vec![abi.to_string()];
    if abi.debug && abi.minor >= Minor::new(3, 8) {
        found.push(Abi { debug: false, ..abi }.to_string());
    }
    found
}

/// `py311`, `py3`, `py310` and so on down to `py30`.
fn pythons(minor: Minor) -> Vec<String> {
    let major = minor.major;
    let mut found = vec![format!("py{}", minor.digits()), format!("py{major}")];
    found.extend((0..minor.minor).rev().map(|older| format!("py{major}{older}")));
    found
}

/// The names of the platforms whose binaries run on one, best first.
fn platforms(platform: Platform) -> Vec<String> {
    let machine = platform.machine();
    match platform {
        Platform::Linux { libc: Libc::Glibc(major, minor), .. } => {
            let oldest = if machine == "x86_64" { 5 } else { 17 };
            let mut found = vec![format!("linux_{machine}")];
            for minor in (oldest..=minor).rev() {
                found.push(format!("manylinux_{major}_{minor}_{machine}"));
                let alias = match minor {
                    17 => "manylinux2014",
                    12 => "manylinux2010",
                    5 => "manylinux1",
                    _ => continue,
                };
                found.push(format!("{alias}_{machine}"));
            }
            found
        }
        Platform::Linux { libc: Libc::Musl(major, minor), .. } => {
            let musl = (0..=minor).rev().map(|minor| format!("musllinux_{major}_{minor}_{machine}"));
            std::iter::once(format!("linux_{machine}")).chain(musl).collect()
        }
        Platform::Macos { version, .. } => macos(version, machine),
    }
}

/// macOS runs what was built for its older versions; on Arm, of those before 11 only what also runs on x86-64.
fn macos((major, minor): (u16, u16), machine: &str) -> Vec<String> {
    let formats: &[&str] = if machine == "x86_64" {
        &["x86_64", "intel", "fat64", "fat3", "universal2", "universal"]
    } else {
        &["arm64", "universal2"]
    };
    let mut found = Vec::new();
    let mut add = |major: u16, minor: u16, formats: &[&str]| {
        found.extend(formats.iter().map(|format| format!("macosx_{major}_{minor}_{format}")));
    };
    if major == 10 {
        (4..=minor).rev().for_each(|minor| add(10, minor, formats));
    } else {
        (11..=major).rev().for_each(|major| add(major, 0, formats));
        let older = if machine == "x86_64" { formats } else { &["universal2"] };
        (4..=16).rev().for_each(|minor| add(10, minor, older));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    fn tags(python: &str, platform: &str) -> Tags {
        Target::new(python.parse().unwrap(), platform.parse().unwrap()).tags()
    }

    /// Checks the best and the last tags, and how many there are.
    fn check(python: &str, platform: &str, first: &[&str], last: &str, count: usize) {
        let all: Vec<String> = tags(python, platform).iter().collect();
        assert_eq!(&all[..first.len()], first);
        assert_eq!(
            (all.last().map(String::as_str), all.len()),
            (Some(last), count),
            "{python} on {platform}"
        );
    }

    #[test]
    fn tags_are_listed_best_first() {
        let first =
            ["cp27-cp27mu-linux_x86_64", "cp27-cp27mu-manylinux_2_5_x86_64", "cp27-cp27mu-manylinux1_x86_64"];
        check("2.7", "linux-x86_64-manylinux1", &first, "py20-none-any", 43);
        check("3.11", "macos-arm64", &["cp311-cp311-macosx_11_0_arm64"], "py30-none-any", 389);
        check("3.13t", "linux-x86_64-musl", &["cp313-cp313t-linux_x86_64"], "py30-none-any", 132);
    }

    #[test]
    fn wheels_are_ranked() {
        let rank = |python: &str, wheel: &str| tags(python, "linux-x86_64").rank(&wheel.parse().unwrap());
        let better = |python: &str, a: &str, b: &str| {
            let (a, b) = (rank(python, a).unwrap(), rank(python, b));
            assert!(b.is_none_or(|b| a < b), "{python}: {a} {b:?}");
        };
        better(
            "3.11",
            "a-1-cp311-cp311-manylinux_2_17_x86_64.whl",
            "a-1-cp311-abi3-manylinux_2_28_x86_64.whl",
        );
        better("3.11", "a-1-cp39-abi3-manylinux_2_17_x86_64.whl", "a-1-py3-none-any.whl");
        better("3.11", "a-1-py2.py3-none-any.whl", "a-1-py30-none-any.whl");
        better("3.11", "A-1-CP311-cp311-Linux_x86_64.whl", "a-1-cp311-cp311-manylinux_2_17_x86_64.whl");
        better("2.7", "a-1-cp27-cp27mu-manylinux1_x86_64.whl", "a-1-cp27-cp27m-manylinux1_x86_64.whl");
        for (python, wheel) in [
            ("2.7", "a-1-cp27-cp27m-manylinux1_x86_64.whl"),
            ("3.13t", "a-1-cp312-abi3-manylinux_2_17_x86_64.whl"),
            ("3.13", "a-1-cp313-cp313t-manylinux_2_17_x86_64.whl"),
            ("3.11", "a-1-cp312-abi3-manylinux_2_17_x86_64.whl"),
            ("3.11", "a-1-cp311-cp311-musllinux_1_2_x86_64.whl"),
            ("3.11", "a-1-cp311-cp311-any.whl"),
            ("3.11", "a-1-py3-none-win_amd64.whl"),
        ] {
            assert_eq!(rank(python, wheel), None, "{wheel} on {python}");
        }
    }
}

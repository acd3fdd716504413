//! What an interpreter and a system have to be for a plan: at least what the wheels in it ask for. Runs nothing.

use super::StartSpec;
use crate::platform::{Libc, Platform};
use crate::wheel::WheelFilename;

/// What the installer checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// `3.11`.
    pub(super) python: String,
    /// The one release, such as `3.11.4`; none where any of the minor version's does.
    pub(super) release: Option<String>,
    /// `sys.abiflags`.
    pub(super) flags: String,
    /// The machine; none where any does.
    pub(super) machine: Option<&'static str>,
    /// The C library, `glibc` or `musl`; none where any does.
    pub(super) libc: Option<&'static str>,
    /// The oldest glibc that all native code runs on.
    pub(super) glibc: Option<(u16, u16)>,
}

impl Facts {
    /// The facts of a PEX; none where what it needs cannot be checked.
    pub(super) fn of(spec: &StartSpec) -> Option<Facts> {
        let target = &spec.target;
        let Platform::Linux { libc, .. } = target.platform else { return None };
        let (machine, glibc) = (target.platform.machine(), matches!(libc, Libc::Glibc(..)));
        let flags = [(target.abi.free_threaded, 't'), (target.abi.debug, 'd'), (target.abi.pymalloc, 'm')];
        let wheels = (spec.pex.wheels.iter()).map(|wheel| wheel.name.parse::<WheelFilename>().ok());
        let wheels = wheels.collect::<Option<Vec<_>>>()?;
        let is_native = |wheel: &&WheelFilename| !wheel.platforms().any(|platform| platform == "any");
        let native: Vec<&WheelFilename> = wheels.iter().filter(is_native).collect();
        // The version of musl cannot be asked for without starting something.
        if !native.is_empty() && !glibc {
            return None;
        }
        // Where there are other plans, what is installed may depend on all that tells them apart.
        let told = spec.shared.is_some() || !native.is_empty();
        let needs = native.iter().filter_map(|wheel| {
            wheel.platforms().filter_map(|platform| oldest_glibc(platform, machine)).min()
        });
        Some(Facts {
            python: target.minor().to_string(),
            release: target
                .micro
                .filter(|_| spec.shared.is_some())
                .map(|micro| format!("{}.{micro}", target.minor())),
            flags: flags.iter().filter(|(set, _)| *set).map(|(_, flag)| *flag).collect(),
            machine: told.then_some(machine),
            libc: told.then_some(if glibc { "glibc" } else { "musl" }),
            glibc: needs.max(),
        })
    }
}

/// The glibc that a platform tag asks for.
fn oldest_glibc(platform: &str, machine: &str) -> Option<(u16, u16)> {
    let family = platform.strip_suffix(machine)?.strip_suffix('_')?;
    match family {
        "manylinux1" => Some((2, 5)),
        "manylinux2010" => Some((2, 12)),
        "manylinux2014" => Some((2, 17)),
        _ => {
            let (major, minor) = family.strip_prefix("manylinux_")?.split_once('_')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pex::{Entry, PexOptions, PexSpec, WheelRef};
    use crate::target::Target;

    /// Flags, machine and glibc.
    type Found<'a> = (&'a str, &'a str, Option<(u16, u16)>);

    fn check(python: &str, platform: &str, wheels: &[&str], expect: Option<Found<'_>>) {
        let wheel = |name: &&str| WheelRef { name: (*name).to_owned(), sha256: String::new() };
        let pex = PexSpec {
            options: PexOptions::default(),
            entry: Entry::Repl,
            requirements: Vec::new(),
            wheels: wheels.iter().map(wheel).collect(),
        };
        let target = Target::new(python.parse().unwrap(), platform.parse().unwrap());
        let found = Facts::of(&StartSpec { pex, target, max_unpacked: 0, shared: None });
        let found =
            found.as_ref().map(|facts| (facts.flags.as_str(), facts.machine.unwrap_or(""), facts.glibc));
        assert_eq!(found, expect, "{wheels:?}");
    }

    #[test]
    fn the_strictest_wheel_decides() {
        let native = "b-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl";
        let newer = "c-1-cp311-cp311-manylinux_2_28_x86_64.whl";
        let linux = "linux-x86_64";
        check("3.11", linux, &["a-1-py3-none-any.whl"], Some(("", "", None)));
        check("3.11", linux, &["a-1-py3-none-any.whl", native], Some(("", "x86_64", Some((2, 17)))));
        check("3.11", linux, &[native, newer], Some(("", "x86_64", Some((2, 28)))));
        check("3.11", linux, &["d-1-py3-none-linux_x86_64.whl"], Some(("", "x86_64", None)));
        check("3.13t", linux, &[], Some(("t", "", None)));
        check("3.7", linux, &[], Some(("m", "", None)));
        check("3.11", "linux-x86_64-musl", &["e-1-py3-none-any.whl"], Some(("", "", None)));
        check("3.11", "linux-x86_64-musl", &["f-1-cp311-cp311-musllinux_1_2_x86_64.whl"], None);
        check("3.11", "macos-arm64", &["e-1-py3-none-any.whl"], None);
    }

    #[test]
    fn what_tells_plans_apart_is_checked() {
        let pex = PexSpec {
            options: PexOptions::default(),
            entry: Entry::Repl,
            requirements: Vec::new(),
            wheels: Vec::new(),
        };
        let target = Target::new("3.11.4".parse().unwrap(), "linux-aarch64-musl".parse().unwrap());
        let facts = |shared| Facts::of(&StartSpec { pex: pex.clone(), target, max_unpacked: 0, shared });
        let (alone, shared) = (facts(None).unwrap(), facts(Some(0)).unwrap());
        assert_eq!((alone.release, alone.machine, alone.libc), (None, None, None));
        assert_eq!(shared.release.as_deref(), Some("3.11.4"));
        assert_eq!((shared.machine, shared.libc), (Some("aarch64"), Some("musl")));
    }
}

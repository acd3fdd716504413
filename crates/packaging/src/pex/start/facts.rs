//! What an interpreter and a system have to be for a plan: at least what the wheels in it ask for. Runs nothing.

use super::StartSpec;
use crate::platform::{Libc, Platform};
use crate::wheel::WheelFilename;

/// What the installer checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// `3.11`.
    pub(super) python: String,
    /// `sys.abiflags`.
    pub(super) flags: String,
    /// The machine of native code; none where there is none.
    pub(super) machine: Option<&'static str>,
    /// The oldest glibc that all native code runs on.
    pub(super) glibc: Option<(u16, u16)>,
}

impl Facts {
    /// The facts of a PEX; none where what it needs cannot be checked.
    pub(super) fn of(spec: &StartSpec) -> Option<Facts> {
        let target = &spec.target;
        let abi = target.abi;
        let flags = [(abi.free_threaded, 't'), (abi.debug, 'd'), (abi.pymalloc, 'm')];
        let mut facts = Facts {
            python: target.minor().to_string(),
            flags: flags.iter().filter(|(set, _)| *set).map(|(_, flag)| *flag).collect(),
            machine: None,
            glibc: None,
        };
        for wheel in &spec.pex.wheels {
            let name: WheelFilename = wheel.name.parse().ok()?;
            if name.platforms().any(|platform| platform == "any") {
                continue;
            }
            // The version of musl cannot be asked for without starting something.
            if !matches!(target.platform, Platform::Linux { libc: Libc::Glibc(..), .. }) {
                return None;
            }
            facts.machine = Some(target.platform.machine());
            let needs =
                name.platforms().filter_map(|platform| glibc(platform, target.platform.machine())).min();
            facts.glibc = facts.glibc.max(needs);
        }
        Some(facts)
    }
}

/// The glibc that a platform tag asks for.
fn glibc(platform: &str, machine: &str) -> Option<(u16, u16)> {
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
        let found = Facts::of(&StartSpec { pex, target, max_unpacked: 0 });
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
    }
}

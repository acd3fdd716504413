//! What a package without a wheel for a target has wheels for, in words that a user can act on.

use std::collections::BTreeSet;

use crate::lock::Package;
use crate::platform::{Libc, Platform};
use crate::tags::Tags;
use crate::target::Target;
use crate::wheel::WheelFilename;

/// So many tags are told; of more, only their number.
const MAX_TOLD: usize = 6;

/// The nearest that exists: the same interpreter on a newer system, else on other platforms, else other interpreters
/// on the same platform, else whatever there is.
pub(super) fn nearest(package: &Package, target: Target) -> String {
    let wheels = || package.wheels.iter().map(|wheel| &wheel.name);
    if let Some(floor) = newer_floor(wheels(), target) {
        return format!("the platform `{floor}`");
    }
    let tags = target.tags();
    let here = |wheel: &&WheelFilename| wheel.platforms().any(|platform| tags.has_platform(platform));
    let interpreters: BTreeSet<String> = wheels()
        .filter(here)
        .flat_map(|wheel| wheel.pythons().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let same = |wheel: &&WheelFilename| {
        wheel.pythons().any(|python| wheel.abis().any(|abi| tags.has_interpreter(python, abi)))
    };
    let platforms: BTreeSet<String> = wheels()
        .filter(same)
        .flat_map(|wheel| wheel.platforms().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    if !platforms.is_empty() {
        told("this interpreter on", &platforms)
    } else if interpreters.is_empty() {
        told("other interpreters and platforms,", &wheels().map(ToString::to_string).collect())
    } else {
        told("this platform with", &interpreters)
    }
}

fn told(what: &str, tags: &BTreeSet<String>) -> String {
    let shown: Vec<String> = tags.iter().take(MAX_TOLD).map(|tag| format!("`{tag}`")).collect();
    let more = tags.len().saturating_sub(MAX_TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{what} {}{more}", shown.join(", "))
}

/// The same platform with the lowest floor, above the target's, that some wheel for this interpreter accepts.
fn newer_floor<'a>(wheels: impl Iterator<Item = &'a WheelFilename>, target: Target) -> Option<Platform> {
    let wheels: Vec<&WheelFilename> = wheels.collect();
    let floors: BTreeSet<Platform> = wheels
        .iter()
        .flat_map(|wheel| wheel.platforms())
        .filter_map(|tag| floor(tag, target.platform))
        .collect();
    floors.into_iter().find(|platform| {
        let tags = Tags::of(target.abi, *platform);
        wheels.iter().any(|wheel| tags.rank(wheel).is_some())
    })
}

/// The platform of a tag, if it is the given one with a newer floor.
fn floor(tag: &str, platform: Platform) -> Option<Platform> {
    let (system, rest) = tag.split_once('_')?;
    let mut parts = rest.splitn(3, '_');
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    if parts.next()? != platform.machine() {
        return None;
    }
    let found = match (system, platform) {
        ("manylinux", Platform::Linux { arch, libc: Libc::Glibc(..) }) => {
            Platform::Linux { arch, libc: Libc::Glibc(major, minor) }
        }
        ("musllinux", Platform::Linux { arch, libc: Libc::Musl(..) }) => {
            Platform::Linux { arch, libc: Libc::Musl(major, minor) }
        }
        ("macosx", Platform::Macos { arch, .. }) => Platform::Macos { arch, version: (major, minor) },
        _ => return None,
    };
    (found > platform && platform.runs_on(found)).then_some(found)
}

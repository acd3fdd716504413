//! What a package without a wheel for a target has wheels for, and which version of it has one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::index::IndexFile;
use crate::lock::Package;
use crate::marker::Environment;
use crate::platform::{Libc, Platform};
use crate::tags::Tags;
use crate::target::Target;
use crate::wheel::WheelFilename;
use crate::{Version, VersionSpecifiers};

/// So many tags are told; of more, only their number.
const MAX_TOLD: usize = 6;
/// So many names of wheels.
const MAX_NAMES: usize = 2;

/// What there are wheels for in place of what is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearest {
    /// The same interpreter on a newer system.
    Floor(Platform),
    /// The same interpreter on these platforms, by their tags.
    Platforms(BTreeSet<String>),
    /// These interpreters on the same platform, by their tags.
    Interpreters(BTreeSet<String>),
    /// Neither: the names of the wheels.
    Others(BTreeSet<String>),
}

impl Nearest {
    /// The field of a program by which it would get a wheel, where one field does.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Floor(_) | Self::Platforms(_) => Some("platforms"),
            Self::Interpreters(_) => Some("interpreters"),
            Self::Others(_) => None,
        }
    }
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Floor(floor) => write!(f, "the platform `{floor}`"),
            Self::Platforms(tags) => told(f, "this interpreter on", tags, MAX_TOLD),
            Self::Interpreters(tags) => told(f, "this platform with", tags, MAX_TOLD),
            Self::Others(names) => told(f, "other interpreters and platforms,", names, MAX_NAMES),
        }
    }
}

fn told(f: &mut fmt::Formatter<'_>, what: &str, tags: &BTreeSet<String>, most: usize) -> fmt::Result {
    let shown: Vec<String> = tags.iter().take(most).map(|tag| format!("`{tag}`")).collect();
    let more = tags.len().saturating_sub(most);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    write!(f, "{what} {}{more}", shown.join(", "))
}

/// The nearest that exists: the same interpreter on a newer system, else on other platforms, else other interpreters
/// on the same platform, else whatever there is.
#[must_use]
pub fn nearest(package: &Package, target: Target) -> Nearest {
    let wheels = || package.wheels.iter().map(|wheel| &wheel.name);
    if let Some(floor) = newer_floor(wheels(), target) {
        return Nearest::Floor(floor);
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
    match (platforms.is_empty(), interpreters.is_empty()) {
        (false, _) => Nearest::Platforms(platforms),
        (true, false) => Nearest::Interpreters(interpreters),
        (true, true) => Nearest::Others(wheels().map(ToString::to_string).collect()),
    }
}

/// The nearest version of a project that has a wheel for each target: the lowest above the given one, or else the
/// highest below it. `files` are what an index has of the project; what is no wheel, or was yanked, does not count.
#[must_use]
pub fn nearest_version(files: &[IndexFile], version: &Version, targets: &[Target]) -> Option<Version> {
    let mut wheels: BTreeMap<Version, Vec<(WheelFilename, Option<VersionSpecifiers>)>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.yanked.is_none()) {
        let Ok(name) = file.name.parse::<WheelFilename>() else { continue };
        let requires = file.requires_python.as_deref().and_then(|text| text.parse().ok());
        wheels.entry(name.version.clone()).or_default().push((name, requires));
    }
    let all: Vec<(Tags, Environment)> =
        targets.iter().map(|target| (target.tags(), target.environment())).collect();
    let serves = |wheels: &[(WheelFilename, Option<VersionSpecifiers>)]| {
        all.iter().all(|(tags, environment)| {
            let fits = |(name, requires): &(WheelFilename, Option<VersionSpecifiers>)| {
                tags.rank(name).is_some() && requires.as_ref().is_none_or(|one| environment.satisfies(one))
            };
            wheels.iter().any(fits)
        })
    };
    let usable = |one: &Version| one != version && (!one.any_prerelease() || version.any_prerelease());
    let found = wheels.iter().filter(|(one, wheels)| usable(one) && serves(wheels)).map(|(one, _)| one);
    let (below, above): (Vec<&Version>, Vec<&Version>) = found.partition(|one| *one < version);
    above.first().or(below.last()).map(|one| (*one).clone())
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

//! What a resolve is made for, in uv's terms: versions of Python and environments as markers, from interpreter
//! constraints and platforms.

use std::collections::BTreeSet;
use std::ops::Bound;

use pep440_rs::release_specifiers_to_ranges;
use pep508_rs::MarkerTree;

use crate::constraints::InterpreterConstraints;
use crate::marker::Marker;
use crate::platform::Platform;
use crate::python::{Abi, Minor, Wanted};
use crate::tags::Tags;
use crate::target::Target;
use crate::{Version, VersionSpecifiers};

/// The versions of Python and the platforms of one resolve.
pub(super) struct Span {
    lower: Bound<Version>,
    upper: Bound<Version>,
    /// The platforms as markers, each once, with the versions of Python where these have gaps.
    environments: Vec<String>,
    /// The environments with all versions of Python, which uv is told.
    bounded: Vec<String>,
    tags: Vec<Tags>,
    python2: Vec<Target>,
}

impl Span {
    pub(super) fn new(
        constraints: &InterpreterConstraints,
        interpreters: &[Wanted],
        platforms: &[Platform],
    ) -> Self {
        let mut ranges: Vec<(Bound<Version>, Bound<Version>)> = Vec::new();
        let mut union = None;
        for one in constraints.alternatives() {
            let range = release_specifiers_to_ranges(one.specifiers.clone());
            union = Some(match union {
                None => range,
                Some(all) => range.union(&all),
            });
        }
        if let Some(union) = union {
            ranges = union.iter().map(|(from, to)| (from.clone(), to.clone())).collect();
        }
        let lower = ranges.first().map_or(Bound::Unbounded, |(from, _)| from.clone());
        let upper = ranges.last().map_or(Bound::Unbounded, |(_, to)| to.clone());
        let systems: BTreeSet<String> = platforms.iter().map(|platform| system(*platform)).collect();
        let join = |system: &String, python: &str| match python {
            "" => system.clone(),
            python => format!("{system} and {python}"),
        };
        let pythons: Vec<String> = ranges.iter().map(between).collect();
        let pythons = if pythons.is_empty() { vec![String::new()] } else { pythons };
        let bounded: Vec<String> =
            systems.iter().flat_map(|system| pythons.iter().map(|python| join(system, python))).collect();
        let environments = if pythons.len() > 1 { bounded.clone() } else { systems.into_iter().collect() };
        let targets = targets(constraints, interpreters, platforms);
        let tags = targets.iter().map(Target::tags).collect();
        let python2 = targets.into_iter().filter(|target| target.minor() == Minor::new(2, 7)).collect();
        Self { lower, upper, environments, bounded, tags, python2 }
    }

    /// The environments for uv. Its `requires-python` says nothing, so that the Python that it runs with need not be
    /// one of the resolve.
    pub(super) fn uv_environments(&self) -> &[String] {
        &self.bounded
    }

    /// The environments as the lock records them.
    pub(super) fn environments(&self) -> Vec<Marker> {
        self.environments.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// The versions of Python from the oldest to the newest.
    pub(super) fn requires_python(&self) -> VersionSpecifiers {
        let from = match &self.lower {
            Bound::Included(version) => Some(format!(">={version}")),
            Bound::Excluded(version) => Some(format!(">{version}")),
            Bound::Unbounded => None,
        };
        let to = match &self.upper {
            Bound::Included(version) => Some(format!("<={version}")),
            Bound::Excluded(version) => Some(format!("<{version}")),
            Bound::Unbounded => None,
        };
        let text = from.into_iter().chain(to).collect::<Vec<_>>().join(",");
        text.parse().unwrap_or_else(|_| VersionSpecifiers::empty())
    }

    /// Whether a wheel can be installed on one of the interpreters and platforms.
    pub(super) fn wants(&self, wheel: &crate::wheel::WheelFilename) -> bool {
        self.tags.iter().any(|tags| tags.rank(wheel).is_some())
    }

    /// The targets of Python 2.7.
    pub(super) fn python2(&self) -> &[Target] {
        &self.python2
    }

    /// A marker as short as it can be said, given the versions of Python.
    pub(super) fn simplify(&self, tree: MarkerTree) -> Marker {
        let tree = tree.simplify_python_versions(self.lower.as_ref(), self.upper.as_ref());
        tree.try_to_string().and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// Where one of several versions of a project is taken: the alternatives that uv names, said by the version of
    /// Python alone where that says the same.
    pub(super) fn alternatives(&self, texts: &[String]) -> Option<Marker> {
        let any = |texts: &mut dyn Iterator<Item = String>| {
            let mut all = MarkerTree::FALSE;
            for text in texts {
                all.or(text.parse().ok()?);
            }
            Some(all)
        };
        let whole = any(&mut texts.iter().cloned())?;
        let held = any(&mut self.bounded.iter().cloned())?;
        let within = |mut tree: MarkerTree| {
            tree.and(held.clone());
            tree
        };
        for variable in ["python_", "platform_", "sys_platform"] {
            let part = texts.iter().map(|text| {
                let atoms: Vec<_> = text.split(" and ").filter(|atom| atom.starts_with(variable)).collect();
                atoms.join(" and ")
            });
            let parts: Vec<String> = part.collect();
            if parts.iter().any(|part| part.is_empty() || part.contains(['(', ')']) || part.contains(" or "))
            {
                continue;
            }
            let shorter = any(&mut parts.into_iter())?;
            if within(shorter.clone()) == within(whole.clone()) {
                return Some(self.simplify(shorter));
            }
        }
        Some(self.simplify(whole))
    }
}

fn system(platform: Platform) -> String {
    let name = match platform {
        Platform::Linux { .. } => "linux",
        Platform::Macos { .. } => "darwin",
    };
    format!("sys_platform == '{name}' and platform_machine == '{}'", platform.machine())
}

fn between((from, to): &(Bound<Version>, Bound<Version>)) -> String {
    let from = match from {
        Bound::Included(version) => Some(format!("python_full_version >= '{version}'")),
        Bound::Excluded(version) => Some(format!("python_full_version > '{version}'")),
        Bound::Unbounded => None,
    };
    let to = match to {
        Bound::Included(version) => Some(format!("python_full_version <= '{version}'")),
        Bound::Excluded(version) => Some(format!("python_full_version < '{version}'")),
        Bound::Unbounded => None,
    };
    from.into_iter().chain(to).collect::<Vec<_>>().join(" and ")
}

/// Every target of the resolve: both builds of 2.7, and free-threaded ones where they are asked for.
fn targets(
    constraints: &InterpreterConstraints,
    interpreters: &[Wanted],
    platforms: &[Platform],
) -> Vec<Target> {
    let threads = constraints.names_free_threaded() || interpreters.iter().any(|wanted| wanted.free_threaded);
    let mut found = Vec::new();
    for minor in constraints.minors() {
        for &platform in platforms {
            let target = Target::new(Wanted::minor(minor), platform);
            found.push(target);
            if minor == Minor::new(2, 7) {
                let abi = Abi::usual(minor);
                found.extend([abi, abi.narrow()].map(|abi| Target { abi, ..target }));
            }
            if threads && minor >= Minor::new(3, 13) {
                found.push(Target { abi: Abi::free_threaded(minor), ..target });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(constraints: &[&str], platforms: &[&str]) -> Span {
        let constraints = InterpreterConstraints::parse(constraints).unwrap();
        let platforms: Vec<Platform> = platforms.iter().map(|text| text.parse().unwrap()).collect();
        Span::new(&constraints, &[], &platforms)
    }

    fn check(constraints: &[&str], requires: &str, environments: &[&str], bounded: &[&str]) {
        let span = span(constraints, &["linux-x86_64", "linux-x86_64-musl"]);
        assert_eq!(span.requires_python().to_string(), requires);
        let system = "sys_platform == 'linux' and platform_machine == 'x86_64'";
        let full = |tails: &[&str]| tails.iter().map(|tail| format!("{system}{tail}")).collect::<Vec<_>>();
        assert_eq!(span.environments, full(environments));
        assert_eq!(span.bounded, full(bounded));
    }

    #[test]
    fn constraints_become_environments() {
        check(
            &["CPython>=3.9,<3.14"],
            ">=3.9, <3.14",
            &[""],
            &[" and python_full_version >= '3.9' and python_full_version < '3.14'"],
        );
        check(&["CPython>=3.9"], ">=3.9", &[""], &[" and python_full_version >= '3.9'"]);
        check(&[], "", &[""], &[""]);
        let both = [
            " and python_full_version >= '2.7' and python_full_version < '2.8'",
            " and python_full_version >= '3.6'",
        ];
        check(&["CPython>=3.6", "CPython==2.7.*"], ">=2.7", &both, &both);
    }

    #[test]
    fn markers_are_said_shortly() {
        let span = span(&["CPython>=3.9,<3.14"], &["linux-x86_64", "macos-arm64"]);
        let simple = |text: &str| span.simplify(text.parse().unwrap()).text().to_owned();
        assert_eq!(
            simple("python_full_version < '3.10' or python_full_version >= '3.14'"),
            "python_full_version < '3.10'"
        );
        assert_eq!(simple("python_full_version >= '3.9'"), "");
        let linux = "platform_machine == 'x86_64' and sys_platform == 'linux'";
        let mac = "platform_machine == 'arm64' and sys_platform == 'darwin'";
        let fork = |texts: &[String]| span.alternatives(texts).unwrap().text().to_owned();
        let old = [linux, mac].map(|system| format!("python_full_version == '3.9.*' and {system}"));
        assert_eq!(fork(&old), "python_full_version < '3.10'");
        let on_linux = [format!("python_full_version >= '3.9' and {linux}")];
        assert_eq!(fork(&on_linux), "platform_machine == 'x86_64'");
        assert_eq!(
            fork(&old[..1]),
            "python_full_version < '3.10' and platform_machine == 'x86_64' and sys_platform == 'linux'"
        );
    }

    #[test]
    fn wheels_outside_are_not_wanted() {
        let span = span(&["CPython>=3.9,<3.11"], &["linux-x86_64"]);
        let wants = |name: &str| span.wants(&name.parse().unwrap());
        assert!(wants("a-1-py3-none-any.whl"));
        assert!(wants("a-1-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"));
        assert!(wants("a-1-cp37-abi3-manylinux_2_28_x86_64.whl"));
        for name in [
            "a-1-cp311-cp311-manylinux_2_17_x86_64.whl",
            "a-1-cp39-cp39-manylinux_2_34_x86_64.whl",
            "a-1-cp39-cp39-manylinux_2_17_aarch64.whl",
            "a-1-cp39-cp39-musllinux_1_2_x86_64.whl",
            "a-1-cp39-cp39-win_amd64.whl",
            "a-1-pp39-pypy39_pp73-manylinux_2_17_x86_64.whl",
            "a-1-py2-none-any.whl",
        ] {
            assert!(!wants(name), "{name}");
        }
    }
}

//! The exact wheels that a set of root requirements needs on one target, out of a lock; fetches nothing.

mod agreement;
mod error;
mod nearest;
mod shared;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::lock::{BuildSystem, Dependency, Graph, Lock, Origin, Package, SourceFile, WheelFile};
use crate::marker::{Environment, Marker};
use crate::name::{ExtraName, PackageName};
use crate::platform::Platform;
use crate::requirement::Requirement;
use crate::tags::Tags;
use crate::target::Target;
use crate::{Version, wheel};

pub use agreement::disagreements;
pub use error::{Chain, SelectError};
pub use nearest::{Nearest, nearest, nearest_version};
pub use shared::check_shared;

/// What a target gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<'l> {
    /// The files, sorted by the name of the project.
    pub files: Vec<Selected<'l>>,
    /// Versions that are needed only where the target is otherwise than was assumed, beside one that is taken.
    pub left_out: Vec<LeftOut>,
}

impl Selection<'_> {
    /// The distributions that one of them needs of the others on a target, as the lock that it is of has it.
    #[must_use]
    pub fn needs(&self, one: &Selected<'_>, target: &Target, lock: &Lock) -> Vec<&Package> {
        let environment = target.environment();
        let extras: Vec<ExtraName> = one.extras.iter().cloned().collect();
        let of_wheel = match (&lock.graph, one.file) {
            (Graph::InWheels(known), Chosen::Wheel(wheel)) => known.get(&wheel.sha256),
            _ => None,
        };
        let dependencies = of_wheel.unwrap_or(&one.package.dependencies);
        let needed = dependencies.iter().filter(|need| need.marker.may_hold(&environment, &extras));
        let named = needed.filter_map(|need| self.files.iter().find(|other| other.package.name == need.name));
        named.map(|other| other.package).collect()
    }
}

/// One distribution of a selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected<'l> {
    /// The package.
    pub package: &'l Package,
    /// The file that it is installed from.
    pub file: Chosen<'l>,
    /// The extras of it that are asked for.
    pub extras: BTreeSet<ExtraName>,
    /// How the requirements lead to it, by one of the shortest ways.
    pub needed_by: Chain,
}

/// What a distribution is installed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen<'l> {
    /// The best of its wheels for the target.
    Wheel(&'l WheelFile),
    /// Its source distribution, since no wheel fits; it has to be built.
    Source(&'l SourceFile, &'l BuildSystem),
}

/// A version that does not go with the one of the same project that is taken. It is needed where a marker meets what the
/// target does not say, such as an older release of its Python.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error(
    "`{name}` {version} is left out for `{target}`, since {taken} is taken: which one is needed depends on the third number of \
     the version of Python or on the kernel"
)]
pub struct LeftOut {
    /// The project.
    pub name: PackageName,
    /// The version that is left out.
    pub version: Version,
    /// The version that is taken: that for the newest release.
    pub taken: Version,
    /// The target.
    pub target: Target,
}

impl LeftOut {
    /// The stable code of this warning.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "packaging::left_out"
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let minor = self.target.minor();
        let help = || format!("name the release that it runs on in `interpreters`, such as `{minor}.4`");
        self.target.micro.is_none().then(help)
    }
}

/// Chooses, from a lock, what the requirements `roots` reach on a target: dependencies are followed by their markers and extras, and
/// of each package the best wheel is taken, or the source distribution where no wheel fits. What is needed on some releases of
/// its Python alone is taken as well, unless another version of it is needed on the newest.
///
/// # Errors
/// Fails with every reason why that is not possible.
pub fn select<'l>(
    lock: &'l Lock,
    roots: &[Requirement],
    target: &Target,
) -> Result<Selection<'l>, Vec<SelectError>> {
    let environment = target.environment();
    let environments = &lock.environments;
    let holds = environments.is_empty() || environments.iter().any(|one| one.may_hold(&environment, &[]));
    if !holds || !environment.satisfies(&lock.requires_python) {
        return Err(vec![not_for_target(lock, target)]);
    }
    let mut closure = Closure {
        lock,
        target,
        environment,
        tags: target.tags(),
        found: BTreeMap::new(),
        queue: VecDeque::new(),
        unsure: VecDeque::new(),
        is_sure: true,
        left_out: BTreeSet::new(),
        errors: Vec::new(),
    };
    roots.iter().for_each(|root| closure.root(root));
    closure.follow_all();
    closure.is_sure = false;
    while let Some(Step { at, extras, needed_by }) = closure.unsure.pop_front() {
        closure.reach(at, &extras, needed_by);
        closure.follow_all();
    }
    closure.finish()
}

fn not_for_target(lock: &Lock, target: &Target) -> SelectError {
    let platforms: Vec<String> = lock.platforms.iter().map(|platform| format!("`{platform}`")).collect();
    SelectError::Target {
        target: *target,
        requires_python: lock.requires_python.to_string(),
        platforms: platforms.join(", "),
    }
}

/// Whether the lock has the wheels for a target, as far as there are any: those that fit no platform and no build that
/// it was made for were left out of it.
fn has_wheels_for(lock: &Lock, target: &Target) -> bool {
    // Locks of other tools leave none out.
    if lock.platforms.is_empty() {
        return true;
    }
    let ours = target.platform;
    let same = |other: &Platform| ours.runs_on(*other) || other.runs_on(ours);
    let threads = !target.abi.free_threaded
        || lock.interpreters.iter().any(|wanted| wanted.free_threaded)
        || lock.interpreter_constraints.names_free_threaded();
    threads && lock.platforms.iter().any(same)
}

/// A package on the way.
struct Reached {
    extras: BTreeSet<ExtraName>,
    needed_by: Chain,
}

/// The way to a package that leads through a marker that only may hold.
struct Step {
    at: usize,
    extras: Vec<ExtraName>,
    needed_by: Chain,
}

/// The packages that are reached so far, by their index in the lock.
struct Closure<'l, 't> {
    lock: &'l Lock,
    target: &'t Target,
    environment: Environment,
    tags: Tags,
    found: BTreeMap<usize, Reached>,
    queue: VecDeque<usize>,
    unsure: VecDeque<Step>,
    /// Whether no step was unsure so far.
    is_sure: bool,
    left_out: BTreeSet<LeftOut>,
    errors: Vec<SelectError>,
}

impl<'l> Closure<'l, '_> {
    fn root(&mut self, root: &Requirement) {
        if !self.may_hold(&root.marker) {
            return;
        }
        let named = self.lock.named(&root.name);
        if named.is_empty() {
            self.error(SelectError::Missing { requirement: root.text().to_owned() });
            return;
        }
        let here = self.candidates(&root.name);
        if here.is_empty() {
            self.not_here(&root.name);
            return;
        }
        if here.iter().any(|&at| self.lock.packages[at].origin == Origin::Repository) {
            self.error(SelectError::Repository { name: root.name.clone() });
            return;
        }
        let Some(at) = here.iter().rev().find(|&&at| agreement::meets(&self.lock.packages[at], root)) else {
            let versions: Vec<String> =
                here.iter().map(|&at| self.lock.packages[at].version.to_string()).collect();
            self.error(SelectError::Stale {
                name: root.name.clone(),
                versions: versions.join(", "),
                requirement: root.text().to_owned(),
            });
            return;
        };
        self.locked_extras(root);
        self.step(*at, &root.marker, &[], &root.extras, Chain::default());
    }

    /// What an extra brings is in most locks only where the extra was asked for when they were made.
    fn locked_extras(&mut self, root: &Requirement) {
        let lock = self.lock;
        if lock.graph != Graph::Asked {
            return;
        }
        for extra in &root.extras {
            let asked = |one: &Requirement| {
                one.name == root.name && one.extras.contains(extra) && self.may_hold(&one.marker)
            };
            if !lock.requirements.iter().any(asked) && !lock.has_by_another(&root.name, extra) {
                self.error(SelectError::StaleExtra {
                    name: root.name.clone(),
                    extra: extra.clone(),
                    requirement: root.text().to_owned(),
                });
            }
        }
    }

    fn follow_all(&mut self) {
        while let Some(at) = self.queue.pop_front() {
            self.follow(at);
        }
    }

    /// Goes on to what a package depends on.
    fn follow(&mut self, at: usize) {
        let package = &self.lock.packages[at];
        let reached = &self.found[&at];
        let extras: Vec<ExtraName> = reached.extras.iter().cloned().collect();
        let mut chain = reached.needed_by.clone();
        chain.0.push(package.name.clone());
        let Some(dependencies) = self.dependencies(package) else { return };
        for dependency in dependencies {
            if !dependency.marker.may_hold(&self.environment, &extras) {
                continue;
            }
            if self.lock.named(&dependency.name).is_empty() {
                if dependency.marker.holds(&self.environment, &extras) {
                    let (name, version) = (package.name.clone(), package.version.clone());
                    self.error(SelectError::Unlocked { name, version, dependency: dependency.name.clone() });
                }
                continue;
            }
            let here = match &dependency.version {
                Some(version) => self.exactly(&dependency.name, version),
                None => self.candidates(&dependency.name).last().copied(),
            };
            match here {
                Some(next) => {
                    self.step(next, &dependency.marker, &extras, &dependency.extras, chain.clone());
                }
                None => self.not_here(&dependency.name),
            }
        }
    }

    /// What a package needs; nothing where that is not known, which is an error then.
    fn dependencies(&mut self, package: &'l Package) -> Option<&'l [Dependency]> {
        let lock = self.lock;
        let unread = |wheel: Option<&WheelFile>| SelectError::Unread {
            name: package.name.clone(),
            version: package.version.clone(),
            wheel: wheel.map(|wheel| wheel.name.clone()),
        };
        if let Origin::Unnamed(_) = package.origin {
            self.error(unread(None));
            return None;
        }
        let Graph::InWheels(known) = &lock.graph else { return Some(&package.dependencies) };
        if package.origin != Origin::Index {
            return Some(&package.dependencies);
        }
        // That no wheel fits is told in the end.
        let wheel = &package.wheels[wheel::best(&self.tags, package.wheels.iter().map(|wheel| &wheel.name))?];
        let found = known.get(&wheel.sha256);
        if found.is_none() {
            self.error(unread(Some(wheel)));
        }
        found.map(Vec::as_slice)
    }

    /// The index of one version of a project.
    fn exactly(&self, name: &PackageName, version: &Version) -> Option<usize> {
        let packages = &self.lock.packages;
        let start = packages.partition_point(|package| package.name < *name);
        let count = self.lock.named(name).iter().position(|package| package.version == *version)?;
        Some(start + count)
    }

    /// The indexes of the versions of a project that may be for this environment, those that surely are last.
    fn candidates(&self, name: &PackageName) -> Vec<usize> {
        let packages = &self.lock.packages;
        let start = packages.partition_point(|package| package.name < *name);
        let mut found: Vec<usize> = (start..start + self.lock.named(name).len())
            .filter(|&at| self.may_hold(&packages[at].marker))
            .collect();
        found.sort_by_key(|&at| packages[at].marker.holds(&self.environment, &[]));
        found
    }

    /// Goes to a package: at once where the marker holds, else when all that is sure is known.
    fn step(&mut self, at: usize, marker: &Marker, asked: &[ExtraName], extras: &[ExtraName], chain: Chain) {
        if marker.holds(&self.environment, asked) {
            self.reach(at, extras, chain);
        } else {
            self.unsure.push_back(Step { at, extras: extras.to_vec(), needed_by: chain });
        }
    }

    fn reach(&mut self, at: usize, extras: &[ExtraName], needed_by: Chain) {
        if !self.is_sure && self.is_left_out(at) {
            return;
        }
        let mut fresh = false;
        let reached = self.found.entry(at).or_insert_with(|| {
            fresh = true;
            Reached { extras: BTreeSet::new(), needed_by }
        });
        for extra in extras {
            fresh |= reached.extras.insert(extra.clone());
        }
        if fresh && !self.queue.contains(&at) {
            self.queue.push_back(at);
        }
    }

    /// Whether another version of the project is there already.
    fn is_left_out(&mut self, at: usize) -> bool {
        let packages = &self.lock.packages;
        let Package { name, version, .. } = &packages[at];
        let other = self.found.keys().map(|&found| &packages[found]);
        let other = other.into_iter().find(|found| found.name == *name && found.version != *version);
        if let Some(taken) = other {
            let (name, version, taken) = (name.clone(), version.clone(), taken.version.clone());
            self.left_out.insert(LeftOut { name, version, taken, target: *self.target });
        }
        other.is_some()
    }

    fn may_hold(&self, marker: &Marker) -> bool {
        marker.may_hold(&self.environment, &[])
    }

    fn not_here(&mut self, name: &PackageName) {
        let named = self.lock.named(name).iter();
        let versions: Vec<String> = named
            .map(|package| match package.marker.text() {
                "" => package.version.to_string(),
                marker => format!("{} where {marker}", package.version),
            })
            .collect();
        let versions = versions.join(", ");
        self.error(SelectError::NotForTarget { name: name.clone(), versions, target: *self.target });
    }

    fn error(&mut self, error: SelectError) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Takes the best file of each package.
    fn finish(mut self) -> Result<Selection<'l>, Vec<SelectError>> {
        let mut files: Vec<Selected<'l>> = Vec::with_capacity(self.found.len());
        let mut before: Option<&Package> = None;
        for (at, reached) in std::mem::take(&mut self.found) {
            let package = &self.lock.packages[at];
            if let Some(before) = before.replace(package).filter(|before| before.name == package.name) {
                let (first, second) = (before.version.clone(), package.version.clone());
                let target = *self.target;
                self.error(SelectError::TwoVersions { name: package.name.clone(), first, second, target });
            }
            if package.origin == Origin::Repository {
                continue;
            }
            match self.file(package, &reached) {
                Ok(file) => {
                    let Reached { extras, needed_by } = reached;
                    files.push(Selected { package, file, extras, needed_by });
                }
                Err(error) => self.error(error),
            }
        }
        if !has_wheels_for(self.lock, self.target) {
            // What is missing may exist all the same.
            let count = self.errors.len();
            self.errors.retain(|error| !matches!(error, SelectError::NoWheel { .. }));
            let built = files.iter().any(|one| matches!(one.file, Chosen::Source(..)));
            if built || self.errors.len() < count {
                self.error(not_for_target(self.lock, self.target));
            }
        }
        if self.errors.is_empty() {
            Ok(Selection { files, left_out: self.left_out.into_iter().collect() })
        } else {
            Err(self.errors)
        }
    }

    fn file(&self, package: &'l Package, reached: &Reached) -> Result<Chosen<'l>, SelectError> {
        let (name, version) = (package.name.clone(), package.version.clone());
        let needed_by = reached.needed_by.clone();
        let target = *self.target;
        match package.origin {
            Origin::Elsewhere(place) => {
                return Err(SelectError::Elsewhere { name, version, place, needed_by });
            }
            Origin::Unnamed(_) => return Err(SelectError::Unread { name, version, wheel: None }),
            Origin::Index | Origin::Repository => {}
        }
        if let Some(requires) = &package.requires_python
            && !self.environment.satisfies(requires)
        {
            let requires_python = requires.to_string();
            return Err(SelectError::Python { name, version, requires_python, target, needed_by });
        }
        if let Some(at) = wheel::best(&self.tags, package.wheels.iter().map(|wheel| &wheel.name)) {
            return Ok(Chosen::Wheel(&package.wheels[at]));
        }
        if let (Some(sdist), Some(build)) = (&package.sdist, &package.build) {
            return Ok(Chosen::Source(sdist, build));
        }
        let has_source = package.sdist.is_some();
        Err(match (package.wheels.is_empty(), has_source) {
            (true, true) => SelectError::OnlySource { name, version, needed_by },
            (true, false) => SelectError::NoFiles { name, version, needed_by },
            (false, _) => {
                let nearest = nearest(package, target);
                SelectError::NoWheel { name, version, target, needed_by, nearest, has_source }
            }
        })
    }
}

//! Tells which modules each package of a lock provides, and which of them pytest loads, from what is inside of one of its
//! wheels.

use std::collections::BTreeMap;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use store::Store;

use super::LockTools;
use super::error::LockWarning;
use crate::index::{Client, DEFAULT, FetchError, archive_listing};
use crate::lock::{Lock, Package, WheelFile};
use crate::name::PackageName;
use crate::wheel::{EntryPoints, modules_of};

/// The memo table: SHA-256 of a wheel to its modules, a line each.
pub(crate) const TABLE: &str = "modules 2";
/// The memo table: SHA-256 of a wheel to whether pytest loads it.
pub(crate) const PLUGINS: &str = "pytest plugins";
/// The group of entry points by which pytest finds plugins.
const GROUP: &str = "pytest11";
/// How the projects are called that are taken for plugins where there is no wheel that says it.
const PLUGIN: &str = "pytest-";

/// What is told of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provided {
    pub(crate) modules: Vec<String>,
    pub(crate) pytest_plugin: bool,
}

/// Fills in the modules of each package that has wheels, and what is a plugin of pytest; of those that fail, a warning.
pub(super) fn tell(
    lock: &mut Lock,
    previous: Option<&Lock>,
    tools: &LockTools<'_>,
    warnings: &mut Vec<LockWarning>,
) {
    let provided = |package: &Package| {
        let Package { modules, pytest_plugin, .. } = package;
        let provided = Provided { modules: modules.clone(), pytest_plugin: (*pytest_plugin)? };
        (!modules.is_empty()).then_some((representative(package)?.sha256, provided))
    };
    let known: BTreeMap<[u8; 32], Provided> =
        previous.iter().flat_map(|lock| &lock.packages).filter_map(provided).collect();
    let told: Vec<Result<Option<Provided>, LockWarning>> =
        lock.packages.par_iter().map(|package| of_package(package, &known, tools)).collect();
    for (package, provided) in lock.packages.iter_mut().zip(told) {
        package.pytest_plugin = Some(is_called_plugin(&package.name));
        match provided {
            Ok(Some(provided)) => {
                package.modules = provided.modules;
                package.pytest_plugin = Some(provided.pytest_plugin);
            }
            Ok(None) => {}
            Err(warning) => warnings.push(warning),
        }
    }
    // It is written as a list of those that are: without any, nothing is said.
    if lock.packages.iter().all(|package| package.pytest_plugin != Some(true)) {
        lock.packages.iter_mut().for_each(|package| package.pytest_plugin = None);
    }
}

/// Whether a project is called as plugins of pytest are.
#[must_use]
pub fn is_called_plugin(name: &PackageName) -> bool {
    name.as_ref().starts_with(PLUGIN)
}

/// The wheel that stands for all: one for any platform, else the first by name.
pub(crate) fn representative(package: &Package) -> Option<&WheelFile> {
    let any = |wheel: &&WheelFile| wheel.name.platforms().any(|platform| platform == "any");
    package.wheels.iter().find(any).or_else(|| package.wheels.first())
}

fn of_package(
    package: &Package,
    known: &BTreeMap<[u8; 32], Provided>,
    tools: &LockTools<'_>,
) -> Result<Option<Provided>, LockWarning> {
    let Some(wheel) = representative(package) else { return Ok(None) };
    if let Some(provided) = recall(wheel, tools.store).or_else(|| known.get(&wheel.sha256).cloned()) {
        return Ok(Some(provided));
    }
    fetch(package, tools.client, tools.store).map_err(|error| {
        let package = format!("{} {}", package.name, package.version);
        LockWarning::Modules { package, reason: error.to_string() }
    })
}

fn recall(wheel: &WheelFile, store: &Store) -> Option<Provided> {
    let memo = |table| String::from_utf8(store.memo(table, &wheel.sha256).ok()??).ok();
    let (modules, plugin) = (memo(TABLE)?, memo(PLUGINS)?);
    Some(Provided { modules: modules.lines().map(str::to_owned).collect(), pytest_plugin: is_yes(&plugin) })
}

/// What a memo says of a plugin.
pub(crate) fn is_yes(memo: &str) -> bool {
    memo == "yes"
}

/// Asks the index for what a package provides, and remembers it; nothing where it has no wheel.
pub(crate) fn fetch(
    package: &Package,
    client: &Client,
    store: &Store,
) -> Result<Option<Provided>, FetchError> {
    let Some(wheel) = representative(package) else { return Ok(None) };
    let index = wheel.index.as_deref().unwrap_or(DEFAULT);
    let listing = archive_listing(client, index, package.name.as_ref(), wheel.name.as_str())?;
    let provided = told(&listing.names, listing.entry_points.as_deref());
    // Without the memo it is asked again, no more.
    let _ = remember(wheel, &provided, store);
    Ok(Some(provided))
}

/// What a wheel provides that has files of these names, and these entry points.
pub(crate) fn told(names: &[String], entry_points: Option<&str>) -> Provided {
    Provided {
        modules: modules_of(names.iter().map(String::as_str)),
        pytest_plugin: entry_points.is_some_and(|text| EntryPoints::has_group(text, GROUP)),
    }
}

/// Keeps what a wheel provides.
pub(crate) fn remember(
    wheel: &WheelFile,
    provided: &Provided,
    store: &Store,
) -> Result<(), store::StoreError> {
    store.put_memo(TABLE, &wheel.sha256, provided.modules.join("\n").as_bytes())?;
    let plugin: &[u8] = if provided.pytest_plugin { b"yes" } else { b"no" };
    store.put_memo(PLUGINS, &wheel.sha256, plugin)
}

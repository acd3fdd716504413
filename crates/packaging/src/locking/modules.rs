//! Tells which modules each package of a lock provides, from the names inside of one of its wheels.

use std::collections::BTreeMap;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use store::Store;

use super::LockTools;
use super::error::LockWarning;
use crate::index::{Client, DEFAULT, FetchError, archive_names};
use crate::lock::{Lock, Package, WheelFile};
use crate::wheel::modules_of;

/// The memo table: SHA-256 of a wheel to its modules, a line each.
pub(crate) const TABLE: &str = "modules 2";

/// Fills in the modules of each package that has wheels; of those that fail, a warning.
pub(super) fn tell(
    lock: &mut Lock,
    previous: Option<&Lock>,
    tools: &LockTools<'_>,
    warnings: &mut Vec<LockWarning>,
) {
    let known: BTreeMap<[u8; 32], &[String]> = previous
        .iter()
        .flat_map(|lock| &lock.packages)
        .filter(|package| !package.modules.is_empty())
        .filter_map(|package| Some((representative(package)?.sha256, package.modules.as_slice())))
        .collect();
    let told: Vec<Result<Vec<String>, LockWarning>> =
        lock.packages.par_iter().map(|package| of_package(package, &known, tools)).collect();
    for (package, modules) in lock.packages.iter_mut().zip(told) {
        match modules {
            Ok(modules) => package.modules = modules,
            Err(warning) => warnings.push(warning),
        }
    }
}

/// The wheel that stands for all: one for any platform, else the first by name.
pub(crate) fn representative(package: &Package) -> Option<&WheelFile> {
    let any = |wheel: &&WheelFile| wheel.name.platforms().any(|platform| platform == "any");
    package.wheels.iter().find(any).or_else(|| package.wheels.first())
}

fn of_package(
    package: &Package,
    known: &BTreeMap<[u8; 32], &[String]>,
    tools: &LockTools<'_>,
) -> Result<Vec<String>, LockWarning> {
    let Some(wheel) = representative(package) else { return Ok(Vec::new()) };
    let memo = tools.store.memo(TABLE, &wheel.sha256).ok().flatten();
    if let Some(text) = memo.and_then(|memo| String::from_utf8(memo).ok()) {
        return Ok(text.lines().map(str::to_owned).collect());
    }
    if let Some(modules) = known.get(&wheel.sha256) {
        return Ok(modules.to_vec());
    }
    fetch(package, tools.client, tools.store).map_err(|error| {
        let package = format!("{} {}", package.name, package.version);
        LockWarning::Modules { package, reason: error.to_string() }
    })
}

/// Asks the index for the modules of a package, and remembers them.
pub(crate) fn fetch(package: &Package, client: &Client, store: &Store) -> Result<Vec<String>, FetchError> {
    let Some(wheel) = representative(package) else { return Ok(Vec::new()) };
    let index = wheel.index.as_deref().unwrap_or(DEFAULT);
    let names = archive_names(client, index, package.name.as_ref(), wheel.name.as_str())?;
    let modules = modules_of(names.iter().map(String::as_str));
    // Without the memo it is asked again, no more.
    let _ = store.put_memo(TABLE, &wheel.sha256, modules.join("\n").as_bytes());
    Ok(modules)
}

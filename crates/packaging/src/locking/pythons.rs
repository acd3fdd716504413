//! Tells which versions of Python a package says it is for, from the pages of the indexes.
//!
//! Only of projects that a lock has several versions of: there the runtime inside a file for several targets chooses,
//! and goes by what the packages say.

use std::collections::BTreeMap;

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::LockTools;
use super::error::LockWarning;
use super::modules::representative;
use crate::VersionSpecifiers;
use crate::index::{DEFAULT, FetchError};
use crate::lock::{Lock, Package};
use crate::name::PackageName;

/// The memo table: SHA-256 of a wheel to the versions of Python that it is for; empty for any.
const TABLE: &str = "requires-python";

/// Fills in the versions of Python of each package of which there are several; of those that fail, a warning.
pub(super) fn tell(lock: &mut Lock, tools: &LockTools<'_>, warnings: &mut Vec<LockWarning>) {
    let mut counts: BTreeMap<PackageName, u32> = BTreeMap::new();
    for package in &lock.packages {
        *counts.entry(package.name.clone()).or_default() += 1;
    }
    let several: Vec<&mut Package> =
        lock.packages.iter_mut().filter(|package| counts[&package.name] > 1).collect();
    let failed: Vec<LockWarning> = several
        .into_par_iter()
        .filter_map(|package| {
            let error = of_package(package, tools).map(|found| package.requires_python = found).err()?;
            let shown = format!("{} {}", package.name, package.version);
            Some(LockWarning::Pythons { package: shown, reason: error.to_string() })
        })
        .collect();
    warnings.extend(failed);
}

fn of_package(package: &Package, tools: &LockTools<'_>) -> Result<Option<VersionSpecifiers>, FetchError> {
    let Some(wheel) = representative(package) else { return Ok(None) };
    let specifiers = |text: &str| if text.is_empty() { None } else { text.parse().ok() };
    let memo = tools.store.memo(TABLE, &wheel.sha256).ok().flatten();
    if let Some(text) = memo.and_then(|memo| String::from_utf8(memo).ok()) {
        return Ok(specifiers(&text));
    }
    let index = wheel.index.as_deref().unwrap_or(DEFAULT);
    let file = tools.client.locate(index, package.name.as_ref(), wheel.name.as_str())?;
    let text = file.requires_python.unwrap_or_default();
    // Without the memo it is asked again, no more.
    let _ = tools.store.put_memo(TABLE, &wheel.sha256, text.as_bytes());
    Ok(specifiers(&text))
}

//! Adds the wheels for Python 2.7, which uv leaves out of what it finds, from the pages of the indexes.

use rayon::iter::{IntoParallelRefMutIterator as _, ParallelIterator as _};

use super::LockTools;
use super::error::LockError;
use super::span::Span;
use crate::index::{DEFAULT, FetchError};
use crate::lock::{Lock, Package, WheelFile};
use crate::wheel::WheelFilename;

/// Completes the wheels of every package that Python 2.7 may need, if the lock holds for it.
pub(super) fn complete(
    lock: &mut Lock,
    resolve: &str,
    tools: &LockTools<'_>,
    span: &Span,
) -> Result<(), LockError> {
    let needed = |package: &Package| {
        span.python2().iter().any(|target| package.marker.may_hold(&target.environment(), &[]))
    };
    let failed: Vec<FetchError> = lock
        .packages
        .par_iter_mut()
        .filter(|package| needed(package))
        .filter_map(|package| add(package, tools, span).err())
        .collect();
    let Some(error) = failed.into_iter().next() else { return Ok(()) };
    let (resolve, cause, help) = (resolve.to_owned(), error.to_string(), error.help());
    Err(match error {
        FetchError::Offline { .. } => LockError::Offline { resolve, cause },
        _ => LockError::Network { resolve, cause, help },
    })
}

fn add(package: &mut Package, tools: &LockTools<'_>, span: &Span) -> Result<(), FetchError> {
    let of_files = package.wheels.iter().map(|wheel| &wheel.index);
    let index = of_files.chain(package.sdist.iter().map(|sdist| &sdist.index)).next().cloned().flatten();
    if package.address().is_some() {
        return Ok(());
    }
    let page = tools.client.page(index.as_deref().unwrap_or(DEFAULT), package.name.as_ref())?;
    for file in &page.files {
        let Ok(name) = file.name.parse::<WheelFilename>() else { continue };
        let python2 = name.pythons().any(|python| python.starts_with("cp2") || python.starts_with("py2"));
        let known = package.wheels.iter().any(|wheel| wheel.name == name);
        if !python2 || known || name.version != package.version || !span.wants(&name) {
            continue;
        }
        let hash = file.sha256.as_deref().and_then(|hex| store::Digest::from_hex(hex, 0).ok());
        if let Some(hash) = hash {
            package.wheels.push(WheelFile { name, size: file.size, sha256: hash.hash, index: index.clone() });
        }
    }
    Ok(())
}

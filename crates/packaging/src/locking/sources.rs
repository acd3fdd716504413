//! Tells how the source distributions are built that some interpreter or platform needs, and locks what they are built
//! with. What cannot be told is a warning: the lock is good for all that need not build them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use engine::run_and_listen;
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::error::{LockError, LockWarning};
use super::span::Span;
use super::{Addresses, Asked, LockRequest, LockTools, convert, legacy, pins};
use crate::Version;
use crate::index::{DEFAULT, FetchRequest, fetch_file};
use crate::lock::{BuildSystem, Lock, Package, SourceFile, sort_requirements};
use crate::name::PackageName;
use crate::python::Wanted;
use crate::requirement::Requirement;
use crate::select::{SelectError, select};
use crate::target::Target;

/// The memo table: SHA-256 of a source distribution to its `pyproject.toml`, after a byte that says whether it has one.
const TABLE: &str = "pyproject";
/// How long reading one file out of an archive may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Writes the `pyproject.toml` of the source distribution that is its argument.
const READ: &str = "\
import sys, tarfile, zipfile
path = sys.argv[1]
def wanted(name):
    parts = [part for part in name.split('/') if part != '.']
    return len(parts) == 2 and parts[1] == 'pyproject.toml'
if zipfile.is_zipfile(path):
    archive = zipfile.ZipFile(path)
    found = [archive.open(name) for name in archive.namelist() if wanted(name)]
else:
    archive = tarfile.open(path)
    found = [archive.extractfile(one) for one in archive if one.isfile() and wanted(one.name)]
sys.stdout.buffer.write(b'1' + found[0].read(1 << 20) if found else b'0')
";

/// Fills in the build systems and [`Lock::builds`].
pub(super) fn tell(
    lock: &mut Lock,
    request: &LockRequest<'_>,
    tools: &LockTools<'_>,
    span: &Span,
    warnings: &mut Vec<LockWarning>,
) -> Result<(), LockError> {
    let needed = needed(lock, request);
    let told: Vec<Option<Result<BuildSystem, LockWarning>>> = (lock.packages.par_iter())
        .map(|package| {
            let is_needed = needed.contains(&(package.name.clone(), package.version.clone()));
            let sdist = package.sdist.as_ref().filter(|_| is_needed)?;
            Some(build_system(package, sdist, request, tools))
        })
        .collect();
    for (package, told) in lock.packages.iter_mut().zip(told) {
        match told {
            Some(Ok(system)) => package.build = Some(system),
            Some(Err(warning)) => warnings.push(warning),
            None => {}
        }
    }
    let mut sets: BTreeMap<String, (Vec<Requirement>, Vec<String>)> = BTreeMap::new();
    for package in &lock.packages {
        let Some(system) = &package.build else { continue };
        let texts: Vec<&str> = system.requires.iter().map(Requirement::text).collect();
        let set = sets.entry(texts.join("\n")).or_insert_with(|| (system.requires.clone(), Vec::new()));
        set.1.push(format!("{} {}", package.name, package.version));
    }
    for (requires, of) in sets.into_values() {
        let empty =
            Lock { requirements: requires.clone(), packages: Vec::new(), builds: Vec::new(), ..lock.clone() };
        let built_with =
            if requires.is_empty() { Ok(empty) } else { lock_build(&requires, &of, request, tools, span) };
        match built_with {
            Ok(build) => lock.builds.push(build),
            Err(error @ (LockError::NoSolution { .. } | LockError::Uv { .. })) => {
                let (packages, reason) = (of.join("`, `"), error.to_string());
                warnings.push(LockWarning::Build { packages, reason });
                for package in &mut lock.packages {
                    package.build.take_if(|system| system.requires == requires);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The packages that something is built for has no wheel of, on some platform of the lock.
fn needed(lock: &Lock, request: &LockRequest<'_>) -> BTreeSet<(PackageName, Version)> {
    let mut needed = BTreeSet::new();
    let on = |wanted: &Wanted| {
        request.platforms.iter().map(|platform| Target::new(*wanted, *platform)).collect::<Vec<_>>()
    };
    for target in request.built_for.iter().flat_map(on) {
        for error in select(lock, &lock.requirements, &target).err().into_iter().flatten() {
            if let SelectError::OnlySource { name, version, .. }
            | SelectError::NoWheel { name, version, has_source: true, .. } = error
            {
                needed.insert((name, version));
            }
        }
    }
    needed
}

/// What a source distribution says of how it is built, and what the configuration adds.
fn build_system(
    package: &Package,
    sdist: &SourceFile,
    request: &LockRequest<'_>,
    tools: &LockTools<'_>,
) -> Result<BuildSystem, LockWarning> {
    let warning = |reason: String| {
        let packages = format!("{} {}", package.name, package.version);
        LockWarning::Build { packages, reason }
    };
    let known = tools.store.memo(TABLE, &sdist.sha256).ok().flatten();
    let said = match known {
        Some(known) => known,
        None => {
            let said = read(package, sdist, tools).map_err(warning)?;
            // Without the memo it is read again, no more.
            let _ = tools.store.put_memo(TABLE, &sdist.sha256, &said);
            said
        }
    };
    let text = match said.split_first() {
        Some((b'1', text)) => Some(
            std::str::from_utf8(text).map_err(|_| warning("its `pyproject.toml` is not UTF-8".to_owned()))?,
        ),
        _ => None,
    };
    let system = BuildSystem::of(text);
    let mut system =
        system.map_err(|reason| warning(format!("its `pyproject.toml` cannot be used: {reason}")))?;
    system.requires.extend(request.build_requirements.get(&package.name).into_iter().flatten().cloned());
    sort_requirements(&mut system.requires);
    Ok(system)
}

fn read(package: &Package, sdist: &SourceFile, tools: &LockTools<'_>) -> Result<Vec<u8>, String> {
    let asked = FetchRequest {
        index: sdist.index.as_deref().unwrap_or(DEFAULT),
        project: package.name.as_ref(),
        file: &sdist.name,
        sha256: sdist.sha256,
        size: sdist.size,
    };
    let fetched =
        fetch_file(tools.client, &asked, tools.store, &|_, _| {}).map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("sdist");
    tools.store.place(&fetched.digest, &path, false).map_err(|error| error.to_string())?;
    let mut command = Command::new(tools.python);
    command.args(["-I", "-S", "-c", READ]).arg(&path).current_dir(folder.path());
    let said =
        run_and_listen(&mut command, Some(PATIENCE), tools.cancel).map_err(|error| error.to_string())?;
    if said.success() {
        Ok(said.stdout)
    } else {
        Err(format!("`{}` is no archive that can be read", sdist.name))
    }
}

/// Locks what some source distributions are built with, for the same interpreters and platforms.
fn lock_build(
    requires: &[Requirement],
    of: &[String],
    request: &LockRequest<'_>,
    tools: &LockTools<'_>,
    span: &Span,
) -> Result<Lock, LockError> {
    let by = format!("the source distribution of `{}`", of.join("`, `"));
    let asked: Vec<Asked> =
        requires.iter().map(|one| Asked { requirement: one.clone(), by: by.clone() }).collect();
    let previous = request.previous.and_then(|previous| previous.build(requires));
    let request = LockRequest { requirements: &asked, previous, ..*request };
    let found = pins::resolve(&request, &Addresses::new(), request.build_constraints, tools, span)?;
    let mut lock = convert::convert(&request, span, &found, &mut Vec::new())?;
    legacy::complete(&mut lock, request.resolve, tools, span)?;
    // What is built with is installed from wheels alone.
    lock.packages.iter_mut().for_each(|package| package.sdist = None);
    lock.sort();
    Ok(lock)
}

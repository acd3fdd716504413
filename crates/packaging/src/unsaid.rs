//! What a lock of another tool leaves unsaid, and the index and the wheels say: which files have its hashes, what
//! packages need, which modules they provide, and which of them pytest loads. Each is remembered by hash. Knows no form.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use rayon::iter::{IntoParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _};
use sha2::{Digest as _, Sha256};
use store::Store;
use zip::ZipArchive;

use crate::Version;
use crate::index::{
    Client, DEFAULT, Fault, FetchError, FetchRequest, IndexFile, entry_points, fetch_file, fetched_before,
};
use crate::lock::{Dependency, Graph, Lock, Origin, Package, SourceFile, WheelFile, dependencies_of};
use crate::locking::modules::{self, Provided, is_called_plugin};
use crate::name::PackageName;
use crate::requirement_file::FileHash;
use crate::wheel::{Metadata, WheelFilename};

/// The memo table: a pin, with its hashes, to the files that are meant, a line each.
const FILES: &str = "pinned files";
/// The memo table: SHA-256 of a wheel to the `Requires-Dist` of its `METADATA`, a line each.
const REQUIRES: &str = "requires";
/// The file in a wheel that says what it needs may be this long, in bytes.
const LONGEST: u64 = 16 << 20;

/// What is not known of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unsaid {
    /// Its files.
    Files,
    /// What it needs; the wheel of this name says it.
    Needs(String),
    /// Whether pytest loads it.
    Plugin,
}

/// A package of which something is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown {
    /// The project.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// What is not known of it.
    pub what: Unsaid,
}

/// Why something could not be found out.
#[derive(Debug, thiserror::Error)]
pub enum UnsaidError {
    /// An index or a download failed.
    #[error(transparent)]
    Fetch(FetchError),
    /// The index has none of the files that are meant.
    #[error("the index has no file of `{name}` {version}{}", if *hashed { " with a hash of the lock" } else { "" })]
    NoFile {
        /// The project.
        name: PackageName,
        /// The version.
        version: Version,
        /// Whether the lock has hashes of it.
        hashed: bool,
    },
    /// A wheel that has the right hash cannot be read.
    #[error("cannot read what `{wheel}` needs: {reason}")]
    Wheel {
        /// The wheel.
        wheel: WheelFilename,
        /// Why.
        reason: String,
    },
}

impl UnsaidError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fetch(error) => error.code(),
            Self::NoFile { .. } => "packaging::lock_no_such_file",
            Self::Wheel { .. } => "packaging::wheel_metadata",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Fetch(error) => error.help(),
            Self::NoFile { .. } => Some("lock a version that the index has".to_owned()),
            Self::Wheel { .. } => None,
        }
    }

    /// Who has to act.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Fetch(error) => error.fault(),
            Self::NoFile { .. } | Self::Wheel { .. } => Fault::Request,
        }
    }
}

/// Fills in all that is remembered. What cannot be read of the cache is not known.
pub fn recall(lock: &mut Lock, store: &Store) {
    for package in &mut lock.packages {
        let Origin::Unnamed(hashes) = &package.origin else { continue };
        let memo = store.memo(FILES, &pin_key(package, hashes)).ok().flatten();
        if let Some(files) = memo.and_then(|memo| files_of(&memo)) {
            take(package, files);
        }
    }
    let wheels: Vec<[u8; 32]> =
        lock.packages.iter().flat_map(|package| package.wheels.iter().map(|wheel| wheel.sha256)).collect();
    let keys: Vec<&[u8]> = wheels.iter().map(<[u8; 32]>::as_slice).collect();
    let texts = |table| {
        let memos = store.memos(table, &keys).unwrap_or_default();
        let text = |memo: Option<Vec<u8>>| memo.and_then(|memo| String::from_utf8(memo).ok());
        wheels.iter().zip(memos).filter_map(move |(hash, memo)| Some((*hash, text(memo)?)))
    };
    if let Graph::InWheels(known) = &mut lock.graph {
        known.extend(texts(REQUIRES).map(|(hash, text)| (hash, needs(&text))));
    }
    let of = |package: &Package, known: &BTreeMap<[u8; 32], String>| {
        let mut first = modules::representative(package).into_iter().chain(&package.wheels);
        first.find_map(|wheel| known.get(&wheel.sha256).cloned())
    };
    if lock.packages.iter().any(|package| package.modules.is_empty()) {
        let known: BTreeMap<[u8; 32], String> = texts(modules::TABLE).collect();
        for package in lock.packages.iter_mut().filter(|package| package.modules.is_empty()) {
            let found = of(package, &known);
            package.modules = found.map_or_else(Vec::new, |text| text.lines().map(str::to_owned).collect());
        }
    }
    let known: BTreeMap<[u8; 32], String> = texts(modules::PLUGINS).collect();
    for package in &mut lock.packages {
        let has_wheels = !package.wheels.is_empty() || matches!(package.origin, Origin::Unnamed(_));
        package.pytest_plugin = match has_wheels {
            true => of(package, &known).map(|memo| modules::is_yes(&memo)),
            false => Some(is_called_plugin(&package.name)),
        };
    }
}

/// The projects among `names` whose modules nobody has found out yet, though there are wheels of them, or may be.
#[must_use]
pub fn unknown_modules(lock: &Lock, names: &BTreeSet<PackageName>, store: &Store) -> Vec<PackageName> {
    let is_known = |wheel: &WheelFile| matches!(store.memo(modules::TABLE, &wheel.sha256), Ok(Some(_)));
    // Some provide none, and that is known of them as well.
    let is_unknown = |package: &Package| match package.origin {
        Origin::Unnamed(_) => true,
        Origin::Index => {
            package.modules.is_empty() && !package.wheels.is_empty() && !package.wheels.iter().any(is_known)
        }
        Origin::Repository | Origin::Elsewhere(_) => false,
    };
    let named = |name: &&PackageName| {
        let named = lock.named(name);
        named.iter().all(|package| package.modules.is_empty()) && named.iter().any(is_unknown)
    };
    names.iter().filter(named).cloned().collect()
}

/// Finds out what is not known, and remembers it.
///
/// # Errors
/// Everything that could not be found out.
pub fn find_out(
    lock: &mut Lock,
    unknown: &BTreeSet<Unknown>,
    client: &Client,
    store: &Store,
) -> Result<(), Vec<UnsaidError>> {
    let ask = |one: &Unknown| {
        let package = lock.named(&one.name).iter().find(|package| package.version == one.version);
        let Some(package) = package else { return Ok(()) };
        match &one.what {
            Unsaid::Files => find_files(package, client, store),
            Unsaid::Plugin => find_plugin(package, client, store),
            Unsaid::Needs(name) => match package.wheels.iter().find(|wheel| wheel.name.as_str() == name) {
                Some(wheel) => read_wheel(package, wheel, client, store),
                None => Ok(()),
            },
        }
    };
    let unknown: Vec<&Unknown> = unknown.iter().collect();
    let errors: Vec<UnsaidError> = unknown.into_par_iter().filter_map(|one| ask(one).err()).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    recall(lock, store);
    Ok(())
}

/// Finds out the modules of those projects among `names` whose are not known. Of those that fail, why.
pub fn find_modules(
    lock: &mut Lock,
    names: &BTreeSet<PackageName>,
    client: &Client,
    store: &Store,
) -> Vec<UnsaidError> {
    let asked = |package: &&Package| package.modules.is_empty() && names.contains(&package.name);
    let unnamed = lock.packages.iter().filter(asked).filter(|one| matches!(one.origin, Origin::Unnamed(_)));
    let unnamed: BTreeSet<Unknown> = unnamed
        .map(|one| Unknown { name: one.name.clone(), version: one.version.clone(), what: Unsaid::Files })
        .collect();
    let mut errors = find_out(lock, &unnamed, client, store).err().unwrap_or_default();
    recall(lock, store);
    let packages: Vec<&Package> = lock.packages.iter().filter(asked).collect();
    let failed: Vec<FetchError> =
        packages.par_iter().filter_map(|package| modules::fetch(package, client, store).err()).collect();
    errors.extend(failed.into_iter().map(UnsaidError::Fetch));
    recall(lock, store);
    errors
}

/// Asks the index which files a pin means.
fn find_files(package: &Package, client: &Client, store: &Store) -> Result<(), UnsaidError> {
    let Origin::Unnamed(hashes) = &package.origin else { return Ok(()) };
    let claiming = client.indexes().claiming(package.name.as_ref()).next();
    let index = claiming.map_or(DEFAULT, |index| index.name.as_str());
    let page = client.page(index, package.name.as_ref()).map_err(UnsaidError::Fetch)?;
    let hashed = |file: &&IndexFile| match &file.sha256 {
        None => false,
        Some(hex) => hashes.is_empty() || hashes.iter().any(|hash| hash.hex == *hex),
    };
    let meant: Vec<String> = (page.files.iter().filter(hashed))
        .filter(|file| is_of(package, &file.name))
        .map(|file| {
            let size = file.size.map_or_else(|| "-".to_owned(), |size| size.to_string());
            format!("{} {size} {}", file.sha256.as_deref().unwrap_or_default(), file.name)
        })
        .collect();
    if meant.is_empty() {
        let (name, version) = (package.name.clone(), package.version.clone());
        return Err(UnsaidError::NoFile { name, version, hashed: !hashes.is_empty() });
    }
    let key = pin_key(package, hashes);
    remembered(store.put_memo(FILES, &key, meant.join("\n").as_bytes()), &meant.join(", "))
}

/// Whether a file on an index is one of a package, by its name.
fn is_of(package: &Package, name: &str) -> bool {
    if let Ok(wheel) = name.parse::<WheelFilename>() {
        return wheel.name == package.name && wheel.version == package.version;
    }
    let stem = [".tar.gz", ".zip", ".tar.bz2", ".tgz"].iter().find_map(|end| name.strip_suffix(end));
    let version = stem.and_then(|stem| stem.rsplit_once('-')).and_then(|(_, version)| version.parse().ok());
    version == Some(package.version.clone())
}

/// Stands for a pin with its hashes.
fn pin_key(package: &Package, hashes: &[FileHash]) -> Vec<u8> {
    let mut text = format!("{} {}", package.name, package.version);
    for hash in hashes {
        text.push(' ');
        text.push_str(&hash.hex);
    }
    Sha256::digest(text).to_vec()
}

type Files = Vec<([u8; 32], Option<u64>, String)>;

fn files_of(memo: &[u8]) -> Option<Files> {
    let line = |line: &str| {
        let mut parts = line.splitn(3, ' ');
        let hash = store::Digest::from_hex(parts.next()?, 0).ok()?.hash;
        let size = parts.next()?.parse().ok();
        Some((hash, size, parts.next()?.to_owned()))
    };
    std::str::from_utf8(memo).ok()?.lines().map(line).collect()
}

fn take(package: &mut Package, files: Files) {
    package.origin = Origin::Index;
    for (sha256, size, name) in files {
        match name.parse::<WheelFilename>() {
            Ok(name) => package.wheels.push(WheelFile { name, size, sha256, index: None }),
            Err(_) if !name.ends_with(".whl") => {
                package.sdist.get_or_insert(SourceFile { name, size, sha256, index: None });
            }
            Err(_) => {}
        }
    }
    package.wheels.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
}

/// What `Requires-Dist` lines mean.
fn needs(lines: &str) -> Vec<Dependency> {
    dependencies_of(lines.lines().filter_map(|line| line.parse().ok()).collect())
}

fn request<'a>(package: &'a Package, wheel: &'a WheelFile) -> FetchRequest<'a> {
    FetchRequest {
        index: wheel.index.as_deref().unwrap_or(DEFAULT),
        project: package.name.as_ref(),
        file: wheel.name.as_str(),
        sha256: wheel.sha256,
        size: wheel.size,
    }
}

/// Finds out whether pytest loads a package: from a wheel that is here, else from the index.
fn find_plugin(package: &Package, client: &Client, store: &Store) -> Result<(), UnsaidError> {
    if matches!(package.origin, Origin::Unnamed(_)) {
        return find_files(package, client, store);
    }
    match package.wheels.iter().find(|wheel| fetched_before(&request(package, wheel), store).is_some()) {
        Some(wheel) => read_wheel(package, wheel, client, store),
        None => modules::fetch(package, client, store).map(drop).map_err(UnsaidError::Fetch),
    }
}

/// Fetches a wheel, which has to have its hash, and remembers what it needs and provides.
fn read_wheel(
    package: &Package,
    wheel: &WheelFile,
    client: &Client,
    store: &Store,
) -> Result<(), UnsaidError> {
    let fetched =
        fetch_file(client, &request(package, wheel), store, &|_, _| {}).map_err(UnsaidError::Fetch)?;
    let failed = |reason: String| UnsaidError::Wheel { wheel: wheel.name.clone(), reason };
    let blob = store.open_blob(&fetched.digest).map_err(|error| failed(error.to_string()))?;
    let (provided, metadata) = read_archive(blob).map_err(failed)?;
    let requires = Metadata::parse(&metadata).requires_dist.join("\n");
    remembered(store.put_memo(REQUIRES, &wheel.sha256, requires.as_bytes()), wheel.name.as_str())?;
    remembered(modules::remember(wheel, &provided, store), wheel.name.as_str())
}

fn remembered(result: Result<(), store::StoreError>, file: &str) -> Result<(), UnsaidError> {
    result.map_err(|source| UnsaidError::Fetch(FetchError::Store { file: file.to_owned(), source }))
}

/// What a wheel provides, and its `METADATA`.
fn read_archive(content: impl Read + Seek) -> Result<(Provided, String), String> {
    let mut archive = ZipArchive::new(content).map_err(|error| error.to_string())?;
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.map(|name| name.into_owned()))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let is_metadata =
        |name: &&String| name.strip_suffix(".dist-info/METADATA").is_some_and(|stem| !stem.contains('/'));
    let name = names.iter().find(is_metadata).ok_or("it has no `METADATA`")?;
    let provided = modules::told(&names, entry_points(&mut archive, &names).as_deref());
    let file = archive.by_name(name).map_err(|error| error.to_string())?;
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).map_err(|error| error.to_string())?;
    Ok((provided, String::from_utf8_lossy(&text).into_owned()))
}

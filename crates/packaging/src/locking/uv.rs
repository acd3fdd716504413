//! Where the pinned uv is: on `PATH` if it is exactly that version, else its wheel from the index, by its hash.
//! Nothing but locking needs it.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use engine::{Cancel, run_and_listen};
use store::Store;
use zip::ZipArchive;

use super::error::LockError;
use crate::index::{Client, DEFAULT, FetchRequest, Progress, fetch_file};

/// The version that locks are made with.
pub const UV_VERSION: &str = "0.13.9";

/// How long a program on `PATH` may think about its version.
const PATIENCE: Duration = Duration::from_secs(20);

/// A wheel of the pinned version.
struct Pinned {
    system: &'static str,
    machine: &'static str,
    file: &'static str,
    size: u64,
    sha256: &'static str,
}

/// The wheels for musl: what is in them is linked statically, and runs on every Linux.
const PINNED: [Pinned; 4] = [
    Pinned {
        system: "linux",
        machine: "x86_64",
        file: "uv-0.13.9-py3-none-musllinux_1_1_x86_64.whl",
        size: 19_295_638,
        sha256: "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",
    },
    Pinned {
        system: "linux",
        machine: "aarch64",
        file: "uv-0.13.9-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
        size: 18_026_789,
        sha256: "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    },
    Pinned {
        system: "macos",
        machine: "aarch64",
        file: "uv-0.13.9-py3-none-macosx_11_0_arm64.whl",
        size: 14_660_755,
        sha256: "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
    },
    Pinned {
        system: "macos",
        machine: "x86_64",
        file: "uv-0.13.9-py3-none-macosx_10_12_x86_64.whl",
        size: 17_529_974,
        sha256: "c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5",
    },
];

/// The executable of the pinned uv. One that is on `PATH` is asked for its version; the wheel is fetched through
/// `client`, which says why if it cannot be, and unpacked once into `folder`, a folder of the cache.
///
/// # Errors
/// [`LockError::NoUv`], [`LockError::NoUvForMachine`], or [`LockError::Disk`].
pub fn find_uv(
    client: &Client,
    store: &Store,
    folder: &Path,
    env: &BTreeMap<String, String>,
    cancel: &Cancel,
    progress: Progress<'_>,
) -> Result<PathBuf, LockError> {
    let unpacked = folder.join(format!("uv-{UV_VERSION}")).join("uv");
    if unpacked.is_file() {
        return Ok(unpacked);
    }
    if let Some(found) = on_path(env, cancel) {
        return Ok(found);
    }
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    let pinned = PINNED.iter().find(|pinned| pinned.system == system && pinned.machine == machine);
    let none =
        || LockError::NoUvForMachine { version: UV_VERSION, machine: format!("{system} on {machine}") };
    let pinned = pinned.ok_or_else(none)?;
    let request = FetchRequest {
        index: DEFAULT,
        project: "uv",
        file: pinned.file,
        sha256: store::Digest::from_hex(pinned.sha256, 0).expect("the table holds hashes").hash,
        size: Some(pinned.size),
    };
    let fetched = fetch_file(client, &request, store, progress);
    let fetched =
        fetched.map_err(|error| LockError::NoUv { version: UV_VERSION, source: Box::new(error) })?;
    let disk = |source| LockError::Disk { path: unpacked.clone(), source };
    let bytes = store.read(&fetched.digest).map_err(io::Error::other).map_err(disk)?;
    unpack(&bytes, &unpacked).map_err(disk)?;
    Ok(unpacked)
}

/// Writes the executable of a wheel to `path`, in one step as others see it.
fn unpack(wheel: &[u8], path: &Path) -> io::Result<()> {
    let mut archive = ZipArchive::new(io::Cursor::new(wheel)).map_err(io::Error::other)?;
    let mut entry = archive.by_name(&format!("uv-{UV_VERSION}.data/scripts/uv")).map_err(io::Error::other)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::copy(&mut entry, &mut file)?;
    file.as_file().set_permissions(Permissions::from_mode(0o755))?;
    file.as_file().sync_all()?;
    // It is closed before it gets its name: who starts a program that is open for writing is refused.
    file.into_temp_path().persist(path)?;
    Ok(())
}

/// The first `uv` on `PATH`, if it is the pinned version.
fn on_path(env: &BTreeMap<String, String>, cancel: &Cancel) -> Option<PathBuf> {
    let found = std::env::split_paths(env.get("PATH")?)
        .map(|folder| folder.join("uv"))
        .find(|path| path.is_file())?;
    let mut command = Command::new(&found);
    command.arg("--version").current_dir("/");
    let said = run_and_listen(&mut command, Some(PATIENCE), cancel).ok().filter(engine::Said::success)?;
    let text = String::from_utf8(said.stdout).ok()?;
    (text.split_whitespace().nth(1) == Some(UV_VERSION)).then_some(found)
}

//! The cache: where it is, what it may take, and what its disk can do.

use std::fs::File;
use std::path::Path;

use super::Finding;
use crate::session::Session;
use engine::size;

/// With less, builds run into a full disk.
const LEAST_FREE: u64 = 2 << 30;

/// A budget of less is used up by one lock with large wheels.
const LEAST_BUDGET: u64 = 1 << 30;

/// File systems by the number that the kernel gives them (`statfs(2)`), and whether they are of other machines.
const FILE_SYSTEMS: &[(i64, &str, Kind)] = &[
    (0x6969, "NFS", Kind::Remote),
    (0xff53_4d42, "CIFS", Kind::Remote),
    (0xfe53_4d42, "SMB", Kind::Remote),
    (0x0102_1997, "9p", Kind::Remote),
    (0x0bd0_0bd0, "Lustre", Kind::Remote),
    (0x00c3_6400, "Ceph", Kind::Remote),
    (0x6573_5546, "FUSE", Kind::Remote),
    (0x0102_1994, "tmpfs", Kind::Memory),
    (0x794c_7630, "overlayfs", Kind::Local),
    (0xef53, "ext4", Kind::Local),
    (0x9123_683e, "Btrfs", Kind::Local),
    (0x5846_5342, "XFS", Kind::Local),
    (0x2fc1_2fc1, "ZFS", Kind::Local),
    (0xca45_1a4e, "bcachefs", Kind::Local),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Local,
    Memory,
    Remote,
}

pub(super) fn look(session: &Session<'_>) -> Vec<Finding> {
    let store = match session.store() {
        Ok(store) => store,
        Err(diagnostics) => return diagnostics.iter().map(Finding::told).collect(),
    };
    let folder = &session.cache_dir;
    let mut findings = vec![kept(session)];
    findings.extend(store.take_warnings().iter().map(|warning| {
        let told = crate::explain::store_warning(warning);
        Finding { status: super::Status::Warning, ..Finding::told(&told) }
    }));
    findings.extend(file_system(folder));
    findings.extend(free(folder));
    match store.scratch() {
        Ok(scratch) => findings.extend(copies(&scratch, &session.root)),
        Err(error) => {
            let advice = "make it writable for this user, or give another folder with `--cache-dir`";
            findings.push(Finding::error(format!("the cache cannot be written: {error}"), advice));
        }
    }
    findings
}

fn kept(session: &Session<'_>) -> Finding {
    let taken = session.store().and_then(|store| store.usage().map_err(crate::session::failed));
    let told = taken.and_then(|taken| Ok((taken.bytes(), session.budget()?)));
    match told {
        Ok((taken, budget)) => {
            let what =
                format!("{}: {} of {}", session.cache_dir.display(), size::show(taken), size::show(budget));
            if budget >= LEAST_BUDGET {
                return Finding::ok(what);
            }
            let advice = "set `[cache] budget` to more, or put the cache on a larger disk with `[cache] dir`";
            Finding::warning(what, advice)
        }
        Err(diagnostics) => {
            diagnostics.first().map_or_else(|| Finding::ok("the cache is empty"), Finding::told)
        }
    }
}

fn file_system(folder: &Path) -> Option<Finding> {
    let found = rustix::fs::statfs(folder).ok()?.f_type;
    let number = i64::from(found as u32);
    let (_, name, kind) = FILE_SYSTEMS.iter().find(|(one, _, _)| *one == number)?;
    let what = format!("its file system is {name}");
    Some(match kind {
        Kind::Local => Finding::ok(what),
        Kind::Memory => {
            Finding::warning(what, "it is lost when the machine restarts, and takes memory: use a disk")
        }
        Kind::Remote => {
            let advice = "use a local disk: each look at a file goes over the network, and locks are as good as the \
                          server's";
            Finding::warning(what, advice)
        }
    })
}

fn free(folder: &Path) -> Option<Finding> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let free = found.f_bavail * found.f_frsize;
    let what = format!("{} are free on its disk", size::show(free));
    Some(if free >= LEAST_FREE {
        Finding::ok(what)
    } else {
        Finding::warning(what, "free some: `pants cache gc --budget SIZE` removes what was used least lately")
    })
}

/// Whether what is built gets into the repository without a copy of its bytes.
fn copies(cache: &Path, root: &Path) -> Option<Finding> {
    let from = tempfile::NamedTempFile::new_in(cache).ok()?;
    std::fs::write(from.path(), [0; 4096]).ok()?;
    // In the folder of git it is nobody's file, whatever else watches.
    let to: File =
        [root.join(".git"), root.to_owned()].iter().find_map(|folder| tempfile::tempfile_in(folder).ok())?;
    Some(Finding::ok(match rustix::fs::ioctl_ficlone(&to, from.as_file()) {
        Ok(()) => "files get from it into the repository without a copy (reflinks)",
        Err(_) => "files are copied from it into the repository (no reflinks between the two)",
    }))
}

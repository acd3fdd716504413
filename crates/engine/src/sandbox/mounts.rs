//! The file system of a sandbox: what may be read at its place, a folder to work in, and nothing else.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};
use rustix::process::pivot_root;

use super::enter::{SetupError, Step};
use super::spec::Spec;
use super::{SYSTEM, WORK};

/// The devices that programs use.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// What programs expect in `/dev`.
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Puts the root of `spec` together and makes it the root of this process.
pub(super) fn enter(spec: &Spec) -> Result<(), SetupError> {
    // The kernel names mounts without links on the way to them.
    let root = spec.root().canonicalize().step("find its root")?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .step("keep its mounts to itself")?;
    let quiet = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", &root, "tmpfs", quiet, c"mode=0755").step("make a root")?;
    let temporary = spec.temporary();
    // Anybody may write there, as in every folder for temporary files.
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o1777)).step("make a temporary folder")?;
    let own = [(spec.work.as_path(), WORK), (&temporary, "/tmp"), (&temporary, "/var/tmp")];
    let own = own.map(|(from, to)| (from, below(&root, Path::new(to))));
    for (from, to) in &own {
        fs::create_dir_all(to)
            .and_then(|()| Ok(mount_bind_recursive(*from, to)?))
            .step("make its folders")?;
    }
    // After those, since a tool may lie in a folder for temporary files.
    for path in shown(&spec.readable) {
        show(&root, path).step(format!("show `{}`", path.display()))?;
    }
    if let Some((path, place)) = &spec.shared {
        bind(path, &below(&root, place), true).step(format!("show `{}`", path.display()))?;
    }
    let is_own = |point: &Path| own.iter().any(|(_, to)| to == point);
    make_read_only(&root, &is_own).step("protect what is only read")?;
    processes(&root).step("show its processes")?;
    devices(&root).step("show its devices")?;
    mount_remount(&root, MountFlags::BIND | MountFlags::RDONLY | quiet, "").step("protect its root")?;
    rustix::process::chdir(&root)
        .and_then(|()| pivot_root(".", "."))
        .and_then(|()| unmount(".", UnmountFlags::DETACH))
        .and_then(|()| rustix::process::chdir("/"))
        .step("change its root")
}

/// The system's folders and those of `readable`, without what lies in another of them.
fn shown(readable: &[PathBuf]) -> Vec<&Path> {
    let mut all: Vec<&Path> =
        SYSTEM.iter().map(Path::new).chain(readable.iter().map(PathBuf::as_path)).collect();
    all.sort_unstable();
    all.dedup_by(|later, kept| later.starts_with(kept));
    all
}

/// The place of an absolute path below another root.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Shows a path of the machine at its place, if it is there. A link stays a link.
fn show(root: &Path, path: &Path) -> io::Result<()> {
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let place = below(root, path);
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    if metadata.is_symlink() {
        return symlink(fs::read_link(path)?, &place);
    }
    bind(path, &place, metadata.is_dir())
}

fn bind(from: &Path, to: &Path, is_folder: bool) -> io::Result<()> {
    if is_folder {
        fs::create_dir_all(to)?;
    } else {
        fs::write(to, "")?;
    }
    Ok(mount_bind_recursive(from, to)?)
}

/// Lets nothing be written that was shown so far, nor below it, but in its own folders.
fn make_read_only(root: &Path, is_own: &dyn Fn(&Path) -> bool) -> io::Result<()> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    // The fifth field is where it is mounted, with spaces and the like as octal numbers; proc_pid_mountinfo(5).
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    let mut protected = false;
    for point in points.filter(|point| point.starts_with(root) && point != root && !is_own(point)) {
        protected = true;
        let kept = statvfs(&point)?.f_flag;
        // What the machine forbids stays forbidden, or the kernel refuses.
        let mut flags = MountFlags::BIND | MountFlags::RDONLY;
        flags.set(MountFlags::NOSUID, kept.contains(StatVfsMountFlags::NOSUID));
        flags.set(MountFlags::NODEV, kept.contains(StatVfsMountFlags::NODEV));
        flags.set(MountFlags::NOEXEC, kept.contains(StatVfsMountFlags::NOEXEC));
        flags.set(MountFlags::NOATIME, kept.contains(StatVfsMountFlags::NOATIME));
        flags.set(MountFlags::NODIRATIME, kept.contains(StatVfsMountFlags::NODIRATIME));
        flags.set(MountFlags::RELATIME, kept.contains(StatVfsMountFlags::RELATIME));
        mount_remount(&point, flags, "")?;
    }
    if protected { Ok(()) } else { Err(io::Error::other("nothing that was shown is among its mounts")) }
}

/// A path of `mountinfo` without its escapes.
fn unescape(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let bytes = text.as_bytes();
    let mut path = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let octal = text.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal.filter(|_| byte == b'\\') {
            Some(escaped) => {
                path.push(escaped);
                at += 4;
            }
            None => {
                path.push(byte);
                at += 1;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(path))
}

/// Its own processes in `/proc`. A container may forbid to mount that; then those of the machine are seen.
fn processes(root: &Path) -> io::Result<()> {
    let place = root.join("proc");
    fs::create_dir_all(&place)?;
    let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    match mount("proc", &place, "proc", quiet, None) {
        Ok(()) => Ok(()),
        Err(_) => Ok(mount_bind_recursive("/proc", &place)?),
    }
}

/// A small `/dev`.
fn devices(root: &Path) -> io::Result<()> {
    let place = root.join("dev");
    for folder in ["shm", "pts"] {
        fs::create_dir_all(place.join(folder))?;
    }
    for device in DEVICES {
        let device = Path::new("/dev").join(device);
        if device.exists() {
            bind(&device, &below(root, &device), false)?;
        }
    }
    for (name, target) in LINKS {
        symlink(target, place.join(name))?;
    }
    let quiet = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", place.join("shm"), "tmpfs", quiet, c"mode=1777")?;
    // Without it there are no terminals, which few need and some containers do not allow.
    let _ = mount(
        "devpts",
        place.join("pts"),
        "devpts",
        MountFlags::NOSUID,
        c"newinstance,ptmxmode=0666,mode=620",
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{SYSTEM, shown, unescape};
    use std::path::{Path, PathBuf};

    #[test]
    fn what_lies_in_a_folder_that_is_shown_is_shown_with_it() {
        let readable = ["/srv/a/python/bin", "/srv/a/python", "/usr/local/python", "/srv/a/pythons"];
        let readable = readable.map(PathBuf::from);
        let mut expect = SYSTEM.map(Path::new).to_vec();
        expect.extend(["/srv/a/python", "/srv/a/pythons"].map(Path::new));
        expect.sort_unstable();
        assert_eq!(shown(&readable), expect);
    }

    #[test]
    fn paths_are_read_as_the_kernel_writes_them() {
        let check = |text: &str, expect: &str| assert_eq!(unescape(text), Path::new(expect));
        check("/a/b", "/a/b");
        check("/a\\040b\\134c\\011d", "/a b\\c\td");
        check("/ends\\04", "/ends\\04");
    }
}

//! Puts the content of a blob at a path outside of the store; it does not know what the path means.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::composed::Segment;
use crate::error::At;
use crate::layer::Temporary;
use crate::session::is_at;
use crate::store::Content;
use crate::{Digest, Store, StoreError, copy};

impl Store {
    /// Makes `dest` a file with the content of the blob, in one step: whoever looks sees what was there before, or all
    /// of it. Its mode is 0755 if `executable`, else 0644, whatever the umask is. The folder of `dest` must be there.
    ///
    /// Fails with [`StoreError::Missing`] if the blob is not here, or was corrupt.
    pub fn place(&self, digest: &Digest, dest: &Path, executable: bool) -> Result<(), StoreError> {
        let content = self.content(digest)?.ok_or(StoreError::Missing(*digest))?;
        let temporary = beside(dest)?;
        self.fill(&temporary.file, content, digest, dest)?;
        let mode = if executable { 0o755 } else { 0o644 };
        temporary.file.set_permissions(Permissions::from_mode(mode)).at("change the mode of", dest)?;
        put_in_place(&temporary.path, dest).at("write", dest)
    }

    fn fill(&self, mut to: &File, content: Content, digest: &Digest, dest: &Path) -> Result<(), StoreError> {
        match content {
            Content::Small(bytes) => to.write_all(&bytes).at("write", dest),
            Content::File(file) if copy::reflink(&file, to) => Ok(()),
            Content::File(file) => copied(copy::range(&file, 0, to, 0, digest.size), digest, dest),
            Content::Composed(segments) => {
                let mut position = 0;
                for segment in segments {
                    match &segment {
                        Segment::Bytes(bytes) => {
                            std::os::unix::fs::FileExt::write_all_at(to, bytes, position)
                                .at("write", dest)?;
                        }
                        Segment::Blob { digest, offset, len } => {
                            let file = self.part_file(digest)?;
                            copied(copy::range(&file, *offset, to, position, *len), digest, dest)?;
                        }
                    }
                    position += segment.len();
                }
                Ok(())
            }
        }
    }
}

/// Gives a file its name, in one step. What had the name before is exchanged and then removed, since a rename over it
/// makes some file systems write the new content out before they go on, which takes longer than all the rest.
fn put_in_place(temporary: &Path, dest: &Path) -> io::Result<()> {
    match renameat_with(CWD, temporary, CWD, dest, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(()),
        Err(Errno::EXIST) if fs::symlink_metadata(dest).is_ok_and(|found| !found.is_dir()) => {}
        Err(_) => return fs::rename(temporary, dest),
    }
    match renameat_with(CWD, temporary, CWD, dest, RenameFlags::EXCHANGE) {
        // What is there now nobody holds any more, so that whoever sweeps may be first.
        Ok(()) => match fs::remove_file(temporary) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        },
        Err(_) => fs::rename(temporary, dest),
    }
}

/// A blob that ends too early has been cut since it was checked.
fn copied(result: io::Result<()>, digest: &Digest, dest: &Path) -> Result<(), StoreError> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(StoreError::Missing(*digest)),
        result => result.at("write", dest),
    }
}

/// How many random characters the name of a temporary file has.
const RANDOM: usize = 6;

/// A file in the folder of `dest`, with a name that nothing has.
fn beside(dest: &Path) -> Result<Temporary, StoreError> {
    let nameless = || io::Error::from(io::ErrorKind::InvalidInput);
    let name = dest.file_name().ok_or_else(nameless).at("write", dest)?;
    let open =
        |path: &Path| OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    let folder = dest.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sweep(folder, &prefix);
    loop {
        let made = tempfile::Builder::new()
            .prefix(&prefix)
            .rand_bytes(RANDOM)
            .suffix(".tmp")
            .make_in(folder, open)
            .at("write", dest)?;
        let (file, path) = made.into_parts();
        let path: PathBuf = path.keep().map_err(|error| error.error).at("write", dest)?;
        // Held until the file has its name; whoever finds it without a holder may remove it, as somebody may have done
        // just now.
        file.lock().at("lock", dest)?;
        if is_at(&file, &path).at("write", dest)? {
            return Ok(Temporary { file, path });
        }
    }
}

/// Removes what processes that were killed have left beside a file. What cannot be removed does no harm.
fn sweep(folder: &Path, prefix: &std::ffi::OsStr) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let left = name.strip_prefix(prefix.as_encoded_bytes()).and_then(|rest| rest.strip_suffix(b".tmp"));
        if left.is_some_and(|random| random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric))
            && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

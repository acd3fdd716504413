//! A layout as one file: a tar file of it, as `podman load` and `skopeo` take it. Blobs are not copied into the store again.

use store::{Digest, Entry, Part, Store, Tree};
use tar::{EntryType, Header};

use super::ImageError;

/// The length of what a tar file is made of.
const BLOCK: u64 = 512;

/// Packs a layout into the file `name`; gives a tree with that.
///
/// # Errors
/// Where the store fails.
pub fn archive(store: &Store, layout: &Digest, name: &str) -> Result<Digest, ImageError> {
    let layout = store.tree(layout)?;
    let mut parts = Vec::new();
    for (path, entry) in layout.walk() {
        let digest = match entry {
            Entry::File { digest, .. } => digest,
            Entry::Directory(_) => continue,
            Entry::Symlink { .. } => return Err(ImageError::Input("expected a layout")),
        };
        parts.push(Part::Bytes(header(&path, digest.size)?));
        parts.push(Part::Blob { digest: *digest, offset: 0, len: digest.size });
        parts.push(Part::Bytes(zeros((BLOCK - digest.size % BLOCK) % BLOCK)));
    }
    parts.push(Part::Bytes(zeros(2 * BLOCK)));
    let mut made = Tree::new();
    made.add_file(name, store.put_composed(&parts)?, false)?;
    Ok(store.put_tree(&made)?)
}

fn header(path: &str, size: u64) -> Result<Vec<u8>, ImageError> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_path(path).map_err(ImageError::Pack)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    Ok(header.as_bytes().to_vec())
}

fn zeros(count: u64) -> Vec<u8> {
    vec![0; usize::try_from(count).unwrap_or_default()]
}

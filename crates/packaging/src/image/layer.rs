//! A tree as a layer: a compressed tar file with the same bytes everywhere. Knows no image.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256 as Hasher};
use store::{Digest, Entry, Store, StoreError, Tree};
use tar::{Builder, EntryType, Header};

use super::{ImageError, Sha256};

/// The time of every file: 1980-01-01, the first that a zip file can have too, since programs pack what is installed.
const TIME: u64 = 315_532_800;

/// The file of a layer in the tree that is made for it.
pub(super) const BLOB: &str = "layer.tar.gz";
/// The file beside it that says its digests.
pub(super) const DIGESTS: &str = "layer.json";

/// What is known of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digests {
    /// The digest of its bytes.
    pub(super) sha256: Sha256,
    /// The digest of what they unpack to, by which a configuration names it.
    pub(super) unpacked: Sha256,
}

/// Packs a tree as a layer below `prefix`, an absolute path; gives a tree of the layer and its digests, empty for an empty tree.
/// All is root's.
///
/// # Errors
/// Where the store fails.
pub fn layer(store: &Store, tree: &Digest, prefix: &str) -> Result<Digest, ImageError> {
    let tree = store.tree(tree)?;
    let mut made = Tree::new();
    if !tree.is_empty() {
        let mut writer = store.writer()?;
        let digests = pack(store, &tree, prefix.trim_matches('/'), &mut writer)
            .map_err(|error| StoreError::from_io(error).map_or_else(ImageError::Pack, ImageError::Store))?;
        made.add_file(BLOB, writer.finish()?, false)?;
        let text = serde_json::to_vec(&digests).expect("digests are plain data");
        made.add_file(DIGESTS, store.put(&text)?, false)?;
    }
    Ok(store.put_tree(&made)?)
}

fn pack(store: &Store, tree: &Tree, prefix: &str, to: &mut impl Write) -> io::Result<Digests> {
    let packed = Hashed { hasher: Hasher::new(), to };
    // 255 is "unknown", so that the system does not show.
    let gzip = GzBuilder::new().mtime(0).operating_system(255).write(packed, Compression::new(6));
    let mut builder = Builder::new(Hashed { hasher: Hasher::new(), to: gzip });
    add_folder(&mut builder, prefix)?;
    add(&mut builder, store, tree, prefix)?;
    let unpacked = builder.into_inner()?;
    let packed = unpacked.to.finish()?;
    Ok(Digests { sha256: packed.hasher.finalize().into(), unpacked: unpacked.hasher.finalize().into() })
}

fn add<W: Write>(builder: &mut Builder<W>, store: &Store, tree: &Tree, prefix: &str) -> io::Result<()> {
    for (name, entry) in tree.entries() {
        let path = format!("{prefix}/{name}");
        match entry {
            Entry::File { digest, executable } => {
                let mut header = header(EntryType::Regular, if *executable { 0o755 } else { 0o644 });
                header.set_size(digest.size);
                let content = store.open_blob(digest).map_err(io::Error::other)?;
                builder.append_data(&mut header, &path, content)?;
            }
            Entry::Symlink { target } => {
                builder.append_link(&mut header(EntryType::Symlink, 0o777), &path, target)?;
            }
            Entry::Directory(below) => {
                add_folder(builder, &path)?;
                add(builder, store, below, &path)?;
            }
        }
    }
    Ok(())
}

fn add_folder<W: Write>(builder: &mut Builder<W>, path: &str) -> io::Result<()> {
    builder.append_data(&mut header(EntryType::Directory, 0o755), format!("{path}/"), io::empty())
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

/// Hashes what goes through.
struct Hashed<W> {
    hasher: Hasher,
    to: W,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

//! Makes a zip file as a list of parts, so that large members are named and not copied until the file is placed.
//!
//! The bytes are the same on every machine: members are sorted by path, times are the first that the format
//! knows, modes are 0644 and 0755, there are no extra fields, no comments and no ZIP64 records, and deflation is
//! one fixed implementation at one level. It knows nothing of what the files mean.

mod checksum;
mod content;
mod deflate;
mod error;
mod members;
mod record;

use store::{Digest, Part, Store, Tree};

pub use checksum::{crc32, note_crc32};
pub use error::{ArchiveError, Clash};

use content::{Content, Data};
use members::Member;
use record::{CENTRAL_LEN, END_LEN, Header};

/// The most entries: one less than what stands for "see the ZIP64 record".
pub const MAX_ENTRIES: u64 = 0xFFFE;
/// The greatest offset, length of a member, and length of the whole.
pub const MAX_SIZE: u64 = 0xFFFF_FFFE;

/// A zip file to be made.
#[derive(Clone, Debug)]
pub struct Spec<'a> {
    /// A blob that stands before the first member.
    pub prefix: Option<Digest>,
    /// What goes in, in any order.
    pub groups: Vec<Group<'a>>,
}

/// Members that come from one tree.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// What messages call the tree.
    pub origin: String,
    /// The files.
    pub tree: &'a Tree,
    /// The folder of the archive that they go below, `""` for the top.
    pub under: &'a str,
    /// How their bytes get there.
    pub packing: Packing,
    /// The only paths of the tree that are taken; none: all of them.
    pub only: &'a [String],
    /// Folders that get an entry of their own, below `under`.
    pub directories: &'a [String],
}

/// How files become members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Packing {
    /// As they are.
    Store,
    /// Deflated, unless that makes them longer.
    Deflate,
    /// The tree holds one zip file whose members are taken over as they are, compressed or not.
    Transfer,
}

/// Makes the archive and gives the blob that it is.
///
/// Fails with [`ArchiveError::Clashes`] for all members that exclude each other, with
/// [`ArchiveError::TooManyEntries`] or [`ArchiveError::TooLarge`] past the limits of the format without ZIP64, which
/// Python imports from since 3.13 only, and with what is wrong with an input.
pub fn build(store: &Store, spec: &Spec<'_>) -> Result<Digest, ArchiveError> {
    Ok(store.put_composed(&parts(store, spec)?)?)
}

/// The archive as the list of its parts: see [`build`].
pub fn parts(store: &Store, spec: &Spec<'_>) -> Result<Vec<Part>, ArchiveError> {
    let (members, sources) = members::collect(store, &spec.groups)?;
    let count = members.len() as u64;
    if count > MAX_ENTRIES {
        return Err(ArchiveError::TooManyEntries { count, limit: MAX_ENTRIES });
    }
    // First with what is known without reading, so that nothing is deflated in vain.
    check_size(spec, members.iter().map(|member| (member, member.size(&sources), member.least(&sources))))?;
    let contents = content::load(store, &members, &sources)?;
    let packed = members.iter().zip(&contents);
    check_size(spec, packed.map(|(member, content)| (member, content.size, content.packed_size())))?;
    let mut out = Layout::default();
    if let Some(prefix) = spec.prefix {
        out.bytes(&store.read(&prefix)?);
    }
    for (member, content) in members.iter().zip(contents) {
        out.member(member, content);
    }
    Ok(out.finish())
}

/// Checks members with their lengths before and after packing.
fn check_size<'a>(
    spec: &Spec<'_>,
    members: impl Iterator<Item = (&'a Member, u64, u64)>,
) -> Result<(), ArchiveError> {
    let mut size = spec.prefix.map_or(0, |prefix| prefix.size) + END_LEN as u64;
    for (member, length, packed) in members {
        let greatest = length.max(packed);
        if greatest > MAX_SIZE {
            let path = member.path.clone();
            return Err(ArchiveError::MemberTooLarge { path, size: greatest, limit: MAX_SIZE });
        }
        size += (record::LOCAL_LEN + CENTRAL_LEN + 2 * member.path.len()) as u64 + packed;
    }
    if size > MAX_SIZE { Err(ArchiveError::TooLarge { size, limit: MAX_SIZE }) } else { Ok(()) }
}

/// The archive as far as it is laid out.
#[derive(Default)]
struct Layout {
    parts: Vec<Part>,
    offset: u64,
    directory: Vec<u8>,
    count: u16,
}

impl Layout {
    fn bytes(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        match self.parts.last_mut() {
            Some(Part::Bytes(last)) => last.extend_from_slice(bytes),
            _ => self.parts.push(Part::Bytes(bytes.to_vec())),
        }
    }

    /// Adds a range of a blob; one that follows the last range in the same blob makes that longer.
    fn range(&mut self, blob: Digest, from: u64, length: u64) {
        self.offset += length;
        match self.parts.last_mut() {
            Some(Part::Blob { digest, offset, len }) if *digest == blob && *offset + *len == from => {
                *len += length;
            }
            _ => self.parts.push(Part::Blob { digest: blob, offset: from, len: length }),
        }
    }

    fn member(&mut self, member: &Member, content: Content) {
        let small = |value: u64| u32::try_from(value).expect("sizes are checked before");
        let header = Header {
            path: member.path.clone(),
            mode: member.mode,
            method: content.method,
            crc32: content.crc32,
            compressed_size: small(content.packed_size()),
            size: small(content.size),
        };
        header.write_central(small(self.offset), &mut self.directory);
        self.count += 1;
        let mut local = Vec::with_capacity(record::LOCAL_LEN + member.path.len());
        header.write_local(&mut local);
        match content.data {
            Data::Bytes(bytes) => {
                self.bytes(&local);
                self.bytes(&bytes);
            }
            Data::Range { blob, offset, len, header: Some(theirs) } if theirs == local => {
                let header_len = local.len() as u64;
                self.range(blob, offset - header_len, header_len + len);
            }
            Data::Range { blob, offset, len, .. } => {
                self.bytes(&local);
                self.range(blob, offset, len);
            }
        }
    }

    fn finish(mut self) -> Vec<Part> {
        let start = u32::try_from(self.offset).expect("sizes are checked before");
        let length = u32::try_from(self.directory.len()).expect("sizes are checked before");
        let mut tail = std::mem::take(&mut self.directory);
        record::write_end(self.count, length, start, &mut tail);
        self.bytes(&tail);
        self.parts
    }
}

//! Which members an archive has, in which order, and that none excludes another. Reads no contents.

use std::collections::BTreeMap;

use store::{Digest, Entry, Store};

use super::error::{ArchiveError, Clash};
use super::record::Mode;
use super::{Group, Packing};
use crate::extract::{self, BlobSource, EntryKind, Limits, SafeZip};

/// One member, before its content is looked at.
pub(super) struct Member {
    /// The path; a folder's ends in `/`.
    pub(super) path: String,
    pub(super) mode: Mode,
    pub(super) from: From,
    /// The group that it comes from.
    group: usize,
}

/// Where the content of a member is.
pub(super) enum From {
    /// Nowhere: it is a folder.
    Nothing,
    /// A blob, to be stored or deflated.
    Blob { digest: Digest, deflate: bool },
    /// An entry of another archive, by their places.
    Zip { source: usize, entry: usize },
}

/// An archive that members are taken over from.
pub(super) struct Source {
    pub(super) blob: Digest,
    pub(super) zip: SafeZip<BlobSource>,
}

impl Member {
    /// The length of its content.
    pub(super) fn size(&self, sources: &[Source]) -> u64 {
        match self.from {
            From::Nothing => 0,
            From::Blob { digest, .. } => digest.size,
            From::Zip { source, entry } => sources[source].zip.entries()[entry].size,
        }
    }

    /// The least length that it will have in the archive.
    pub(super) fn least(&self, sources: &[Source]) -> u64 {
        match self.from {
            From::Nothing | From::Blob { deflate: true, .. } => 0,
            From::Blob { digest, deflate: false } => digest.size,
            From::Zip { source, entry } => sources[source].zip.entries()[entry].compressed_size,
        }
    }
}

const MAX_PATH: usize = 0xFFFF;

/// All members, sorted by path, and the archives that some come from.
pub(super) fn collect(
    store: &Store,
    groups: &[Group<'_>],
) -> Result<(Vec<Member>, Vec<Source>), ArchiveError> {
    let mut members = Vec::new();
    let mut sources = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        match group.packing {
            Packing::Transfer => {
                let source = open_source(store, group)?;
                add_source(&source, sources.len(), index, group, &mut members);
                sources.push(source);
            }
            Packing::Store | Packing::Deflate => add_tree(index, group, &mut members)?,
        }
        members.extend(group.directories.iter().map(|folder| Member {
            path: format!("{}/", join(group.under, folder)),
            mode: Mode::Directory,
            from: From::Nothing,
            group: index,
        }));
    }
    if let Some(long) = members.iter().find(|member| member.path.len() > MAX_PATH) {
        let length = long.path.len();
        return Err(ArchiveError::LongPath { path: long.path.clone(), length, limit: MAX_PATH });
    }
    members.sort_by(|a, b| (&a.path, a.group).cmp(&(&b.path, b.group)));
    // A folder that two groups ask for is one folder.
    members.dedup_by(|a, b| a.path == b.path && a.mode == Mode::Directory && b.mode == Mode::Directory);
    let clashes = clashes(groups, &members);
    if clashes.is_empty() { Ok((members, sources)) } else { Err(ArchiveError::Clashes(clashes)) }
}

fn add_tree(index: usize, group: &Group<'_>, members: &mut Vec<Member>) -> Result<(), ArchiveError> {
    let absent = |path: &str| ArchiveError::Absent { path: path.to_owned(), origin: group.origin.clone() };
    let taken: Vec<(String, &Entry)> = if group.only.is_empty() {
        group.tree.walk()
    } else {
        let find = |path: &String| Ok((path.clone(), group.tree.get(path).ok_or_else(|| absent(path))?));
        group.only.iter().map(find).collect::<Result<_, ArchiveError>>()?
    };
    for (path, entry) in taken {
        let full = join(group.under, &path);
        match *entry {
            Entry::Directory(_) => {}
            Entry::Symlink { .. } => {
                return Err(ArchiveError::Symlink { path: full, origin: group.origin.clone() });
            }
            Entry::File { digest, executable } => members.push(Member {
                path: full,
                mode: if executable { Mode::Executable } else { Mode::File },
                from: From::Blob { digest, deflate: group.packing == Packing::Deflate },
                group: index,
            }),
        }
    }
    Ok(())
}

fn open_source(store: &Store, group: &Group<'_>) -> Result<Source, ArchiveError> {
    let files: Vec<_> =
        group.tree.walk().into_iter().filter(|(_, entry)| !matches!(entry, Entry::Directory(_))).collect();
    let [(name, Entry::File { digest, .. })] = files.as_slice() else {
        return Err(ArchiveError::NotOneFile { origin: group.origin.clone(), found: files.len() });
    };
    Ok(Source { blob: *digest, zip: extract::open(store, name, digest, Limits::default())? })
}

fn add_source(
    source: &Source,
    number: usize,
    group_index: usize,
    group: &Group<'_>,
    members: &mut Vec<Member>,
) {
    for (index, entry) in source.zip.entries().iter().enumerate() {
        if !group.only.is_empty() && !group.only.contains(&entry.path) {
            continue;
        }
        let path = join(group.under, &entry.path);
        let from = From::Zip { source: number, entry: index };
        members.push(match entry.kind {
            EntryKind::Directory => Member {
                path: format!("{path}/"),
                mode: Mode::Directory,
                from: From::Nothing,
                group: group_index,
            },
            EntryKind::File { executable: true } => {
                Member { path, mode: Mode::Executable, from, group: group_index }
            }
            EntryKind::File { executable: false } => {
                Member { path, mode: Mode::File, from, group: group_index }
            }
        });
    }
}

/// Everything that excludes another, in the order of the paths.
fn clashes(groups: &[Group<'_>], members: &[Member]) -> Vec<Clash> {
    let origin = |member: &Member| groups[member.group].origin.clone();
    let mut files: BTreeMap<&str, &Member> = BTreeMap::new();
    let mut clashes = Vec::new();
    for member in members {
        if member.mode == Mode::Directory {
            continue;
        }
        if let Some(first) = files.insert(&member.path, member) {
            clashes.push(Clash::Twice {
                path: member.path.clone(),
                first: origin(first),
                second: origin(member),
            });
        }
    }
    for member in members {
        let above = member.path.match_indices('/').map(|(at, _)| &member.path[..at]);
        for file in above.filter_map(|path| files.get(path)) {
            clashes.push(Clash::FileAndFolder {
                path: file.path.clone(),
                file: origin(file),
                folder: origin(member),
            });
        }
    }
    clashes.dedup();
    clashes
}

fn join(under: &str, path: &str) -> String {
    if under.is_empty() { path.to_owned() } else { format!("{under}/{path}") }
}

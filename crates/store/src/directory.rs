//! One level of a tree as the Remote Execution API's `Directory` message; it does not know where it is kept.

use prost::Message;

use crate::{Digest, TreeError};

/// One level of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directory {
    /// The files, by name.
    pub files: Vec<FileEntry>,
    /// The directories, by name.
    pub directories: Vec<DirectoryEntry>,
    /// The symbolic links, by name.
    pub symlinks: Vec<SymlinkEntry>,
}

/// A file in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name, without a folder.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Whether it can be run.
    pub executable: bool,
}

/// A directory in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its name, without a folder.
    pub name: String,
    /// Its `Directory` message.
    pub digest: Digest,
}

/// A symbolic link in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymlinkEntry {
    /// Its name, without a folder.
    pub name: String,
    /// What it points to, as written.
    pub target: String,
}

impl Directory {
    /// The message in its canonical form: each kind sorted by name (Remote Execution API v2, `Directory`).
    pub fn encode(&self) -> Vec<u8> {
        let wire = |digest: &Digest| {
            Some(wire::Digest { hash: digest.hex(), size_bytes: digest.size.cast_signed() })
        };
        let mut message = wire::Directory {
            files: self
                .files
                .iter()
                .map(|file| wire::FileNode {
                    name: file.name.clone(),
                    digest: wire(&file.digest),
                    is_executable: file.executable,
                })
                .collect(),
            directories: self
                .directories
                .iter()
                .map(|entry| wire::DirectoryNode { name: entry.name.clone(), digest: wire(&entry.digest) })
                .collect(),
            symlinks: self
                .symlinks
                .iter()
                .map(|link| wire::SymlinkNode { name: link.name.clone(), target: link.target.clone() })
                .collect(),
        };
        message.files.sort_by(|a, b| a.name.cmp(&b.name));
        message.directories.sort_by(|a, b| a.name.cmp(&b.name));
        message.symlinks.sort_by(|a, b| a.name.cmp(&b.name));
        message.encode_to_vec()
    }

    /// Reads a message. Fails where it is none, and where a name could lead out of the directory or is there twice.
    pub fn decode(bytes: &[u8]) -> Result<Directory, TreeError> {
        let message = wire::Directory::decode(bytes).map_err(|error| TreeError::Encoding(Box::new(error)))?;
        let mut directory = Directory::default();
        for node in message.files {
            let digest = digest(&node.name, node.digest)?;
            directory.files.push(FileEntry { name: node.name, digest, executable: node.is_executable });
        }
        for node in message.directories {
            let digest = digest(&node.name, node.digest)?;
            directory.directories.push(DirectoryEntry { name: node.name, digest });
        }
        for node in message.symlinks {
            check_target(&node.name, &node.target)?;
            directory.symlinks.push(SymlinkEntry { name: node.name, target: node.target });
        }
        directory.files.sort_by(|a, b| a.name.cmp(&b.name));
        directory.directories.sort_by(|a, b| a.name.cmp(&b.name));
        directory.symlinks.sort_by(|a, b| a.name.cmp(&b.name));
        directory.check_names()?;
        Ok(directory)
    }

    fn check_names(&self) -> Result<(), TreeError> {
        let files = self.files.iter().map(|entry| entry.name.as_str());
        let directories = self.directories.iter().map(|entry| entry.name.as_str());
        let symlinks = self.symlinks.iter().map(|entry| entry.name.as_str());
        let mut names: Vec<&str> = files.chain(directories).chain(symlinks).collect();
        names.sort_unstable();
        for name in &names {
            check_name(name)?;
        }
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(TreeError::Twice { path: pair[0].to_owned() }),
            None => Ok(()),
        }
    }
}

/// Fails unless `name` names one thing directly inside of a directory.
pub(crate) fn check_name(name: &str) -> Result<(), TreeError> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(TreeError::Name { path: name.to_owned() });
    }
    Ok(())
}

/// Fails unless `target` can be what the symbolic link `path` points to.
pub(crate) fn check_target(path: &str, target: &str) -> Result<(), TreeError> {
    if target.is_empty() || target.contains('\0') {
        return Err(TreeError::Target { path: path.to_owned(), target: target.to_owned() });
    }
    Ok(())
}

fn digest(name: &str, digest: Option<wire::Digest>) -> Result<Digest, TreeError> {
    let bad = || TreeError::Digest { path: name.to_owned() };
    let digest = digest.ok_or_else(bad)?;
    let size = u64::try_from(digest.size_bytes).map_err(|_| bad())?;
    Digest::from_hex(&digest.hash, size).map_err(|_| bad())
}

/// The messages of the Remote Execution API v2, with the fields that a tree of ours has.
mod wire {
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Digest {
        #[prost(string, tag = "1")]
        pub(super) hash: String,
        #[prost(int64, tag = "2")]
        pub(super) size_bytes: i64,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Directory {
        #[prost(message, repeated, tag = "1")]
        pub(super) files: Vec<FileNode>,
        #[prost(message, repeated, tag = "2")]
        pub(super) directories: Vec<DirectoryNode>,
        #[prost(message, repeated, tag = "3")]
        pub(super) symlinks: Vec<SymlinkNode>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct FileNode {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(message, optional, tag = "2")]
        pub(super) digest: Option<Digest>,
        #[prost(bool, tag = "4")]
        pub(super) is_executable: bool,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct DirectoryNode {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(message, optional, tag = "2")]
        pub(super) digest: Option<Digest>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct SymlinkNode {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(string, tag = "2")]
        pub(super) target: String,
    }
}

//! The steps that make a wheel's folder of metadata and a source distribution, as functions from trees of the store to
//! a tree. They are pure: a rule registers each under a name with [`VERSION`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use store::{Digest, Entry, Store, StoreError, Tree, TreeError};

use super::metadata::{core_metadata, entry_points, wheel as wheel_text};
use super::project::{INLINE_README, pyproject};
use super::sdist::{Member, archive};
use super::{Metadata, ReadmeText, SOURCE_ROOT};

/// The version of these steps, raised whenever one yields something else for the same input.
pub const VERSION: u32 = 1;

/// Why a step has no result.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The store failed, or lacks a part of an input.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The files cannot lie in one folder.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A source that is a symbolic link.
    #[error("`{0}` is a symbolic link, which a distribution cannot hold")]
    Symlink(String),
    /// A source below a name that the format has for itself.
    #[error("`{0}` lies where wheels keep what they say of themselves")]
    Reserved(String),
    /// The long description is not text.
    #[error("`{0}` is not UTF-8")]
    Readme(String),
    /// An input is not what the step expects.
    #[error("{0}")]
    Input(&'static str),
    /// The archive could not be written.
    #[error("the source distribution cannot be written: {0}")]
    Archive(std::io::Error),
}

impl StepError {
    /// The stable name of this kind of error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Tree(error) => error.code(),
            Self::Symlink(_) => "distribution::symlink",
            Self::Reserved(_) => "distribution::reserved",
            Self::Readme(_) => "distribution::readme",
            Self::Input(_) => "distribution::input",
            Self::Archive(_) => "distribution::archive",
        }
    }

    /// What to do about it, where that can be said.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.help(),
            Self::Symlink(_) => Some("put the file itself in the place of the link".to_owned()),
            Self::Reserved(_) => Some("rename the folder".to_owned()),
            Self::Readme(_) => Some("write it in UTF-8".to_owned()),
            _ => None,
        }
    }
}

/// A regular file of a tree.
struct Found {
    path: String,
    digest: Digest,
    executable: bool,
}

/// The folder of metadata of the wheel of `sources`; `documents` has the long description and the licences.
///
/// # Errors
/// See [`StepError`].
pub fn wheel(
    store: &Store,
    metadata: &Metadata,
    sources: &Digest,
    documents: &Digest,
) -> Result<Digest, StepError> {
    let folder = format!("{}.dist-info", metadata.stem());
    let sources = files(store, sources)?;
    let reserved = |found: &&Found| {
        let top = found.path.split('/').next().unwrap_or_default();
        found.path.contains('/') && (top.ends_with(".dist-info") || top.ends_with(".data"))
    };
    if let Some(found) = sources.iter().find(reserved) {
        return Err(StepError::Reserved(found.path.clone()));
    }
    let documents = files(store, documents)?;
    let readme = readme(store, metadata, &documents)?;
    let mut made: Vec<(String, Digest)> = Vec::new();
    let mut write = |name: &str, text: &str| -> Result<(), StepError> {
        made.push((format!("{folder}/{name}"), store.put(text.as_bytes())?));
        Ok(())
    };
    write("METADATA", &core_metadata(metadata, readme.as_deref()))?;
    write("WHEEL", &wheel_text(metadata))?;
    if let Some(text) = entry_points(&metadata.entry_points) {
        write("entry_points.txt", &text)?;
    }
    for file in &metadata.license_files {
        let found = document(&documents, file)?;
        made.push((format!("{folder}/licenses/{file}"), found.digest));
    }
    made.sort();
    let mut record = String::new();
    let listed = sources.iter().map(|found| (&found.path, &found.digest));
    for (path, digest) in listed.chain(made.iter().map(|(path, digest)| (path, digest))) {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(store.read(digest)?));
        record.push_str(&format!("{},sha256={hash},{}\n", csv(path), digest.size));
    }
    record.push_str(&format!("{},,\n", csv(&format!("{folder}/RECORD"))));
    made.push((format!("{folder}/RECORD"), store.put(record.as_bytes())?));
    let mut tree = Tree::new();
    for (path, digest) in &made {
        tree.add_file(path, *digest, false)?;
    }
    Ok(store.put_tree(&tree)?)
}

/// The source distribution of `sources`; `documents` has the long description and the licences.
///
/// # Errors
/// See [`StepError`].
pub fn sdist(
    store: &Store,
    metadata: &Metadata,
    sources: &Digest,
    documents: &Digest,
) -> Result<Digest, StepError> {
    let stem = metadata.stem();
    let documents = files(store, documents)?;
    let readme = readme(store, metadata, &documents)?;
    let text = |name: &str, text: String| Member {
        path: format!("{stem}/{name}"),
        content: text.into_bytes(),
        executable: false,
    };
    let mut members = vec![
        text("PKG-INFO", core_metadata(metadata, readme.as_deref())),
        text("pyproject.toml", pyproject(metadata)),
    ];
    if let (Some(super::Readme { text: ReadmeText::Inline(_), .. }), Some(readme)) =
        (&metadata.readme, &readme)
    {
        members.push(text(INLINE_README, readme.clone()));
    }
    for found in &documents {
        let content = store.read(&found.digest)?;
        members.push(Member { path: format!("{stem}/{}", found.path), content, executable: false });
    }
    for found in files(store, sources)? {
        let content = store.read(&found.digest)?;
        let path = format!("{stem}/{SOURCE_ROOT}/{}", found.path);
        members.push(Member { path, content, executable: found.executable });
    }
    let bytes = archive(members).map_err(StepError::Archive)?;
    let mut tree = Tree::new();
    tree.add_file(&metadata.sdist_name(), store.put(&bytes)?, false)?;
    Ok(store.put_tree(&tree)?)
}

/// All files of a tree, sorted by their paths.
fn files(store: &Store, tree: &Digest) -> Result<Vec<Found>, StepError> {
    let tree = store.tree(tree)?;
    let mut found = Vec::new();
    for (path, entry) in tree.walk() {
        match entry {
            Entry::File { digest, executable } => {
                found.push(Found { path, digest: *digest, executable: *executable });
            }
            Entry::Symlink { .. } => return Err(StepError::Symlink(path)),
            Entry::Directory(_) => {}
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn document<'f>(documents: &'f [Found], path: &str) -> Result<&'f Found, StepError> {
    let found = documents.iter().find(|found| found.path == path);
    found.ok_or(StepError::Input("expected all documents that the metadata names"))
}

/// The text of the long description.
fn readme(store: &Store, metadata: &Metadata, documents: &[Found]) -> Result<Option<String>, StepError> {
    match metadata.readme.as_ref().map(|readme| &readme.text) {
        None => Ok(None),
        Some(ReadmeText::Inline(text)) => Ok(Some(text.clone())),
        Some(ReadmeText::File(path)) => {
            let bytes = store.read(&document(documents, path)?.digest)?;
            String::from_utf8(bytes).map(Some).map_err(|_| StepError::Readme(path.clone()))
        }
    }
}

/// A path in a line of comma-separated values.
fn csv(path: &str) -> String {
    if path.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", path.replace('"', "\"\""))
    } else {
        path.to_owned()
    }
}

//! A wheel, opened for installing: what its metadata says, and its entries by path. Installs nothing.

use std::collections::HashMap;

use engine::extract::{self, BlobSource, Entry, EntryKind, Limits, SafeZip};
use store::{Digest, Store};

use super::EnvironmentError;
use super::record::{self, Record};
use crate::wheel::{EntryPoints, Metadata};

/// A file of the metadata may be this long, in bytes.
const MAX_METADATA: u64 = 16 << 20;

/// A wheel of the store.
pub struct Wheel {
    /// The file name.
    pub name: String,
    pub(super) zip: SafeZip<BlobSource>,
    /// The name of its `*.dist-info` folder.
    pub(super) dist_info: String,
    /// The name of the distribution as its metadata writes it.
    pub(super) distribution: String,
    /// The commands that it declares.
    pub entry_points: EntryPoints,
    pub(super) record: Record,
}

impl Wheel {
    /// Opens the wheel `digest` with the file name `name`.
    ///
    /// # Errors
    /// Where it cannot be read, or has not what every wheel has.
    pub fn open(store: &Store, name: &str, digest: &Digest) -> Result<Wheel, EnvironmentError> {
        let zip = extract::open(store, name, digest, Limits::default())?;
        let missing = |file| EnvironmentError::Metadata { wheel: name.to_owned(), file };
        let top = |entry: &Entry| entry.path.split_once('/').map(|(first, _)| first.to_owned());
        let dist_info = (zip.entries().iter().filter_map(top))
            .find(|first| first.ends_with(".dist-info"))
            .ok_or_else(|| missing("*.dist-info"))?;
        let text = |file: &str| -> Result<Option<String>, EnvironmentError> {
            let path = format!("{dist_info}/{file}");
            let Some(entry) = zip.find(&path).filter(|entry| entry.size <= MAX_METADATA) else {
                return Ok(None);
            };
            Ok(Some(String::from_utf8_lossy(&zip.read(entry)?).into_owned()))
        };
        let metadata = Metadata::parse(&text("METADATA")?.ok_or_else(|| missing("METADATA"))?);
        let entry_points = text("entry_points.txt")?.as_deref().map(EntryPoints::parse).unwrap_or_default();
        let record = record::read(&text("RECORD")?.ok_or_else(|| missing("RECORD"))?);
        let distribution = metadata.name;
        if !is_folder_name(&distribution) {
            return Err(missing("METADATA"));
        }
        Ok(Wheel { name: name.to_owned(), distribution, entry_points, record, dist_info, zip })
    }

    /// The names of the plain scripts in its `.data/scripts`, sorted.
    #[must_use]
    pub fn scripts(&self) -> Vec<String> {
        let names = self.zip.entries().iter().filter_map(|entry| {
            let (folder, script) = entry.path.split_once("/scripts/")?;
            (folder.ends_with(".data") && !script.contains('/')).then(|| script.to_owned())
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// The sum of the sizes of all its files.
    #[must_use]
    pub fn unpacked(&self) -> u64 {
        self.zip.entries().iter().map(|entry| entry.size).sum()
    }

    /// Every file by its path, with whether it is executable.
    pub(super) fn files(&self) -> HashMap<&str, (&Entry, bool)> {
        let file = |entry: &'_ Entry| match entry.kind {
            EntryKind::File { executable } => Some(executable),
            EntryKind::Directory => None,
        };
        let entries = self.zip.entries().iter();
        entries.filter_map(|entry| Some((entry.path.as_str(), (entry, file(entry)?)))).collect()
    }
}

/// Whether the raw name of a distribution, which names a folder of headers, is safe as one.
fn is_folder_name(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    !name.is_empty() && name.chars().all(plain) && name.contains(|letter: char| letter != '.')
}

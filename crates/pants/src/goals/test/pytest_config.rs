//! The files that configure pytest for a file of tests: those of the folders above it that have something to say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::session::Session;

/// The names of the files, each with the tables that are pytest's; none: all of it is.
const FILES: [(&str, &[&str]); 5] = [
    ("pytest.ini", &[]),
    (".pytest.ini", &[]),
    ("pyproject.toml", &["[tool.pytest"]),
    ("tox.ini", &["[pytest]"]),
    ("setup.cfg", &["[tool:pytest]"]),
];

/// The files that configure pytest, by the folders that they are in.
pub(super) struct Configurations(BTreeMap<String, Vec<String>>);

impl Configurations {
    /// Those of all folders above some files.
    pub(super) fn new<'f>(session: &Session<'_>, files: impl Iterator<Item = &'f str>) -> Configurations {
        let folders: BTreeSet<&str> = files.flat_map(above).collect();
        let of = |folder: &str| {
            let found = FILES.iter().filter_map(|(name, tables)| {
                let path = graph::join(folder, name);
                let text = std::fs::read_to_string(session.root.join(&path)).ok()?;
                let counts = tables.is_empty() || tables.iter().any(|table| text.contains(table));
                counts.then_some(path)
            });
            found.collect::<Vec<_>>()
        };
        let all = folders.into_iter().map(|folder| (folder.to_owned(), of(folder)));
        Configurations(all.filter(|(_, files)| !files.is_empty()).collect())
    }

    /// All of them.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.values().flatten().map(String::as_str)
    }

    /// Those of the folders above a file.
    pub(super) fn of<'c>(&'c self, file: &'c str) -> impl Iterator<Item = &'c str> {
        above(file).filter_map(|folder| self.0.get(folder)).flatten().map(String::as_str)
    }
}

/// The folders above a file; the root is "".
fn above(file: &str) -> impl Iterator<Item = &str> {
    Path::new(file).ancestors().skip(1).filter_map(Path::to_str)
}

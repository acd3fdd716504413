//! The files that configure a tool for a file: those of the folders above it that have something to say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use python::tools::ConfigurationFile;

use crate::session::Session;

/// The files that configure a tool, by the folders that they are in.
pub(crate) struct Configurations {
    of: BTreeMap<String, Vec<String>>,
    /// Where they were looked for.
    candidates: Vec<String>,
}

impl Configurations {
    /// Those of all folders above some files.
    pub(crate) fn new<'f>(
        session: &Session<'_>,
        names: &[ConfigurationFile],
        files: impl Iterator<Item = &'f str>,
    ) -> Configurations {
        let folders: BTreeSet<&str> = files.flat_map(above).collect();
        let mut candidates = Vec::new();
        let mut of = |folder: &str| {
            let found = names.iter().filter_map(|ConfigurationFile { name, tables }| {
                let path = graph::join(folder, name);
                candidates.push(path.clone());
                let text = std::fs::read_to_string(session.root.join(&path)).ok()?;
                let counts = tables.is_empty() || tables.iter().any(|table| text.contains(table));
                counts.then_some(path)
            });
            found.collect::<Vec<_>>()
        };
        let all = folders.into_iter().map(|folder| (folder.to_owned(), of(folder)));
        let of = all.filter(|(_, files)| !files.is_empty()).collect();
        Configurations { of, candidates }
    }

    /// The paths of all files that could be among them.
    pub(crate) fn candidates(&self) -> &[String] {
        &self.candidates
    }

    /// All of them.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.of.values().flatten().map(String::as_str)
    }

    /// Those of the folders above a file, the nearest first.
    pub(crate) fn of<'c>(&'c self, file: &'c str) -> impl Iterator<Item = &'c str> {
        above(file).filter_map(|folder| self.of.get(folder)).flatten().map(String::as_str)
    }
}

/// The folders above a file; the root is "".
fn above(file: &str) -> impl Iterator<Item = &str> {
    Path::new(file).ancestors().skip(1).filter_map(Path::to_str)
}

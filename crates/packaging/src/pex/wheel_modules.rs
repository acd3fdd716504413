//! Finds the module that a PEX starts in its wheels. Knows their names of files, imports nothing.

use std::collections::BTreeSet;

use engine::extract::{self, Limits};
use store::{Digest, Store};

use super::entry::EntryError;
use super::steps::StepError;
use crate::wheel::module_path;

/// Fails unless one of the wheels, each with its file name, has the module.
pub(super) fn check(store: &Store, module: &str, wheels: &[(String, Digest)]) -> Result<(), StepError> {
    let started = format!("{module}.__main__");
    let mut all = BTreeSet::new();
    for (name, digest) in wheels {
        let zip = extract::open(store, name, digest, Limits::default())?;
        for found in zip.entries().iter().filter_map(|entry| module_path(&entry.path)) {
            if found == module || found == started {
                return Ok(());
            }
            all.insert(found);
        }
    }
    Err(EntryError::NoModule { module: module.to_owned(), near: near(module, &all) }.into())
}

/// Up to three names that are near, the nearest first.
fn near(module: &str, all: &BTreeSet<String>) -> Vec<String> {
    const SIMILAR: f64 = 0.85;
    const MOST: usize = 3;
    let mut scored: Vec<(f64, &String)> =
        all.iter().map(|name| (strsim::jaro_winkler(name, module), name)).collect();
    scored.retain(|(score, _)| *score >= SIMILAR);
    scored.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    scored.into_iter().take(MOST).map(|(_, name)| name.clone()).collect()
}

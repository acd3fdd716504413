//! `cache du`: what targets and distributions take of the cache. Knows what builds have noted, and no layout.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use engine::size;
use packaging::name::parse_name;
use serde_json::{Value, json};
use store::{Digest, Share, Shares, Store, StoreError};

use crate::placed;
use crate::session::Session;

/// Owners by their names, each with the trees that are its own.
type Owners = BTreeMap<String, Vec<Digest>>;

/// Sums up what builds have noted of targets and distributions, as JSON and as text.
pub(super) fn du(session: &Session<'_>, store: &Store) -> Result<(Value, String), StoreError> {
    let targets = targets(&session.root, store)?;
    let distributions = distributions(store)?;
    let (of_targets, of_distributions) = (shares(store, &targets)?, shares(store, &distributions)?);
    let all = store.usage()?.bytes();
    let rest = all.saturating_sub(of_targets.bytes_with(&of_distributions));
    let mut text = String::new();
    let mut lists = Vec::new();
    for (what, owners, shares) in
        [("targets", &targets, &of_targets), ("distributions", &distributions, &of_distributions)]
    {
        let rows = largest_first(owners, shares);
        let sum = size::show(shares.bytes());
        let _ = writeln!(text, "{sum:>10}  {what}, with what several of them share counted once");
        if !rows.is_empty() {
            let _ = writeln!(text, "{:>12}{:>10}", "", "alone");
        }
        for (name, share) in &rows {
            let [bytes, alone] = [share.bytes, share.alone].map(size::show);
            let _ = writeln!(text, "{bytes:>12}{alone:>10}  {name}");
        }
        let list = rows
            .into_iter()
            .map(|(name, share)| json!({ "name": name, "bytes": share.bytes, "alone_bytes": share.alone }));
        lists.push(json!({ "bytes": shares.bytes(), "each": list.collect::<Vec<_>>() }));
    }
    let _ = writeln!(
        text,
        "{:>10}  else: steps on the way, earlier versions, what is remembered, tools",
        size::show(rest)
    );
    let _ = writeln!(text, "{:>10}  in all; targets hold the distributions that they need", size::show(all));
    let [targets, distributions] = &lists[..] else { unreachable!("there are two of them") };
    let json =
        json!({ "bytes": all, "targets": targets, "distributions": distributions, "other_bytes": rest });
    Ok((json, text))
}

fn shares(store: &Store, owners: &Owners) -> Result<Shares, StoreError> {
    store.shares(&owners.values().cloned().collect::<Vec<_>>())
}

fn largest_first<'o>(owners: &'o Owners, shares: &Shares) -> Vec<(&'o str, Share)> {
    let rows = owners.keys().zip(&shares.each).filter_map(|(name, share)| Some((name.as_str(), (*share)?)));
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|(_, share)| std::cmp::Reverse(share.bytes));
    rows
}

/// Targets that were built, those of other checkouts with the folder that they are in.
fn targets(root: &Path, store: &Store) -> Result<Owners, StoreError> {
    let mut owners = Owners::new();
    for placed in placed::all(store)? {
        let name = match placed.root == root {
            true => placed.target,
            false => format!("{} in {}", placed.target, placed.root.display()),
        };
        owners.entry(name).or_default().push(placed.tree);
    }
    Ok(owners)
}

/// Distributions by name and version, with their wheels and what was in these.
fn distributions(store: &Store) -> Result<Owners, StoreError> {
    let mut owners = Owners::new();
    for (file, tree) in engine::brought(store)? {
        owners.entry(distribution(&file)).or_default().push(tree);
    }
    Ok(owners)
}

/// The name and version of a distribution from the name of its file, or that where it has none.
fn distribution(file: &str) -> String {
    let parts = match file.strip_suffix(".whl") {
        Some(stem) => {
            let mut parts = stem.split('-');
            parts.next().zip(parts.next())
        }
        None => [".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".zip"]
            .iter()
            .find_map(|end| file.strip_suffix(end))
            .and_then(|stem| stem.rsplit_once('-')),
    };
    let named = parts.and_then(|(name, version)| Some((parse_name(name).ok()?, version)));
    named.map_or_else(|| file.to_owned(), |(name, version)| format!("{name} {version}"))
}

#[cfg(test)]
mod tests {
    use super::distribution;

    #[test]
    fn distributions_are_named_by_their_files() {
        assert_eq!(distribution("Py_YAML-6.0-cp311-cp311-linux_x86_64.whl"), "py-yaml 6.0");
        assert_eq!(distribution("python-dateutil-2.9.0.tar.gz"), "python-dateutil 2.9.0");
        assert_eq!(distribution("odd.whl"), "odd.whl");
    }
}

//! Names for new targets that nobody has yet.

use std::collections::BTreeSet;

use graph::{Label, Target, last_segment};

/// The name of a target of the root that has that of no folder.
const OF_THE_ROOT: &str = "root";

/// The names that are taken.
pub(super) struct Names(BTreeSet<Label>);

impl Names {
    pub(super) fn of(targets: &[Target]) -> Self {
        // Of `svc@resolve=a` the name `svc` is taken too: it stands for all such targets.
        let name = |label: Label| match label.name().split_once('@') {
            Some((name, _)) => Label::new(label.package(), name),
            None => label,
        };
        Self(targets.iter().map(|target| name(target.label.whole())).collect())
    }

    /// Takes the first of some names that is free, else the first with a number behind it. None where a folder cannot
    /// have targets.
    pub(super) fn choose(&mut self, package: &str, names: &[String]) -> Option<Label> {
        let default = if package.is_empty() { OF_THE_ROOT } else { last_segment(package) };
        let default = if graph::check_name(default).is_ok() { default } else { "lib" };
        let names: Vec<&str> = match names {
            [] => vec![default],
            names => {
                names.iter().map(String::as_str).filter(|name| graph::check_name(name).is_ok()).collect()
            }
        };
        let first = names.first().copied().unwrap_or(default);
        let numbered = (0..=self.0.len()).map(|number| format!("{first}{number}"));
        let mut candidates = names.iter().map(ToString::to_string).chain(numbered);
        let label = candidates.find_map(|name| {
            let label = Label::parse(&format!("//{package}:{name}"), "").ok()?;
            (label.package() == package && !self.0.contains(&label)).then_some(label)
        })?;
        self.0.insert(label.clone());
        Some(label)
    }
}

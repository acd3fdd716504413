//! What moved from one lock to the next, and why, for a readable summary.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Upgrade;
use crate::Version;
use crate::lock::Lock;
use crate::name::PackageName;

/// A project whose versions are not what they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The project.
    pub name: PackageName,
    /// Its versions in the previous lock; none if it is new.
    pub from: Vec<Version>,
    /// Its versions in the new lock; none if it is gone.
    pub to: Vec<Version>,
    /// Why, where that can be told.
    pub why: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join =
            |versions: &[Version]| versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match (self.from.as_slice(), self.to.as_slice()) {
            ([], to) => write!(f, "+ {} {}", self.name, join(to)),
            (from, []) => write!(f, "- {} {}", self.name, join(from)),
            (from, to) => write!(f, "~ {} {} -> {}", self.name, join(from), join(to)),
        }?;
        self.why.as_ref().map_or(Ok(()), |why| write!(f, " ({why})"))
    }
}

/// The changes from `previous` to `new`, by name.
pub(super) fn between(previous: Option<&Lock>, new: &Lock, upgrade: &Upgrade) -> Vec<Change> {
    let mut both: BTreeMap<&PackageName, (Vec<Version>, Vec<Version>)> = BTreeMap::new();
    for package in previous.iter().flat_map(|lock| &lock.packages) {
        both.entry(&package.name).or_default().0.push(package.version.clone());
    }
    for package in &new.packages {
        both.entry(&package.name).or_default().1.push(package.version.clone());
    }
    both.retain(|_, (from, to)| from != to);
    let moved: BTreeSet<&PackageName> = both.keys().copied().collect();
    let change = |(name, (from, to)): (&PackageName, (Vec<Version>, Vec<Version>))| {
        let why = previous.and_then(|previous| why(name, &to, previous, new, upgrade, &moved));
        Change { name: name.clone(), from, to, why }
    };
    both.into_iter().map(change).collect()
}

/// Why a project has other versions than before: the nearest cause that is known.
fn why(
    name: &PackageName,
    to: &[Version],
    previous: &Lock,
    new: &Lock,
    upgrade: &Upgrade,
    moved: &BTreeSet<&PackageName>,
) -> Option<String> {
    if to.is_empty() {
        return Some("nothing needs it any more".to_owned());
    }
    let asked = new.requirements.iter().find(|one| one.name == *name && !previous.requirements.contains(one));
    if let Some(requirement) = asked {
        return Some(format!("`{requirement}` is required"));
    }
    if upgrade.moves(name) {
        return Some("upgraded".to_owned());
    }
    let needs = |package: &&crate::lock::Package| {
        moved.contains(&package.name)
            && package.dependencies.iter().any(|dependency| dependency.name == *name)
    };
    let parent = new.packages.iter().filter(|package| package.name != *name).find(needs)?;
    Some(format!("needed by {} {}", parent.name, parent.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lock of requirements and of packages: name, version, and what each depends on.
    fn lock(requirements: &[&str], packages: &[(&str, &str, &[&str])]) -> Lock {
        let mut text = format!(
            "lock-version = '1.0'\ncreated-by = 'pants'\nrequires-python = '>=3.9'\n[tool.pants]\nformat = 1\n\
             indexes = ['default']\ninterpreters = []\nplatforms = []\nrequirements = {requirements:?}\n"
        );
        for (name, version, needs) in packages {
            let needs: Vec<String> = needs.iter().map(|name| format!("{{ name = '{name}' }}")).collect();
            let needs = needs.join(", ");
            text +=
                &format!("[[packages]]\nname = '{name}'\nversion = '{version}'\ndependencies = [{needs}]\n");
        }
        Lock::parse(&text).unwrap()
    }

    fn check(new: &Lock, upgrade: &Upgrade, expect: &[&str]) {
        let old = lock(&["app", "gone"], &[("app", "1", &["lib"]), ("gone", "1", &[]), ("lib", "1", &[])]);
        let changes: Vec<String> =
            between(Some(&old), new, upgrade).iter().map(ToString::to_string).collect();
        assert_eq!(changes, expect);
    }

    #[test]
    fn each_change_has_its_cause() {
        let new =
            lock(&["app>1"], &[("app", "2", &["lib", "extra"]), ("extra", "1", &[]), ("lib", "2", &[])]);
        check(
            &new,
            &Upgrade::Nothing,
            &[
                "~ app 1 -> 2 (`app>1` is required)",
                "+ extra 1 (needed by app 2)",
                "- gone 1 (nothing needs it any more)",
                "~ lib 1 -> 2 (needed by app 2)",
            ],
        );
        let new = lock(&["app", "gone"], &[("app", "1", &["lib"]), ("gone", "1", &[]), ("lib", "2", &[])]);
        check(&new, &Upgrade::Only(vec!["lib".parse().unwrap()]), &["~ lib 1 -> 2 (upgraded)"]);
        check(&new, &Upgrade::Nothing, &["~ lib 1 -> 2"]);
        assert_eq!(between(None, &new, &Upgrade::Nothing)[0].to_string(), "+ app 1");
    }
}

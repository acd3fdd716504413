//! What moved between two states of a lock, and which requirements reach it, whatever the interpreter and platform; it
//! knows no target.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Graph, Lock, Package};
use crate::name::{ExtraName, PackageName};
use crate::requirement::Requirement;

/// The projects whose packages are not the same in both locks: other versions, files, dependencies or modules.
#[must_use]
pub fn moved(old: &Lock, new: &Lock) -> BTreeSet<PackageName> {
    let names: BTreeSet<&PackageName> =
        old.packages.iter().chain(&new.packages).map(|package| &package.name).collect();
    let differs = |name: &&PackageName| old.named(name) != new.named(name);
    names.into_iter().filter(differs).cloned().collect()
}

impl Lock {
    /// The projects that a requirement may bring, itself included, on any interpreter and platform.
    ///
    /// Extras count only where they are asked for; every other part of a marker is taken to hold somewhere.
    /// Where only wheels say what they need, it may be all.
    #[must_use]
    pub fn reach(&self, root: &Requirement) -> BTreeSet<PackageName> {
        if let Graph::InWheels(_) = self.graph {
            return self.packages.iter().map(|package| package.name.clone()).collect();
        }
        let mut found: BTreeMap<&PackageName, BTreeSet<ExtraName>> = BTreeMap::new();
        let mut open = VecDeque::new();
        let asked: BTreeSet<ExtraName> = root.extras.iter().cloned().collect();
        found.insert(&root.name, asked);
        open.push_back(&root.name);
        while let Some(name) = open.pop_front() {
            let extras: Vec<ExtraName> = found[name].iter().cloned().collect();
            for dependency in self.named(name).iter().flat_map(|package: &Package| &package.dependencies) {
                if !dependency.marker.may_hold_somewhere(&extras) {
                    continue;
                }
                let known = found.contains_key(&dependency.name);
                let asked = found.entry(&dependency.name).or_default();
                let before = asked.len();
                asked.extend(dependency.extras.iter().cloned());
                if !known || asked.len() > before {
                    open.push_back(&dependency.name);
                }
            }
        }
        found.into_keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lock of lines `name version -> dependency[extra] ; marker`.
    fn lock(lines: &[&str]) -> Lock {
        let mut text = String::from(
            "lock-version = \"1.0\"\nrequires-python = \">=3.9\"\ncreated-by = \"pants\"\n[tool.pants]\nformat = 1\n\
             indexes = [\"default\"]\ninterpreters = []\ninterpreter-constraints = []\nplatforms = []\nrequirements = []\n",
        );
        for line in lines {
            let (head, needs) = line.split_once(" -> ").unwrap_or((line, ""));
            let (name, version) = head.split_once(' ').expect("a version");
            text.push_str(&format!(
                "[[packages]]\nname = \"{name}\"\nversion = \"{version}\"\ndependencies = ["
            ));
            for need in needs.split(" | ").filter(|need| !need.is_empty()) {
                let requirement: Requirement = need.parse().expect("a requirement");
                let extras: Vec<String> =
                    requirement.extras.iter().map(|extra| format!("{:?}", extra.to_string())).collect();
                let marker = requirement.marker.text().replace('"', "'");
                let marker = if marker.is_empty() { marker } else { format!(", marker = \"{marker}\"") };
                text.push_str(&format!(
                    "{{ name = \"{}\", extras = [{}]{marker} }}, ",
                    requirement.name,
                    extras.join(", ")
                ));
            }
            text.push_str("]\n");
        }
        Lock::parse(&text).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
    }

    fn names(names: &BTreeSet<PackageName>) -> String {
        names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_differs_has_moved() {
        let old = lock(&["a 1 -> b", "b 1", "c 1", "d 1"]);
        let new = lock(&["a 1 -> b", "b 2", "c 1 -> b", "e 1"]);
        assert_eq!(names(&moved(&old, &new)), "b c d e");
        assert_eq!(names(&moved(&old, &old)), "");
    }

    #[test]
    fn requirements_reach_what_they_may_need_somewhere() {
        let lock = lock(&[
            "a 1 -> b[x] ; sys_platform == 'win32'",
            "b 1 -> c ; extra == 'x' | d ; extra == 'y' | a",
            "c 1 -> b[y]",
            "d 1",
            "e 1 -> b",
        ]);
        let check = |text: &str, expect: &str| {
            assert_eq!(names(&lock.reach(&text.parse().expect("a requirement"))), expect, "{text}");
        };
        check("a", "a b c d");
        check("e", "a b c d e");
        check("d", "d");
        check("b", "a b c d");
        check("nowhere", "nowhere");
    }
}

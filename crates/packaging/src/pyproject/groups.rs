//! Groups that include each other, put together; knows no TOML.

use std::collections::{BTreeMap, BTreeSet};

use super::error::PyprojectFault as Fault;
use super::read::Reader;
use super::{EXTRAS, GROUPS, Group, Grouped};
use crate::requirement_file::Listed;

/// As many entries as the groups of a file may come to when each has what it includes.
const MOST: usize = 500_000;

/// As many unknown names as near ones are looked for.
const MOST_NEAR: usize = 100;

/// An entry of a group.
#[derive(Debug)]
pub(super) enum Entry {
    /// A requirement.
    Listed(Listed),
    /// All that another group has; where the file says so.
    Include {
        /// The other.
        group: Group,
        /// The byte of the file.
        at: usize,
    },
}

/// All groups of a file, in its order.
#[derive(Debug, Default)]
pub(super) struct Groups {
    all: Vec<(Group, Vec<Entry>)>,
    index: BTreeMap<Group, usize>,
}

/// How far a search has come with a group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    No,
    Open,
    Done,
}

impl Groups {
    /// Adds a group that is not there yet.
    pub(super) fn add(&mut self, group: Group, entries: Vec<Entry>) {
        self.index.insert(group.clone(), self.all.len());
        self.all.push((group, entries));
    }

    /// Adds entries to a group, which may be there.
    pub(super) fn extend(&mut self, group: Group, entries: Vec<Entry>) {
        match self.index.get(&group) {
            Some(&at) => self.all[at].1.extend(entries),
            None => self.add(group, entries),
        }
    }

    /// Puts those of some requirements that name their place where a group asks for the same project.
    pub(super) fn locate(&mut self, group: &Group, located: Vec<Entry>) {
        let Some(&at) = self.index.get(group) else { return };
        let entries = &mut self.all[at].1;
        for one in located {
            let Entry::Listed(new) = &one else { continue };
            let is_same = |entry: &Entry| matches!(entry, Entry::Listed(old) if old.requirement.name == new.requirement.name);
            if new.requirement.location().is_some() && entries.iter().any(is_same) {
                entries.retain(|entry| !is_same(entry));
                entries.push(one);
            }
        }
    }

    /// The groups that there are.
    pub(super) fn names(&self) -> impl Iterator<Item = &Group> {
        self.all.iter().map(|(group, _)| group).filter(|group| **group != Group::Project)
    }

    /// All requirements of all groups, each with what it includes.
    pub(super) fn resolve(&self, reader: &mut Reader<'_>) -> Vec<Grouped> {
        self.refuse_unknown(reader);
        self.refuse_cycles(reader);
        let mut found = Vec::new();
        let mut left = MOST;
        for (index, (group, _)) in self.all.iter().enumerate() {
            if !self.expand(index, group, &mut found, &mut left) {
                reader.fail(0, Fault::TooMany { most: MOST });
                break;
            }
        }
        found
    }

    fn refuse_unknown(&self, reader: &mut Reader<'_>) {
        let mut unknown = 0;
        for entry in self.all.iter().flat_map(|(_, entries)| entries) {
            let Entry::Include { group, at } = entry else { continue };
            // A project without dependencies has an empty list of them.
            if *group == Group::Project || self.index.contains_key(group) {
                continue;
            }
            let table = if matches!(group, Group::Extra(_)) { EXTRAS } else { GROUPS };
            unknown += 1;
            let near = if unknown <= MOST_NEAR { self.near(group) } else { None };
            let fault = Fault::Unknown { table, name: group.to_string(), near };
            reader.fail(*at, fault);
        }
    }

    /// The group of the same table with a name that is like this one.
    fn near(&self, group: &Group) -> Option<String> {
        const LIKE: f64 = 0.8;
        const LONGEST: usize = 100;
        let name = group.to_string();
        let same_table = |other: &&Group| std::mem::discriminant(*other) == std::mem::discriminant(group);
        let names = self.index.keys().filter(same_table).map(Group::to_string);
        names
            .filter(|other| name.len().max(other.len()) <= LONGEST)
            .map(|other| (strsim::jaro_winkler(&name, &other), other))
            .filter(|(likeness, _)| *likeness >= LIKE)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, other)| other)
    }

    /// The groups that one includes, each with where it does.
    fn includes(&self, index: usize) -> impl Iterator<Item = (usize, usize)> {
        self.all[index].1.iter().filter_map(|entry| match entry {
            Entry::Include { group, at } => self.index.get(group).map(|found| (*found, *at)),
            Entry::Listed(_) => None,
        })
    }

    /// Searches in depth, with a stack of its own. Extras may include each other: they then are the same, which
    /// hurts nobody.
    fn refuse_cycles(&self, reader: &mut Reader<'_>) {
        let mut seen = vec![Seen::No; self.all.len()];
        for start in 0..self.all.len() {
            if seen[start] != Seen::No {
                continue;
            }
            seen[start] = Seen::Open;
            let mut path = vec![(start, self.includes(start))];
            while let Some((index, includes)) = path.last_mut() {
                let Some((next, at)) = includes.next() else {
                    seen[*index] = Seen::Done;
                    path.pop();
                    continue;
                };
                if seen[next] == Seen::No {
                    seen[next] = Seen::Open;
                    path.push((next, self.includes(next)));
                } else if seen[next] == Seen::Open && matches!(self.all[next].0, Group::Dependency(_)) {
                    let open = path.iter().map(|(index, _)| *index).skip_while(|index| *index != next);
                    let names = open.chain([next]).map(|index| self.all[index].0.to_string());
                    reader.fail(at, Fault::Cycle { path: names.collect() });
                }
            }
        }
    }

    /// Adds all that a group has; says whether it is no more than is allowed.
    fn expand(&self, start: usize, group: &Group, found: &mut Vec<Grouped>, left: &mut usize) -> bool {
        let mut taken = BTreeSet::from([start]);
        let mut stack = vec![self.all[start].1.iter()];
        while let Some(entries) = stack.last_mut() {
            let Some(entry) = entries.next() else {
                stack.pop();
                continue;
            };
            let Some(fewer) = left.checked_sub(1) else { return false };
            *left = fewer;
            match entry {
                Entry::Listed(listed) => {
                    found.push(Grouped { group: group.clone(), listed: listed.clone() });
                }
                Entry::Include { group, .. } => {
                    if let Some(&next) = self.index.get(group)
                        && taken.insert(next)
                    {
                        stack.push(self.all[next].1.iter());
                    }
                }
            }
        }
        true
    }
}

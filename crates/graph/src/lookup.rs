//! The targets in order, found by label, directory or file; it does not know their edges.

use std::cmp::Ordering;

use crate::{GraphError, Label, NodeId, Part, Place, Target, near_all};

/// Targets sorted by label, each label once.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    list: Vec<Target>,
    /// The node of the first file of each target, and behind the last the number of nodes.
    first_file: Vec<u32>,
    /// Target and source of every source file, sorted by path.
    owned: Vec<(u32, u32)>,
}

/// A dense index as the graph counts, where nothing can have more than four thousand million of anything.
pub(crate) fn dense(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 nodes")
}

impl Targets {
    /// Sorts the targets; of two with one label the one that is written first stays.
    pub(crate) fn new(mut list: Vec<Target>, errors: &mut Vec<GraphError>) -> Self {
        list.sort_by(|a, b| a.label.cmp(&b.label).then_with(|| a.place.cmp(&b.place)));
        list.dedup_by(|later, first| {
            let same = later.label == first.label;
            if same {
                errors.push(GraphError::DuplicateTarget {
                    label: later.label.clone(),
                    first: first.place.clone(),
                    second: later.place.clone(),
                });
            }
            same
        });
        let mut next = dense(list.len());
        let mut first_file = Vec::with_capacity(list.len() + 1);
        let mut owned = Vec::new();
        for (index, target) in list.iter_mut().enumerate() {
            target.sources.sort();
            target.sources.dedup();
            owned.extend((0..target.sources.len()).map(|source| (dense(index), dense(source))));
            first_file.push(next);
            if target.rule.file_nodes {
                next += dense(target.sources.len());
            }
        }
        first_file.push(next);
        owned.sort_by(|a, b| path(&list, *a).cmp(path(&list, *b)).then(a.cmp(b)));
        Self { list, first_file, owned }
    }

    pub(crate) fn list(&self) -> &[Target] {
        &self.list
    }

    pub(crate) fn get(&self, index: u32) -> &Target {
        &self.list[index as usize]
    }

    /// The nodes of the target's files, in the order of its sources; none if its files are no nodes.
    pub(crate) fn files(&self, index: u32) -> impl Iterator<Item = NodeId> + use<> {
        (self.first_file[index as usize]..self.first_file[index as usize + 1]).map(NodeId)
    }

    /// The target that a node belongs to, and which of its sources it is.
    pub(crate) fn of_node(&self, node: NodeId) -> (u32, Option<usize>) {
        if (node.0 as usize) < self.list.len() {
            return (node.0, None);
        }
        let index = self.first_file.partition_point(|&first| first <= node.0) - 1;
        (dense(index), Some((node.0 - self.first_file[index]) as usize))
    }

    /// The node that the label names, in its own reading or else in the other, or else as Pants 1 named it.
    pub(crate) fn find(&self, label: &Label) -> Option<NodeId> {
        self.find_exact(label)
            .or_else(|| self.find_exact(&label.other_reading()?))
            .or_else(|| self.find_generated(label))
    }

    /// What a target of the directory generates under the name that a label has. `python_requirements()` of Pants 1 made
    /// targets that were named like that.
    fn find_generated(&self, label: &Label) -> Option<NodeId> {
        if *label.part() != Part::Whole {
            return None;
        }
        let is_meant = |index: &u32| match self.get(*index).label.part() {
            Part::Generated(name) => is_same_project(name, label.name()),
            _ => false,
        };
        only(self.range(|package| package.cmp(label.package())).filter(is_meant)).map(NodeId)
    }

    /// The targets that `parametrize` made of the one that a label names, in order.
    pub(crate) fn parametrized(&self, label: &Label) -> Vec<u32> {
        let is_meant = |index: &u32| {
            let other = &self.get(*index).label;
            let (base, parameters) = other.base_and_parameters();
            !parameters.is_empty() && base == label.name() && other.part() == label.part()
        };
        if matches!(label.part(), Part::File(_)) {
            return Vec::new();
        }
        self.range(|package| package.cmp(label.package())).filter(is_meant).collect()
    }

    fn find_exact(&self, label: &Label) -> Option<NodeId> {
        let Part::File(file) = label.part() else { return self.index(label).map(NodeId) };
        let index = self.index(&label.whole())?;
        let target = self.get(index);
        let below = |path: &str| -> Ordering { below_cmp(path, label.package(), file) };
        let source = target.sources.binary_search_by(|source| below(&source.path)).ok()?;
        if target.rule.file_nodes { self.files(index).nth(source) } else { Some(NodeId(index)) }
    }

    fn index(&self, label: &Label) -> Option<u32> {
        self.list.binary_search_by(|target| target.label.cmp(label)).ok().map(dense)
    }

    /// The targets for which `group` holds, where `order` says how a target's directory lies to them.
    pub(crate) fn range(&self, order: impl Fn(&str) -> Ordering) -> std::ops::Range<u32> {
        let start = self.list.partition_point(|target| order(target.label.package()) == Ordering::Less);
        let end = self.list.partition_point(|target| order(target.label.package()) != Ordering::Greater);
        dense(start)..dense(end)
    }

    /// Target and source of every target that has the file as a source.
    pub(crate) fn owning(&self, file: &str) -> impl Iterator<Item = (u32, u32)> + '_ {
        let start = self.owned.partition_point(|&owned| path(&self.list, owned) < file);
        let rest = self.owned[start..].iter().copied();
        let file = file.to_owned();
        rest.take_while(move |&owned| path(&self.list, owned) == file)
    }

    /// The error for a label that names nothing, with near names as long as `search` allows for all targets.
    pub(crate) fn unknown(&self, label: &Label, place: Option<&Place>, search: bool) -> GraphError {
        let place = place.cloned();
        if let (Part::File(_), Some(owner)) = (label.part(), self.index(&label.whole())) {
            let file = label.file_path().unwrap_or_default();
            let sources = self.get(owner).sources.iter().map(|source| &*source.path);
            let near = near_all(&file, sources).into_iter().map(str::to_owned).collect();
            return GraphError::NotASource { file, owner: label.whole(), place, near };
        }
        let mut near = self.owners_of(label);
        if near.is_empty() {
            near = self.near_files(label);
        }
        if near.is_empty() {
            near = self.near(label, search);
        }
        GraphError::UnknownTarget { label: label.clone(), place, near }
    }

    /// The file that a label names without its owner, as the labels that its owners give it.
    fn owners_of(&self, label: &Label) -> Vec<String> {
        let file = label.file_path().unwrap_or_default();
        let named = self.owning(&file).map(|(target, _)| {
            let owner = &self.get(target).label;
            let below = file.strip_prefix(owner.package()).unwrap_or(&file).trim_start_matches('/');
            owner.with_file(below).to_string()
        });
        named.collect()
    }

    /// The files near to one that a label may be meant to name, as their labels.
    fn near_files(&self, label: &Label) -> Vec<String> {
        let Some(file) = label.other_reading().filter(|other| matches!(other.part(), Part::File(_))) else {
            return Vec::new();
        };
        let here = self.range(|package| package.cmp(file.package()));
        let targets = here.map(|index| self.get(index)).filter(|target| target.rule.file_nodes);
        let sources: Vec<(&str, &Label)> = targets
            .flat_map(|target| target.sources.iter().map(|source| (&*source.path, &target.label)))
            .collect();
        let wanted = file.file_path().unwrap_or_default();
        let near = near_all(&wanted, sources.iter().map(|(path, _)| *path));
        let named = near.into_iter().filter_map(|path| {
            let (_, owner) = sources.iter().find(|(source, _)| *source == path)?;
            let below = path.strip_prefix(owner.package()).unwrap_or(path).trim_start_matches('/');
            Some(owner.with_file(below).to_string())
        });
        named.collect()
    }

    /// Labels near to one that is not there: of the same directory, else of all, else those of the directory.
    fn near(&self, label: &Label, search: bool) -> Vec<String> {
        let here = self.range(|package| package.cmp(label.package()));
        let same: Vec<&Target> = here.map(|index| self.get(index)).collect();
        let names: Vec<String> = same.iter().map(|target| short(&target.label)).collect();
        let near = near_all(&short(label), names.iter().map(String::as_str));
        if !near.is_empty() {
            return near.into_iter().map(|name| format!("//{}:{name}", label.package())).collect();
        }
        if search {
            let labels: Vec<String> = self.list.iter().map(|target| target.label.to_string()).collect();
            let near = near_all(&label.to_string(), labels.iter().map(String::as_str));
            if !near.is_empty() {
                return near.into_iter().map(str::to_owned).collect();
            }
        }
        same.iter().take(3).map(|target| target.label.to_string()).collect()
    }

    /// The directories that have targets, sorted.
    pub(crate) fn packages(&self) -> Vec<&str> {
        let mut packages: Vec<&str> = self.list.iter().map(|target| target.label.package()).collect();
        packages.dedup();
        packages
    }
}

/// The one item, if it is one.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// Whether two names of a project are the same: letters of both cases, and `-`, `_` and `.`, do not differ.
fn is_same_project(one: &str, other: &str) -> bool {
    let letter = |c: char| if matches!(c, '_' | '.') { '-' } else { c.to_ascii_lowercase() };
    one.chars().map(letter).eq(other.chars().map(letter))
}

fn path(list: &[Target], (target, source): (u32, u32)) -> &str {
    &list[target as usize].sources[source as usize].path
}

/// Compares a path to `package/file` without making it.
fn below_cmp(path: &str, package: &str, file: &str) -> Ordering {
    if package.is_empty() {
        return path.cmp(file);
    }
    path.bytes().cmp(package.bytes().chain(std::iter::once(b'/')).chain(file.bytes()))
}

/// The label without its directory.
fn short(label: &Label) -> String {
    match label.part() {
        Part::Generated(generated) => format!("{}#{generated}", label.name()),
        _ => label.name().to_owned(),
    }
}

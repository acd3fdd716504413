//! Which distribution owns which file of the repository, and what a distribution has of its own. Knows no metadata.
//!
//! Of several distributions that reach a file, the one whose folder is the nearest above it owns it; where none is above
//! it, or several are equally near, the one that names it, or its target, in `dependencies`.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use graph::{EdgeKind, Label, NodeId, Role, TargetGraph};

use crate::closure::Closure;
use crate::distribution_error::DistributionError;
use crate::error::RuleError;
use crate::requirements::{REQUIREMENT, wishes};
use crate::source_roots::SourceRoots;

/// The rule of distributions.
pub(crate) const DISTRIBUTION: &str = "python_distribution";

/// All distributions of a graph and what they reach, found out at the first question.
pub struct Ownership<'g> {
    graph: &'g TargetGraph,
    reaches: OnceCell<Vec<(NodeId, Vec<bool>)>>,
}

/// What a distribution has of its own, and what of others it needs.
pub(crate) struct Share {
    /// Its own files, and the requirements on third parties.
    pub(crate) closure: Closure,
    /// The other distributions that own something it needs.
    pub(crate) others: Vec<NodeId>,
}

/// Who owns a file.
enum Owner {
    One(NodeId),
    Several(Vec<NodeId>),
    Nobody,
}

impl<'g> Ownership<'g> {
    /// That of the distributions of a graph.
    pub fn new(graph: &'g TargetGraph) -> Self {
        Self { graph, reaches: OnceCell::new() }
    }

    /// What a distribution has of its own. `is_bare` says of the path of an `__init__.py` that it only makes its folder
    /// a package: all distributions that need such a one have it, where nobody owns it.
    ///
    /// # Errors
    /// All files that it needs and that nobody or several own, and all that cannot be part of a distribution.
    pub(crate) fn share(
        &self,
        root: NodeId,
        roots: &SourceRoots,
        is_bare: &dyn Fn(&str) -> bool,
    ) -> Result<Share, Vec<RuleError>> {
        let walk = self.walk(root, is_bare);
        let mut errors = walk.errors;
        let mut closure = Closure::default();
        for (owner, files) in &walk.files {
            let target = self.graph.target(*owner);
            closure.add_files(target, files, Some(roots), &mut errors);
        }
        for node in &walk.requirements {
            let (found, wrong) = wishes(self.graph.target(*node));
            closure.requirements.extend(found);
            errors.extend(wrong);
        }
        let others = walk.others.into_iter().collect();
        if errors.is_empty() { Ok(Share { closure, others }) } else { Err(errors) }
    }

    /// The paths of all files that a distribution may have, also where something is wrong with it.
    pub(crate) fn paths(&self, root: NodeId) -> Vec<String> {
        let files = self.walk(root, &|_| true).files;
        files.into_values().flatten().map(ToOwned::to_owned).collect()
    }

    /// The distributions of the repository that one requires, also where something is wrong with it.
    pub(crate) fn others(&self, root: NodeId) -> BTreeSet<NodeId> {
        self.walk(root, &|_| true).others
    }

    fn walk(&self, root: NodeId, is_bare: &dyn Fn(&str) -> bool) -> Walk<'g> {
        let mut walk = Walk::default();
        let mut open = VecDeque::from([root]);
        while let Some(at) = open.pop_front() {
            if at != root && !self.visit(root, at, is_bare, &mut walk) {
                continue;
            }
            for next in self.graph.deps(at) {
                if next.node != root && !walk.before.contains_key(&next.node) {
                    walk.before.insert(next.node, at);
                    open.push_back(next.node);
                }
            }
        }
        walk.files.values_mut().for_each(|files| files.sort_unstable());
        walk
    }

    /// Takes what a node is into account; tells whether the way goes on behind it.
    fn visit(&self, root: NodeId, at: NodeId, is_bare: &dyn Fn(&str) -> bool, walk: &mut Walk<'g>) -> bool {
        let graph = self.graph;
        let owner = graph.owner(at);
        let target = graph.target(at);
        match (target.rule.name, graph.file(at)) {
            (DISTRIBUTION, _) => {
                walk.others.insert(at);
                false
            }
            (REQUIREMENT, _) => {
                walk.requirements.insert(at);
                true
            }
            ("python_library" | "python_test_utils" | "python_binary" | "resources", Some(path)) => {
                match self.owner(at) {
                    Owner::One(one) if one != root => {
                        walk.others.insert(one);
                        false
                    }
                    owned @ (Owner::Several(_) | Owner::Nobody)
                        if !(path.ends_with("__init__.py") && is_bare(path)) =>
                    {
                        // The files of one target are wrong for the same reason.
                        if walk.told.insert(owner) {
                            let error = self.disowned(root, at, owned, chain(graph, &walk.before, at));
                            walk.errors.push(error.into());
                        }
                        false
                    }
                    _ => {
                        walk.files.entry(owner).or_default().push(path);
                        true
                    }
                }
            }
            ("files" | "genrule" | "python_image" | "python_test", _) => {
                if walk.told.insert(owner) {
                    walk.errors.push(self.unfit(root, at).into());
                }
                false
            }
            _ => target.rule.role != Role::Program,
        }
    }

    fn owner(&self, file: NodeId) -> Owner {
        let graph = self.graph;
        let reaches = self.reaches.get_or_init(|| self.reach_all());
        let reaching = reaches.iter().filter(|(_, reached)| reached[file.0 as usize]).map(|(node, _)| *node);
        let reaching: Vec<NodeId> = reaching.collect();
        let package = graph.target(file).label.package();
        let above = |dist: &NodeId| is_above(graph.target(*dist).label.package(), package);
        let depth = |dist: &NodeId| graph.target(*dist).label.package().len();
        let nearest = reaching.iter().filter(|dist| above(dist)).map(depth).max();
        let near: Vec<NodeId> = match nearest {
            Some(nearest) => reaching.into_iter().filter(|d| above(d) && depth(d) == nearest).collect(),
            None => reaching.into_iter().filter(|dist| self.names(*dist, file)).collect(),
        };
        match near.as_slice() {
            [] => Owner::Nobody,
            [one] => Owner::One(*one),
            several => {
                let naming: Vec<NodeId> =
                    several.iter().copied().filter(|dist| self.names(*dist, file)).collect();
                match naming.as_slice() {
                    [one] => Owner::One(*one),
                    _ => Owner::Several(near),
                }
            }
        }
    }

    /// Whether a distribution names a file or its target in `dependencies`.
    fn names(&self, dist: NodeId, file: NodeId) -> bool {
        let graph = self.graph;
        graph.deps(dist).iter().filter(|next| next.kind == EdgeKind::Declared).any(|next| {
            let named = graph.actual(next.node);
            named == file || named == graph.owner(file)
        })
    }

    /// What each distribution reaches, not through another one and not through programs.
    fn reach_all(&self) -> Vec<(NodeId, Vec<bool>)> {
        let graph = self.graph;
        let dists = graph.targets().filter(|(_, target)| target.rule.name == DISTRIBUTION);
        let reach = |root: NodeId| {
            let mut reached = vec![false; graph.node_count()];
            let mut open = vec![root];
            while let Some(at) = open.pop() {
                let role = graph.target(at).rule.role;
                if std::mem::replace(&mut reached[at.0 as usize], true)
                    || at != root && matches!(role, Role::Program | Role::Package | Role::Test)
                {
                    continue;
                }
                open.extend(graph.deps(at).iter().map(|next| next.node));
            }
            (root, reached)
        };
        dists.map(|(node, _)| reach(node)).collect()
    }

    fn disowned(&self, root: NodeId, file: NodeId, owner: Owner, chain: Vec<Label>) -> DistributionError {
        let graph = self.graph;
        let (distribution, file) = (graph.target(root), graph.label(file));
        let (label, place) = (distribution.label.clone(), distribution.place.clone());
        match owner {
            Owner::Several(several) => DistributionError::Overlap {
                distribution: label,
                file,
                owners: several.into_iter().map(|one| graph.target(one).label.clone()).collect(),
                chain,
                place,
            },
            _ => DistributionError::Unowned { distribution: label, file, chain, place },
        }
    }

    fn unfit(&self, root: NodeId, node: NodeId) -> DistributionError {
        let target = self.graph.target(node);
        DistributionError::Unfit {
            distribution: self.graph.target(root).label.clone(),
            dependency: target.label.clone(),
            rule: target.rule.name,
            place: target.place.clone(),
        }
    }
}

/// What was found on the way through what a distribution needs.
#[derive(Default)]
struct Walk<'g> {
    files: BTreeMap<NodeId, Vec<&'g str>>,
    requirements: BTreeSet<NodeId>,
    others: BTreeSet<NodeId>,
    errors: Vec<RuleError>,
    /// From where each node was reached.
    before: HashMap<NodeId, NodeId>,
    /// The targets of which an error was told.
    told: BTreeSet<NodeId>,
}

/// The targets on the way to a node.
fn chain(graph: &TargetGraph, before: &HashMap<NodeId, NodeId>, to: NodeId) -> Vec<Label> {
    let mut way = vec![graph.label(to)];
    let mut at = to;
    while let Some(previous) = before.get(&at) {
        at = *previous;
        way.push(graph.label(at));
    }
    way.reverse();
    way
}

/// Whether a folder is the other, or above it.
fn is_above(folder: &str, other: &str) -> bool {
    folder.is_empty()
        || other.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

//! The one of several that an import means: by resolve, by what is declared, then by where it lies. Reads nothing.

use graph::{Label, Target};
use packaging::requirement::Requirement;

use super::modules::Owner;
use super::settings::Ambiguity;
use crate::requirements::{resolve_of, wishes};

/// Who imports.
#[derive(Clone, Copy)]
pub(super) struct Importer<'a> {
    pub(super) owner: &'a Owner<'a>,
    /// The resolve that it is in.
    pub(super) resolve: &'a str,
    pub(super) default_resolve: &'a str,
    pub(super) ambiguity: Ambiguity,
}

/// What came of the owners of a module.
#[derive(Debug)]
pub(super) enum Choice<'a, T> {
    /// None of them may be meant.
    None,
    /// This one.
    One(&'a T),
    /// Any of these.
    Several(Vec<&'a T>),
}

impl Importer<'_> {
    /// The file that a module is, among those that have it.
    pub(super) fn file<'a>(&self, owners: impl Iterator<Item = &'a Owner<'a>>) -> Choice<'a, Owner<'a>> {
        let may = |owner: &&Owner<'_>| self.owner.is_test() || !owner.is_test();
        let mut left = self.of_resolve(owners.filter(may).collect());
        // Python prefers `a/__init__.py` to `a.py` beside it.
        let packages: Vec<&str> = left.iter().filter(|one| one.is_package).map(|one| one.root()).collect();
        left.retain(|one| one.is_package || !packages.contains(&one.root()));
        self.narrow(&mut left, &|owner| owner.target.label == self.owner.target.label);
        self.narrow(&mut left, &|owner| self.declares(&owner.label) || self.declares(&owner.target.label));
        if self.ambiguity != Ambiguity::None {
            self.narrow(&mut left, &|owner| owner.root() == self.owner.root());
        }
        if self.ambiguity == Ambiguity::Nearest {
            let best = left.iter().map(|owner| self.nearness(owner.target)).max();
            left.retain(|owner| Some(self.nearness(owner.target)) == best);
        }
        choice(left)
    }

    /// The target that brings a module of third parties, among those of the importer's resolve.
    pub(super) fn requirement<'a>(&self, owners: &[&'a Target]) -> Choice<'a, Target> {
        let mut left = owners.to_vec();
        self.narrow(&mut left, &|owner| self.declares(&owner.label));
        if self.ambiguity == Ambiguity::Nearest {
            let best = left.iter().map(|owner| self.nearness(owner)).max();
            left.retain(|owner| Some(self.nearness(owner)) == best);
        }
        plainest(&left).map_or_else(|| choice(left), Choice::One)
    }

    /// Those of the importer's resolve; else those that name none, and so are for all.
    fn of_resolve<'a>(&self, owners: Vec<&'a Owner<'a>>) -> Vec<&'a Owner<'a>> {
        let same = |owner: &&&Owner<'_>| resolve_of(owner.target, self.default_resolve) == self.resolve;
        let of_same: Vec<&Owner<'_>> = owners.iter().filter(same).copied().collect();
        if of_same.is_empty() {
            owners.into_iter().filter(|owner| owner.target.field("resolve").is_none()).collect()
        } else {
            of_same
        }
    }

    /// Keeps those that are preferred, if there are any.
    fn narrow<T>(&self, left: &mut Vec<&T>, prefers: &dyn Fn(&T) -> bool) {
        if left.len() > 1 && left.iter().any(|one| prefers(one)) {
            left.retain(|one| prefers(one));
        }
    }

    fn declares(&self, label: &Label) -> bool {
        self.owner.target.labels("dependencies").iter().any(|(declared, _)| *declared == label)
    }

    /// How many folders the packages of the importer and of a target have in common.
    fn nearness(&self, target: &Target) -> usize {
        let (one, other) = (target.label.package().split('/'), self.owner.target.label.package().split('/'));
        one.zip(other).take_while(|(a, b)| a == b && !a.is_empty()).count()
    }
}

/// Of several targets that ask for one and the same project, the one that asks for the least: in a resolve, all of them
/// bring the same distribution. None where they are not all of one project.
fn plainest<'a>(targets: &[&'a Target]) -> Option<&'a Target> {
    let mut asking = Vec::with_capacity(targets.len());
    for target in targets {
        let [wish] = &wishes(target).0[..] else { return None };
        let Requirement { name, extras, marker, .. } = &wish.requirement;
        asking.push((name.clone(), (!marker.is_always(), extras.len(), &target.label), *target));
    }
    let (name, ..) = asking.first()?;
    let is_one = asking.iter().all(|(other, ..)| other == name);
    asking.iter().filter(|_| is_one).min_by(|a, b| a.1.cmp(&b.1)).map(|(.., target)| *target)
}

fn choice<T>(left: Vec<&T>) -> Choice<'_, T> {
    match left.as_slice() {
        [] => Choice::None,
        [one] => Choice::One(one),
        _ => Choice::Several(left),
    }
}

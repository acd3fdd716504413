//! What is inside of an artifact: its distributions, which of them need which, and who asks for them.

use std::collections::{BTreeMap, BTreeSet};

use engine::ActionId;
use graph::Label;
use packaging::Version;
use packaging::lock::Lock;
use packaging::name::PackageName;
use packaging::pex::RUNTIME;
use packaging::sbom::Item;
use packaging::select::{Chain, Chosen, Selection};
use packaging::target::Target as Configuration;

use super::SourceBuild;
use crate::closure::Wish;

/// A distribution inside of an artifact.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// Its project.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// The name of its file: a wheel, or the source distribution that one is built from.
    pub file: String,
    /// The SHA-256 of that file.
    pub sha256: [u8; 32],
    /// The action whose tree is the wheel.
    pub wheel: ActionId,
    /// What it needs of the others.
    pub needs: BTreeSet<(PackageName, Version)>,
    /// The target that asks for it, or for what needs it; none for the runtime of a PEX.
    pub asked_by: Option<Label>,
    /// Whether that target asks for it itself.
    pub is_asked: bool,
    /// How the requirements lead to it.
    pub needed_by: Chain,
}

impl Distribution {
    /// What a bill of materials says of it.
    #[must_use]
    pub fn item(&self) -> Item {
        Item {
            name: self.name.clone(),
            version: self.version.clone(),
            file: self.file.clone(),
            sha256: self.sha256,
            needs: self.needs.clone(),
            is_asked: self.is_asked,
        }
    }

    /// The runtime of every PEX, whose wheel an action fetches.
    pub(super) fn runtime(wheel: ActionId, sha256: [u8; 32]) -> Self {
        let needs = BTreeSet::new();
        Self {
            name: RUNTIME.project.parse().expect("the table holds a name"),
            version: RUNTIME.version.parse().expect("the table holds a version"),
            file: RUNTIME.wheel.to_owned(),
            sha256,
            wheel,
            needs,
            asked_by: None,
            is_asked: true,
            needed_by: Chain::default(),
        }
    }
}

/// A distribution as it was chosen, by the name of its file.
pub(super) type Inside = BTreeMap<String, Choice>;

/// What is known of a distribution before there is an action for it.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    name: PackageName,
    version: Version,
    sha256: [u8; 32],
    needs: BTreeSet<(PackageName, Version)>,
    asked_by: Option<Label>,
    is_asked: bool,
    needed_by: Chain,
}

/// Adds what was chosen for one configuration.
pub(super) fn add(
    inside: &mut Inside,
    configuration: &Configuration,
    (selection, lock): (&Selection<'_>, &Lock),
    wishes: &[Wish],
) {
    for one in &selection.files {
        let package = one.package;
        let (file, sha256) = match one.file {
            Chosen::Wheel(wheel) => (wheel.name.to_string(), wheel.sha256),
            Chosen::Source(file, _) => (file.name.clone(), file.sha256),
        };
        let asks = |name: &PackageName| wishes.iter().find(|wish| wish.requirement.name == *name);
        let root = one.needed_by.0.first().unwrap_or(&package.name);
        let choice = inside.entry(file).or_insert_with(|| Choice {
            name: package.name.clone(),
            version: package.version.clone(),
            sha256,
            needs: BTreeSet::new(),
            asked_by: asks(root).map(|wish| wish.label.clone()),
            is_asked: asks(&package.name).is_some(),
            needed_by: one.needed_by.clone(),
        });
        let needs = selection.needs(one, configuration, lock).into_iter();
        choice.needs.extend(needs.map(|other| (other.name.clone(), other.version.clone())));
    }
}

/// The distributions with the actions that bring them: fetched wheels by their names, and source distributions by their
/// projects.
pub(super) fn distributions(
    inside: Inside,
    fetched: &[(String, ActionId)],
    builds: &[SourceBuild],
) -> Vec<Distribution> {
    let action = |file: &str, choice: &Choice| {
        let wheel = fetched.iter().find(|(name, _)| name == file).map(|(_, wheel)| *wheel);
        let is_built = |build: &&SourceBuild| {
            build.project == choice.name.to_string() && build.version == choice.version.to_string()
        };
        wheel.or_else(|| builds.iter().find(is_built).map(|build| build.wheel))
    };
    let with_action = |(file, choice): (String, Choice)| {
        let wheel = action(&file, &choice)?;
        let Choice { name, version, sha256, needs, asked_by, is_asked, needed_by } = choice;
        Some(Distribution { name, version, file, sha256, wheel, needs, asked_by, is_asked, needed_by })
    };
    inside.into_iter().filter_map(with_action).collect()
}

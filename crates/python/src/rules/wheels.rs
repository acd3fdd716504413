//! The wheels of what is needed out of a lock, with the actions that bring them.

use engine::{ActionGraph, ActionId};
use packaging::select::LeftOut;

use super::distributions::{Distributions, Needs, fetch_wheel};
use super::{Distribution, SourceBuild, inside};
use crate::error::RuleError;

/// The wheels that somebody needs.
pub(super) struct Wheels<'a> {
    pub(super) distributions: Distributions<'a>,
    /// Those that are fetched, by the names of their files.
    pub(super) fetched: Vec<(String, ActionId)>,
    /// Those that are built here.
    pub(super) builds: Vec<SourceBuild>,
    /// Those of the repository's own distributions.
    pub(super) own: Vec<OwnDistribution>,
}

/// A distribution of the repository: its metadata without its code.
pub(super) struct OwnDistribution {
    /// What asks for this one alone.
    pub(super) requirement: String,
    /// The name of the wheel's file.
    pub(super) file: String,
    pub(super) wheel: ActionId,
}

impl<'a> Wheels<'a> {
    /// Those of who needs none.
    pub(super) fn of_none(distributions: Distributions<'a>) -> Self {
        Wheels { distributions, fetched: Vec::new(), builds: Vec::new(), own: Vec::new() }
    }

    /// All wheels, by a name of each.
    pub(super) fn all(&self) -> Vec<(String, ActionId)> {
        let built = self.builds.iter().map(|build| (build.project.clone(), build.wheel));
        let own = self.own.iter().map(|own| (own.file.clone(), own.wheel));
        self.fetched.iter().cloned().chain(built).chain(own).collect()
    }

    /// The distributions with the actions that bring them, and what is left out of them.
    pub(super) fn inside(&self) -> (Vec<Distribution>, Vec<LeftOut>) {
        let inside = self.distributions.inside.clone();
        let inside = inside::distributions(inside, &self.fetched, &self.builds);
        (inside, self.distributions.left_out.clone())
    }
}

impl<'a> Needs<'a, '_> {
    /// Adds the actions that bring distributions as wheels.
    pub(super) fn bring(
        &self,
        distributions: Distributions<'a>,
        actions: &mut ActionGraph,
    ) -> Result<Wheels<'a>, Vec<RuleError>> {
        let fetched = (distributions.wheels.iter())
            .map(|(package, wheel)| fetch_wheel(package, wheel, actions))
            .collect();
        let builds = self.build_all(&distributions.sources, actions)?;
        Ok(Wheels { distributions, fetched, builds, own: Vec::new() })
    }
}

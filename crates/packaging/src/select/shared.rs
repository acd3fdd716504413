//! Whether several targets can share one file: the runtime inside a PEX chooses by tags, not by the lock; builds none.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Chosen, SelectError, Selected, Selection};
use crate::platform::Platform;
use crate::tags::Tags;
use crate::target::Target;

/// Checks that on each target the runtime of a file that holds the wheels of all of them chooses what the lock has for it. The
/// runtime takes, of each project, the wheel of the best tag, and among those the highest version, of what suits the
/// interpreter and honours `Requires-Python`.
///
/// # Errors
/// Gives an error for each project and target where it would choose another version.
#[must_use]
pub fn check_shared(selections: &[(Target, &Selection<'_>)]) -> Vec<SelectError> {
    let mut errors = Vec::new();
    for (target, selection) in selections {
        let platforms = platforms(target, selections);
        for own in &selection.files {
            let wrong = platforms.iter().find_map(|platform| {
                taken(own, target, *platform, selections)
                    .filter(|(_, taken)| taken.package.version != own.package.version)
            });
            if let Some((other, taken)) = wrong {
                errors.push(SelectError::Shared {
                    name: own.package.name.clone(),
                    target: *target,
                    locked: own.package.version.clone(),
                    taken: taken.package.version.clone(),
                    other,
                });
            }
        }
    }
    errors
}

/// The target's platform with the floors of all targets above its own: a machine may be newer than the floor that it
/// was built for, and takes then what is there for others.
fn platforms(target: &Target, selections: &[(Target, &Selection<'_>)]) -> BTreeSet<Platform> {
    let platforms = selections.iter().map(|(other, _)| other.platform);
    platforms.filter(|other| target.platform.runs_on(*other)).collect()
}

/// The wheel of a project that the runtime takes on a target.
fn taken<'s, 'l>(
    own: &Selected<'_>,
    target: &Target,
    platform: Platform,
    selections: &[(Target, &'s Selection<'l>)],
) -> Option<(Target, &'s Selected<'l>)> {
    let tags = Tags::of(target.abi, platform);
    let environment = target.environment();
    selections
        .iter()
        .filter_map(|(other, selection)| {
            let at = selection.files.binary_search_by(|one| one.package.name.cmp(&own.package.name)).ok()?;
            let one = &selection.files[at];
            let requires = one.package.requires_python.as_ref();
            let suits = requires.is_none_or(|requires| environment.satisfies(requires));
            let rank = match one.file {
                Chosen::Wheel(wheel) => tags.rank(&wheel.name),
                // What it will be built into is not known yet: it may be what fits best.
                Chosen::Source(..) => Some(0),
            };
            let rank = rank.filter(|_| suits)?;
            Some((rank, Reverse(&one.package.version), other, one))
        })
        .min_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)))
        .map(|(_, _, other, one)| (*other, one))
}

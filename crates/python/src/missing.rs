//! Distributions without a wheel for what programs are built for: found before anything is fetched, and told together.
//! States facts; who prints them adds the form.

use std::collections::{BTreeMap, BTreeSet};

use graph::{Label, Place};
use packaging::Version;
use packaging::index::IndexFile;
use packaging::name::PackageName;
use packaging::requirement::Requirement;
use packaging::select::{Chain, Nearest, nearest_version};
use packaging::target::Target as Configuration;

use crate::error::RuleError;

/// A version of a project that lacks wheels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` {version} has no wheel for {}", targets(.lacking))]
pub struct MissingWheels {
    /// The project.
    pub name: PackageName,
    /// The version in the lock.
    pub version: Version,
    /// The index that has it.
    pub index: Option<String>,
    /// The lock file, relative to the root.
    pub lock: String,
    /// What lacks a wheel, each with the program that is built for it.
    pub lacking: Vec<Lacking>,
    /// Whether there is a source distribution, and what keeps it from being built.
    pub from_source: Source,
    /// The requirement that leads to it, and where it is written.
    pub asked: Option<(Requirement, Place)>,
    /// The nearest version that has wheels for all of these, where somebody knows.
    pub other: Option<Version>,
}

/// A target of a program that has no wheel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The program.
    pub program: Label,
    /// What it is built for.
    pub target: Configuration,
    /// What there are wheels for.
    pub nearest: Nearest,
    /// How the requirements lead to the distribution.
    pub needed_by: Chain,
    /// Where the fields `interpreters` and `platforms` of the program are, if it has them.
    pub fields: BTreeMap<&'static str, Place>,
    /// Where the program is.
    pub place: Place,
}

/// What there is of the source distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// None.
    Absent,
    /// The lock does not say how it is built.
    NotLocked,
    /// It has something to compile, and the target is another platform than this machine.
    Foreign,
}

impl MissingWheels {
    /// The stable name of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "packaging::no_wheel"
    }

    /// Where it is written.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.asked.as_ref().map(|(_, place)| place).or(self.lacking.first().map(|one| &one.place))
    }

    /// Looks for a version that has the wheels among the files of an index.
    pub fn look_in(&mut self, files: &[IndexFile]) {
        let targets: BTreeSet<Configuration> = self.lacking.iter().map(|one| one.target).collect();
        let targets: Vec<Configuration> = targets.into_iter().collect();
        self.other = nearest_version(files, &self.version, &targets);
    }

    /// What belongs to it.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let programs: BTreeSet<&Label> = self.lacking.iter().map(|one| &one.program).collect();
        let programs: Vec<String> = programs.into_iter().map(|program| format!("`{program}`")).collect();
        let mut notes = vec![format!("needed by {}, whose lock is `{}`", programs.join(", "), self.lock)];
        if let Some(chain) = self.lacking.iter().map(|one| &one.needed_by.0).find(|chain| !chain.is_empty()) {
            let names: Vec<&str> = chain.iter().map(AsRef::as_ref).chain([self.name.as_ref()]).collect();
            notes.push(format!("required by way of {}", names.join(" → ")));
        }
        let mut by_nearest: BTreeMap<&Nearest, BTreeSet<String>> = BTreeMap::new();
        for one in &self.lacking {
            by_nearest.entry(&one.nearest).or_default().insert(format!("`{}`", one.target));
        }
        let several = by_nearest.len() > 1;
        notes.extend(by_nearest.into_iter().map(|(nearest, targets)| {
            let targets: Vec<String> = targets.into_iter().collect();
            let of = if several { format!("in place of {}, ", targets.join(", ")) } else { String::new() };
            format!("{of}there are wheels for {nearest}")
        }));
        match self.from_source {
            Source::Absent => {}
            Source::NotLocked => {
                notes.push(
                    "its source distribution is built only from a lock that `pants lock` writes, which says what with"
                        .to_owned(),
                );
            }
            Source::Foreign => notes.push(
                "its source distribution has something to compile, which takes such a machine".to_owned(),
            ),
        }
        notes
    }

    /// What to do about it: the lines to change.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let ways: Vec<String> = self.version_to_take().into_iter().chain(self.fields_to_change()).collect();
        (!ways.is_empty()).then(|| ways.join("; or "))
    }

    fn version_to_take(&self) -> Option<String> {
        let other = self.other.as_ref()?;
        let name = &self.name;
        let command = format!("`pants lock --upgrade-package {name}=={other}`");
        let written = self.asked.as_ref().filter(|(asked, _)| asked.name == *name && !asked.accepts(other));
        Some(match written {
            None => format!("take {other}, which has them, with {command}"),
            Some((asked, place)) => {
                format!(
                    "require {other}, which has them, in place of `{}` ({place}), and {command}",
                    asked.text()
                )
            }
        })
    }

    /// The fields by which programs would be built for what there are wheels for.
    fn fields_to_change(&self) -> Option<String> {
        let mut changes: BTreeMap<(&str, String), BTreeSet<String>> = BTreeMap::new();
        for one in &self.lacking {
            let Some(field) = one.nearest.field() else { continue };
            let part = match (field, &one.nearest) {
                (_, Nearest::Floor(floor)) => {
                    format!("write `{floor}` in place of `{}`", one.target.platform)
                }
                ("interpreters", _) => format!("leave out {}", one.target.minor()),
                _ => format!("leave out `{}`", one.target.platform),
            };
            let place = match one.fields.get(field) {
                Some(place) => format!("in `{field}` ({place})"),
                None => format!("for `{}`", one.program),
            };
            changes.entry((field, place)).or_default().insert(part);
        }
        let told = changes.into_iter().map(|((_, place), parts)| {
            format!("{} {place}", parts.into_iter().collect::<Vec<_>>().join(" and "))
        });
        Some(told.collect::<Vec<_>>().join(", ")).filter(|told| !told.is_empty())
    }
}

/// Brings together what several programs and files lack of the same version. Other errors stay as they are.
pub(crate) fn together(errors: Vec<RuleError>) -> Vec<RuleError> {
    let mut told: Vec<RuleError> = Vec::with_capacity(errors.len());
    for error in errors {
        let RuleError::Missing(missing) = error else {
            told.push(error);
            continue;
        };
        let same = told.iter_mut().find_map(|other| match other {
            RuleError::Missing(other)
                if (&other.lock, &other.name, &other.version)
                    == (&missing.lock, &missing.name, &missing.version) =>
            {
                Some(other)
            }
            _ => None,
        });
        match same {
            Some(other) => other.lacking.extend(missing.lacking),
            None => told.push(RuleError::Missing(missing)),
        }
    }
    told
}

fn targets(lacking: &[Lacking]) -> String {
    let targets: BTreeSet<Configuration> = lacking.iter().map(|one| one.target).collect();
    targets.iter().map(|target| format!("`{target}`")).collect::<Vec<_>>().join(", ")
}

//! What is wrong where the interpreter constraints of a closure exclude what a program is built for. States facts; who
//! prints them adds the form.

use graph::{Label, Place};
use packaging::python::{Minor, Wanted};

use crate::error::RuleError;

/// Why a program cannot be built for a Python.
#[derive(Debug, thiserror::Error)]
pub enum BoundsError {
    /// What the program is built for is excluded.
    #[error("`{program}` is to be built for Python {}, which {}", all(.wanted), exclude(.bounds, *.more))]
    Excluded {
        /// The program.
        program: Label,
        /// The Pythons.
        wanted: Vec<Wanted>,
        /// What excludes them.
        bounds: Vec<Imposed>,
        /// How many more there are.
        more: usize,
        /// What could be built for instead, oldest first.
        fitting: Vec<Minor>,
        /// The field that asks for them.
        field: &'static str,
        /// Where the first of them is asked for; none in the configuration.
        place: Option<Place>,
    },
    /// There is no Python that all constraints accept.
    #[error("there is no Python that `{program}` could be built for: nothing satisfies {}", together(.bounds, *.more))]
    Contradiction {
        /// The program.
        program: Label,
        /// Constraints that exclude each other.
        bounds: Vec<Imposed>,
        /// How many more there are.
        more: usize,
        /// Where the program is.
        place: Place,
    },
}

/// A constraint, and who imposes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imposed {
    /// The constraint as it is written.
    pub constraints: String,
    /// The targets from the program to the one that imposes it; empty for the resolve of the program.
    pub path: Vec<Label>,
    /// Where it is written; none in the configuration.
    pub place: Option<Place>,
}

impl Imposed {
    /// The target that imposes it, if it is another one than the program.
    fn by(&self) -> Option<&Label> {
        if self.path.len() > 1 { self.path.last() } else { None }
    }
}

impl BoundsError {
    /// The stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Excluded { .. } => "python::excluded_interpreter",
            Self::Contradiction { .. } => "python::interpreter_conflict",
        }
    }

    /// Where it is written.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Excluded { place, .. } => place.as_ref(),
            Self::Contradiction { place, .. } => Some(place),
        }
    }

    /// The ways that lead to the constraints, each with its place.
    pub fn notes(&self) -> Vec<(String, Option<Place>)> {
        let (Self::Excluded { bounds, .. } | Self::Contradiction { bounds, .. }) = self;
        let told = bounds.iter().filter_map(|bound| {
            let way: Vec<String> = bound.path.iter().map(|label| format!("`{label}`")).collect();
            match (bound.by(), &bound.place) {
                (Some(_), place) => Some((format!("imposed by way of {}", way.join(" → ")), place.clone())),
                (None, Some(place)) => {
                    Some(("imposed by the program itself".to_owned(), Some(place.clone())))
                }
                (None, None) => None,
            }
        });
        told.collect()
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        let (Self::Excluded { bounds, .. } | Self::Contradiction { bounds, .. }) = self;
        let others: Vec<String> = (bounds.iter())
            .filter_map(|bound| {
                let place = bound.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
                bound.by().map(|by| format!("of `{by}`{place}"))
            })
            .collect();
        let widen = match others.as_slice() {
            [] => "`interpreter_constraints`".to_owned(),
            others => format!("the `interpreter_constraints` {}", others.join(" or ")),
        };
        match self {
            Self::Contradiction { .. } => format!("widen {widen}, or do not depend on both"),
            Self::Excluded { wanted, fitting, field, place, program, .. } => {
                let fitting = fitting.iter().rev().find(|minor| wanted.iter().all(|one| one.minor > **minor));
                let take = match (place, fitting) {
                    (Some(_), _) if wanted.len() == 1 => format!("take it out of `{field}`"),
                    (Some(_), _) => format!("take them out of `{field}`"),
                    (None, Some(minor)) => format!("write `interpreters = [\"{minor}\"]` for `{program}`"),
                    (None, None) => format!("give `{program}` `interpreters` that fit"),
                };
                format!("{take}, or widen {widen}")
            }
        }
    }
}

/// Versions in words.
fn all(wanted: &[Wanted]) -> String {
    wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn exclude(bounds: &[Imposed], more: usize) -> String {
    match bounds {
        [one] => format!("{} excludes", imposed(one)),
        bounds => format!("{} exclude", together(bounds, more)),
    }
}

fn together(bounds: &[Imposed], more: usize) -> String {
    let more = (more > 0).then(|| format!("{more} more"));
    bounds.iter().map(imposed).chain(more).collect::<Vec<_>>().join(" and ")
}

fn imposed(bound: &Imposed) -> String {
    match bound.by() {
        Some(by) => format!("`{}` of `{by}`", bound.constraints),
        None => format!("`{}`", bound.constraints),
    }
}

impl From<BoundsError> for RuleError {
    fn from(error: BoundsError) -> RuleError {
        RuleError::Bounds(Box::new(error))
    }
}

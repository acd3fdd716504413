//! Who may depend on whom: the field `visibility`, and the rules that BUILD files declare. It checks the edges of a graph
//! and does not know where they come from.

mod check;
mod declared;
mod entry;
mod globs;
mod spec;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Label, Place};

pub use check::check;
pub use declared::{Action, DeclaredRules, Rule, RuleSet};
pub use spec::{SpecError, TargetSpec};

/// Which end of an edge declared rules are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// What the targets here may depend on.
    Dependencies,
    /// Who may depend on the targets here.
    Dependents,
}

impl Side {
    /// The function of BUILD files that declares the rules.
    pub fn function(self) -> &'static str {
        match self {
            Self::Dependencies => "__dependencies_rules__",
            Self::Dependents => "__dependents_rules__",
        }
    }
}

/// Edges between two targets that must not be, for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The edges, sorted; there is at least one.
    pub edges: Vec<Refused>,
    /// Why they must not be.
    pub cause: Cause,
}

/// An edge that must not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Refused {
    /// Who depends.
    pub from: Label,
    /// On whom.
    pub to: Label,
    /// Where this is written, if somewhere.
    pub place: Option<Place>,
}

/// Why an edge must not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// The `visibility` of the target does not name who depends.
    Invisible {
        /// What the field says.
        says: Vec<String>,
        /// Where the field is.
        place: Place,
    },
    /// A rule is against it.
    Rule {
        /// Whose rule it is.
        side: Side,
        /// Whether it only warns.
        warns: bool,
        /// The rule as it is written.
        rule: String,
        /// Where the rule is.
        place: Place,
    },
    /// Rules are declared, and none of them is about it.
    NoRule {
        /// Whose rules they are.
        side: Side,
        /// Where they are.
        place: Place,
    },
}

impl Violation {
    /// The violation by the edges that start at what is asked about alone; none if there is none.
    pub fn of(&self, is_asked: impl Fn(&Label) -> bool) -> Option<Self> {
        let edges: Vec<Refused> = self.edges.iter().filter(|edge| is_asked(&edge.from)).cloned().collect();
        (!edges.is_empty()).then(|| Self { edges, cause: self.cause.clone() })
    }

    /// Whether it is only to be warned of.
    pub fn warns(&self) -> bool {
        matches!(self.cause, Cause::Rule { warns: true, .. })
    }

    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self.cause {
            Cause::Invisible { .. } => "graph::visibility",
            Cause::Rule { .. } => "graph::dependency_rule",
            Cause::NoRule { .. } => "graph::no_dependency_rule",
        }
    }

    /// Where the first of the edges is written, or else what is against it.
    pub fn place(&self) -> &Place {
        self.edges.first().and_then(|edge| edge.place.as_ref()).unwrap_or(self.cause.place())
    }

    /// What belongs to it, with the place if it has one.
    pub fn notes(&self) -> Vec<(String, Option<Place>)> {
        let mut notes = vec![match &self.cause {
            Cause::Invisible { says, place } => {
                let says: Vec<String> = says.iter().map(|entry| format!("`{entry}`")).collect();
                let says = if says.is_empty() { "nobody".to_owned() } else { says.join(", ") };
                (format!("who may see it: {says}"), Some(place.clone()))
            }
            Cause::Rule { side, rule, place, .. } => {
                (format!("the rule `{rule}` of `{}`", side.function()), Some(place.clone()))
            }
            Cause::NoRule { side, place } => {
                (format!("`{}` are declared here", side.function()), Some(place.clone()))
            }
        }];
        match self.edges.len() - 1 {
            0 => {}
            1 => notes.push(("so does another dependency between these targets".to_owned(), None)),
            more => notes.push((format!("so do {more} other dependencies between these targets"), None)),
        }
        notes
    }

    /// What to write to allow it.
    pub fn help(&self) -> Option<String> {
        let edge = self.edges.first()?;
        Some(match &self.cause {
            Cause::Invisible { .. } => {
                format!(
                    "add `\"//{}:__pkg__\"` to the `visibility` of `{}`",
                    edge.from.package(),
                    edge.to.whole()
                )
            }
            Cause::Rule { place, side, .. } => {
                let other = self.other(*side);
                format!(
                    "write `\"{other}\"` in front of the rule in {}:{} to allow it",
                    place.file, place.line
                )
            }
            Cause::NoRule { side, .. } => {
                let own = match side {
                    Side::Dependencies => &edge.from,
                    Side::Dependents => &edge.to,
                };
                format!(
                    "rules have to say something of every dependency: add `\"{}\"` to the set that is for `{own}`, \
                     or the set `(\"*\", \"*\")` behind the others",
                    self.other(*side)
                )
            }
        })
    }

    /// The end that the rules of a side speak of, as a glob that means it.
    fn other(&self, side: Side) -> String {
        let Some(edge) = self.edges.first() else { return String::new() };
        let other = match side {
            Side::Dependencies => &edge.to,
            Side::Dependents => &edge.from,
        };
        format!("//{}", spec::path_of(other))
    }
}

impl Cause {
    /// Where what is against it is written.
    pub fn place(&self) -> &Place {
        match self {
            Self::Invisible { place, .. } | Self::Rule { place, .. } | Self::NoRule { place, .. } => place,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(edge) = self.edges.first() else { return Ok(()) };
        let (from, to) = (&edge.from, &edge.to);
        match &self.cause {
            Cause::Invisible { .. } => write!(f, "`{from}` depends on `{to}`, which it cannot see"),
            Cause::Rule { warns: true, .. } => write!(f, "`{from}` had better not depend on `{to}`"),
            Cause::Rule { .. } => write!(f, "`{from}` must not depend on `{to}`"),
            Cause::NoRule { .. } => {
                write!(f, "no rule says whether `{from}` may depend on `{to}`")
            }
        }
    }
}

//! What can be wrong with a set of targets or with what is asked of it.

use crate::visibility::SpecError;
use crate::{Label, LabelError, Place};

/// An error of the target graph or of a selection from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// A label names nothing.
    #[error("there is no target `{label}`")]
    UnknownTarget {
        /// The label.
        label: Label,
        /// Where it is written; none on the command line.
        place: Option<Place>,
        /// Labels that it may have been meant to be, the nearest first.
        near: Vec<String>,
    },
    /// Two targets have one label.
    #[error("two targets are named `{label}`")]
    DuplicateTarget {
        /// The label.
        label: Label,
        /// The first.
        first: Place,
        /// The second.
        second: Place,
    },
    /// Targets depend on each other in a circle.
    #[error("targets depend on each other in a circle: {}", path(.steps))]
    Cycle {
        /// The targets in order, each with the place of its dependency on the next; the last depends on the first.
        steps: Vec<CycleStep>,
    },
    /// A target depends on itself.
    #[error("`{label}` depends on itself")]
    SelfDependency {
        /// The target.
        label: Label,
        /// Where it says so.
        place: Option<Place>,
    },
    /// A target depends on one that cannot be depended on.
    #[error("`{from}` is a `{from_rule}` and cannot depend on the `{to_rule}` `{to}`")]
    NotDependable {
        /// Who depends.
        from: Label,
        /// Its rule.
        from_rule: &'static str,
        /// On whom.
        to: Label,
        /// Its rule.
        to_rule: &'static str,
        /// Where.
        place: Option<Place>,
    },
    /// A label names several targets that `parametrize` made, and nothing tells which is meant.
    #[error("`{label}` is several targets, and nothing tells which is meant")]
    Ambiguous {
        /// The label.
        label: Label,
        /// Where it is written.
        place: Option<Place>,
        /// What it can mean.
        all: Vec<String>,
    },
    /// A label names a file that is no source of its target.
    #[error("`{file}` is not a source of `{owner}`")]
    NotASource {
        /// The file, relative to the root.
        file: String,
        /// The target.
        owner: Label,
        /// Where this is written; none on the command line.
        place: Option<Place>,
        /// Sources of the target that may have been meant.
        near: Vec<String>,
    },
    /// An entry of the field `visibility` says nothing that is known.
    #[error("`visibility` takes labels and patterns: {error}")]
    Visibility {
        /// What is wrong with it.
        error: LabelError,
        /// Where it is.
        place: Place,
    },
    /// A rule about dependencies cannot be matched.
    #[error("{error}")]
    DependencyRule {
        /// What is wrong with it.
        error: SpecError,
        /// Where its set is.
        place: Place,
    },
    /// A pattern matches no target.
    #[error("`{pattern}` matches no target")]
    NoMatch {
        /// The pattern.
        pattern: String,
        /// Patterns or labels that it may have been meant to be.
        near: Vec<String>,
    },
    /// A file is no target's source.
    #[error("no target owns the file `{file}`")]
    NoOwner {
        /// The file, relative to the root.
        file: String,
        /// Targets of the same directory.
        near: Vec<String>,
    },
}

/// A target on a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleStep {
    /// The target.
    pub label: Label,
    /// Where its dependency on the next is written, or where it is itself.
    pub place: Place,
}

impl GraphError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownTarget { .. } => "graph::unknown_target",
            Self::DuplicateTarget { .. } => "graph::duplicate_target",
            Self::Cycle { .. } => "graph::cycle",
            Self::SelfDependency { .. } => "graph::self_dependency",
            Self::NotDependable { .. } => "graph::not_dependable",
            Self::Ambiguous { .. } => "graph::ambiguous",
            Self::NotASource { .. } => "graph::not_a_source",
            Self::Visibility { .. } => "graph::visibility_form",
            Self::DependencyRule { error, .. } => error.code(),
            Self::NoMatch { .. } => "graph::no_match",
            Self::NoOwner { .. } => "graph::no_owner",
        }
    }

    /// Where it is written, if in a file.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::UnknownTarget { place, .. }
            | Self::SelfDependency { place, .. }
            | Self::NotDependable { place, .. }
            | Self::Ambiguous { place, .. }
            | Self::NotASource { place, .. } => place.as_ref(),
            Self::DuplicateTarget { second, .. } => Some(second),
            Self::Visibility { place, .. } | Self::DependencyRule { place, .. } => Some(place),
            Self::Cycle { steps } => steps.first().map(|step| &step.place),
            Self::NoMatch { .. } | Self::NoOwner { .. } => None,
        }
    }

    /// Other places that belong to it, each with what is there.
    pub fn notes(&self) -> Vec<(Place, String)> {
        match self {
            Self::DuplicateTarget { first, .. } => vec![(first.clone(), "the first is here".to_owned())],
            Self::Cycle { steps } => steps
                .iter()
                .enumerate()
                .skip(1)
                .map(|(index, step)| {
                    let next = &steps[(index + 1) % steps.len()].label;
                    (step.place.clone(), format!("`{}` depends on `{next}`", step.label))
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::UnknownTarget { near, .. } if near.is_empty() => {
                Some("`pants list ::` names all targets".to_owned())
            }
            Self::UnknownTarget { near, .. } | Self::NotASource { near, .. } | Self::NoMatch { near, .. } => {
                (!near.is_empty()).then(|| format!("did you mean {}?", either(near)))
            }
            Self::Ambiguous { all, .. } => Some(format!("write {}", either(all))),
            Self::NoOwner { near, .. } if !near.is_empty() => {
                Some(format!("targets of its directory: {}", either(near)))
            }
            Self::NoOwner { .. } => Some("name it in the `sources` of a target".to_owned()),
            Self::DuplicateTarget { .. } => Some("give one of them another `name`".to_owned()),
            Self::Cycle { .. } => Some("move what both need into a target of its own".to_owned()),
            Self::SelfDependency { .. } => Some("remove the dependency".to_owned()),
            Self::NotDependable { .. } => Some("depend on the libraries that it is made of".to_owned()),
            Self::Visibility { .. } => Some(
                "for example `//visibility:private`, `//svc:__pkg__`, `//svc/...` or `//svc:app`".to_owned(),
            ),
            Self::DependencyRule { error, .. } => error.help(),
        }
    }
}

fn path(steps: &[CycleStep]) -> String {
    let mut text: String = steps
        .iter()
        .map(|step| format!("{} ({}:{}) -> ", step.label, step.place.file, step.place.line))
        .collect();
    if let Some(first) = steps.first() {
        text.push_str(&first.label.to_string());
    }
    text
}

fn either(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

//! What can be wrong with a distribution. States facts; who prints them adds the form.

use graph::{Label, Place};
use packaging::distribution::TagError;

use crate::error::RuleError;

/// Why a distribution cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DistributionError {
    /// A file that a distribution needs, and that is in none.
    #[error("`{distribution}` needs `{file}`, which no distribution owns")]
    Unowned {
        /// The distribution.
        distribution: Label,
        /// The file.
        file: Label,
        /// The nodes on the way to it.
        chain: Vec<Label>,
        /// Where the distribution is.
        place: Place,
    },
    /// A file that several distributions would have.
    #[error("`{distribution}` needs `{file}`, which {} have an equal claim to", list(.owners))]
    Overlap {
        /// The distribution.
        distribution: Label,
        /// The file.
        file: Label,
        /// The distributions.
        owners: Vec<Label>,
        /// The nodes on the way to it.
        chain: Vec<Label>,
        /// Where the distribution is.
        place: Place,
    },
    /// A distribution reaches what cannot be in one.
    #[error("`{distribution}` needs `{dependency}`, and a `{rule}` cannot be part of a distribution")]
    Unfit {
        /// The distribution.
        distribution: Label,
        /// What it needs.
        dependency: Label,
        /// The rule of that.
        rule: &'static str,
        /// Where that is.
        place: Place,
    },
    /// Metadata that cannot be, or that nobody knows.
    #[error("{message}")]
    Metadata {
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
        /// Where it is written.
        place: Place,
    },
    /// The version control system gives no version.
    #[error("the version of `{distribution}` cannot be told: {error}")]
    Tag {
        /// The distribution.
        distribution: Label,
        /// What is wrong.
        error: TagError,
        /// Where the pattern of tags is written.
        place: Place,
    },
    /// The version control system could not be asked.
    #[error("the version of `{distribution}` cannot be told: {reason}")]
    Unversioned {
        /// The distribution.
        distribution: Label,
        /// What it said.
        reason: String,
        /// Where the pattern of tags is written.
        place: Place,
    },
}

impl DistributionError {
    /// The stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unowned { .. } => "distribution::unowned",
            Self::Overlap { .. } => "distribution::overlap",
            Self::Unfit { .. } => "distribution::unfit",
            Self::Metadata { .. } => "distribution::metadata",
            Self::Tag { error, .. } => error.code(),
            Self::Unversioned { .. } => "distribution::no_version",
        }
    }

    /// Where it is written.
    pub fn place(&self) -> &Place {
        match self {
            Self::Unowned { place, .. }
            | Self::Overlap { place, .. }
            | Self::Unfit { place, .. }
            | Self::Metadata { place, .. }
            | Self::Tag { place, .. }
            | Self::Unversioned { place, .. } => place,
        }
    }

    /// What belongs to it.
    pub fn notes(&self) -> Vec<String> {
        match self {
            Self::Unowned { chain, .. } | Self::Overlap { chain, .. } => {
                let chain: Vec<String> = chain.iter().map(|label| format!("`{label}`")).collect();
                vec![format!("needed by way of {}", chain.join(" -> "))]
            }
            _ => Vec::new(),
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Unowned { file, .. } => format!(
                "the distribution to have it is one in its folder or above, or one that names `{}` in `dependencies`",
                file.whole()
            ),
            Self::Overlap { file, .. } => {
                format!("name `{}` in the `dependencies` of one of them alone", file.whole())
            }
            Self::Unfit { rule: "files", .. } => "make it `resources`, which lie beside the code".to_owned(),
            Self::Unfit { .. } => "take it out of the dependencies".to_owned(),
            Self::Metadata { help, .. } => return help.clone(),
            Self::Tag { error: TagError::Pattern(_), .. } => "write it as in `v{version}`".to_owned(),
            Self::Tag { .. } => "tags of another form are not meant by it: rename the tag".to_owned(),
            Self::Unversioned { .. } => {
                "tag a commit (`git tag v1.0`), or fetch the tags (`git fetch --tags --unshallow`)".to_owned()
            }
        };
        Some(text)
    }
}

impl From<DistributionError> for RuleError {
    fn from(error: DistributionError) -> RuleError {
        RuleError::Distribution(Box::new(error))
    }
}

fn list(labels: &[Label]) -> String {
    labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" and ")
}

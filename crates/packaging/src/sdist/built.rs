//! Checks what a build has made: one wheel, of the project, that fits what it was built for.

use std::io::BufReader;

use serde::{Deserialize, Serialize};
use store::{Digest, Entry, Store, StoreError, Tree, TreeError};

use super::DIST;
use crate::Version;
use crate::name::parse_name;
use crate::target::Target;
use crate::wheel::{self, WheelError, WheelFilename};

/// What a build should make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// The normalised name of the project.
    pub name: String,
    /// The version that the lock has.
    pub version: String,
    /// What it was built for, each of which it has to fit.
    pub targets: Vec<Target>,
}

/// Why what was built cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BuiltError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tree of the result cannot be.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Not one wheel was made.
    #[error("the build of `{project}` has to make one wheel, and made {found}")]
    NotOne {
        /// The name and version.
        project: String,
        /// What was made.
        found: String,
    },
    /// The wheel is that of something else.
    #[error(
        "the source distribution of `{project}` was built into `{found}`, which is another project or version"
    )]
    Other {
        /// The name and version.
        project: String,
        /// The name of the wheel.
        found: String,
    },
    /// The wheel does not fit what it was built for.
    #[error("the source distribution of `{project}` was built into `{found}`, which does not fit `{target}`")]
    Unfit {
        /// The name and version.
        project: String,
        /// The name of the wheel.
        found: String,
        /// What it does not fit.
        target: Target,
        /// Whether it was built for several targets at once.
        several: bool,
    },
    /// The wheel has faults.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Unsound(Vec<WheelError>),
}

impl BuiltError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Tree(error) => error.code(),
            Self::NotOne { .. } => "packaging::built_not_one",
            Self::Other { .. } => "packaging::built_other",
            Self::Unfit { .. } => "packaging::built_unfit",
            Self::Unsound(errors) => errors.first().map_or("packaging::wheel_unreadable", WheelError::code),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.help(),
            Self::Unfit { several: true, .. } => {
                Some("leave out `multi_platform`, so that each target has a file of its own".to_owned())
            }
            Self::Unfit { .. } => Some(
                "what is compiled has to be built on a machine of that platform: build there, or require a version \
                 that has a wheel"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// Takes what a build left and gives a tree that holds the wheel alone, read from its first byte to its last.
///
/// # Errors
/// See [`BuiltError`].
pub fn built(store: &Store, left: &Digest, expected: &Expected) -> Result<Digest, BuiltError> {
    let project = format!("{} {}", expected.name, expected.version);
    let left = store.tree(left)?;
    let files = left.walk();
    let wheels: Vec<(&str, Digest)> = (files.iter())
        .filter_map(|(path, entry)| match entry {
            Entry::File { digest, .. } => Some((path.strip_prefix(DIST)?.strip_prefix('/')?, *digest)),
            _ => None,
        })
        .collect();
    let [(file, digest)] = wheels.as_slice() else {
        let names: Vec<String> = wheels.iter().map(|(name, _)| format!("`{name}`")).collect();
        let found = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        return Err(BuiltError::NotOne { project, found });
    };
    let other = || BuiltError::Other { project: project.clone(), found: (*file).to_owned() };
    let name: WheelFilename = file.parse().map_err(|_| other())?;
    let same_name = parse_name(&expected.name).is_ok_and(|expected| expected == name.name);
    if !same_name || expected.version.parse::<Version>().ok().as_ref() != Some(&name.version) {
        return Err(other());
    }
    if let Some(target) = expected.targets.iter().find(|target| target.tags().rank(&name).is_none()) {
        let several = expected.targets.len() > 1;
        return Err(BuiltError::Unfit { project, found: name.to_string(), target: *target, several });
    }
    let content = BufReader::new(store.open_blob(digest)?);
    wheel::inspect(&name, content, &wheel::Limits::default()).map_err(BuiltError::Unsound)?;
    let mut tree = Tree::new();
    tree.add_file(file, *digest, false)?;
    Ok(store.put_tree(&tree)?)
}

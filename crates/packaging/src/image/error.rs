//! What can be wrong with an image that is read or made: facts.

use engine::{Failure, Fault};
use store::{StoreError, TreeError};

use super::ImagePlatform;
use crate::registry::RegistryError;

/// Why an image cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A part of a layout cannot be read.
    #[error("cannot read {what}: {reason}")]
    Unreadable {
        /// Which part.
        what: String,
        /// Why.
        reason: String,
    },
    /// A part is not what its digest says.
    #[error("{what} is not what its digest says: expected `{expected}`, found `{found}`")]
    Digest {
        /// Which part.
        what: String,
        /// The digest that it is known by.
        expected: String,
        /// The digest of what was found.
        found: String,
    },
    /// What is read breaks off.
    #[error("{what} breaks off: {reason}")]
    Broken {
        /// Which part.
        what: String,
        /// Why.
        reason: String,
    },
    /// A document does not say what it should.
    #[error("{what} cannot be understood: {reason}")]
    Malformed {
        /// Which document.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A base is not for a platform.
    #[error("`{base}` is not for `{wanted}`: it is for {found}")]
    Platform {
        /// The base.
        base: String,
        /// What it is wanted for.
        wanted: ImagePlatform,
        /// What it is for.
        found: String,
    },
    /// A registry does not give or take something.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The inputs of a step are not those that it takes.
    #[error("a step of an image was given something else than it takes: {0}")]
    Input(&'static str),
    /// A file cannot be packed.
    #[error("cannot pack a file of an image: {0}")]
    Pack(std::io::Error),
    /// Two paths of a tree exclude each other.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for ImageError {
    fn code(&self) -> &'static str {
        match self {
            ImageError::Unreadable { .. } => "image::unreadable",
            ImageError::Digest { .. } => "image::digest",
            ImageError::Broken { .. } => "image::broken",
            ImageError::Malformed { .. } => "image::malformed",
            ImageError::Platform { .. } => "image::platform",
            ImageError::Registry(error) => error.code(),
            ImageError::Input(_) => "image::input",
            ImageError::Pack(_) => "image::pack",
            ImageError::Tree(error) => error.code(),
            ImageError::Store(error) => error.code(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            ImageError::Registry(error) => error.fault(),
            ImageError::Input(_) | ImageError::Tree(_) => Fault::Bug,
            ImageError::Store(_) | ImageError::Pack(_) | ImageError::Broken { .. } => Fault::Environment,
            _ => Fault::Request,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            ImageError::Unreadable { .. } => Some(
                "an OCI layout is a folder with `index.json` and `blobs/`, or a tar file of it; \
                 `skopeo copy docker://… oci:FOLDER` makes one"
                    .to_owned(),
            ),
            ImageError::Digest { .. } => Some("fetch or copy the image again".to_owned()),
            ImageError::Malformed { .. } => {
                Some("take an image in the form of OCI or of Docker's schema 2".to_owned())
            }
            ImageError::Platform { .. } => {
                Some("take a base for it, or build the binary for the platforms of the base".to_owned())
            }
            ImageError::Registry(error) => error.help(),
            _ => None,
        }
    }
}

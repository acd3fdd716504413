//! What can be wrong with a target that is installed as a tree or becomes an image. States facts; who prints them adds
//! the form.

use engine::{Failure as _, Fault};
use graph::{Label, Place};
use packaging::image::{ImagePlatform, NameError};
use packaging::target::Target as Configuration;

use crate::error::RuleError;

/// What is wrong with such a target.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A field is no absolute path.
    #[error("`{path}` is no absolute path without `.`, `..`, quotes and `$`")]
    Path {
        /// The field.
        field: &'static str,
        /// What is written.
        path: String,
        /// Where.
        place: Place,
    },
    /// A virtualenv for another machine does not say which interpreter it is for.
    #[error("`{label}` is a virtualenv for `{target}`, whose interpreter is not on this machine")]
    NoPython {
        /// The target.
        label: Label,
        /// What it is built for.
        target: Configuration,
        /// Where it is.
        place: Place,
    },
    /// What an image is to start is no program.
    #[error("`{binary}` is no `python_binary`, but a `{rule}`")]
    NotProgram {
        /// What is named.
        binary: Label,
        /// Its rule.
        rule: &'static str,
        /// Where.
        place: Place,
    },
    /// The name of a base, a repository or a registry cannot be read.
    #[error("`{text}` cannot be the `{field}` of an image: {reason}")]
    Name {
        /// The field.
        field: &'static str,
        /// What is written.
        text: String,
        /// What is wrong with it.
        reason: NameError,
        /// Where.
        place: Place,
    },
    /// A program is for no platform that containers have.
    #[error("`{binary}` is built for no Linux, which images need")]
    NoLinux {
        /// The program.
        binary: Label,
        /// Where the image is.
        place: Place,
    },
    /// A program is for one platform of images in two ways.
    #[error("`{binary}` is built for `{platform}` twice: for `{first}` and for `{second}`")]
    Twice {
        /// The program.
        binary: Label,
        /// The platform.
        platform: ImagePlatform,
        /// One.
        first: Configuration,
        /// The other.
        second: Configuration,
        /// Where the image is.
        place: Place,
    },
    /// A base is not to be had.
    #[error("{error}")]
    Base {
        /// Why.
        error: packaging::image::ImageError,
        /// Where it is named.
        place: Place,
    },
}

impl ImageError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ImageError::Path { .. } => "python::absolute_path",
            ImageError::NoPython { .. } => "python::no_venv_python",
            ImageError::NotProgram { .. } => "python::image_binary",
            ImageError::Name { .. } => "python::image_name",
            ImageError::NoLinux { .. } => "python::image_platform",
            ImageError::Twice { .. } => "python::image_twice",
            ImageError::Base { error, .. } => error.code(),
        }
    }

    /// Where it is written.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            ImageError::Path { place, .. }
            | ImageError::NoPython { place, .. }
            | ImageError::NotProgram { place, .. }
            | ImageError::Name { place, .. }
            | ImageError::NoLinux { place, .. }
            | ImageError::Twice { place, .. }
            | ImageError::Base { place, .. } => place,
        }
    }

    /// Whether the machine or the network is to blame.
    #[must_use]
    pub fn is_environment(&self) -> bool {
        matches!(self, ImageError::Base { error, .. } if error.fault() == Fault::Environment)
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let text = match self {
            ImageError::Path { field, .. } => format!("write a path such as `{field} = \"/opt/app\"`"),
            ImageError::NoPython { target, .. } => {
                let minor = target.minor();
                format!("say where it is there: `venv_python = \"/usr/bin/python{minor}\"`")
            }
            ImageError::NotProgram { .. } => "name the program that the image starts".to_owned(),
            ImageError::Name { reason: NameError::NoDigest, text, .. } => format!(
                "add the digest, so that every build is upon the same: \
                 `skopeo inspect --format '{{{{.Digest}}}}' docker://{text}` prints that of today"
            ),
            ImageError::Name { field: "base", .. } => {
                "write `python:3.11-slim@sha256:…`, or `oci:FOLDER@sha256:…` for a layout in the repository"
                    .to_owned()
            }
            ImageError::Name { field: "image_tags", .. } => "write a tag such as `1.2.0`".to_owned(),
            ImageError::Name { field: "registries", .. } => {
                "write the host, and a path where there is one: `registry.example.com/team`; `http://` goes in front of one \
                 that is spoken to without encryption"
                    .to_owned()
            }
            ImageError::Name { .. } => "write a name such as `acme/orders`".to_owned(),
            ImageError::NoLinux { .. } => "add `linux-x86_64` to its `platforms`".to_owned(),
            ImageError::Twice { .. } => {
                "build the binary for one interpreter and one libc, or give each image a binary of its own"
                    .to_owned()
            }
            ImageError::Base { error, .. } => return error.help(),
        };
        Some(text)
    }
}

impl From<ImageError> for RuleError {
    fn from(error: ImageError) -> RuleError {
        RuleError::Image(Box::new(error))
    }
}

impl RuleError {
    /// Whether the machine lacks something, rather than the request being wrong.
    pub fn is_environment(&self) -> bool {
        matches!(self, RuleError::NoInterpreter { .. })
            || matches!(self, RuleError::Resolve(error) if error.is_environment())
            || matches!(self, RuleError::Image(error) if error.is_environment())
    }
}

//! What can be wrong with a target that is installed as a tree or becomes an image. States facts; who prints them adds
//! the form.

use graph::{Label, Place};
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
}

impl ImageError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ImageError::Path { .. } => "python::absolute_path",
            ImageError::NoPython { .. } => "python::no_venv_python",
        }
    }

    /// Where it is written.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            ImageError::Path { place, .. } | ImageError::NoPython { place, .. } => place,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            ImageError::Path { field, .. } => format!("write a path such as `{field} = \"/opt/app\"`"),
            ImageError::NoPython { target, .. } => {
                let minor = target.minor();
                format!("say where it is there: `venv_python = \"/usr/bin/python{minor}\"`")
            }
        }
    }
}

impl From<ImageError> for RuleError {
    fn from(error: ImageError) -> RuleError {
        RuleError::Image(Box::new(error))
    }
}

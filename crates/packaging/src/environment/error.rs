//! Why no environment can be computed from some wheels. Knows no remedy beyond another wheel.

use engine::extract::UnpackError;
use store::StoreError;

/// What keeps wheels from becoming an environment.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// A wheel could not be read.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// A first-party file could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A wheel lacks a file that every wheel has, or it cannot be understood.
    #[error("wheel `{wheel}` has no usable `{file}`")]
    Metadata {
        /// The file name of the wheel.
        wheel: String,
        /// The name of the file.
        file: &'static str,
    },
    /// A wheel has data of a kind that nobody knows where to install.
    #[error("wheel `{wheel}` has data of the unknown kind `{kind}`")]
    DataKind {
        /// The file name of the wheel.
        wheel: String,
        /// The name of the folder in its `.data`.
        kind: String,
    },
}

impl EnvironmentError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            EnvironmentError::Unpack(error) => error.code(),
            EnvironmentError::Store(error) => error.code(),
            EnvironmentError::Metadata { .. } => "packaging::environment_metadata",
            EnvironmentError::DataKind { .. } => "packaging::environment_data",
        }
    }
}

impl From<engine::extract::ExtractError> for EnvironmentError {
    fn from(error: engine::extract::ExtractError) -> EnvironmentError {
        EnvironmentError::Unpack(error.into())
    }
}

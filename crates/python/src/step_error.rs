//! What can be wrong with a `genrule` as it is written. States facts; who prints them adds the form.

use graph::Place;

use crate::error::RuleError;

/// What is wrong with a step.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A command has something in it that another tool would replace.
    #[error("`{found}` in a command means nothing here")]
    Placeholder {
        /// What it has.
        found: &'static str,
        /// Where the command is.
        place: Place,
    },
    /// A step would make something outside of its folder.
    #[error("a step cannot make `{path}`: it is no path below the folder of the BUILD file")]
    Output {
        /// The path.
        path: String,
        /// Where it is written.
        place: Place,
    },
}

impl StepError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            StepError::Placeholder { .. } => "genrule::placeholder",
            StepError::Output { .. } => "genrule::output",
        }
    }

    /// Where it is written.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            StepError::Placeholder { place, .. } | StepError::Output { place, .. } => place,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            StepError::Placeholder { .. } => {
                "`$SRCS` and `$OUTS` are the files; programs among the `tools` are commands by their names"
            }
            StepError::Output { .. } => "move the target to a BUILD file above what it makes",
        }
    }
}

impl From<StepError> for RuleError {
    fn from(error: StepError) -> RuleError {
        RuleError::Step(Box::new(error))
    }
}

//! What can be wrong with a `genrule`, or with a `python_test`, as it is written. States facts; who prints them adds the form.

use graph::{Label, Place};

use crate::error::RuleError;

/// What is wrong with a step, or with tests.
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
    /// Steps need what they make of each other.
    #[error("steps need each other to run: {}", listed(steps))]
    Cycle {
        /// The steps.
        steps: Vec<Label>,
        /// Where one of them is.
        place: Place,
    },
    /// Two things are at one path.
    #[error("`{step}` makes `{path}`, which `{other}` {}", if *as_source { "has among its sources" } else { "makes too" })]
    Clash {
        /// The path, relative to the root.
        path: String,
        /// The step.
        step: Label,
        /// What has it, too.
        other: Label,
        /// Whether that is a file of the repository.
        as_source: bool,
        /// Where the outputs are.
        place: Place,
    },
    /// Two programs would be the same command.
    #[error("two tools are called `{name}`: `{one}` and `{other}`")]
    SameTool {
        /// The name.
        name: String,
        /// A program.
        one: Label,
        /// Another program.
        other: Label,
        /// Where the tools are.
        place: Place,
    },
    /// The shell would take one file for two.
    #[error("`$SRCS` cannot have `{path}`: blanks part the files in it")]
    Blank {
        /// The path.
        path: String,
        /// Where the sources are.
        place: Place,
    },
    /// Pytest cannot be given the path of a file.
    #[error("pytest cannot run `{path}`: it takes what begins with `[` for parameters of a test")]
    TestName {
        /// The path.
        path: String,
        /// Where the sources are.
        place: Place,
    },
    /// Tests would find something built that nothing builds.
    #[error("`{label}` is a `{rule}`, which nothing packages")]
    NotPackaged {
        /// What they name.
        label: Label,
        /// Its rule.
        rule: &'static str,
        /// Where it is written.
        place: Place,
    },
    /// Tests need what nothing can have.
    #[error("{what}")]
    Needs {
        /// What is wrong with it.
        what: String,
        /// Where the field is.
        place: Place,
    },
}

fn listed(labels: &[Label]) -> String {
    labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ")
}

impl StepError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            StepError::Placeholder { .. } => "genrule::placeholder",
            StepError::Output { .. } => "genrule::output",
            StepError::Cycle { .. } => "genrule::cycle",
            StepError::Clash { .. } => "genrule::clash",
            StepError::SameTool { .. } => "genrule::same_tool",
            StepError::Blank { .. } => "genrule::blank",
            StepError::TestName { .. } => "test::name",
            StepError::NotPackaged { .. } => "test::not_packaged",
            StepError::Needs { .. } => "test::needs",
        }
    }

    /// Where it is written.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            StepError::Placeholder { place, .. }
            | StepError::Output { place, .. }
            | StepError::Needs { place, .. }
            | StepError::TestName { place, .. }
            | StepError::NotPackaged { place, .. }
            | StepError::Cycle { place, .. }
            | StepError::Clash { place, .. }
            | StepError::SameTool { place, .. }
            | StepError::Blank { place, .. } => place,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            StepError::Placeholder { .. } => {
                "`$SRCS` and `$OUTS` are the files; programs among the `tools` are commands by their names"
            }
            StepError::NotPackaged { .. } => {
                "programs, distributions and images are built; what tests need as files is in `dependencies`"
            }
            StepError::Needs { .. } => {
                "such as `needs = {\"memory\": \"2 GB\", \"exclusive\": [\"database\"]}`"
            }
            StepError::TestName { .. } => "rename the file or its folder, or leave it out of the `sources`",
            StepError::Output { .. } => "name each file, in or below the folder of the BUILD file",
            StepError::Cycle { .. } => {
                "take what one of them imports, or its tool imports, out of what the other makes"
            }
            StepError::Clash { as_source: true, .. } => {
                "take the file out of the repository, or out of the `outputs`: which of the two is meant nobody could tell"
            }
            StepError::Clash { .. } => "let one of them make it, and the other depend on that",
            StepError::SameTool { .. } => "name one of the targets otherwise",
            StepError::Blank { .. } => "rename the file, or name files in the command itself",
        }
    }
}

impl From<StepError> for RuleError {
    fn from(error: StepError) -> RuleError {
        RuleError::Step(Box::new(error))
    }
}

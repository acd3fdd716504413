//! What a PEX holds and starts, as data: the arguments of the step that writes its own files.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::options::{Boot, Layout, PexOptions};

/// One PEX, complete but for the contents of its user files and wheels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PexSpec {
    /// How it is made.
    pub options: PexOptions,
    /// What it starts.
    pub entry: Entry,
    /// The root requirements as asked for (PEP 508), extras and markers included: the runtime resolves them anew.
    pub requirements: Vec<String>,
    /// The wheels that it holds.
    pub wheels: Vec<WheelRef>,
}

/// A wheel by its file name and what its bytes are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WheelRef {
    /// The file name, which the runtime reads the tags from.
    pub name: String,
    /// The SHA-256 of the file in hexadecimal, which names its installed copy.
    pub sha256: String,
}

/// What a PEX starts, as asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// An interactive interpreter.
    #[default]
    Repl,
    /// `package.module`, or `package.module:attribute.attribute`.
    Module(String),
    /// A script of one of the wheels, by name.
    Script(String),
}

/// Choices that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpecError {
    /// The fast path of the sh boot would look for a virtual environment that can never be there.
    #[error(
        "a PEX that `/bin/sh` boots into a virtual environment needs interpreter constraints, found none"
    )]
    NoConstraints,
    /// Something that cannot stand in a text that is both sh and Python.
    #[error("{what} `{text}` cannot be in the header of a {layout} PEX, which is both sh and Python")]
    Header {
        /// The option it comes from.
        what: &'static str,
        /// The offending value.
        text: String,
        /// The name of the layout.
        layout: &'static str,
    },
    /// A value with a character that ends the line or text it stands in.
    #[error("{what} has a control character: `{}`", text.escape_debug())]
    Control {
        /// The option it comes from.
        what: &'static str,
        /// The offending value.
        text: String,
    },
    /// Two wheels of one file name.
    #[error("two wheels are named `{0}`")]
    DuplicateWheel(String),
    /// A wheel name that is no file name.
    #[error("expected the file name of a wheel, found `{0}`")]
    WheelName(String),
}

impl SpecError {
    /// The stable name of this kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            SpecError::NoConstraints => "pex::no_constraints",
            SpecError::Header { .. } => "pex::header_text",
            SpecError::Control { .. } => "pex::control_character",
            SpecError::DuplicateWheel(_) => "pex::duplicate_wheel",
            SpecError::WheelName(_) => "pex::wheel_name",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            SpecError::NoConstraints => {
                Some("give `interpreter_constraints`, or set `sh_boot = False`".to_owned())
            }
            SpecError::Header { .. } => Some(
                "leave out backslashes and characters beyond ASCII, or set \
                `sh_boot = False` or `layout = \"zipapp\"`"
                    .to_owned(),
            ),
            SpecError::Control { .. } | SpecError::DuplicateWheel(_) | SpecError::WheelName(_) => None,
        }
    }
}

impl PexSpec {
    /// Every contradiction of this specification; none for one that can be built.
    pub fn problems(&self) -> Vec<SpecError> {
        let options = &self.options;
        let mut problems = Vec::new();
        if options.boot == Boot::Sh && options.venv().is_some() && options.interpreter_constraints.is_empty()
        {
            problems.push(SpecError::NoConstraints);
        }
        for (what, text) in self.header_texts() {
            if text.chars().any(char::is_control) {
                problems.push(SpecError::Control { what, text: text.to_owned() });
            } else if options.boot == Boot::Sh && !fits_both_languages(options.layout, text) {
                let layout = if options.layout == Layout::Packed { "packed" } else { "loose" };
                problems.push(SpecError::Header { what, text: text.to_owned(), layout });
            }
        }
        let mut names: Vec<_> = self.wheels.iter().map(|wheel| wheel.name.as_str()).collect();
        names.sort_unstable();
        for name in &names {
            if !name.ends_with(".whl") || name.contains('/') {
                problems.push(SpecError::WheelName((*name).to_owned()));
            }
        }
        let twice = names.windows(2).filter(|pair| pair[0] == pair[1]);
        problems.extend(twice.map(|pair| SpecError::DuplicateWheel(pair[0].to_owned())));
        problems
    }

    /// The values that stand in a header or a shebang.
    fn header_texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let options = &self.options;
        let shebang = match &options.boot {
            Boot::Python { shebang: Some(text) } => Some(("shebang", text.as_str())),
            _ => None,
        };
        std::iter::once(("pex_root", options.pex_root()))
            .chain(options.inject_python_args.iter().map(|text| ("inject_python_args", text.as_str())))
            .chain(shebang)
    }
}

/// In these layouts the sh header is a Python text as well: escapes and non-ASCII text would change or break it.
fn fits_both_languages(layout: Layout, text: &str) -> bool {
    layout == Layout::Zipapp || text.is_ascii() && !text.contains('\\')
}

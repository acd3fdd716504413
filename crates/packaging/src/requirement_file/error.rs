//! What is wrong in a requirements file, with its place; never shows a URL, which may hold credentials.

use std::sync::Arc;

use crate::place::Place;
use crate::requirement::meant;

/// One thing that is wrong in a requirements file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct RequirementFileError {
    /// The file, relative to the root, with `/`.
    pub file: Arc<str>,
    /// Where in it.
    pub place: Place,
    /// What is wrong.
    pub fault: RequirementFileFault,
}

/// What can be wrong in a requirements file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementFileFault {
    /// A file cannot be read.
    #[error("cannot read `{path}`: {reason}")]
    Unreadable {
        /// The file, relative to the root.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A file is not UTF-8.
    #[error("`{path}` is not UTF-8, from byte {offset} on")]
    Encoding {
        /// The file, relative to the root.
        path: String,
        /// The first byte that is not.
        offset: usize,
    },
    /// The path of a file leads out of the root.
    #[error("`{path}` is not below the root of the repository")]
    OutsideRoot {
        /// The path, as it is written.
        path: String,
    },
    /// Files that include each other.
    #[error("the files include each other: `{}`", .path.join("` -> `"))]
    Cycle {
        /// The files, from one back to itself.
        path: Vec<String>,
    },
    /// A file to include is on a server.
    #[error("`{option}` names a URL, expected a file below the root of the repository")]
    RemoteFile {
        /// The option.
        option: &'static str,
    },
    /// A requirement that breaks the grammar.
    #[error("`{text}` is not a requirement: {reason}")]
    Requirement {
        /// What is written, without URLs.
        text: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// A place whose name tells no project.
    #[error("this names a place and no project, expected `name @ PLACE`, or a project's name and versions")]
    Unnamed,
    /// `-e`.
    #[error("`{option}` is not supported, expected a project's name and versions")]
    Editable {
        /// The option as it is written.
        option: &'static str,
        /// Whether it names an address, and no folder.
        remote: bool,
    },
    /// An option that says where distributions come from.
    #[error("`{option}` is not read here: indexes are configured in `pants.toml`")]
    IndexOption {
        /// The option, without its value.
        option: &'static str,
    },
    /// An option of pip that has no meaning here.
    #[error("the option `{option}` is not supported")]
    UnsupportedOption {
        /// The option, without its value.
        option: &'static str,
    },
    /// An option that pip has not, either.
    #[error("there is no option `{option}`")]
    UnknownOption {
        /// The option, without its value.
        option: String,
        /// The option that it resembles.
        near: Option<&'static str>,
    },
    /// An option without its value, or a value where there is none.
    #[error("the option `{option}` {reason}")]
    OptionValue {
        /// The option, without its value.
        option: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another file, beside a requirement or another file.
    #[error("`{option}` is not alone on its line")]
    NotAlone {
        /// The option.
        option: &'static str,
    },
    /// Something between the options.
    #[error("expected an option, which begins with `-`")]
    Stray,
    /// A quote without its end.
    #[error("a quote is not closed, expected `{quote}`")]
    Quote {
        /// The quote.
        quote: char,
    },
    /// A line that seems to go on, but does not.
    #[error("something follows the `\\` that continues a line, expected the end of the line")]
    Continuation,
    /// A hash that cannot be read.
    #[error("`{found}` is not a hash, expected `sha256:`, `sha384:` or `sha512:` and its hexadecimal digits")]
    Hash {
        /// What is written.
        found: String,
    },
    /// A hash that belongs to nothing.
    #[error("`--hash` belongs to no requirement")]
    HashAlone,
    /// A variable of the environment.
    #[error("the variable `${{{name}}}` is not replaced: requirements do not depend on the environment")]
    Variable {
        /// Its name.
        name: String,
    },
}

impl RequirementFileError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        self.fault.help()
    }
}

impl RequirementFileFault {
    /// The stable code of this fault.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "packaging::requirement_file_unreadable",
            Self::Encoding { .. } => "packaging::requirement_file_encoding",
            Self::OutsideRoot { .. } => "packaging::requirement_file_outside_root",
            Self::Cycle { .. } => "packaging::requirement_file_cycle",
            Self::RemoteFile { .. } => "packaging::requirement_file_remote",
            Self::Requirement { .. } => "packaging::requirement",
            Self::Unnamed => "packaging::requirement_unnamed",
            Self::Editable { .. } => "packaging::requirement_editable",
            Self::IndexOption { .. } => "packaging::requirement_file_index",
            Self::UnsupportedOption { .. }
            | Self::UnknownOption { .. }
            | Self::OptionValue { .. }
            | Self::NotAlone { .. }
            | Self::Stray
            | Self::Continuation
            | Self::Quote { .. } => "packaging::requirement_file_option",
            Self::Hash { .. } | Self::HashAlone => "packaging::requirement_file_hash",
            Self::Variable { .. } => "packaging::requirement_file_variable",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::Requirement { text, .. } => {
                return meant(text).map(|meant| format!("did you mean `{meant}`?"));
            }
            Self::IndexOption { .. } => {
                "name the index in `pants.toml`, as `indexes` or `find_links` of `[python-repos]`, and remove this line"
            }
            Self::Editable { remote: true, .. } => {
                "write `name @ git+https://…`: what comes from elsewhere is not edited"
            }
            Self::Editable { .. } | Self::Unnamed => {
                "code of this repository is a `python_library`, on which others depend by its address: remove this line"
            }
            Self::Unreadable { .. } => "paths are relative to the folder of the file that names them",
            Self::RemoteFile { .. } => "copy the file into the repository",
            Self::Cycle { .. } => "move what they share into a file of its own",
            Self::HashAlone => "end the line before it with `\\`, so that both are one line",
            Self::NotAlone { .. } => "give it a line of its own",
            Self::Continuation => "remove the white space or comment behind the `\\`",
            Self::Encoding { .. } => "save the file as UTF-8",
            Self::Variable { .. } => "write the value itself",
            Self::UnsupportedOption { .. } => {
                "remove it: the lock chooses versions, and records the hash of every file"
            }
            Self::UnknownOption { near: Some(near), .. } => {
                return Some(format!("did you mean `{near}`?"));
            }
            _ => return None,
        };
        Some(help.to_owned())
    }
}

/// A text with its URLs cut short behind `://`, since what follows may hold credentials.
pub(super) fn hidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        out.push_str(before);
        out.push('…');
        rest = after.find(char::is_whitespace).map_or("", |end| &after[end..]);
    }
    out.push_str(rest);
    out
}

//! Which user files a PEX may hold under which names. Knows nothing of their contents.

use thiserror::Error;

/// Names below which everything belongs to the runtime. It tests for them as plain prefixes, so that
/// `.depsX` would be lost on extraction as well.
const PREFIXES: &[&str] = &["__pex__", ".bootstrap", ".deps"];
/// Names of the runtime's own files and links; `pex` also as a folder.
const NAMES: &[&str] = &["PEX-INFO", "__main__.py", "PEX-LAYOUT", ".last-access", "pex"];

/// A user file that cannot go into a PEX under its name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{path}` cannot be in a PEX: {} `{reserved}` {}",
    if *.prefix { "every path that starts with" } else { "the top-level name" },
    if *.prefix { "belongs to its runtime" } else { "is the runtime's own" })]
pub struct ReservedName {
    /// The path of the file in the PEX.
    pub path: String,
    /// What it collides with.
    pub reserved: &'static str,
    /// Whether every path that starts so is reserved.
    pub prefix: bool,
}

impl ReservedName {
    /// The stable name of this kind of error.
    pub fn code(&self) -> &'static str {
        "pex::reserved_name"
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        Some("rename the file, or put it into a package".to_owned())
    }
}

/// Whether a file is compiled Python, which never goes into a PEX: it differs by minor version and machine.
pub(super) fn is_bytecode(path: &str) -> bool {
    path.ends_with(".pyc") || path.ends_with(".pyo") || path.split('/').any(|part| part == "__pycache__")
}

/// Whether a user file may have this path.
pub(super) fn check(path: &str) -> Result<(), ReservedName> {
    let error = |reserved, prefix| Err(ReservedName { path: path.to_owned(), reserved, prefix });
    if let Some(reserved) = PREFIXES.iter().find(|reserved| path.starts_with(**reserved)) {
        return error(reserved, true);
    }
    let top = path.split('/').next().unwrap_or(path);
    match NAMES.iter().find(|reserved| **reserved == top) {
        Some(reserved) => error(reserved, false),
        None => Ok(()),
    }
}

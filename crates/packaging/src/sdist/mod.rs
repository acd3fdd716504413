//! Source distributions: how one is built into a wheel, as data, what is checked of the wheel, and what a failure
//! means. Starts no process.
//!
//! The process runs in a folder of its own that a rule puts together: [`SCRIPT`], the source distribution in
//! [`SOURCES`], and in [`WHEELS`] all that its backend needs. The script makes an environment of these wheels, that of
//! a virtual environment in all that a build can see: modules, scripts and commands (`cython`, `ninja`). Nothing is
//! resolved, and nothing of the user's own environment is seen.

mod built;
mod explain;
mod folder;

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{Process, Program};

pub use built::{BuiltError, Expected, built};
pub use explain::{Explanation, explain};
pub use folder::of_folder;

use crate::lock::BuildSystem;
use crate::python::Abi;

/// The folder for the source distribution.
pub const SOURCES: &str = "sdist";
/// The folder for the wheels of its build requirements.
pub const WHEELS: &str = "wheels";
/// The name of the script that builds.
pub const SCRIPT: &str = "build.py";
/// The script that builds.
pub const SCRIPT_TEXT: &str = include_str!("build.py");
/// The folder that the wheel is in afterwards.
const DIST: &str = "dist";

/// The first instant that a zip file can tell: 1 January 1980.
const EPOCH: &str = "315532800";
/// No build that ends at all takes longer.
const PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);

/// The symbol of an interpreter as a tool.
#[must_use]
pub fn tool(abi: Abi) -> String {
    format!("python:{abi}")
}

/// The process that builds a source distribution with the interpreter `python`, a symbol.
#[must_use]
pub fn process(python: String, system: &BuildSystem) -> Process {
    let mut arguments: Vec<String> = ["-E", "-s", "-S", SCRIPT]
        .iter()
        .map(ToString::to_string)
        .chain([system.backend.to_string()])
        .collect();
    arguments.extend(system.backend_path.iter().map(ToString::to_string));
    let environment = [
        ("LC_ALL", "C.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("PIP_NO_INDEX", "1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONHASHSEED", "0"),
        ("PYTHONUNBUFFERED", "1"),
        ("SOURCE_DATE_EPOCH", EPOCH),
        ("TZ", "UTC"),
    ];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Process {
        program: Program::Tool(python),
        arguments,
        environment: BTreeMap::from(environment.map(owned)),
        outputs: vec![DIST.to_owned()],
        keeps_failed: false,
        shared: None,
        timeout: Some(PATIENCE),
        needs: engine::Needs::default(),
        keeps: None,
    }
}

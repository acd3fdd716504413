//! The section `[sandbox]`, typed. Knows nothing of what is written.

use engine::{Bounds, Level, UnknownLevel};

use super::sources::Settings;
use super::value::{Setting, Value};
use super::{number, size};
use crate::diagnostic::{Diagnostic, Exit};

const SECTION: &str = "sandbox";
/// More processes at once are taken for a mistake, unless more are said to be right.
const PROCESSES: u64 = 4096;

/// What programs that a build runs are kept from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SandboxSettings {
    /// The level that is wanted.
    pub(crate) level: Level,
    /// What each of them may take of the machine.
    pub(crate) bounds: Bounds,
}

impl Default for SandboxSettings {
    fn default() -> SandboxSettings {
        SandboxSettings { level: Level::Full, bounds: Bounds { processes: Some(PROCESSES), disk: None } }
    }
}

/// What the section says, over the defaults.
pub(super) fn settings(settings: &mut Settings) -> Result<SandboxSettings, Vec<Diagnostic>> {
    let default = SandboxSettings::default();
    let (level, disk) = ["level", "disk"].map(|key| settings.remove(&(SECTION.into(), key.into()))).into();
    let processes = number(settings, SECTION, "processes").map(u64::from).or(default.bounds.processes);
    Ok(SandboxSettings {
        level: parse(level)?.unwrap_or(default.level),
        bounds: Bounds { processes, disk: size(disk)? },
    })
}

fn parse(level: Option<Setting>) -> Result<Option<Level>, Vec<Diagnostic>> {
    let Some(Setting { value: Value::Text(text), place }) = level else { return Ok(None) };
    text.parse().map(Some).map_err(|error: UnknownLevel| {
        vec![Diagnostic::error(Exit::Wrong, "config::sandbox", error.to_string()).at(Some(place))]
    })
}

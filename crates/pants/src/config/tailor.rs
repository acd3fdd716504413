//! The section `[tailor]`, typed. Knows nothing of what is written.

use super::sources::Settings;
use super::{text, texts};
use crate::diagnostic::{Diagnostic, Exit};

const SECTION: &str = "tailor";
/// The names that a BUILD file may have.
const NAMES: [&str; 2] = ["BUILD", "BUILD.pants"];

/// What is said of BUILD files that are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct TailorSettings {
    /// Files that get no target, as patterns below the root.
    pub(crate) ignore_paths: Vec<String>,
    /// Targets that are not added.
    pub(crate) ignore_adding_targets: Vec<String>,
    /// What a new BUILD file is called.
    pub(crate) build_file_name: String,
}

/// What the section says, over the defaults.
pub(super) fn settings(settings: &mut Settings) -> Result<TailorSettings, Vec<Diagnostic>> {
    let place =
        settings.get(&(SECTION.into(), "build_file_name".into())).map(|setting| setting.place.clone());
    let name = text(settings, SECTION, "build_file_name").unwrap_or_else(|| NAMES[0].to_owned());
    if !NAMES.contains(&name.as_str()) {
        let message = format!("`build_file_name` takes `BUILD` or `BUILD.pants`, not `{name}`");
        return Err(vec![Diagnostic::error(Exit::Wrong, "config::choice", message).at(place)]);
    }
    Ok(TailorSettings {
        ignore_paths: texts(settings, SECTION, "ignore_paths").unwrap_or_default(),
        ignore_adding_targets: texts(settings, SECTION, "ignore_adding_targets").unwrap_or_default(),
        build_file_name: name,
    })
}

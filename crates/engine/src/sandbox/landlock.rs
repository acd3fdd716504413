//! The middle level: the kernel refuses what a thread, and all that it starts, may not do with files and the network.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, path_beneath_rules,
};

use super::SYSTEM;

/// The first version that can refuse connections.
const WANTED: ABI = ABI::V4;
/// What processes expect to find, and may write where it can be written.
const DEVICES: [&str; 2] = ["/dev", "/proc"];

/// Whether this kernel has Landlock; the reason where it has not.
pub(super) fn probe() -> Result<(), String> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(WANTED))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(WANTED)))
        .and_then(Ruleset::create)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Restricts this thread, and whatever it starts, to reading the system's folders and `readable`, and to writing in
/// `writable`.
///
/// # Errors
/// When the kernel does not take the rules.
pub(crate) fn restrict(readable: &[PathBuf], writable: &Path) -> Result<RestrictionStatus, RulesetError> {
    let system = SYSTEM.iter().map(Path::new).chain(readable.iter().map(PathBuf::as_path));
    let written = DEVICES.iter().map(Path::new).chain([writable]);
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(AccessNet::from_all(WANTED))?
        .create()?
        .add_rules(path_beneath_rules(system.filter(|path| path.exists()), AccessFs::from_read(WANTED)))?
        .add_rules(path_beneath_rules(written, AccessFs::from_all(WANTED)))?
        .restrict_self()
}

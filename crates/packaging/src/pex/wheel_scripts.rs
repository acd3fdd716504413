//! Reads from a wheel what names a script can have: its `entry_points.txt` and the files of `.data/scripts/`.

use engine::extract::{self, Limits};
use store::{Digest, Store};

use super::entry::WheelScripts;
use super::steps::StepError;
use crate::wheel::EntryPoints;

/// The scripts of the wheel `digest` with the file name `name`.
pub(super) fn read(store: &Store, name: &str, digest: &Digest) -> Result<WheelScripts, StepError> {
    let zip = extract::open(store, name, digest, Limits::default())?;
    let mut found = WheelScripts { project: project(name), ..WheelScripts::default() };
    for entry in zip.entries() {
        match entry.path.split('/').collect::<Vec<_>>().as_slice() {
            [folder, "entry_points.txt"] if folder.ends_with(".dist-info") => {
                let text = zip.read(entry).map_err(extract::UnpackError::from)?;
                found.entry_points = EntryPoints::parse(&String::from_utf8_lossy(&text));
            }
            [folder, "scripts", script] if folder.ends_with(".data") => {
                found.scripts.push((*script).to_owned());
            }
            _ => {}
        }
    }
    found.scripts.sort();
    Ok(found)
}

/// The normalised name of the project that a wheel file is of (binary distribution format, "File name").
fn project(wheel: &str) -> String {
    let name = wheel.split('-').next().unwrap_or(wheel);
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

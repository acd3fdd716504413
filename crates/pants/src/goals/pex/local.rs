//! Requirements of the command line that name a file, a folder or an address: they get the names of their projects, and a
//! folder becomes a source distribution in the cache.

use std::io::Write as _;
use std::path::Path;

use packaging::index::project_of;
use packaging::lock::Address;
use packaging::requirement::{Requirement, RequirementError, Source};
use packaging::{pyproject, sdist};

use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// The requirement that a text of the command line is; paths are relative to the folder that the command runs in.
pub(super) fn requirement(session: &Session<'_>, text: &str) -> Result<Requirement, Diagnostic> {
    let found = match text.parse::<Requirement>() {
        Err(RequirementError::Unnamed { text }) => named(session, &text)?,
        found => found.map_err(wrong)?,
    };
    placed(session, found)
}

/// A requirement with the absolute path of the file that it names, if it names one.
pub(super) fn placed(session: &Session<'_>, found: Requirement) -> Result<Requirement, Diagnostic> {
    match &found.source {
        Source::Index(_) => Ok(found),
        Source::Url(location) if !location.starts_with("file:") => {
            let refused = |error: packaging::lock::AddressError| {
                Diagnostic::error(Exit::Wrong, "pex::requirement", &error).help(Some(error.help()))
            };
            Address::of_requirement(location, None).map(|_| found.clone()).map_err(refused)
        }
        Source::Url(location) | Source::Path(location) => at(session, &found, location),
    }
}

/// The requirement on what a text names without saying of which project it is.
fn named(session: &Session<'_>, text: &str) -> Result<Requirement, Diagnostic> {
    let (place, extras) = match text.strip_suffix(']').and_then(|text| text.rsplit_once('[')) {
        Some((place, extras)) => (place, format!("[{extras}]")),
        None => (text, String::new()),
    };
    let folder = session.environment.folder.join(place);
    let name = if folder.is_dir() {
        let text = std::fs::read_to_string(folder.join("pyproject.toml")).unwrap_or_default();
        pyproject::about(&text).name.map(|name| name.to_string())
    } else {
        place.split(['?', '#']).next().and_then(|place| place.rsplit('/').next()).and_then(project_of)
    };
    let Some(name) = name else {
        let error = RequirementError::Unnamed { text: text.to_owned() };
        return Err(
            wrong(error).help(Some("neither its name nor a `pyproject.toml` in it tells the project"))
        );
    };
    format!("{name}{extras} @ {place}").parse::<Requirement>().map_err(wrong)
}

/// The requirement with the absolute path of its file.
fn at(session: &Session<'_>, requirement: &Requirement, location: &str) -> Result<Requirement, Diagnostic> {
    let unreadable = |path: &Path, error: std::io::Error| {
        let message = format!("cannot read `{}` of `{}`: {error}", path.display(), requirement.name);
        Diagnostic::error(Exit::Wrong, "pex::requirement", message)
    };
    let path = session.environment.folder.join(location.strip_prefix("file://").unwrap_or(location));
    let mut path = path.canonicalize().map_err(|error| unreadable(&path, error))?;
    if path.is_dir() {
        let name = requirement.name.as_ref();
        let bytes = sdist::of_folder(&path, name).map_err(|error| unreadable(&path, error))?;
        let hash = blake3::hash(&bytes).to_hex();
        let folder = super::run_folder(session);
        let archive = folder.join(format!("{name}-{}.tar.gz", &hash[..32]));
        let kept = std::fs::create_dir_all(&folder).and_then(|()| {
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            file.write_all(&bytes)?;
            file.persist(&archive).map_err(|error| error.error)
        });
        kept.map_err(|error| {
            let message = format!("cannot write `{}`: {error}", archive.display());
            Diagnostic::error(Exit::Environment, "pex::requirement", message)
        })?;
        path = archive;
    }
    requirement.text_at(&path.display().to_string()).parse().map_err(wrong)
}

fn wrong(error: RequirementError) -> Diagnostic {
    Diagnostic::error(Exit::Wrong, error.code(), &error).help(error.help())
}

//! Distributions on their way to an index: what it has of them, and what is sent to it.

use packaging::distribution::{Described, describe};
use packaging::index::{Client, Existing, FetchError, Index, Package};
use serde_json::json;

use super::Published;
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::downloads::Downloads;
use crate::explain;
use crate::report::Built;
use crate::session::Session;

/// A distribution on its way to the index.
pub(super) struct Candidate<'b> {
    built: &'b Built,
    file: String,
    project: String,
    described: Described,
    existing: Existing,
}

/// Puts distributions on an index, those that are not there.
///
/// Fails at the first that it does not take.
pub(super) fn upload_all(
    (session, downloads): (&Session<'_>, &Downloads<'_>),
    place: &Index,
    candidates: &[Candidate<'_>],
    dry_run: bool,
    published: &mut Published,
) -> Result<(), Vec<Diagnostic>> {
    let console = session.console;
    let client = downloads.client().map_err(|error| vec![explain::index(error)])?;
    let is_new = |candidate: &Candidate<'_>| candidate.existing == Existing::Nothing;
    let mut place = place.clone();
    if !dry_run && place.credentials().is_none() && candidates.iter().any(is_new) {
        let variables = &session.environment.variables;
        client.identify(&mut place, variables).map_err(|error| vec![failed(&error)])?;
    }
    for candidate in candidates {
        let status = match (candidate.existing, dry_run) {
            (Existing::Same, _) => "unchanged",
            (_, true) => "new",
            (_, false) => {
                upload(session, client, &place, candidate).map_err(|error| vec![error])?;
                "uploaded"
            }
        };
        if console.output == Output::Text {
            console.answer(&format!("{status} {}\n", candidate.built.path));
        }
        published.push(json!({ "path": candidate.built.path, "index": place.name, "status": status }));
    }
    Ok(())
}

/// Where uploads for an index go.
///
/// Fails where that is not known.
pub(super) fn place(session: &Session<'_>, name: &str) -> Result<Index, Vec<Diagnostic>> {
    let urls = &session.config.publish_urls;
    let Some((_, url)) = urls.iter().find(|(known, _)| known == name) else {
        let message = format!("`pants.toml` does not say where uploads for the index `{name}` go");
        let near = graph::near(name, urls.iter().map(|(known, _)| known.as_str()));
        let help = near.map_or_else(
            || format!("write `{name} = \"https://…\"` into `[python.publish_urls]`"),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(vec![Diagnostic::error(Exit::Wrong, "publish::index", message).help(Some(help))]);
    };
    let at = session.config.place("python.publish_urls", name).cloned();
    let origin = "`[python.publish_urls]` of `pants.toml`".to_owned();
    let downloads = session.downloads()?;
    Index::to_upload(name, url, origin, &downloads.declared, &downloads.surroundings())
        .map_err(|error| vec![Diagnostic::error(Exit::Wrong, error.code(), error).at(at)])
}

/// All that was built, read and compared with what the index has; or all that keeps it from being published.
pub(super) fn candidates<'b>(
    (session, downloads): (&Session<'_>, &Downloads<'_>),
    place: &Index,
    artifacts: &[&'b Built],
) -> Result<Vec<Candidate<'b>>, Vec<Diagnostic>> {
    let client = downloads.client().map_err(|error| vec![explain::index(error)])?;
    let (mut candidates, mut errors) = (Vec::new(), Vec::new());
    for built in artifacts {
        match candidate(session, client, &place.name, built) {
            Ok(candidate) => candidates.push(candidate),
            Err(error) => errors.push(error),
        }
    }
    // What the whole index refuses is told once.
    errors.dedup_by(|a, b| a.code == b.code && a.message == b.message);
    if errors.is_empty() { Ok(candidates) } else { Err(errors) }
}

fn candidate<'b>(
    session: &Session<'_>,
    client: &Client,
    index: &str,
    built: &'b Built,
) -> Result<Candidate<'b>, Diagnostic> {
    let content = content(session, built)?;
    let file = built.path.rsplit('/').next().unwrap_or(&built.path).to_owned();
    let described = describe(&file, &content)
        .map_err(|error| Diagnostic::error(Exit::Bug, "publish::unreadable", error))?;
    if described.is_dirty() {
        let message = format!("`{file}` is made of files that are in no commit");
        let help = Some("commit them, so that the version says what is in it");
        return Err(Diagnostic::error(Exit::Wrong, "publish::dirty", message).help(help));
    }
    let name = described.field("Name").unwrap_or_default();
    let project = packaging::name::parse_name(name).map(|name| name.to_string()).unwrap_or_default();
    let existing = client.existing(index, &project, &file, &content).map_err(|error| failed(&error))?;
    if existing == Existing::Other {
        let message = format!("the index `{index}` has another `{file}`");
        let note = "a version is published once, and this one differs from what was";
        let help = Some("give it a new version");
        return Err(Diagnostic::error(Exit::Wrong, "publish::differs", message).note(note).help(help));
    }
    Ok(Candidate { built, file, project, described, existing })
}

/// The bytes of a distribution, which are read when they are needed: not all of them fit into memory at once.
fn content(session: &Session<'_>, built: &Built) -> Result<Vec<u8>, Diagnostic> {
    std::fs::read(session.root.join(&built.path)).map_err(|error| {
        let message = format!("cannot read `{}`: {error}", built.path);
        Diagnostic::error(Exit::Environment, "publish::unreadable", message)
    })
}

fn upload(
    session: &Session<'_>,
    client: &Client,
    place: &Index,
    candidate: &Candidate<'_>,
) -> Result<(), Diagnostic> {
    let (fields, content) = (fields(&candidate.described), content(session, candidate.built)?);
    let package = Package { file: &candidate.file, content: &content, fields: &fields };
    let Err(error) = client.upload(place, &package) else { return Ok(()) };
    if matches!(
        error,
        FetchError::Rejected { .. } | FetchError::Connection { .. } | FetchError::Status { .. }
    ) {
        // An attempt whose answer was lost may have come through, and is then in the way of the next.
        let fresh = session.downloads().ok();
        let fresh = fresh.as_ref().and_then(|downloads| downloads.client().ok());
        let there = fresh.and_then(|client| {
            client.existing(&place.name, &candidate.project, &candidate.file, &content).ok()
        });
        if there == Some(Existing::Same) {
            return Ok(());
        }
    }
    Err(failed(&error))
}

fn failed(error: &FetchError) -> Diagnostic {
    let exit = match error {
        FetchError::UnknownIndex { .. } | FetchError::Rejected { .. } => Exit::Wrong,
        _ => Exit::Environment,
    };
    Diagnostic::error(exit, error.code(), error).help(error.help())
}

/// The fields of the form: those of the metadata, under the names that it has for them.
fn fields(described: &Described) -> Vec<(String, String)> {
    let kind = if described.is_wheel { "bdist_wheel" } else { "sdist" };
    let mut fields =
        vec![("filetype".to_owned(), kind.to_owned()), ("pyversion".to_owned(), described.python.clone())];
    fields.extend(described.fields.iter().map(|(name, value)| {
        let name = match name.as_str() {
            "Classifier" => "classifiers".to_owned(),
            "Project-URL" => "project_urls".to_owned(),
            name => name.to_ascii_lowercase().replace('-', "_"),
        };
        (name, value.clone())
    }));
    fields
}

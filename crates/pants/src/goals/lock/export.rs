//! `pants lock --export`: a lock in the form of other tools, on standard output. Resolves nothing.

use clap::ValueEnum;
use packaging::index::{DEFAULT, FetchError};

use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::session::Session;

/// The forms that a lock is exported in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// `pylock.toml` (PEP 751), with the addresses of all files.
    Pylock,
    /// `requirements.txt` with hashes.
    Requirements,
}

/// Prints the lock of the one resolve that is chosen.
pub(super) fn export(
    session: &Session<'_>,
    form: Form,
    resolves: &[(&str, &str)],
) -> Result<Exit, Vec<Diagnostic>> {
    let [(name, path)] = resolves else {
        let message = format!("one resolve can be exported, and there are {}", resolves.len());
        let help = Some("name one with `--resolve`");
        return Err(vec![Diagnostic::error(Exit::Wrong, "lock::export", message).help(help)]);
    };
    let Some(lock) = session.lock(path)? else {
        let message = format!("the resolve `{name}` has no lock `{path}`");
        let help = Some("`pants lock` writes it");
        return Err(vec![Diagnostic::error(Exit::Wrong, "lock::export", message).help(help)]);
    };
    if !matches!(lock.form, packaging::lock::Form::Pants | packaging::lock::Form::Pex) {
        let message = format!("`{path}` is {}, which is not exported", lock.form.title());
        let help = Some("the tool that wrote it exports it, such as `uv export`");
        return Err(vec![Diagnostic::error(Exit::Wrong, "lock::export", message).help(help)]);
    }
    let text = match form {
        Form::Requirements => lock.to_requirements(),
        Form::Pylock => {
            let downloads = session.downloads()?;
            let client = downloads.client().map_err(|error| vec![explain::index(error)])?;
            let text = lock.to_pylock(&|file| -> Result<String, FetchError> {
                let found = client.locate(file.index.unwrap_or(DEFAULT), file.project, file.name)?;
                let mut url = found.url;
                // Credentials are the machine's and not the lock's; an address without a host has none.
                let _ = url.set_username("").and_then(|()| url.set_password(None));
                Ok(url.to_string())
            });
            text.map_err(|error| {
                let message = format!("cannot tell where the files of `{name}` are: {error}");
                vec![Diagnostic::error(Exit::Environment, error.code(), message).help(error.help())]
            })?
        }
    };
    session.console.answer(&text);
    Ok(Exit::Done)
}

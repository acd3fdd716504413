//! What is inside of artifacts, as the configuration judges it: licences that are not allowed, and versions that would have
//! the wheels which are missing.

use std::collections::BTreeMap;

use engine::ActionId;
use packaging::index::DEFAULT;
use packaging::licence::Licence;
use python::{Artifact, Distribution, RuleError};

use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// The licence of each distribution, by the action that brings its wheel.
pub(crate) type Licences = BTreeMap<ActionId, Licence>;

/// The licences that the configuration does not allow, each distribution once.
pub(crate) fn denied(session: &Session<'_>, artifacts: &[Artifact], licences: &Licences) -> Vec<Diagnostic> {
    let policy = &session.config.licences;
    let mut denied: BTreeMap<(String, String), (&Artifact, &Distribution, &Licence)> = BTreeMap::new();
    for artifact in artifacts {
        for one in &artifact.distributions {
            let Some(licence) = licences.get(&one.wheel) else { continue };
            if !policy.permits(&one.name, licence) {
                let key = (one.name.to_string(), one.version.to_string());
                denied.entry(key).or_insert((artifact, one, licence));
            }
        }
    }
    denied.into_values().map(|(artifact, one, licence)| told(session, artifact, one, licence)).collect()
}

fn told(session: &Session<'_>, artifact: &Artifact, one: &Distribution, licence: &Licence) -> Diagnostic {
    let (name, version) = (&one.name, &one.version);
    let place = ["allow", "deny"].iter().find_map(|key| session.config.place("licences", key));
    let says = match licence {
        Licence::Unknown => "says nothing of its licence".to_owned(),
        licence => format!("is under `{licence}`"),
    };
    let message = format!("`{name}` {version} {says}, which `[licences]` does not allow");
    let help = format!(
        "do without it, allow the licence, or make an exception below `[licences.exceptions]`: \
         `{name} = [\"{licence}\"]`"
    );
    let diagnostic =
        Diagnostic::error(Exit::Failed, "licences::denied", message).at(place.cloned()).help(Some(help));
    let program = &artifact.label;
    let diagnostic = match &one.asked_by {
        None => diagnostic.note(format!("the runtime of every PEX, also of `{program}`")),
        Some(asked_by) if asked_by == program => diagnostic.note(format!("needed by `{program}`")),
        Some(asked_by) => diagnostic.note(format!(
            "needed by `{program}`, by way of `{asked_by}`; `pants why {program} {asked_by}` says why"
        )),
    };
    if one.needed_by.0.is_empty() {
        return diagnostic;
    }
    let names: Vec<&str> = one.needed_by.0.iter().map(AsRef::as_ref).chain([name.as_ref()]).collect();
    diagnostic.note(format!("required by way of {}", names.join(" → ")))
}

/// Asks the indexes which versions would have the wheels that are missing. Without an answer there is no advice.
pub(crate) fn look_for_versions(session: &Session<'_>, errors: &mut [RuleError]) {
    let missing = errors.iter_mut().filter_map(|error| match error {
        RuleError::Missing(missing) => Some(missing),
        _ => None,
    });
    let mut missing = missing.peekable();
    if session.offline || missing.peek().is_none() {
        return;
    }
    let Ok(downloads) = session.downloads() else { return };
    let Ok(client) = downloads.client() else { return };
    for missing in missing {
        let index = missing.index.as_deref().unwrap_or(DEFAULT);
        if let Ok(page) = client.page(index, missing.name.as_ref()) {
            missing.look_in(&page.files);
        }
    }
}

//! The section `[licences]`: which licences are allowed.

use std::collections::BTreeMap;

use packaging::licence::LicencePolicy;
use packaging::name::parse_name;

use super::sources::Settings;
use super::texts;
use super::value::{Setting, Value};
use crate::diagnostic::{Diagnostic, Exit};

/// The section of what single distributions may have.
const EXCEPTIONS: &str = "licences.exceptions";

/// What the section says; wrong are exceptions for what is no name of a distribution.
pub(super) fn policy(settings: &mut Settings) -> Result<LicencePolicy, Vec<Diagnostic>> {
    let (mut exceptions, mut errors) = (BTreeMap::new(), Vec::new());
    for ((_, name), Setting { value, place }) in
        settings.iter().filter(|((section, _), _)| section == EXCEPTIONS)
    {
        let Value::Texts(licences) = value else { continue };
        match parse_name(name) {
            Ok(project) => drop(exceptions.insert(project, licences.clone())),
            Err(error) => {
                errors.push(Diagnostic::error(Exit::Wrong, error.code(), error).at(Some(place.clone())));
            }
        }
    }
    let mut list = |name| texts(settings, "licences", name).unwrap_or_default();
    let policy = LicencePolicy { allow: list("allow"), deny: list("deny"), exceptions };
    if errors.is_empty() { Ok(policy) } else { Err(errors) }
}

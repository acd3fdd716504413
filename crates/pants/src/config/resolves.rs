//! Which resolves there are, and which of them is the default. Reads no lock.

use graph::Place;

use super::sources::Settings;
use super::{flag, named_texts, or_default, text};
use crate::diagnostic::{Diagnostic, Exit};

/// The resolves with their locks, and the default one. Adds what is wrong to `errors`.
pub(super) fn resolves(
    settings: &mut Settings,
    errors: &mut Vec<Diagnostic>,
) -> (Vec<(String, String)>, String) {
    let unread = !errors.is_empty();
    let place =
        settings.get(&("python".into(), "default_resolve".into())).map(|setting| setting.place.clone());
    let enabled = flag(settings, "python", "enable_resolves");
    let mut resolves = named_texts(settings, "python.resolves");
    if resolves.is_empty() {
        resolves.push(match enabled {
            Some(true) => ("python-default".to_owned(), "3rdparty/python/default.lock".to_owned()),
            _ => ("default".to_owned(), "pants.lock".to_owned()),
        });
    }
    let default = match default_resolve(text(settings, "python", "default_resolve"), &resolves, place) {
        // What is missing may be among what could not be read.
        Err(_) if unread => String::new(),
        found => or_default(found, errors),
    };
    if enabled == Some(false) {
        resolves.retain(|(name, _)| *name == default);
    }
    (resolves, default)
}

/// Which resolve targets are in that name none.
fn default_resolve(
    given: Option<String>,
    resolves: &[(String, String)],
    place: Option<Place>,
) -> Result<String, Vec<Diagnostic>> {
    let known = |wanted: &str| resolves.iter().any(|(name, _)| name == wanted);
    match (given, resolves) {
        (Some(given), _) if known(&given) => Ok(given),
        (Some(given), _) => {
            let names = resolves.iter().map(|(name, _)| name.as_str());
            let help = crate::explain::near_or_all(&given, names, "the resolves are");
            Err(vec![
                Diagnostic::error(Exit::Wrong, "config::resolve", format!("there is no resolve `{given}`"))
                    .at(place)
                    .help(Some(help)),
            ])
        }
        (None, [(only, _)]) => Ok(only.clone()),
        (None, _) if known("python-default") => Ok("python-default".to_owned()),
        (None, _) if known("default") => Ok("default".to_owned()),
        (None, _) => Err(vec![
            Diagnostic::error(
                Exit::Wrong,
                "config::resolve",
                "several resolves and none of them is the default",
            )
            .help(Some("set `[python] default_resolve`")),
        ]),
    }
}

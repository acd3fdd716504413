//! Images on their way into registries: where each goes, and what is told of it.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Failure as _, Fault};
use graph::{Place, Target};
use packaging::image::{ImageError, Layout, NameError, Repository, is_tag};
use packaging::registry::{Push, Sent};
use serde_json::json;

use super::{Arguments, Published};
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::downloads::Downloads;
use crate::report::Built;
use crate::session::Session;

/// An image on its way to one repository of a registry.
pub(super) struct Journey<'b> {
    built: &'b Built,
    target: &'b Target,
    to: Repository,
    tags: Vec<String>,
}

/// Where images go.
///
/// Fails where that cannot be told of one, or where two would have the same name.
pub(super) fn journeys<'b>(
    images: &[(&'b Built, &'b Target)],
    arguments: &Arguments,
) -> Result<Vec<Journey<'b>>, Vec<Diagnostic>> {
    let (mut journeys, mut errors) = (Vec::new(), Vec::new());
    for (built, target) in images {
        match journeys_of(built, target, arguments) {
            Ok(all) => journeys.extend(all),
            Err(error) => errors.push(error),
        }
    }
    errors.extend(clashes(&journeys));
    if errors.is_empty() { Ok(journeys) } else { Err(errors) }
}

/// The errors that two images would have the same name, of which only the last would be found by it.
fn clashes(journeys: &[Journey<'_>]) -> Vec<Diagnostic> {
    let mut first: BTreeMap<(&Repository, &str), &Journey<'_>> = BTreeMap::new();
    let mut errors = Vec::new();
    for journey in journeys {
        for tag in &journey.tags {
            let other = *first.entry((&journey.to, tag.as_str())).or_insert(journey);
            if other.built.path != journey.built.path {
                let (one, two) = (&other.target.label, &journey.target.label);
                let message =
                    format!("`{one}` and `{two}` are two images with one name, `{}:{tag}`", journey.to);
                let help = "give one of them another `repository` or other `image_tags`, or publish each alone \
                            with an `--image-tag` of its own";
                let error = wrong("publish::clash", message, journey.target.place.clone());
                errors.push(error.help(Some(help)));
            }
        }
    }
    errors
}

/// Images as they are compared with what registries have; fails with all that keeps them from it, each registry once.
pub(super) fn compare<'j>(
    session: &Session<'_>,
    downloads: &Downloads<'_>,
    journeys: &'j [Journey<'_>],
) -> Result<Vec<(&'j Journey<'j>, Push<'j>)>, Vec<Diagnostic>> {
    let (mut pushes, mut errors, mut failed_hosts) = (Vec::new(), Vec::new(), BTreeSet::new());
    for journey in journeys {
        if failed_hosts.contains(&journey.to.host) {
            continue;
        }
        let layout = Layout::open(&session.root.join(&journey.built.path));
        let push =
            layout.and_then(|layout| Push::new(downloads.registry()?, layout, &journey.to, &journey.tags));
        match push {
            Ok(push) => pushes.push((journey, push)),
            Err(error) => {
                failed_hosts.insert(&journey.to.host);
                errors.push(failed(&error));
            }
        }
    }
    if errors.is_empty() { Ok(pushes) } else { Err(errors) }
}

/// Puts images where they belong, or says with `dry_run` what would be.
///
/// Fails at the first that a registry does not take.
pub(super) fn send_all(
    session: &Session<'_>,
    downloads: &Downloads<'_>,
    pushes: &[(&Journey<'_>, Push<'_>)],
    dry_run: bool,
    published: &mut Published,
) -> Result<(), Vec<Diagnostic>> {
    for (journey, push) in pushes {
        let sent = if push.unchanged || dry_run {
            Vec::new()
        } else {
            let registry = downloads.registry().map_err(ImageError::from);
            registry.and_then(|registry| push.send(registry)).map_err(|error| vec![failed(&error)])?
        };
        published.push(tell(session, journey, (push, &sent), dry_run));
    }
    Ok(())
}

/// Where an image goes: as the command line says, else as its target says.
fn journeys_of<'b>(
    built: &'b Built,
    target: &'b Target,
    arguments: &Arguments,
) -> Result<Vec<Journey<'b>>, Diagnostic> {
    let given = |list: &[String], field: &str| {
        let own = || target.list(field).into_iter().map(ToOwned::to_owned).collect();
        let mut all: Vec<String> = if list.is_empty() { own() } else { list.to_vec() };
        let mut seen = BTreeSet::new();
        all.retain(|text| seen.insert(text.clone()));
        all
    };
    let registries: Vec<String> = given(&arguments.registry, "registries");
    let tags: Vec<String> = given(&arguments.image_tag, "image_tags");
    if registries.is_empty() {
        let message = format!("nothing says which registry `{}` goes to", target.label);
        let help = "give it `registries = [\"registry.example.com\"]`, or name one with `--registry`";
        return Err(wrong("publish::registry", message, target.place.clone()).help(Some(help)));
    }
    if let Some(tag) = tags.iter().find(|tag| !is_tag(tag)) {
        let message = format!("`{tag}` is no tag of an image: {}", NameError::Tag);
        return Err(Diagnostic::error(Exit::Wrong, "publish::tag", message));
    }
    if tags.is_empty() {
        let message = format!("`{}` has no tag to be found by", target.label);
        let help = "give it `image_tags`, or name one with `--image-tag`";
        return Err(wrong("publish::tag", message, target.place.clone()).help(Some(help)));
    }
    let name = target.str("repository").unwrap_or(target.label.name());
    let to = |registry: &String| {
        let to = Repository::at(registry, name).map_err(|error| {
            let message = format!("`{name}` can be no repository of the registry `{registry}`: {error}");
            wrong("publish::registry", message, target.place.clone())
        })?;
        Ok(Journey { built, target, to, tags: tags.clone() })
    };
    registries.iter().map(to).collect()
}

fn wrong(code: &'static str, message: String, place: Place) -> Diagnostic {
    Diagnostic::error(Exit::Wrong, code, message).at(Some(place))
}

fn failed(error: &ImageError) -> Diagnostic {
    let exit = match error.fault() {
        Fault::Request => Exit::Wrong,
        Fault::Bug => Exit::Bug,
        _ => Exit::Environment,
    };
    Diagnostic::error(exit, error.code(), error).help(error.help())
}

/// Says what came of an image; gives the form for programs.
fn tell(
    session: &Session<'_>,
    journey: &Journey<'_>,
    (push, sent): (&Push<'_>, &[Sent]),
    dry_run: bool,
) -> serde_json::Value {
    let status = match (push.unchanged, dry_run) {
        (true, _) => "unchanged",
        (false, true) => "new",
        (false, false) => "uploaded",
    };
    let digest = push.digest();
    let layers = sent.iter().filter(|sent| sent.is_layer).count();
    let bytes: u64 = sent.iter().map(|sent| sent.size).sum();
    let console = session.console;
    if console.output == Output::Text {
        let lines = journey.tags.iter().map(|tag| format!("{status} {}:{tag}@{}\n", journey.to, digest));
        console.answer(&lines.collect::<String>());
        if !console.quiet && status == "uploaded" {
            let noun = if layers == 1 { "layer" } else { "layers" };
            console.message(&format!(
                "sent {layers} {noun} of {} to `{}`, {bytes} bytes in all",
                push.layers(),
                journey.to
            ));
        }
    }
    json!({
        "path": journey.built.path,
        "image": journey.to.to_string(),
        "tags": journey.tags,
        "digest": digest,
        "status": status,
        "layers": push.layers(),
        "layers_sent": layers,
        "bytes_sent": bytes,
    })
}

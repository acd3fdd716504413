//! Images on their way into registries: where each goes, and what is told of it.

use engine::{Failure as _, Fault};
use graph::{Place, Target};
use packaging::image::{ImageError, Layout, NameError, Repository, is_tag};
use packaging::registry::{Pushed, push};
use serde_json::json;

use super::Arguments;
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::downloads::Downloads;
use crate::report::Built;
use crate::session::Session;

/// An image on its way to one repository of a registry.
struct Journey<'b> {
    built: &'b Built,
    to: Repository,
    tags: Vec<String>,
}

/// Puts images where they belong, or says with `--dry-run` what would be; gives what is told of each.
///
/// Fails before the first is sent where it cannot be told where one goes.
pub(super) fn publish(
    session: &Session<'_>,
    images: &[(&Built, &Target)],
    arguments: &Arguments,
) -> Result<Vec<serde_json::Value>, Vec<Diagnostic>> {
    let (mut journeys, mut errors) = (Vec::new(), Vec::new());
    for (built, target) in images {
        match journeys_of(built, target, arguments) {
            Ok(all) => journeys.extend(all),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let downloads = session.downloads()?;
    let mut told = Vec::new();
    for journey in &journeys {
        match send(session, &downloads, journey, arguments.dry_run) {
            Ok(pushed) => told.push(tell(session, journey, &pushed, arguments.dry_run)),
            Err(error) => {
                session.console.diagnostics(vec![failed(&error)]);
                break;
            }
        }
    }
    Ok(told)
}

/// Where an image goes: as the command line says, else as its target says.
fn journeys_of<'b>(
    built: &'b Built,
    target: &Target,
    arguments: &Arguments,
) -> Result<Vec<Journey<'b>>, Diagnostic> {
    let given = |list: &[String], field: &str| {
        let own = || target.list(field).into_iter().map(ToOwned::to_owned).collect();
        if list.is_empty() { own() } else { list.to_vec() }
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
        let text = format!("{}/{name}", registry.trim_end_matches('/'));
        let to = Repository::parse(&text).map_err(|error| {
            let message = format!("`{text}` is no repository of a registry: {error}");
            wrong("publish::registry", message, target.place.clone())
        })?;
        Ok(Journey { built, to, tags: tags.clone() })
    };
    registries.iter().map(to).collect()
}

fn wrong(code: &'static str, message: String, place: Place) -> Diagnostic {
    Diagnostic::error(Exit::Wrong, code, message).at(Some(place))
}

fn send(
    session: &Session<'_>,
    downloads: &Downloads<'_>,
    journey: &Journey<'_>,
    dry_run: bool,
) -> Result<Pushed, ImageError> {
    let layout = Layout::open(&session.root.join(&journey.built.path))?;
    push(downloads.registry()?, &layout, &journey.to, &journey.tags, dry_run)
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
fn tell(session: &Session<'_>, journey: &Journey<'_>, pushed: &Pushed, dry_run: bool) -> serde_json::Value {
    let status = match (pushed.unchanged, dry_run) {
        (true, _) => "unchanged",
        (false, true) => "new",
        (false, false) => "uploaded",
    };
    let layers = pushed.sent.iter().filter(|sent| sent.is_layer).count();
    let bytes: u64 = pushed.sent.iter().map(|sent| sent.size).sum();
    let console = session.console;
    if console.output == Output::Text {
        let lines =
            journey.tags.iter().map(|tag| format!("{status} {}:{tag}@{}\n", journey.to, pushed.digest));
        console.answer(&lines.collect::<String>());
        if !console.quiet && status == "uploaded" {
            let noun = if layers == 1 { "layer" } else { "layers" };
            console.message(&format!(
                "sent {layers} {noun} of {} to `{}`, {bytes} bytes in all",
                pushed.layers, journey.to
            ));
        }
    }
    json!({
        "path": journey.built.path,
        "image": journey.to.to_string(),
        "tags": journey.tags,
        "digest": pushed.digest,
        "status": status,
        "layers": pushed.layers,
        "layers_sent": layers,
        "bytes_sent": bytes,
    })
}

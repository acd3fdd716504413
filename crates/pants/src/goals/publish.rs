//! The goal `publish`: distributions are built and put on an index, images into registries, those that are not there already.

mod distributions;
mod images;

use clap::Args;
use graph::{Label, NodeId, Target, TargetGraph};
use packaging::index::Index;
use python::packageable;
use serde_json::{Value, json};

use super::Targets;
use super::binary::check_some;
use crate::build::{Scope, build};
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::report::{Built, Report, exit_of};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  pants publish //lib:dist --index internal    a wheel and a source distribution
  pants publish :: --index internal --dry-run  what would be uploaded
  pants publish //svc:image                    an image, into the registries that its target names
  pants publish //svc:image --registry registry.example.com --image-tag 1.2.0

`pants.toml` says where to: the address of the index in [python-repos] indexes, and under the same name
in [python.publish_urls] the one that takes uploads. User name and password come from PANTS_INDEX_<NAME>_USERNAME
and PANTS_INDEX_<NAME>_PASSWORD, from a netrc file, or from keyring, as for downloads; a job of CI that the index
trusts needs none. Those for a registry are those that `docker login` or `podman login` keeps.";

/// Put distributions on an index and images into registries, unchanged ones not again
///
/// All are built and compared with what the index and the registries have before the first is uploaded. One that is there
/// with the same bytes is left alone; one that is there with other bytes is an error, since a version is published once. Of
/// an image only what its registry lacks is sent; its tags then name it, whatever they named before.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    targets: Targets,

    /// The index that distributions go to, by its name in pants.toml
    #[arg(long, value_name = "NAME")]
    index: Option<String>,

    /// A registry that images go to, by its host and perhaps a path, in place of those of their targets
    #[arg(long, value_name = "HOST")]
    registry: Vec<String>,

    /// A tag of images, in place of those of their targets
    #[arg(long, value_name = "TAG")]
    image_tag: Vec<String>,

    /// Upload nothing; say what would be
    #[arg(long)]
    dry_run: bool,
}

/// The rule of images.
const IMAGE: &str = "python_image";

/// What was told of what was published, in the form for programs.
type Published = Vec<Value>;

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    if session.offline {
        let message = "nothing can be published offline";
        let help = Some("run it without `--offline`");
        return Err(vec![Diagnostic::error(Exit::Wrong, "publish::offline", message).help(help)]);
    }
    let index = arguments.index.as_deref();
    let place = index.map(|index| distributions::place(session, index)).transpose()?;
    let targets = &arguments.targets;
    let (report, diagnostics) = build(session, "publish", targets, Scope::All, publishable, |found| {
        let help = "`pants list --type python_distribution,python_image ::` names all that there are";
        check_some(
            session,
            targets,
            found,
            ("publish::none", "`python_distribution` or `python_image`", help),
        )
    })?;
    let console = session.console;
    console.diagnostics(diagnostics);
    let mut published = Vec::new();
    if exit_of(&console.said()) == Exit::Done {
        let outcome = publish(session, &report, place.as_ref(), arguments, &mut published);
        console.diagnostics(outcome.err().unwrap_or_default());
    }
    let said = console.said();
    let exit = exit_of(&said);
    if console.output == Output::Json {
        let mut report = report.json("publish", exit, &said, session.start);
        report["published"] = json!(published);
        console.answer(&format!("{report:#}\n"));
    }
    Ok(exit)
}

/// Publishes what was built, after all of it was compared with what is there; the first failure ends it, and what was
/// published until then is in `published`.
fn publish(
    session: &Session<'_>,
    report: &Report,
    place: Option<&Index>,
    arguments: &Arguments,
    published: &mut Published,
) -> Result<(), Vec<Diagnostic>> {
    let repository = session.repository()?;
    let target = |built: &Built| {
        let label = Label::parse(&built.target, "").ok()?;
        repository.graph.node(&label).map(|node| repository.graph.target(node))
    };
    let is_image = |built: &&Built| target(built).is_some_and(|target| target.rule.name == IMAGE);
    let (images, distributions): (Vec<&Built>, Vec<&Built>) = report.artifacts.iter().partition(is_image);
    let images: Vec<(&Built, &Target)> =
        images.into_iter().filter_map(|built| Some((built, target(built)?))).collect();
    let downloads = session.downloads()?;
    let with = (session, &downloads);
    let mut errors = Vec::new();
    let journeys = taken(images::journeys(&images, arguments), &mut errors);
    let candidates = match (place, distributions.first()) {
        (_, None) => Vec::new(),
        (None, Some(first)) => taken(Err(vec![no_index(first)]), &mut errors),
        (Some(place), _) => taken(distributions::candidates(with, place, &distributions), &mut errors),
    };
    let pushes = taken(images::compare(session, &downloads, &journeys), &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    if let Some(place) = place.filter(|_| !candidates.is_empty()) {
        distributions::upload_all(with, place, &candidates, arguments.dry_run, published)?;
    }
    images::send_all(session, &downloads, &pushes, arguments.dry_run, published)
}

/// What there is, or nothing, and then the errors are among `errors`.
fn taken<T>(found: Result<Vec<T>, Vec<Diagnostic>>, errors: &mut Vec<Diagnostic>) -> Vec<T> {
    found.unwrap_or_else(|wrong| {
        errors.extend(wrong);
        Vec::new()
    })
}

fn no_index(distribution: &Built) -> Diagnostic {
    let message = format!("nothing says which index `{}` goes to", distribution.target);
    let help = Some("name it with `--index`; `pants.toml` says its address");
    Diagnostic::error(Exit::Wrong, "publish::index", message).help(help)
}

/// The distributions and images among some nodes.
fn publishable(graph: &TargetGraph, nodes: &[NodeId]) -> Vec<NodeId> {
    let mut found = packageable(graph, nodes);
    found.retain(|node| matches!(graph.target(*node).rule.name, "python_distribution" | IMAGE));
    found
}

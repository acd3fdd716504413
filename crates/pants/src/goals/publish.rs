//! The goal `publish`: distributions are built and put on an index, images into registries, those that are not there already.

mod images;

use clap::Args;
use graph::{Label, NodeId, Target, TargetGraph};
use packaging::distribution::{Described, describe};
use packaging::index::{Client, Existing, FetchError, Index, Package};
use python::packageable;
use serde_json::{Value, json};

use super::Targets;
use super::binary::check_some;
use crate::build::{Scope, build};
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::report::{Built, exit_of};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  pants publish //lib:dist --index internal    a wheel and a source distribution
  pants publish :: --index internal --dry-run  what would be uploaded
  pants publish //svc:image                    an image, into the registries that its target names
  pants publish //svc:image --registry registry.example.com --image-tag 1.2.0

`pants.toml` says where to: the address of the index in [python-repos] indexes, and under the same name
in [python.publish_urls] the one that takes uploads. User name and password come from PANTS_INDEX_<NAME>_USERNAME
and PANTS_INDEX_<NAME>_PASSWORD, from a netrc file, or from keyring, as for downloads. Those for a registry are
those that `docker login` or `podman login` keeps.";

/// Put distributions on an index and images into registries, unchanged ones not again
///
/// All are built and compared with what the index has before the first is uploaded. One that is there with the same
/// bytes is left alone; one that is there with other bytes is an error, since a version is published once. Of an image
/// only what its registry lacks is sent; its tags then name it, whatever they named before.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    targets: Targets,

    /// The index that distributions go to, by its name in pants.toml
    #[arg(long, value_name = "NAME")]
    index: Option<String>,

    /// A registry that images go to, by its host, in place of those of their targets
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

/// A distribution on its way to the index.
struct Candidate<'b> {
    built: &'b Built,
    file: String,
    project: String,
    content: Vec<u8>,
    described: Described,
    existing: Existing,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let index = arguments.index.as_deref();
    let place = index.map(|index| place(session, index)).transpose()?;
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
        let repository = session.repository()?;
        let target = |built: &Built| {
            let label = Label::parse(&built.target, "").ok()?;
            repository.graph.node(&label).map(|node| repository.graph.target(node))
        };
        let is_image = |built: &&Built| target(built).is_some_and(|target| target.rule.name == IMAGE);
        let (images, distributions): (Vec<&Built>, Vec<&Built>) = report.artifacts.iter().partition(is_image);
        match (index, &place) {
            (Some(index), Some(place)) => {
                upload_all(session, (index, place), &distributions, arguments, &mut published)?;
            }
            _ if distributions.is_empty() => {}
            _ => return Err(vec![no_index(&distributions)]),
        }
        let images: Vec<(&Built, &Target)> =
            images.into_iter().filter_map(|built| Some((built, target(built)?))).collect();
        published.extend(images::publish(session, &images, arguments)?);
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

/// Puts distributions on an index; what fails is told, and ends it.
fn upload_all(
    session: &Session<'_>,
    (index, place): (&str, &Index),
    distributions: &[&Built],
    arguments: &Arguments,
    published: &mut Vec<Value>,
) -> Result<(), Vec<Diagnostic>> {
    let console = session.console;
    let downloads = session.downloads()?;
    let client = downloads.client().map_err(|error| vec![explain::index(error)])?;
    let candidates = candidates(session, client, index, distributions)?;
    for candidate in &candidates {
        let status = match (candidate.existing, arguments.dry_run) {
            (Existing::Same, _) => "unchanged",
            (_, true) => "new",
            (_, false) => {
                let uploaded = upload(session, client, place, candidate);
                if let Err(error) = uploaded {
                    console.diagnostics(vec![error]);
                    break;
                }
                "uploaded"
            }
        };
        if console.output == Output::Text {
            let text = format!("{status} {}\n", candidate.built.path);
            console.answer(&text);
        }
        published.push(json!({ "path": candidate.built.path, "index": index, "status": status }));
    }
    Ok(())
}

fn no_index(distributions: &[&Built]) -> Diagnostic {
    let message = format!("nothing says which index `{}` goes to", distributions[0].target);
    let help = Some("name it with `--index`; `pants.toml` says its address");
    Diagnostic::error(Exit::Wrong, "publish::index", message).help(help)
}

/// The distributions and images among some nodes.
fn publishable(graph: &TargetGraph, nodes: &[NodeId]) -> Vec<NodeId> {
    let mut found = packageable(graph, nodes);
    found.retain(|node| matches!(graph.target(*node).rule.name, "python_distribution" | IMAGE));
    found
}

/// Where uploads for an index go.
fn place(session: &Session<'_>, name: &str) -> Result<Index, Vec<Diagnostic>> {
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
fn candidates<'b>(
    session: &Session<'_>,
    client: &Client,
    index: &str,
    artifacts: &[&'b Built],
) -> Result<Vec<Candidate<'b>>, Vec<Diagnostic>> {
    let (mut candidates, mut errors) = (Vec::new(), Vec::new());
    for built in artifacts {
        match candidate(session, client, index, built) {
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
    let path = session.root.join(&built.path);
    let content = std::fs::read(&path).map_err(|error| {
        let message = format!("cannot read `{}`: {error}", built.path);
        Diagnostic::error(Exit::Environment, "publish::unreadable", message)
    })?;
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
    Ok(Candidate { built, file, project, content, described, existing })
}

fn upload(
    session: &Session<'_>,
    client: &Client,
    place: &Index,
    candidate: &Candidate<'_>,
) -> Result<(), Diagnostic> {
    let fields = fields(&candidate.described);
    let package = Package { file: &candidate.file, content: &candidate.content, fields: &fields };
    let Err(error) = client.upload(place, &package) else { return Ok(()) };
    if let FetchError::Rejected { .. } = error {
        // An attempt whose answer was lost may have come through, and is then in the way of the next.
        let fresh = session.downloads().ok();
        let fresh = fresh.as_ref().and_then(|downloads| downloads.client().ok());
        let there = fresh.and_then(|client| {
            client.existing(&place.name, &candidate.project, &candidate.file, &candidate.content).ok()
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

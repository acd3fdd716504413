//! The goal `dependencies`: what targets need.

mod audit;
mod fix;

use clap::Args;
use graph::{NodeId, TargetGraph};
use serde_json::{Map, Value, json};

use self::audit::Audited;
use self::fix::Remedies;
use super::Targets;
use super::answer::{self, Neighbours};
use crate::cli::Form;
use crate::diagnostic::{Diagnostic, Exit};
use crate::repository::Repository;
use crate::rewrite::{self, Rewrite};
use crate::session::Session;
use crate::tailoring::wrong_with_graph;

/// Under which heading of the help the options are that look for what is wrong.
const DECLARED: &str = "What BUILD files declare";

/// List what targets depend on
///
/// One address a line, in order, the targets themselves left out. A target depends on what any of its files depends on.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    targets: Targets,

    /// Also what the dependencies depend on, and so on
    #[arg(long)]
    transitive: bool,

    /// List the targets themselves as well
    #[arg(long)]
    closed: bool,

    /// Fail where `visibility` or a rule of a BUILD file is against one of them
    #[arg(long)]
    check: bool,

    /// List the source files as well
    #[arg(long)]
    files: bool,

    /// List what targets declare and none of their files imports
    #[arg(long, conflicts_with_all = ["transitive", "closed", "files"], help_heading = DECLARED)]
    unused: bool,

    /// List what files import and their targets do not declare
    #[arg(long, conflicts_with_all = ["transitive", "closed", "files", "unused"], help_heading = DECLARED)]
    undeclared: bool,

    /// Mend what was found where there is one remedy, and show the difference: imports that lead nowhere, with `--unused`
    /// and `--undeclared` these
    #[arg(long, conflicts_with_all = ["transitive", "closed", "files"], help_heading = DECLARED)]
    fix: bool,

    /// With `--fix`: write nothing
    #[arg(long, requires = "fix", help_heading = DECLARED)]
    dry_run: bool,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    let graph = &repository.graph;
    let roots = arguments.targets.select(session, &repository)?;
    if arguments.unused || arguments.undeclared || arguments.fix {
        return audited(session, &repository, arguments, &roots);
    }
    let asked = asked(graph, &roots, arguments.transitive);
    session.console.diagnostics(repository.findings.unread_among(graph, &asked));
    session.tell_findings(&repository, &asked, arguments.check)?;
    let direct = |root: &NodeId| {
        let own = graph.files(*root).filter(|_| graph.owner(*root) == *root);
        let found = graph.direct_needs(*root).into_iter();
        found.flat_map(|node| [node, graph.owner(node)]).chain(own).collect::<Vec<_>>()
    };
    let of = |roots: &[NodeId]| match arguments.transitive {
        true => graph.needs(roots, None),
        false => roots.iter().flat_map(direct).collect(),
    };
    let (closed, files) = (arguments.closed, arguments.files);
    answer::neighbours(
        session,
        graph,
        &Neighbours { roots: &roots, name: "dependencies", closed, files, of: &of },
    );
    Ok(Exit::Done)
}

/// Holds what is declared against what is imported, and mends it where that is asked for.
fn audited(
    session: &Session<'_>,
    repository: &Repository,
    arguments: &Arguments,
    roots: &[NodeId],
) -> Result<Exit, Vec<Diagnostic>> {
    let graph = &repository.graph;
    let mut remedies = Remedies::default();
    // What cannot be mended fails when the rest is.
    let mut told = Ok(());
    let found = if arguments.unused {
        let found = audit::unused(graph, roots);
        remedies.remove(graph, &found);
        found
    } else if arguments.undeclared {
        let found = audit::undeclared(graph, roots);
        remedies.add(graph, &found);
        found
    } else {
        let asked = asked(graph, roots, false);
        for finding in repository.findings.of(graph, &asked) {
            remedies.take(session, graph, &finding);
        }
        told = session.tell_findings(repository, &asked, false);
        Vec::new()
    };
    if !arguments.fix {
        answer_audit(session, graph, &found, if arguments.unused { "unused" } else { "undeclared" });
        return told.map(|()| Exit::Done);
    }
    let rewrites = remedies.rewrites(session, repository)?;
    let wrong = wrong_with_graph(session, &repository.roots, &rewrites)?;
    if !wrong.is_empty() {
        let note = "with what would be written; nothing is";
        return Err(wrong.into_iter().map(|one| one.note(note)).collect());
    }
    if !arguments.dry_run {
        rewrite::write(&session.root, &rewrites)?;
    }
    session.console.answer(&rewrites.iter().map(Rewrite::diff).collect::<String>());
    if remedies.needs_lock() && !session.console.quiet {
        session.console.message("`pants lock` locks the requirements that are new");
    }
    told.map(|()| Exit::Done)
}

/// Answers with targets and some of their dependencies.
fn answer_audit(session: &Session<'_>, graph: &TargetGraph, found: &[Audited], name: &str) {
    let labels = |nodes: &[NodeId]| -> Vec<String> {
        nodes.iter().map(|node| graph.label(*node).to_string()).collect()
    };
    let each = found.iter().map(|(target, nodes)| (graph.label(*target).to_string(), labels(nodes)));
    session.console.answer(&match session.console.form {
        Form::Json => {
            let all: Map<String, Value> = each.map(|(target, labels)| (target, json!(labels))).collect();
            format!("{:#}\n", Value::Object(all))
        }
        Form::Jsonl => answer::lines(each.map(|(target, labels)| json!({ "target": target, name: labels }))),
        _ => each
            .flat_map(|(target, labels)| {
                labels.into_iter().map(move |label| format!("{target} -> {label}\n"))
            })
            .collect(),
    });
}

/// The nodes whose imports the answer is made of.
fn asked(graph: &TargetGraph, roots: &[NodeId], transitive: bool) -> Vec<NodeId> {
    if transitive {
        return graph.closure(roots.iter().copied());
    }
    roots.iter().flat_map(|root| std::iter::once(*root).chain(graph.files(graph.actual(*root)))).collect()
}

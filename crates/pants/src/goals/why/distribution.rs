//! Why a distribution is in a program, and why it has the version that it has.

use std::collections::BTreeSet;

use graph::NodeId;
use packaging::name::{PackageName, parse_name};
use python::{Artifact, Distribution};
use serde_json::{Value, json};

use super::{Answer, way};
use crate::build;
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::locks::Locks;
use crate::repository::Repository;
use crate::session::Session;

/// A distribution in an artifact.
struct Found<'a> {
    program: NodeId,
    artifact: &'a Artifact,
    distribution: &'a Distribution,
}

/// Why a distribution is in some programs: the way to who asks for it, and from there through what requires it.
pub(super) fn in_pex(
    session: &Session<'_>,
    repository: &Repository,
    programs: &[NodeId],
    name: &str,
) -> Result<Answer, Vec<Diagnostic>> {
    let artifacts = artifacts(session, repository, programs)?;
    let (mut lines, mut text) = (Vec::new(), String::new());
    for one in found(&artifacts, name)? {
        let Distribution { name, version, needed_by, asked_by, .. } = one.distribution;
        text.push_str(&format!("{name} {version} is in dist/{}\n", one.artifact.path));
        let asked = asked_by.as_ref().and_then(|label| repository.graph.node(label));
        let (texts, steps) =
            asked.map_or((Vec::new(), Vec::new()), |asked| way(repository, one.program, &[asked]));
        if asked_by.is_none() {
            text.push_str("  it is the runtime of every PEX\n");
        } else {
            text.push_str(&format!("  {}\n", one.artifact.label));
        }
        for step in &texts {
            text.push_str(&format!("    {step}\n"));
        }
        let chain: Vec<&str> = needed_by.0.iter().map(AsRef::as_ref).chain([name.as_ref()]).collect();
        if let Some(asked_by) = asked_by {
            text.push_str(&format!("    {asked_by} requires {}\n", chain[0]));
        }
        for pair in chain.windows(2) {
            text.push_str(&format!("    {} needs {}\n", pair[0], pair[1]));
        }
        lines.push(json!({
            "artifact": format!("dist/{}", one.artifact.path),
            "name": name.to_string(),
            "version": version.to_string(),
            "asked_by": asked_by.as_ref().map(ToString::to_string),
            "steps": steps,
            "needed_by": chain[..chain.len() - 1],
        }));
    }
    Ok((Value::Array(lines.clone()), lines, text))
}

/// Why a distribution has its version: the lock that holds it, and who requires which versions.
pub(super) fn version_of(
    session: &Session<'_>,
    repository: &Repository,
    programs: &[NodeId],
    name: &str,
) -> Result<Answer, Vec<Diagnostic>> {
    let artifacts = artifacts(session, repository, programs)?;
    let graph = &repository.graph;
    let (mut lines, mut text) = (Vec::new(), String::new());
    let mut told = BTreeSet::new();
    for one in found(&artifacts, name)? {
        let Distribution { name, version, asked_by, .. } = one.distribution;
        let resolve = python::resolve_of(graph.target(one.program), &session.config.default_resolve);
        if !told.insert((resolve, name.clone(), version.clone())) {
            continue;
        }
        let locks = Locks::read(session, &BTreeSet::from([resolve]))?;
        let lock = locks.resolve(resolve).and_then(|resolve| Some((resolve.path, resolve.lock?)));
        let found = lock.filter(|_| asked_by.is_some());
        let Some((path, lock)) = found else {
            text.push_str(&format!("{name} {version} is the runtime of every PEX, which no lock decides\n"));
            lines.push(json!({ "name": name.to_string(), "version": version.to_string(), "lock": null }));
            continue;
        };
        text.push_str(&format!("{name} {version} is what {path} holds\n"));
        let requirements: Vec<String> =
            lock.requirements.iter().filter(|one| one.name == *name).map(ToString::to_string).collect();
        for requirement in &requirements {
            text.push_str(&format!("  the resolve `{resolve}` requires {requirement}\n"));
        }
        let needs =
            |package: &&packaging::lock::Package| package.dependencies.iter().any(|one| one.name == *name);
        let dependents: Vec<String> =
            lock.packages.iter().filter(needs).map(|one| format!("{} {}", one.name, one.version)).collect();
        for dependent in &dependents {
            text.push_str(&format!("  {dependent} needs it\n"));
        }
        for (option, value) in &lock.options {
            text.push_str(&format!("  locked with {option} = {value}\n"));
        }
        let advice = format!(
            "`pants lock --upgrade-package {name}` asks the index for a newer one that all of these allow"
        );
        text.push_str(&format!("  {advice}\n"));
        lines.push(json!({
            "name": name.to_string(),
            "version": version.to_string(),
            "lock": path,
            "resolve": resolve,
            "requirements": requirements,
            "dependents": dependents,
            "options": lock.options,
        }));
    }
    Ok((Value::Array(lines.clone()), lines, text))
}

fn artifacts(
    session: &Session<'_>,
    repository: &Repository,
    programs: &[NodeId],
) -> Result<Vec<(NodeId, Artifact)>, Vec<Diagnostic>> {
    let mut all = Vec::new();
    for program in programs {
        let artifacts = build::artifacts(session, repository, &[*program])?;
        all.extend(artifacts.into_iter().map(|artifact| (*program, artifact)));
    }
    Ok(all)
}

/// The distribution of this name in each of some artifacts that has it.
fn found<'a>(artifacts: &'a [(NodeId, Artifact)], name: &str) -> Result<Vec<Found<'a>>, Vec<Diagnostic>> {
    let wanted: Option<PackageName> = parse_name(name).ok();
    let mut all = Vec::new();
    for (program, artifact) in artifacts {
        let has = |one: &&Distribution| Some(&one.name) == wanted.as_ref();
        let found = artifact.distributions.iter().filter(has);
        all.extend(found.map(|distribution| Found { program: *program, artifact, distribution }));
    }
    if !all.is_empty() {
        return Ok(all);
    }
    let names: BTreeSet<&str> =
        artifacts.iter().flat_map(|(_, one)| &one.distributions).map(|one| one.name.as_ref()).collect();
    let message = format!("no distribution `{name}` is in it");
    let help = explain::near_or_all(name, names.iter().copied(), "it has");
    Err(vec![Diagnostic::error(Exit::Wrong, "why::no_distribution", message).help(Some(help))])
}

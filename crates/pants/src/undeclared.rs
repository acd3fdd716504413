//! What a program that failed was looking for and nobody had declared: files and modules of the repository that it names
//! in what it said.

use std::collections::{BTreeMap, BTreeSet};

use graph::NodeId;
use packaging::name::{PackageName, parse_name};
use packaging::pyproject;

use crate::diagnostic::Diagnostic;
use crate::goals::filedeps;
use crate::repository::Repository;
use crate::session::Session;

/// What is in a line that tells of something that is not there.
const MISSING: [&str; 6] =
    ["no such file", "filenotfound", "not found", "cannot open", "can't open", "does not exist"];
/// What precedes the name of a module that is not there.
const NO_MODULE: &str = "No module named ";
/// What precedes the name of a distribution that is not there.
const NO_METADATA: &str = "No package metadata was found for ";
/// The folder of the repository in a sandbox.
const SANDBOX: &str = "/sandbox/";
/// So many are told of one program.
const MOST: usize = 3;

/// Warnings of what `node` should have declared, by what its program `said` that started in `folder`, relative to the root.
pub(crate) fn warnings(
    session: &Session<'_>,
    repository: &Repository,
    (node, folder): (NodeId, &str),
    said: &str,
) -> Vec<Diagnostic> {
    let graph = &repository.graph;
    let Ok(declared) = filedeps::files(session, repository, graph.needs(&[node], None), false) else {
        return Vec::new();
    };
    let label = graph.target(node).label.to_string();
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut warnings = metadata(session, repository, (&label, node), said);
    for line in said.lines() {
        if let Some((_, name)) = line.split_once(NO_MODULE) {
            found.extend(module(repository, name.trim_matches(['\'', '"', ' '])));
        }
        let lower = line.to_lowercase();
        if MISSING.iter().any(|words| lower.contains(words)) {
            let ends = |c: char| c.is_whitespace() || "'\"`,;()[]<>=".contains(c);
            let words = line.split(ends).map(|word| word.trim_end_matches([':', '.']));
            found.extend(words.filter_map(|word| file(session, folder, word)));
        }
    }
    let missing = found.into_iter().filter(|path| !declared.contains(path)).take(MOST);
    warnings.extend(missing.map(|path| warning(repository, &label, &path)));
    warnings
}

/// Warnings of the repository's own distributions whose metadata were looked for.
fn metadata(
    session: &Session<'_>,
    repository: &Repository,
    (label, node): (&str, NodeId),
    said: &str,
) -> Vec<Diagnostic> {
    let graph = &repository.graph;
    let named = said.lines().filter_map(|line| line.split_once(NO_METADATA));
    let names: BTreeSet<PackageName> =
        named.filter_map(|(_, name)| parse_name(name.trim().trim_matches(['\'', '"'])).ok()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let there: BTreeSet<PackageName> =
        graph.targets().filter_map(|(_, target)| python::distribution_name(target)).collect();
    let mut projects = projects(session, repository);
    projects.retain(|name, _| names.contains(name) && !there.contains(name));
    let reached = graph.closure([node]);
    let distributions = graph.targets().filter(|(one, _)| !reached.contains(one));
    let asked = distributions.filter_map(|(_, target)| {
        let name = python::distribution_name(target)?;
        names.contains(&name).then(|| {
            let message =
                format!("`{label}` looked for the metadata of `{name}`, which it does not depend on");
            let help = format!("add \"{}\" to its `dependencies`", target.label);
            Diagnostic::warning("sandbox::undeclared", message).help(Some(help))
        })
    });
    asked.chain(projects.iter().map(|(name, path)| no_distribution(label, name, path))).collect()
}

/// The projects that requirements are read from, each with its `pyproject.toml`.
fn projects(session: &Session<'_>, repository: &Repository) -> BTreeMap<PackageName, String> {
    let targets = repository.graph.targets().map(|(_, target)| target);
    let sources =
        targets.filter(|target| python::generates_requirements(target)).flat_map(|one| &one.sources);
    let project = |path: &str| {
        let text = std::fs::read_to_string(session.root.join(path)).ok()?;
        Some((pyproject::about(&text).name?, path.to_owned()))
    };
    sources
        .filter(|source| source.path.ends_with(".toml"))
        .filter_map(|source| project(&source.path))
        .collect()
}

fn no_distribution(label: &str, name: &PackageName, path: &str) -> Diagnostic {
    let message =
        format!("`{label}` looked for the metadata of `{name}`, which has no `python_distribution`");
    let help = format!(
        "write `python_distribution(name = \"dist\", provides = python_artifact(name = \"{name}\", version = \"…\"))` \
         beside {path}, and add that to `dependencies`, or to those of all tests by `__defaults__`"
    );
    Diagnostic::warning("sandbox::undeclared", message).help(Some(help))
}

fn warning(repository: &Repository, label: &str, path: &str) -> Diagnostic {
    let message = format!("`{label}` looked for `{path}`, which it does not depend on");
    let owners: BTreeSet<String> = repository
        .graph
        .owners(path)
        .iter()
        .map(|owner| repository.graph.target(*owner).label.to_string())
        .collect();
    let help = match owners.first() {
        Some(owner) => format!("add \"{owner}\" to its `dependencies`"),
        None => {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let build = graph::join(folder, "BUILD");
            format!(
                "write `files(name = \"files\", sources = [\"{name}\"])` into {build}, and depend on that"
            )
        }
    };
    Diagnostic::warning("sandbox::undeclared", message)
        .note("the file is in the repository, and not in the sandbox")
        .help(Some(help))
}

/// The path of a file of the repository that a word names, as a program sees it.
fn file(session: &Session<'_>, folder: &str, word: &str) -> Option<String> {
    let path = match word.strip_prefix(SANDBOX) {
        Some(below) => below.to_owned(),
        None if word.starts_with('/') => return None,
        None => graph::join(folder, word.strip_prefix("./").unwrap_or(word)),
    };
    let is_plain = !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    (is_plain && session.root.join(&path).is_file()).then_some(path)
}

/// The file of the repository that is a module.
fn module(repository: &Repository, name: &str) -> Option<String> {
    let name = name.replace('.', "/");
    let wanted = [format!("{name}.py"), format!("{name}/__init__.py")];
    let sources = repository.graph.targets().flat_map(|(_, target)| &target.sources);
    let is = |path: &str| {
        repository.roots.import_path(path).is_some_and(|path| wanted.iter().any(|one| one == path))
    };
    sources.map(|source| &*source.path).find(|path| is(path)).map(ToOwned::to_owned)
}

//! The entry point of a program: a module or a file, and perhaps something in it. Finds who owns it; reads no code.

use std::collections::HashMap;

use graph::{Edge, EdgeKind, Field, Label, NodeId, Place, Target, TargetGraph};

use crate::error::RuleError;
use crate::ownership::DISTRIBUTION;
use crate::rules::provides::entry_texts;
use crate::source_roots::SourceRoots;

/// An `entry_point` as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryPoint<'a> {
    /// What is started.
    pub code: Code<'a>,
    /// What of it is called, such as `run` or `Cli.main`; none where it is run as a script.
    pub attribute: Option<&'a str>,
}

/// What an entry point starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code<'a> {
    /// A module by its dotted name.
    Module(&'a str),
    /// A file by its path, relative to the folder of the BUILD file.
    File(&'a str),
}

impl<'a> EntryPoint<'a> {
    /// Reads `svc.main`, `svc.main:run`, `main.py` or `main.py:run`; none where it is nothing of these.
    pub fn parse(text: &'a str) -> Option<EntryPoint<'a>> {
        let (code, attribute) = match text.split_once(':') {
            Some((code, attribute)) => (code, Some(attribute)),
            None => (text, None),
        };
        if attribute.is_some_and(|attribute| !is_dotted(attribute)) {
            return None;
        }
        let is_path =
            |path: &str| !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        match code.strip_suffix(".py") {
            Some(_) if is_path(code) => Some(EntryPoint { code: Code::File(code), attribute }),
            None if is_dotted(code) => Some(EntryPoint { code: Code::Module(code), attribute }),
            _ => None,
        }
    }
}

fn is_dotted(text: &str) -> bool {
    text.split('.').all(|part| {
        let mut chars = part.chars();
        chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
            && chars.all(|next| next.is_alphanumeric() || next == '_')
    })
}

/// The import paths of what a module starts, in Python's order: a package goes before a module, and one that is run
/// as a script before one that is imported for something in it.
pub fn module_paths(module: &str, attribute: Option<&str>) -> Vec<String> {
    let path = module.replace('.', "/");
    let (main, init, file) =
        (format!("{path}/__main__.py"), format!("{path}/__init__.py"), format!("{path}.py"));
    if attribute.is_some() { vec![init, file] } else { vec![main, file, init] }
}

/// The module of an import path.
pub fn module_of(import_path: &str) -> String {
    let path = import_path.strip_suffix(".py").unwrap_or(import_path);
    path.strip_suffix("/__init__").unwrap_or(path).replace('/', ".")
}

/// The field that says what a program starts: Pants 1 takes the `source` where there is no entry point.
pub fn entry_field(program: &Target) -> Option<&Field> {
    let source = || program.field("source").filter(|_| program.rule.name == "python_binary");
    program.field("entry_point").or_else(source)
}

/// The edges from each program to the file that its entry point is in.
///
/// A module that no target owns may belong to a third party: that shows when its wheels are there.
///
/// # Errors
/// All entry points that cannot be read, that name a file without an owner, or that two targets own.
pub fn edges(targets: &[Target], roots: &SourceRoots) -> (Vec<Edge>, Vec<RuleError>) {
    let starts: Vec<Start<'_>> = targets.iter().flat_map(|target| starts(target, targets)).collect();
    let (mut edges, mut errors) = (Vec::new(), Vec::new());
    if starts.is_empty() {
        return (edges, errors);
    }
    let owners = Owners::of(targets, roots);
    for start in starts {
        match owners.edge(&start) {
            Ok(edge) => edges.extend(edge),
            Err(error) => errors.push(error),
        }
    }
    (edges, errors)
}

/// An entry point as a target names it.
struct Start<'t> {
    /// Who depends on it.
    target: &'t Target,
    /// Whose folder its path is relative to.
    program: &'t Target,
    text: String,
    place: Place,
}

/// The entry points of a program, or those of a distribution, which may name programs in their place.
fn starts<'t>(target: &'t Target, targets: &'t [Target]) -> Vec<Start<'t>> {
    if target.rule.name == DISTRIBUTION {
        let starts = entry_texts(target).into_iter().filter_map(|(_, _, text, place)| {
            if !text.starts_with([':', '/']) {
                // What it is made of is told when it is made; here only what it needs.
                let text = text.split('[').next().unwrap_or_default().trim().to_owned();
                let is_module = matches!(EntryPoint::parse(&text)?.code, Code::Module(_));
                return is_module.then_some(Start { target, program: target, text, place });
            }
            let label = Label::parse(&text, target.label.package()).ok()?;
            let program = targets.iter().find(|other| other.label == label)?;
            Some(Start { target, program, text: entry_field(program)?.value.as_str()?.to_owned(), place })
        });
        return starts.collect();
    }
    let start = entry_field(target).into_iter().map(|field| {
        let text = field.value.as_str().unwrap_or_default().to_owned();
        Start { target, program: target, text, place: field.place.clone() }
    });
    start.collect()
}

/// Who owns which file, by its own path and by the path of its import.
struct Owners<'t> {
    by_path: HashMap<&'t str, Vec<Owner<'t>>>,
    by_import: HashMap<&'t str, Vec<Owner<'t>>>,
}

/// A target and a file of it, relative to the root.
type Owner<'t> = (&'t Target, &'t str);

impl<'t> Owners<'t> {
    fn of(targets: &'t [Target], roots: &SourceRoots) -> Owners<'t> {
        let mut owners = Owners { by_path: HashMap::new(), by_import: HashMap::new() };
        for target in targets.iter().filter(|target| target.rule.file_nodes) {
            for source in &target.sources {
                let owner: Owner<'t> = (target, &source.path);
                owners.by_path.entry(&source.path).or_default().push(owner);
                if let Some(path) = roots.import_path(&source.path) {
                    owners.by_import.entry(path).or_default().push(owner);
                }
            }
        }
        owners
    }

    fn edge(&self, start: &Start<'_>) -> Result<Option<Edge>, RuleError> {
        let Start { target, program, text, place } = start;
        let Some(entry) = EntryPoint::parse(text) else {
            return Err(RuleError::EntryPoint { text: text.clone(), place: place.clone() });
        };
        let found = match entry.code {
            Code::File(file) => {
                let path = graph::join(program.label.package(), file);
                let found = self.by_path.get(path.as_str());
                if found.is_none() {
                    return Err(self.unowned(program, text, path, place.clone()));
                }
                found
            }
            Code::Module(module) => module_paths(module, entry.attribute)
                .iter()
                .find_map(|path| self.by_import.get(path.as_str())),
        };
        let Some(owners) = found else { return Ok(None) };
        if owners.iter().any(|(owner, _)| owner.label == target.label) {
            return Ok(None);
        }
        let to = choose(program, text, owners, place)?;
        let kind = EdgeKind::EntryPoint;
        Ok(Some(Edge { from: target.label.clone(), to, kind, place: Some(place.clone()) }))
    }

    fn unowned(&self, program: &Target, text: &str, path: String, place: Place) -> RuleError {
        let below = text.strip_prefix(program.label.package()).and_then(|rest| rest.strip_prefix('/'));
        let relative = below.filter(|below| {
            let file = below.split(':').next().unwrap_or(below);
            self.by_path.contains_key(graph::join(program.label.package(), file).as_str())
        });
        let relative = relative.map(ToOwned::to_owned);
        let mut known: Vec<&str> = self.by_path.keys().copied().collect();
        known.sort_unstable();
        let near = graph::near(&path, known).map(ToOwned::to_owned);
        RuleError::EntryPointUnowned { path, near, relative, place }
    }
}

/// The file of that one of several owners that the program depends on, or else of the one in the nearest folder.
fn choose(program: &Target, entry: &str, owners: &[Owner<'_>], place: &Place) -> Result<Label, RuleError> {
    let declared: Vec<&Label> = program.labels("dependencies").into_iter().map(|(label, _)| label).collect();
    if let Some((owner, path)) = owners.iter().find(|(owner, _)| declared.contains(&&owner.label)) {
        return Ok(file_label(owner, path));
    }
    let nearness = |target: &Target| {
        let (one, other) = (target.label.package().split('/'), program.label.package().split('/'));
        one.zip(other).take_while(|(a, b)| a == b).count()
    };
    let best = owners.iter().map(|(owner, _)| nearness(owner)).max().unwrap_or_default();
    let mut nearest = owners.iter().filter(|(owner, _)| nearness(owner) == best);
    match (nearest.next(), nearest.next()) {
        (Some((owner, path)), None) => Ok(file_label(owner, path)),
        (first, second) => Err(RuleError::EntryPointAmbiguous {
            entry: entry.to_owned(),
            owners: first.into_iter().chain(second).map(|(owner, _)| owner.label.clone()).collect(),
            place: place.clone(),
        }),
    }
}

/// The label of a file of a target.
pub(crate) fn file_label(target: &Target, path: &str) -> Label {
    let package = target.label.package();
    let below = if package.is_empty() { path } else { path.get(package.len() + 1..).unwrap_or(path) };
    target.label.with_file(below)
}

/// The module that an entry point file of a program is imported as.
pub fn module_of_file(program: &Target, file: &str, roots: &SourceRoots) -> Option<String> {
    roots.import_path(&graph::join(program.label.package(), file)).map(module_of)
}

/// The programs among some nodes.
pub fn programs(graph: &TargetGraph, nodes: &[NodeId]) -> Vec<NodeId> {
    let mut programs: Vec<NodeId> = (nodes.iter())
        .map(|&node| graph.actual(node))
        .filter(|&node| graph.target(node).rule.name == "python_binary")
        .collect();
    programs.sort_unstable();
    programs.dedup();
    programs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<(Code<'_>, Option<&str>)>) {
        let expect = expect.map(|(code, attribute)| EntryPoint { code, attribute });
        assert_eq!(EntryPoint::parse(text), expect, "{text}");
    }

    #[test]
    fn forms_of_entry_points() {
        check("svc.main", Some((Code::Module("svc.main"), None)));
        check("svc.main:run", Some((Code::Module("svc.main"), Some("run"))));
        check("svc.main:Cli.run", Some((Code::Module("svc.main"), Some("Cli.run"))));
        check("main.py", Some((Code::File("main.py"), None)));
        check("sub/main.py:run", Some((Code::File("sub/main.py"), Some("run"))));
        for wrong in
            ["", ":run", "svc.main:", "svc..main", "../main.py", "/main.py", "svc/main", "a:b:c", "a b"]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn modules_and_paths() {
        assert_eq!(module_of("svc/app.py"), "svc.app");
        assert_eq!(module_of("svc/__init__.py"), "svc");
        assert_eq!(
            module_paths("svc.app", None),
            ["svc/app/__main__.py", "svc/app.py", "svc/app/__init__.py"]
        );
    }
}

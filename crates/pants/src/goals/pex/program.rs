//! The targets that stand for what `pants pex` is asked for, so that the rule of programs makes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use graph::{Field, Label, NodeId, Place, SourceFile, Target, TargetGraph, Value, schema};
use python::SourceRoots;
use store::{IndexEntry, Store};

use super::Arguments;
use super::request::Request;
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;

/// The resolve that all is in.
pub(super) const RESOLVE: &str = "pex";

/// One program with its requirements and sources.
pub(super) struct Program {
    pub(super) graph: TargetGraph,
    /// The program.
    pub(super) node: NodeId,
    /// The sources, by their paths in the PEX.
    pub(super) files: BTreeMap<String, IndexEntry>,
}

impl Program {
    pub(super) fn new(
        arguments: &Arguments,
        request: &Request,
        folder: &Path,
        store: &Store,
    ) -> Result<Program, Vec<Diagnostic>> {
        let files = files(arguments, folder, store)?;
        let mut fields = vec![
            field("dependencies", Value::List(vec![label("requirements"), label("sources")])),
            field("multi_platform", Value::Bool(request.pythons.len() * request.platforms.len() > 1)),
        ];
        let texts = [("entry_point", &arguments.entry_point), ("script", &arguments.script)];
        fields.extend(
            texts.into_iter().filter_map(|(name, text)| Some(field(name, Value::Str(text.clone()?)))),
        );
        let requirements = request.requirements.iter();
        let requirements =
            requirements.map(|asked| Value::Str(asked.requirement.text().to_owned())).collect();
        let sources = files.keys().map(|path| SourceFile { path: path.as_str().into() }).collect();
        let targets = vec![
            target("python_binary", "app", fields, Vec::new()),
            target(
                "python_requirement",
                "requirements",
                vec![field("requirements", Value::List(requirements))],
                Vec::new(),
            ),
            target("python_library", "sources", Vec::new(), sources),
        ];
        let roots = SourceRoots::new(&["/".to_owned()]).expect("the root is a pattern");
        let (edges, wrong) = python::entry_point::edges(&targets, &roots);
        if !wrong.is_empty() {
            return Err(wrong.iter().map(|error| explain::rule(error).at(None)).collect());
        }
        let (graph, unsound) = TargetGraph::build(targets, &edges);
        if !unsound.is_empty() {
            return Err(unsound.iter().map(explain::graph).collect());
        }
        let node = graph.node(&Label::new("", "app")).expect("the program is a target");
        Ok(Program { graph, node, files })
    }
}

fn label(name: &str) -> Value {
    Value::Label(Label::new("", name))
}

fn nowhere() -> Place {
    Place::new("", 1, 1)
}

fn field(name: &'static str, value: Value) -> Field {
    Field { name, value, place: nowhere(), items: Vec::new() }
}

fn target(rule: &str, name: &str, fields: Vec<Field>, sources: Vec<SourceFile>) -> Target {
    let rule = schema(rule).expect("the rule has a schema");
    Target { label: Label::new("", name), rule, fields: fields.into(), place: nowhere(), sources }
}

/// The files of all folders, by their paths in them. Two folders that have one path both cannot both be meant.
fn files(
    arguments: &Arguments,
    folder: &Path,
    store: &Store,
) -> Result<BTreeMap<String, IndexEntry>, Vec<Diagnostic>> {
    let mut files: BTreeMap<String, IndexEntry> = BTreeMap::new();
    let mut errors = Vec::new();
    for given in &arguments.sources_directory {
        let top = folder.join(given);
        let mut found = Vec::new();
        if let Err(error) = walk(&top, &mut found) {
            let message = format!("cannot read the folder `{}`: {error}", given.display());
            errors.push(Diagnostic::error(Exit::Wrong, "pex::sources", message));
            continue;
        }
        for path in found {
            let below = path.strip_prefix(&top).unwrap_or(&path);
            let Some(name) = below.to_str().map(ToOwned::to_owned) else {
                let message = format!("the name of `{}` is not UTF-8", path.display());
                errors.push(Diagnostic::error(Exit::Wrong, "pex::sources", message));
                continue;
            };
            let digest = store.put_file(&path).map_err(|error| vec![explain::store(&error)])?;
            let entry = IndexEntry { digest, executable: is_executable(&path) };
            let before = files.insert(name.clone(), entry);
            if before.is_some_and(|before| before != entry) {
                let message = format!("two of the folders have a `{name}`, and these differ");
                errors.push(Diagnostic::error(Exit::Wrong, "pex::sources", message));
            }
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

/// The files below a folder, sorted, without what Python and version control systems leave there.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if matches!(&*name, "__pycache__" | ".git" | ".hg") || name.ends_with(".pyc") {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), found)?;
        } else if entry.path().is_file() {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o100 != 0)
}

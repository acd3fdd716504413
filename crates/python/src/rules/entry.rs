//! What a program starts, as its fields say it, and whether that can be there. Opens no wheel.

use graph::{NodeId, Place, Target, TargetGraph, near_all};
use packaging::pex::Entry;

use crate::closure::Closure;
use crate::entry_point::{Code, EntryPoint, entry_field, module_of, module_of_file, module_paths};
use crate::error::RuleError;
use crate::source_roots::SourceRoots;
use crate::stdlib::is_standard;

/// What a program starts.
pub(super) struct Started<'p> {
    /// As the specification of the PEX has it.
    pub(super) entry: Entry,
    /// Whether only the wheels can tell that it is there.
    pub(super) in_wheels: bool,
    /// Where it is written, or else the program is.
    pub(super) place: &'p Place,
}

/// Reads the fields `entry_point` and `script`.
///
/// # Errors
/// Where what is to be started is in no source root, or nowhere: no target has the module, the standard library has
/// not, and there are no wheels that could have it.
pub(super) fn started<'p>(
    program: &'p Target,
    closure: &Closure,
    graph: &TargetGraph,
    roots: &SourceRoots,
    has_wheels: bool,
) -> Result<Started<'p>, RuleError> {
    let place = |field| program.field(field).map_or(&program.place, |field| &field.place);
    if let Some(script) = program.str("script") {
        let place = place("script");
        if !has_wheels {
            return Err(RuleError::NoScript { script: script.to_owned(), place: place.clone() });
        }
        return Ok(Started { entry: Entry::Script(script.to_owned()), in_wheels: true, place });
    }
    let field = entry_field(program);
    let place = field.map_or(&program.place, |field| &field.place);
    let Some(text) = field.and_then(|field| field.value.as_str()) else {
        return Ok(Started { entry: Entry::Repl, in_wheels: false, place });
    };
    let entry = EntryPoint::parse(text).expect("entry points were read when their edges were made");
    let (module, in_wheels) = match entry.code {
        Code::File(file) => {
            let module = module_of_file(program, file, roots).ok_or_else(|| RuleError::NoSourceRoot {
                path: text.to_owned(),
                more: 0,
                label: program.label.clone(),
                place: place.clone(),
            })?;
            (module, false)
        }
        Code::Module(module) => {
            (module.to_owned(), !is_standard(module) && !has_module(closure, module, entry.attribute))
        }
    };
    if in_wheels && !has_wheels {
        let near = near_modules(&module, program, graph, roots);
        let attribute = entry.attribute.map(|attribute| format!(":{attribute}")).unwrap_or_default();
        let near = near.into_iter().map(|near| near + &attribute).collect();
        return Err(RuleError::NoModule { module, near, place: place.clone() });
    }
    let entry = Entry::Module(match entry.attribute {
        Some(attribute) => format!("{module}:{attribute}"),
        None => module,
    });
    Ok(Started { entry, in_wheels, place })
}

/// What of a node starts from the sources: the entry point of a program, or the module that a file is.
///
/// # Errors
/// Those of `started`, and all that keeps its closure from being known; a file without a source root.
pub fn start_of(node: NodeId, graph: &TargetGraph, roots: &SourceRoots) -> Result<Entry, Vec<RuleError>> {
    let (target, closure) = (graph.target(node), Closure::of(graph, node, roots)?);
    let Some(path) = graph.file(node) else {
        let has_wheels = !closure.requirements.is_empty();
        let started = started(target, &closure, graph, roots, has_wheels);
        return started.map(|started| started.entry).map_err(|error| vec![error]);
    };
    let module = roots.import_path(path).and_then(|path| path.strip_suffix(".py"));
    // That of a package is run itself, and not what its package starts.
    let module = module.map(|path| Entry::Module(path.replace('/', ".")));
    module.ok_or_else(|| {
        let (label, place) = (target.label.clone(), target.place.clone());
        vec![RuleError::NoSourceRoot { path: path.to_owned(), more: 0, label, place }]
    })
}

fn has_module(closure: &Closure, module: &str, attribute: Option<&str>) -> bool {
    let paths = module_paths(module, attribute);
    let mut files = closure.code.iter().flat_map(|target| &target.files);
    files.any(|file| paths.contains(&file.destination))
}

/// The modules of all targets that are near to one that is nowhere: those of the program's own folder that end so, or
/// else those with similar names.
fn near_modules(module: &str, program: &Target, graph: &TargetGraph, roots: &SourceRoots) -> Vec<String> {
    let mut all: Vec<String> = (graph.targets())
        .filter(|(_, target)| target.rule.file_nodes)
        .flat_map(|(_, target)| &target.sources)
        .filter_map(|source| roots.import_path(&source.path))
        .filter(|path| path.ends_with(".py"))
        .map(module_of)
        .collect();
    all.sort_unstable();
    all.dedup();
    let own = roots.import_path(&graph::join(program.label.package(), "__init__.py")).map(module_of);
    let whole = format!("{}.{module}", own.unwrap_or_default());
    if all.contains(&whole) {
        return vec![whole];
    }
    near_all(module, all.iter().map(String::as_str)).into_iter().map(ToOwned::to_owned).collect()
}

//! The patterns by which a command line names targets; it does not know the disk.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use crate::label::{check_directory, column};
use crate::{GraphError, Label, LabelError, NodeId, TargetGraph, near_all};

/// A pattern of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// One target, file or generated target: `//svc:app`.
    Label(Label),
    /// All targets of a directory: `//svc:all`, `svc:`.
    Directory(String),
    /// All targets of a directory and of those below: `//svc/...`, `svc::`, `//...`, `::`.
    Below(String),
    /// The owners of a file: `svc/app.py`.
    File(String),
}

impl Pattern {
    /// Reads a pattern; `is_file` says whether a path relative to the root is a file.
    ///
    /// Without `//` and `:`, a text is a file if there is one and a label otherwise. Fails with the reason and its
    /// column.
    pub fn parse(text: &str, is_file: impl Fn(&str) -> bool) -> Result<Self, LabelError> {
        let plain = text.strip_prefix("./").unwrap_or(text);
        let skipped = text.len() - plain.len();
        let (path, start) = plain.strip_prefix("//").map_or((plain, skipped), |path| (path, skipped + 2));
        let directory = |directory: &str, make: fn(String) -> Self| {
            let directory = directory.trim_end_matches('/');
            check_directory(directory, start).map(|()| make(directory.to_owned())).map_err(|(reason, at)| {
                LabelError { text: text.to_owned(), reason, column: column(text, at) }
            })
        };
        if let Some(below) = path.strip_suffix("::") {
            return directory(below, Self::Below);
        }
        if path == "..." {
            return Ok(Self::Below(String::new()));
        }
        if let Some(below) = path.strip_suffix("/...") {
            return directory(below, Self::Below);
        }
        if let Some(all) = path.strip_suffix(":all").or_else(|| path.strip_suffix(':')) {
            return directory(all, Self::Directory);
        }
        if !path.contains([':', '#']) && !path.is_empty() && is_file(path) {
            return Ok(Self::File(path.to_owned()));
        }
        let label = plain.strip_suffix('/').filter(|rest| !rest.is_empty() && !rest.ends_with('/'));
        Label::parse(label.unwrap_or(plain), "").map(Self::Label).map_err(|error| LabelError {
            text: text.to_owned(),
            column: error.column + u32::from(skipped > 0) * 2,
            reason: error.reason,
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(f, "{label}"),
            Self::Directory(directory) => write!(f, "//{directory}:all"),
            Self::Below(directory) if directory.is_empty() => f.write_str("//..."),
            Self::Below(directory) => write!(f, "//{directory}/..."),
            Self::File(file) => f.write_str(file),
        }
    }
}

/// The nodes that any of `patterns` matches and none of `exclude`, sorted.
///
/// Fails with an error for each pattern that matches nothing, also of `exclude`: a misspelt exclusion would do more
/// than was asked for. Only in a graph without targets `//...` may match nothing.
pub fn select(
    graph: &TargetGraph,
    patterns: &[Pattern],
    exclude: &[Pattern],
) -> Result<Vec<NodeId>, Vec<GraphError>> {
    let mut errors = Vec::new();
    let mut all = |patterns: &[Pattern]| -> BTreeSet<NodeId> {
        let mut found = BTreeSet::new();
        for pattern in patterns {
            match matches(graph, pattern) {
                Ok(nodes) => found.extend(nodes),
                Err(error) => errors.push(*error),
            }
        }
        found
    };
    let wanted = all(patterns);
    let unwanted = all(exclude);
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(wanted
        .into_iter()
        .filter(|&node| !unwanted.contains(&node) && !unwanted.contains(&graph.owner(node)))
        .collect())
}

fn matches(graph: &TargetGraph, pattern: &Pattern) -> Result<Vec<NodeId>, Box<GraphError>> {
    let range = match pattern {
        Pattern::Label(label) => {
            return graph.require(label, None).map(|node| vec![node]).or_else(|error| {
                let several = graph.lookup().parametrized(label);
                if several.is_empty() { Err(error) } else { Ok(several.into_iter().map(NodeId).collect()) }
            });
        }
        Pattern::File(file) => {
            let owners = graph.owners(file);
            return if owners.is_empty() { Err(Box::new(no_owner(graph, file))) } else { Ok(owners) };
        }
        Pattern::Directory(directory) => graph.lookup().range(|package| package.cmp(directory)),
        Pattern::Below(directory) if directory.is_empty() => {
            return Ok(graph.targets().map(|(id, _)| id).collect());
        }
        Pattern::Below(directory) => {
            let here = graph.lookup().range(|package| package.cmp(directory));
            let prefix = format!("{directory}/");
            let below = graph.lookup().range(|package| {
                if package.starts_with(&prefix) { Ordering::Equal } else { package.cmp(&prefix) }
            });
            let nodes: Vec<NodeId> = here.chain(below).map(NodeId).collect();
            return if nodes.is_empty() { Err(Box::new(no_match(graph, pattern))) } else { Ok(nodes) };
        }
    };
    if range.is_empty() { Err(Box::new(no_match(graph, pattern))) } else { Ok(range.map(NodeId).collect()) }
}

fn no_owner(graph: &TargetGraph, file: &str) -> GraphError {
    let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
    let here = graph.lookup().range(|package| package.cmp(directory));
    let near = here.take(3).map(|index| graph.label(NodeId(index)).to_string()).collect();
    GraphError::NoOwner { file: file.to_owned(), near }
}

/// Near directories, with what else the pattern says.
fn no_match(graph: &TargetGraph, pattern: &Pattern) -> GraphError {
    let near = match pattern {
        Pattern::Directory(directory) => {
            nearby(graph, directory, false, |near| Pattern::Directory(near.to_owned()))
        }
        Pattern::Below(directory) => nearby(graph, directory, true, |near| Pattern::Below(near.to_owned())),
        Pattern::Label(_) | Pattern::File(_) => Vec::new(),
    };
    GraphError::NoMatch { pattern: pattern.to_string(), near }
}

fn nearby(graph: &TargetGraph, directory: &str, above: bool, make: impl Fn(&str) -> Pattern) -> Vec<String> {
    let packages = graph.lookup().packages();
    let mut candidates: BTreeSet<&str> = packages.iter().copied().collect();
    if above {
        for package in packages {
            candidates.extend(package.match_indices('/').map(|(at, _)| &package[..at]));
        }
    }
    near_all(directory, candidates).into_iter().map(|near| make(near).to_string()).collect()
}

//! Sets of targets and the graph between them, in the forms of `--output`; it does not know what they answer.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use graph::query::Set;
use graph::{EdgeKind, NodeId, Place, TargetGraph};
use serde_json::{Map, Value, json};

use crate::cli::Form;
use crate::session::Session;

/// Answers with a set.
pub(super) fn set(session: &Session<'_>, graph: &TargetGraph, set: &Set, files: bool) {
    let names = || {
        let labels = set.shown(graph, files).into_iter().map(|node| graph.label(node).to_string());
        labels.chain(set.files.iter().cloned())
    };
    let answer = match session.console.form {
        Form::Json => format!("{:#}\n", json!(names().collect::<Vec<_>>())),
        Form::Jsonl => lines(names().map(Value::String)),
        Form::Dot => dot(graph, set, files),
        Form::Graphml => graphml(graph, set, files),
        Form::Text | Form::Matrix | Form::Sarif => names().map(|name| name + "\n").collect(),
    };
    session.console.answer(&answer);
}

/// How the neighbours of some targets are asked for.
pub(super) struct Neighbours<'a> {
    /// The targets.
    pub(super) roots: &'a [NodeId],
    /// What they are called in JSON.
    pub(super) name: &'a str,
    /// Whether the targets belong to the answer.
    pub(super) closed: bool,
    pub(super) files: bool,
    /// The neighbours of some targets together, these included.
    pub(super) of: &'a dyn Fn(&[NodeId]) -> Vec<NodeId>,
}

/// Answers with the neighbours of targets: for people those of all together, for programs those of each.
pub(super) fn neighbours(session: &Session<'_>, graph: &TargetGraph, asked: &Neighbours<'_>) {
    let answer = |roots: &[NodeId]| -> Set {
        let mut nodes: BTreeSet<NodeId> = (asked.of)(roots).into_iter().collect();
        for root in roots {
            // A file that is asked about has its target among its dependents, which says nothing.
            nodes.remove(&graph.owner(*root));
            if asked.closed {
                nodes.insert(*root)
            } else {
                nodes.remove(root)
            };
        }
        if !asked.files {
            nodes.retain(|node| !is_file_of(graph, *node, roots));
        }
        Set { nodes, ..Set::default() }
    };
    let names = |root: &NodeId| -> Vec<String> {
        let shown = answer(&[*root]).shown(graph, asked.files);
        shown.into_iter().map(|node| graph.label(node).to_string()).collect()
    };
    let label = |root: &NodeId| graph.label(*root).to_string();
    match session.console.form {
        Form::Json => {
            let all: Map<String, Value> =
                asked.roots.iter().map(|root| (label(root), json!(names(root)))).collect();
            session.console.answer(&format!("{:#}\n", Value::Object(all)));
        }
        Form::Jsonl => {
            let each =
                asked.roots.iter().map(|root| json!({ "target": label(root), asked.name: names(root) }));
            session.console.answer(&lines(each));
        }
        Form::Dot | Form::Graphml => {
            let mut nodes = answer(asked.roots);
            nodes.nodes.extend(asked.roots);
            set(session, graph, &nodes, asked.files);
        }
        Form::Text | Form::Matrix | Form::Sarif => set(session, graph, &answer(asked.roots), asked.files),
    }
}

/// Whether a node is a file of a target that was asked about.
fn is_file_of(graph: &TargetGraph, node: NodeId, roots: &[NodeId]) -> bool {
    let owner = graph.owner(node);
    owner != node && roots.binary_search(&owner).is_ok()
}

/// A JSON value a line.
pub(super) fn lines(values: impl Iterator<Item = Value>) -> String {
    values.map(|value| format!("{value}\n")).collect()
}

/// What a reason is called.
pub(super) fn kind_name(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Declared => "declared",
        EdgeKind::EntryPoint => "entry_point",
        EdgeKind::Owns => "owns",
        EdgeKind::Inferred => "inferred",
    }
}

/// A place for programs.
pub(super) fn place(place: Option<&Place>) -> Value {
    place.map_or(
        Value::Null,
        |place| json!({ "file": &*place.file, "line": place.line, "column": place.column }),
    )
}

/// What a node is called in drawings: the name of its rule, or `file`.
fn rule(graph: &TargetGraph, node: NodeId) -> &'static str {
    if graph.file(node).is_some() { "file" } else { graph.target(node).rule.name }
}

fn dot(graph: &TargetGraph, set: &Set, files: bool) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let label = |node: NodeId| quoted(&graph.label(node).to_string());
    let mut text = String::from("digraph targets {\n");
    for node in set.shown(graph, files) {
        let _ = writeln!(text, "  {} [rule={}];", label(node), rule(graph, node));
    }
    for file in &set.files {
        let _ = writeln!(text, "  {} [rule=file];", quoted(file));
    }
    for (from, to, kind) in graph.edges_among(set, files) {
        let style = if kind == EdgeKind::Declared { "solid" } else { "dashed" };
        let _ =
            writeln!(text, "  {} -> {} [kind={}, style={style}];", label(from), label(to), kind_name(kind));
    }
    text.push_str("}\n");
    text
}

fn graphml(graph: &TargetGraph, set: &Set, files: bool) -> String {
    let label = |node: NodeId| escaped(&graph.label(node).to_string());
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n  \
         <key id=\"rule\" for=\"node\" attr.name=\"rule\" attr.type=\"string\"/>\n  \
         <key id=\"kind\" for=\"edge\" attr.name=\"kind\" attr.type=\"string\"/>\n  \
         <graph id=\"targets\" edgedefault=\"directed\">\n",
    );
    let node =
        |id: String, rule: &str| format!("    <node id=\"{id}\"><data key=\"rule\">{rule}</data></node>\n");
    for shown in set.shown(graph, files) {
        text.push_str(&node(label(shown), rule(graph, shown)));
    }
    for file in &set.files {
        text.push_str(&node(escaped(file), "file"));
    }
    for (from, to, kind) in graph.edges_among(set, files) {
        let (from, to, kind) = (label(from), label(to), kind_name(kind));
        let _ = writeln!(
            text,
            "    <edge source=\"{from}\" target=\"{to}\"><data key=\"kind\">{kind}</data></edge>"
        );
    }
    text.push_str("  </graph>\n</graphml>\n");
    text
}

/// A text as the value of an attribute in XML, which has no way to write most control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(escaped, "&#{};", u32::from(char));
            }
            char if char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            char => escaped.push(char),
        }
    }
    escaped
}

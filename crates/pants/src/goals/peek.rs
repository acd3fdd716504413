//! The goal `peek`: all that is known of targets.

use clap::Args;
use graph::query::attribute_text;
use graph::{FieldDefault, NodeId, Place, TargetGraph, Value as Plain};
use serde_json::{Map, Value, json};

use super::Targets;
use super::answer::{self, kind_name};
use crate::cli::Form;
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// Show all that is known of targets
///
/// Every field with its value, given or by default, and where it is given; the files; what it depends on, with the reason
/// and the place of each dependency.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    targets: Targets,

    /// Only the fields that are given
    #[arg(long)]
    exclude_defaults: bool,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    let graph = &repository.graph;
    let nodes = arguments.targets.select(session, &repository)?;
    let peeked = nodes.iter().map(|node| Peeked::of(graph, *node, arguments.exclude_defaults));
    session.console.answer(&match session.console.form {
        Form::Json => format!("{:#}\n", Value::Array(peeked.map(|target| target.json()).collect())),
        Form::Jsonl => answer::lines(peeked.map(|target| target.json())),
        _ => peeked.map(|target| target.text()).collect::<Vec<_>>().join("\n"),
    });
    Ok(Exit::Done)
}

/// All that is known of a target.
struct Peeked {
    target: String,
    rule: &'static str,
    /// What it comes from, where that is not a BUILD file.
    generator: Option<String>,
    place: Place,
    fields: Vec<PeekedField>,
    sources: Vec<String>,
    dependencies: Vec<PeekedDependency>,
}

struct PeekedField {
    name: &'static str,
    value: Plain,
    /// Where it is given; none for a default.
    place: Option<Place>,
    /// What a default comes to that is decided elsewhere.
    decided: Option<&'static str>,
}

struct PeekedDependency {
    target: String,
    kind: &'static str,
    /// The file that depends, where it is not the whole target.
    file: Option<String>,
    place: Option<Place>,
}

impl Peeked {
    fn of(graph: &TargetGraph, node: NodeId, exclude_defaults: bool) -> Peeked {
        let target = graph.target(node);
        let fields = target.rule.fields.iter().filter_map(|schema| {
            let given = target.field(schema.name);
            if given.is_none() && exclude_defaults {
                return None;
            }
            let (value, decided) = match (given, schema.default) {
                (Some(field), _) => (field.value.clone(), None),
                (None, FieldDefault::Said(_)) if schema.name == "name" => (target.label.name().into(), None),
                (None, FieldDefault::Said(words)) => (Plain::None, Some(words)),
                (None, default) => (default_value(default), None),
            };
            let place = given.map(|field| field.place.clone());
            Some(PeekedField { name: schema.name, value, place, decided })
        });
        let whole = target.label.whole();
        Peeked {
            target: graph.label(node).to_string(),
            rule: target.rule.name,
            generator: (whole != target.label).then(|| whole.to_string()),
            place: target.place.clone(),
            fields: fields.collect(),
            sources: match graph.file(node) {
                Some(file) => vec![file.to_owned()],
                None => target.sources.iter().map(|source| source.path.to_string()).collect(),
            },
            dependencies: dependencies(graph, node),
        }
    }

    fn json(&self) -> Value {
        let field = |field: &PeekedField| {
            let mut told = Map::new();
            told.insert("value".to_owned(), plain_json(&field.value));
            told.insert("origin".to_owned(), json!(if field.place.is_some() { "given" } else { "default" }));
            told.insert("place".to_owned(), answer::place(field.place.as_ref()));
            if let Some(decided) = field.decided {
                told.insert("decided".to_owned(), json!(decided));
            }
            (field.name.to_owned(), Value::Object(told))
        };
        let dependency = |dependency: &PeekedDependency| {
            json!({
                "target": dependency.target,
                "kind": dependency.kind,
                "file": dependency.file,
                "place": answer::place(dependency.place.as_ref()),
            })
        };
        json!({
            "target": self.target,
            "rule": self.rule,
            "generator": self.generator,
            "place": answer::place(Some(&self.place)),
            "fields": self.fields.iter().map(field).collect::<Map<_, _>>(),
            "sources": self.sources,
            "dependencies": self.dependencies.iter().map(dependency).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n  {} ({})\n", self.target, self.rule, self.place);
        if let Some(generator) = &self.generator {
            text.push_str(&format!("  generated by {generator}\n"));
        }
        let width = self.fields.iter().map(|field| field.name.len()).max().unwrap_or_default();
        for field in &self.fields {
            let value = match (&field.value, field.decided) {
                (_, Some(words)) => words.to_owned(),
                (Plain::None, _) => "none".to_owned(),
                (value, _) => attribute_text(value).replace('\n', "\\n"),
            };
            let origin = field.place.as_ref().map_or("default".to_owned(), ToString::to_string);
            text.push_str(&format!("  {:width$}  {value}  ({origin})\n", field.name));
        }
        for source in &self.sources {
            text.push_str(&format!("  {source}\n"));
        }
        for dependency in &self.dependencies {
            let file = dependency.file.as_ref().map(|file| format!(" by {file}")).unwrap_or_default();
            let place = dependency.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
            text.push_str(&format!("  -> {}  {}{file}{place}\n", dependency.target, dependency.kind));
        }
        text
    }
}

/// What a node and its files depend on, each pair of reason and place once.
fn dependencies(graph: &TargetGraph, node: NodeId) -> Vec<PeekedDependency> {
    let mut found = Vec::new();
    for from in graph.with_files(&[node]) {
        for next in graph.deps(from) {
            let own_file = next.kind == graph::EdgeKind::Owns && graph.file(next.node).is_some();
            if !own_file {
                let inferred = next.kind == graph::EdgeKind::Inferred;
                let file = if inferred { graph.file(from).map(str::to_owned) } else { None };
                found.push((next.node, next.kind, file, graph.place(from, next.node, next.kind)));
            }
        }
    }
    found.sort();
    found.dedup();
    let each = found.into_iter().map(|(to, kind, file, place)| PeekedDependency {
        target: graph.label(to).to_string(),
        kind: kind_name(kind),
        file,
        place: place.cloned(),
    });
    each.collect()
}

fn default_value(default: FieldDefault) -> Plain {
    match default {
        FieldDefault::None | FieldDefault::Said(_) => Plain::None,
        FieldDefault::Bool(value) => Plain::Bool(value),
        FieldDefault::Int(number) => Plain::Int(number),
        FieldDefault::Str(text) => text.into(),
        FieldDefault::List(items) => Plain::List(items.iter().map(|item| (*item).into()).collect()),
    }
}

fn plain_json(value: &Plain) -> Value {
    match value {
        Plain::None => Value::Null,
        Plain::Bool(value) => json!(value),
        Plain::Int(number) => json!(number),
        Plain::Str(text) | Plain::Other(text) => json!(text),
        value @ (Plain::Label(_) | Plain::Except { .. }) => json!(attribute_text(value)),
        Plain::List(items) => Value::Array(items.iter().map(plain_json).collect()),
        Plain::Dict(items) => {
            let pair = |(key, value): &(Plain, Plain)| (attribute_text(key), plain_json(value));
            Value::Object(items.iter().map(pair).collect())
        }
    }
}

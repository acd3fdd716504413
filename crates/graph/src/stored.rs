//! Targets and graphs in the form in which they are kept between runs: plain data, each text once. It does not know
//! where they are kept, nor whether they are still true.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::lookup::dense;
use crate::target_graph::EdgeKind;
use crate::{Field, Label, Part, Place, SourceFile, Target, TargetGraph, Value, schema};

/// Targets that can be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTargets {
    texts: Vec<Arc<str>>,
    targets: Vec<StoredTarget>,
}

/// A graph that can be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredGraph {
    targets: StoredTargets,
    /// Sorted, each with which of the places it is written at.
    edges: Vec<(u32, u32, EdgeKind, u32)>,
    places: Vec<StoredPlace>,
}

/// Which of the texts.
type Text = u32;

/// File, line, column and width.
type StoredPlace = (Text, u32, u32, u32);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredTarget {
    package: Text,
    name: Text,
    generated: Option<Text>,
    rule: Text,
    place: StoredPlace,
    /// The field's number in the schema.
    fields: Vec<(u32, StoredValue, StoredPlace, Vec<StoredPlace>)>,
    sources: Vec<Arc<str>>,
}

/// A value. Labels, of which there are most, are not read from their text again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum StoredValue {
    Label(StoredLabel),
    Labels(Vec<StoredLabel>),
    Other(Value),
}

/// Package, name, and a file (true) or what is generated.
type StoredLabel = (Text, Text, Option<(bool, Text)>);

impl StoredTargets {
    /// The targets `targets`.
    pub fn new<'t>(targets: impl IntoIterator<Item = &'t Target>) -> Self {
        let mut texts = Texts::default();
        let targets = targets.into_iter().map(|target| texts.target(target)).collect();
        Self { texts: texts.list, targets }
    }

    /// The targets; none where they do not fit the schemas, as when these have changed.
    pub fn targets(self) -> Option<Vec<Target>> {
        let Self { texts, targets } = self;
        targets.into_iter().map(|target| target.read(&texts)).collect()
    }
}

impl StoredTarget {
    fn read(self, texts: &[Arc<str>]) -> Option<Target> {
        let text = |text: Text| texts.get(text as usize);
        let place = |(file, line, column, width): StoredPlace| {
            Some(Place { file: text(file)?.clone(), line, column, width })
        };
        let rule = schema(text(self.rule)?)?;
        let part = self.generated.map(|generated| (false, generated));
        let label = read_label((self.package, self.name, part), texts)?;
        let field = |(number, value, at, items): (u32, StoredValue, StoredPlace, Vec<StoredPlace>)| {
            Some(Field {
                name: rule.fields.get(number as usize)?.name,
                value: value.read(texts)?,
                place: place(at)?,
                items: items.into_iter().map(place).collect::<Option<_>>()?,
            })
        };
        Some(Target {
            label,
            rule,
            fields: self.fields.into_iter().map(field).collect::<Option<_>>()?,
            place: place(self.place)?,
            sources: self.sources.into_iter().map(|path| SourceFile { path }).collect(),
        })
    }
}

impl StoredValue {
    fn read(self, texts: &[Arc<str>]) -> Option<Value> {
        Some(match self {
            Self::Label(label) => Value::Label(read_label(label, texts)?),
            Self::Labels(labels) => {
                let read = |label| read_label(label, texts).map(Value::Label);
                Value::List(labels.into_iter().map(read).collect::<Option<_>>()?)
            }
            Self::Other(value) => value,
        })
    }
}

fn read_label((package, name, part): StoredLabel, texts: &[Arc<str>]) -> Option<Label> {
    let text = |text: Text| texts.get(text as usize).cloned();
    let whole = Label::new(text(package)?, text(name)?);
    Some(match part {
        None => whole,
        Some((true, file)) => whole.with_file(text(file)?),
        Some((false, generated)) => whole.with_generated(text(generated)?),
    })
}

impl StoredGraph {
    /// The graph `graph`.
    pub fn new(graph: &TargetGraph) -> Self {
        let mut texts = Texts::default();
        let targets = graph.targets().map(|(_, target)| texts.target(target)).collect();
        let places = graph.places().iter().map(|place| texts.place(place)).collect();
        Self { targets: StoredTargets { texts: texts.list, targets }, edges: graph.edges(), places }
    }

    /// The graph; none where it does not fit the schemas or is damaged.
    pub fn graph(self) -> Option<TargetGraph> {
        let texts = &self.targets.texts;
        let place = |(file, line, column, width): StoredPlace| {
            Some(Place { file: texts.get(file as usize)?.clone(), line, column, width })
        };
        let places = self.places.into_iter().map(place).collect::<Option<_>>()?;
        TargetGraph::with_edges(self.targets.targets()?, &self.edges, places)
    }
}

/// The texts so far.
#[derive(Default)]
struct Texts {
    list: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, Text>,
}

impl Texts {
    fn number(&mut self, text: &str) -> Text {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = dense(self.list.len());
        let text: Arc<str> = text.into();
        self.list.push(text.clone());
        self.numbers.insert(text, number);
        number
    }

    fn place(&mut self, place: &Place) -> StoredPlace {
        (self.number(&place.file), place.line, place.column, place.width)
    }

    fn label(&mut self, label: &Label) -> StoredLabel {
        let part = match label.part() {
            Part::Whole => None,
            Part::File(file) => Some((true, self.number(file))),
            Part::Generated(generated) => Some((false, self.number(generated))),
        };
        (self.number(label.package()), self.number(label.name()), part)
    }

    fn value(&mut self, value: &Value) -> StoredValue {
        match value {
            Value::Label(label) => StoredValue::Label(self.label(label)),
            Value::List(items) if items.iter().all(|item| matches!(item, Value::Label(_))) => {
                let labels = items.iter().filter_map(|item| match item {
                    Value::Label(label) => Some(self.label(label)),
                    _ => None,
                });
                StoredValue::Labels(labels.collect())
            }
            value => StoredValue::Other(value.clone()),
        }
    }

    fn target(&mut self, target: &Target) -> StoredTarget {
        let number_in_schema = |name: &str| {
            target.rule.fields.iter().position(|field| field.name == name).map_or(u32::MAX, dense)
        };
        StoredTarget {
            package: self.number(target.label.package()),
            name: self.number(target.label.name()),
            generated: match target.label.part() {
                Part::Generated(name) => Some(self.number(name)),
                Part::Whole | Part::File(_) => None,
            },
            rule: self.number(target.rule.name),
            place: self.place(&target.place),
            fields: (target.fields.iter())
                .map(|field| {
                    let items = field.items.iter().map(|place| self.place(place)).collect();
                    (number_in_schema(field.name), self.value(&field.value), self.place(&field.place), items)
                })
                .collect(),
            sources: target.sources.iter().map(|source| source.path.clone()).collect(),
        }
    }
}

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
    fields: Vec<(u32, Value, StoredPlace, Vec<StoredPlace>)>,
    sources: Vec<Arc<str>>,
}

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
        let label = Label::new(text(self.package)?.clone(), text(self.name)?.clone());
        let label = match self.generated {
            None => label,
            Some(generated) => label.with_generated(text(generated)?.clone()),
        };
        let field = |(number, value, at, items): (u32, Value, StoredPlace, Vec<StoredPlace>)| {
            Some(Field {
                name: rule.fields.get(number as usize)?.name,
                value,
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
                    (number_in_schema(field.name), field.value.clone(), self.place(&field.place), items)
                })
                .collect(),
            sources: target.sources.iter().map(|source| source.path.clone()).collect(),
        }
    }
}

//! Targets and graphs in the form in which they are kept between runs: plain data, each text once. It does not know
//! where they are kept, nor whether they are still true.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::lookup::dense;
use crate::target_graph::EdgeKind;
use crate::{Field, Fields, Label, Part, Place, RuleSchema, SourceFile, Target, TargetGraph, Value, schema};

/// Targets that can be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTargets {
    texts: Vec<Arc<str>>,
    targets: Vec<StoredTarget>,
    /// The fields of all targets, one after the other.
    fields: Bytes,
}

/// Bytes that are read as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Bytes(Vec<u8>);

/// What fields are read from.
pub(crate) struct Page {
    texts: Vec<Arc<str>>,
    fields: Vec<u8>,
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
    /// Where its fields end.
    fields: u32,
    sources: Vec<Arc<str>>,
}

/// A field by its number in the schema, its value, its place and those of its items.
type StoredField = (u32, StoredValue, StoredPlace, Vec<StoredPlace>);

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
        texts.with(targets)
    }

    /// The targets; none where they do not fit the schemas, as when these have changed, or are damaged.
    pub fn targets(self) -> Option<Vec<Target>> {
        let Self { texts, targets, fields } = self;
        let page = Page { texts, fields: fields.0 };
        read_targets(targets, &page, |range, rule| page.fields(range, rule).map(Fields::from))
    }
}

/// Reads targets, and by `fields` what their fields are.
fn read_targets(
    targets: Vec<StoredTarget>,
    page: &Page,
    fields: impl Fn(Range<usize>, &'static RuleSchema) -> Option<Fields>,
) -> Option<Vec<Target>> {
    let mut from = 0;
    let read = |target: StoredTarget| {
        let to = target.fields as usize;
        let rule = schema(page.text(target.rule)?)?;
        let fields = fields(std::mem::replace(&mut from, to)..to, rule)?;
        target.read(page, rule, fields)
    };
    targets.into_iter().map(read).collect()
}

impl StoredTarget {
    fn read(self, page: &Page, rule: &'static RuleSchema, fields: Fields) -> Option<Target> {
        let part = self.generated.map(|generated| (false, generated));
        Some(Target {
            label: page.label((self.package, self.name, part))?,
            rule,
            fields,
            place: page.place(self.place)?,
            sources: self.sources.into_iter().map(|path| SourceFile { path }).collect(),
        })
    }
}

impl Page {
    /// The fields at some bytes; none where these are no fields of the rule.
    pub(crate) fn fields(&self, range: Range<usize>, rule: &RuleSchema) -> Option<Vec<Field>> {
        let stored = postcard::from_bytes::<Vec<StoredField>>(self.fields.get(range)?);
        let field = |(number, value, at, items): StoredField| {
            Some(Field {
                name: rule.fields.get(number as usize)?.name,
                value: self.value(value)?,
                place: self.place(at)?,
                items: items.into_iter().map(|at| self.place(at)).collect::<Option<_>>()?,
            })
        };
        stored.ok()?.into_iter().map(field).collect()
    }

    fn text(&self, text: Text) -> Option<&Arc<str>> {
        self.texts.get(text as usize)
    }

    fn place(&self, (file, line, column, width): StoredPlace) -> Option<Place> {
        Some(Place { file: self.text(file)?.clone(), line, column, width })
    }

    fn label(&self, (package, name, part): StoredLabel) -> Option<Label> {
        let text = |text: Text| self.text(text).cloned();
        let whole = Label::new(text(package)?, text(name)?);
        Some(match part {
            None => whole,
            Some((true, file)) => whole.with_file(text(file)?),
            Some((false, generated)) => whole.with_generated(text(generated)?),
        })
    }

    fn value(&self, value: StoredValue) -> Option<Value> {
        Some(match value {
            StoredValue::Label(label) => Value::Label(self.label(label)?),
            StoredValue::Labels(labels) => {
                let read = |label| self.label(label).map(Value::Label);
                Value::List(labels.into_iter().map(read).collect::<Option<_>>()?)
            }
            StoredValue::Other(value) => value,
        })
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct Whole;

        impl Visitor<'_> for Whole {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }

        deserializer.deserialize_bytes(Whole)
    }
}

impl StoredGraph {
    /// The graph `graph`.
    pub fn new(graph: &TargetGraph) -> Self {
        let mut texts = Texts::default();
        let targets = graph.targets().map(|(_, target)| texts.target(target)).collect();
        let places = graph.places().iter().map(|place| texts.place(place)).collect();
        Self { targets: texts.with(targets), edges: graph.edges(), places }
    }

    /// The graph; none where it does not fit the schemas. Whoever keeps it has to know that it is as it was: that fields
    /// are damaged would only show when they are asked for.
    pub fn graph(self) -> Option<TargetGraph> {
        let StoredTargets { texts, targets, fields } = self.targets;
        let page = Arc::new(Page { texts, fields: fields.0 });
        let places = self.places.into_iter().map(|place| page.place(place)).collect::<Option<_>>()?;
        let fields = |range: Range<usize>, rule| {
            page.fields.get(range.clone()).map(|_| Fields::kept(page.clone(), range, rule))
        };
        TargetGraph::with_edges(read_targets(targets, &page, fields)?, &self.edges, places)
    }
}

/// The texts and the fields so far.
#[derive(Default)]
struct Texts {
    list: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, Text>,
    fields: Vec<u8>,
}

impl Texts {
    fn with(self, targets: Vec<StoredTarget>) -> StoredTargets {
        StoredTargets { texts: self.list, targets, fields: Bytes(self.fields) }
    }

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
        let fields = target.fields.iter().map(|field| -> StoredField {
            let items = field.items.iter().map(|place| self.place(place)).collect();
            (number_in_schema(field.name), self.value(&field.value), self.place(&field.place), items)
        });
        let fields: Vec<StoredField> = fields.collect();
        self.fields.extend(postcard::to_stdvec(&fields).expect("plain data can be encoded"));
        StoredTarget {
            fields: dense(self.fields.len()),
            package: self.number(target.label.package()),
            name: self.number(target.label.name()),
            generated: match target.label.part() {
                Part::Generated(name) => Some(self.number(name)),
                Part::Whole | Part::File(_) => None,
            },
            rule: self.number(target.rule.name),
            place: self.place(&target.place),
            sources: target.sources.iter().map(|source| source.path.clone()).collect(),
        }
    }
}

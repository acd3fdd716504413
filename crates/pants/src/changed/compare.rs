//! Whether two states of a target mean the same: what is only written otherwise makes no difference. It does not know
//! where they come from.

use std::collections::{BTreeMap, BTreeSet};

use graph::{FieldDefault, FieldKind, Target, Value};

/// The fields that have another value, in order of their names. What fields of files come to is compared as files.
pub(super) fn fields(old: &Target, new: &Target) -> Vec<&'static str> {
    let (old, new) = (meaning(old), meaning(new));
    let names: BTreeSet<&'static str> = old.keys().chain(new.keys()).copied().collect();
    names.into_iter().filter(|name| old.get(name) != new.get(name)).collect()
}

/// The files that only one of the two has: gone ones, and new ones.
pub(super) fn sources<'t>(old: &'t Target, new: &'t Target) -> (Vec<&'t str>, Vec<&'t str>) {
    let paths = |target: &'t Target| -> BTreeSet<&'t str> {
        target.sources.iter().map(|source| &*source.path).collect()
    };
    let (old, new) = (paths(old), paths(new));
    (old.difference(&new).copied().collect(), new.difference(&old).copied().collect())
}

/// The fields of a target that are not as they are by default. The order of labels has no meaning.
fn meaning(target: &Target) -> BTreeMap<&'static str, Value> {
    let mut meaning = BTreeMap::new();
    for field in target.fields.iter() {
        let Some(schema) = target.rule.field(field.name) else { continue };
        let is_default = field.value == Value::None || field.value == default(schema.default);
        if is_default || matches!(schema.kind, FieldKind::Sources | FieldKind::File) {
            continue;
        }
        let value = match (&field.value, schema.kind) {
            (Value::List(items), FieldKind::Labels) => {
                let labels: BTreeSet<String> = items.iter().map(graph::query::attribute_text).collect();
                Value::List(labels.into_iter().map(Value::Str).collect())
            }
            (value, _) => value.clone(),
        };
        if field.name != "name" {
            meaning.insert(field.name, value);
        }
    }
    meaning
}

fn default(default: FieldDefault) -> Value {
    match default {
        FieldDefault::None | FieldDefault::Said(_) => Value::None,
        FieldDefault::Bool(value) => Value::Bool(value),
        FieldDefault::Int(number) => Value::Int(number),
        FieldDefault::Str(text) => text.into(),
        FieldDefault::List(items) => Value::List(items.iter().map(|item| (*item).into()).collect()),
    }
}

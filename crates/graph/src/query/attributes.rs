//! The fields of targets as texts that a regular expression is held against; it does not know the expression.

use crate::{FieldDefault, Target, Value};

/// The value of a field, given or by default, as texts, one of which has to match: truth values are written as in a
/// BUILD file and, as Bazel has it, as `1` and `0`. None where the rule has no such field.
pub fn attribute_texts(target: &Target, name: &str) -> Option<Vec<String>> {
    let schema = target.rule.field(name)?;
    let given = target.field(schema.name).map(|field| &field.value);
    if let ("name", None) = (schema.name, given) {
        return Some(vec![target.label.name().to_owned()]);
    }
    Some(match given {
        Some(Value::Bool(value)) => truth(*value),
        Some(value) => vec![attribute_text(value)],
        None => match schema.default {
            FieldDefault::None | FieldDefault::Said(_) => vec![String::new()],
            FieldDefault::Bool(value) => truth(value),
            FieldDefault::Int(number) => vec![number.to_string()],
            FieldDefault::Str(text) => vec![text.to_owned()],
            FieldDefault::List(items) => vec![format!("[{}]", items.join(", "))],
        },
    })
}

fn truth(value: bool) -> Vec<String> {
    if value { vec!["True".to_owned(), "1".to_owned()] } else { vec!["False".to_owned(), "0".to_owned()] }
}

/// A value as one line: strings without quotes, lists as `[a, b]`.
pub fn attribute_text(value: &Value) -> String {
    match value {
        Value::None => String::new(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Str(text) | Value::Other(text) => text.clone(),
        Value::Label(label) => label.to_string(),
        Value::Except { label, transitive } => format!("{}{label}", if *transitive { "!!" } else { "!" }),
        Value::List(items) => format!("[{}]", joined(items.iter().map(attribute_text))),
        Value::Dict(items) => {
            let pairs = items
                .iter()
                .map(|(key, value)| format!("{}: {}", attribute_text(key), attribute_text(value)));
            format!("{{{}}}", joined(pairs))
        }
    }
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}

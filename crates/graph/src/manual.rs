//! The manual of the BUILD language, made of the schemas.

use std::fmt::{self, Write as _};

use crate::{FieldDefault, FieldKind, FieldSchema, RuleSchema, schemas};

/// What is said in front of the rules.
const INTRODUCTION: &str = include_str!("manual_introduction.md");

/// What the manual says in front of the rules, in Markdown.
pub fn introduction() -> &'static str {
    INTRODUCTION.split_once("-->\n").map_or(INTRODUCTION, |(_, text)| text).trim_start()
}

/// The manual of all rules and fields, in Markdown.
pub fn manual() -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str("\n## Rules\n\n| rule | also | what it is |\n|---|---|---|\n");
    for schema in schemas() {
        let line =
            format!("| [`{0}`](#{0}) | {1} | {2} |\n", schema.name, names(schema.aliases), schema.summary);
        text.push_str(&line);
    }
    for schema in schemas() {
        rule(&mut text, schema);
    }
    text
}

fn rule(text: &mut String, schema: &RuleSchema) {
    let also =
        if schema.aliases.is_empty() { String::new() } else { format!(" Also {}.", names(schema.aliases)) };
    let heading = format!("\n### {}\n\n{}{also}\n\n", schema.name, sentence(schema.doc));
    text.push_str(&heading);
    text.push_str("| field | what it holds | default |\n|---|---|---|\n");
    for field in schema.fields {
        let default = if field.required { "has to be given".to_owned() } else { field.default.to_string() };
        let row = format!("| `{}`{} | {} | {default} |\n", field.name, aliases(field), kind(field.kind));
        text.push_str(&row);
    }
    if !schema.ignored.is_empty() {
        writeln!(text, "\nTaken as Pants has them, without effect: {}.", names(schema.ignored))
            .expect("a string takes all text");
    }
    for field in schema.fields {
        let example = match field.example {
            "" => String::new(),
            example => format!(" For example `{} = {example}`.", field.name),
        };
        writeln!(text, "\n**`{}`**: {}{example}", field.name, field.doc).expect("a string takes all text");
    }
}

fn sentence(doc: &str) -> String {
    doc.trim().to_owned()
}

fn names(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn aliases(field: &FieldSchema) -> String {
    if field.aliases.is_empty() { String::new() } else { format!(" (also {})", names(field.aliases)) }
}

fn kind(kind: FieldKind) -> String {
    match kind {
        FieldKind::Choice(all) => format!(
            "one of {}",
            all.iter().map(|name| format!("`\"{name}\"`")).collect::<Vec<_>>().join(", ")
        ),
        kind => kind.expected().to_owned(),
    }
}

impl fmt::Display for FieldDefault {
    /// As the manual has it: code in backticks, words as they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            FieldDefault::None => f.write_str("not given"),
            FieldDefault::Bool(true) => f.write_str("`True`"),
            FieldDefault::Bool(false) => f.write_str("`False`"),
            FieldDefault::Int(number) => write!(f, "`{number}`"),
            FieldDefault::Str(text) => write!(f, "`\"{text}\"`"),
            FieldDefault::List(items) => {
                let items: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
                write!(f, "`[{}]`", items.join(", "))
            }
            FieldDefault::Said(words) => f.write_str(words),
        }
    }
}

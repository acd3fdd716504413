//! The goal `help`: the manual of goals, rules, fields, the BUILD language and the configuration.

use std::fmt::Write as _;

use clap::Args;
use graph::{FieldKind, FieldSchema, RuleSchema};

use crate::cli::{self, Offered};
use crate::config::{FILE, KEYS};
use crate::console::Console;
use crate::diagnostic::{Diagnostic, Exit};

/// The goals.
const GOALS: [&str; 33] = [
    "affected",
    "binary",
    "cache",
    "check",
    "ci",
    "completions",
    "dependencies",
    "dependents",
    "doctor",
    "filedeps",
    "fix",
    "fmt",
    "fmt-build",
    "help",
    "lint",
    "list",
    "lock",
    "log",
    "package",
    "paths",
    "peek",
    "pex",
    "publish",
    "query",
    "roots",
    "run",
    "sbom",
    "seed",
    "test",
    "repl",
    "export",
    "tailor",
    "why",
];

/// Topics that are neither goals nor rules.
const TOPICS: [&str; 5] = ["BUILD", "glob", "load", "rules", FILE];

/// Show the manual of a goal, a rule, a field or pants.toml
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A goal (`binary`), a rule (`python_binary`), a field (`layout`, `python_binary.layout`), `rules`, `BUILD`, `glob`,
    /// `load` or `pants.toml`
    #[arg(value_parser = Offered(topics), hide_possible_values = true)]
    topic: Option<String>,
}

/// The topics that completions offer.
fn topics() -> Vec<&'static str> {
    GOALS.into_iter().chain(graph::schemas().iter().map(|rule| rule.name)).chain(TOPICS).collect()
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Vec<Diagnostic>> {
    let mut command = cli::command();
    let width = console.width();
    let Some(topic) = &arguments.topic else {
        let mut text = command.render_help().to_string();
        let _ = write!(
            text,
            "\n`pants help rules` lists the rules of BUILD files, `pants help BUILD` says how they are written, \
             `pants help {FILE}` lists all keys of it.\n"
        );
        console.answer(&text);
        return Ok(Exit::Done);
    };
    let fields = fields_of(topic);
    let text = if let Some(goal) = command.find_subcommand_mut(topic) {
        goal.render_long_help().to_string()
    } else if let Some(text) = language(topic) {
        text
    } else if topic == "rules" {
        rules()
    } else if topic == FILE {
        configuration(width)
    } else if let Some(rule) = graph::schema(topic) {
        rule_manual(rule, width)
    } else if !fields.is_empty() {
        fields_manual(&fields, width)
    } else {
        return Err(vec![unknown(topic)]);
    };
    console.answer(&text);
    Ok(Exit::Done)
}

fn unknown(topic: &str) -> Diagnostic {
    let topics = topics();
    let fields = graph::schemas().iter().flat_map(|rule| rule.fields).map(|field| field.name);
    let mut all: Vec<&str> = topics.iter().copied().chain(fields).collect();
    all.dedup();
    let by_word = all.iter().copied().find(|name| name.split('_').any(|word| word == topic));
    let help = match by_word.or_else(|| graph::near(topic, all)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`pants help` lists the goals, `pants help rules` the rules".to_owned(),
    };
    Diagnostic::error(Exit::Wrong, "help::topic", format!("there is no manual of `{topic}`")).help(Some(help))
}

/// What is said of the BUILD language, or of one of its functions.
fn language(topic: &str) -> Option<String> {
    let manual = graph::introduction();
    match topic {
        "BUILD" => Some(manual.to_owned()),
        "glob" | "load" => {
            let start = manual.find(&format!("- `{topic}("))? + 2;
            let text = &manual[start..];
            let end = text.find("\n- ").unwrap_or(text.len());
            Some(format!("{}\n", text[..end].replace("\n  ", "\n").trim_end()))
        }
        _ => None,
    }
}

/// The rules that have a field, with their field: of `layout` all, of `python_binary.layout` the one.
fn fields_of(topic: &str) -> Vec<(&'static RuleSchema, &'static FieldSchema)> {
    let (rule, field) = match topic.split_once('.') {
        Some((rule, field)) => (Some(graph::schema(rule)), field),
        None => (None, topic),
    };
    let rules = graph::schemas().iter().filter(|schema| rule.is_none_or(|rule| rule == Some(**schema)));
    rules.filter_map(|schema| Some((*schema, schema.field(field)?))).collect()
}

/// A field as the rules have it that have it, once where it is the same.
fn fields_manual(fields: &[(&RuleSchema, &FieldSchema)], width: usize) -> String {
    let mut texts: Vec<(String, Vec<&str>)> = Vec::new();
    for (rule, field) in fields {
        let text = field_manual(field, width);
        match texts.iter_mut().find(|(known, _)| *known == text) {
            Some((_, rules)) => rules.push(rule.name),
            None => texts.push((text, vec![rule.name])),
        }
    }
    let blocks: Vec<String> = (texts.into_iter())
        .map(|(text, rules)| {
            format!("{}{text}", wrapped(&format!("A field of {}:", rules.join(", ")), 0, width))
        })
        .collect();
    blocks.join("\n")
}

fn rules() -> String {
    let mut text = String::from("Rules of BUILD files:\n\n");
    for rule in graph::schemas() {
        let _ = writeln!(text, "  {:<22} {}", rule.name, capital(rule.summary));
        if !rule.aliases.is_empty() {
            let _ = writeln!(text, "  {:<22} Also called {}", "", rule.aliases.join(", "));
        }
    }
    text.push_str("\n`pants help RULE` shows the fields of a rule.\n");
    text
}

/// With a capital in front, as the goals have it.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

fn rule_manual(rule: &RuleSchema, width: usize) -> String {
    let mut text = format!("{}: {}\n", rule.name, rule.summary);
    if !rule.aliases.is_empty() {
        let _ = writeln!(text, "Also called {}.", rule.aliases.join(", "));
    }
    let _ = write!(text, "\n{}\nFields:\n", wrapped(rule.doc, 0, width));
    for field in rule.fields {
        let _ = write!(text, "\n{}", field_manual(field, width));
    }
    text
}

fn field_manual(field: &FieldSchema, width: usize) -> String {
    let expected = match field.kind {
        FieldKind::Choice(all) => {
            let all: Vec<String> = all.iter().map(|one| format!("\"{one}\"")).collect();
            format!("one of {}", all.join(", "))
        }
        kind => kind.expected().replace('`', ""),
    };
    let required = if field.required { ", required" } else { "" };
    let mut text = format!("  {} ({expected}{required})\n", field.name);
    if !field.aliases.is_empty() {
        let _ = writeln!(text, "      Also called {}", field.aliases.join(", "));
    }
    text.push_str(&wrapped(field.doc, 6, width));
    if !field.required {
        let _ = writeln!(text, "      Default: {}", field.default.to_string().replace('`', ""));
    }
    if !field.example.is_empty() {
        let _ = writeln!(text, "      Example: {} = {}", field.name, field.example);
    }
    text
}

fn configuration(width: usize) -> String {
    let mut text = format!(
        "Keys of {FILE}, which marks the root of the repository and may be empty.\n\
         Each is also an option (--python-default-resolve) and a variable (PANTS_PYTHON_DEFAULT_RESOLVE). Options win\n\
         over variables, these over .pants.rc files, these over the files of PANTS_CONFIG_FILES, and these over\n\
         {FILE}.\n"
    );
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            let _ = write!(text, "\n[{section}]\n");
        }
        let _ = writeln!(text, "  {} ({})", key.name.unwrap_or("NAME"), key.kind.expected().replace('`', ""));
        text.push_str(&wrapped(key.doc, 6, width));
        let _ = writeln!(text, "      Default: {}", key.default);
    }
    text
}

/// The text in lines of this width, each behind this many spaces.
fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is one");
        if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines.iter().map(|line| format!("{:indent$}{line}\n", "")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        let check = |width, expect: &str| assert_eq!(wrapped("one two  three\nfour", 2, width), expect);
        check(100, "  one two three four\n");
        check(9, "  one two\n  three\n  four\n");
        check(1, "  one\n  two\n  three\n  four\n");
    }

    #[test]
    fn all_goals_are_topics() {
        let command = cli::command();
        let goals: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        assert!(goals.iter().all(|goal| topics().contains(goal)), "{goals:?}");
    }

    #[test]
    fn functions_of_the_language_have_a_manual() {
        for topic in ["glob", "load", "BUILD"] {
            assert!(
                language(topic).is_some_and(|text| text.contains(topic) && !text.contains("<!--")),
                "{topic}"
            );
        }
        assert_eq!(language("print"), None);
    }
}

//! The goal `help`: the manual of goals, rules and the configuration.

use std::fmt::Write as _;

use clap::{Args, CommandFactory};
use graph::{FieldSchema, RuleSchema};

use crate::cli::Cli;
use crate::config::{FILE, KEYS};
use crate::console::Console;
use crate::diagnostic::{Diagnostic, Exit};

/// Show the manual of a goal, a rule, a field or pants.toml
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A goal (`binary`), a rule (`python_binary`), a field (`python_binary.layout`), `rules` or `pants.toml`
    topic: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Vec<Diagnostic>> {
    let mut command = Cli::command();
    let Some(topic) = &arguments.topic else {
        let mut text = command.render_help().to_string();
        let _ = write!(
            text,
            "\n`pants help rules` lists the rules of BUILD files, `pants help {FILE}` all keys of it.\n"
        );
        console.answer(&text);
        return Ok(Exit::Done);
    };
    let text = if let Some(goal) = command.find_subcommand_mut(topic) {
        goal.clone().bin_name(format!("pants {topic}")).render_long_help().to_string()
    } else if topic == "rules" {
        rules()
    } else if topic == FILE {
        configuration()
    } else if let Some(rule) = graph::schema(topic) {
        rule_manual(rule)
    } else if let Some(field) = field_of(topic) {
        field_manual(field)
    } else {
        return Err(vec![unknown(topic, &command)]);
    };
    console.answer(&text);
    Ok(Exit::Done)
}

fn unknown(topic: &str, command: &clap::Command) -> Diagnostic {
    let goals = command.get_subcommands().map(clap::Command::get_name);
    let topics = goals.chain(graph::schemas().iter().map(|rule| rule.name)).chain(["rules", FILE]);
    let help = match graph::near(topic, topics) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`pants help` lists the goals, `pants help rules` the rules".to_owned(),
    };
    Diagnostic::error(Exit::Wrong, "help::topic", format!("there is no manual of `{topic}`")).help(Some(help))
}

fn field_of(topic: &str) -> Option<&'static FieldSchema> {
    let (rule, field) = topic.split_once('.')?;
    graph::schema(rule)?.field(field)
}

fn rules() -> String {
    let mut text = String::from("Rules of BUILD files:\n\n");
    for rule in graph::schemas() {
        let _ = writeln!(text, "  {:<22} {}", rule.name, rule.summary);
    }
    text.push_str("\n`pants help RULE` shows the fields of a rule.\n");
    text
}

fn rule_manual(rule: &RuleSchema) -> String {
    let mut text = format!("{}: {}\n", rule.name, rule.summary);
    if !rule.aliases.is_empty() {
        let _ = writeln!(text, "Also called {}.", rule.aliases.join(", "));
    }
    let _ = write!(text, "\n{}\n\nFields:\n", rule.doc);
    for field in rule.fields {
        let _ = write!(text, "\n{}", field_manual(field));
    }
    text
}

fn field_manual(field: &FieldSchema) -> String {
    let mut text = format!("  {} ({}", field.name, field.kind.expected());
    if field.required {
        text.push_str(", required");
    }
    text.push_str(")\n");
    let _ = writeln!(text, "      {}", field.doc);
    if !field.required {
        let _ = writeln!(text, "      Default: {}", field.default);
    }
    let _ = writeln!(text, "      Example: {} = {}", field.name, field.example);
    text
}

fn configuration() -> String {
    let mut text = format!(
        "Keys of {FILE}, which marks the root of the repository and may be empty.\n\
         Options of the command line win over variables (PANTS_CACHE_DIR, PANTS_JOBS, …), and these over the file.\n"
    );
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            let _ = write!(text, "\n[{section}]\n");
        }
        let _ = writeln!(text, "  {} = {}", key.name.unwrap_or("NAME"), key.kind.expected());
        let _ = writeln!(text, "      {}", key.doc);
        let _ = writeln!(text, "      Default: {}", key.default);
    }
    text
}

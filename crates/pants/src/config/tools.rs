//! The sections of tools, typed: the tools that are known with what is said of them, those of the user, and which goals run
//! which of them. Runs none of them.

use std::collections::BTreeMap;

use graph::Place;
use python::tools::{ConfigurationFile, Tool, ToolGoal, ToolOutput, known_tools};

use super::sources::Settings;
use super::{flag, text, texts};
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain::near_or_all;

const PREFIX: &str = "tools.";
const GOALS: [ToolGoal; 3] = [ToolGoal::Lint, ToolGoal::Fmt, ToolGoal::Check];
const OUTPUTS: [(&str, ToolOutput); 5] = [
    ("text", ToolOutput::Text),
    ("mypy", ToolOutput::Mypy),
    ("ruff", ToolOutput::Ruff),
    ("pyright", ToolOutput::Pyright),
    ("bandit", ToolOutput::Bandit),
];

/// The tools that there are, and what is said of goals.
#[derive(Clone, Debug)]
pub(crate) struct ToolSettings {
    /// Those that are known, then those of the user.
    pub(crate) all: Vec<Tool>,
    /// The names of the tools of a goal, where they are said.
    pub(crate) chosen: BTreeMap<ToolGoal, Vec<String>>,
}

impl Default for ToolSettings {
    fn default() -> Self {
        ToolSettings { all: known_tools(), chosen: BTreeMap::new() }
    }
}

/// What the sections say. Fails with all that is wrong.
pub(super) fn settings(settings: &mut Settings) -> Result<ToolSettings, Vec<Diagnostic>> {
    let (mut tools, mut errors) = (ToolSettings::default(), Vec::new());
    let mut names: BTreeMap<String, Place> = BTreeMap::new();
    for ((section, _), setting) in settings.iter() {
        if let Some(name) = section.strip_prefix(PREFIX) {
            names.entry(name.to_owned()).or_insert_with(|| setting.place.clone());
        }
    }
    for (name, place) in names {
        let known = tools.all.iter().position(|tool| tool.name == name);
        let base = known.map(|at| tools.all[at].clone());
        match tool(settings, &name, base, &place) {
            Err(wrong) => errors.extend(wrong),
            Ok(tool) => match known {
                Some(at) => tools.all[at] = tool,
                None => tools.all.push(tool),
            },
        }
    }
    for goal in GOALS {
        let place = place(settings, goal.name(), "tools");
        let Some(chosen) = texts(settings, goal.name(), "tools") else { continue };
        if errors.is_empty() {
            errors.extend(chosen.iter().filter_map(|name| unknown(&tools.all, goal, name, place.as_ref())));
        }
        tools.chosen.insert(goal, chosen);
    }
    if errors.is_empty() { Ok(tools) } else { Err(errors) }
}

/// The error that a goal has no such tool.
fn unknown(all: &[Tool], goal: ToolGoal, name: &str, place: Option<&Place>) -> Option<Diagnostic> {
    if all.iter().any(|tool| tool.name == name && tool.goal == goal) {
        return None;
    }
    let names = all.iter().filter(|tool| tool.goal == goal).map(|tool| tool.name.as_str());
    let goal = goal.name();
    let help = near_or_all(name, names, &format!("the tools of `{goal}` are"));
    let message = format!("`{goal}` has no tool `{name}`");
    Some(Diagnostic::error(Exit::Wrong, "config::tool", message).at(place.cloned()).help(Some(help)))
}

/// A tool with what its section says.
fn tool(
    settings: &mut Settings,
    name: &str,
    base: Option<Tool>,
    at: &Place,
) -> Result<Tool, Vec<Diagnostic>> {
    let section = format!("{PREFIX}{name}");
    let goal_at = place(settings, &section, "goal");
    let goal = match text(settings, &section, "goal") {
        Some(text) => match GOALS.into_iter().find(|goal| goal.name() == text) {
            Some(goal) => Some(goal),
            None => return Err(wrong_choice("goal", &text, GOALS.map(ToolGoal::name), goal_at)),
        },
        None => base.as_ref().map(|tool| tool.goal),
    };
    let Some(goal) = goal else {
        let message = format!("the tool `{name}` is not known, and has no `goal`");
        let known = known_tools();
        let near = graph::near(name, known.iter().map(|tool| tool.name.as_str()));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "say what it is for: `goal` is `lint`, `fmt` or `check`".to_owned(),
        };
        let error = Diagnostic::error(Exit::Wrong, "config::tool", message);
        return Err(vec![error.at(Some(at.clone())).help(Some(help))]);
    };
    let mut tool = base.unwrap_or_else(|| Tool::new(name, goal));
    tool.goal = goal;
    tool.resolve = text(settings, &section, "resolve").or(tool.resolve);
    tool.packages = texts(settings, &section, "packages").unwrap_or(tool.packages);
    tool.module = text(settings, &section, "module").unwrap_or(tool.module);
    tool.check_args = texts(settings, &section, "check_args").or(tool.check_args);
    tool.rewrite_args = texts(settings, &section, "rewrite_args").or(tool.rewrite_args);
    tool.args = texts(settings, &section, "args").unwrap_or(tool.args);
    tool.config_option = text(settings, &section, "config_option").or(tool.config_option);
    tool.roots_variable = text(settings, &section, "roots_variable").or(tool.roots_variable);
    tool.imports = flag(settings, &section, "imports").unwrap_or(tool.imports);
    if let Some(names) = texts(settings, &section, "config") {
        tool.config = names.iter().map(|name| ConfigurationFile::new(name, &[])).collect();
    }
    let output_at = place(settings, &section, "output");
    if let Some(text) = text(settings, &section, "output") {
        let found = OUTPUTS.into_iter().find(|(name, _)| *name == text);
        let names = OUTPUTS.map(|(name, _)| name);
        tool.output = found.ok_or_else(|| wrong_choice("output", &text, names, output_at))?.1;
    }
    let codes_at = place(settings, &section, "exit_codes");
    if let Some(codes) = texts(settings, &section, "exit_codes") {
        let read: Result<Vec<i32>, _> = codes.iter().map(|code| code.parse()).collect();
        tool.exit_codes = read.map_err(|_| {
            let message = format!("`exit_codes` takes numbers, such as `[\"1\", \"2\"]`, not `{codes:?}`");
            vec![Diagnostic::error(Exit::Wrong, "config::type", message).at(codes_at)]
        })?;
    }
    Ok(tool)
}

fn wrong_choice<const N: usize>(
    key: &str,
    found: &str,
    choices: [&str; N],
    place: Option<Place>,
) -> Vec<Diagnostic> {
    let message = format!("`{key}` cannot be `{found}`: expected one of `{}`", choices.join("`, `"));
    let help = graph::near(found, choices).map(|near| format!("did you mean `{near}`?"));
    vec![Diagnostic::error(Exit::Wrong, "config::choice", message).at(place).help(help)]
}

fn place(settings: &Settings, section: &str, key: &str) -> Option<Place> {
    settings.get(&(section.to_owned(), key.to_owned())).map(|setting| setting.place.clone())
}

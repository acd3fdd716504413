//! What a `pyproject.toml` says of its project beside requirements: its commands and its Pythons. Reads no code.

use toml::de::{DeTable, DeValue};

use crate::name::{PackageName, parse_name};
use crate::wheel::EntryPoints;

/// A project, as far as it can be read; what is wrong in the file is told by [`super::dependencies`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// `[project] name`, normalised.
    pub name: Option<PackageName>,
    /// `[project.scripts]` and `[project.gui-scripts]`.
    pub commands: EntryPoints,
    /// `requires-python`.
    pub requires_python: Option<String>,
    /// Whether `[tool.uv]` says that some of its extras and groups exclude each other.
    pub has_conflicts: bool,
    /// The folders of its members, as patterns, where it is a workspace: `[tool.uv.workspace]`.
    pub members: Option<Vec<String>>,
}

/// Reads what a `pyproject.toml` says of its project.
#[must_use]
pub fn about(text: &str) -> About {
    let Ok(document) = DeTable::parse(text) else { return About::default() };
    let document = document.get_ref();
    let project = table(document, "project");
    let uv = table(&table(document, "tool"), "uv");
    let mut commands = String::new();
    for (key, section) in [("scripts", "console_scripts"), ("gui-scripts", "gui_scripts")] {
        commands.push_str(&format!("[{section}]\n"));
        let scripts = table(&project, key);
        let mut scripts: Vec<_> = scripts.iter().collect();
        scripts.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in scripts {
            if let DeValue::String(object) = value.get_ref() {
                commands.push_str(&format!("{} = {object}\n", name.get_ref()));
            }
        }
    }
    About {
        name: project.get("name").and_then(|name| parse_name(name.get_ref().as_str()?).ok()),
        commands: EntryPoints::parse(&commands),
        requires_python: project
            .get("requires-python")
            .and_then(|value| value.get_ref().as_str())
            .map(ToOwned::to_owned),
        has_conflicts: uv.contains_key("conflicts"),
        members: uv.contains_key("workspace").then(|| strings(&table(&uv, "workspace"), "members")),
    }
}

/// The strings of a list of a table.
fn strings(table: &DeTable<'_>, key: &str) -> Vec<String> {
    let list = table.get(key).and_then(|value| value.get_ref().as_array());
    let texts = list.into_iter().flat_map(|list| list.iter()).filter_map(|item| item.get_ref().as_str());
    texts.map(ToOwned::to_owned).collect()
}

/// A table of a table; empty where there is none.
fn table<'t>(table: &DeTable<'t>, key: &str) -> DeTable<'t> {
    table.get(key).and_then(|value| value.get_ref().as_table()).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_pythons_are_read() {
        let text = "[project]\nrequires-python = '>=3.12'\n[project.scripts]\nb = 'x.y:main'\na = 'x'\n1 = 2\n\
                    [project.gui-scripts]\nwin = 'x:w'\n[tool.uv]\nconflicts = []\n[tool.uv.workspace]\n\
                    members = ['packages/*', 1]\n";
        let found = about(text);
        let shown: Vec<String> =
            found.commands.commands().map(|one| format!("{}={}", one.name, one.object())).collect();
        assert_eq!(shown, ["b=x.y:main", "a=x", "win=x:w"]);
        assert_eq!(found.requires_python.as_deref(), Some(">=3.12"));
        assert!(found.has_conflicts);
        assert_eq!(found.members, Some(vec!["packages/*".to_owned()]));
        assert_eq!(about("[project"), About::default());
    }
}

//! `entry_points.txt` of a wheel, as far as scripts go; imports nothing.

use serde::{Deserialize, Serialize};

/// A function that a distribution wants to be callable by a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPoint {
    /// The name of the command.
    pub name: String,
    /// The dotted module.
    pub module: String,
    /// The dotted attribute in it; empty if the module itself is meant.
    pub attribute: String,
}

/// The commands that a distribution declares.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EntryPoints {
    /// `[console_scripts]`, in order.
    pub console: Vec<EntryPoint>,
    /// `[gui_scripts]`, in order.
    pub gui: Vec<EntryPoint>,
}

impl EntryPoints {
    /// Reads the text of `entry_points.txt`; lines that are no entry points are passed over, and of one name the last
    /// one counts.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let mut section = "";
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.trim();
                continue;
            }
            let list = match section {
                "console_scripts" => &mut found.console,
                "gui_scripts" => &mut found.gui,
                _ => continue,
            };
            if let Some(entry) = entry(line) {
                list.retain(|other| other.name != entry.name);
                list.push(entry);
            }
        }
        found
    }

    /// Whether the text of an `entry_points.txt` has an entry point in a group.
    #[must_use]
    pub fn has_group(text: &str, group: &str) -> bool {
        let mut is_in = false;
        text.lines().map(str::trim).any(|line| {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                is_in = name.trim() == group;
                return false;
            }
            is_in && !line.starts_with(['#', ';']) && line.contains('=')
        })
    }

    /// The entry point of a command, console scripts first.
    #[must_use]
    pub fn command(&self, name: &str) -> Option<&EntryPoint> {
        self.commands().find(|entry| entry.name == name)
    }

    /// All commands, console scripts first.
    pub fn commands(&self) -> impl Iterator<Item = &EntryPoint> {
        self.console.iter().chain(&self.gui)
    }
}

impl EntryPoint {
    /// `module:attribute`, or the module alone.
    #[must_use]
    pub fn object(&self) -> String {
        let EntryPoint { module, attribute, .. } = self;
        if attribute.is_empty() { module.clone() } else { format!("{module}:{attribute}") }
    }
}

/// `name = module:attribute [extras]`.
fn entry(line: &str) -> Option<EntryPoint> {
    let (name, object) = line.split_once('=')?;
    let object = object.split_once('[').map_or(object, |(object, _)| object);
    let (module, attribute) = object.split_once(':').unwrap_or((object, ""));
    let (name, module, attribute) = (name.trim(), module.trim(), attribute.trim());
    let dotted = |text: &str| text.split('.').all(super::modules::is_identifier);
    let named = !name.is_empty() && !name.contains(['/', '\\', '\0']) && name != "." && name != "..";
    let valid = named && dotted(module) && (attribute.is_empty() || dotted(attribute));
    valid.then(|| EntryPoint {
        name: name.to_owned(),
        module: module.to_owned(),
        attribute: attribute.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_there_if_something_is_in_it() {
        let has = |text| EntryPoints::has_group(text, "pytest11");
        assert!(has("[console_scripts]\na = b:c\n\n[ pytest11 ]\n# x\nsyrupy = syrupy\n"));
        assert!(!has("[pytest11]\n# a = b\n[other]\na = b\n"));
        assert!(!has("pytest11 = a\n"));
    }

    #[test]
    fn scripts_are_read() {
        let text = "# c\n[console_scripts]\nflask = flask.cli:main\nold=a.b : c.d [x, y]\n../evil = a:b\nbad = a b:c\n\
            [other]\nx = y:z\n[gui_scripts]\nwin = w\nold = g:h\n";
        let found = EntryPoints::parse(text);
        let shown = |name: &str| found.command(name).map(EntryPoint::object).unwrap_or_default();
        assert_eq!(shown("flask"), "flask.cli:main");
        assert_eq!(shown("old"), "a.b:c.d");
        assert_eq!(shown("win"), "w");
        assert_eq!((shown("x"), shown("../evil"), shown("bad")), Default::default());
        assert_eq!((found.console.len(), found.gui.len()), (2, 2));
    }
}

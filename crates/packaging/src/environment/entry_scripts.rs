//! The text of scripts that start the entry points of distributions. Knows no wheel.

use crate::wheel::EntryPoint;

/// The text behind the first line of a script that starts an entry point. In it `@MODULE@` stands for the module,
/// `@ATTRIBUTES@` for the tuple of names to follow in it, `@IMPORT@` for the first of these and `@CALL@` for all of
/// them with dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryScripts {
    /// For an object that is called.
    pub function: String,
    /// For a module that is run.
    pub module: String,
}

impl EntryScripts {
    pub(super) fn text(&self, entry: &EntryPoint) -> String {
        let names: Vec<&str> = entry.attribute.split('.').filter(|name| !name.is_empty()).collect();
        let template = if names.is_empty() { &self.module } else { &self.function };
        let tuple = match names.as_slice() {
            [one] => format!("('{one}',)"),
            several => {
                format!("({})", several.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
            }
        };
        template
            .replace("@MODULE@", &entry.module)
            .replace("@ATTRIBUTES@", &tuple)
            .replace("@IMPORT@", names.first().copied().unwrap_or_default())
            .replace("@CALL@", &entry.attribute)
    }
}

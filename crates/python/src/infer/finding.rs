//! Imports that lead nowhere, one finding for each cause. States facts; who prints them adds the form.

use std::collections::BTreeSet;

use graph::{Label, Place};
use serde::{Deserialize, Serialize};

/// Imports of one module that add no dependency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The module.
    pub module: String,
    /// What is the matter with it.
    pub problem: Problem,
    /// All its imports, by place.
    pub imports: Vec<ImportSite>,
}

/// Where a module is imported.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImportSite {
    /// Where.
    pub place: Place,
    /// The file, as a source of its target.
    pub file: Label,
}

/// Why imports of a module add no dependency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Problem {
    /// No target provides it.
    Unowned {
        /// What may help.
        hint: Hint,
        /// Modules with similar names.
        near: Vec<String>,
    },
    /// Several targets provide it.
    Ambiguous {
        /// These.
        owners: Vec<Label>,
    },
}

/// What is known of a module that no target provides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hint {
    /// The module of this name in the package of the import may be meant.
    Sibling(String),
    /// This file is the module, and a source of no target.
    Unlisted(String),
    /// A test has it.
    Test(Label),
    /// A target of another resolve has it.
    Elsewhere {
        /// The resolve of the import.
        resolve: String,
        /// The other.
        other: String,
        /// The target.
        owner: Label,
    },
    /// The lock has it, because something else needs it.
    Locked {
        /// The resolve.
        resolve: String,
        /// The project.
        project: String,
    },
    /// Its package is of this repository.
    Own,
    /// A file would be the module, if another folder were a source root.
    Misplaced {
        /// The file.
        path: String,
        /// The folder, as a pattern of roots.
        root: String,
    },
    /// These projects are known for it.
    Projects(Vec<String>),
    /// Its dots lead out of the source root.
    Outside,
    /// Nothing is.
    Nothing,
}

/// How many files are named beside the first.
const NAMED: usize = 2;

impl Finding {
    /// The finding for some of the files alone, if any of them has it.
    #[must_use]
    pub fn of(&self, is_asked: &dyn Fn(&Label) -> bool) -> Option<Finding> {
        let imports: Vec<ImportSite> =
            self.imports.iter().filter(|import| is_asked(&import.file)).cloned().collect();
        (!imports.is_empty()).then(|| Finding { imports, ..self.clone() })
    }

    /// Whether no target provides the module.
    pub fn is_unowned(&self) -> bool {
        matches!(self.problem, Problem::Unowned { .. })
    }

    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self.problem {
            Problem::Unowned { .. } => "python::unowned_import",
            Problem::Ambiguous { .. } => "python::ambiguous_import",
        }
    }

    /// What is the matter.
    pub fn message(&self) -> String {
        let module = &self.module;
        match &self.problem {
            Problem::Unowned { hint: Hint::Outside, .. } => {
                format!("the import of `{module}` leads out of its source root")
            }
            Problem::Unowned { hint: Hint::Elsewhere { resolve, .. }, .. } => {
                format!("no target of the resolve `{resolve}` provides the module `{module}`")
            }
            Problem::Unowned { .. } => format!("no target provides the module `{module}`"),
            Problem::Ambiguous { owners } => {
                let owners: Vec<String> = owners.iter().map(|owner| format!("`{owner}`")).collect();
                format!("the module `{module}` may be that of {}", owners.join(" or "))
            }
        }
    }

    /// What belongs to it.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match &self.problem {
            Problem::Unowned { hint: Hint::Elsewhere { other, owner, .. }, .. } => {
                notes.push(format!("`{owner}` provides it in the resolve `{other}`"));
            }
            Problem::Unowned { hint: Hint::Locked { resolve, project }, .. } => {
                notes.push(format!(
                    "the lock of `{resolve}` has it, from `{project}`, which no target asks for"
                ));
            }
            Problem::Unowned { hint: Hint::Unlisted(path), .. } => {
                notes.push(format!("`{path}` is a source of no target"));
            }
            Problem::Unowned { hint: Hint::Test(owner), .. } => {
                notes.push(format!("`{owner}` has it, and only tests can depend on a test"));
            }
            Problem::Unowned { hint: Hint::Misplaced { path, root }, .. } => {
                notes.push(format!("`{path}` would be it if `{root}` were a source root"));
            }
            Problem::Ambiguous { .. } => notes.push("the import adds no dependency".to_owned()),
            Problem::Unowned { .. } => {}
        }
        notes.extend(self.others());
        notes
    }

    /// The files beside the first.
    fn others(&self) -> Option<String> {
        let first = self.imports.first()?;
        let files: BTreeSet<&str> = (self.imports.iter().map(|import| &*import.place.file))
            .filter(|file| *file != &*first.place.file)
            .collect();
        let named: Vec<String> = files.iter().take(NAMED).map(|file| format!("`{file}`")).collect();
        match files.len().checked_sub(NAMED) {
            None if files.is_empty() => None,
            None | Some(0) => Some(format!("also imported by {}", named.join(" and "))),
            Some(more) => {
                let noun = if more == 1 { "file" } else { "files" };
                Some(format!("also imported by {} and {more} more {noun}", named.join(", ")))
            }
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        let near = |names: &[String]| -> String {
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
        };
        match &self.problem {
            Problem::Ambiguous { .. } => {
                let target = self.imports.first().map(|import| import.file.whole().to_string());
                format!(
                    "name the one that is meant in the `dependencies` of `{}`",
                    target.unwrap_or_default()
                )
            }
            Problem::Unowned { hint, near: names } => match hint {
                Hint::Sibling(module) => format!("did you mean `{module}`?"),
                Hint::Unlisted(_) => "name it in the `sources` of a python_library".to_owned(),
                Hint::Test(_) => "move what both need into a python_library".to_owned(),
                Hint::Elsewhere { resolve, .. } => {
                    format!(
                        "provide it in `{resolve}` too, or give the target that imports it another `resolve`"
                    )
                }
                Hint::Locked { project, .. } => format!("add `{project}` to the requirements"),
                Hint::Projects(projects) => format!("add {} to the requirements", near(projects)),
                Hint::Outside => {
                    "is the source root right? `[source] root_patterns` names all of them".to_owned()
                }
                Hint::Misplaced { root, .. } => format!("add `{root}` to `[source] root_patterns`"),
                Hint::Nothing | Hint::Own if !names.is_empty() => format!("did you mean {}?", near(names)),
                Hint::Own => {
                    "name its file in the `sources` of a target, or end the line with `# pants: no-infer-dep`"
                        .to_owned()
                }
                Hint::Nothing => {
                    "add the requirement that provides it, or end the line with `# pants: no-infer-dep`"
                        .to_owned()
                }
            },
        }
    }
}

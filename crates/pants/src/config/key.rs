//! What a key of `pants.toml` is, and the names of the options and variables that set it. Knows no key.

/// What stands for a name that the user chooses, at the end of a section.
const NAME: &str = ".NAME";

/// The section as keys have it, by that of a file: each tool has one.
pub(super) fn declared(section: &str) -> &str {
    match section.strip_prefix("tools.") {
        Some(name) if !name.contains('.') => "tools.NAME",
        _ => section,
    }
}

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Flag,
    Number,
    Texts,
    /// Package indexes.
    Indexes,
    /// Folders and pages of files.
    FindLinks,
    /// When there are colours.
    Color,
}

impl Kind {
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Kind::Text => "a string",
            Kind::Flag => "true or false",
            Kind::Number => "a number from 1 on",
            Kind::Texts => "a list of strings",
            Kind::Indexes | Kind::FindLinks => {
                "a list of addresses, or of tables with `name`, `url` and `packages`"
            }
            Kind::Color => "`auto`, `always` or `never`",
        }
    }
}

/// A key, or all keys of a section whose names are the user's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) section: &'static str,
    /// None where the user chooses the names in this section.
    pub(crate) name: Option<&'static str>,
    pub(crate) kind: Kind,
    /// What holds where it is not given.
    pub(crate) default: &'static str,
    pub(crate) doc: &'static str,
}

pub(super) const fn key(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Key {
    Key { section, name: Some(name), kind, default, doc }
}

impl Key {
    /// What it takes, as a whole.
    pub(super) fn expected(&self) -> &'static str {
        match (self.name, self.kind) {
            (None, Kind::Text) => "a dictionary of strings",
            (None, _) => "a dictionary of lists of strings",
            (Some(_), kind) => kind.expected(),
        }
    }

    /// The option of the command line that sets it: none where the goals have one of their own, or where the user chooses
    /// the section.
    pub(super) fn option(&self) -> Option<String> {
        if self.section.ends_with(NAME) {
            return None;
        }
        let option = self.joined("-").to_lowercase();
        (!OWN_OPTIONS.contains(&option.as_str())).then_some(option)
    }

    /// The variables that set it, of which the first that is set counts; those that options of the goals have of their
    /// own are not among them.
    pub(super) fn variables(&self) -> Vec<String> {
        let global = self.name.filter(|_| self.section == "GLOBAL").map(str::to_uppercase);
        let own =
            self.option().map(|_| format!("PANTS_{}", self.joined("_").to_uppercase().replace('-', "_")));
        let explicit = global.as_ref().map(|name| format!("PANTS_GLOBAL_{name}"));
        let bare = global.filter(|name| name.starts_with("PANTS_"));
        [explicit, own, bare].into_iter().flatten().collect()
    }

    /// The section and the name, without those of what belongs to no section.
    fn joined(&self, with: &str) -> String {
        let words = [Some(self.section).filter(|section| *section != "GLOBAL"), self.name];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        words.join(with).replace(['.', '_'], with)
    }
}

/// The options of all goals that set keys.
const OWN_OPTIONS: [&str; 5] = ["jobs", "offline", "color", "strict", "cache-dir"];

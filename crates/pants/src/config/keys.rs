//! Every key of `pants.toml` as data: what it is called, what it takes, what it means. Reads nothing.

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Flag,
    Number,
    Texts,
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

const fn key(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Key {
    Key { section, name: Some(name), kind, default, doc }
}

/// All keys, by section.
pub(crate) const KEYS: &[Key] = &[
    key(
        "GLOBAL",
        "pants_ignore",
        Kind::Texts,
        "[]",
        "Files and folders that do not exist for pants, as in a .gitignore; .gitignore is honoured anyway.",
    ),
    key("GLOBAL", "jobs", Kind::Number, "the number of processors", "How many things to do at once: --jobs."),
    key("GLOBAL", "offline", Kind::Flag, "false", "Never ask the network: --offline."),
    key("GLOBAL", "color", Kind::Color, "\"auto\"", "Whether messages have colours."),
    key(
        "source",
        "root_patterns",
        Kind::Texts,
        "[\"/\", \"src\", \"src/python\", \"src/py\"]",
        "Folders that imports start from: `src` is any folder of that name, `/src` the one at the root, \
         `/src/*` every folder in it. The longest match wins.",
    ),
    key(
        "python",
        "interpreter_constraints",
        Kind::Texts,
        "[]",
        "The Pythons that the code is for, such as [\"CPython>=3.9,<3.14\"]; any one of several suffices.",
    ),
    key(
        "python",
        "interpreters",
        Kind::Texts,
        "what the lock records",
        "What binaries are built for unless they say otherwise, such as [\"3.11\"].",
    ),
    key(
        "python",
        "platforms",
        Kind::Texts,
        "[\"current\"]",
        "What binaries are built for unless they say otherwise: current, linux-x86_64, linux-aarch64, \
         linux-x86_64-musl, linux-aarch64-musl, macos-arm64, macos-x86_64.",
    ),
    key(
        "python",
        "default_resolve",
        Kind::Text,
        "the only resolve, else \"python-default\", else \"default\"",
        "The resolve of targets that name none.",
    ),
    key(
        "python",
        "interpreter_search_paths",
        Kind::Texts,
        "[\"<PATH>\", \"<PYENV>\"]",
        "Where interpreters are looked for: folders, executables, <PATH> and <PYENV>.",
    ),
    Key {
        section: "python.resolves",
        name: None,
        kind: Kind::Text,
        default: "default = \"pants.lock\"",
        doc: "The lock file of each resolve, relative to the root.",
    },
    Key {
        section: "python.resolves_to_interpreter_constraints",
        name: None,
        kind: Kind::Texts,
        default: "[python] interpreter_constraints",
        doc: "The Pythons that a resolve is for.",
    },
    Key {
        section: "python.indexes",
        name: None,
        kind: Kind::Text,
        default: "what the machine's pip or uv is configured to use",
        doc: "The URL of the package index `default`. Without it, UV_DEFAULT_INDEX, PIP_INDEX_URL and the \
              configuration of uv and pip say which.",
    },
    key("cache", "dir", Kind::Text, "\"$XDG_CACHE_HOME/pants\"", "Where the cache is: --cache-dir."),
];

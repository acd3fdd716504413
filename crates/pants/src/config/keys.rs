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
        section: "python.resolves_to_build_constraints",
        name: None,
        kind: Kind::Texts,
        default: "{}",
        doc: "Versions of what the source distributions of a resolve are built with, such as [\"setuptools<58\"].",
    },
    Key {
        section: "python.build_requirements",
        name: None,
        kind: Kind::Texts,
        default: "{}",
        doc: "What the source distribution of a project needs to be built beside what it says itself, such as \
              numpy = [\"cython<3\"].",
    },
    Key {
        section: "python.indexes",
        name: None,
        kind: Kind::Text,
        default: "what the machine's pip or uv is configured to use",
        doc: "The URL of the package index `default`. Without it, UV_DEFAULT_INDEX, PIP_INDEX_URL and the \
              configuration of uv and pip say which.",
    },
    Key {
        section: "python.publish_urls",
        name: None,
        kind: Kind::Text,
        default: "{}",
        doc: "Where `pants publish` uploads distributions for an index: a URL for each, by the name of the index.",
    },
    key(
        "cache",
        "budget",
        Kind::Text,
        "a tenth of the disk space that is free without the cache",
        "How much the cache may take, such as \"20 GB\"; what was used least lately is removed.",
    ),
    key(
        "python-infer",
        "imports",
        Kind::Flag,
        "true",
        "Whether the imports of Python files are dependencies. Without it nothing is inferred, and a dependency on one \
         file of a library is one on all of them.",
    ),
    key(
        "python-infer",
        "string_imports",
        Kind::Flag,
        "false",
        "Whether strings that name modules are dependencies too, as in the settings of Django.",
    ),
    key(
        "python-infer",
        "string_imports_min_dots",
        Kind::Number,
        "2",
        "How many dots such a string has at least.",
    ),
    key(
        "python-infer",
        "assets",
        Kind::Flag,
        "false",
        "Whether strings that name files are dependencies: on `resources` by the path from the folder of the module, on \
         `files` by that from the root.",
    ),
    key(
        "python-infer",
        "assets_min_slashes",
        Kind::Number,
        "1",
        "How many slashes such a string has at least.",
    ),
    key(
        "python-infer",
        "init_files",
        Kind::Text,
        "\"always\"",
        "Which __init__.py of the packages above a file it depends on: always, content_only (those that are not empty) \
         or never.",
    ),
    key(
        "python-infer",
        "conftests",
        Kind::Flag,
        "true",
        "Whether tests depend on the conftest.py of their folder and of those above.",
    ),
    key(
        "python-infer",
        "unowned_dependency_behavior",
        Kind::Text,
        "\"warning\"",
        "What is done about an import that no target provides: ignore, warning or error.",
    ),
    key(
        "python-infer",
        "ambiguity_resolution",
        Kind::Text,
        "\"nearest\"",
        "Which of several owners of a module is meant: nearest (the one in the same source root, else the one in the \
         nearest folder), by_source_root or none. What a target declares goes first.",
    ),
    key(
        "sandbox",
        "level",
        Kind::Text,
        "\"full\"",
        "How far programs that a build runs are kept from what they did not declare: full (file system, network and \
         processes of their own), landlock (the kernel refuses the rest) or off: --sandbox.",
    ),
    key("cache", "dir", Kind::Text, "\"$XDG_CACHE_HOME/pants\"", "Where the cache is: --cache-dir."),
];

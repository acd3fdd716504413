//! Every key of `pants.toml` as data: what it is called, what it takes, what it means. Reads nothing.

use super::key::key;
pub(crate) use super::key::{Key, Kind};
use super::running_keys;

/// All keys, by section.
pub(crate) const KEYS: &[Key] = &running_keys::after(SECTIONS);

/// Those of all sections but those that say how programs run.
pub(super) const SECTIONS: &[Key] = &[
    key(
        "GLOBAL",
        "pants_ignore",
        Kind::Texts,
        "[]",
        "Files and folders that do not exist for pants, as in a .gitignore; .gitignore is honoured anyway.",
    ),
    key(
        "GLOBAL",
        "build_file_prelude_globs",
        Kind::Texts,
        "[]",
        "Files whose definitions all BUILD files see, relative to the root, such as [\"build-support/macros.py\"]; `!` \
         in front excludes.",
    ),
    key(
        "GLOBAL",
        "unmatched_build_file_globs",
        Kind::Text,
        "\"error\"",
        "What is done about sources that a BUILD file names and that are not there: error, warn or ignore.",
    ),
    key(
        "GLOBAL",
        "strict",
        Kind::Flag,
        "false",
        "Whether what pants does not know but may be right is an error and not a warning: --strict.",
    ),
    key(
        "GLOBAL",
        "pants_config_files",
        Kind::Texts,
        "[\"pants.toml\"]",
        "The files of this kind, of which the later win; for the variable PANTS_CONFIG_FILES and the option alone. A name \
         without brackets is one more.",
    ),
    key(
        "GLOBAL",
        "pantsrc",
        Kind::Flag,
        "true",
        "Whether the files of `pantsrc_files` are read; for the variable PANTS_PANTSRC and the option alone.",
    ),
    key(
        "GLOBAL",
        "pantsrc_files",
        Kind::Texts,
        "[\"/etc/pantsrc\", \"~/.pants.rc\", \".pants.rc\"]",
        "Files of the same form that win over the others, where they are there; for the variable PANTS_PANTSRC_FILES and \
         the option alone.",
    ),
    key("GLOBAL", "jobs", Kind::Number, "the number of processors", "How many things to do at once: --jobs."),
    key(
        "GLOBAL",
        "build_patterns",
        Kind::Texts,
        "[\"BUILD\", \"BUILD.pants\"]",
        "The names of BUILD files, as patterns; a `!` in front takes names away. A directory has one BUILD file.",
    ),
    key(
        "GLOBAL",
        "build_ignore",
        Kind::Texts,
        "[]",
        "BUILD files and folders of them that are not read, as in a .gitignore; their other files are there all the same.",
    ),
    key(
        "GLOBAL",
        "level",
        Kind::Text,
        "\"info\"",
        "How much is said: error and warn as with --quiet, info, debug and trace as with --verbose.",
    ),
    key(
        "GLOBAL",
        "colors",
        Kind::Flag,
        "whether they go to a terminal",
        "Whether messages have colours; `color` goes first.",
    ),
    key(
        "GLOBAL",
        "dynamic_ui",
        Kind::Flag,
        "true",
        "Whether a terminal shows a live line of what is going on.",
    ),
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
        "requires-python of the pyproject.toml at the root",
        "The Pythons that the code is for, such as [\"CPython>=3.9,<3.14\"]; any one of several suffices.",
    ),
    key(
        "python",
        "enable_resolves",
        Kind::Flag,
        "true where resolves are given",
        "Whether there may be several resolves. With false only the default one counts; with true and without resolves \
         there is one, `python-default`, in 3rdparty/python/default.lock.",
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
        "Where interpreters are looked for: folders, executables, <PATH> and <PYENV>. `[python-bootstrap] search_path` \
         is the same.",
    ),
    Key {
        section: "python.resolves",
        name: None,
        kind: Kind::Text,
        default: "default = \"pants.lock\"",
        doc: "The lock file of each resolve, relative to the root: ours, uv.lock, pylock.toml, a lock of Pants 2, or a \
              requirements.txt. Without pants.lock, uv.lock and pylock.toml at the root are found by themselves.",
    },
    Key {
        section: "python.resolves_to_interpreter_constraints",
        name: None,
        kind: Kind::Texts,
        default: "[python] interpreter_constraints",
        doc: "The Pythons that a resolve is for.",
    },
    Key {
        section: "python.resolves_to_constraints_file",
        name: None,
        kind: Kind::Text,
        default: "{}",
        doc: "A file of constraints for a resolve, in the form of a requirements.txt: versions that what is locked has to \
              have, whoever needs it.",
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
        section: "python.resolves_to_indexes",
        name: None,
        kind: Kind::Texts,
        default: "all",
        doc: "The names of the indexes that a resolve uses, in the order in which they are asked; where several claim a \
              package with `packages`, the one that is here.",
    },
    key(
        "python-repos",
        "indexes",
        Kind::Indexes,
        "what the machine's pip or uv is configured to use",
        "The package indexes, in the order in which they are asked. An address alone is the index `default`, which is asked \
         last; without it, UV_DEFAULT_INDEX, PIP_INDEX_URL and the configuration of uv and pip say which that is. An \
         index with `packages`, such as [\"torch\", \"corp-*\"], serves these alone, and these come from nowhere else.",
    ),
    key(
        "python-repos",
        "find_links",
        Kind::FindLinks,
        "[]",
        "Folders of wheels and source distributions, relative to the root, and pages that link to them. They are asked \
         before the indexes.",
    ),
    key(
        "python-repos",
        "ca_certs",
        Kind::Text,
        "PIP_CERT, REQUESTS_CA_BUNDLE, SSL_CERT_FILE, pip's `cert`, or else the system's",
        "A file of certificates in PEM form, relative to the root: the only ones that connections to indexes trust.",
    ),
    key(
        "python-repos",
        "keyring_provider",
        Kind::Text,
        "what pip or uv is configured to use, or else \"disabled\"",
        "Where passwords come from that nothing else gives: disabled, or subprocess, which asks the command `keyring`.",
    ),
    Key {
        section: "cli.alias",
        name: None,
        kind: Kind::Text,
        default: "{}",
        doc: "Words of the command line that stand for others, such as all-changed = \"--changed-since=HEAD\".",
    },
    key(
        "visibility",
        "enforce",
        Kind::Flag,
        "true",
        "Whether dependencies that `visibility` or a rule of a BUILD file is against are told.",
    ),
    key(
        "visibility",
        "severity",
        Kind::Text,
        "\"error\"",
        "What is done about them: ignore, warning, or error, for which what is built with them fails.",
    ),
    key("cache", "dir", Kind::Text, "\"$XDG_CACHE_HOME/pants\"", "Where the cache is: --cache-dir."),
    key(
        "licences",
        "allow",
        Kind::Texts,
        "all",
        "The only licences that distributions may have: SPDX identifiers or names, such as [\"MIT\", \"BSD-*\"]; unknown is \
         what says nothing. Checked by each build, and by `pants sbom --check`.",
    ),
    key(
        "licences",
        "deny",
        Kind::Texts,
        "[]",
        "Licences that distributions may not have, such as [\"AGPL-*\"].",
    ),
    Key {
        section: "licences.exceptions",
        name: None,
        kind: Kind::Texts,
        default: "{}",
        doc: "What a distribution may have besides, such as certifi = [\"MPL-2.0\"].",
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
        "ambiguous_dependency_behavior",
        Kind::Text,
        "\"warning\"",
        "What is done about an import that several targets provide, none of them the nearest: ignore, warning or error.",
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
        "tailor",
        "ignore_paths",
        Kind::Texts,
        "[]",
        "Files that `pants tailor` writes no targets for, such as [\"examples/**\"].",
    ),
    key(
        "tailor",
        "ignore_adding_targets",
        Kind::Texts,
        "[]",
        "Targets that `pants tailor` does not add, such as [\"//docs:conf\"].",
    ),
    key(
        "tailor",
        "build_file_name",
        Kind::Text,
        "\"BUILD\"",
        "What a BUILD file that `pants tailor` creates is called: BUILD or BUILD.pants.",
    ),
    key(
        "lint",
        "tools",
        Kind::Texts,
        "those that a lock was asked for",
        "The tools of `pants lint`, such as [\"ruff\", \"flake8\"].",
    ),
    key(
        "fmt",
        "tools",
        Kind::Texts,
        "those that a lock was asked for, of ruff-format and black the latter",
        "The tools of `pants fmt`, in the order in which they rewrite files, such as [\"isort\", \"black\"].",
    ),
    key(
        "check",
        "tools",
        Kind::Texts,
        "those that a lock was asked for",
        "The tools of `pants check`, such as [\"mypy\"].",
    ),
    key(
        "tools.NAME",
        "resolve",
        Kind::Text,
        "a resolve of the name of the tool, `tools`, or else that of the files",
        "The resolve that has a tool.",
    ),
    key("tools.NAME", "args", Kind::Texts, "[]", "More arguments of a tool."),
    key(
        "tools.NAME",
        "goal",
        Kind::Text,
        "what is known",
        "What a tool of one's own is for: lint, fmt or check. All that follows is known of the tools that pants has.",
    ),
    key(
        "tools.NAME",
        "packages",
        Kind::Texts,
        "[\"NAME\"]",
        "The project that has the tool, and patterns of others that come along where the lock was asked for them: \
         plugins, such as \"flake8-*\".",
    ),
    key("tools.NAME", "module", Kind::Text, "NAME", "The module that is run, as `python -m` does."),
    key(
        "tools.NAME",
        "check_args",
        Kind::Texts,
        "[]",
        "The arguments in front of the files with which the tool tells what is wrong. With `imports`, {python}, {version} \
         and {packages} stand for the Python of what is imported, {roots} for the source roots.",
    ),
    key(
        "tools.NAME",
        "rewrite_args",
        Kind::Texts,
        "[]",
        "The arguments in front of the files with which the tool rewrites them. With it, a tool of `lint` is one of `fix`.",
    ),
    key(
        "tools.NAME",
        "config",
        Kind::Texts,
        "[]",
        "The names of the files that configure the tool, in the folder of the files or one above.",
    ),
    key(
        "tools.NAME",
        "config_option",
        Kind::Text,
        "none: it finds them itself",
        "The option that takes the nearest of them, such as \"--config\".",
    ),
    key(
        "tools.NAME",
        "output",
        Kind::Text,
        "\"text\"",
        "The form of what the tool says: text (path:line:column: code message), mypy, ruff, pyright or bandit.",
    ),
    key(
        "tools.NAME",
        "exit_codes",
        Kind::Texts,
        "[\"1\"]",
        "The exit codes with which the tool ends where something is wrong with the files and not with it.",
    ),
    key(
        "tools.NAME",
        "imports",
        Kind::Flag,
        "true of `check`",
        "Whether the tool has to import what the files import.",
    ),
    key(
        "tools.NAME",
        "roots_variable",
        Kind::Text,
        "none",
        "The variable that takes the source roots, of a tool with `imports`, such as \"MYPYPATH\".",
    ),
];

/// Keys that say which files are read, and so cannot be in one.
pub(super) const OUTSIDE: [&str; 3] = ["pants_config_files", "pantsrc", "pantsrc_files"];

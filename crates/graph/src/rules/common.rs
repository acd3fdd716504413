//! The fields that many rules have.

use crate::schema::{FieldDefault, FieldKind, FieldSchema};

pub(super) const NAME: FieldSchema = FieldSchema {
    name: "name",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("the directory's name"),
    doc: "The name of the target, unique in its directory. A target named like its directory is what the directory's \
          own label means: `//svc` is `//svc:svc`. Targets of the root directory have to be named.",
    example: "\"app\"",
};

pub(super) const DEPENDENCIES: FieldSchema = FieldSchema {
    name: "dependencies",
    aliases: &["deps"],
    kind: FieldKind::Labels,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "The targets that this one needs, beside those that its imports tell. `:lib` is in the same file, `//lib` is `//lib:lib`, \
          `//3rdparty:reqs#flask` is what a target generates, and without `//` a label is relative to the root. `!` in front \
          takes away what an import or a wider label brings; `!!`, in a binary, a test or a distribution, takes it out of all \
          that the target reaches.",
    example: "[\":lib\", \"//3rdparty:reqs#flask\", \"!//lib/old.py\"]",
};

pub(super) const REMOTE: FieldSchema = FieldSchema {
    name: "remote",
    aliases: &[],
    kind: FieldKind::Bool,
    required: false,
    default: FieldDefault::Said("what `[remote] exec` says"),
    doc: "Whether it runs on the workers of the server that `[remote]` names, if there is one, or on this machine.",
    example: "False",
};

pub(super) const SKIP_TOOLS: FieldSchema = FieldSchema {
    name: crate::schema::SKIP_TOOLS,
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "Linters, formatters and checkers of types that leave the files alone. `skip_black = True`, and the like, of Pants is the same.",
    example: "[\"black\", \"mypy\"]",
};

pub(super) const TAGS: FieldSchema = FieldSchema {
    name: "tags",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "Words of your own, by which `--tag` selects targets.",
    example: "[\"slow\"]",
};

pub(super) const DESCRIPTION: FieldSchema = FieldSchema {
    name: "description",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::None,
    doc: "A sentence about the target.",
    example: "\"The service that takes orders\"",
};

pub(super) const VISIBILITY: FieldSchema = FieldSchema {
    name: "visibility",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::List(&["//visibility:public"]),
    doc: "Who may depend on the target, beside the targets of the same directory: `//svc:__pkg__` are those of a \
          directory, `//svc/...` (or `//svc:__subpackages__`, `//svc/**`) also those below it, `//svc:app` is one target, \
          `//visibility:public` everyone, `//visibility:private` nobody else. Imports count as dependencies.",
    example: "[\"//svc/...\"]",
};

pub(super) const RESOLVE: FieldSchema = FieldSchema {
    name: "resolve",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("`[python] default_resolve`"),
    doc: "The resolve whose lock file gives the third-party distributions, one of `[python.resolves]`. \
          A library that names none serves in all.",
    example: "\"default\"",
};

pub(super) const INTERPRETER_CONSTRAINTS: FieldSchema = FieldSchema {
    name: "interpreter_constraints",
    aliases: &["compatibility"],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::Said("those of the program's resolve"),
    doc: "The interpreters that it works with. Each string is a constraint, one of which has to be met; a comma inside of \
          one means that all its parts have to be met. A program meets those of all that it reaches.",
    example: "[\"CPython>=3.9,<3.14\"]",
};

pub(super) const OUTPUT_PATH: FieldSchema = FieldSchema {
    name: "output_path",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("the directory and the name, below `dist/`"),
    doc: "Where the result is put, relative to `dist/`.",
    example: "\"bin/app.pex\"",
};

pub(super) const SOURCE: FieldSchema = FieldSchema {
    name: "source",
    aliases: &[],
    kind: FieldKind::File,
    required: false,
    default: FieldDefault::None,
    doc: "One file, in place of `sources`.",
    example: "\"app.py\"",
};

pub(super) const OVERRIDES: FieldSchema = FieldSchema {
    name: "overrides",
    aliases: &[],
    kind: FieldKind::Overrides,
    required: false,
    default: FieldDefault::None,
    doc: "Fields of single files, by a file, a pattern or a tuple of them. `dependencies` of a file take the place of the \
          target's. What decides how the whole target is built, such as `resolve`, takes a target of its own.",
    example: "{\"cli.py\": {\"dependencies\": [\":data\"]}}",
};

/// A field for the sources of a rule, with the rule's own default and words.
pub(super) const fn sources(default: &'static [&'static str], doc: &'static str) -> FieldSchema {
    FieldSchema {
        name: "sources",
        aliases: &["srcs"],
        kind: FieldKind::Sources,
        required: default.is_empty(),
        default: if default.is_empty() { FieldDefault::None } else { FieldDefault::List(default) },
        doc,
        example: "[\"*.py\", \"!legacy.py\"]",
    }
}

//! `resources`, `files`, `alias`, `target` and `page`: data in a package, data at its path, names of others.

use super::common::{DEPENDENCIES, DESCRIPTION, NAME, OVERRIDES, SOURCE, TAGS, VISIBILITY, sources};
use crate::schema::{FieldDefault, FieldKind, FieldSchema, Role, RuleSchema};

pub(super) const RESOURCES: RuleSchema = RuleSchema {
    name: "resources",
    aliases: &["resource"],
    summary: "data that lies beside the code in its package",
    doc: "The files go where modules go, without the source root, so that code reads them with `importlib.resources`.",
    role: Role::Code,
    file_nodes: true,
    fields: &[
        NAME,
        sources(&[], "The files, as patterns below the directory of the BUILD file."),
        SOURCE,
        OVERRIDES,
        DEPENDENCIES,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: &["skip_…"],
};

pub(super) const FILES: RuleSchema = RuleSchema {
    name: "files",
    aliases: &["file"],
    summary: "data that keeps its path",
    doc: "The files keep the path that they have below the root, so that code opens them by it.",
    role: Role::Code,
    file_nodes: true,
    fields: &[
        NAME,
        sources(&[], "The files, as patterns below the directory of the BUILD file."),
        SOURCE,
        OVERRIDES,
        DEPENDENCIES,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: &["skip_…"],
};

pub(super) const ALIAS: RuleSchema = RuleSchema {
    name: "alias",
    aliases: &[],
    summary: "a second name of a target",
    doc: "A dependency on it is one on the target that it names, and a goal that is given it takes that target.",
    role: Role::Alias,
    file_nodes: false,
    fields: &[NAME, ACTUAL, TAGS, DESCRIPTION, VISIBILITY],
    ignored: &[],
};

pub(super) const TARGET: RuleSchema = RuleSchema {
    name: "target",
    aliases: &[],
    summary: "a group of any targets",
    doc: "A dependency on it is one on all that it depends on.",
    role: Role::Group,
    file_nodes: false,
    fields: &[NAME, DEPENDENCIES, TAGS, DESCRIPTION, VISIBILITY],
    ignored: &[],
};

pub(super) const PAGE: RuleSchema = RuleSchema {
    name: "page",
    aliases: &[],
    summary: "a page of documentation of Pants 1",
    doc: "It owns its file. No goal makes anything of it.",
    role: Role::Code,
    file_nodes: true,
    fields: &[NAME, SOURCE, DEPENDENCIES, TAGS, DESCRIPTION, VISIBILITY],
    ignored: &["format", "links", "provides"],
};

const ACTUAL: FieldSchema = FieldSchema {
    name: "actual",
    aliases: &["target"],
    kind: FieldKind::Label,
    required: true,
    default: FieldDefault::None,
    doc: "The target that is meant.",
    example: "\"//svc:app\"",
};

//! `resources`, `files` and `alias`: data in a package, data at its path, a second name.

use super::common::{DEPENDENCIES, DESCRIPTION, NAME, TAGS, VISIBILITY, sources};
use crate::schema::{FieldDefault, FieldKind, FieldSchema, Role, RuleSchema};

pub(super) const RESOURCES: RuleSchema = RuleSchema {
    name: "resources",
    aliases: &[],
    summary: "data that lies beside the code in its package",
    doc: "The files go where modules go, without the source root, so that code reads them with `importlib.resources`.",
    role: Role::Code,
    file_nodes: true,
    fields: &[
        NAME,
        sources(&[], "The files, as patterns below the directory of the BUILD file."),
        DEPENDENCIES,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
};

pub(super) const FILES: RuleSchema = RuleSchema {
    name: "files",
    aliases: &[],
    summary: "data that keeps its path",
    doc: "The files keep the path that they have below the root, so that code opens them by it.",
    role: Role::Code,
    file_nodes: true,
    fields: &[
        NAME,
        sources(&[], "The files, as patterns below the directory of the BUILD file."),
        DEPENDENCIES,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
};

pub(super) const ALIAS: RuleSchema = RuleSchema {
    name: "alias",
    aliases: &[],
    summary: "a second name of a target",
    doc: "A dependency on it is one on the target that it names, and a goal that is given it takes that target.",
    role: Role::Alias,
    file_nodes: false,
    fields: &[NAME, ACTUAL, TAGS, DESCRIPTION, VISIBILITY],
};

const ACTUAL: FieldSchema = FieldSchema {
    name: "actual",
    aliases: &[],
    kind: FieldKind::Label,
    required: true,
    default: FieldDefault::None,
    doc: "The target that is meant.",
    example: "\"//svc:app\"",
};

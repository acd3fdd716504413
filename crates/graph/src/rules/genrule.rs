//! `genrule`: any tool as a cached step.

use super::common::{DEPENDENCIES, DESCRIPTION, NAME, TAGS, VISIBILITY};
use crate::schema::{FieldDefault, FieldKind, FieldSchema, Role, RuleSchema};

pub(super) const GENRULE: RuleSchema = RuleSchema {
    name: "genrule",
    aliases: &[],
    summary: "any tool as a cached step",
    doc: "Runs a command over the sources and what the dependencies make. The files that it declares are its result, \
          and own the modules that they are. No goal runs it yet.",
    role: Role::Step,
    file_nodes: false,
    fields: &[NAME, SOURCES, OUTPUTS, COMMAND, ENV, TIMEOUT, DEPENDENCIES, TAGS, DESCRIPTION, VISIBILITY],
    ignored: &[],
};

const SOURCES: FieldSchema = FieldSchema {
    name: "sources",
    aliases: &["srcs"],
    kind: FieldKind::Sources,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "The files that the command reads, as patterns below the directory of the BUILD file.",
    example: "[\"*.proto\"]",
};

const OUTPUTS: FieldSchema = FieldSchema {
    name: "outputs",
    aliases: &["outs"],
    kind: FieldKind::StrList,
    required: true,
    default: FieldDefault::None,
    doc: "The files that the command makes, below the directory of the BUILD file.",
    example: "[\"orders_pb2.py\"]",
};

const COMMAND: FieldSchema = FieldSchema {
    name: "command",
    aliases: &["cmd"],
    kind: FieldKind::Str,
    required: true,
    default: FieldDefault::None,
    doc: "The command, for `/bin/sh`, started in the directory of the BUILD file.",
    example: "\"protoc --python_out=. *.proto\"",
};

const ENV: FieldSchema = FieldSchema {
    name: "env",
    aliases: &[],
    kind: FieldKind::StrDict,
    required: false,
    default: FieldDefault::None,
    doc: "Environment variables of the command, which has no others.",
    example: "{\"LC_ALL\": \"C\"}",
};

const TIMEOUT: FieldSchema = FieldSchema {
    name: "timeout",
    aliases: &[],
    kind: FieldKind::Int,
    required: false,
    default: FieldDefault::None,
    doc: "After how many seconds the command is ended, as a failure.",
    example: "60",
};

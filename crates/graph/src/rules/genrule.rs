//! `genrule`: any tool as a cached step.

use super::common::{
    DEPENDENCIES, DESCRIPTION, INTERPRETER_CONSTRAINTS, NAME, REMOTE, RESOLVE, TAGS, VISIBILITY,
};
use crate::schema::{FieldDefault, FieldKind, FieldSchema, Role, RuleSchema};

pub(super) const GENRULE: RuleSchema = RuleSchema {
    name: "genrule",
    aliases: &[],
    summary: "any tool as a cached step",
    doc: "Runs a command, in a sandbox, over its sources and what its dependencies and tools are. The files that it declares \
          are its result: whoever depends on it, or imports the modules that they are, has them at their paths, as if they \
          were in the repository. They are made before anything that needs them is built, tested or checked, and remembered.",
    role: Role::Step,
    file_nodes: false,
    fields: &[
        NAME,
        SOURCES,
        OUTPUTS,
        COMMAND,
        TOOLS,
        ENV,
        TIMEOUT,
        REMOTE,
        DEPENDENCIES,
        RESOLVE,
        INTERPRETER_CONSTRAINTS,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
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
    doc: "The command, for `/bin/sh -e`, started in the directory of the BUILD file. `$SRCS` are its sources and `$OUTS` what \
          it makes. On `PATH` are the programs among the `tools`, by the names of their targets, the scripts of the \
          distributions that it reaches, where any of this is Python `python` with these, and the programs of the \
          system, which no key knows.",
    example: "\"python -m grpc_tools.protoc -I. --python_out=. *.proto\"",
};

const TOOLS: FieldSchema = FieldSchema {
    name: "tools",
    aliases: &[],
    kind: FieldKind::Labels,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "What the command needs beside its sources, and what needs its files does not: programs of the repository, \
          requirements, files, other steps. What the files need that it makes is among the `dependencies`.",
    example: "[\"//3rdparty:reqs#grpcio-tools\"]",
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

//! `python_distribution` and `python_image`: packages of our own code.

use super::common::{
    DEPENDENCIES, DESCRIPTION, INTERPRETER_CONSTRAINTS, NAME, OUTPUT_PATH, RESOLVE, TAGS, VISIBILITY,
};
use crate::schema::{FieldDefault, FieldKind, FieldSchema, Role, RuleSchema};

pub(super) const PYTHON_DISTRIBUTION: RuleSchema = RuleSchema {
    name: "python_distribution",
    aliases: &[],
    summary: "a wheel and a source distribution of own libraries",
    doc: "It is made of the libraries that the target depends on; what they need of third parties becomes its \
          requirements. No goal builds it yet.",
    role: Role::Package,
    file_nodes: false,
    fields: &[
        NAME,
        DEPENDENCIES,
        PROVIDES,
        ENTRY_POINTS,
        WHEEL,
        SDIST,
        INTERPRETER_CONSTRAINTS,
        RESOLVE,
        OUTPUT_PATH,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: &[
        "build_backend_env_vars",
        "env_vars",
        "generate_setup",
        "long_description_path",
        "repositories",
        "sdist_config_settings",
        "skip_…",
        "uses_mypyc",
        "wheel_config_settings",
    ],
};

pub(super) const PYTHON_IMAGE: RuleSchema = RuleSchema {
    name: "python_image",
    aliases: &[],
    summary: "a container image of a binary",
    doc: "An OCI image with the files of the binary's virtual environment in layers, those of third parties below \
          one's own. No goal builds it yet.",
    role: Role::Package,
    file_nodes: false,
    fields: &[
        NAME,
        BINARY,
        BASE,
        IMAGE_ENV,
        REPOSITORY,
        IMAGE_TAGS,
        DEPENDENCIES,
        OUTPUT_PATH,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: &[],
};

const PROVIDES: FieldSchema = FieldSchema {
    name: "provides",
    aliases: &[],
    kind: FieldKind::Dict,
    required: true,
    default: FieldDefault::None,
    doc: "The metadata of the distribution, `name` and `version` at least; also as `python_artifact(name = …)` or \
          `setup_py(name = …)`.",
    example: "{\"name\": \"acme-orders\", \"version\": \"1.2.0\"}",
};

const ENTRY_POINTS: FieldSchema = FieldSchema {
    name: "entry_points",
    aliases: &[],
    kind: FieldKind::Dict,
    required: false,
    default: FieldDefault::None,
    doc: "The console scripts that installing it makes, each with the function that it calls; or, as Pants has it, groups \
          of entry points, such as `{\"console_scripts\": {…}}`.",
    example: "{\"orders\": \"orders.cli:main\"}",
};

const WHEEL: FieldSchema = FieldSchema {
    name: "wheel",
    aliases: &[],
    kind: FieldKind::Bool,
    required: false,
    default: FieldDefault::Bool(true),
    doc: "Whether a wheel is built.",
    example: "True",
};

const SDIST: FieldSchema = FieldSchema {
    name: "sdist",
    aliases: &[],
    kind: FieldKind::Bool,
    required: false,
    default: FieldDefault::Bool(true),
    doc: "Whether a source distribution is built.",
    example: "False",
};

const BINARY: FieldSchema = FieldSchema {
    name: "binary",
    aliases: &[],
    kind: FieldKind::Label,
    required: true,
    default: FieldDefault::None,
    doc: "The `python_binary` that the image starts.",
    example: "\":app\"",
};

const BASE: FieldSchema = FieldSchema {
    name: "base",
    aliases: &[],
    kind: FieldKind::Str,
    required: true,
    default: FieldDefault::None,
    doc: "The image below, which has the interpreter, by name and digest.",
    example: "\"python:3.11-slim@sha256:0123…\"",
};

const IMAGE_ENV: FieldSchema = FieldSchema {
    name: "env",
    aliases: &[],
    kind: FieldKind::StrDict,
    required: false,
    default: FieldDefault::None,
    doc: "Environment variables of the container.",
    example: "{\"PORT\": \"8000\"}",
};

const REPOSITORY: FieldSchema = FieldSchema {
    name: "repository",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("the target's name"),
    doc: "The name of the image.",
    example: "\"acme/orders\"",
};

const IMAGE_TAGS: FieldSchema = FieldSchema {
    name: "image_tags",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::List(&["latest"]),
    doc: "The tags of the image.",
    example: "[\"latest\"]",
};

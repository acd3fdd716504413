//! `python_image`: programs as container images.

use super::common::{DESCRIPTION, NAME, OUTPUT_PATH, TAGS, VISIBILITY};
use crate::schema::{FieldDefault, FieldKind, FieldSchema, Role, RuleSchema};

pub(super) const PYTHON_IMAGE: RuleSchema = RuleSchema {
    name: "python_image",
    aliases: &[],
    summary: "a container image of a binary",
    doc: "`pants package` writes an OCI image upon `base` into `dist/`, without a daemon: the virtualenv of the binary, in layers \
          that are shared between images. It is for every Linux platform that the binary is for. `pants publish` puts it into a \
          registry, and sends the layers that this lacks. A `docker_image` with the field `binary` is one too.",
    role: Role::Package,
    file_nodes: false,
    fields: &[
        NAME,
        BINARY,
        BASE,
        BASE_PYTHON,
        PREFIX,
        IMAGE_ENV,
        LABELS,
        USER,
        WORKDIR,
        REPOSITORY,
        REGISTRIES,
        IMAGE_TAGS,
        LAYOUT,
        OUTPUT_PATH,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: &["dependencies"],
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
    doc: "The image below, which has the interpreter: in a registry by its name, or `oci:FOLDER` for an OCI layout, a folder or a \
          tar file, by its path from the root. The digest is that of its manifest, or of the index of those for several \
          platforms.",
    example: "\"python:3.11-slim@sha256:0123…\"",
};

const BASE_PYTHON: FieldSchema = FieldSchema {
    name: "base_python",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("`/usr/local/bin/python3.11`, for that minor version"),
    doc: "Where the base has its interpreter, by its absolute path.",
    example: "\"/usr/bin/python3.11\"",
};

const PREFIX: FieldSchema = FieldSchema {
    name: "prefix",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Str("/app"),
    doc: "The folder of the image that the virtualenv is in. Images that share layers have the same one.",
    example: "\"/opt/app\"",
};

const IMAGE_ENV: FieldSchema = FieldSchema {
    name: "env",
    aliases: &[],
    kind: FieldKind::StrDict,
    required: false,
    default: FieldDefault::None,
    doc: "Environment variables of the container, beside those of the base.",
    example: "{\"PORT\": \"8000\"}",
};

const LABELS: FieldSchema = FieldSchema {
    name: "labels",
    aliases: &["image_labels"],
    kind: FieldKind::StrDict,
    required: false,
    default: FieldDefault::None,
    doc: "Labels of the image, beside those of the base, and beside its title, its base and its targets, which it has anyway.",
    example: "{\"org.opencontainers.image.vendor\": \"Acme\"}",
};

const USER: FieldSchema = FieldSchema {
    name: "user",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("that of the base"),
    doc: "The user that the container runs as, and perhaps its group: names that the base has, or numbers.",
    example: "\"65532:65532\"",
};

const WORKDIR: FieldSchema = FieldSchema {
    name: "workdir",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("that of the base"),
    doc: "The folder that the program starts in.",
    example: "\"/srv\"",
};

const REPOSITORY: FieldSchema = FieldSchema {
    name: "repository",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("the target's name"),
    doc: "The name of the image in registries.",
    example: "\"acme/orders\"",
};

const REGISTRIES: FieldSchema = FieldSchema {
    name: "registries",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "The registries that `pants publish` puts it into: a host each, with a path behind it where there is one. All are spoken to by \
          https but those on `localhost`, and those that begin with `http://`.",
    example: "[\"registry.example.com\"]",
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

const LAYOUT: FieldSchema = FieldSchema {
    name: "layout",
    aliases: &[],
    kind: FieldKind::Choice(&["dir", "archive"]),
    required: false,
    default: FieldDefault::Str("dir"),
    doc: "`dir` is an OCI layout, a folder; `archive` a tar file of it, as `podman load` takes it.",
    example: "\"archive\"",
};

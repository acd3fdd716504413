//! `python_distribution`: wheels and source distributions of our own code.

use super::common::{DEPENDENCIES, DESCRIPTION, INTERPRETER_CONSTRAINTS, NAME, RESOLVE, TAGS, VISIBILITY};
use crate::schema::{FieldDefault, FieldKind, FieldSchema, Role, RuleSchema};

pub(super) const PYTHON_DISTRIBUTION: RuleSchema = RuleSchema {
    name: "python_distribution",
    aliases: &[],
    summary: "a wheel and a source distribution of own libraries",
    doc: "`pants package` builds both into `dist/`, and `pants publish` puts them on an index. They hold the files of \
          `dependencies`, and those that these need and that no other distribution is nearer to: of several \
          distributions that reach a file, the one in the nearest folder above it owns it. What another one owns, and \
          what third parties have, becomes a requirement.",
    role: Role::Package,
    file_nodes: false,
    fields: &[
        NAME,
        DEPENDENCIES,
        PROVIDES,
        VERSION,
        VERSION_FROM_VCS,
        README,
        LICENSE_FILES,
        ENTRY_POINTS,
        WHEEL,
        SDIST,
        VERSION_SCHEME,
        INTERPRETER_CONSTRAINTS,
        RESOLVE,
        DISTRIBUTION_PATH,
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

const PROVIDES: FieldSchema = FieldSchema {
    name: "provides",
    aliases: &[],
    kind: FieldKind::Table,
    required: true,
    default: FieldDefault::None,
    doc: "The metadata of the distribution, as a dictionary, or as `python_artifact(...)` or `setup_py(...)` with the \
          same words: `name`, `version`, `description`, `long_description`, `long_description_content_type`, \
          `author`, `author_email`, `maintainer`, `maintainer_email`, `license`, `license_expression`, `keywords`, \
          `classifiers`, `url`, `download_url`, `project_urls`, `extras_require`, `entry_points`. What it requires \
          is told by the graph.",
    example: "python_artifact(name = \"acme-orders\", version = \"1.2.0\")",
};

const VERSION: FieldSchema = FieldSchema {
    name: "version",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("that of `provides`"),
    doc: "The version.",
    example: "\"1.2.0\"",
};

const VERSION_FROM_VCS: FieldSchema = FieldSchema {
    name: "version_from_vcs",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::None,
    doc: "Takes the version from the newest git tag of this form that HEAD descends from. After the tag it is a \
          development version of the next one, with the number of commits since and the commit: \
          `1.2.1.dev3+g0123abcde`.",
    example: "\"v{version}\"",
};

const README: FieldSchema = FieldSchema {
    name: "readme",
    aliases: &["long_description_path"],
    kind: FieldKind::File,
    required: false,
    default: FieldDefault::None,
    doc: "The file with the long description; its ending says what kind of text it is, `.md`, `.rst` or another.",
    example: "\"README.md\"",
};

const LICENSE_FILES: FieldSchema = FieldSchema {
    name: "license_files",
    aliases: &[],
    kind: FieldKind::Sources,
    required: false,
    default: FieldDefault::None,
    doc: "The files of licences, which go along in both.",
    example: "[\"LICENSE\"]",
};

const ENTRY_POINTS: FieldSchema = FieldSchema {
    name: "entry_points",
    aliases: &[],
    kind: FieldKind::Table,
    required: false,
    default: FieldDefault::None,
    doc: "The console scripts that installing it makes, each with the function that it calls; or dictionaries of \
          such by the group: `{\"console_scripts\": {…}, \"pytest11\": {…}}`.",
    example: "{\"orders\": \"orders.cli:main\"}",
};

const VERSION_SCHEME: FieldSchema = FieldSchema {
    name: "first_party_dependency_version_scheme",
    aliases: &[],
    kind: FieldKind::Choice(&["exact", "compatible", "minimum", "any"]),
    required: false,
    default: FieldDefault::Str("exact"),
    doc: "Which versions of the repository's other distributions it asks for: `==` the one that it was built beside, \
          `~=`, `>=`, or any.",
    example: "\"compatible\"",
};

const DISTRIBUTION_PATH: FieldSchema = FieldSchema {
    name: "output_path",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("`dist/` itself"),
    doc: "The folder below `dist/` that both are put into.",
    example: "\"wheels\"",
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

//! `python_requirement` and `python_requirements`: what is wanted of third parties.

use super::common::{DEPENDENCIES, DESCRIPTION, INTERPRETER_CONSTRAINTS, NAME, RESOLVE, TAGS, VISIBILITY};
use crate::schema::{FieldDefault, FieldKind, FieldSchema, Role, RuleSchema};

pub(super) const PYTHON_REQUIREMENT: RuleSchema = RuleSchema {
    name: "python_requirement",
    aliases: &["requirement", "python_requirement_library"],
    summary: "one third-party distribution, or a few that belong together",
    doc: "Whoever depends on it gets these distributions and all that they need, in the versions of the lock file. Code \
          that imports one of their modules depends on it.",
    role: Role::Code,
    file_nodes: false,
    fields: &[
        NAME,
        REQUIREMENTS,
        MODULES,
        RESOLVE,
        INTERPRETER_CONSTRAINTS,
        DEPENDENCIES,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: &["entry_point", "find_links", "type_stub_modules"],
};

pub(super) const PYTHON_REQUIREMENTS: RuleSchema = RuleSchema {
    name: "python_requirements",
    aliases: &[],
    summary: "one requirement for each line of a requirements file",
    doc: "Generates a target for each line of a `requirements.txt`, or for each of the `project.dependencies` of a \
          `pyproject.toml`: `//3rdparty:reqs#flask`. A dependency on the target itself is one on all of them. `--hash` of a \
          line is not compared with anything: the lock has the hashes of all files.",
    role: Role::Code,
    file_nodes: false,
    fields: &[
        NAME,
        SOURCE,
        EXTRAS,
        GROUPS,
        MODULE_MAPPING,
        OVERRIDES,
        RESOLVE,
        INTERPRETER_CONSTRAINTS,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: &["type_stubs_module_mapping"],
};

pub(super) const POETRY_REQUIREMENTS: RuleSchema = RuleSchema {
    name: "poetry_requirements",
    aliases: &[],
    summary: "the requirements of a project of Poetry",
    doc: "Generates a target for each project that `[tool.poetry.dependencies]`, `[tool.poetry.dev-dependencies]` and \
          `[tool.poetry.group.NAME.dependencies]` ask for, of all groups, and for what the standard's own tables have: \
          `//:poetry#flask`. Versions (`^1.2`, `~1.2`, `1.*`), `python`, `platform`, `markers`, `extras`, `git`, `url` and \
          archives at a `path` are written as the standard has them; what is in a folder is code of the repository, and \
          left out. `lock` takes no `git`: give the address of an archive as `url`. The keys `source`, `optional`, `develop` \
          and `allow-prereleases` have no effect: indexes are configured in `pants.toml`.",
    role: Role::Code,
    file_nodes: false,
    fields: &[
        NAME,
        POETRY_SOURCE,
        MODULE_MAPPING,
        OVERRIDES,
        RESOLVE,
        INTERPRETER_CONSTRAINTS,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: &["type_stubs_module_mapping"],
};

pub(super) const PIPENV_REQUIREMENTS: RuleSchema = RuleSchema {
    name: "pipenv_requirements",
    aliases: &[],
    summary: "the requirements of a project of Pipenv",
    doc: "It is known by its name, and generates nothing: a `Pipfile.lock` is not read. `pipenv requirements` writes a file \
          that `python_requirements` reads.",
    role: Role::Code,
    file_nodes: false,
    fields: &[NAME, RESOLVE, TAGS, DESCRIPTION, VISIBILITY],
    ignored: &["module_mapping", "overrides", "pipfile_target", "source", "type_stubs_module_mapping"],
};

const OVERRIDES: FieldSchema = FieldSchema {
    name: "overrides",
    aliases: &[],
    kind: FieldKind::Overrides,
    required: false,
    default: FieldDefault::None,
    doc: "Fields of single requirements, by the name of the project or a tuple of names.",
    example: "{\"pyyaml\": {\"modules\": [\"yaml\"]}}",
};

const REQUIREMENTS: FieldSchema = FieldSchema {
    name: "requirements",
    aliases: &[],
    kind: FieldKind::StrList,
    required: true,
    default: FieldDefault::None,
    doc: "What is required, each as PEP 508 has it: name, extras, versions and marker.",
    example: "[\"flask[async]==3.0.*\"]",
};

const MODULES: FieldSchema = FieldSchema {
    name: "modules",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::Said("what the lock file records, else what the names tell"),
    doc: "The modules that the distributions provide, where this cannot be told from their names.",
    example: "[\"yaml\"]",
};

const SOURCE: FieldSchema = FieldSchema {
    name: "source",
    aliases: &["requirements_relpath"],
    kind: FieldKind::File,
    required: false,
    default: FieldDefault::Str("requirements.txt"),
    doc: "The file with the requirements: a `requirements.txt`, or a `pyproject.toml` with `[project]`.",
    example: "\"requirements.txt\"",
};

const POETRY_SOURCE: FieldSchema = FieldSchema {
    default: FieldDefault::Str("pyproject.toml"),
    aliases: &[],
    doc: "The file with the tables of Poetry.",
    example: "\"pyproject.toml\"",
    ..SOURCE
};

const EXTRAS: FieldSchema = FieldSchema {
    name: "extras",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "The extras of a `pyproject.toml` (`[project.optional-dependencies]`) that come in beside its \
          `project.dependencies`.",
    example: "[\"web\"]",
};

const GROUPS: FieldSchema = FieldSchema {
    name: "groups",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "The groups of a `pyproject.toml` (`[dependency-groups]`) that come in beside its `project.dependencies`.",
    example: "[\"dev\"]",
};

const MODULE_MAPPING: FieldSchema = FieldSchema {
    name: "module_mapping",
    aliases: &[],
    kind: FieldKind::StrListDict,
    required: false,
    default: FieldDefault::None,
    doc: "The modules of distributions for which this cannot be told from their names.",
    example: "{\"pyyaml\": [\"yaml\"]}",
};

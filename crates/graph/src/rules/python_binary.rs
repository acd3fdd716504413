//! `python_binary` and `pex_binaries`: programs as PEX files.

use super::common::{
    DEPENDENCIES, DESCRIPTION, INTERPRETER_CONSTRAINTS, NAME, OUTPUT_PATH, OVERRIDES, RESOLVE, TAGS,
    VISIBILITY,
};
use crate::schema::{FieldDefault, FieldKind, FieldSchema, Role, RuleSchema};

pub(super) const PYTHON_BINARY: RuleSchema = RuleSchema {
    name: "python_binary",
    aliases: &["pex_binary"],
    summary: "a program, built into a PEX",
    doc: "`pants binary` writes one file for each interpreter and platform below `dist/`: the code that the target \
          reaches, the distributions that this code needs, and how to start it. `pants run` starts it.",
    role: Role::Program,
    file_nodes: true,
    fields: &[
        NAME,
        SOURCES,
        SOURCE,
        ENTRY_POINT,
        SCRIPT,
        ARGS,
        ENV,
        DEPENDENCIES,
        INTERPRETERS,
        INTERPRETER_CONSTRAINTS,
        PLATFORMS,
        COMPLETE_PLATFORMS,
        MULTI_PLATFORM,
        RESOLVE,
        LAYOUT,
        VENV_PREFIX,
        VENV_PYTHON,
        EXECUTION_MODE,
        SH_BOOT,
        SHEBANG,
        INHERIT_PATH,
        INCLUDE_TOOLS,
        STRIP_PEX_ENV,
        START_PLAN,
        PYC,
        OUTPUT_PATH,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: IGNORED,
};

pub(super) const PEX_BINARIES: RuleSchema = RuleSchema {
    name: "pex_binaries",
    aliases: &[],
    summary: "one program for each of several entry points",
    doc: "Generates a `python_binary` for each entry point: `//svc:bins#main.py`, with `-` for `:` in its name. A dependency \
          on the target itself is one on all of them.",
    role: Role::Package,
    file_nodes: false,
    fields: &[
        NAME,
        ENTRY_POINTS,
        OVERRIDES,
        DEPENDENCIES,
        INTERPRETERS,
        INTERPRETER_CONSTRAINTS,
        PLATFORMS,
        RESOLVE,
        LAYOUT,
        VENV_PREFIX,
        VENV_PYTHON,
        EXECUTION_MODE,
        SH_BOOT,
        SHEBANG,
        INHERIT_PATH,
        INCLUDE_TOOLS,
        STRIP_PEX_ENV,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: IGNORED,
};

/// Fields of Pants that have no effect.
const IGNORED: &[&str] = &[
    "always_write_cache",
    "check",
    "complete_platforms",
    "emit_warnings",
    "extra_build_args",
    "ignore_errors",
    "include_requirements",
    "include_sources",
    "indices",
    "optimized_imports",
    "provides",
    "repositories",
    "resolve_local_platforms",
    "restartable",
    "run_goal_use_sandbox",
    "scie",
    "scie_args",
    "scie_assets",
    "scie_base",
    "scie_bind_resource_path",
    "scie_busybox",
    "scie_busybox_pex_entrypoint_env_passthrough",
    "scie_env",
    "scie_exe",
    "scie_hash_alg",
    "scie_load_dotenv",
    "scie_name_style",
    "scie_pbs_debug",
    "scie_pbs_free_threaded",
    "scie_pbs_release",
    "scie_pbs_stripped",
    "scie_pex_entrypoint_env_passthrough",
    "scie_platform",
    "scie_pypy_release",
    "scie_python_version",
    "skip_…",
    "venv_hermetic_scripts",
    "venv_site_packages_copies",
    "zip_safe",
];

const SOURCES: FieldSchema = FieldSchema {
    name: "sources",
    aliases: &["srcs"],
    kind: FieldKind::Sources,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "Files that belong to the program itself and to no library, as Pants 1 has it.",
    example: "[\"main.py\"]",
};

const SOURCE: FieldSchema = FieldSchema {
    name: "source",
    aliases: &[],
    kind: FieldKind::File,
    required: false,
    default: FieldDefault::None,
    doc: "The same for one file, which is started where there is no `entry_point`.",
    example: "\"main.py\"",
};

const ENTRY_POINTS: FieldSchema = FieldSchema {
    name: "entry_points",
    aliases: &[],
    kind: FieldKind::StrList,
    required: true,
    default: FieldDefault::None,
    doc: "What is started, each as `entry_point` of a `python_binary` has it.",
    example: "[\"main.py\", \"cli.py:run\"]",
};

const ENTRY_POINT: FieldSchema = FieldSchema {
    name: "entry_point",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("none: the PEX starts an interpreter"),
    doc: "What is started: a module (`svc.main`), a function of one (`svc.main:run`), or a file of the directory \
          (`main.py`, `main.py:run`). That file becomes a dependency, or the requirement that \
          brings the module. Not together with \
          `script`.",
    example: "\"svc.main:run\"",
};

const SCRIPT: FieldSchema = FieldSchema {
    name: "script",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::None,
    doc: "The console script of a distribution that is started, such as `gunicorn`. Not together with `entry_point`.",
    example: "\"gunicorn\"",
};

const ARGS: FieldSchema = FieldSchema {
    name: "args",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "Arguments in front of those that the program is called with.",
    example: "[\"--bind\", \"0.0.0.0:8000\"]",
};

const ENV: FieldSchema = FieldSchema {
    name: "env",
    aliases: &[],
    kind: FieldKind::StrDict,
    required: false,
    default: FieldDefault::None,
    doc: "Environment variables that are set when the program starts.",
    example: "{\"LOG_LEVEL\": \"info\"}",
};

const INTERPRETERS: FieldSchema = FieldSchema {
    name: "interpreters",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::Said("`[python] interpreters`"),
    doc: "The Python versions that the binary is built for, one file for each.",
    example: "[\"3.11\", \"3.12\"]",
};

const PLATFORMS: FieldSchema = FieldSchema {
    name: "platforms",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::Said("`[python] platforms`"),
    doc: "The platforms that the binary is built for, one file for each: `linux-x86_64`, `linux-aarch64`, \
          `linux-x86_64-musl`, `macos-arm64`, `macos-x86_64`, with another floor than the usual as \
          `linux-x86_64-manylinux_2_17`, or `current` for that of the machine. `linux-x86_64-cp-311-cp311`, as Pants 1 \
          has it, and the path of a complete-platform file (`.json`) bring their interpreter, and no other of \
          `interpreters` is built for them.",
    example: "[\"linux-x86_64\", \"macos-arm64\"]",
};

const COMPLETE_PLATFORMS: FieldSchema = FieldSchema {
    name: "complete_platforms",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "Platforms with their interpreters, described by files that `pex3 interpreter inspect --markers --tags` \
          writes: paths, or addresses of targets that have such files. They come beside `platforms`, and in place of \
          `[python] platforms`.",
    example: "[\"//platforms:lambda\"]",
};

const MULTI_PLATFORM: FieldSchema = FieldSchema {
    name: "multi_platform",
    aliases: &[],
    kind: FieldKind::Bool,
    required: false,
    default: FieldDefault::Bool(false),
    doc: "Puts all interpreters and platforms into one file. It is refused where the runtime in that file would choose \
          another version on one of them than the lock has for it.",
    example: "True",
};

const LAYOUT: FieldSchema = FieldSchema {
    name: "layout",
    aliases: &[],
    kind: FieldKind::Choice(&["zipapp", "packed", "loose", "venv", "dir", "zip"]),
    required: false,
    default: FieldDefault::Str("zipapp"),
    doc: "`zipapp` is one file; `packed` a directory with one zip file for each distribution, which transfers well \
          when little changes; `loose` a directory of plain files. These are PEX files, and start with the runtime of \
          one. Three more have none of it: `venv` is a virtualenv, `dir` a directory of all packages and the program's own \
          files side by side, and `zip` a zip file of that, as platforms for functions want it.",
    example: "\"zipapp\"",
};

const VENV_PREFIX: FieldSchema = FieldSchema {
    name: "venv_prefix",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("none: it can be moved, and `/bin/sh` starts its scripts"),
    doc: "Where the virtualenv of the layout `venv` will be, by its absolute path. Its scripts then name its interpreter there.",
    example: "\"/opt/app\"",
};

const VENV_PYTHON: FieldSchema = FieldSchema {
    name: "venv_python",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::Said("that of this machine"),
    doc: "The interpreter that the virtualenv of the layout `venv` links to, by its absolute path where the program runs. A \
          platform that this machine is not needs it.",
    example: "\"/usr/bin/python3.11\"",
};

const EXECUTION_MODE: FieldSchema = FieldSchema {
    name: "execution_mode",
    aliases: &[],
    kind: FieldKind::Choice(&["venv", "zipapp"]),
    required: false,
    default: FieldDefault::Str("venv"),
    doc: "`venv` makes a virtual environment at the first start, from which all further starts are as quick as from \
          any; `zipapp` runs from the file.",
    example: "\"venv\"",
};

const SH_BOOT: FieldSchema = FieldSchema {
    name: "sh_boot",
    aliases: &[],
    kind: FieldKind::Bool,
    required: false,
    default: FieldDefault::Bool(true),
    doc: "Starts by `/bin/sh`, which finds an interpreter that fits, and from the second start on goes straight to \
          the virtual environment.",
    example: "False",
};

const SHEBANG: FieldSchema = FieldSchema {
    name: "shebang",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::None,
    doc: "The first line of the PEX, with or without `#!`, where it has to be a certain one.",
    example: "\"/usr/bin/env python3.11\"",
};

const INHERIT_PATH: FieldSchema = FieldSchema {
    name: "inherit_path",
    aliases: &[],
    kind: FieldKind::Choice(&["false", "fallback", "prefer"]),
    required: false,
    default: FieldDefault::Str("false"),
    doc: "Whether the program also sees the packages that its interpreter has installed: not at all, after its own, \
          or in front of its own.",
    example: "\"fallback\"",
};

const INCLUDE_TOOLS: FieldSchema = FieldSchema {
    name: "include_tools",
    aliases: &[],
    kind: FieldKind::Bool,
    required: false,
    default: FieldDefault::Bool(true),
    doc: "Includes the tools that `PEX_TOOLS=1` starts. A PEX that runs from a virtual environment \
          (`execution_mode = \"venv\"`) needs them, and has them in any case.",
    example: "False",
};

const STRIP_PEX_ENV: FieldSchema = FieldSchema {
    name: "strip_pex_env",
    aliases: &[],
    kind: FieldKind::Bool,
    required: false,
    default: FieldDefault::Bool(true),
    doc: "Takes the `PEX_*` variables out of the environment of the program, so that a PEX that it starts is not \
          influenced by them.",
    example: "False",
};

const START_PLAN: FieldSchema = FieldSchema {
    name: "start_plan",
    aliases: &[],
    kind: FieldKind::Bool,
    required: false,
    default: FieldDefault::Bool(true),
    doc: "Puts a plan of the first start into the PEX, so that this only writes files. It applies to a `zipapp` layout \
          with the execution mode `venv`, for one interpreter on one Linux platform; unless it is given, also \
          only to what unpacks to less than 256 MiB.",
    example: "False",
};

const PYC: FieldSchema = FieldSchema {
    name: "pyc",
    aliases: &[],
    kind: FieldKind::Bool,
    required: false,
    default: FieldDefault::Bool(true),
    doc: "Puts the compiled modules of distributions into the start plan. Without them the file is smaller, and the \
          first start takes twice as long. The machine that builds needs the interpreter.",
    example: "False",
};

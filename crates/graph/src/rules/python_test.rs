//! `python_test`: tests that pytest runs.

use super::common::{
    DEPENDENCIES, DESCRIPTION, INTERPRETER_CONSTRAINTS, NAME, OVERRIDES, REMOTE, RESOLVE, SKIP_TOOLS, SOURCE,
    TAGS, VISIBILITY, sources,
};
use crate::schema::{FieldDefault, FieldKind, FieldSchema, Role, RuleSchema};

pub(super) const PYTHON_TEST: RuleSchema = RuleSchema {
    name: "python_test",
    aliases: &["python_tests"],
    summary: "tests that pytest runs",
    doc: "Each file is run in a process of its own unless `batch` says otherwise, and its result is cached until something that it reaches changes. \
          `pants test` runs it.",
    role: Role::Test,
    file_nodes: true,
    fields: &[
        NAME,
        sources(
            &["test_*.py", "*_test.py", "tests.py"],
            "The test files, as patterns below the directory of the BUILD file.",
        ),
        SOURCE,
        OVERRIDES,
        DEPENDENCIES,
        RUNTIME_PACKAGE_DEPENDENCIES,
        ARGS,
        ENV,
        EXTRA_ENV_VARS,
        TIMEOUT,
        RETRIES,
        BATCH,
        NEEDS,
        REMOTE,
        RESOLVE,
        INTERPRETERS,
        INTERPRETER_CONSTRAINTS,
        SKIP_TOOLS,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: &[
        "concurrency",
        "coverage",
        "environment",
        "restartable",
        "run_goal_use_sandbox",
        "skip_…",
        "stubs",
        "threads",
        "xdist_concurrency",
    ],
};

const RUNTIME_PACKAGE_DEPENDENCIES: FieldSchema = FieldSchema {
    name: "runtime_package_dependencies",
    aliases: &[],
    kind: FieldKind::Labels,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "Programs and distributions that the tests find built, where `dist/` would have them: that of `//svc:app` is `svc/app.pex` \
          in the folder that the tests start in.",
    example: "[\":app\"]",
};

const ARGS: FieldSchema = FieldSchema {
    name: "args",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "Arguments for pytest.",
    example: "[\"-k\", \"not slow\"]",
};

const ENV: FieldSchema = FieldSchema {
    name: "env",
    aliases: &[],
    kind: FieldKind::StrDict,
    required: false,
    default: FieldDefault::None,
    doc: "Environment variables of the tests.",
    example: "{\"TZ\": \"UTC\"}",
};

const EXTRA_ENV_VARS: FieldSchema = FieldSchema {
    name: "extra_env_vars",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::List(&[]),
    doc: "Variables of whoever runs the tests that the tests get as well: `NAME`, with the value that it has then, or \
          `NAME=VALUE`. The tests run again when a value changes.",
    example: "[\"CI\", \"LEVEL=debug\"]",
};

const TIMEOUT: FieldSchema = FieldSchema {
    name: "timeout",
    aliases: &[],
    kind: FieldKind::Int,
    required: false,
    default: FieldDefault::None,
    doc: "After how many seconds a file's tests are ended, as a failure.",
    example: "60",
};

const RETRIES: FieldSchema = FieldSchema {
    name: "retries",
    aliases: &[],
    kind: FieldKind::Int,
    required: false,
    default: FieldDefault::None,
    doc: "How often a file's tests run again at most that have failed. Those that pass then are told as flaky.",
    example: "2",
};

const BATCH: FieldSchema = FieldSchema {
    name: "batch",
    aliases: &["batch_compatibility_tag"],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::None,
    doc: "Files that say the same may run in one process, where that is faster: it starts once, and fixtures of the session are \
          made once. Each still has a result of its own, and all of them run again when something changes that one of them can see.",
    example: "\"database\"",
};

const NEEDS: FieldSchema = FieldSchema {
    name: "needs",
    aliases: &[],
    kind: FieldKind::Table,
    required: false,
    default: FieldDefault::None,
    doc: "What a file's tests have to have of the machine: `memory`, of which no more is given away than there is, and `exclusive`, \
          names of what one process at a time may have.",
    example: "{\"memory\": \"2 GB\", \"exclusive\": [\"database\"]}",
};

const INTERPRETERS: FieldSchema = FieldSchema {
    name: "interpreters",
    aliases: &[],
    kind: FieldKind::StrList,
    required: false,
    default: FieldDefault::Said("`[python] interpreters`"),
    doc: "The Python versions that the tests are run with.",
    example: "[\"3.9\", \"3.13\"]",
};

//! `python_library` and `python_test_utils`: Python code that others import.

use super::common::{
    DEPENDENCIES, DESCRIPTION, INTERPRETER_CONSTRAINTS, NAME, OVERRIDES, RESOLVE, SKIP_TOOLS, SOURCE, TAGS,
    VISIBILITY, sources,
};
use crate::schema::{Role, RuleSchema};

pub(super) const PYTHON_LIBRARY: RuleSchema = RuleSchema {
    name: "python_library",
    aliases: &["python_sources", "python_source"],
    summary: "Python code that others import",
    doc: "One node of the graph for each source file, so that what needs one file is not rebuilt by a change of \
          another. A file depends on what it imports, and on the `dependencies`. A dependency on the library is one on \
          all of its files.",
    role: Role::Code,
    file_nodes: true,
    fields: &[
        NAME,
        sources(
            &[
                "*.py",
                "*.pyi",
                "!*_test.py",
                "!test_*.py",
                "!tests.py",
                "!conftest.py",
                "!*_test.pyi",
                "!test_*.pyi",
                "!tests.pyi",
            ],
            "The files, as patterns below the directory of the BUILD file. A pattern with `!` takes files away, `**` \
             stands for any directories, also those with a BUILD file of their own.",
        ),
        SOURCE,
        OVERRIDES,
        DEPENDENCIES,
        RESOLVE,
        INTERPRETER_CONSTRAINTS,
        SKIP_TOOLS,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: IGNORED,
};

pub(super) const PYTHON_TEST_UTILS: RuleSchema = RuleSchema {
    name: "python_test_utils",
    aliases: &[],
    summary: "what tests share, such as `conftest.py`",
    doc: "A library whose files are by default those that a `python_library` leaves out and that are no tests.",
    role: Role::Code,
    file_nodes: true,
    fields: &[
        NAME,
        sources(
            &["conftest.py", "test_*.pyi", "*_test.pyi", "tests.pyi"],
            "The files, as patterns below the directory of the BUILD file.",
        ),
        SOURCE,
        OVERRIDES,
        DEPENDENCIES,
        RESOLVE,
        INTERPRETER_CONSTRAINTS,
        SKIP_TOOLS,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
    ignored: IGNORED,
};

/// Fields of Pants that have no effect.
const IGNORED: &[&str] = &["provides", "restartable", "run_goal_use_sandbox", "skip_…", "zip_safe"];

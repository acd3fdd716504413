//! `python_library`: Python code that others import.

use super::common::{
    DEPENDENCIES, DESCRIPTION, INTERPRETER_CONSTRAINTS, NAME, RESOLVE, TAGS, VISIBILITY, sources,
};
use crate::schema::{Role, RuleSchema};

pub(super) const PYTHON_LIBRARY: RuleSchema = RuleSchema {
    name: "python_library",
    aliases: &["python_sources"],
    summary: "Python code that others import",
    doc: "One node of the graph for each source file, so that what needs one file is not rebuilt by a change of \
          another. A file depends on what it imports, and on the `dependencies`. A dependency on the library is one on \
          all of its files.",
    role: Role::Code,
    file_nodes: true,
    fields: &[
        NAME,
        sources(
            &["*.py", "*.pyi", "!*_test.py", "!test_*.py", "!conftest.py"],
            "The files, as patterns below the directory of the BUILD file. A pattern with `!` takes files away, `**` \
             stands for any directories, also those with a BUILD file of their own.",
        ),
        DEPENDENCIES,
        RESOLVE,
        INTERPRETER_CONSTRAINTS,
        TAGS,
        DESCRIPTION,
        VISIBILITY,
    ],
};

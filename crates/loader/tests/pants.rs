//! What BUILD files of Pants 2 and Pants 1 have beyond calls of rules, as the targets that it comes to.

mod common;

use common::{loaded, options, repository, text};
use graph::{Target, Value};
use loader::{Loaded, Options, load};

/// A target in one line: label, rule, fields but for the name, and files.
fn line(target: &Target) -> String {
    let value = |value: &Value| graph::query::attribute_text(value);
    let fields = target.fields.iter().filter(|field| field.name != "name");
    let fields: Vec<String> = fields.map(|field| format!("{}={}", field.name, value(&field.value))).collect();
    let files: Vec<&str> = target.sources.iter().map(|source| &*source.path).collect();
    format!("{} {} {} {}", target.label, target.rule.name, fields.join(" "), files.join(","))
        .trim_end()
        .to_owned()
}

#[track_caller]
fn same(loaded: &Loaded, expected: &[&str]) {
    let errors: Vec<String> = loaded.errors.iter().map(text).collect();
    assert_eq!(errors, [""; 0]);
    let found: Vec<String> = loaded.targets.iter().map(line).collect();
    assert_eq!(found, expected, "\n--- found:\n{}\n", found.join("\n"));
}

/// The targets of a BUILD file in the directory `a`, which has three modules.
#[track_caller]
fn check(build: &str, expected: &[&str]) {
    let files = [("a/BUILD", build), ("a/x.py", ""), ("a/y.py", ""), ("a/b/z.py", "")];
    same(&loaded(&files), expected);
}

#[track_caller]
fn check_errors(build: &str, expected: &[&str]) {
    let loaded = loaded(&[("a/BUILD", build), ("a/x.py", ""), ("a/y.py", "")]);
    let errors: Vec<String> = loaded.errors.iter().map(text).collect();
    assert_eq!(errors, expected, "\n--- found:\n{}\n", errors.join("\n"));
}

#[test]
fn syntax_of_python() {
    check(
        "NAMES = [\"x\", \"y\"]\n\
         python_sources(\n\tname = f\"l{len(NAMES)}\",\n\tsources = {*[f\"{n}.py\" for n in NAMES]},\n\ttags = [\"a\" \"b\", *NAMES],\n)\n\
         COMMON = {\"tags\": {\"t\"}}\n\
         python_sources(name = \"m\", **{**COMMON, \"sources\": []}, **dict(resolve = \"r\"))\n\
         files(name = \"f\", sources = [\"x.py\"], tags = sorted(n for n in NAMES))\n",
        &[
            "//a:l2 python_library sources=[x.py, y.py] tags=[ab, x, y] a/x.py,a/y.py",
            "//a:m python_library sources=[] resolve=r tags=[t]",
            "//a:f files sources=[x.py] tags=[x, y] a/x.py",
        ],
    );
    check_errors(
        "python_sources(name = \"x\", tags = {\"a\"}, nam = \"y\")\nimport os\n",
        &["a/BUILD:2:1+6: loader::syntax: cannot use reserved keyword `import`\n\
           \x20 help: `load(\"//folder:file.bzl\", \"name\")` takes names from other files"],
    );
    check_errors(
        "python_sources(name = \"x\", tags = {\"a\"}, nam = \"y\")\n",
        &[
            "a/BUILD:1:42+3: loader::unknown_field: `python_sources` has no field `nam`\n  help: did you mean `name`?",
        ],
    );
}

#[test]
fn globs_of_pants_1() {
    check(
        "python_library(name = \"l\", sources = globs(\"*.py\", exclude = [globs(\"y*\")]) + [\"b/z.py\"])\n\
         python_library(name = \"r\", sources = rglobs(\"*.py\") - globs(\"x.py\"), compatibility = \"CPython>=3\")\n\
         python_library(name = \"z\", sources = zglobs(\"**/*.none\"))\n\
         python_requirement_library(name = \"q\", requirements = [python_requirement(\"six==1\"), \"a\"])\n\
         python_library(name = \"p\", sources = [], provides = setup_py(name = \"p\").with_binaries(b = \":b\"))\n\
         python_distribution(name = \"d\", provides = setup_py(name = \"p\").with_binaries(b = \":b\"))\n\
         python_binary(name = \"b\", source = \"x.py\")\n",
        &[
            "//a:l python_library sources=[x.py, b/z.py] a/b/z.py,a/x.py",
            "//a:r python_library sources=[b/z.py, y.py] interpreter_constraints=[CPython>=3] a/b/z.py,a/y.py",
            "//a:z python_library sources=[]",
            "//a:q python_requirement requirements=[six==1, a]",
            "//a:p python_library sources=[]",
            "//a:d python_distribution provides={name: p, binaries: {b: :b}}",
            "//a:b python_binary source=x.py a/x.py",
        ],
    );
}

#[test]
fn parametrized_targets() {
    check(
        "python_sources(sources = [], resolve = parametrize(\"p\", \"q\"), interpreter_constraints = parametrize(py3 = [\">=3\"]))\n\
         pex_binary(name = \"b\", **parametrize(\"one\", tags = [\"t\"]), **parametrize(\"two\", layout = \"loose\"))\n",
        &[
            "//a:a@interpreter_constraints=py3,resolve=p python_library sources=[] resolve=p interpreter_constraints=[>=3]",
            "//a:a@interpreter_constraints=py3,resolve=q python_library sources=[] resolve=q interpreter_constraints=[>=3]",
            "//a:b@parametrize=one python_binary tags=[t]",
            "//a:b@parametrize=two python_binary layout=loose",
        ],
    );
    check_errors(
        "files(sources = [], description = parametrize(\"a b\"))\n",
        &[
            "a/BUILD:1:35+18: loader::parametrize: `a b` cannot be in the address of a target: the character ` ` is not allowed\n\
           \x20 help: give the value a name, as by `parametrize(py3 = [\">=3.9\"])`",
        ],
    );
}

#[test]
fn overrides() {
    check(
        "python_sources(overrides = {(\"x.py\", \"y.py\"): {\"dependencies\": [\":f\"], \"skip_mypy\": True}, \"x*\": {\"tags\": [\"t\"]}})\n\
         python_requirements(name = \"r\", source = \"x.py\", overrides = {\"six\": {\"modules\": [\"six\"]}})\n",
        &[
            "//a:a python_library overrides={x.py: {dependencies: [//a:f], skip_tools: [mypy], tags: [t]}, y.py: {dependencies: [//a:f], skip_tools: [mypy]}} a/x.py,a/y.py",
            "//a:r python_requirements source=x.py overrides={six: {modules: [six]}} a/x.py",
        ],
    );
    check_errors(
        "python_sources(sources = [\"x.py\"], overrides = {\"y.py\": {}, \"z.py\": {}, \"x.py\": {\"resolve\": \"r\", \"tag\": 1}})\n",
        &[
            "a/BUILD:1:57+2: loader::overrides: `y.py` is no source of the target",
            "a/BUILD:1:69+2: loader::missing_source: there is no file `a/z.py`\n  help: did you mean `x.py` or `y.py`?",
            "a/BUILD:1:81+26: loader::overrides: `resolve` cannot be another for one file of a target\n\
             \x20 help: put the file into a target of its own",
            "a/BUILD:1:81+26: loader::unknown_field: `python_library` has no field `tag`\n  help: did you mean `tags`?",
        ],
    );
}

#[test]
fn exceptions() {
    check(
        "python_sources(sources = [], dependencies = [\":x\", \"!:y\"])\npex_binary(name = \"b\", dependencies = [\"!!:y\"])\n",
        &[
            "//a:a python_library sources=[] dependencies=[//a:x, !//a:y]",
            "//a:b python_binary dependencies=[!!//a:y]",
        ],
    );
    check_errors(
        "python_sources(dependencies = [\"!!:y\", \"!/z\"])\n",
        &[
            "a/BUILD:1:40+5: graph::label: field `dependencies`: `!/z` is not a label: expected `//` or a path relative to the root, found one `/`\n\
           \x20 help: write `!//z`",
        ],
    );
    check_errors(
        "python_sources(dependencies = [\"!!:y\"])\n",
        &[
            "a/BUILD:1:32+6: loader::transitive_exception: `!!` is not for a `python_library`: only binaries, tests and packages decide about all that they reach\n\
           \x20 help: write `!` for its own dependencies, or `!!` in the binary",
        ],
    );
}

#[test]
fn defaults_hold_below() {
    let files = [
        (
            "BUILD",
            "__defaults__({python_sources: dict(tags = [\"up\"], skip_black = True), (\"python_tests\", files): {\"tags\": []}})\n",
        ),
        (
            "a/BUILD",
            "python_sources(sources = [])\npython_sources(name = \"own\", sources = [], tags = [\"mine\"])\n",
        ),
        (
            "a/b/BUILD",
            "python_sources(sources = [])\n__defaults__(all = {\"resolve\": \"r\"}, extend = True)\npython_sources(name = \"after\", sources = [])\n",
        ),
        ("a/b/c/d/BUILD", "python_sources(sources = [])\nfiles(name = \"f\", sources = [])\n"),
    ];
    same(
        &loaded(&files),
        &[
            "//a:a python_library sources=[] tags=[up]",
            "//a:own python_library sources=[] tags=[mine]",
            "//a/b:b python_library sources=[] tags=[up]",
            "//a/b:after python_library sources=[] resolve=r tags=[up]",
            "//a/b/c/d:d python_library sources=[] resolve=r tags=[up]",
            "//a/b/c/d:f files sources=[] tags=[]",
        ],
    );
    check_errors(
        "__defaults__({python_sources: {\"tag\": 1}, \"pyton_tests\": {}, \"scala_library\": {}})\n",
        &[
            "a/BUILD:1:1+82: loader::unknown_field: `python_library` has no field `tag`\n  help: did you mean `tags`?",
            "a/BUILD:1:1+82: loader::unknown_name: there is no rule or function `pyton_tests`\n\
             \x20 help: did you mean `python_tests` or `python_test`?",
        ],
    );
}

#[test]
fn the_prelude_is_in_every_file() {
    let root = repository(&[
        (
            "pre/lude.py",
            "TAG = \"t\"\ndef lib(name, **more):\n    python_sources(name = name, sources = [], tags = [TAG], **more)\n",
        ),
        (
            "a/BUILD",
            "lib(\"x\", resolve = env(\"R\", \"none\"))\nfiles(name = build_file_dir(), sources = [], tags = [TAG])\n",
        ),
    ]);
    let variables = [("R".to_owned(), "set".to_owned())].into_iter().collect();
    let prelude = vec!["pre/*.py".to_owned()];
    let options = Options { prelude, variables: std::sync::Arc::new(variables), ..options(root.path()) };
    let loaded = load(&options, None);
    same(
        &loaded,
        &["//a:x python_library sources=[] resolve=set tags=[t]", "//a:a files sources=[] tags=[t]"],
    );
    assert_eq!(loaded.modules, ["pre/lude.py"]);
    assert_eq!(loaded.variables.len(), 1);
}

#[test]
fn what_nobody_knows_is_a_warning() {
    let build = "jar_library(name = \"j\", jars = [jar(org = \"o\", name = \"j2\")], dependencies = [\":l\"])\n\
                 zqx_thing(name = \"z\").of(1)\npython_sources(name = \"l\", sources = [], tags = [zqx_thing()])\n\
                 __dependents_rules__((\"*\", \"*\"))\n";
    let root = repository(&[("a/BUILD", build)]);
    let mut options = options(root.path());
    let found = load(&options, None);
    same(
        &found,
        &["//a:l python_library sources=[] tags=", "//a:j unknown rule=jar_library dependencies=[//a:l]"],
    );
    let expected = [
        "a/BUILD:1:33+27: loader::unknown_rule: there is no rule or function `jar`: the call has no effect\n\
         \x20 help: `--strict` makes this an error",
        "a/BUILD:1:1+84: loader::unknown_rule: there is no rule or function `jar_library`: the call has no effect\n\
         \x20 help: `--strict` makes this an error",
        "a/BUILD:2:1+21: loader::unknown_rule: there is no rule or function `zqx_thing`: 2 calls have no effect\n\
         \x20 help: `--strict` makes this an error",
    ];
    assert_eq!(found.warnings.iter().map(text).collect::<Vec<_>>(), expected);
    options.strict = true;
    let strict = load(&options, found.snapshot.as_deref());
    assert_eq!((strict.evaluated, strict.errors.len(), strict.warnings.len()), (0, 3, 0));
}

//! The forms of answers: JSON against the schemas in `docs/schemas`, and drawings read by other programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::git::{SERVICE, repository};
use crate::repository::Repository;
use crate::schema::violations;

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas")
}

#[test]
fn json_is_as_its_schema_says() {
    let repository = repository(SERVICE);
    repository.write("util/util.py", "x = 1\n");
    let mut used = BTreeSet::new();
    let mut check = |name: &str, arguments: &[&str]| {
        let schema = fs::read_to_string(schemas().join(format!("{name}.json"))).unwrap();
        let schema: Value = serde_json::from_str(&schema).unwrap();
        let form = if name == "matrix" { "matrix" } else { "json" };
        let said = repository.run(&[arguments, &["--output", form]].concat());
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.stderr);
        let answer: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(violations(&schema, &answer), [""; 0], "{arguments:?}: {}", said.stdout);
        assert!(!answer.as_array().is_some_and(Vec::is_empty), "{arguments:?} has an empty answer");
        used.insert(format!("{name}.json"));
    };
    check("names", &["list", "::", "--files"]);
    check("names", &["query", "buildfiles(deps(//svc:app)) + labels(sources, //alone:data)"]);
    check("names", &["filedeps", "::", "--build-files"]);
    check("names", &["roots"]);
    check("neighbours", &["dependencies", "::", "--transitive", "--files"]);
    check("neighbours", &["dependents", "::"]);
    check("paths", &["paths", "--all", "//svc:app", "//3rdparty:reqs#flask"]);
    check("why", &["why", "//svc:app", "//3rdparty:reqs#flask"]);
    check("peek", &["peek", "::"]);
    check("affected", &["affected"]);
    check("matrix", &["affected"]);
    // What builds say is held against these where one is made.
    used.extend(["ci.json", "doctor.json", "events.json", "rebuilt.json"].map(ToOwned::to_owned));
    let all: BTreeSet<String> = fs::read_dir(schemas())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(used, all, "every schema is of some goal");
}

#[test]
fn lines_of_json_are_its_items() {
    let repository = repository(SERVICE);
    let run = |arguments: &[&str]| repository.run(arguments).stdout;
    for arguments in
        [&["list", "::"][..], &["peek", "::"], &["query", "deps(//svc:app)"], &["filedeps", "::"]]
    {
        let whole: Vec<Value> =
            serde_json::from_str(&run(&[arguments, &["--output=json"]].concat())).unwrap();
        let lines = run(&[arguments, &["--output=jsonl"]].concat());
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, whole, "{arguments:?}");
    }
    let lines = run(&["dependencies", "//svc:app", "--output=jsonl"]);
    assert_eq!(lines, "{\"target\":\"//svc:app\",\"dependencies\":[\"//svc:lib\"]}\n");
}

#[test]
fn drawings_have_all_nodes_and_edges() {
    let repository = repository(SERVICE);
    let dot = repository.run(&["query", "deps(//svc:app) - //3rdparty:reqs#flask", "--output=dot"]).stdout;
    assert_eq!(
        dot,
        "digraph targets {\n  \"//svc:app\" [rule=python_binary];\n  \"//svc:lib\" [rule=python_library];\n  \
         \"//util:util\" [rule=python_library];\n  \"//svc:app\" -> \"//svc:lib\" [kind=entry_point, style=dashed];\n  \
         \"//svc:lib\" -> \"//util:util\" [kind=declared, style=solid];\n}\n"
    );
    let strange =
        Repository::new(&[("pants.toml", ""), ("BUILD", "files(name = \"f\", sources = [\"*.t\"])\n")]);
    strange.write("a&\"<\u{1}.t", "");
    strange.write("b\\\".t", "");
    let xml = strange.run(&["list", "::", "--files", "--output=graphml"]).stdout;
    let dot = strange.run(&["list", "::", "--files", "--output=dot"]).stdout;
    assert!(dot.contains("\"//b\\\\\\\".t:f\" [rule=file];"), "{dot}");
    // Any reader of XML will do, and Python has one.
    let script = "import sys, xml.etree.ElementTree as x\n\
                  n = '{http://graphml.graphdrawing.org/xmlns}'\n\
                  t = x.fromstring(sys.stdin.buffer.read())\n\
                  print(sorted(e.get('id') for e in t.iter(n + 'node')), len(list(t.iter(n + 'edge'))))";
    let mut python = Command::new("python3");
    python.args(["-c", script]).env("PYTHONUTF8", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), xml.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "['//:f', '//a&\"<\u{fffd}.t:f', '//b\\\\\".t:f'] 2\n",
        "{xml}"
    );
}

#[test]
fn a_form_that_a_goal_has_not_is_refused() {
    let repository = repository(SERVICE);
    let said = repository.run(&["roots", "--output=dot"]);
    assert_eq!(
        (said.code, said.stdout.as_str(), said.stderr.as_str()),
        (
            2,
            "",
            "error[cli::form]: `roots` has no answer in the form `dot`\n |\n = help: it has `text`, `json`, `jsonl`\n"
        )
    );
}

//! What is inside of a program: the bill of materials, by the schema of its form, and licences that are not allowed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::index::Index;
use crate::repository::{Repository, skipped};
use crate::zip::{Entry, archive, sha256};

/// A wheel of version 1.0 with these headers in its metadata.
fn wheel(project: &str, headers: &str) -> Vec<u8> {
    let folder = format!("{project}-1.0.dist-info");
    let path = |name: &str| format!("{folder}/{name}");
    let metadata = format!("Metadata-Version: 2.4\nName: {project}\nVersion: 1.0\n{headers}\n");
    let module = format!("{project}.py");
    let record: String = [&module, &path("METADATA"), &path("WHEEL"), &path("RECORD")]
        .map(|path| format!("{path},,\n"))
        .concat();
    archive(&[
        Entry::file(&module, ""),
        Entry::file(&path("METADATA"), &metadata),
        Entry::file(
            &path("WHEEL"),
            "Wheel-Version: 1.0\nGenerator: own\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
        Entry::file(&path("RECORD"), &record),
    ])
}

/// A program over `greet`, which needs `words`; none, said, where the runtime cannot be had.
fn served(test: &str) -> Option<(Repository, Index)> {
    let index = Index::start(test)?;
    let mut lock =
        "lock-version = \"1.0\"\ncreated-by = \"pants\"\nrequires-python = \">=3.11\"\nenvironments = []\n\n\
         [tool.pants]\nformat = 1\nindexes = [\"default\"]\ninterpreters = [\"3.11\"]\n\
         platforms = [\"linux-x86_64\"]\nrequirements = [\"greet\"]\n"
            .to_owned();
    let packages = [
        ("greet", "License-Expression: MIT OR GPL-3.0-only", "dependencies = [{ name = \"words\" }]\n"),
        ("words", "License: Own License", ""),
    ];
    for (project, headers, more) in packages {
        let (name, wheel) = (format!("{project}-1.0-py3-none-any.whl"), wheel(project, headers));
        lock += &format!(
            "\n[[packages]]\nname = \"{project}\"\nversion = \"1.0\"\n{more}wheels = [{{ name = \"{name}\", hashes = {{ sha256 = \"{}\" }} }}]\n",
            sha256(&wheel)
        );
        index.add(&name, wheel);
    }
    let mut repository = Repository::new(&[
        ("pants.lock", &lock),
        ("3rdparty/BUILD", "python_requirement(name = \"greet\", requirements = [\"greet\"])\n"),
        (
            "svc/BUILD",
            "python_library(name = \"lib\")\npython_binary(name = \"app\", entry_point = \"main.py\", pyc = False)\n",
        ),
        ("svc/main.py", "import greet\n"),
    ]);
    index.of(&mut repository);
    Some((repository, index))
}

#[test]
fn a_bill_of_materials_follows_its_schema() {
    let test = "a_bill_of_materials_follows_its_schema";
    let Some((repository, _index)) = served(test) else { return };
    let said = repository.run(&["sbom", "//svc:app"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let bill: Value = serde_json::from_str(&said.stdout).unwrap();
    let names: Vec<&Value> = bill["components"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["greet", "pex", "words"]);
    let licences = |at: usize| &bill["components"][at]["licenses"];
    assert_eq!(licences(0), &json!([{ "expression": "MIT OR GPL-3.0-only" }]));
    assert_eq!(licences(1), &json!([{ "license": { "id": "Apache-2.0" } }]));
    assert_eq!(licences(2), &json!([{ "license": { "name": "Own License" } }]));
    let greet = sha256(&wheel("greet", "License-Expression: MIT OR GPL-3.0-only"));
    assert_eq!(bill["components"][0]["hashes"], json!([{ "alg": "SHA-256", "content": greet }]));
    let needs = bill["dependencies"].as_array().unwrap();
    assert_eq!(needs[0]["ref"], "//svc:app");
    assert!(!needs[0]["dependsOn"].as_array().unwrap().contains(&json!("pkg:pypi/words@1.0")));
    assert_eq!(needs[1], json!({ "ref": "pkg:pypi/greet@1.0", "dependsOn": ["pkg:pypi/words@1.0"] }));
    assert!(repository.dist().is_empty(), "nothing is assembled");
    std::fs::remove_dir_all(repository.cache()).unwrap();
    let again = repository.run(&["sbom", "//svc:app", "--out", "bill.json"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, ""), "{}", again.stderr);
    assert_eq!(String::from_utf8(repository.read("bill.json")).unwrap(), said.stdout);
    let dated = repository.run(&["sbom", "//svc:app", "--timestamp", "2026-01-31T12:00:00Z"]);
    let dated: Value = serde_json::from_str(&dated.stdout).unwrap();
    assert_eq!(dated["metadata"]["timestamp"], "2026-01-31T12:00:00Z");
    match schema() {
        None => skipped(test, "pip cannot get `cyclonedx-python-lib`, so no schema was asked"),
        Some(library) => [said.stdout, dated.to_string()].iter().for_each(|text| validate(&library, text)),
    }
}

/// The library that has the schemas of CycloneDX, fetched by pip once and kept between runs.
fn schema() -> Option<PathBuf> {
    const WANTED: &str = "cyclonedx-python-lib[json-validation]==11.12.0";
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = shared.join("cyclonedx-python-lib");
    if !folder.is_dir() {
        let fresh = tempfile::tempdir_in(shared).unwrap();
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--target"]).arg(fresh.path().join("it")).arg(WANTED);
        if !pip.stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            return None;
        }
        // Another test may have been faster.
        let _ = std::fs::rename(fresh.path().join("it"), &folder);
    }
    Some(folder)
}

fn validate(library: &Path, text: &str) {
    let program = "import sys\nfrom cyclonedx.schema import SchemaVersion\n\
        from cyclonedx.validation.json import JsonStrictValidator\n\
        sys.exit(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()))\n";
    let mut python = Command::new("python3");
    python.args(["-c", program]).env("PYTHONPATH", library).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn licences_that_are_not_allowed_stop_a_build() {
    let Some((repository, _index)) = served("licences_that_are_not_allowed_stop_a_build") else { return };
    let configuration = "[python]\ninterpreters = [\"3.11\"]\nplatforms = [\"linux-x86_64\"]\n\n[licences]\n\
                         allow = [\"MIT\", \"Apache-2.0\"]\n";
    repository.write("pants.toml", configuration);
    let expected = "
error[licences::denied]: `words` 1.0 is under `Own License`, which `[licences]` does not allow
 --> pants.toml:6:9
  |
6 | allow = [\"MIT\", \"Apache-2.0\"]
  |         ^^^^^^^^^^^^^^^^^^^^^
  |
  = note: needed by `//svc:app`, by way of `//3rdparty:greet`; `pants why //svc:app //3rdparty:greet` says why
  = note: required by way of greet → words
  = help: do without it, allow the licence, or make an exception below `[licences.exceptions]`: `words = [\"Own License\"]`
";
    for arguments in [&["sbom", "--check", "::"][..], &["binary", "//svc:app"]] {
        let said = repository.run(arguments);
        assert!(said.code == 1 && said.stderr.contains(expected.trim()), "{}", said.stderr);
        assert!(repository.dist().is_empty(), "nothing is assembled");
    }
    repository
        .write("pants.toml", format!("{configuration}\n[licences.exceptions]\nWords = [\"own license\"]\n"));
    for arguments in [&["sbom", "--check", "::"][..], &["binary", "//svc:app"]] {
        let said = repository.run(arguments);
        assert_eq!(said.code, 0, "{}", said.stderr);
    }
    assert_eq!(repository.dist(), ["svc/app.pex"]);
}

//! `why` after one edit of each kind: it names that edit, and nothing else.

use serde_json::{Value, json};

use crate::checkout::{Checkout, report};
use crate::index::Index;
use crate::recorded::schema;
use crate::schema::violations;

/// What is said of the program.
#[track_caller]
fn why(checkout: &Checkout) -> Value {
    let told = report(&checkout.command(&["--output", "json", "why", "//one"]).output().unwrap());
    assert_eq!(violations(&schema("rebuilt"), &told), [""; 0], "{told:#}");
    assert_eq!(told.as_array().unwrap().len(), 1, "{told:#}");
    told[0].clone()
}

/// Checks that these are the causes, before it is built again and after that. Of each cause some keys are given.
#[track_caller]
fn check(checkout: &Checkout, expect: &[Value]) {
    for status in ["stale", "up_to_date"] {
        let told = why(checkout);
        assert_eq!(told["status"], status, "{told:#}");
        let causes = told["causes"].as_array().unwrap();
        assert_eq!(causes.len(), expect.len(), "{told:#}");
        for (cause, expect) in causes.iter().zip(expect) {
            for (key, value) in expect.as_object().unwrap() {
                assert_eq!(&cause[key], value, "{key} of {told:#}");
            }
        }
        checkout.build(&["//one"]);
    }
}

#[test]
fn each_edit_is_named_and_nothing_else() {
    let Some(index) = Index::start("each_edit_is_named_and_nothing_else") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut checkout = Checkout::generate(&dir.path().join("repository"), dir.path(), 1, &index);
    let macros = |strip: &str| {
        format!(
            "def program(name):\n    python_binary(\n        name = name,\n        entry_point = 'one.main',\n        strip_pex_env = {strip},\n    )\n"
        )
    };
    let build = |more: &str| {
        format!(
            "load('//build/macros.bzl', 'program')\npython_library(name = 'lib', dependencies = ['//shared', '//3rdparty:alpha'{more}])\n\
             program(name = 'one')\n"
        )
    };
    checkout.write("build/macros.bzl", &macros("True"));
    checkout.write("one/BUILD", &build(""));
    assert_eq!(why(&checkout)["status"], "unknown");
    checkout.build(&["//one"]);
    let first = why(&checkout);
    assert_eq!((&first["status"], &first["causes"]), (&json!("up_to_date"), &json!([])), "{first:#}");

    // A source, with the way to it.
    checkout.write("shared/__init__.py", "SALT = 7\n");
    check(&checkout, &[json!({ "kind": "file", "path": "shared/__init__.py", "change": "changed" })]);
    let told = why(&checkout);
    let steps = told["causes"][0]["steps"].as_array().unwrap();
    assert_eq!(steps[steps.len() - 1]["to"], "//shared/__init__.py", "{told:#}");

    // What changes nothing of the program is not named: what is said stays as it was.
    checkout.write(
        "one/BUILD",
        &(build("") + "# a comment\npython_library(name = 'other', sources = ['part1.py'])\n"),
    );
    assert_eq!(why(&checkout)["causes"], told["causes"]);
    checkout.write("one/BUILD", &build(""));

    // A field that a macro gives.
    checkout.write("build/macros.bzl", &macros("False"));
    let field = json!({ "kind": "field", "target": "//one:one", "field": "strip_pex_env", "before": "True", "after": "False" });
    check(&checkout, &[field]);

    // A field of a BUILD file, and what comes with it.
    checkout.write("one/BUILD", &build(", '//3rdparty:beta'"));
    check(&checkout, &[json!({ "kind": "field", "target": "//one:lib", "field": "dependencies" })]);
    let consequences = why(&checkout)["consequences"].clone();
    assert_eq!(consequences[0]["after"], "beta-1.0-py3-none-any.whl", "{consequences:#}");

    // A variable that a BUILD file reads.
    checkout.write("build/macros.bzl", &macros("env('STRIP', 'no') == 'yes'"));
    checkout.build(&["//one"]);
    checkout.env.insert("STRIP".into(), "yes".into());
    check(&checkout, &[json!({ "kind": "variable", "name": "STRIP" })]);

    // An option.
    checkout.write(
        "pants.toml",
        "[python]\ninterpreters = [\"3.11\"]\nplatforms = [\"linux-x86_64\"]\n[python-infer]\ninit_files = \"never\"\n",
    );
    let option = json!({ "kind": "option", "name": "[python-infer] init_files", "before": null, "after": "\"never\"" });
    check(&checkout, &[option]);

    // An entry of the lock, and the wheel that it names.
    let other = Checkout::generate(&dir.path().join("other"), dir.path(), 2, &index);
    checkout.write("pants.lock", &String::from_utf8(other.read("pants.lock")).unwrap());
    let wheel = |name: &str| {
        let after = format!("{name}-1.0-py3-none-any.whl with other content");
        json!({ "kind": "distribution", "after": after })
    };
    check(&checkout, &[wheel("alpha"), wheel("beta")]);
}

#[test]
fn distributions_are_explained() {
    let Some(index) = Index::start("distributions_are_explained") else { return };
    let dir = tempfile::tempdir().unwrap();
    let checkout = Checkout::generate(&dir.path().join("repository"), dir.path(), 1, &index);
    let say = |arguments: &[&str]| {
        let said = checkout.command(&[&["why"], arguments].concat()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (said.status.code().unwrap(), text(&said.stdout), text(&said.stderr))
    };
    let (code, said, errors) = say(&["--in-pex", "Alpha", "//one"]);
    assert_eq!(code, 0, "{errors}");
    let expect = "alpha 1.0 is in dist/one/one.pex\n  //one:one\n";
    assert!(said.starts_with(expect) && said.ends_with("//3rdparty:alpha requires alpha\n"), "{said}");
    let (code, said, errors) = say(&["--version-of", "alpha", "//one"]);
    assert_eq!(code, 0, "{errors}");
    assert!(said.starts_with("alpha 1.0 is what pants.lock holds\n"), "{said}");
    assert!(said.contains("requires alpha==1.0\n"), "{said}");
    let (code, _, errors) = say(&["--in-pex", "alpah", "//one"]);
    assert_eq!(code, 2);
    assert!(errors.contains("no distribution `alpah` is in it") && errors.contains("alpha"), "{errors}");
    let (code, _, errors) = say(&["//3rdparty:alpha"]);
    assert_eq!(code, 2);
    assert!(errors.contains("`//3rdparty:alpha` is nothing that is built"), "{errors}");
}

#[test]
fn values_of_variables_are_not_told() {
    let mut repository = crate::repository::Repository::new(&[
        (
            "BUILD",
            "python_library(name = 'lib')\npython_binary(name = 'app', entry_point = 'main.py', env = {'TOKEN': 'a ' + env('MY_TOKEN')})\n",
        ),
        ("main.py", ""),
        ("other/BUILD", "target(name = 'other', tags = [env('OTHERS', '')])\n"),
    ]);
    let mut build = |token: &str, others: &str| {
        repository.env.insert("MY_TOKEN".to_owned(), token.to_owned());
        repository.env.insert("OTHERS".to_owned(), others.to_owned());
        let why = repository.run(&["why", "//:app"]);
        let said = repository.run(&["binary", "//:app"]);
        assert_eq!((why.code, said.code), (0, 0), "{}{}", why.stderr, said.stderr);
        why.stdout
    };
    build("hunter2-first", "1");
    let why = build("hunter2-second", "2");
    assert!(why.contains("MY_TOKEN") && !why.contains("hunter2"), "{why}");
    assert!(!why.contains("OTHERS"), "what another BUILD file reads is no cause: {why}");
    let mut kept = Vec::new();
    for folder in std::fs::read_dir(repository.cache().join("accounts")).unwrap().flatten() {
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            kept.extend(std::fs::read(file.path()).unwrap());
        }
    }
    assert!(!kept.is_empty() && !kept.windows(7).any(|bytes| bytes == b"hunter2"));
}

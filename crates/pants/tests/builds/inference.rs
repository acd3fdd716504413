//! Programs whose BUILD files declare nothing: what goes in is what is imported, file by file.

use serde_json::{Value, json};

use crate::checkout::Checkout;
use crate::index::Index;

/// A checkout with a program whose dependencies are only told by imports.
struct Inferred {
    /// Removed at the end.
    _dir: tempfile::TempDir,
    checkout: Checkout,
}

fn inferred(test: &str) -> Option<Inferred> {
    let index = Index::start(test)?;
    let dir = tempfile::tempdir().unwrap();
    let checkout = Checkout::generate(&dir.path().join("repository"), dir.path(), 1, &index);
    checkout.write(
        "three/BUILD",
        "python_library(name = 'lib')\npython_binary(name = 'three', entry_point = 'three.main')\n",
    );
    checkout.write("three/__init__.py", "");
    checkout.write("three/main.py", "import alpha\nfrom shared import SALT\nfrom . import used\n");
    checkout.write("three/used.py", "def f():\n    import three.main\n");
    checkout.write("three/unused.py", "import beta, three.used\n");
    Some(Inferred { _dir: dir, checkout })
}

impl Inferred {
    /// What a command prints on both streams.
    #[track_caller]
    fn check(&self, arguments: &[&str], code: i32, stdout: &str, stderr: &[&str]) {
        let output = self.checkout.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), stdout, "{said}");
        for text in stderr {
            assert!(said.contains(text), "{text:?} is not in:\n{said}");
        }
        assert_eq!(said.is_empty(), stderr.is_empty(), "{said}");
    }
}

const ALL: &str = "//3rdparty:alpha\n//shared/__init__.py\n//three/__init__.py:lib\n//three/main.py:lib\n//three/used.py:lib\n";

#[test]
fn an_edit_of_a_file_that_is_not_reached_builds_nothing() {
    let Some(inferred) = inferred("an_edit_of_a_file_that_is_not_reached_builds_nothing") else { return };
    let checkout = &inferred.checkout;
    inferred.check(&["dependencies", "--transitive", "--files", "//three"], 0, ALL, &[]);
    inferred.check(
        &["dependencies", "//three:lib"],
        0,
        "//3rdparty:alpha\n//3rdparty:beta\n//shared:shared\n",
        &[],
    );
    let first = checkout.build(&["//three"]);
    let dist = checkout.dist();
    assert!(first["actions_run"].as_u64().unwrap() > 0);
    for text in ["x = 1\n", "import alpha, shared\n", "import nowhere\n"] {
        checkout.write("three/unused.py", text);
        let report = checkout.build(&["//three"]);
        assert_eq!((&report["actions_run"], &report["diagnostics"]), (&json!(0), &json!([])), "{text}");
        assert_eq!(report["artifacts"], first["artifacts"]);
    }
    assert_eq!(checkout.dist(), dist);
    checkout.write("three/used.py", "import three.unused\n");
    let edited = checkout.build(&["//three"]);
    assert_eq!(edited["actions_run_by_kind"]["archive"], 1, "{edited:#}");
    assert_eq!(edited["diagnostics"][0]["code"], "python::unowned_import", "the file is reached now");
}

#[test]
fn without_inference_a_file_stands_for_its_library() {
    let Some(inferred) = inferred("without_inference_a_file_stands_for_its_library") else { return };
    let checkout = &inferred.checkout;
    let config = String::from_utf8(checkout.read("pants.toml")).unwrap();
    checkout.write("pants.toml", &format!("{config}\n[python-infer]\nimports = false\n"));
    let all = "//three:lib\n//three/__init__.py:lib\n//three/main.py:lib\n//three/unused.py:lib\n//three/used.py:lib\n";
    inferred.check(&["dependencies", "--transitive", "--files", "//three"], 0, all, &[]);
    let first = checkout.build(&["//three"]);
    checkout.write("three/unused.py", "x = 1\n");
    let edited = checkout.build(&["//three"]);
    assert_ne!(first["artifacts"][0]["digest"], edited["artifacts"][0]["digest"]);
}

#[test]
fn imports_that_lead_nowhere_are_told_to_who_asks() {
    let Some(inferred) = inferred("imports_that_lead_nowhere_are_told_to_who_asks") else { return };
    let checkout = &inferred.checkout;
    checkout.write("three/used.py", "import alhpa\ntry:\n    import weak\nexcept ImportError:\n    pass\n");
    let config = String::from_utf8(checkout.read("pants.toml")).unwrap();
    let behave = |behaviour: &str| {
        let section = format!("[python-infer]\nunowned_dependency_behavior = \"{behaviour}\"\n");
        checkout.write("pants.toml", &format!("{config}\n{section}"));
    };
    let told = "[python::unowned_import]: no target provides the module `alhpa`\n --> three/used.py:1:8";
    let (warning, error) = (format!("warning{told}"), format!("error{told}"));
    let help = "did you mean `alpha`?";
    inferred.check(&["list", "three:"], 0, "//three:lib\n//three:three\n", &[]);
    inferred.check(&["dependencies", "--transitive", "--files", "//three"], 0, ALL, &[&warning, help]);
    inferred.check(&["dependencies", "//one:lib"], 0, "//3rdparty:alpha\n//shared:shared\n", &[]);
    behave("ignore");
    inferred.check(&["dependencies", "--transitive", "--files", "//three"], 0, ALL, &[]);
    behave("error");
    inferred.check(&["dependencies", "--transitive", "--files", "//three"], 2, "", &[&error, help]);
    let output = checkout.command(&["--output", "json", "binary", "//three"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["exit_code"], &report["artifacts"]), (&json!(2), &json!([])));
    behave("never");
    let choices = "`unowned_dependency_behavior`: expected `ignore` or `warning` or `error`, found `never`";
    inferred.check(&["list", "three:"], 2, "", &[choices, "pants.toml:6:31"]);
}

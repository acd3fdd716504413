//! `pants fmt` and `pants fix`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::{answer, report, run, shop};

const FMT: &str = "[fmt]\ntools = [\"isort\", \"black\"]\n";
const UGLY: &str = "import os, lib.sums\nimport  abc\nprint( os,abc , lib.sums )\n";
const GOOD: &str = "import abc\nimport os\n\nimport lib.sums\n\nprint(os, abc, lib.sums)\n";

#[test]
fn files_are_rewritten_by_one_tool_after_the_other() {
    let Some(repository) = shop("files_are_rewritten_by_one_tool_after_the_other", &["isort", "black"], FMT)
    else {
        return;
    };
    repository.write("svc/ugly.py", UGLY);
    let path = repository.root().join("svc/ugly.py");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();

    let (code, said) = run(&repository, &["fmt", "--check", "::"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("--- a/svc/ugly.py\n+++ b/svc/ugly.py\n") && said.contains("+import lib.sums\n"));
    assert!(said.contains("1 of 4 files would change: `pants fmt` writes them; "), "{said}");
    assert_eq!(repository.read("svc/ugly.py"), UGLY.as_bytes());
    assert_eq!(answer(&repository, &["fmt", "--dry-run", "::"]).0, 0);

    assert_eq!(answer(&repository, &["fmt", "::"]), (0, "svc/ugly.py\n".to_owned()));
    assert_eq!(text(&repository.read("svc/ugly.py")), GOOD);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(answer(&repository, &["fmt", "::"]), (0, String::new()));
    assert_eq!(answer(&repository, &["fmt", "--check", "::"]), (0, String::new()));
    let again = report(&repository, &["fmt", "::"]);
    assert_eq!((&again["actions_run"], &again["written"]), (&0.into(), &true.into()));

    // What configures the one in the middle counts, and only the nearest.
    repository.write("pyproject.toml", "[tool.black]\nline-length = 20\n");
    let (_, diff) = answer(&repository, &["fmt", "--check", "svc/ugly.py"]);
    assert!(diff.contains("+print(\n+    os,\n"), "{diff}");
    repository.write("svc/pyproject.toml", "[tool.black]\nline-length = 80\n");
    assert_eq!(answer(&repository, &["fmt", "--check", "svc/ugly.py"]).0, 0);
}

#[test]
fn nothing_is_written_unless_all_is_well() {
    let Some(repository) = shop("nothing_is_written_unless_all_is_well", &["isort", "black"], FMT) else {
        return;
    };
    repository.write("lib/ugly.py", UGLY);
    repository.write("svc/broken.py", "def (:\n");
    let (code, said) = run(&repository, &["fmt", "::"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("error[tools::failed]: `black` failed with exit code 123 on "), "{said}");
    assert!(said.contains("svc/broken.py:1:4") && said.contains("nothing is written"), "{said}");
    assert_eq!(repository.read("lib/ugly.py"), UGLY.as_bytes());
    assert_eq!(answer(&repository, &["fmt", "lib::"]), (0, "lib/ugly.py\n".to_owned()));
}

#[test]
fn linters_mend_and_formatters_follow() {
    let config = "[lint]\ntools = [\"ruff\"]\n\n[tools.ruff]\nargs = []\n";
    let Some(repository) = shop("linters_mend_and_formatters_follow", &["ruff"], config) else { return };
    repository.write("svc/app.py", "import os\nx = [ 1,2 ]\nprint(undefined)\n");
    assert_eq!(answer(&repository, &["fix", "svc::", "--tool", "ruff"]), (0, "svc/app.py\n".to_owned()));
    assert_eq!(text(&repository.read("svc/app.py")), "x = [ 1,2 ]\nprint(undefined)\n");
    // Of the formatters, the lock was asked for this one alone.
    assert_eq!(answer(&repository, &["fix", "svc::"]), (0, "svc/app.py\n".to_owned()));
    assert_eq!(text(&repository.read("svc/app.py")), "x = [1, 2]\nprint(undefined)\n");
    assert_eq!(answer(&repository, &["fix", "svc::"]), (0, String::new()));
    let (code, said) = answer(&repository, &["lint", "svc::"]);
    assert!(code == 1 && said.contains("svc/app.py:2:7: F821 Undefined name `undefined`"), "{said}");
}

#[test]
fn batches_are_many_and_one_edit_concerns_one() {
    let Some(repository) = shop("batches_are_many_and_one_edit_concerns_one", &["ruff"], "") else { return };
    for number in 0..400 {
        repository.write(&format!("svc/file_{number}.py"), format!("x = {number}\n"));
    }
    let first = report(&repository, &["fmt", "::"]);
    assert_eq!((&first["exit_code"], first["files"].as_array().unwrap().len()), (&0.into(), 0));
    repository.write("svc/file_77.py", "x  =  7\n");
    let edited = report(&repository, &["fmt", "::"]);
    assert_eq!((&edited["files"][0], &edited["actions_run"]), (&"svc/file_77.py".into(), &1.into()));
    assert!(edited["cache_hits"]["run"].as_u64().unwrap() >= 4, "{edited}");
    // One more leaves the others as they are, but for what may end where it ended.
    repository.write("svc/file_1000.py", "x = 1\n");
    let more = report(&repository, &["fmt", "::"]);
    assert!((1..=3).contains(&more["actions_run"].as_u64().unwrap()), "{more}");
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn targets_are_left_alone_by_the_tools_that_they_name() {
    let test = "targets_are_left_alone_by_the_tools_that_they_name";
    let Some(repository) = shop(test, &["black", "ruff"], "[fmt]\ntools = [\"black\"]\n") else { return };
    let ugly = "x  =  1\n";
    for path in ["lib/ugly.py", "svc/ugly.py", "svc/other.py"] {
        repository.write(path, ugly);
    }
    repository.write("lib/BUILD", "python_library(skip_black = True)\n");
    repository.write(
        "svc/BUILD",
        "python_library(overrides = {\"other.py\": {\"skip_tools\": [\"black\", \"ruff\"]}})\n",
    );
    let (code, said) = run(&repository, &["fmt", "::"]);
    assert_eq!(code, 0, "{said}");
    let read = |path: &str| crate::text(&repository.read(path));
    assert_eq!([read("lib/ugly.py"), read("svc/ugly.py")], [ugly, "x = 1\n"]);
    assert_eq!(read("svc/other.py"), ugly);
    // Others are not meant.
    repository.write("lib/ugly.py", "import os\n");
    repository.write("svc/other.py", "import os\n");
    let (code, said) = run(&repository, &["lint", "--tool", "ruff", "::"]);
    assert!(code == 1 && said.contains("lib/ugly.py") && !said.contains("svc/other.py"), "{said}");
}

/// A formatter that is killed when it has written a part of the file.
const KILLED: &str = "[fmt]\ntools = [\"halfway\"]\n\n[tools.halfway]\ngoal = \"fmt\"\npackages = [\"black\"]\nmodule = \"timeit\"\n\
     rewrite_args = [\"-s\", \"import os, sys; open(sys.argv[-1], 'w').write('impo'); os.kill(os.getpid(), 9)\"]\n";

#[test]
fn files_are_whole_whoever_is_killed() {
    let Some(repository) = shop("files_are_whole_whoever_is_killed", &["black"], KILLED) else { return };
    let ugly = "x  =  1\n".repeat(2_000);
    repository.write("svc/ugly.py", &ugly);
    let (code, said) = run(&repository, &["fmt", "svc/ugly.py"]);
    assert!(code == 1 && said.contains("`halfway` failed") && said.contains("nothing is written"), "{said}");
    assert_eq!(text(&repository.read("svc/ugly.py")), ugly);

    // The tool itself, at whatever moment.
    let config = String::from_utf8(repository.read("pants.toml")).unwrap();
    repository.write("pants.toml", config.replace("tools = [\"halfway\"]", "tools = [\"black\"]"));
    let good = "x = 1\n".repeat(2_000);
    for moment in 0..8 {
        let mut command = crate::online(&repository, &["-q", "fmt", "svc/ugly.py", "--force"]);
        let mut child = command.spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(moment * 400));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = repository.read("svc/ugly.py");
        assert!([&ugly, &good].contains(&&text(&found).to_owned()), "killed after {} ms", moment * 400);
    }
    assert_eq!(run(&repository, &["-q", "fmt", "svc/ugly.py"]).0, 0);
    assert_eq!(text(&repository.read("svc/ugly.py")), good);
}

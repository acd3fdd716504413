//! The second build runs nothing; a change runs what it touches and no more.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::checkout::Checkout;
use crate::index::Index;

const BOTH: [&str; 2] = ["//one", "//two"];

/// A repository whose programs are built.
struct Built {
    dir: tempfile::TempDir,
    checkout: Checkout,
    first: Value,
}

fn built(test: &str) -> Option<Built> {
    let index = Index::start(test)?;
    let dir = tempfile::tempdir().unwrap();
    let checkout = Checkout::generate(&dir.path().join("repository"), dir.path(), 1, &index);
    let first = checkout.build(&BOTH);
    assert!(first["actions_run"].as_u64().unwrap() > 0);
    // Nothing from here on may need the index: it is gone.
    Some(Built { dir, checkout, first })
}

impl Built {
    /// Builds both programs, which runs nothing and ends as the first build did.
    #[track_caller]
    fn nothing_runs(&self, why: &str) {
        let report = self.checkout.build(&BOTH);
        assert_eq!(report["actions_run"], 0, "{why}: {report:#}");
        assert_eq!(report["actions_run_by_kind"], json!({}));
        assert_eq!(report["artifacts"], self.first["artifacts"], "{why}");
        let total = |report: &Value, key: &str| -> u64 {
            report[key].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
        };
        let all = total(&self.first, "actions_run_by_kind") + total(&self.first, "cache_hits");
        assert_eq!(total(&report, "cache_hits"), all, "{why}: every action is a hit");
    }
}

#[test]
fn the_second_build_runs_nothing() {
    let Some(built) = built("the_second_build_runs_nothing") else { return };
    built.nothing_runs("nothing changed");
    let hits = built.checkout.build(&BOTH)["cache_hits"].clone();
    assert!(hits["archive"].is_u64() && hits["fetch"].is_u64() && hits["apply"].is_u64(), "{hits}");
    let text = built.checkout.command(&["binary", "//one"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&text.stdout), "dist/one/one.pex\n");
    assert!(String::from_utf8_lossy(&text.stderr).starts_with("0 steps run, "), "{text:?}");
}

#[test]
fn what_is_not_in_the_closure_runs_nothing() {
    let Some(built) = built("what_is_not_in_the_closure_runs_nothing") else { return };
    let checkout = &built.checkout;
    let touch = Command::new("touch")
        .args(["one/main.py", "shared/__init__.py", "one/BUILD", "pants.lock"])
        .current_dir(&checkout.root)
        .status();
    assert!(touch.unwrap().success());
    built.nothing_runs("files were touched");
    let text = checkout.read("one/main.py");
    fs::remove_file(checkout.root.join("one/main.py")).unwrap();
    checkout.write("one/main.py", &String::from_utf8(text).unwrap());
    built.nothing_runs("a file was written again");
    checkout.write("README.md", "# Read me\n");
    checkout.write("other/BUILD", "python_library()\n");
    checkout.write("other/more.py", "x = 1\n");
    checkout.write("one/notes.txt", "not a source\n");
    built.nothing_runs("files outside of the closure came");
    checkout.write("other/more.py", "x = 2\n");
    built.nothing_runs("a file outside of the closure changed");
    let build_file = String::from_utf8(checkout.read("one/BUILD")).unwrap();
    checkout.write("one/BUILD", &format!("# A comment.\n{build_file}"));
    built.nothing_runs("a comment came to a BUILD file");
}

#[test]
fn an_edit_assembles_its_own_program_alone_and_reverting_is_a_hit() {
    let Some(built) = built("an_edit_assembles_its_own_program_alone_and_reverting_is_a_hit") else { return };
    let checkout = &built.checkout;
    let (before, dist) = (checkout.read("one/part3.py"), checkout.dist());
    checkout.write("one/part3.py", "print('edited')\n");
    let edited = checkout.build(&BOTH);
    assert_eq!(edited["actions_run_by_kind"]["archive"], 1, "{edited:#}");
    assert_eq!(edited["actions_run_by_kind"]["fetch"], Value::Null);
    let (first, now) = (&built.first["artifacts"], &edited["artifacts"]);
    assert_ne!(first[0]["digest"], now[0]["digest"]);
    assert_eq!(first[1], now[1], "the other program is untouched");
    let changed: Vec<String> = checkout
        .dist()
        .into_iter()
        .filter(|(path, file)| dist.get(path) != Some(file))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(changed, ["one/one.pex"]);
    checkout.write("one/part3.py", std::str::from_utf8(&before).unwrap());
    built.nothing_runs("the edit was reverted");
    assert_eq!(checkout.dist(), dist, "what is in dist/ is reverted as well");
    // A library of both programs concerns both.
    checkout.write("shared/__init__.py", "SALT = 7\n");
    let both = checkout.build(&BOTH)["artifacts"].clone();
    assert!(both[0]["digest"] != first[0]["digest"] && both[1]["digest"] != first[1]["digest"]);
}

/// Does something to `dist/`, after which a build that runs nothing restores it.
#[track_caller]
fn restored(built: &Built, what: &str, harm: impl Fn(&Path)) {
    let before = built.checkout.dist();
    harm(&built.checkout.root.join("dist"));
    assert_ne!(built.checkout.dist(), before, "{what} is a change");
    built.nothing_runs(what);
    assert_eq!(built.checkout.dist(), before, "{what} is undone");
}

#[test]
fn what_happens_to_dist_is_undone() {
    let Some(built) = built("what_happens_to_dist_is_undone") else { return };
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for program in ["one/one.pex", "two/two.pex/__main__.py", "two/two.pex/two/main.py"] {
        restored(&built, "a deleted file", |dist| fs::remove_file(dist.join(program)).unwrap());
        restored(&built, "an emptied file", |dist| fs::write(dist.join(program), "").unwrap());
        restored(&built, "another mode", |dist| mode(&dist.join(program), 0o600));
        restored(&built, "an edit of the same size", |dist| {
            let path = dist.join(program);
            let mut content = fs::read(&path).unwrap();
            let last = content.len() - 1;
            content[last] ^= 1;
            fs::write(&path, content).unwrap();
        });
        restored(&built, "a folder in its place", |dist| {
            fs::remove_file(dist.join(program)).unwrap();
            fs::create_dir(dist.join(program)).unwrap();
        });
        restored(&built, "a link in its place", |dist| {
            fs::remove_file(dist.join(program)).unwrap();
            std::os::unix::fs::symlink("/dev/null", dist.join(program)).unwrap();
        });
    }
    restored(&built, "no dist at all", |dist| fs::remove_dir_all(dist).unwrap());
    restored(&built, "a file too many", |dist| fs::write(dist.join("two/two.pex/more.py"), "").unwrap());
    restored(&built, "a lost link", |dist| fs::remove_file(dist.join("two/two.pex/pex")).unwrap());
    restored(&built, "a lost folder", |dist| fs::remove_dir_all(dist.join("two/two.pex/.deps")).unwrap());
    fs::write(built.checkout.root.join("dist/mine.txt"), "mine").unwrap();
    built.nothing_runs("a file of somebody else");
    assert_eq!(built.checkout.read("dist/mine.txt"), b"mine");
}

#[test]
fn a_fresh_checkout_with_a_warm_cache_runs_nothing() {
    let Some(mut built) = built("a_fresh_checkout_with_a_warm_cache_runs_nothing") else { return };
    let dist = built.checkout.dist();
    built.checkout = built.checkout.copy(&built.dir.path().join("elsewhere/clone"), built.dir.path());
    assert!(built.checkout.dist().is_empty());
    built.nothing_runs("a fresh checkout");
    assert_eq!(built.checkout.dist(), dist);
    built.nothing_runs("the same once more");
}

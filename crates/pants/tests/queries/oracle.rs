//! What changed, against all that `peek` says of both states: whatever is edited, the same targets differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::git::{SERVICE, affected, commit, git, repository};
use crate::repository::Repository;

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

const EDITS: &[fn(&Repository, usize)] = &[
    |at, n| at.write("util/util.py", format!("x = {n}\n")),
    |at, n| at.write(&format!("svc/new{n}.py"), ""),
    |at, n| at.write(&format!("alone/deep/{n}/{n}.txt"), "x"),
    |at, _| drop(fs::remove_file(at.root().join("svc/more.py"))),
    |at, n| {
        let library = format!("python_library(sources = [\"*.py\"], tags = [\"{n}\"][{}:])", n % 2);
        let data = "resources(name = \"data\", sources = [\"**/*.txt\"])";
        at.write("alone/BUILD", format!("# {n}\n{library}\n{data}\n"));
    },
    |at, n| at.write("3rdparty/requirements.txt", format!("# {n}\nflask==3.0.{}\nrich==13.0.0\n", n % 3)),
    |at, n| {
        let macros = String::from_utf8(at.read("tools/macros.bzl")).unwrap();
        at.write("tools/macros.bzl", macros.replace("\"1\"", &format!("\"{}\"", n % 3)));
    },
    |at, n| at.write(&format!("more{n}/BUILD"), "files(name = \"f\", sources = [\"BUILD\"])\n"),
];

/// All that there is to say of each target, with the contents of its files, but not where it is written.
fn state(repository: &Repository, root: &Path) -> BTreeMap<String, String> {
    let root_text = root.display().to_string();
    let said = repository.run(&["--root", &root_text, "peek", "::", "--output", "json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let peeked: Vec<Value> = serde_json::from_str(&said.stdout).unwrap();
    let each = peeked.into_iter().map(|target| {
        let fields = target["fields"].as_object().unwrap().iter();
        let values: Vec<String> = fields.map(|(name, field)| format!("{name}={}", field["value"])).collect();
        let is_generator = target["rule"] == "python_requirements";
        let sources = target["sources"].as_array().unwrap().iter().filter(|_| !is_generator);
        let contents = sources.map(|path| {
            let path = path.as_str().unwrap();
            format!("{path}: {:?}", fs::read_to_string(root.join(path)).unwrap())
        });
        let contents: Vec<String> = contents.collect();
        (target["target"].as_str().unwrap().to_owned(), format!("{} {values:?} {contents:?}", target["rule"]))
    });
    each.collect()
}

#[test]
fn the_same_targets_differ_as_by_comparing_everything() {
    let mut numbers = Numbers(7);
    let mut total = 0;
    for round in 0..12 {
        let repository = repository(SERVICE);
        let base = repository.beside("base");
        git(&repository.root(), &["worktree", "add", "--quiet", "--detach", &base.display().to_string()]);
        for _ in 0..=numbers.below(4) {
            let edit = EDITS[numbers.below(EDITS.len())];
            edit(&repository, numbers.below(5));
            if numbers.below(3) == 0 {
                commit(&repository);
            }
        }
        let (old, new) = (state(&repository, &base), state(&repository, &repository.root()));
        let differ = |(target, state): &(&String, &String)| old.get(*target) != Some(*state);
        let expected: BTreeSet<&String> = new.iter().filter(differ).map(|(target, _)| target).collect();
        let commit = git(&base, &["rev-parse", "HEAD"]);
        let found = affected(&repository, &["--changed-since", &commit, "--changed-dependents=none"]);
        assert_eq!(
            found.split_whitespace().collect::<Vec<_>>(),
            expected.iter().map(|target| target.as_str()).collect::<Vec<_>>(),
            "round {round}"
        );
        total += expected.len();
    }
    assert!(total > 12, "the edits changed next to nothing");
}

//! Commits as a CI service gets them: each in a clone of its own, which shares nothing with the others but the cache. What
//! runs for a commit is what the commit can affect, as the repository knows it of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{parts, report, run};
use crate::git::{commit, git};
use crate::model::{Edit, Model};
use crate::random::Random;
use crate::repository::{Repository, skipped};

const COMMITS: usize = 20;

/// The tests that ran and the programs that were put together, as the events of a job tell.
fn ran(events: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(events).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ran = lines.filter(|line| line["event"] == "action_finished" && line["how"] == "ran");
    let described = ran.map(|line| line["description"].as_str().unwrap().to_owned());
    described.filter(|text| text.starts_with("test ") || text.starts_with("assemble ")).collect()
}

#[test]
fn each_commit_runs_exactly_what_it_can_affect() {
    let test = "each_commit_runs_exactly_what_it_can_affect";
    let mut random = Random::new(7);
    let mut model = Model::new(&mut random);
    let repository = Repository::new(&[
        ("BUILD", "python_requirement(name = \"pytest\", requirements = [\"pytest==8.3.*\"])\n"),
        (".gitignore", "/dist/\n"),
    ]);
    let (root, cache) = (repository.root(), repository.cache());
    model.texts().iter().for_each(|(path, text)| repository.write(path, text));
    let (code, _, said) = run(&root, &cache, &["-q", "lock"]);
    if code == 3 {
        return skipped(test, &said);
    }
    git(&root, &["init", "--quiet", "--initial-branch=main"]);
    commit(&repository);
    assert_eq!(report(&root, &cache, &["::"])["exit_code"], 0);

    let mut known: BTreeSet<(String, BTreeSet<String>)> = model.meanings().into_iter().collect();
    let (mut states, mut edits) = (vec![model.clone()], BTreeMap::<Edit, usize>::new());
    let mut count = 0;
    for round in 0..COMMITS {
        let (before, earlier) = (model.clone(), &states[states.len().saturating_sub(3)]);
        let edit = model.edit(round, earlier, &mut random);
        *edits.entry(edit).or_default() += 1;
        states.push(model.clone());
        let (old, new) = (before.texts(), model.texts());
        old.keys()
            .filter(|path| !new.contains_key(*path))
            .for_each(|path| fs::remove_file(root.join(path)).unwrap());
        new.iter().for_each(|(path, text)| repository.write(path, text));
        commit(&repository);

        let clone = repository.beside(&format!("clone{round}"));
        let (from, to) = (root.to_str().unwrap(), clone.to_str().unwrap());
        git(&root, &["clone", "--quiet", from, to]);
        let events = repository.beside("events.jsonl");
        let told = report(&clone, &cache, &["--changed-since=HEAD~1", "--events", events.to_str().unwrap()]);
        assert_eq!(told["exit_code"], 0, "round {round}, {edit:?}: {told:#}");
        let (was, is) = (before.meanings(), model.meanings());
        let affected: BTreeSet<String> =
            is.iter().filter(|(step, seen)| was[*step] != **seen).map(|(step, _)| step.clone()).collect();
        // What was the same at any commit before is in the cache.
        let fresh = |step: &&String| !known.contains(&((*step).clone(), is[*step].clone()));
        let expected: BTreeSet<String> = affected.iter().filter(fresh).cloned().collect();
        assert_eq!(ran(&events), expected, "round {round}, {edit:?}");
        // What is affected is there, whether it was in the cache or not.
        let artifacts = parts_of(&told, "package")["artifacts"].as_array().cloned().unwrap_or_default();
        let made = artifacts.iter().map(|built| format!("assemble {}", built["path"].as_str().unwrap()));
        let programs = affected.iter().filter(|step| step.starts_with("assemble "));
        assert_eq!(made.collect::<BTreeSet<_>>(), programs.cloned().collect(), "round {round}, {edit:?}");
        let tests = parts_of(&told, "test")["tests"].as_array().cloned().unwrap_or_default();
        let looked: BTreeSet<String> =
            tests.iter().map(|one| format!("test {}", one["file"].as_str().unwrap())).collect();
        let missed: Vec<&String> =
            affected.iter().filter(|step| step.starts_with("test ") && !looked.contains(*step)).collect();
        assert!(missed.is_empty(), "round {round}, {edit:?}: {missed:?}");
        assert_eq!(parts(&told).len(), 5);
        known.extend(is);
        count += expected.len();
        fs::remove_dir_all(&clone).unwrap();
    }
    println!("{COMMITS} commits run {count} steps: {edits:?}");
    assert!(count >= COMMITS, "the commits affect too little");
}

/// The report of a part.
fn parts_of<'r>(report: &'r Value, goal: &str) -> &'r Value {
    let part = report["parts"].as_array().unwrap().iter().find(|part| part["goal"] == goal);
    &part.unwrap()["report"]
}

//! What a change affects, against a repository that knows it of itself: nothing may be missed, and what is told beside it
//! has a reason.

mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::git::{commit, git};
use crate::random::Random;
use crate::repository::Repository;
use model::{Edit, Model};

/// How many commits are made unless this variable says otherwise: `PANTS_TEST_COMMITS=200` takes minutes.
const COMMITS: usize = 25;
const VARIABLE: &str = "PANTS_TEST_COMMITS";

/// Makes the files of the repository those of the model.
fn write(repository: &Repository, files: &BTreeMap<String, String>, before: &BTreeMap<String, String>) {
    for path in before.keys().filter(|path| !files.contains_key(*path)) {
        fs::remove_file(repository.root().join(path)).unwrap();
    }
    for (path, text) in files.iter().filter(|(path, text)| before.get(*path) != Some(text)) {
        repository.write(path, text);
    }
}

fn differing(
    before: &BTreeMap<String, BTreeSet<String>>,
    now: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<String> {
    now.iter()
        .filter(|(label, facts)| before.get(*label) != Some(facts))
        .map(|(label, _)| label.clone())
        .collect()
}

#[test]
fn nothing_that_a_commit_affects_is_missed() {
    let commits = std::env::var(VARIABLE).ok().and_then(|count| count.parse().ok()).unwrap_or(COMMITS);
    let mut random = Random::new(2026);
    let mut model = Model::new(&mut random);
    let mut files = model.files();
    let repository = Repository::new(&[]);
    write(&repository, &files, &BTreeMap::new());
    git(&repository.root(), &["init", "--quiet", "--initial-branch=main"]);
    commit(&repository);
    let (mut affected, mut of_fields, mut edits) = (0, 0, BTreeMap::<Edit, usize>::new());
    for round in 0..commits {
        let before = model.clone();
        let made: Vec<Edit> = (0..=random.below(2)).map(|_| model.edit(&mut random)).collect();
        made.iter().for_each(|edit| *edits.entry(*edit).or_default() += 1);
        let now = model.files();
        write(&repository, &now, &files);
        files = now;
        commit(&repository);
        let arguments = ["-q", "list", "--changed-since=HEAD~1", "--changed-dependents=transitive"];
        let said = repository.run(&arguments);
        assert_eq!(said.code, 0, "round {round}, {made:?}: {}", said.stderr);
        let told: BTreeSet<String> = said.stdout.lines().map(ToOwned::to_owned).collect();
        let truth = differing(&before.meanings(false), &model.meanings(false));
        let missed: Vec<_> = truth.difference(&told).collect();
        assert!(missed.is_empty(), "round {round}, {made:?}: {missed:?} are missed");
        // A field of a target counts for all that need it, whether it comes to something or not: a tag does not, nor does
        // a dependency that there is anyway.
        let with_fields = differing(&before.meanings(true), &model.meanings(true));
        let beside: Vec<_> = told.difference(&with_fields).collect();
        assert!(beside.is_empty(), "round {round}, {made:?}: {beside:?} are told without a reason");
        affected += truth.len();
        of_fields += told.difference(&truth).count();
    }
    println!(
        "{commits} commits affect {affected} targets, and {of_fields} more are told for a field: {edits:?}"
    );
    assert!(affected > commits, "the commits affect nothing");
}

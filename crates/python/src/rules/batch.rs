//! Files of tests that share a process. It is an action as any other: its key has all that the process can see, so that it runs
//! again when any of that changes.

use std::time::Duration;

use engine::{ActionGraph, ActionId, Input, Process, Verb};
use store::{Entry, Outcome, Store, StoreError, Tree};

use super::parts::{Size, parts};
use super::test::{PLUGINS, REPORT, Sharing, Test, junit};

/// The folder of what a process with several files leaves.
const BATCH: &str = ".pants-batch";
/// Runs several files.
const RUN: &str = include_str!("batch.py");
/// How many files are in one process: what takes long is to be divided among processors, and an edit runs all of them again.
const SIZE: Size = Size { least: 8, most: 32, ends: 8 };

/// Files of tests that share a process.
#[derive(Debug)]
pub struct TestBatch {
    /// The action that runs them.
    pub action: ActionId,
    /// The positions of its tests among those that it was made of.
    pub tests: Vec<usize>,
    /// How long the tests of one file may take.
    timeout: Option<Duration>,
}

/// Adds the actions that run those tests together that may share a process. What is left alone is in none of them.
pub fn batches(tests: &[Test], actions: &mut ActionGraph) -> Vec<TestBatch> {
    let mut groups: Vec<(Together, Vec<usize>)> = Vec::new();
    let mut sorted: Vec<usize> = (0..tests.len()).collect();
    sorted.sort_by_key(|at| &tests[*at].path);
    for at in sorted {
        let Some(together) = Together::of(&tests[at], actions) else { continue };
        match groups.iter_mut().find(|(other, _)| *other == together) {
            Some((_, members)) => members.push(at),
            None => groups.push((together, vec![at])),
        }
    }
    let mut batches = Vec::new();
    for (together, members) in groups {
        let parts = parts(members.into_iter().map(|at| (tests[at].path.as_str(), at)), &SIZE);
        for members in parts.into_iter().filter(|part| part.len() > 1) {
            let files: Vec<&Test> = members.iter().map(|at| &tests[*at]).collect();
            let action = together.action(&files, actions);
            batches.push(TestBatch { action, tests: members, timeout: together.process.timeout });
        }
    }
    batches
}

/// What files have in common that may share a process.
struct Together {
    sharing: Sharing,
    /// The process without the program that runs the one file, its report and the file.
    process: Process,
    environment: Input,
}

impl PartialEq for Together {
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (&self.process, &other.process);
        (&self.sharing, self.environment) == (&other.sharing, other.environment)
            && (&one.program, &one.arguments, &one.environment, one.timeout, &one.needs)
                == (&two.program, &two.arguments, &two.environment, two.timeout, &two.needs)
    }
}

impl Together {
    /// What a test has in common with others, if it may share a process.
    fn of(test: &Test, actions: &ActionGraph) -> Option<Together> {
        let sharing = test.sharing.clone()?;
        let action = &actions[test.action];
        let (Verb::Run(process), [_, environment]) = (&action.verb, action.inputs.as_slice()) else {
            return None;
        };
        let report = junit();
        let arguments = process.arguments.iter().skip(2);
        let arguments = arguments.filter(|argument| **argument != report && **argument != test.path);
        let process = Process { arguments: arguments.cloned().collect(), ..process.clone() };
        Some(Together { sharing, process, environment: *environment })
    }

    /// Adds the action that runs some files.
    fn action(&self, files: &[&Test], actions: &mut ActionGraph) -> ActionId {
        let first = files.first().map_or("", |test| &test.path);
        let prefixes = vec![String::new(); files.len()];
        let trees = files.iter().map(|test| actions[test.action].inputs[0]).collect();
        let tree = actions.add(Verb::Merge { prefixes }, trees, format!("put files beside {first}"));
        let count = u32::try_from(files.len()).unwrap_or(u32::MAX);
        let own =
            ["-c".to_owned(), [PLUGINS, "\n\n", RUN].concat(), "--continue-on-collection-errors".to_owned()];
        let process = Process {
            arguments: (own.into_iter())
                .chain(self.process.arguments.iter().cloned())
                .chain(std::iter::once("--files".to_owned()))
                .chain(files.iter().map(|test| test.path.clone()))
                .collect(),
            outputs: vec![BATCH.to_owned()],
            timeout: self.process.timeout.map(|timeout| timeout * count),
            ..self.process.clone()
        };
        let inputs = vec![Input::Action(tree), self.environment];
        actions.add(Verb::Run(process), inputs, format!("test {first} and {} more", files.len() - 1))
    }
}

impl TestBatch {
    /// What passed, as the process left it: the positions of these tests, and the outcome of each.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    pub fn passed(&self, store: &Store, left: &Outcome) -> Result<Vec<(usize, Outcome)>, StoreError> {
        let tree = store.tree(&left.tree)?;
        let file = |name: &str| match tree.get(&format!("{BATCH}/{name}")) {
            Some(Entry::File { digest, .. }) => Some(*digest),
            _ => None,
        };
        let Some(told) = file("passed.json") else { return Ok(Vec::new()) };
        let told: Vec<(usize, f64)> = serde_json::from_slice(&store.read(&told)?).unwrap_or_default();
        let mut all = Vec::new();
        for (number, seconds) in told {
            let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
            let is_late = self.timeout.is_some_and(|limit| duration > limit);
            let (Some(report), Some(test)) = (file(&format!("{number}.xml")), self.tests.get(number)) else {
                continue;
            };
            let mut made = Tree::new();
            if !is_late && made.add_file(REPORT, report, false).is_ok() {
                let tree = store.put_tree(&made)?;
                all.push((*test, Outcome::success(tree, store.function(), duration)));
            }
        }
        Ok(all)
    }
}

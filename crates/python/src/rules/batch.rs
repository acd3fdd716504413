//! Files of tests that run in one process: as many of those as may that have to run. What passes there counts for each file
//! as if it had run alone.

use std::collections::BTreeMap;

use engine::{ActionGraph, ActionId, Input, Process, Verb};
use store::{Digest, Entry, Outcome, Store, StoreError, Tree};

use super::test::{PLUGINS, REPORT, Test, junit};

/// The folder of what a process with several files leaves.
const BATCH: &str = ".pants-batch";
/// Runs several files.
const RUN: &str = include_str!("batch.py");
/// So many files are in one process at most: what takes long is to be divided among processors.
const MOST: usize = 64;

/// Files of tests that run in one process.
#[derive(Debug)]
pub struct TestBatch {
    /// The action that runs them, in the graph that it came with.
    pub action: ActionId,
    /// The tests that it runs, by their actions.
    pub tests: Vec<ActionId>,
}

/// The batches of those tests that may be together, `jobs` of them at once, as a graph of its own. `trees` are those of what the
/// actions of the tests take in.
pub fn batches(
    tests: &[&Test],
    actions: &ActionGraph,
    trees: &BTreeMap<ActionId, Digest>,
    jobs: usize,
) -> (ActionGraph, Vec<TestBatch>) {
    let mut groups: Vec<(Together<'_>, Vec<(&Test, Digest)>)> = Vec::new();
    for &test in tests {
        let Some((together, files)) = Together::of(test, actions, trees) else { continue };
        match groups.iter_mut().find(|(other, _)| *other == together) {
            Some((_, members)) => members.push((test, files)),
            None => groups.push((together, vec![(test, files)])),
        }
    }
    let (mut graph, mut batches) = (ActionGraph::new(), Vec::new());
    for (together, members) in groups {
        let size = members.len().div_ceil(jobs.max(1)).clamp(1, MOST);
        for part in members.chunks(size).filter(|part| part.len() > 1) {
            let action = together.action(part, &mut graph);
            batches.push(TestBatch { action, tests: part.iter().map(|(test, _)| test.action).collect() });
        }
    }
    (graph, batches)
}

/// What files have to have in common that run in one process.
struct Together<'a> {
    tag: &'a str,
    process: &'a Process,
    /// The arguments without what runs the one file, the report and the file.
    arguments: Vec<&'a str>,
    environment: Digest,
}

impl PartialEq for Together<'_> {
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (self.process, other.process);
        (self.tag, &self.arguments, self.environment) == (other.tag, &other.arguments, other.environment)
            && (&one.program, &one.environment, one.timeout, &one.needs)
                == (&two.program, &two.environment, two.timeout, &two.needs)
    }
}

impl<'a> Together<'a> {
    /// What a test has in common with others, and its own files.
    fn of(
        test: &'a Test,
        actions: &'a ActionGraph,
        trees: &BTreeMap<ActionId, Digest>,
    ) -> Option<(Together<'a>, Digest)> {
        let action = &actions[test.action];
        let Verb::Run(process) = &action.verb else { return None };
        let tree = |input: &Input| match input {
            Input::Tree(digest) => Some(*digest),
            Input::Action(id) => trees.get(id).copied(),
        };
        let [files, environment] = action.inputs.as_slice() else { return None };
        let (files, environment) = (tree(files)?, tree(environment)?);
        let report = junit();
        let arguments = process.arguments.iter().skip(2).map(String::as_str);
        let arguments = arguments.filter(|argument| *argument != report && *argument != test.path).collect();
        Some((Together { tag: test.batch.as_deref()?, process, arguments, environment }, files))
    }

    fn action(&self, members: &[(&Test, Digest)], graph: &mut ActionGraph) -> ActionId {
        let first = members.first().map_or("", |(test, _)| &test.path);
        let prefixes = vec![String::new(); members.len()];
        let files = members.iter().map(|(_, files)| Input::Tree(*files)).collect();
        let files = graph.add(Verb::Merge { prefixes }, files, format!("put files beside {first}"));
        let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let own =
            ["-c".to_owned(), [PLUGINS, "\n\n", RUN].concat(), "--continue-on-collection-errors".to_owned()];
        let paths = members.iter().map(|(test, _)| test.path.clone());
        let process = Process {
            arguments: (own.into_iter())
                .chain(self.arguments.iter().map(|argument| (*argument).to_owned()))
                .chain(std::iter::once("--files".to_owned()))
                .chain(paths)
                .collect(),
            outputs: vec![BATCH.to_owned()],
            timeout: self.process.timeout.map(|timeout| timeout * count),
            ..self.process.clone()
        };
        let inputs = vec![Input::Action(files), Input::Tree(self.environment)];
        graph.add(Verb::Run(process), inputs, format!("test {first} and {} more", members.len() - 1))
    }
}

/// What passed of a batch: which of its files, and the outcome that each has. None of a process that did not get to its end.
///
/// # Errors
/// Where the store cannot be read or written.
pub fn passed(store: &Store, batch: &Outcome) -> Result<Vec<(usize, Outcome)>, StoreError> {
    let tree = store.tree(&batch.tree)?;
    let file = |name: &str| match tree.get(&format!("{BATCH}/{name}")) {
        Some(Entry::File { digest, .. }) => Some(*digest),
        _ => None,
    };
    let Some(told) = file("passed.json") else { return Ok(Vec::new()) };
    let told: Vec<(usize, f64)> = serde_json::from_slice(&store.read(&told)?).unwrap_or_default();
    let mut all = Vec::new();
    for (number, seconds) in told {
        let Some(report) = file(&format!("{number}.xml")) else { continue };
        let mut made = Tree::new();
        if made.add_file(REPORT, report, false).is_ok() {
            let duration = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
            let tree = store.put_tree(&made)?;
            all.push((number, Outcome::success(tree, store.function(), duration)));
        }
    }
    Ok(all)
}

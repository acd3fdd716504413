//! What the actions of a graph come to without running any: their keys, as far as outcomes are in the cache.

use std::collections::{BTreeMap, BTreeSet};

use store::{Digest, Store};

use crate::action::{ActionGraph, ActionId, Input};
use crate::functions::Functions;
use crate::key::{Resolved, explain, key};
use crate::seams::Tools;
use crate::verbs::{self, ActionError};

/// What is known of an action before it runs.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// Its key; none where something that it needs is not in the cache.
    pub key: Option<Digest>,
    /// What its key is made of besides the trees that it takes in: a line for each field.
    pub text: String,
    /// What it came to, where that is in the cache.
    pub tree: Option<Digest>,
}

/// What is known of all actions that `roots` need, by what is in `store`.
///
/// # Errors
/// Where a tool is not to be had, or the cache cannot be read.
pub fn foresee(
    graph: &ActionGraph,
    roots: &[ActionId],
    store: &Store,
    (tools, functions): (&dyn Tools, &Functions),
) -> Result<BTreeMap<ActionId, Foreseen>, ActionError> {
    let mut foreseen: BTreeMap<ActionId, Foreseen> = BTreeMap::new();
    // Inputs have smaller numbers than what takes them in.
    for id in needed(graph, roots) {
        let action = &graph[id];
        let mut resolved = Resolved {
            inputs: Vec::new(),
            tool: verbs::tool(action, tools)?.map(|tool| tool.identity),
            function_version: verbs::function_version(action, functions),
        };
        let text = explain(action, &resolved);
        let input = |input: &Input| match input {
            Input::Tree(tree) => Some(*tree),
            Input::Action(needed) => foreseen.get(needed).and_then(|one| one.tree),
        };
        let inputs: Option<Vec<Digest>> = action.inputs.iter().map(input).collect();
        let key = inputs.map(|inputs| {
            resolved.inputs = inputs;
            key(store, action, &resolved)
        });
        let outcome = key.as_ref().map_or(Ok(None), |key| store.outcome(key))?;
        let tree = outcome.filter(|outcome| outcome.exit_code == 0).map(|outcome| outcome.tree);
        foreseen.insert(id, Foreseen { key, text, tree });
    }
    Ok(foreseen)
}

/// The roots and all that they need, each after what it needs.
fn needed(graph: &ActionGraph, roots: &[ActionId]) -> BTreeSet<ActionId> {
    let (mut found, mut open) = (BTreeSet::new(), roots.to_vec());
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(graph[id].inputs.iter().filter_map(|input| match input {
                Input::Action(needed) => Some(*needed),
                Input::Tree(_) => None,
            }));
        }
    }
    found
}

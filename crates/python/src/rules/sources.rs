//! The files of a closure as one tree: gathered target by target, and checked for paths that two of them have.

use std::collections::HashMap;

use engine::{ActionGraph, ActionId, Input, Verb};
use graph::Target;
use store::{Digest, Tree};

use super::Analysis;
use crate::closure::{Closure, ClosureFile, TargetFiles};
use crate::error::RuleError;

/// Adds the action that lays the files of a closure over each other.
///
/// # Errors
/// All files of different content that would have one path.
pub(super) fn gather(
    target: &Target,
    closure: &Closure,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<ActionId, Vec<RuleError>> {
    check_for_clashes(target, closure, analysis)?;
    let mut inputs = Vec::with_capacity(closure.code.len());
    for code in &closure.code {
        inputs.push(Input::Tree(tree(code, analysis)?));
    }
    let prefixes = vec![String::new(); inputs.len()];
    Ok(actions.add(Verb::Merge { prefixes }, inputs, format!("gather the sources of {}", target.label)))
}

/// Finds files of different content that would have one path.
fn check_for_clashes(
    target: &Target,
    closure: &Closure,
    analysis: &Analysis<'_>,
) -> Result<(), Vec<RuleError>> {
    let mut taken: HashMap<&str, (&TargetFiles, &ClosureFile)> = HashMap::new();
    let mut errors = Vec::new();
    for code in &closure.code {
        for file in &code.files {
            let (first, earlier) = *taken.entry(&file.destination).or_insert((code, file));
            let differ = || (analysis.files)(&file.path) != (analysis.files)(&earlier.path);
            if earlier.path != file.path && differ() {
                errors.push(RuleError::SourceClash {
                    destination: file.destination.clone(),
                    first: first.label.clone(),
                    first_path: earlier.path.clone(),
                    second: code.label.clone(),
                    second_path: file.path.clone(),
                    place: target.place.clone(),
                });
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn tree(code: &TargetFiles, analysis: &Analysis<'_>) -> Result<Digest, Vec<RuleError>> {
    let failed = |error: RuleError| vec![error];
    let mut tree = Tree::new();
    for file in &code.files {
        let entry = (analysis.files)(&file.path);
        (tree.add_file(&file.destination, entry.digest, entry.executable))
            .map_err(|error| failed(RuleError::Tree { error, label: code.label.clone() }))?;
    }
    analysis.store.put_tree(&tree).map_err(|error| failed(RuleError::Store(error)))
}

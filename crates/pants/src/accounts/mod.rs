//! What targets were made of when they were last built, and the time before: all that enters the keys of their actions, and
//! where it comes from. From two of these it is told why something is built again.

mod compare;
mod kept;

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use engine::{ActionGraph, ActionId, Foreseen, Input};
use graph::{NodeId, Place, TargetGraph, Value};
use serde::{Deserialize, Serialize};

use crate::events::rfc3339;
use crate::generated::Generated;
use crate::repository::Variables;
use crate::session::Session;

pub(crate) use compare::{Cause, Change, compare};
pub(crate) use kept::Accounts;

/// Fields that change nothing of what is built.
const SILENT: [&str; 4] = ["name", "description", "tags", "visibility"];

/// What one artifact was made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    /// When: RFC 3339.
    pub(crate) time: String,
    /// The version of this program.
    version: String,
    /// All that was done for it, each action after those that it needs; the last made it.
    actions: Vec<Done>,
    /// The fields of all targets that it reaches, by target and name.
    fields: BTreeMap<(String, String), (String, Option<Place>)>,
    /// The variables that BUILD files read, and what stands for their values.
    variables: Variables,
    /// The keys of the configuration that were set.
    options: BTreeMap<String, String>,
    /// The files that steps have made of it.
    generated: BTreeSet<String>,
    /// What they were made from, with the digests of that.
    made_from: BTreeMap<String, String>,
}

/// An action that was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Done {
    verb: String,
    description: String,
    /// What its key is made of besides trees.
    text: String,
    /// None where what it needs was not there yet.
    key: Option<String>,
    inputs: Vec<In>,
}

/// What an action took in.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum In {
    /// What another action of the account made.
    Action(usize),
    /// A tree of files, by hash and size.
    Tree(String, u64),
}

impl Account {
    /// The account of what `root` makes of `node`.
    pub(crate) fn of(
        session: &Session<'_>,
        graph: &TargetGraph,
        node: NodeId,
        (actions, root): (&ActionGraph, ActionId),
        (foreseen, generated): (&BTreeMap<ActionId, Foreseen>, &Generated),
    ) -> Account {
        Account {
            time: rfc3339(SystemTime::now()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            actions: done(actions, root, foreseen),
            fields: fields(graph, node),
            variables: session.variables_read(),
            options: session.config.settled.clone(),
            generated: generated.files.keys().cloned().collect(),
            made_from: generated
                .sources
                .iter()
                .map(|(path, entry)| (path.clone(), entry.digest.hex()))
                .collect(),
        }
    }

    /// The key of the action that made it, where it was known.
    pub(crate) fn key(&self) -> Option<&str> {
        self.actions.last()?.key.as_deref()
    }
}

fn done(actions: &ActionGraph, root: ActionId, foreseen: &BTreeMap<ActionId, Foreseen>) -> Vec<Done> {
    let (mut found, mut open) = (BTreeSet::new(), vec![root]);
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(actions[id].inputs.iter().filter_map(|input| match input {
                Input::Action(needed) => Some(*needed),
                Input::Tree(_) => None,
            }));
        }
    }
    let needed: Vec<ActionId> = found.into_iter().collect();
    let place = |id: &ActionId| needed.binary_search(id).unwrap_or_default();
    let one = |id: &ActionId| {
        let (action, foreseen) = (&actions[*id], foreseen.get(id));
        let input = |input: &Input| match input {
            Input::Action(id) => In::Action(place(id)),
            Input::Tree(tree) => In::Tree(tree.hex(), tree.size),
        };
        Done {
            verb: action.verb.name().to_owned(),
            description: action.description.clone(),
            text: foreseen.map(|one| one.text.clone()).unwrap_or_default(),
            key: foreseen.and_then(|one| one.key).map(|key| key.hex()),
            inputs: action.inputs.iter().map(input).collect(),
        }
    };
    needed.iter().map(one).collect()
}

fn fields(graph: &TargetGraph, node: NodeId) -> BTreeMap<(String, String), (String, Option<Place>)> {
    let mut owners: Vec<NodeId> = graph.closure([node]).iter().map(|node| graph.owner(*node)).collect();
    owners.push(graph.owner(node));
    owners.sort_unstable();
    owners.dedup();
    let mut fields = BTreeMap::new();
    for target in owners.into_iter().map(|owner| graph.target(owner)) {
        for field in target.fields.iter().filter(|field| !SILENT.contains(&field.name)) {
            let key = (target.label.to_string(), field.name.to_owned());
            fields.insert(key, (shown(&field.value), Some(field.place.clone())));
        }
    }
    fields
}

/// A value as a BUILD file has it.
fn shown(value: &Value) -> String {
    match value {
        Value::None => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Str(text) => format!("{text:?}"),
        Value::Label(label) => format!("\"{label}\""),
        Value::Except { label, transitive } => format!("\"{}{label}\"", if *transitive { "!!" } else { "!" }),
        Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Dict(pairs) => {
            let pair = |(key, value): &(Value, Value)| format!("{}: {}", shown(key), shown(value));
            format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        Value::Other(name) => name.clone(),
    }
}

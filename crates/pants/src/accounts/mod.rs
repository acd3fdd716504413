//! What targets were made of when they were last built, and the time before: all that enters the keys of their actions, and
//! where it comes from. From two of these it is told why something is built again.

mod compare;
mod kept;

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use engine::{ActionGraph, ActionId, Foreseen, Input};
use graph::{NodeId, Place, Target, TargetGraph, Value};
use serde::{Deserialize, Serialize};

use crate::events::rfc3339;
use crate::generated::Generated;
use crate::repository::Variables;
use crate::session::Session;

pub(crate) use compare::{Cause, Change, compare};
pub(crate) use kept::Accounts;

/// Fields that change nothing of what is built.
const SILENT: [&str; 4] = ["name", "description", "tags", "visibility"];

/// What is shorter is no secret: `1`, `true`, `dev`.
const SHORTEST_SECRET: usize = 6;

/// What one artifact was made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    /// When it was made of that for the first time: RFC 3339.
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
        let reached = reached(graph, node);
        let mut variables = session.variables_read();
        if let Ok(packages) = session.packages() {
            let folders = reached.iter().map(|target| target.label.package());
            let read: BTreeSet<&str> = folders.flat_map(|folder| packages.variables(folder)).collect();
            variables.retain(|name, _| read.contains(name.as_str()));
        }
        let values = variables.keys().filter_map(|name| session.environment.get(name));
        let secrets = Secrets(values.filter(|value| value.len() >= SHORTEST_SECRET).collect());
        Account {
            time: rfc3339(SystemTime::now()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            actions: done(actions, root, foreseen, &secrets),
            fields: fields(&reached, &secrets),
            variables,
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

fn done(
    actions: &ActionGraph,
    root: ActionId,
    foreseen: &BTreeMap<ActionId, Foreseen>,
    secrets: &Secrets<'_>,
) -> Vec<Done> {
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
            text: foreseen.map(|one| secrets.hidden(&one.text)).unwrap_or_default(),
            key: foreseen.and_then(|one| one.key).map(|key| key.hex()),
            inputs: action.inputs.iter().map(input).collect(),
        }
    };
    needed.iter().map(one).collect()
}

/// The targets that a node reaches, and its own.
fn reached(graph: &TargetGraph, node: NodeId) -> Vec<&Target> {
    let mut owners: Vec<NodeId> = graph.closure([node]).iter().map(|node| graph.owner(*node)).collect();
    owners.push(graph.owner(node));
    owners.sort_unstable();
    owners.dedup();
    owners.into_iter().map(|owner| graph.target(owner)).collect()
}

fn fields(targets: &[&Target], secrets: &Secrets<'_>) -> BTreeMap<(String, String), (String, Option<Place>)> {
    let mut fields = BTreeMap::new();
    for target in targets {
        for field in target.fields.iter().filter(|field| !SILENT.contains(&field.name)) {
            let key = (target.label.to_string(), field.name.to_owned());
            fields.insert(key, (secrets.hidden(&shown(&field.value)), Some(field.place.clone())));
        }
    }
    fields
}

/// The values of variables that BUILD files read, which are for nobody to read in an account.
struct Secrets<'v>(Vec<&'v str>);

impl Secrets<'_> {
    /// A text with something in the place of each of them that differs where they do.
    fn hidden(&self, text: &str) -> String {
        let hide = |text: String, secret: &&str| {
            let digest = &blake3::hash(secret.as_bytes()).to_hex()[..8];
            text.replace(*secret, &format!("*** {digest} ***"))
        };
        self.0.iter().fold(text.to_owned(), hide)
    }
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

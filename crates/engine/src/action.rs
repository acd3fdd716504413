//! Actions as values, and the graph that they form. Knows neither how an action is run nor where its result is kept.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::time::Duration;

use store::Digest;

use crate::archive::Packing;
use crate::key::GraphKey;

/// The dense number of an action in its graph; inputs always have smaller numbers than what consumes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(u32);

impl ActionId {
    /// The position of the action in [`ActionGraph::actions`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What an action consumes: a tree of the store, or the tree that another action yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A tree whose digest is known before anything runs.
    Tree(Digest),
    /// The result of another action of the same graph.
    Action(ActionId),
}

/// One step of a build: a verb applied to input trees, yielding one tree.
#[derive(Clone, Debug)]
pub struct Action {
    /// What is done.
    pub verb: Verb,
    /// What it is done to, in the order that the verb expects.
    pub inputs: Vec<Input>,
    /// What a person is shown while it runs. Not part of the key.
    pub description: String,
}

/// The closed set of things that the engine can do.
#[derive(Clone, Debug)]
pub enum Verb {
    /// Yields the given entries. Takes no input.
    Write(Vec<(String, Literal)>),
    /// Yields one file of known content from elsewhere. Takes no input.
    Fetch(Download),
    /// Unpacks the one zip file that its one input holds.
    Extract,
    /// Lays its inputs over each other, each below its prefix (`""` for the top).
    Merge {
        /// One for each input.
        prefixes: Vec<String>,
    },
    /// Packs its inputs into one zip file.
    Archive(Archive),
    /// Runs a program in a folder that holds its first input, with the second beside it where it shares one.
    Run(Process),
    /// Calls a native function that a language crate registered.
    Apply {
        /// The name under which it is registered; its version is added to the key.
        function: &'static str,
        /// Whatever the function takes besides trees, in an encoding that it defines.
        arguments: Vec<u8>,
    },
}

impl Verb {
    /// What it has to have of the machine beside a processor, where it says so.
    pub fn needs(&self) -> Option<&Needs> {
        match self {
            Verb::Run(process) => Some(&process.needs),
            _ => None,
        }
    }

    /// The verb's name in keys, reports and events.
    pub fn name(&self) -> &'static str {
        match self {
            Verb::Write(_) => "write",
            Verb::Fetch(_) => "fetch",
            Verb::Extract => "extract",
            Verb::Merge { .. } => "merge",
            Verb::Archive(_) => "archive",
            Verb::Run(_) => "run",
            Verb::Apply { .. } => "apply",
        }
    }
}

/// A leaf of a tree that is written as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A file with its content.
    File {
        /// Its bytes.
        content: Vec<u8>,
        /// Whether its mode lets it be run.
        executable: bool,
    },
    /// A symbolic link to this target.
    Symlink(String),
}

/// A file that somebody else serves, identified by its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Download {
    /// The name of the file in the resulting tree.
    pub name: String,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// The number of bytes, where it is known beforehand.
    pub size: Option<u64>,
    /// Where to look, in terms of whoever implements [`Fetch`](crate::Fetch). Not part of the key: the content is.
    pub origin: Origin,
}

/// Where a download is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The name of the place, such as that of an index in the configuration.
    pub source: String,
    /// What it is listed under there.
    pub project: String,
}

/// A zip file in the making.
#[derive(Clone, Debug)]
pub struct Archive {
    /// The name of the file in the resulting tree.
    pub name: String,
    /// Whether the file is executable.
    pub executable: bool,
    /// A file of an input that stands before the first member: the number of the input and the path in it.
    pub prefix: Option<(usize, String)>,
    /// What goes in.
    pub members: Vec<Members>,
}

/// Members of an archive that come from one input.
#[derive(Clone, Debug)]
pub struct Members {
    /// The number of the input.
    pub input: usize,
    /// What messages call the input. Not part of the key.
    pub origin: String,
    /// The folder of the archive that they go below, `""` for the top.
    pub under: String,
    /// How their bytes get there.
    pub packing: Packing,
    /// The only paths of the input that are taken; none: all of them.
    pub only: Vec<String>,
    /// Folders that get an entry of their own.
    pub directories: Vec<String>,
}

/// A program to be run, as a value.
#[derive(Clone, Debug)]
pub struct Process {
    /// What is run.
    pub program: Program,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
    /// Paths, files or folders, that it makes and that are kept.
    pub outputs: Vec<String>,
    /// Whether they are kept of a process that fails as well, as far as they are there.
    pub keeps_failed: bool,
    /// Where it finds the tree of its second input, which all processes that have it share and none may write; none: it
    /// has one input.
    pub shared: Option<String>,
    /// The time after which it is stopped.
    pub timeout: Option<Duration>,
    /// What it has to have of the machine beside a processor.
    pub needs: Needs,
    /// The folder that it remembers things in from run to run; none: it remembers nothing. It is in no key, for what comes
    /// of it may not depend on what is in there.
    pub keeps: Option<Keeps>,
}

/// A folder that a program finds as the last one left it that succeeded on this machine and had the same tool, the same
/// shared tree and this name, or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeps {
    /// The folder, among the files of the process.
    pub folder: String,
    /// What tells it from other folders.
    pub name: String,
}

/// What a process has to have of the machine. It decides when the process runs, and not what comes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// So many bytes of memory.
    pub memory: u64,
    /// Names of what one process at a time may have.
    pub exclusive: Vec<String>,
    /// Where it runs, where there are other machines.
    pub site: Site,
}

/// Where a process runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Site {
    /// Where all run for which nothing is said.
    #[default]
    Any,
    /// On this machine.
    Here,
    /// On another machine, if there is one.
    Elsewhere,
}

/// What a process starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A tool by its symbol, such as `python:cp311`.
    Tool(String),
    /// A file of the input, by its path.
    Input(String),
    /// A tool by its symbol, started by a link to it at a path of the shared tree.
    Linked {
        /// The symbol.
        tool: String,
        /// The path of the link.
        link: String,
    },
}

impl Program {
    /// The symbol of the tool that it starts from, if it does.
    pub fn tool(&self) -> Option<&str> {
        match self {
            Program::Tool(symbol) | Program::Linked { tool: symbol, .. } => Some(symbol),
            Program::Input(_) => None,
        }
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        match self {
            Program::Tool(symbol) => symbol,
            Program::Input(path) => path,
            Program::Linked { tool, .. } => tool,
        }
    }
}

/// All actions of a request, each standing for all who want the same.
#[derive(Debug, Default)]
pub struct ActionGraph {
    actions: Vec<Action>,
    known: HashMap<GraphKey, ActionId>,
}

impl ActionGraph {
    /// An empty graph.
    pub fn new() -> ActionGraph {
        ActionGraph::default()
    }

    /// Adds an action, or finds the equal one that is there already; the description of the first stays.
    ///
    /// # Panics
    /// If an input is an action of another graph.
    pub fn add(&mut self, verb: Verb, inputs: Vec<Input>, description: impl Into<String>) -> ActionId {
        for input in &inputs {
            if let Input::Action(id) = input {
                assert!(id.index() < self.actions.len(), "an input is added before what consumes it");
            }
        }
        let next = ActionId(u32::try_from(self.actions.len()).expect("fewer than 2^32 actions"));
        let action = Action { verb, inputs, description: description.into() };
        let id = *self.known.entry(GraphKey::of(&action)).or_insert(next);
        if id == next {
            self.actions.push(action);
        }
        id
    }

    /// Adds an action once more: what is the same as another and runs beside it, under the same key.
    pub fn again(&mut self, id: ActionId) -> ActionId {
        let next = ActionId(u32::try_from(self.actions.len()).expect("fewer than 2^32 actions"));
        self.actions.push(self[id].clone());
        next
    }

    /// Adds all actions of another graph, and gives the number that each of them has here, in their order.
    pub fn append(&mut self, other: &ActionGraph) -> Vec<ActionId> {
        let mut ids: Vec<ActionId> = Vec::with_capacity(other.actions.len());
        for action in &other.actions {
            let inputs = action.inputs.iter().map(|input| match input {
                Input::Action(id) => Input::Action(ids[id.index()]),
                tree @ Input::Tree(_) => *tree,
            });
            let id = self.add(action.verb.clone(), inputs.collect(), action.description.clone());
            ids.push(id);
        }
        ids
    }

    /// Has people shown another text while an action runs.
    pub fn describe(&mut self, id: ActionId, description: impl Into<String>) {
        self.actions[id.index()].description = description.into();
    }

    /// All actions; the position of each is its number.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// Every action with its number.
    pub fn iter(&self) -> impl Iterator<Item = (ActionId, &Action)> {
        (0u32..).map(ActionId).zip(&self.actions)
    }
}

impl std::ops::Index<ActionId> for ActionGraph {
    type Output = Action;

    fn index(&self, id: ActionId) -> &Action {
        &self.actions[id.index()]
    }
}

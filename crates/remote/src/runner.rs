//! Runs processes on the workers of a server, as they run in a sandbox here: the same folders, the same environment, the same
//! outputs. What cannot run there runs here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use engine::{Cancel, Process, Program, RunError, Runner, Tool, WORK};
use prost::Message as _;
use store::{Digest, Outcome, Store, StoreError, Tree};

use crate::api;
use crate::blobs::{Present, wire};
use crate::cache::RemoteCache;
use crate::execution::Executed;
use crate::fault::{Fault, Kind};
use crate::outputs;
use crate::statistics::add;
use crate::streams::Failed;
use crate::upload::send;

/// What workers are and have.
#[derive(Clone, Debug, Default)]
pub struct Workers {
    /// Where the tools of symbols such as `python:cp311` are.
    pub tools: BTreeMap<String, String>,
    /// What a worker has to be, by the names that the server has for it.
    pub platform: BTreeMap<String, String>,
}

/// Runs processes on workers, and here what they cannot run.
pub struct RemoteRunner<'a> {
    cache: &'a RemoteCache,
    workers: &'a Workers,
    local: &'a dyn Runner,
    present: Mutex<Present>,
}

impl std::fmt::Debug for RemoteRunner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteRunner").field("workers", self.workers).finish_non_exhaustive()
    }
}

/// An action that a server can run.
struct Prepared {
    action: Digest,
    /// All blobs that it needs.
    blobs: BTreeSet<Digest>,
    /// Those of them that are messages of its own.
    messages: Vec<(Digest, Vec<u8>)>,
}

impl<'a> RemoteRunner<'a> {
    /// A runner for the server of `cache`, with `local` for what cannot run there.
    pub fn new(cache: &'a RemoteCache, workers: &'a Workers, local: &'a dyn Runner) -> RemoteRunner<'a> {
        RemoteRunner { cache, workers, local, present: Mutex::default() }
    }

    /// Where a worker has the tool of a process; none where that is not said.
    fn tool_there(&self, process: &Process) -> Option<Option<&str>> {
        match process.program.tool() {
            None => Some(None),
            Some(symbol) => self.workers.tools.get(symbol).map(|path| Some(path.as_str())),
        }
    }

    /// The action with all that it needs. The folders are where they are in a sandbox of this machine.
    fn prepare(
        &self,
        process: &Process,
        there: Option<&str>,
        inputs: &[Digest],
        store: &Store,
    ) -> Result<Prepared, StoreError> {
        let mut root = Tree::new();
        let of = |source| StoreError::Tree { digest: store.function().empty(), source };
        let work = WORK.trim_start_matches('/');
        root.add_directory(work).map_err(of)?;
        root.add_directory("tmp").map_err(of)?;
        if let Some(input) = inputs.first() {
            root.merge(work, store.tree(input)?).map_err(of)?;
        }
        let mut program = match (&process.program, there) {
            (Program::Input(path), _) => format!("{WORK}/{path}"),
            (_, Some(there)) => there.to_owned(),
            (Program::Tool(symbol) | Program::Linked { tool: symbol, .. }, None) => symbol.clone(),
        };
        if let (Some(place), Some(shared)) = (&process.shared, inputs.get(1)) {
            let mut tree = store.tree(shared)?;
            if let (Program::Linked { link, .. }, Some(there)) = (&process.program, there) {
                tree.add_symlink(link, there).map_err(of)?;
                program = format!("{place}/{link}");
            }
            root.merge(place.trim_start_matches('/'), tree).map_err(of)?;
        }
        let root = store.put_tree(&root)?;
        let (directories, files) = store.tree_blobs(&root)?;
        let platform = self.platform();
        let command = command(process, program, work, platform.clone()).encode_to_vec();
        let command_digest = store.digest(&command);
        let action = api::Action {
            command_digest: Some(wire(&command_digest)),
            input_root_digest: Some(wire(&root)),
            timeout: process.timeout.map(wire_duration),
            platform,
            ..api::Action::default()
        };
        let message = action.encode_to_vec();
        let action = store.digest(&message);
        let mut blobs: BTreeSet<Digest> = directories.into_iter().chain(files).collect();
        blobs.extend([command_digest, action]);
        blobs.retain(|digest| digest.size > 0);
        Ok(Prepared { action, blobs, messages: vec![(command_digest, command), (action, message)] })
    }

    fn platform(&self) -> Option<api::Platform> {
        let property = |(name, value): (&String, &String)| api::platform::Property {
            name: name.clone(),
            value: value.clone(),
        };
        let properties: Vec<_> = self.workers.platform.iter().map(property).collect();
        (!properties.is_empty()).then_some(api::Platform { properties })
    }

    /// Uploads what the server lacks, and has it run the action: once more where it says that something is missing.
    async fn execute(&self, prepared: &Prepared, store: &Store, cancel: &Cancel) -> Result<Executed, Failed> {
        let client = self.cache.client();
        let abilities = client.usable().await?;
        if !abilities.executes {
            return Err(Fault::new(Kind::Refused, "the server runs no actions").into());
        }
        let made: HashMap<Digest, &Vec<u8>> =
            prepared.messages.iter().map(|(digest, bytes)| (*digest, bytes)).collect();
        let mut lacking = None;
        for _ in 0..2 {
            let failed =
                send(client, store, &self.present, prepared.blobs.clone(), (&made, abilities.batch)).await?;
            // What neither has is made again by whoever made it.
            if let Some(lost) = failed.iter().find(|digest| store.has(digest).is_ok_and(|has| !has)) {
                return Err(StoreError::Missing(*lost).into());
            }
            if !failed.is_empty() {
                return Err(Fault::new(Kind::Broken, "the server does not take the files").into());
            }
            match client.connection.execute(&prepared.action, &|| cancel.is_cancelled()).await? {
                Executed::Lacking(fault) => {
                    let mut present = self.present.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    prepared.blobs.iter().for_each(|digest| present.forget(digest));
                    lacking = Some(fault);
                }
                executed => return Ok(executed),
            }
        }
        Err(lacking.unwrap_or_else(Fault::off).into())
    }

    /// The outcome of what ran there; none where it cannot be used.
    fn run_there(
        &self,
        process: &Process,
        there: Option<&str>,
        inputs: &[Digest],
        store: &Store,
        cancel: &Cancel,
    ) -> Result<Result<Outcome, Fault>, RunError> {
        let Some(runtime) = self.cache.client().runtime() else { return Ok(Err(Fault::off())) };
        let prepared = self.prepare(process, there, inputs, store)?;
        match runtime.block_on(self.execute(&prepared, store, cancel)) {
            Ok(Executed::Ended(result)) => {
                add(&self.cache.client().connection.counters.executed, 1);
                let outcome = outputs::outcome(self.cache, process, &result, store)?;
                Ok(outcome.map_err(|fault| *fault))
            }
            Ok(Executed::TimedOut) => {
                let limit = process.timeout.unwrap_or_default();
                let program = process.program.name().to_owned();
                Err(RunError::Timeout { program, limit, said: String::new() })
            }
            Ok(Executed::Cancelled) => Err(RunError::Cancelled),
            Ok(Executed::Lacking(fault)) | Err(Failed::Remote(fault)) => Ok(Err(fault)),
            Err(Failed::Store(error)) => Err(error.into()),
        }
    }
}

impl Runner for RemoteRunner<'_> {
    fn run(
        &self,
        process: &Process,
        tool: Option<&Tool>,
        inputs: &[Digest],
        store: &Store,
        cancel: &Cancel,
    ) -> Result<Outcome, RunError> {
        let connection = &self.cache.client().connection;
        if connection.breaker.lets_pass()
            && let Some(there) = self.tool_there(process)
        {
            match self.run_there(process, there, inputs, store, cancel)? {
                Ok(outcome) => return Ok(outcome),
                Err(_) if cancel.is_cancelled() => return Err(RunError::Cancelled),
                Err(fault) => {
                    let address = &connection.settings.address;
                    let message = format!("`{address}` did not run what it was to: {}", fault.message);
                    let help = "it ran on this machine instead";
                    connection.notices.add("remote::execution", message, Some(help));
                }
            }
        }
        engine::Cache::bring(self.cache, inputs, &[])?;
        self.local.run(process, tool, inputs, store, cancel)
    }

    fn needs_files(&self, process: &Process) -> bool {
        self.tool_there(process).is_none()
    }
}

#[expect(deprecated, reason = "servers of the first versions read the platform there")]
fn command(process: &Process, program: String, work: &str, platform: Option<api::Platform>) -> api::Command {
    let variable = |(name, value): (&String, &String)| api::command::EnvironmentVariable {
        name: name.clone(),
        value: value.clone(),
    };
    let mut outputs = process.outputs.clone();
    outputs.sort_unstable();
    api::Command {
        arguments: std::iter::once(program).chain(process.arguments.iter().cloned()).collect(),
        environment_variables: process.environment.iter().map(variable).collect(),
        output_paths: outputs,
        working_directory: work.to_owned(),
        platform,
        ..api::Command::default()
    }
}

fn wire_duration(duration: Duration) -> api::Duration {
    api::Duration { seconds: duration.as_secs().cast_signed(), nanos: duration.subsec_nanos().cast_signed() }
}

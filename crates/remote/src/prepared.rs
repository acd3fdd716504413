//! A process as the action that a server runs: the same folders, the same environment, the same outputs as in a sandbox here.
//! Sends nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::{Process, Program, WORK};
use prost::Message as _;
use store::{Digest, Store, StoreError, Tree};

use crate::api;
use crate::blobs::wire;

/// An action that a server can run.
pub(crate) struct Prepared {
    pub(crate) action: Digest,
    /// All blobs that it needs.
    pub(crate) blobs: BTreeSet<Digest>,
    /// Those of them that are messages of its own.
    pub(crate) messages: Vec<(Digest, Vec<u8>)>,
}

impl Prepared {
    /// The action with all that it needs. `there` is where workers have the tool that it starts from, if it starts from one,
    /// and `properties` what they have to be.
    ///
    /// # Errors
    /// Where the store cannot be used, or has lost a directory of an input.
    pub(crate) fn new(
        process: &Process,
        there: Option<&str>,
        inputs: &[Digest],
        properties: &BTreeMap<String, String>,
        store: &Store,
    ) -> Result<Prepared, StoreError> {
        let (root, program) = layout(process, there, inputs, store)?;
        let root = store.put_tree(&root)?;
        let (directories, files) = store.tree_blobs(&root)?;
        let platform = platform(properties);
        let command = command(process, program, platform.clone()).encode_to_vec();
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
}

/// The root of the file system of a process, with the program that it starts from.
fn layout(
    process: &Process,
    there: Option<&str>,
    inputs: &[Digest],
    store: &Store,
) -> Result<(Tree, String), StoreError> {
    let of = |source| StoreError::Tree { digest: store.function().empty(), source };
    let mut root = Tree::new();
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
    Ok((root, program))
}

fn platform(properties: &BTreeMap<String, String>) -> Option<api::Platform> {
    let property = |(name, value): (&String, &String)| api::platform::Property {
        name: name.clone(),
        value: value.clone(),
    };
    let properties: Vec<_> = properties.iter().map(property).collect();
    (!properties.is_empty()).then_some(api::Platform { properties })
}

#[expect(deprecated, reason = "servers of the first versions read the platform there")]
fn command(process: &Process, program: String, platform: Option<api::Platform>) -> api::Command {
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
        working_directory: WORK.trim_start_matches('/').to_owned(),
        platform,
        ..api::Command::default()
    }
}

fn wire_duration(duration: Duration) -> api::Duration {
    api::Duration { seconds: duration.as_secs().cast_signed(), nanos: duration.subsec_nanos().cast_signed() }
}

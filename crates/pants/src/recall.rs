//! Remembers what a request to build came to, and answers the same request again without loading or planning, as long
//! as nothing that it depended on has changed. Knows no rule and no action.
//!
//! | a request is the same | its answer holds while these are as they were |
//! |---|---|
//! | by the goal, the patterns, tags and exclusions | all directories, BUILD files and what they load (the workspace) |
//! | by the folder that it is made in | `pants.toml` and this program |
//! | by the variables that interpreters are found with | the sources and locks that the artifacts are made from |
//! | | the interpreters that were looked for, and where |
//!
//! What is in `dist/` is looked at each time, and restored where it differs.

use std::path::PathBuf;

use packaging::target::Target as Configuration;
use serde::{Deserialize, Serialize};
use store::{Digest, FileStates, Store, StoreError};

use crate::diagnostic::Diagnostic;
use crate::dist::{self, PlaceError};
use crate::explain;
use crate::goals::Targets;
use crate::report::{Built, Report};
use crate::session::{Session, WorkspaceState, forgettable, shown};

/// The memo table of answers.
const TABLE: &str = "request";
/// Raised with each change to the form of an answer.
const FORMAT: &str = "1";
/// The variables that lead to interpreters.
const VARIABLES: [&str; 3] = ["PATH", "PYENV_ROOT", "HOME"];

/// A request to build.
pub(crate) struct Request<'a> {
    session: &'a Session<'a>,
    asked: &'a Targets,
    key: Vec<u8>,
}

/// What a request came to.
#[derive(Serialize, Deserialize)]
struct Answer {
    /// The state of the workspace that it is for.
    workspace: WorkspaceState,
    /// The states of what it depends on besides.
    states: Vec<u8>,
    artifacts: Vec<Made>,
    /// How many actions it takes, by verb.
    actions: std::collections::BTreeMap<String, u64>,
}

/// An artifact, and the tree that it is or is in.
#[derive(Serialize, Deserialize)]
pub(crate) struct Made {
    /// Below `dist/`.
    pub(crate) path: String,
    pub(crate) target: String,
    pub(crate) configurations: Vec<Configuration>,
    pub(crate) tree: (String, u64),
    pub(crate) file: Option<String>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(session: &'a Session<'a>, goal: &str, asked: &'a Targets) -> Request<'a> {
        let mut key = blake3::Hasher::new();
        let mut add = |text: &[u8]| {
            key.update(&(text.len() as u64).to_le_bytes()).update(text);
        };
        for text in [FORMAT, goal]
            .into_iter()
            .chain(VARIABLES.map(|name| session.environment.get(name).unwrap_or_default()))
        {
            add(text.as_bytes());
        }
        for folder in [&session.root, &session.environment.folder] {
            add(folder.as_os_str().as_encoded_bytes());
        }
        for list in [&asked.targets, &asked.exclude, &asked.tag] {
            add(&(list.len() as u64).to_le_bytes());
            list.iter().for_each(|text| add(text.as_bytes()));
        }
        Request { session, asked, key: key.finalize().as_bytes().to_vec() }
    }

    /// The last answer, if it holds; `dist/` is then as it says.
    pub(crate) fn recall(&self) -> Result<Option<Report>, Vec<Diagnostic>> {
        let failed = |error: StoreError| vec![explain::store(&error)];
        let store = self.session.store()?;
        let Some(answer) = store.memo(TABLE, &self.key).map_err(failed)? else { return Ok(None) };
        let Ok(answer) = postcard::from_bytes::<Answer>(&answer) else { return Ok(None) };
        let holds = |states: FileStates| states.hold(&self.session.root);
        if !FileStates::parse(answer.states).is_some_and(holds)
            || self.session.unchanged_workspace()? != Some(answer.workspace)
        {
            return Ok(None);
        }
        let mut report = Report { hits: answer.actions, ..Report::default() };
        for made in &answer.artifacts {
            match made.place(self.session, store) {
                Ok(built) => report.artifacts.push(built),
                Err(PlaceError::Lost) => return Ok(None),
                Err(PlaceError::Failed(diagnostic)) => return Err(vec![*diagnostic]),
            }
        }
        Ok(Some(report))
    }

    /// Remembers what the request came to. Whatever changed while it was worked on keeps it from being remembered.
    pub(crate) fn remember(
        &self,
        workspace: Option<WorkspaceState>,
        mut inputs: Vec<PathBuf>,
        artifacts: Vec<Made>,
        report: &Report,
    ) -> Result<(), Vec<Diagnostic>> {
        let Some(workspace) = workspace else { return Ok(()) };
        // A pattern may be the path of a file, and come to be one.
        inputs.extend(self.asked.targets.iter().chain(&self.asked.exclude).map(PathBuf::from));
        let Some(states) = FileStates::take(&self.session.root, inputs, self.session.began) else {
            return Ok(());
        };
        let mut actions = report.hits.clone();
        for (verb, count) in &report.run {
            *actions.entry(verb.clone()).or_default() += count;
        }
        let answer = Answer { workspace, states: states.bytes().to_vec(), artifacts, actions };
        let answer = postcard::to_stdvec(&answer).expect("plain data can be encoded");
        let store = self.session.store()?;
        forgettable(store.put_memo(TABLE, &self.key, &answer)).map_err(|error| vec![explain::store(&error)])
    }
}

impl Made {
    pub(crate) fn new(artifact: &python::Artifact, tree: &Digest) -> Made {
        Made {
            path: artifact.path.clone(),
            target: artifact.label.to_string(),
            configurations: artifact.configurations.clone(),
            tree: (tree.hex(), tree.size),
            file: artifact.file.clone(),
        }
    }

    /// Puts it into `dist/`, if it is not there.
    pub(crate) fn place(&self, session: &Session<'_>, store: &Store) -> Result<Built, PlaceError> {
        let tree = Digest::from_hex(&self.tree.0, self.tree.1).map_err(|_| PlaceError::Lost)?;
        let destination = session.dist().join(&self.path);
        let placed = dist::place(store, &tree, self.file.as_deref(), &destination)?;
        Ok(Built {
            path: shown(&destination, &session.root),
            target: self.target.clone(),
            configurations: self.configurations.clone(),
            digest: placed.digest.hex(),
            size: placed.size,
        })
    }
}

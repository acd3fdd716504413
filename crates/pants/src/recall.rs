//! Remembers what a request to build or to test came to, and answers the same request again without loading or planning,
//! as long as nothing that it depended on has changed. Knows no rule and no action, and not what the answer says.
//!
//! A request is the same by the workspace, the goal, and all that is asked for on the command line. Its answer holds while
//! these are as they were:
//!
//! - all directories, BUILD files and what they load, `pants.toml` and this program (the workspace);
//! - all settings, from whatever file, variable or option (they are in the key);
//! - the sources and locks that it is made from, and the variables that tests ask for;
//! - what git says of the tags that versions come from;
//! - the interpreters that were looked for, and where, and the variables and the folder by which they were.
//!
//! What is in `dist/` is looked at each time, and restored where it differs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use packaging::target::Target as Configuration;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Digest, DigestError, FileStates, Looked, Store};

use crate::console::Said;
use crate::diagnostic::Diagnostic;
use crate::dist::{self, PlaceError};
use crate::goals::Targets;
use crate::others;
use crate::report::{Built, Report};
use crate::repository::{Repository, Variables, WorkspaceState};
use crate::session::{Session, failed, forgettable, shown};
use crate::versions;

/// The memo table of answers.
const TABLE: &str = "request";
/// Raised with each change to the form of an answer.
const FORMAT: &str = "4";
/// The variables that lead to interpreters.
const VARIABLES: [&str; 3] = ["PATH", "PYENV_ROOT", "HOME"];

/// A request to build or to test.
pub(crate) struct Request<'a> {
    session: &'a Session<'a>,
    asked: Targets,
    key: Vec<u8>,
}

/// What an answer depends on besides the workspace and the settings.
#[derive(Clone, Default)]
pub(crate) struct Basis {
    /// The paths of files, relative to the root or absolute, also of those that are not there.
    pub(crate) inputs: Vec<PathBuf>,
    /// What git was asked for, and what it said.
    pub(crate) described: Vec<(String, String)>,
    /// Variables of the environment that enter what is made.
    pub(crate) variables: Variables,
}

/// An answer as it is kept. What the request came to follows it, and then the states of what it depends on.
#[derive(Serialize, Deserialize)]
struct Head {
    /// The state of the workspace that it is for.
    workspace: WorkspaceState,
    /// Stands for the variables and the folder by which interpreters were found.
    surroundings: [u8; 32],
    variables: Variables,
    described: Vec<(String, String)>,
    said: Said,
    /// How many actions it takes, by verb.
    actions: BTreeMap<String, u64>,
}

/// The last answer to a request, which holds.
pub(crate) struct Recalled<T> {
    /// What the request came to.
    pub(crate) made: T,
    /// The actions that it took then, as what the cache spares now.
    pub(crate) report: Report,
    /// What was said then.
    pub(crate) said: Said,
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
    /// The key of the action that makes it, so that its outcome counts as used.
    pub(crate) key: Option<(String, u64)>,
}

impl<'a> Request<'a> {
    /// The request of a goal for some targets; `further` is all else that was asked for.
    pub(crate) fn new(
        session: &'a Session<'a>,
        goal: &str,
        asked: &Targets,
        further: &[&[String]],
    ) -> Request<'a> {
        let lists = [asked.targets.as_slice(), &asked.narrowed.exclude, &asked.narrowed.tag];
        let mut key = blake3::Hasher::new();
        for text in [FORMAT.as_bytes(), goal.as_bytes(), &session.state_key()] {
            add(&mut key, text);
        }
        for list in lists.iter().chain(further) {
            key.update(&(list.len() as u64).to_le_bytes());
            list.iter().for_each(|text| add(&mut key, text.as_bytes()));
        }
        Request { session, asked: asked.clone(), key: key.finalize().as_bytes().to_vec() }
    }

    /// Whether files alone decide the answer: what git says of them is no file's state.
    fn is_memorable(&self) -> bool {
        self.asked.changed.changed_since.is_none()
    }

    /// Stands for what of the process's surroundings can lead to other interpreters.
    fn surroundings(&self) -> [u8; 32] {
        let environment = self.session.environment;
        let mut digest = blake3::Hasher::new();
        for variable in VARIABLES {
            add(&mut digest, environment.get(variable).unwrap_or_default().as_bytes());
        }
        add(&mut digest, environment.folder.as_os_str().as_encoded_bytes());
        *digest.finalize().as_bytes()
    }

    /// The last answer, if it holds.
    pub(crate) fn recall<T: DeserializeOwned>(&self) -> Result<Option<Recalled<T>>, Vec<Diagnostic>> {
        if !self.is_memorable() {
            return Ok(None);
        }
        let Some(answer) = self.session.store()?.memo(TABLE, &self.key).map_err(failed)? else {
            return Ok(None);
        };
        let Ok(((head, made), states)) = postcard::take_from_bytes::<(Head, T)>(&answer) else {
            return Ok(None);
        };
        let is_same = |(name, digest): (&String, &Option<_>)| *digest == self.session.variable(name);
        let holds = |states: FileStates| states.hold(&self.session.root);
        if head.surroundings != self.surroundings()
            || !head.variables.iter().all(is_same)
            || !FileStates::parse(states.to_vec()).is_some_and(holds)
            || self.session.unchanged_workspace()? != Some(head.workspace)
            || !versions::still(self.session, &head.described)
        {
            return Ok(None);
        }
        let report = Report { hits: head.actions, ..Report::default() };
        Ok(Some(Recalled { made, report, said: head.said }))
    }

    /// Remembers what the request came to. Whatever changed while it was worked on keeps it from being remembered.
    pub(crate) fn remember<T: Serialize>(
        &self,
        repository: &Repository,
        Basis { mut inputs, described, variables }: Basis,
        made: &T,
        report: &Report,
    ) -> Result<(), Vec<Diagnostic>> {
        // What was guessed for want of the network is found out the next time.
        let is_certain = self.is_memorable() && !repository.findings.guessed;
        let Some(workspace) = repository.state.filter(|_| is_certain) else { return Ok(()) };
        // A pattern may be the path of a file, and come to be one.
        inputs.extend(self.asked.targets.iter().chain(&self.asked.narrowed.exclude).map(PathBuf::from));
        let inputs = inputs.into_iter().map(Looked::At).collect();
        let Some(states) = FileStates::take(&self.session.root, inputs, self.session.began) else {
            return Ok(());
        };
        let mut actions = report.hits.clone();
        for (verb, count) in &report.run {
            *actions.entry(verb.clone()).or_default() += count;
        }
        let messages = repository.said.messages.clone();
        let mut warnings = self.session.console.said();
        // It is said once, whatever is asked for.
        warnings.retain(|warning| warning.code != others::CODE);
        let said = Said { messages, warnings };
        let surroundings = self.surroundings();
        let head = Head { workspace, surroundings, variables, described, said, actions };
        let mut answer = postcard::to_stdvec(&(head, made)).expect("plain data can be encoded");
        answer.extend_from_slice(states.bytes());
        let store = self.session.store()?;
        forgettable(store.put_memo(TABLE, &self.key, &answer)).map_err(failed)
    }
}

/// Adds a text so that no two lists of texts are the same to the hash.
fn add(hasher: &mut blake3::Hasher, text: &[u8]) {
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text);
}

impl Made {
    pub(crate) fn new(artifact: &python::Artifact, tree: &Digest, key: Option<&Digest>) -> Made {
        Made {
            path: artifact.path.clone(),
            target: artifact.label.to_string(),
            configurations: artifact.configurations.clone(),
            tree: (tree.hex(), tree.size),
            file: artifact.file.clone(),
            key: key.map(|key| (key.hex(), key.size)),
        }
    }

    /// The tree that it is or is in.
    pub(crate) fn tree(&self) -> Result<Digest, DigestError> {
        Digest::from_hex(&self.tree.0, self.tree.1)
    }

    /// Lets the outcome of the action that makes it count as used.
    pub(crate) fn use_outcome(&self, store: &Store) -> Result<(), Vec<Diagnostic>> {
        let key = self.key.as_ref().and_then(|(key, size)| Digest::from_hex(key, *size).ok());
        key.map_or(Ok(()), |key| store.use_outcome(&key).map_err(failed))
    }

    /// Puts it into `dist/`, if it is not there.
    pub(crate) fn place(&self, session: &Session<'_>, store: &Store) -> Result<Built, PlaceError> {
        let tree = self.tree().map_err(|_| PlaceError::Lost)?;
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

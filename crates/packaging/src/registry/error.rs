//! What can go wrong with a registry: facts.

use engine::{Failure, Fault};

use crate::index::IndexError;

/// Why a registry does not give or take something.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The network may not be used.
    #[error("{what} is not in the cache, and nothing may be fetched offline")]
    Offline {
        /// What is wanted.
        what: String,
    },
    /// The registry does not know the user, or does not let them.
    #[error("the registry `{host}` refuses {what} (status {status}){}", with(.user))]
    Refused {
        /// The registry.
        host: String,
        /// What is wanted.
        what: String,
        /// The status of its answer.
        status: u16,
        /// Where the credentials come from, if there are any.
        user: Option<String>,
    },
    /// It has no such thing.
    #[error("the registry `{host}` has no {what}")]
    Missing {
        /// The registry.
        host: String,
        /// What is wanted.
        what: String,
    },
    /// It answers with an error.
    #[error("the registry `{host}` answers {what} with status {status}{}", behind(.said))]
    Status {
        /// The registry.
        host: String,
        /// What is wanted.
        what: String,
        /// The status of its answer.
        status: u16,
        /// What it says of it.
        said: String,
    },
    /// It answers with what cannot be understood.
    #[error("the registry `{host}` answers {what} with what cannot be used: {reason}")]
    Answer {
        /// The registry.
        host: String,
        /// What is wanted.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// There is no connection.
    #[error("the registry `{host}` cannot be asked for {what}: {cause}")]
    Connection {
        /// The registry.
        host: String,
        /// What is wanted.
        what: String,
        /// Why.
        cause: String,
    },
    /// A program that keeps credentials does not give them.
    #[error("`{helper}`, which `{file}` names for `{host}`, gives no credentials: {reason}")]
    Helper {
        /// The registry.
        host: String,
        /// The program.
        helper: String,
        /// The file that names it.
        file: String,
        /// What it says.
        reason: String,
    },
    /// A file of credentials cannot be read.
    #[error("`{file}` cannot be read: {reason}")]
    File {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// What is sent cannot be read.
    #[error("cannot read {what}: {reason}")]
    Content {
        /// What is sent.
        what: String,
        /// Why.
        reason: String,
    },
    /// Certificates or proxies cannot be told.
    #[error(transparent)]
    Reach(#[from] IndexError),
}

fn with(user: &Option<String>) -> String {
    match user {
        Some(user) => format!(", with the credentials of {user}"),
        None => ", without credentials".to_owned(),
    }
}

fn behind(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl Failure for RegistryError {
    fn code(&self) -> &'static str {
        match self {
            RegistryError::Offline { .. } => "registry::offline",
            RegistryError::Refused { .. } => "registry::refused",
            RegistryError::Missing { .. } => "registry::missing",
            RegistryError::Status { .. } => "registry::status",
            RegistryError::Answer { .. } => "registry::answer",
            RegistryError::Connection { .. } => "registry::connection",
            RegistryError::Helper { .. } => "registry::helper",
            RegistryError::File { .. } => "registry::credentials",
            RegistryError::Content { .. } => "registry::content",
            RegistryError::Reach(error) => error.code(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            RegistryError::Missing { .. } | RegistryError::File { .. } => Fault::Request,
            RegistryError::Reach(error) => Failure::fault(error),
            _ => Fault::Environment,
        }
    }

    fn help(&self) -> Option<String> {
        let text = match self {
            RegistryError::Offline { .. } => "run it once without `--offline`".to_owned(),
            RegistryError::Refused { host, user: None, .. } => {
                format!(
                    "`docker login {host}` or `podman login {host}` keeps credentials that are used here too"
                )
            }
            RegistryError::Refused { .. } => "look whether they are still good, and may do this".to_owned(),
            RegistryError::Missing { .. } => "look whether the name and the digest are right".to_owned(),
            RegistryError::Connection { host, .. } => format!(
                "registries but those on `localhost` are asked by https: where `{host}` is not, write `http://{host}/…`"
            ),
            RegistryError::Helper { .. } => "install the program, or log in anew".to_owned(),
            RegistryError::Reach(error) => return error.help(),
            _ => return None,
        };
        Some(text)
    }
}

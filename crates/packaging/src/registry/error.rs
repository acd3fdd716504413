//! What can go wrong with a registry: facts.

use std::time::Duration;

use engine::{Failure, Fault};

use crate::index::{HOST_NOT_FOUND, IndexError};

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
    #[error("the registry `{host}` refuses {what} (status {status}{}){}", behind(.said), with(.user))]
    Refused {
        /// The registry.
        host: String,
        /// What is wanted.
        what: String,
        /// The status of its answer.
        status: u16,
        /// Where the credentials come from, if there are any.
        user: Option<String>,
        /// What it says of it.
        said: String,
    },
    /// It has no such thing.
    #[error("the registry `{host}` does not have {what}")]
    Missing {
        /// The registry.
        host: String,
        /// What is wanted.
        what: String,
    },
    /// It answers with an error.
    #[error("the registry `{host}` answers the request for {what} with status {status}{}", behind(.said))]
    Status {
        /// The registry.
        host: String,
        /// What is wanted.
        what: String,
        /// The status of its answer.
        status: u16,
        /// What it says of it.
        said: String,
        /// For how long it asks to be left alone.
        wait: Option<Duration>,
    },
    /// It knows nothing any more of an upload that it has begun.
    #[error("the registry `{host}` has lost the upload of {what} (status {status})")]
    Session {
        /// The registry.
        host: String,
        /// What is sent.
        what: String,
        /// The status of its answer.
        status: u16,
    },
    /// It answers with what cannot be understood.
    #[error("the registry `{host}` answers the request for {what} with what cannot be used: {reason}")]
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
    /// There is no encrypted connection.
    #[error("the connection to the registry `{host}` is not trusted: {cause}")]
    Untrusted {
        /// The registry.
        host: String,
        /// What is wrong with its certificate.
        cause: &'static str,
        /// What named the certificates that are trusted.
        bundle: String,
    },
    /// It answers without encryption where it should not.
    #[error("the registry `{host}` does not speak TLS")]
    NoTls {
        /// The registry.
        host: String,
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

/// Whether the same request may be answered otherwise after a while.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

impl RegistryError {
    /// Whether it may pass.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            RegistryError::Status { status, .. } => is_passing(*status),
            RegistryError::Connection { .. } | RegistryError::Session { .. } => true,
            _ => false,
        }
    }

    /// Whether the registry answered that it will not do this.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            RegistryError::Status { status, .. } => !is_passing(*status),
            RegistryError::Refused { .. } | RegistryError::Missing { .. } => true,
            _ => false,
        }
    }
}

impl Failure for RegistryError {
    fn code(&self) -> &'static str {
        match self {
            RegistryError::Offline { .. } => "registry::offline",
            RegistryError::Refused { .. } => "registry::refused",
            RegistryError::Missing { .. } => "registry::missing",
            RegistryError::Status { .. } => "registry::status",
            RegistryError::Session { .. } => "registry::session",
            RegistryError::Answer { .. } => "registry::answer",
            RegistryError::Connection { .. } => "registry::connection",
            RegistryError::Untrusted { .. } => "registry::untrusted",
            RegistryError::NoTls { .. } => "registry::no_tls",
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
            RegistryError::Status { wait: Some(wait), .. } => {
                format!("it asks not to be asked again for {} seconds", wait.as_secs())
            }
            RegistryError::Status { status: 404, .. } => {
                "some registries want a repository to be made there before something is put into it"
                    .to_owned()
            }
            RegistryError::Status { status: 413, .. } => {
                "the registry, or a proxy in front of it, takes no blob of this size: it has to be told to"
                    .to_owned()
            }
            RegistryError::Connection { cause, .. } if cause == HOST_NOT_FOUND => {
                "look whether the name of the registry is right, and known to this machine".to_owned()
            }
            RegistryError::Connection { .. } => {
                "look whether it runs, and can be reached from this machine".to_owned()
            }
            RegistryError::Untrusted { bundle, .. } => {
                format!("certificates are trusted by {bundle}; `SSL_CERT_FILE` names another file of them")
            }
            RegistryError::NoTls { host } => {
                format!("where it is to be spoken to without encryption, write `http://{host}`")
            }
            RegistryError::Helper { .. } => "install the program, or log in anew".to_owned(),
            RegistryError::Reach(error) => return error.help(),
            _ => return None,
        };
        Some(text)
    }
}

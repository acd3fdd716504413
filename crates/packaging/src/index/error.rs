//! What can go wrong with an index: facts, each with the index's name and never with its address.

use std::path::PathBuf;

use store::StoreError;

use super::auth::variable_part;
use crate::lock::Address;

/// Who has to act: the exit code of the command line is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request or the configuration is wrong (exit code 2).
    Request,
    /// The network, the disk or a missing tool (exit code 3).
    Environment,
}

/// The indexes could not be told, or no client be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// An address that cannot be read.
    #[error("{origin} is not the address of an index: {reason}")]
    Address {
        /// What said it, such as a variable or a file.
        origin: String,
        /// What is wrong, without the text.
        reason: String,
    },
    /// Two indexes of one name.
    #[error("the index name `{name}` is given twice, by {first} and by {second}")]
    Twice {
        /// The name.
        name: String,
        /// What named it first.
        first: String,
        /// What named it again.
        second: String,
    },
    /// A name that cannot be written into a lock or an environment variable.
    #[error("`{name}` in {origin} is not a name for an index: expected letters, digits, `-`, `_` and `.`")]
    Name {
        /// The name.
        name: String,
        /// What said it.
        origin: String,
    },
    /// A declared index whose address nothing says.
    #[error("the index `{name}` has no address: neither `pants.toml` nor the configuration of `uv` says one")]
    NoAddress {
        /// The name.
        name: String,
    },
    /// What is neither a project nor the beginning of some.
    #[error(
        "`{text}` of the index `{index}` is not the name of a project, nor the beginning of names such as `corp-*`"
    )]
    Scope {
        /// The index.
        index: String,
        /// What is wrong.
        text: String,
    },
    /// A project that two indexes claim.
    #[error("`{project}` is in the `packages` of two indexes: `{}` and `{}`", indexes[0], indexes[1])]
    TwoScopes {
        /// The project, or the beginning.
        project: String,
        /// The two.
        indexes: [String; 2],
    },
    /// A resolve whose indexes are all for some projects only.
    #[error("the resolve `{resolve}` has no index for what no index claims with `packages`")]
    NoneForAll {
        /// The resolve.
        resolve: String,
    },
    /// Nothing on this machine says where packages come from.
    #[error("no package index is configured, and neither `pip` nor `uv` says what the default is")]
    NoDefault,
    /// A configuration file that exists and cannot be read.
    #[error("cannot read the configuration file `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A configuration file with wrong syntax.
    #[error("the configuration file `{}` is not valid: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A bundle of certificates that cannot be used.
    #[error("no certificate could be read from `{}`, which {origin} names", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What named it.
        origin: String,
    },
    /// A proxy whose address cannot be read.
    #[error("the address of the proxy in {origin} cannot be read")]
    Proxy {
        /// What named it: an environment variable or a file.
        origin: String,
    },
}

impl IndexError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "packaging::index_address",
            Self::Twice { .. } => "packaging::index_twice",
            Self::Name { .. } => "packaging::index_name",
            Self::NoAddress { .. } => "packaging::index_no_address",
            Self::Scope { .. } => "packaging::index_scope",
            Self::TwoScopes { .. } => "packaging::index_two_scopes",
            Self::NoneForAll { .. } => "packaging::index_none_for_all",
            Self::NoDefault => "packaging::index_no_default",
            Self::Unreadable { .. } => "packaging::index_unreadable",
            Self::Syntax { .. } => "packaging::index_syntax",
            Self::Certificates { .. } => "packaging::index_certificates",
            Self::Proxy { .. } => "packaging::index_proxy",
        }
    }

    /// What to do about it, where that can be told.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoDefault => Some(
                "give one in `pants.toml`, or in `UV_DEFAULT_INDEX` or `PIP_INDEX_URL`, or install `pip`"
                    .into(),
            ),
            Self::Twice { .. } => Some("give each index a name of its own".into()),
            Self::NoAddress { name } => {
                Some(format!("give it a `url`, or say it where this machine keeps its own: `UV_INDEX={name}=ADDRESS`"))
            }
            Self::NoneForAll { resolve } => {
                Some(format!("add one, such as `default`, to `{resolve}` in `[python.resolves_to_indexes]`"))
            }
            Self::TwoScopes { .. } => Some(
                "a project is looked for on one index alone: leave it to one, or let each resolve say which of them it \
                 uses, in `[python.resolves_to_indexes]`"
                    .into(),
            ),
            Self::Certificates { .. } => Some("expected a file of certificates in PEM form".into()),
            _ => None,
        }
    }

    /// Who has to act.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoDefault | Self::Unreadable { .. } | Self::Certificates { .. } => Fault::Environment,
            _ => Fault::Request,
        }
    }
}

/// A page or file of an index could not be had. Nothing broken is kept after any of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// `--offline`, and the file is not in the cache.
    #[error("`{what}` is not in the cache, and the network must not be used")]
    Offline {
        /// The file, or the page of a project.
        what: String,
        /// The size of the file, where the lock knows it.
        size: Option<u64>,
    },
    /// A lock takes a file from another index than its project is pinned to.
    #[error(
        "the lock takes `{file}` from the index `{index}`, but `{project}` is pinned to the index `{pinned}`"
    )]
    OtherIndex {
        /// The file.
        file: String,
        /// The project.
        project: String,
        /// The index of the lock.
        index: String,
        /// The index that it may come from.
        pinned: String,
    },
    /// A lock names an index that nothing configures.
    #[error("no index has the name `{name}`; there is {known}")]
    UnknownIndex {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The index does not know the project.
    #[error("the index `{index}` has no project `{project}`")]
    NoProject {
        /// The name of the index.
        index: String,
        /// The project.
        project: String,
    },
    /// The project is there, the file is not.
    #[error("{} has no file `{file}` of `{project}`", of(index))]
    NoFile {
        /// The name of the index.
        index: String,
        /// The project.
        project: String,
        /// The file.
        file: String,
    },
    /// 401, 403 or 407.
    #[error("{} refused `{what}`: {}", of(index), status_text(*status))]
    Refused {
        /// The name of the index.
        index: String,
        /// The file, or the page of a project.
        what: String,
        /// The HTTP status.
        status: u16,
        /// What said where the index is.
        origin: String,
        /// Where the credentials come from that were sent, if any were.
        credentials: Option<String>,
    },
    /// Any other status that is not success, after all attempts.
    #[error("{} answered {} for `{what}`{}", of(index), status_text(*status), after(*attempts))]
    Status {
        /// The name of the index.
        index: String,
        /// The file, or the page of a project.
        what: String,
        /// The HTTP status.
        status: u16,
        /// How often it was tried.
        attempts: u32,
        /// For how many seconds the index asked not to be asked again.
        wait: Option<u64>,
    },
    /// No connection, or one that broke, after all attempts.
    #[error("cannot get `{what}` from {}: {cause}{}", of(index), after(*attempts))]
    Connection {
        /// The name of the index.
        index: String,
        /// The file, or the page of a project.
        what: String,
        /// What happened, without any address.
        cause: String,
        /// How often it was tried.
        attempts: u32,
        /// What said where the index is.
        origin: String,
    },
    /// The certificate of the index is not trusted.
    #[error("the connection to {} is not trusted: {cause}", of(index))]
    Untrusted {
        /// The name of the index.
        index: String,
        /// What the check of the certificate said.
        cause: String,
        /// What named the certificates that are trusted.
        bundle: String,
    },
    /// The index does not take a file.
    #[error("the index `{index}` does not take `{what}`: {reason}")]
    Rejected {
        /// The name of the index.
        index: String,
        /// The file.
        what: String,
        /// What it says.
        reason: String,
    },
    /// There is no token for uploads, though the CI service says who runs.
    #[error("there is no token for uploads to the index `{index}`: {reason}")]
    Identity {
        /// The name of the index.
        index: String,
        /// Why.
        reason: String,
    },
    /// A page that is neither of the two forms of the simple repository API.
    #[error("the page of `{project}` on the index `{index}` cannot be read: {reason}")]
    Page {
        /// The name of the index.
        index: String,
        /// The project.
        project: String,
        /// What is wrong.
        reason: String,
    },
    /// More or fewer bytes than the lock says.
    #[error("`{file}` from {} has {found} bytes, expected {expected}", of(index))]
    Size {
        /// The name of the index.
        index: String,
        /// The file.
        file: String,
        /// The bytes that the lock says.
        expected: u64,
        /// `more than N`, or the number that came.
        found: String,
    },
    /// Other bytes than the lock says.
    #[error("`{file}` from {} has SHA-256 `{found}`, expected `{expected}`", of(index))]
    Hash {
        /// The name of the index.
        index: String,
        /// The file.
        file: String,
        /// The hash that the lock says.
        expected: String,
        /// The hash of what came.
        found: String,
    },
    /// An archive that cannot be read as one.
    #[error("`{file}` cannot be read as a wheel: {reason}")]
    Archive {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The cache could not be written.
    #[error("cannot keep `{file}` in the cache")]
    Disk {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The store could not take the file.
    #[error("cannot keep `{file}` in the cache")]
    Store {
        /// The file.
        file: String,
        /// Why.
        source: StoreError,
    },
}

/// What messages call an index, or the file that stands in the place of one.
fn of(index: &str) -> String {
    if is_address(index) { format!("`{index}`") } else { format!("the index `{index}`") }
}

fn is_address(index: &str) -> bool {
    Address::in_place_of_index(index).is_some()
}

impl FetchError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Offline { .. } => "packaging::fetch_offline",
            Self::OtherIndex { .. } => "packaging::fetch_other_index",
            Self::UnknownIndex { .. } => "packaging::fetch_unknown_index",
            Self::NoProject { .. } => "packaging::fetch_no_project",
            Self::NoFile { .. } => "packaging::fetch_no_file",
            Self::Refused { .. } => "packaging::fetch_refused",
            Self::Status { .. } => "packaging::fetch_status",
            Self::Rejected { .. } => "packaging::upload_rejected",
            Self::Identity { .. } => "packaging::upload_identity",
            Self::Connection { .. } => "packaging::fetch_connection",
            Self::Untrusted { .. } => "packaging::fetch_untrusted",
            Self::Page { .. } => "packaging::fetch_page",
            Self::Size { .. } => "packaging::fetch_size",
            Self::Hash { .. } => "packaging::fetch_hash",
            Self::Archive { .. } => "packaging::fetch_archive",
            Self::Disk { .. } => "packaging::fetch_disk",
            Self::Store { source, .. } => source.code(),
        }
    }

    /// What to do about it, where that can be told.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoFile { index, .. } | Self::Refused { index, .. } | Self::Connection { index, .. }
            | Self::Size { index, .. } | Self::Hash { index, .. }
                if is_address(index) =>
            {
                Some(match self {
                    Self::NoFile { .. } => "give the requirement another address, and run `pants lock`".into(),
                    Self::Refused { .. } => "give the host an entry in `~/.netrc`".into(),
                    Self::Connection { .. } => "what is cached still works with `--offline`".into(),
                    _ => "nothing was kept; if the file was replaced on purpose, `pants lock` takes it".into(),
                })
            }
            Self::Offline { .. } => Some("run the same command once without `--offline`: it fills the cache".into()),
            Self::UnknownIndex { name, .. } => {
                Some(format!("name it in `pants.toml`, or lock again without `{name}`: `pants lock`"))
            }
            Self::OtherIndex { .. } => Some("`pants lock` takes it from there".into()),
            Self::Status { wait: Some(seconds), .. } => {
                Some(format!("the index asks not to be asked again for {seconds} seconds"))
            }
            Self::Identity { index, .. } => Some(format!(
                "name this workflow as a trusted publisher of the project on the index, or set `PANTS_INDEX_{}_PASSWORD` to a token",
                variable_part(index)
            )),
            Self::NoProject { .. } => Some("check the spelling, and which index serves it".into()),
            Self::NoFile { .. } => Some(
                "the file may have been deleted, or a mirror may lack it; `pants lock` chooses again".into(),
            ),
            Self::Refused { status: 407, .. } => Some("put user and password of the proxy into its address".into()),
            Self::Refused { index, origin, credentials: None, .. } => {
                let part = variable_part(index);
                Some(format!(
                    "no credentials were sent: set `PANTS_INDEX_{part}_USERNAME` and `PANTS_INDEX_{part}_PASSWORD`, or \
                     give the host an entry in `~/.netrc`; the address of the index comes from {origin}"
                ))
            }
            Self::Refused { origin, credentials: Some(credentials), .. } => Some(format!(
                "check the user and the password that were sent, which come from {credentials}; the address of the index \
                 comes from {origin}"
            )),
            Self::Connection { origin, .. } => Some(format!(
                "the address of the index comes from {origin}; what is cached still works with `--offline`"
            )),
            Self::Untrusted { bundle, .. } => Some(format!(
                "certificates are trusted by {bundle}; `[python-repos] ca_certs`, `SSL_CERT_FILE` or `PIP_CERT` names another file of them"
            )),
            Self::Size { .. } | Self::Hash { .. } => Some(
                "nothing was kept; if the index serves another file under this name now, find out why before `pants lock`"
                    .into(),
            ),
            Self::Store { source, .. } => source.help(),
            Self::Disk { .. } => Some(
                "free some space on the file system of the cache, or name another place for it with `--cache-dir`"
                    .into(),
            ),
            _ => None,
        }
    }

    /// Who has to act.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::UnknownIndex { .. } | Self::OtherIndex { .. } | Self::NoProject { .. } => Fault::Request,
            _ => Fault::Environment,
        }
    }
}

fn status_text(status: u16) -> String {
    let reason = match status {
        401 => "credentials are needed",
        403 => "forbidden",
        404 => "not found",
        407 => "the proxy wants credentials",
        429 => "too many requests",
        500 => "internal error",
        502 => "bad gateway",
        503 => "unavailable",
        504 => "gateway timeout",
        _ => return format!("status {status}"),
    };
    format!("status {status} ({reason})")
}

fn after(attempts: u32) -> String {
    if attempts > 1 { format!(" after {attempts} attempts") } else { String::new() }
}

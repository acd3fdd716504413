//! What can go wrong with a request, and what helps: the table that decides whether it is repeated.

use std::time::Duration;

use tonic::{Code, Status};

/// How a request went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nobody answers at the address, or the connection broke.
    Unreachable,
    /// No answer came in time, and the server does not answer anything else either.
    Silent,
    /// The server has too much to do, or too many requests at once.
    Busy,
    /// The server failed.
    Broken,
    /// The server does not know who asks.
    Unauthenticated,
    /// The server knows who asks, and refuses.
    Denied,
    /// What is asked for is not there.
    Missing,
    /// The server does not take the request as it is.
    Refused,
    /// What came is not what was asked for.
    Corrupt,
    /// Nobody was asked, since the server failed a moment ago.
    Off,
}

impl Kind {
    /// Whether the same request may succeed a moment later.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Kind::Unreachable | Kind::Busy | Kind::Broken)
    }

    /// Whether it says that the server is not well, and not that the request is wrong.
    pub(crate) fn is_of_server(self) -> bool {
        matches!(self, Kind::Unreachable | Kind::Silent | Kind::Broken)
    }
}

/// A request that went wrong.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// How.
    pub kind: Kind,
    /// What was said about it.
    pub message: String,
    /// When the server wants to be asked again.
    pub(crate) after: Option<Duration>,
}

impl Fault {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Fault {
        Fault { kind, message: message.into(), after: None }
    }

    /// That what came has another digest than what was asked for.
    pub(crate) fn corrupt() -> Fault {
        Fault::new(Kind::Corrupt, "the content is not that of its digest")
    }

    /// That no request is made.
    pub(crate) fn off() -> Fault {
        Fault::new(Kind::Off, "the server is not asked for now")
    }
}

impl From<Status> for Fault {
    fn from(status: Status) -> Fault {
        let kind = match status.code() {
            Code::Unauthenticated => Kind::Unauthenticated,
            Code::PermissionDenied => Kind::Denied,
            Code::NotFound => Kind::Missing,
            // A message that is too long is too long the next time as well.
            Code::ResourceExhausted if status.message().contains("larger than max") => Kind::Refused,
            Code::ResourceExhausted => Kind::Busy,
            Code::Unavailable | Code::Aborted => Kind::Unreachable,
            // Nothing here cancels a request: it is the connection that went, or a deadline of the transport.
            Code::Cancelled | Code::Unknown | Code::DeadlineExceeded => Kind::Unreachable,
            Code::Internal | Code::DataLoss => Kind::Broken,
            _ => Kind::Refused,
        };
        let after = retry_delay(status.details());
        Fault { kind, message: said(&status), after }
    }
}

/// What the server or the transport says, in one line.
fn said(status: &Status) -> String {
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        causes.push(error.to_string());
        source = error.source();
    }
    // The innermost cause says most: `connection refused`, `invalid peer certificate`.
    let text = causes.pop().unwrap_or_else(|| status.message().to_owned());
    let text = text.lines().next().unwrap_or_default().trim().to_owned();
    if text.is_empty() { format!("{:?}", status.code()) } else { text }
}

/// When the server wants to be asked again: the `RetryInfo` among the details of a status.
fn retry_delay(details: &[u8]) -> Option<Duration> {
    use prost::Message as _;
    let status = bazel_remote_apis::google::rpc::Status::decode(details).ok()?;
    let info = status.details.iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.delay?;
    let (seconds, nanos) = (u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?);
    Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into())))
}

#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<crate::api::Duration>,
}

//! One request for one address: `https`, `http` or `file`, and what its failure means. Knows no retries.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use ureq::http::{HeaderMap, Response, header};
use ureq::{Body, ResponseExt as _};
use url::Url;

use super::backoff::Problem;
use super::client::Client;
use super::config::Index;
use super::error::FetchError;

/// The part of a file that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    All,
    /// From a byte to the end.
    From(u64),
    /// These bytes, the second one not included.
    Between(u64, u64),
    /// The last bytes.
    Last(u64),
}

/// What is asked for, and how it is called in messages.
pub(super) struct Ask<'a> {
    pub(super) index: &'a Index,
    pub(super) url: &'a Url,
    pub(super) what: &'a str,
    pub(super) accept: Option<&'a str>,
    pub(super) part: Part,
}

/// An answer whose body has not been read.
pub(super) struct Answer {
    /// Where the body begins within the file: 0 if the server ignored the part.
    pub(super) start: u64,
    /// The size of the whole file, where it is told.
    pub(super) total: Option<u64>,
    pub(super) content_type: String,
    /// The address after redirections.
    pub(super) url: Url,
    pub(super) body: Box<dyn Read + Send>,
}

impl Client {
    /// Sends one request. 404 is [`FetchError::NoProject`] with `what`, which the caller puts right.
    pub(super) fn send(&self, ask: &Ask<'_>) -> Result<Answer, Problem> {
        if ask.url.scheme() == "file" {
            return open_file(ask);
        }
        if self.offline {
            return Err(FetchError::Offline { what: ask.what.to_owned() }.into());
        }
        let mut request = self
            .agent
            .get(ask.url.as_str())
            .config()
            .https_only(ask.url.scheme() == "https")
            .proxy(self.proxies.of(ask.url.scheme()))
            .build();
        match ask.accept {
            Some(types) => request = request.header(header::ACCEPT, types),
            // Bytes as they are: they are counted, hashed and resumed.
            None => request = request.header(header::ACCEPT_ENCODING, "identity"),
        }
        let range = match ask.part {
            Part::All => None,
            Part::From(start) => Some(format!("bytes={start}-")),
            Part::Between(start, end) => Some(format!("bytes={start}-{}", end.saturating_sub(1))),
            Part::Last(count) => Some(format!("bytes=-{count}")),
        };
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        if let (true, Some(found)) = (ask.index.url.trusts(ask.url), &ask.index.credentials) {
            request = request.header(header::AUTHORIZATION, found.header());
        }
        let response = request.call().map_err(|error| self.failed(ask, &error))?;
        self.judge(ask, response)
    }

    fn judge(&self, ask: &Ask<'_>, response: Response<Body>) -> Result<Answer, Problem> {
        let status = response.status().as_u16();
        let (index, what) = (ask.index.name.clone(), ask.what.to_owned());
        match status {
            200 | 206 => {}
            401 | 403 | 407 => {
                let credentials = ask.index.credentials.is_some();
                let origin = ask.index.origin.clone();
                return Err(FetchError::Refused { index, what, status, origin, credentials }.into());
            }
            404 | 410 => return Err(FetchError::NoProject { index, project: what }.into()),
            408 | 425 | 429 | 500..=599 => {
                let wait = retry_after(response.headers());
                let error = FetchError::Status { index, what, status, attempts: 1 };
                return Err(Problem::Passing { error: Box::new(error), wait, progress: false });
            }
            _ => return Err(FetchError::Status { index, what, status, attempts: 1 }.into()),
        }
        let url = Url::parse(&response.get_uri().to_string()).unwrap_or_else(|_| ask.url.clone());
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let content_type = text(header::CONTENT_TYPE).unwrap_or_default().to_owned();
        let (start, total) = match (status, text(header::CONTENT_RANGE).and_then(content_range)) {
            (206, Some(found)) => found,
            // A part without saying which one cannot be used.
            (206, None) => return Err(FetchError::Status { index, what, status, attempts: 1 }.into()),
            _ => (0, response.body().content_length()),
        };
        let body = Box::new(response.into_body().into_reader());
        Ok(Answer { start, total, content_type, url, body })
    }

    /// What an error of the connection means.
    pub(super) fn failed(&self, ask: &Ask<'_>, error: &ureq::Error) -> Problem {
        let text = error.to_string();
        let tls = matches!(error, ureq::Error::Rustls(_) | ureq::Error::Tls(_));
        let index = ask.index.name.clone();
        if tls || text.contains("certificate") {
            let bundle = self.trusted_by.clone();
            return FetchError::Untrusted { index, cause: tls_cause(&text).to_owned(), bundle }.into();
        }
        match error {
            ureq::Error::TooManyRedirects | ureq::Error::RequireHttpsOnly(_) => {
                let cause = "it redirects without end, or to an address that is not `https`".to_owned();
                connection(ask, cause).into()
            }
            _ => passing(ask, cause_of(error), false),
        }
    }
}

/// A broken connection as a problem that may pass.
pub(super) fn passing(ask: &Ask<'_>, cause: String, progress: bool) -> Problem {
    Problem::Passing { error: Box::new(connection(ask, cause)), wait: None, progress }
}

fn connection(ask: &Ask<'_>, cause: String) -> FetchError {
    let (index, what, origin) = (ask.index.name.clone(), ask.what.to_owned(), ask.index.origin.clone());
    FetchError::Connection { index, what, cause, attempts: 1, origin }
}

/// What happened while a body was read.
pub(super) fn body_cause(error: io::Error) -> String {
    cause_of(&ureq::Error::from(error))
}

/// The cause in words of our own: those of the library may hold addresses.
fn cause_of(error: &ureq::Error) -> String {
    use io::ErrorKind;
    let text = match error {
        ureq::Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => "the connection was refused",
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                "the connection was cut"
            }
            ErrorKind::TimedOut | ErrorKind::WouldBlock => "it took too long to answer",
            kind => return kind.to_string(),
        },
        ureq::Error::HostNotFound => "its host was not found",
        ureq::Error::Timeout(_) => "it took too long to answer",
        ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => "the proxy did not connect",
        ureq::Error::ConnectionFailed => "no connection was made",
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => "it does not speak HTTP properly",
        ureq::Error::Decompress(..) => "its answer is not validly compressed",
        _ => "the request failed",
    };
    text.to_owned()
}

fn tls_cause(text: &str) -> &'static str {
    let known = [
        ("UnknownIssuer", "the certificate's issuer is not trusted"),
        ("Expired", "the certificate has expired"),
        ("expired", "the certificate has expired"),
        ("not valid yet", "the certificate is not valid yet"),
        ("NotValidForName", "the certificate is for another host"),
        ("not valid for name", "the certificate is for another host"),
        ("Revoked", "the certificate was revoked"),
        ("BadSignature", "the certificate's signature is wrong"),
    ];
    known.iter().find(|(sign, _)| text.contains(sign)).map_or("the TLS handshake failed", |(_, cause)| cause)
}

/// The first byte and the size of `bytes 5-9/10` (RFC 9110, 14.4).
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

/// `Retry-After` in seconds; a date is left to the growing pauses.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

fn open_file(ask: &Ask<'_>) -> Result<Answer, Problem> {
    let missing = || FetchError::NoProject { index: ask.index.name.clone(), project: ask.what.to_owned() };
    let unreadable = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => missing(),
        _ => connection(ask, error.kind().to_string()),
    };
    let path = ask.url.to_file_path().map_err(|()| missing())?;
    // A pipe without a writer would be waited for.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(&path, flags, Mode::empty()).map_err(io::Error::from);
    let mut file = File::from(opened.map_err(|error| unreadable(&error))?);
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(missing().into());
    }
    let size = metadata.len();
    let (start, end) = match ask.part {
        Part::All => (0, size),
        Part::From(start) => (start.min(size), size),
        Part::Between(start, end) => (start.min(size), end.min(size)),
        Part::Last(count) => (size.saturating_sub(count), size),
    };
    file.seek(SeekFrom::Start(start)).map_err(|error| unreadable(&error))?;
    let content_type = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => "application/json",
        _ => "text/html",
    };
    Ok(Answer {
        start,
        total: Some(size),
        content_type: content_type.to_owned(),
        url: ask.url.clone(),
        body: Box::new(file.take(end.saturating_sub(start))),
    })
}

#[cfg(test)]
mod tests {
    use super::content_range;

    #[test]
    fn content_ranges_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 0-0/*"), Some((0, None)));
        for text in ["", "bytes */10", "items 1-2/3", "bytes x-9/10", "bytes 5/10"] {
            assert_eq!(content_range(text), None, "{text}");
        }
    }
}

//! One request for one address: `https`, `http` or `file`, and what its failure means. Knows no retries.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use ureq::Body;
use ureq::http::{HeaderMap, Response, header};
use url::Url;

use super::address::local_path;
use super::auth;
use super::backoff::Problem;
use super::client::Client;
use super::config::Index;
use super::error::FetchError;
use super::pace::Paced;
use crate::lock::Address;

/// More than an index ever needs; the servers of a loop are told so.
const MOST_REDIRECTS: usize = 10;

/// Causes that others tell from the rest.
pub(crate) const HOST_NOT_FOUND: &str = "its host was not found";
pub(crate) const NO_TLS: &str = "it does not speak TLS";

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
        let (url, response) = self.follow(ask)?;
        self.judge(ask, &url, response)
    }

    /// Sends one request over the network, and goes where it is redirected to. Gives the last address and its answer,
    /// whatever that is.
    pub(super) fn follow(&self, ask: &Ask<'_>) -> Result<(Url, Response<Body>), Problem> {
        if self.offline {
            return Err(FetchError::Offline { what: ask.what.to_owned(), size: None }.into());
        }
        let mut url = ask.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.call(ask, &url)?;
            match redirection(&response, &url) {
                None => return Ok((url, response)),
                Some(Some(next)) => url = next,
                Some(None) => {
                    let cause = "it redirects to an address that cannot be used".to_owned();
                    return Err(connection(ask, cause).into());
                }
            }
        }
        Err(connection(ask, "it redirects without end".to_owned()).into())
    }

    /// Sends one request to one address.
    fn call(&self, ask: &Ask<'_>, url: &Url) -> Result<Response<Body>, Problem> {
        let proxy = self.proxies.of(url.scheme());
        let mut request = self.agent.get(url.as_str()).config().proxy(proxy).build();
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
        if let Some(found) = self.credentials(ask.index, url) {
            request = request.header(header::AUTHORIZATION, auth::header(found));
        }
        request.call().map_err(|error| self.failed(ask, &error))
    }

    /// The credentials of an index for its own host, and for another those that a netrc file has of it by its name. A
    /// file on no index has those of the index that shares its host.
    fn credentials<'c>(&'c self, index: &'c Index, url: &Url) -> Option<(&'c str, &'c str)> {
        let is_file = Address::in_place_of_index(&index.name).is_some();
        if index.url.trusts(url) && !is_file {
            return index.credentials();
        }
        if is_file && let Some(shared) = self.indexes().iter().find(|one| one.url.trusts(url)) {
            return shared.credentials();
        }
        self.indexes().reach.netrc.of_host(url.host_str()?, None)
    }

    /// What an answer is worth by its status.
    pub(super) fn judge(
        &self,
        ask: &Ask<'_>,
        url: &Url,
        response: Response<Body>,
    ) -> Result<Answer, Problem> {
        let status = response.status().as_u16();
        let (index, what) = (ask.index.name.clone(), ask.what.to_owned());
        match status {
            200 | 206 => {}
            401 | 403 | 407 => {
                let login = &ask.index.login;
                let sent =
                    || if ask.index.url.trusts(url) { login.origin() } else { "the netrc file" }.to_owned();
                let credentials = self.credentials(ask.index, url).map(|_| sent());
                let origin = ask.index.origin.clone();
                return Err(FetchError::Refused { index, what, status, origin, credentials }.into());
            }
            404 | 410 => return Err(FetchError::NoProject { index, project: what }.into()),
            408 | 425 | 429 | 500..=599 => {
                let wait = retry_after(response.headers());
                let seconds = wait.map(|wait| wait.as_secs());
                let error = FetchError::Status { index, what, status, attempts: 1, wait: seconds };
                return Err(Problem::Passing { error: Box::new(error), wait, progress: false });
            }
            _ => return Err(FetchError::Status { index, what, status, attempts: 1, wait: None }.into()),
        }
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let content_type = text(header::CONTENT_TYPE).unwrap_or_default().to_owned();
        let (start, total) = match (status, text(header::CONTENT_RANGE).and_then(content_range)) {
            (206, Some(found)) => found,
            // A part without saying which one cannot be used.
            (206, None) => {
                return Err(FetchError::Status { index, what, status, attempts: 1, wait: None }.into());
            }
            _ => (0, response.body().content_length()),
        };
        let body = Box::new(Paced::new(response.into_body().into_reader(), self.patience));
        Ok(Answer { start, total, content_type, url: url.clone(), body })
    }

    /// What an error of the connection means.
    pub(super) fn failed(&self, ask: &Ask<'_>, error: &ureq::Error) -> Problem {
        match tls_cause(error) {
            Some(cause) => {
                let (index, bundle) = (ask.index.name.clone(), self.trusted_by.clone());
                FetchError::Untrusted { index, cause: cause.to_owned(), bundle }.into()
            }
            None => passing(ask, cause_of(error), false),
        }
    }
}

/// Where an answer redirects to, if it does; none within where that cannot be used: what came safely leads to nothing
/// that would not.
fn redirection(response: &Response<Body>, from: &Url) -> Option<Option<Url>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let target = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let target = target.and_then(|target| from.join(target).ok());
    Some(target.filter(|to| to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http")))
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
pub(crate) fn cause_of(error: &ureq::Error) -> String {
    use io::ErrorKind;
    let text = match error {
        ureq::Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => "the connection was refused",
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                "the connection was cut"
            }
            ErrorKind::TimedOut | ErrorKind::WouldBlock => "it took too long to answer",
            // The standard library has no name for what the resolver says.
            _ if error.to_string().contains("lookup address") => HOST_NOT_FOUND,
            kind => return kind.to_string(),
        },
        ureq::Error::HostNotFound => HOST_NOT_FOUND,
        ureq::Error::Timeout(_) => "it took too long to answer",
        ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => "the proxy did not connect",
        ureq::Error::ConnectionFailed => "no connection was made",
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => "it does not speak HTTP properly",
        ureq::Error::Decompress(..) => "its answer is not validly compressed",
        _ => "the request failed",
    };
    text.to_owned()
}

/// Why there is no encrypted connection; none where something else failed.
pub(crate) fn tls_cause(error: &ureq::Error) -> Option<&'static str> {
    let text = error.to_string();
    // What answers without encryption is no message of TLS.
    if text.contains("InvalidContentType") {
        return Some(NO_TLS);
    }
    if !matches!(error, ureq::Error::Rustls(_) | ureq::Error::Tls(_)) && !text.contains("certificate") {
        return None;
    }
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
    let cause = known.iter().find(|(sign, _)| text.contains(sign)).map(|(_, cause)| *cause);
    Some(cause.unwrap_or("the TLS handshake failed"))
}

/// The first byte and the size of `bytes 5-9/10` (RFC 9110, 14.4).
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

/// `Retry-After` in seconds, or a date, which is compared with that of the answer: the clock of this machine may differ.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let after = text(header::RETRY_AFTER)?.trim();
    let seconds = after.parse().ok().or_else(|| {
        let (now, then) = (date(text(header::DATE)?)?, date(after)?);
        u64::try_from(then - now).ok()
    });
    seconds.map(Duration::from_secs)
}

/// The seconds of `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7) since a day that is the same for all.
pub(super) fn date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = words.as_slice() else { return None };
    let clock: Vec<i64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = clock.as_slice() else { return None };
    let month = i64::try_from(MONTHS.iter().position(|name| name == month)?).ok()?;
    let (day, year): (i64, i64) =
        (day.parse().ok()?, year.parse().ok().filter(|year| (1..10_000).contains(year))?);
    // Years that begin in March have their leap day last.
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

fn open_file(ask: &Ask<'_>) -> Result<Answer, Problem> {
    let missing = || FetchError::NoProject { index: ask.index.name.clone(), project: ask.what.to_owned() };
    let asked = local_path(ask.url);
    let is_other = |folder: &PathBuf| Some(folder) != asked.as_ref();
    let gone = ask.index.folder().filter(|folder| is_other(folder) && !folder.exists());
    let unreadable = |error: &io::Error| match error.kind() {
        _ if let Some(folder) = &gone => {
            connection(ask, format!("there is no folder `{}`", folder.display()))
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => missing(),
        _ => connection(ask, error.kind().to_string()),
    };
    let path = asked.clone().ok_or_else(missing)?;
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
    use std::net::ToSocketAddrs as _;

    use super::{HOST_NOT_FOUND, cause_of, content_range, date};

    #[test]
    fn a_host_without_an_address_is_told() {
        let error = ("host.invalid", 443).to_socket_addrs().expect_err("no such host may be");
        assert_eq!(cause_of(&error.into()), HOST_NOT_FOUND);
    }

    #[test]
    fn dates_are_read() {
        let check = |earlier: &str, later: &str, seconds: i64| {
            assert_eq!(date(later).unwrap() - date(earlier).unwrap(), seconds, "{later}");
        };
        check("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:07 GMT", 30);
        check("Wed, 28 Feb 2024 00:00:00 GMT", "Fri, 01 Mar 2024 00:00:00 GMT", 2 * 86_400);
        check("Sun, 31 Dec 2023 23:59:59 GMT", "Mon, 01 Jan 2024 00:00:00 GMT", 1);
        for text in
            ["", "Sun, 06 Nov 1994", "Sun, 06 Foo 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"]
        {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn content_ranges_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 0-0/*"), Some((0, None)));
        for text in ["", "bytes */10", "items 1-2/3", "bytes x-9/10", "bytes 5/10"] {
            assert_eq!(content_range(text), None, "{text}");
        }
    }
}

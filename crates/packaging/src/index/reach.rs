//! Whether an index can be reached, and how well.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ureq::http::{HeaderMap, header};

use super::backoff::Problem;
use super::client::Client;
use super::config::Index;
use super::error::FetchError;
use super::page::ACCEPT;
use super::transport::{Ask, Part, date};

/// A project that public indexes have, and that it is no matter if another does not.
const PROJECT: &str = "pip";

/// The first moment of the clock of the machine.
const EPOCH: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

/// How an index answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// From the question to the head of the answer, with the connection that it took.
    pub took: Duration,
    /// By how many seconds its clock is ahead of that of this machine; none where it does not tell the time.
    pub ahead: Option<i64>,
}

impl Client {
    /// Asks an index for the page of one project, once. That it has no such project is an answer too.
    ///
    /// # Errors
    /// [`FetchError`]: there was no answer, or none for whoever asks.
    pub fn reach(&self, index: &Index) -> Result<Reached, FetchError> {
        let url =
            if index.flat { index.url.without_credentials().clone() } else { index.url.page_of(PROJECT) };
        let ask = Ask { index, url: &url, what: PROJECT, accept: Some(ACCEPT), part: Part::All };
        if url.scheme() == "file" {
            return match index.folder() {
                Some(folder) if folder.exists() => Ok(Reached { took: Duration::ZERO, ahead: None }),
                _ => Err(FetchError::NoProject { index: index.name.clone(), project: PROJECT.to_owned() }),
            };
        }
        self.retry.run(|| {
            let asked = Instant::now();
            let (url, response) = self.follow(&ask)?;
            let reached = Reached { took: asked.elapsed(), ahead: ahead(response.headers()) };
            match self.judge(&ask, &url, response) {
                Err(Problem::Final(error)) if matches!(*error, FetchError::NoProject { .. }) => Ok(reached),
                judged => judged.map(|_| reached),
            }
        })
    }
}

/// By how many seconds the clock that wrote the head of an answer is ahead of that of this machine.
fn ahead(headers: &HeaderMap) -> Option<i64> {
    let told = date(headers.get(header::DATE)?.to_str().ok()?)? - date(EPOCH)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(told - i64::try_from(now.as_secs()).ok()?)
}

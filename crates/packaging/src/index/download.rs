//! Brings one file of an index into the store: resumed when it is cut, checked against its size and hash.

use std::cell::Cell;
use std::io;

use store::{Digest, Store};

use super::archive::not_found_is_no_file;
use super::backoff::Problem;
use super::client::Client;
use super::error::FetchError;
use super::partial::{Partial, hex};
use super::transport::{Answer, Ask, Part, body_cause, passing};

/// The memo table of what was fetched: SHA-256 to digest and CRC-32.
const TABLE: &str = "fetched";
/// A body of unknown size is cut off here.
const LARGEST_FILE: u64 = 64 << 30;
/// An attempt that brought less counts as one that brought nothing, or a server could break off after each byte for ever.
const LEAST_PROGRESS: u64 = 16 << 10;

/// A file as a lock names it.
#[derive(Debug, Clone, Copy)]
pub struct FetchRequest<'a> {
    /// The name of the index.
    pub index: &'a str,
    /// The normalised name of the project.
    pub project: &'a str,
    /// The file name.
    pub file: &'a str,
    /// The SHA-256 that it must have.
    pub sha256: [u8; 32],
    /// The size that it must have, where the lock knows it.
    pub size: Option<u64>,
}

/// A file that is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// Its digest in the store.
    pub digest: Digest,
    /// CRC-32 of its bytes, as zip files have it.
    pub crc32: u32,
}

/// The bytes that are there, and the size of the whole where it is known.
pub type Progress<'a> = &'a dyn Fn(u64, Option<u64>);

/// Brings a file into the store, unless it is there. Safe to call from many threads and processes for one file:
/// one of them downloads it, the others wait.
///
/// # Errors
/// See [`FetchError`]. Nothing unchecked is ever kept under the file's digest; the first bytes of a file that broke
/// off are kept apart, and used by the next attempt.
pub fn fetch_file(
    client: &Client,
    request: &FetchRequest<'_>,
    store: &Store,
    progress: Progress<'_>,
) -> Result<Fetched, FetchError> {
    if let Some(found) = fetched_before(request, store) {
        return Ok(found);
    }
    let index = client.index(request.index)?;
    if client.is_offline() && index.url.without_credentials().scheme() != "file" {
        return Err(FetchError::Offline { what: request.file.to_owned(), size: request.size });
    }
    let disk = |source| FetchError::Disk { file: request.file.to_owned(), source };
    let found = client.locate(request.index, request.project, request.file)?;
    let expected = hex(&request.sha256);
    // What the page says decides early; what the bytes are decides in the end.
    if let Some(hash) = found.sha256.filter(|hash| *hash != expected) {
        return Err(wrong_hash(request, hash));
    }
    let mut partial = Partial::open(&client.partial, &expected).map_err(disk)?;
    // Whoever held the lock may have fetched it meanwhile.
    if let Some(found) = fetched_before(request, store) {
        partial.remove().map_err(disk)?;
        return Ok(found);
    }
    let ask = Ask { index: &index, url: &found.url, what: request.file, accept: None, part: Part::All };
    let transfer = Transfer { client, ask, request, progress, best: Cell::new(partial.len()) };
    let kept = transfer.complete(&mut partial).and_then(|()| keep(&partial, request, store));
    match kept {
        Ok(fetched) => {
            partial.remove().map_err(disk)?;
            Ok(fetched)
        }
        // The bytes are as they should be up to where they broke off.
        Err(error @ (FetchError::Connection { .. } | FetchError::Status { .. })) => Err(error),
        Err(error) => {
            // Nothing more can be done, and the first error is the one to tell.
            let _ = partial.remove();
            Err(error)
        }
    }
}

/// A file that was fetched before, if the store still has the bytes.
pub(crate) fn fetched_before(request: &FetchRequest<'_>, store: &Store) -> Option<Fetched> {
    let memo = store.memo(TABLE, &request.sha256).ok().flatten()?;
    let text = std::str::from_utf8(&memo).ok()?;
    let (digest, crc32) = text.split_once(' ')?;
    let found = Fetched { digest: digest.parse().ok()?, crc32: u32::from_str_radix(crc32, 16).ok()? };
    store.has(&found.digest).ok()?.then_some(found)
}

fn keep(partial: &Partial, request: &FetchRequest<'_>, store: &Store) -> Result<Fetched, FetchError> {
    let failed = |source| FetchError::Store { file: request.file.to_owned(), source };
    let digest = store.put_file(partial.path()).map_err(failed)?;
    let fetched = Fetched { digest, crc32: partial.crc32() };
    let memo = format!("{digest} {:08x}", fetched.crc32);
    store.put_memo(TABLE, &request.sha256, memo.as_bytes()).map_err(failed)?;
    Ok(fetched)
}

fn wrong_hash(request: &FetchRequest<'_>, found: String) -> FetchError {
    let (index, file) = (request.index.to_owned(), request.file.to_owned());
    FetchError::Hash { index, file, expected: hex(&request.sha256), found }
}

/// One download under way.
struct Transfer<'a> {
    client: &'a Client,
    ask: Ask<'a>,
    request: &'a FetchRequest<'a>,
    progress: Progress<'a>,
    /// The most bytes that were ever there: only more is progress, or a server that starts over and breaks off
    /// each time would be asked for ever.
    best: Cell<u64>,
}

impl Transfer<'_> {
    /// Fills `partial` and checks it. Bytes of an earlier run that turn out wrong are fetched anew, once.
    fn complete(&self, partial: &mut Partial) -> Result<(), FetchError> {
        let resumed = partial.len() > 0;
        let first = self.fill_and_check(partial);
        match first {
            Err(FetchError::Hash { .. } | FetchError::Size { .. }) if resumed => {
                partial.restart().map_err(|source| self.disk(source))?;
                self.fill_and_check(partial)
            }
            other => other,
        }
    }

    fn fill_and_check(&self, partial: &mut Partial) -> Result<(), FetchError> {
        self.client.retry.run(|| self.attempt(partial))?;
        let found = partial.sha256();
        if found == hex(&self.request.sha256) { Ok(()) } else { Err(wrong_hash(self.request, found)) }
    }

    fn attempt(&self, partial: &mut Partial) -> Result<(), Problem> {
        let size = self.request.size;
        if size.is_some_and(|size| partial.len() > size) {
            partial.restart().map_err(|source| self.disk(source))?;
        }
        if size == Some(partial.len()) && partial.len() > 0 {
            return Ok(());
        }
        let part = if partial.len() > 0 { Part::From(partial.len()) } else { Part::All };
        let answer = match self.client.send(&Ask { part, ..self.ask }) {
            Ok(answer) => answer,
            // The file has no such part: what is there is of another one.
            Err(Problem::Final(error)) if matches!(*error, FetchError::Status { status: 416, .. }) => {
                partial.restart().map_err(|source| self.disk(source))?;
                return Err(self.cut("the part that was asked for is not there"));
            }
            Err(problem) => return Err(not_found_is_no_file(problem, &self.ask, self.request.project)),
        };
        if answer.start != partial.len() {
            partial.restart().map_err(|source| self.disk(source))?;
            if answer.start != 0 {
                return Err(self.cut("another part came than the one that was asked for"));
            }
        }
        if let (Some(expected), Some(total)) = (size, answer.total)
            && expected != total
        {
            return Err(self.wrong_size(expected, total.to_string()).into());
        }
        self.receive(partial, answer)
    }

    fn receive(&self, partial: &mut Partial, mut answer: Answer) -> Result<(), Problem> {
        let limit = self.request.size.unwrap_or(LARGEST_FILE);
        let whole = self.request.size.or(answer.total);
        let mut buffer = vec![0; 128 << 10];
        (self.progress)(partial.len(), whole);
        loop {
            let count = match answer.body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.broken(partial.len(), body_cause(error))),
            };
            if partial.len() + count as u64 > limit {
                return Err(self.wrong_size(limit, format!("more than {limit}")).into());
            }
            partial.append(&buffer[..count]).map_err(|source| self.disk(source))?;
            (self.progress)(partial.len(), whole);
        }
        if whole.is_some_and(|whole| partial.len() < whole) {
            return Err(self.broken(partial.len(), "the connection was cut".into()));
        }
        Ok(())
    }

    /// A body that broke off with `len` bytes there.
    fn broken(&self, len: u64, cause: String) -> Problem {
        let progress = len >= self.best.get() + LEAST_PROGRESS;
        if progress {
            self.best.set(len);
        }
        passing(&self.ask, cause, progress)
    }

    fn cut(&self, cause: &str) -> Problem {
        passing(&self.ask, cause.to_owned(), false)
    }

    fn disk(&self, source: io::Error) -> FetchError {
        FetchError::Disk { file: self.request.file.to_owned(), source }
    }

    fn wrong_size(&self, expected: u64, found: String) -> FetchError {
        let (index, file) = (self.request.index.to_owned(), self.request.file.to_owned());
        FetchError::Size { index, file, expected, found }
    }
}

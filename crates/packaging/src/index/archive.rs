//! Lists the names inside of a wheel on an index, and reads its entry points, by reading its end alone, where the index can
//! serve parts of files; else by reading all of it. What is read so is not checked against a hash.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use zip::ZipArchive;

use super::backoff::Problem;
use super::client::Client;
use super::error::FetchError;
use super::transport::{Ask, Part, body_cause, passing};

/// The first request asks for this much: it holds the whole directory of nearly every wheel.
const TAIL: u64 = 64 << 10;
/// No directory is longer: some 300,000 files.
const LONGEST_DIRECTORY: u64 = 32 << 20;
/// So much of its entry points is read, in bytes.
const LONGEST_TEXT: u64 = 1 << 20;
/// No file is read in whole that is longer than this.
const LARGEST_FILE: u64 = 2 << 30;

/// What a wheel says of itself without being installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The names of the files inside of it, in the order of its directory.
    pub names: Vec<String>,
    /// The text of its `entry_points.txt`; none where it has none that can be read.
    pub entry_points: Option<String>,
}

/// The names of the files inside of a wheel, and its entry points.
///
/// # Errors
/// Those of fetching it, and [`FetchError::Archive`].
pub fn archive_listing(
    client: &Client,
    index: &str,
    project: &str,
    file: &str,
) -> Result<Listing, FetchError> {
    let found = client.locate(index, project, file)?;
    let index = client.index(index)?;
    let ask = |part| Ask { index: &index, url: &found.url, what: file, accept: None, part };
    let fetch = |part: Part, limit: u64| {
        let ask = ask(part);
        client.retry.run(|| read_part(client, &ask, project, limit))
    };
    let (start, size, tail) = match fetch(Part::Last(TAIL), TAIL)? {
        Got::Part { start, size, bytes } => (start, size, bytes),
        Got::Whole(spooled) => return listing(spooled, file),
    };
    let ends = start.checked_add(tail.len() as u64) == Some(size);
    if !ends {
        return Err(bad(file, "the index served another part than the one that was asked for"));
    }
    let more = |from: u64, to: u64| match fetch(Part::Between(from, to), to - from) {
        Ok(Got::Part { start, bytes, .. }) if start == from && bytes.len() as u64 == to - from => Ok(bytes),
        Ok(_) => Err(io::Error::other("the index served another part than the one that was asked for")),
        Err(error) => Err(io::Error::other(error.to_string())),
    };
    listing(Window { start, bytes: tail, size, at: 0, more: &more }, file)
}

fn listing(reader: impl Read + Seek, file: &str) -> Result<Listing, FetchError> {
    let mut archive = ZipArchive::new(reader).map_err(|error| bad(file, &error.to_string()))?;
    let names = archive.file_names().map(|name| name.map(|name| name.into_owned()));
    let names: Vec<String> =
        names.collect::<Result<_, _>>().map_err(|error| bad(file, &error.to_string()))?;
    let entry_points = entry_points(&mut archive, &names);
    Ok(Listing { names, entry_points })
}

/// The text of the `entry_points.txt` of a wheel whose files have these names, if it can be read.
pub(crate) fn entry_points(archive: &mut ZipArchive<impl Read + Seek>, names: &[String]) -> Option<String> {
    let is_it = |name: &&String| {
        name.strip_suffix(".dist-info/entry_points.txt").is_some_and(|stem| !stem.contains('/'))
    };
    let member = archive.by_name(names.iter().find(is_it)?).ok()?;
    let mut text = Vec::new();
    member.take(LONGEST_TEXT).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn bad(file: &str, reason: &str) -> FetchError {
    FetchError::Archive { file: file.to_owned(), reason: reason.to_owned() }
}

enum Got {
    Part { start: u64, size: u64, bytes: Vec<u8> },
    Whole(File),
}

fn read_part(client: &Client, ask: &Ask<'_>, project: &str, limit: u64) -> Result<Got, Problem> {
    let answer = client.send(ask).map_err(|problem| not_found_is_no_file(problem, ask, project))?;
    let disk = |source| Problem::from(FetchError::Disk { file: ask.what.to_owned(), source });
    if let Some(size) = answer.total
        && answer.start.saturating_add(limit) >= size
    {
        let mut bytes = Vec::new();
        let read = answer.body.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| passing(ask, body_cause(error), false))?;
        return Ok(Got::Part { start: answer.start, size, bytes });
    }
    if let (Part::Between(..), Some(size)) = (ask.part, answer.total) {
        let mut bytes = Vec::new();
        let read = answer.body.take(limit).read_to_end(&mut bytes);
        read.map_err(|error| passing(ask, body_cause(error), false))?;
        return Ok(Got::Part { start: answer.start, size, bytes });
    }
    let mut spooled = tempfile::tempfile().map_err(disk)?;
    let mut body = answer.body.take(LARGEST_FILE);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = body.read(&mut buffer).map_err(|error| passing(ask, body_cause(error), false))?;
        if count == 0 {
            break;
        }
        io::Write::write_all(&mut spooled, &buffer[..count]).map_err(disk)?;
    }
    Ok(Got::Whole(spooled))
}

/// The page named the file, so a 404 of its address is about the file.
pub(super) fn not_found_is_no_file(problem: Problem, ask: &Ask<'_>, project: &str) -> Problem {
    let Problem::Final(error) = problem else { return problem };
    match *error {
        FetchError::NoProject { index, .. } => {
            let file = ask.what.to_owned();
            let project = project.to_owned();
            FetchError::NoFile { index, project, file }.into()
        }
        other => other.into(),
    }
}

/// The end of a file that is elsewhere, which grows towards its beginning as it is read.
struct Window<'a> {
    start: u64,
    bytes: Vec<u8>,
    size: u64,
    at: u64,
    more: &'a dyn Fn(u64, u64) -> io::Result<Vec<u8>>,
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        if self.at < self.start {
            if self.size - self.at > LONGEST_DIRECTORY {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "its directory is too long"));
            }
            let mut grown = (self.more)(self.at, self.start)?;
            grown.append(&mut self.bytes);
            (self.bytes, self.start) = (grown, self.at);
        }
        let offset = usize::try_from(self.at - self.start).unwrap_or(usize::MAX);
        let rest = self.bytes.get(offset..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let at = match position {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "before the beginning"))?;
        Ok(self.at)
    }
}

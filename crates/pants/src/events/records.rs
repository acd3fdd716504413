//! The records of past runs of a repository: one file each, of the lines of its events. They are written whole or not at all,
//! and the oldest go when there are too many.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Event, Finished, How, Line, Started};
use crate::by_root;

/// How many runs are kept.
const MOST: usize = 100;
/// How many bytes the records of a repository take at most.
const LARGEST: u64 = 64 << 20;
/// The folder of the cache that they are in.
const FOLDER: &str = "runs";
/// How files of records end.
const ENDING: &str = ".jsonl";

/// The records of the runs in one folder that is a root.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    folder: PathBuf,
}

/// What is known of a past run.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) started: Started,
    pub(crate) lines: Vec<Line>,
}

impl Records {
    /// Those of the repository at `root`.
    pub(crate) fn of(cache_dir: &Path, root: &Path) -> Records {
        Records { folder: by_root::folder(cache_dir, FOLDER, root) }
    }

    /// Adds a run, without the actions that took nothing since they were in the cache.
    ///
    /// # Errors
    /// Where it cannot be written; nothing is left of it then.
    pub(super) fn add(&self, lines: &[Line]) -> io::Result<()> {
        let Some(Event::RunStarted(started)) = lines.first().map(|line| &line.event) else { return Ok(()) };
        let is_cached =
            |line: &&Line| matches!(&line.event, Event::ActionFinished(Finished { how: How::Cached, .. }));
        let text: String = lines.iter().filter(|line| !is_cached(line)).map(Line::text).collect();
        by_root::write(&self.folder, &format!("{}{ENDING}", started.run), text.as_bytes())?;
        by_root::tidy(&self.folder, MOST, LARGEST)
    }

    /// The files of all runs, the last first.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let paths = entries.flatten().map(|entry| entry.path());
        let mut all: Vec<PathBuf> = paths.filter(|path| path.to_string_lossy().ends_with(ENDING)).collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        Ok(all)
    }

    /// All runs, the last first. What cannot be read is left out: another version may have written it.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub(crate) fn all(&self) -> io::Result<Vec<Record>> {
        Ok(self.files()?.iter().filter_map(|path| Record::read(path)).collect())
    }
}

impl Record {
    fn read(path: &Path) -> Option<Record> {
        let file = io::BufReader::new(fs::File::open(path).ok()?);
        let mut lines = Vec::new();
        for line in file.lines() {
            lines.extend(Line::read(&line.ok()?));
        }
        match &lines.first()?.event {
            Event::RunStarted(started) if started.schema == super::event::SCHEMA => {
                Some(Record { started: started.clone(), lines })
            }
            _ => None,
        }
    }

    /// The actions that did not come from the cache, each with the second of the run in which it ended.
    pub(crate) fn actions(&self) -> impl Iterator<Item = (f64, &Finished)> {
        self.lines.iter().filter_map(|line| match &line.event {
            Event::ActionFinished(finished) => Some((line.at, finished)),
            _ => None,
        })
    }

    /// The second of the run in which the actions of an execution were known.
    pub(crate) fn planned(&self, execution: usize) -> Option<f64> {
        self.lines.iter().find_map(|line| match &line.event {
            Event::Planned(planned) if planned.execution == execution => Some(line.at),
            _ => None,
        })
    }

    /// How it ended: the exit code, the seconds, how many actions ran and how many were in the cache.
    pub(crate) fn end(&self) -> (u8, f64, u64, u64) {
        match self.lines.last().map(|line| &line.event) {
            Some(Event::RunFinished(end)) => {
                let count = |counts: &BTreeMap<String, u64>| counts.values().sum();
                (end.exit_code, end.seconds, count(&end.actions_run), count(&end.cache_hits))
            }
            _ => (0, 0.0, 0, 0),
        }
    }
}

/// The name of a run that began then, in this process. Names sort by time.
pub(super) fn name(began: SystemTime) -> String {
    let text = rfc3339(began).replace(['-', ':', 'Z'], "");
    format!("{text}-{}", std::process::id())
}

/// A moment in the form of RFC 3339, in UTC, to the millisecond.
pub(crate) fn rfc3339(moment: SystemTime) -> String {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let millisecond = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}

/// The time since 1970 of a moment in that form.
pub(crate) fn moment(text: &str) -> Option<Duration> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = day.split('-').map(str::parse::<u64>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let mut parts = time.split(':');
    let (hour, minute) = (parts.next()?.parse::<u64>().ok()?, parts.next()?.parse::<u64>().ok()?);
    let seconds = parts.next()?.parse::<f64>().ok()?;
    // The day of the year is looked for among those that the other way gives.
    let first = year.checked_sub(1970)? * 365;
    let days = (first..first + 1000).find(|days| date(*days) == (year, month, day))?;
    Some(Duration::from_secs(days * 86_400 + hour * 3600 + minute * 60) + Duration::from_secs_f64(seconds))
}

/// The year, month and day that is so many days after the first of January 1970, in the Gregorian calendar.
fn date(days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut left) = (1970, days);
    loop {
        let length = 365 + u64::from(is_leap(year));
        if left < length {
            break;
        }
        left -= length;
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read() {
        let check = |seconds: u64, expect: &str| {
            let text = rfc3339(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(text, expect);
            assert_eq!(moment(&text), Some(Duration::from_secs(seconds)));
        };
        // As `date --utc --date=@SECONDS` says.
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_400, "2000-02-29T00:00:00.000Z");
        check(1_709_251_199, "2024-02-29T23:59:59.000Z");
        check(1_709_251_200, "2024-03-01T00:00:00.000Z");
        check(4_107_542_400, "2100-03-01T00:00:00.000Z");
        check(1_764_115_200, "2025-11-26T00:00:00.000Z");
    }
}

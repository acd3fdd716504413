//! What became of the tests of a file: told in a line, and as a report in `dist/test/`.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use python::{REPORT, Test};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Digest, Entry, Tree};

use super::attempts::{Attempt, ENDED_EARLY, Status};
use super::flaky::Ends;
use super::junit::{self, Counts};
use crate::diagnostic::{Diagnostic, Exit};
use crate::dist::{self, PlaceError};
use crate::session::{Session, failed};

/// Where the reports are put, relative to the root.
const FOLDER: &str = "dist/test";
/// How their names end.
const ENDING: &str = ".xml";

/// What became of the tests of one file.
pub(super) struct TestResult {
    target: String,
    /// The file.
    pub(super) path: String,
    /// The file, with what it ran under where there are several.
    name: String,
    pub(super) status: Status,
    /// All its runs.
    pub(super) attempts: Vec<Attempt>,
    /// Which of them is told of.
    told: usize,
    /// Whether it was asked for that it runs several times.
    repeated: bool,
    /// How it has ended so far with nothing changed in between.
    pub(super) ends: Ends,
    counts: Counts,
    /// The report, relative to the root.
    report: Option<String>,
    /// How the process ended before it could report.
    broken: Option<String>,
    said: String,
}

/// What became of all files, in their order.
#[derive(Default)]
pub(super) struct Results {
    pub(super) all: Vec<TestResult>,
    /// Their reports, by the paths below the folder for them.
    reports: Tree,
}

/// The results of a run in which all passed at once.
#[derive(Serialize, Deserialize)]
pub(super) struct AllPassed {
    files: Vec<Passed>,
    reports: ([u8; 32], u64),
}

/// The result of one file in it.
#[derive(Serialize, Deserialize)]
struct Passed {
    target: String,
    path: String,
    name: String,
    counts: Counts,
    report: Option<String>,
    duration: Duration,
    key: Option<([u8; 32], u64)>,
}

impl Results {
    /// Adds what became of a test. One that did not run has no report of an earlier run either.
    pub(super) fn add(
        &mut self,
        session: &Session<'_>,
        test: &Test,
        attempts: Vec<Attempt>,
        repeated: bool,
    ) -> Result<(), Vec<Diagnostic>> {
        let (name, report) = match test.has_siblings {
            true => {
                let tag = test.configuration.interpreter_tag();
                (format!("{} on {tag}", test.path), format!("{}-{tag}{ENDING}", test.path))
            }
            false => (test.path.clone(), format!("{}{ENDING}", test.path)),
        };
        let told = told(&attempts, repeated);
        let bad = if repeated { Some(told) } else { attempts.iter().rposition(|one| one.status.is_bad()) };
        let said = match bad.and_then(|bad| attempts.get(bad)).filter(|one| one.status.is_bad()) {
            Some(bad) => said(session, bad)?,
            None => String::new(),
        };
        let mut result = TestResult {
            target: test.label.to_string(),
            path: test.path.clone(),
            name,
            status: attempts.get(told).map_or(Status::NotRun, |one| one.status),
            attempts,
            told,
            repeated,
            ends: Ends::default(),
            counts: Counts::default(),
            report: None,
            broken: None,
            said,
        };
        result.broken = match result.attempts.get(told) {
            Some(one) if one.status == Status::Failed && left(session, one)?.is_none() => broken(one),
            _ => None,
        };
        match result.xml(session)? {
            Some(text) => {
                let digest = session.store()?.put(text.as_bytes()).map_err(failed)?;
                let added = self.reports.add_file(&report, digest, false);
                added.map_err(|error| not_put(&error.to_string()))?;
                (result.counts, result.report) = (Counts::read(&text), Some(format!("{FOLDER}/{report}")));
            }
            None => remove(&session.root.join(FOLDER).join(report))?,
        }
        self.all.push(result);
        Ok(())
    }

    /// Puts the reports into `dist/test/`, beside those of other tests.
    pub(super) fn put_reports(&self, session: &Session<'_>) -> Result<(), Vec<Diagnostic>> {
        let placed = dist::place_beside(session.store()?, &self.reports, &session.root.join(FOLDER));
        placed.map_err(|error| match error {
            PlaceError::Lost => not_put("the cache has lost it"),
            PlaceError::Failed(diagnostic) => vec![*diagnostic],
        })
    }

    /// The form in which they are remembered; none where a test has not passed at once.
    pub(super) fn all_passed(&self, session: &Session<'_>) -> Result<Option<AllPassed>, Vec<Diagnostic>> {
        let passed = |one: &TestResult| match one.attempts.as_slice() {
            [Attempt { status: Status::Passed, key, duration, .. }] => Some(Passed {
                target: one.target.clone(),
                path: one.path.clone(),
                name: one.name.clone(),
                counts: one.counts,
                report: one.report.clone(),
                duration: *duration,
                key: key.map(|key| (key.hash, key.size)),
            }),
            _ => None,
        };
        let Some(files) = self.all.iter().map(passed).collect() else { return Ok(None) };
        let reports = session.store()?.put_tree(&self.reports).map_err(failed)?;
        Ok(Some(AllPassed { files, reports: (reports.hash, reports.size) }))
    }

    /// Those of an earlier run, which hold; their reports are put into `dist/test/` again. None where the cache has lost them.
    pub(super) fn recalled(
        session: &Session<'_>,
        AllPassed { files, reports: (hash, size) }: AllPassed,
    ) -> Result<Option<Results>, Vec<Diagnostic>> {
        let store = session.store()?;
        let place = || {
            let reports = store.tree(&Digest { hash, size })?;
            dist::place_beside(store, &reports, &session.root.join(FOLDER)).map(|()| reports)
        };
        let reports = match place() {
            Ok(reports) => reports,
            Err(PlaceError::Lost) => return Ok(None),
            Err(PlaceError::Failed(diagnostic)) => return Err(vec![*diagnostic]),
        };
        let mut all = Vec::new();
        for file in files {
            let key = file.key.map(|(hash, size)| Digest { hash, size });
            key.map_or(Ok(()), |key| store.use_outcome(&key)).map_err(failed)?;
            all.push(file.recalled(key));
        }
        Ok(Some(Results { all, reports }))
    }

    /// A line for each file, those that failed last, and before them those that are flaky.
    pub(super) fn lines(&self) -> String {
        let rank = |one: &&TestResult| match one.status {
            Status::Passed if one.ends.are_flaky() => 1,
            Status::Passed => 0,
            _ => 2,
        };
        let mut all: Vec<&TestResult> = self.all.iter().collect();
        all.sort_by_key(rank);
        all.into_iter().map(|one| format!("{}\n", one.line())).collect()
    }

    /// What the processes have made that came to an end.
    pub(super) fn trees(&self) -> Vec<Digest> {
        let attempts = self.all.iter().flat_map(|one| &one.attempts);
        attempts.filter_map(|one| Some(one.outcome?.tree)).collect()
    }

    /// How many files ended how.
    pub(super) fn summary(&self) -> String {
        let count = |status| self.all.iter().filter(|one| one.status == status).count();
        let passed = count(Status::Passed);
        let mut text = format!("{passed} of {} files passed", self.all.len());
        if let not_run @ 1.. = count(Status::NotRun) {
            text.push_str(&format!(", {not_run} did not run"));
        }
        if let flaky @ 1.. = self.all.iter().filter(|one| one.ends.are_flaky()).count() {
            text.push_str(&format!(", {flaky} {} flaky", if flaky == 1 { "is" } else { "are" }));
        }
        text
    }
}

/// Which run is told of: the last one, or where they all count, one that was not as it should be.
fn told(attempts: &[Attempt], repeated: bool) -> usize {
    let last = |is_meant: fn(Status) -> bool| attempts.iter().rposition(|one| is_meant(one.status));
    let not_run = |status| status == Status::NotRun;
    let found = if repeated {
        last(Status::is_bad).or_else(|| last(not_run))
    } else {
        last(|status| status != Status::NotRun)
    };
    found.unwrap_or(attempts.len().saturating_sub(1))
}

/// What a run said, as text.
fn said(session: &Session<'_>, one: &Attempt) -> Result<String, Vec<Diagnostic>> {
    let Some(outcome) = one.outcome else { return Ok(one.said.clone()) };
    let store = session.store()?;
    let mut text = String::new();
    for stream in [outcome.stdout, outcome.stderr] {
        let bytes = store.read(&stream).map_err(failed)?;
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    Ok(text)
}

/// The report that a run left; of one that was ended or broke down, a report of that.
fn report(session: &Session<'_>, path: &str, one: &Attempt) -> Result<Option<String>, Vec<Diagnostic>> {
    if let Some(text) = left(session, one)? {
        return Ok(Some(text));
    }
    let Some(message) = broken(one) else { return Ok(None) };
    Ok(Some(junit::without_report(path, one.duration, &message, &said(session, one)?)))
}

/// The report that a run left itself.
fn left(session: &Session<'_>, one: &Attempt) -> Result<Option<String>, Vec<Diagnostic>> {
    let store = session.store()?;
    let Some(outcome) = one.outcome else { return Ok(None) };
    match store.tree(&outcome.tree).map_err(failed)?.get(REPORT) {
        Some(Entry::File { digest, .. }) => {
            let text = store.read(digest).map_err(failed)?;
            Ok(Some(String::from_utf8_lossy(&text).into_owned()))
        }
        _ => Ok(None),
    }
}

/// How the process of a run ended that left no report.
fn broken(one: &Attempt) -> Option<String> {
    match (one.status, one.outcome.map(|outcome| outcome.exit_code)) {
        (Status::TimedOut, _) => Some(format!("ended after {} s", one.duration.as_secs_f64())),
        // Pytest itself: interrupted, an error of its own, a wrong command line.
        (Status::Failed, Some(status @ 2..=4)) => Some(format!("pytest exited with status {status}")),
        (Status::Failed, Some(status @ 129..)) => Some(match status - 128 {
            6 => "the process was ended by SIGABRT".to_owned(),
            9 => "the process was ended by SIGKILL (out of memory?)".to_owned(),
            11 => "the process was ended by SIGSEGV".to_owned(),
            15 => "the process was ended by SIGTERM".to_owned(),
            signal => format!("the process was ended by signal {signal}"),
        }),
        (Status::Failed, Some(status)) => Some(format!("{ENDED_EARLY}, with status {status}")),
        (Status::Failed, None) => Some(one.reason.clone().unwrap_or_else(|| ENDED_EARLY.to_owned())),
        _ => None,
    }
}

fn not_put(reason: &str) -> Vec<Diagnostic> {
    let message = format!("cannot write a report into `{FOLDER}`: {reason}");
    vec![Diagnostic::error(Exit::Environment, "test::report", message)]
}

impl Passed {
    fn recalled(self, key: Option<Digest>) -> TestResult {
        TestResult {
            target: self.target,
            path: self.path,
            name: self.name,
            status: Status::Passed,
            attempts: vec![Attempt::remembered(self.duration, key)],
            told: 0,
            repeated: false,
            ends: Ends::default(),
            counts: self.counts,
            report: self.report,
            broken: None,
            said: String::new(),
        }
    }
}

/// Removes the reports of an earlier run on files of whose tests nothing is known now.
pub(super) fn forget<'p>(
    session: &Session<'_>,
    paths: impl Iterator<Item = &'p str>,
) -> Result<(), Vec<Diagnostic>> {
    for path in paths {
        let file = session.root.join(FOLDER).join(path);
        let (Some(folder), Some(name)) = (file.parent(), file.file_name().and_then(OsStr::to_str)) else {
            continue;
        };
        let is_report = |found: &str| {
            let rest = found.strip_prefix(name).and_then(|rest| rest.strip_suffix(ENDING));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(is_report) {
                remove(&entry.path())?;
            }
        }
    }
    Ok(())
}

/// Removes a report, if there is one.
fn remove(file: &Path) -> Result<(), Vec<Diagnostic>> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let message =
                format!("cannot remove the report of an earlier run, `{}`: {error}", file.display());
            Err(vec![Diagnostic::error(Exit::Environment, "test::report", message)])
        }
        _ => Ok(()),
    }
}

impl TestResult {
    /// The report of the run that is told of, with the failures of the others.
    fn xml(&self, session: &Session<'_>) -> Result<Option<String>, Vec<Diagnostic>> {
        let Some(told) = self.attempts.get(self.told) else { return Ok(None) };
        let Some(text) = report(session, &self.path, told)? else { return Ok(None) };
        let mut others = Vec::new();
        for (at, one) in self.attempts.iter().enumerate() {
            if at != self.told && one.status.is_bad() {
                others.extend(report(session, &self.path, one)?);
            }
        }
        Ok(Some(junit::with_earlier(&text, &others)))
    }

    /// How long the run took that is told of.
    fn seconds(&self) -> f64 {
        self.attempts.get(self.told).map_or(Duration::ZERO, |one| one.duration).as_secs_f64()
    }

    /// Whether nothing had to run.
    fn is_cached(&self) -> bool {
        self.attempts.iter().all(|one| one.cached) && self.status == Status::Passed
    }

    /// The line for people.
    fn line(&self) -> String {
        let seconds = self.seconds();
        let TestResult { name, counts, broken, .. } = self;
        let count =
            |is_meant: fn(Status) -> bool| self.attempts.iter().filter(|one| is_meant(one.status)).count();
        let (failed, tries) = (count(Status::is_bad), count(|status| status != Status::NotRun));
        let mut line = match self.status {
            Status::Passed if self.is_cached() => format!("✓ {name}: {} (cached)", counts.text()),
            Status::Passed if self.repeated && tries > 1 => {
                format!("✓ {name}: {} in each of {tries} runs", counts.text())
            }
            Status::Passed => format!("✓ {name}: {} in {seconds:.2} s", counts.text()),
            Status::Failed if broken.is_some() => {
                format!("✗ {name}: {} in {seconds:.2} s", broken.as_deref().unwrap_or_default())
            }
            // Where pytest itself failed, nothing is counted.
            Status::Failed if counts.tests == 0 => format!("✗ {name}: failed in {seconds:.2} s"),
            Status::Failed => format!("✗ {name}: {} in {seconds:.2} s", counts.text()),
            Status::TimedOut => format!("✗ {name}: ended after {seconds} s"),
            Status::NotRun => format!("- {name}: did not run"),
        };
        if self.repeated && failed > 0 {
            line.push_str(&format!(", failed in {failed} of {tries} runs"));
        } else if failed > 0 && tries > 1 {
            let after = if self.status == Status::Passed { "passed at" } else { "after" };
            line.push_str(&format!(", {after} try {tries}"));
        }
        if self.ends.are_flaky() {
            line = line.replacen('✓', "~", 1);
            line.push_str(&format!(" ({})", self.ends.text()));
        }
        line
    }

    /// What tests that failed said, under their name.
    pub(super) fn output(&self) -> Option<String> {
        let said = self.said.trim_end();
        let mark = if self.status == Status::Passed { '~' } else { '✗' };
        (!said.is_empty()).then(|| format!("{mark} {}\n{said}\n", self.name))
    }

    /// The form for programs.
    pub(super) fn json(&self) -> Value {
        let tries = self.attempts.iter().map(|one| {
            json!({ "status": one.status.name(), "cached": one.cached, "seconds": one.duration.as_secs_f64() })
        });
        json!({
            "target": self.target,
            "file": self.name,
            "path": self.path,
            "status": self.status.name(),
            "cached": self.is_cached(),
            "seconds": self.seconds(),
            "tests": self.counts.tests,
            "failures": self.counts.failures,
            "errors": self.counts.errors,
            "skipped": self.counts.skipped,
            "report": self.report,
            "tries": tries.collect::<Value>(),
            "flaky": self.ends.json(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::attempts::Status::{self, Failed, NotRun, Passed};
    use super::super::attempts::tests::ended;
    use super::told;

    #[test]
    fn which_run_is_told_of() {
        let check = |statuses: &[Status], repeated: bool, expect: usize| {
            let attempts: Vec<_> = statuses.iter().copied().map(ended).collect();
            assert_eq!(told(&attempts, repeated), expect, "{statuses:?}");
        };
        check(&[Failed, Passed], false, 1);
        // The request was cancelled before the next try.
        check(&[Failed, NotRun], false, 0);
        check(&[NotRun], false, 0);
        check(&[Passed, Failed, Passed], true, 1);
        check(&[Passed, NotRun, NotRun], true, 2);
        check(&[Passed, Passed], true, 1);
    }
}

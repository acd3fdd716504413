//! What became of the tests of a file: told in a line, and as a report in `dist/test/`.

use std::fs;
use std::time::Duration;

use engine::{ActionError, ActionFailure, Execution, Finish, RunError};
use python::{REPORT, Test};
use serde_json::{Value, json};
use store::{Digest, Entry};

use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::session::{Session, failed};

/// How the tests of a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Passed,
    Failed,
    TimedOut,
    /// They did not run: something that they need failed.
    Skipped,
}

/// What became of the tests of one file.
pub(super) struct TestResult {
    target: String,
    /// The file, with what it ran under where there are several.
    name: String,
    pub(super) status: Status,
    cached: bool,
    duration: Duration,
    counts: Counts,
    /// The report, relative to the root.
    report: Option<String>,
    said: String,
    /// What the process has made, where it came to an end.
    tree: Option<Digest>,
}

/// How many tests a report tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    tests: u64,
    failures: u64,
    errors: u64,
    skipped: u64,
}

/// What became of all files, in their order.
#[derive(Default)]
pub(super) struct Results {
    pub(super) all: Vec<TestResult>,
}

/// Whether it is the tests that failed, and not something that they need.
pub(super) fn is_of_tests(failure: &ActionFailure) -> bool {
    matches!(&failure.error, ActionError::Exit { .. } | ActionError::Run(RunError::Timeout { .. }))
}

impl Results {
    /// Adds what became of a test, and puts its report into `dist/test/`.
    pub(super) fn add(
        &mut self,
        session: &Session<'_>,
        test: &Test,
        execution: &Execution,
        failure: Option<&ActionFailure>,
    ) -> Result<(), Vec<Diagnostic>> {
        let name = match test.has_siblings {
            true => format!("{} on {}", test.path, test.configuration.interpreter_tag()),
            false => test.path.clone(),
        };
        let mut result = TestResult {
            target: test.label.to_string(),
            name,
            status: Status::Skipped,
            cached: false,
            duration: Duration::ZERO,
            counts: Counts::default(),
            report: None,
            said: String::new(),
            tree: None,
        };
        let outcome = match failure.map(|failure| &failure.error) {
            Some(ActionError::Exit { outcome, .. }) => {
                result.status = Status::Failed;
                Some(**outcome)
            }
            Some(ActionError::Run(RunError::Timeout { limit, said, .. })) => {
                result.status = Status::TimedOut;
                result.duration = *limit;
                result.said.clone_from(said);
                None
            }
            _ => execution.outcomes.get(&test.action).map(|(outcome, how)| {
                result.status = Status::Passed;
                result.cached = *how == Finish::Cached;
                *outcome
            }),
        };
        if let Some(outcome) = outcome {
            (result.duration, result.tree) = (outcome.duration, Some(outcome.tree));
            if result.status != Status::Passed {
                result.said = said(session, &[outcome.stdout, outcome.stderr])?;
            }
            let path = match test.has_siblings {
                true => format!("dist/test/{}-{}.xml", test.path, test.configuration.interpreter_tag()),
                false => format!("dist/test/{}.xml", test.path),
            };
            if let Some(counts) = report(session, &outcome.tree, &path)? {
                (result.counts, result.report) = (counts, Some(path));
            }
        }
        self.all.push(result);
        Ok(())
    }

    /// A line for each file, those that failed last.
    pub(super) fn lines(&self) -> String {
        let (passed, failed): (Vec<_>, Vec<_>) =
            self.all.iter().partition(|one| one.status == Status::Passed);
        passed.into_iter().chain(failed).map(|one| format!("{}\n", one.line())).collect()
    }

    /// What the processes have made that came to an end.
    pub(super) fn trees(&self) -> Vec<Digest> {
        self.all.iter().filter_map(|one| one.tree).collect()
    }

    /// How many files ended how.
    pub(super) fn summary(&self) -> String {
        let count = |status| self.all.iter().filter(|one| one.status == status).count();
        let passed = count(Status::Passed);
        let mut text = format!("{passed} of {} files passed", self.all.len());
        if let skipped @ 1.. = count(Status::Skipped) {
            text.push_str(&format!(", {skipped} did not run"));
        }
        text
    }
}

/// What a process said, as text.
fn said(session: &Session<'_>, streams: &[Digest]) -> Result<String, Vec<Diagnostic>> {
    let store = session.store()?;
    let mut text = String::new();
    for stream in streams {
        let bytes = store.read(stream).map_err(failed)?;
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    Ok(text)
}

/// Puts the report of a tree at its path, and reads how many tests it tells of; none where there is no report.
fn report(session: &Session<'_>, tree: &Digest, path: &str) -> Result<Option<Counts>, Vec<Diagnostic>> {
    let store = session.store()?;
    let tree = store.tree(tree).map_err(failed)?;
    let Some(Entry::File { digest, .. }) = tree.get(REPORT) else { return Ok(None) };
    let file = session.root.join(path);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| {
            let message = format!("cannot make the folder `{}`: {error}", folder.display());
            vec![Diagnostic::error(Exit::Environment, "test::report", message)]
        })?;
    }
    store.place(digest, &file, false).map_err(|error| vec![explain::store(&error)])?;
    let text = store.read(digest).map_err(failed)?;
    Ok(Some(Counts::read(&String::from_utf8_lossy(&text))))
}

impl Counts {
    /// Those of the first suite of a report; pytest writes one.
    fn read(xml: &str) -> Counts {
        let head =
            xml.split("<testsuite ").nth(1).and_then(|rest| rest.split('>').next()).unwrap_or_default();
        let number = |name: &str| {
            let text = head.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
            text.parse().ok()
        };
        let of = |name| number(name).unwrap_or_default();
        Counts { tests: of("tests"), failures: of("failures"), errors: of("errors"), skipped: of("skipped") }
    }

    fn passed(&self) -> u64 {
        self.tests.saturating_sub(self.failures + self.errors + self.skipped)
    }

    fn text(&self) -> String {
        let counts = [
            (self.failures, "failed"),
            (self.errors, "with errors"),
            (self.passed(), "passed"),
            (self.skipped, "skipped"),
        ];
        let told: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if told.is_empty() { "no tests".to_owned() } else { told.join(", ") }
    }
}

impl TestResult {
    /// The path of the file.
    pub(super) fn path(&self) -> &str {
        self.name.split(" on ").next().unwrap_or(&self.name)
    }

    /// The line for people.
    fn line(&self) -> String {
        let seconds = self.duration.as_secs_f64();
        let TestResult { name, counts, .. } = self;
        match self.status {
            Status::Passed if self.cached => format!("✓ {name}: {} (cached)", counts.text()),
            Status::Passed => format!("✓ {name}: {} in {seconds:.2} s", counts.text()),
            // Where pytest itself failed, nothing is counted.
            Status::Failed if counts.tests == 0 => format!("✗ {name}: failed in {seconds:.2} s"),
            Status::Failed => format!("✗ {name}: {} in {seconds:.2} s", counts.text()),
            Status::TimedOut => format!("✗ {name}: ended after {seconds} s"),
            Status::Skipped => format!("- {name}: did not run"),
        }
    }

    /// What tests that failed said, under their name.
    pub(super) fn output(&self) -> Option<String> {
        let said = self.said.trim_end();
        (!said.is_empty()).then(|| format!("✗ {}\n{said}\n", self.name))
    }

    /// The form for programs.
    pub(super) fn json(&self) -> Value {
        let status = match self.status {
            Status::Passed => "passed",
            Status::Failed => "failed",
            Status::TimedOut => "timed_out",
            Status::Skipped => "skipped",
        };
        json!({
            "target": self.target,
            "file": self.name,
            "status": status,
            "cached": self.cached,
            "seconds": self.duration.as_secs_f64(),
            "tests": self.counts.tests,
            "failures": self.counts.failures,
            "errors": self.counts.errors,
            "skipped": self.counts.skipped,
            "report": self.report,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    fn check(xml: &str, expect: &str) {
        assert_eq!(Counts::read(xml).text(), expect, "{xml}");
    }

    #[test]
    fn what_reports_tell_of() {
        let suite = |numbers: &str| {
            format!(
                "<?xml version=\"1.0\"?><testsuites><testsuite name=\"pytest\" {numbers} time=\"0.1\"><testcase/>"
            )
        };
        check(&suite("errors=\"0\" failures=\"0\" skipped=\"0\" tests=\"3\""), "3 passed");
        check(
            &suite("errors=\"1\" failures=\"2\" skipped=\"3\" tests=\"10\""),
            "2 failed, 1 with errors, 4 passed, 3 skipped",
        );
        check(&suite("errors=\"0\" failures=\"0\" skipped=\"0\" tests=\"0\""), "no tests");
        check("<html>", "no tests");
    }
}

//! What lines the tests have run: one report over all processes, also over those whose outcome came from the cache, and over
//! other shards where what they measured is given.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use engine::Execution;
use graph::TargetGraph;
use python::{MEASURED, MEASURED_BY_ALL, REPORTS, Reporter, TOTAL};
use serde_json::{Value, json};
use store::{Digest, Entry, IndexEntry, Tree};

use crate::build::Plan;
use crate::diagnostic::{Diagnostic, Exit};
use crate::dist::{self, PlaceError};
use crate::session::{Session, failed};

/// Where the reports are put, relative to the root.
const FOLDER: &str = "dist/coverage";
/// What was measured, among the reports: other shards and `coverage` itself read it.
const DATA: &str = "coverage.data";
/// Files that configure `coverage`, and what they say where they are for others too.
const CONFIGURATION: [(&str, &str); 4] = [
    (".coveragerc", ""),
    ("setup.cfg", "[coverage:"),
    ("tox.ini", "[coverage:"),
    ("pyproject.toml", "[tool.coverage"),
];

/// Options of what is measured.
#[derive(Debug, Args)]
#[command(next_help_heading = "What lines the tests run")]
pub(super) struct Measures {
    /// Measure it with the `coverage` of the resolve; the reports are in dist/coverage/
    #[arg(long)]
    coverage: bool,

    /// The forms of reports besides the table of files
    #[arg(long, value_name = "FORM", value_enum, value_delimiter = ',', requires = "coverage")]
    coverage_report: Vec<Form>,

    /// Fail where less than PERCENT of all was run [default: what `coverage` is configured with]
    #[arg(long, value_name = "PERCENT", requires = "coverage", value_parser = percent)]
    coverage_fail_under: Option<f64>,

    /// Report also on what other shards have measured: their dist/coverage/coverage.data
    #[arg(long, value_name = "FILE", requires = "coverage")]
    coverage_data: Vec<PathBuf>,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Form {
    /// coverage.xml, as Cobertura has it.
    Xml,
    /// coverage.lcov.
    Lcov,
    /// coverage.json.
    Json,
    /// A page for each file, in html/.
    Html,
}

fn percent(text: &str) -> Result<f64, &'static str> {
    text.parse()
        .ok()
        .filter(|percent| (0.0..=100.0).contains(percent))
        .ok_or("expected a number from 0 to 100")
}

/// What is measured, and reported on in the end.
pub(super) struct Measuring<'a> {
    arguments: &'a Measures,
    /// The files at the root that configure `coverage`.
    configuration: Vec<&'static str>,
    /// What other shards have measured.
    others: Vec<Digest>,
    /// Whether these are only some of the tests, and nothing is known of the others.
    is_part: bool,
}

/// What the reports say.
pub(super) struct Reported {
    /// How much of all lines and branches was run, in hundredths; none where there were none.
    percent: Option<f64>,
    /// What there should have been.
    least: Option<f64>,
    /// With how many digits both are compared.
    precision: usize,
    /// The table of files.
    text: String,
    /// The reports, relative to the root.
    paths: Vec<String>,
}

impl Measures {
    /// Whether anything is measured.
    pub(super) fn is_asked(&self) -> bool {
        self.coverage
    }

    /// What is measured, if anything is.
    /// `is_shard` where there are others.
    pub(super) fn measuring(
        &self,
        session: &Session<'_>,
        is_shard: bool,
    ) -> Result<Option<Measuring<'_>>, Vec<Diagnostic>> {
        if !self.coverage {
            return Ok(None);
        }
        let store = session.store()?;
        let others = self.coverage_data.iter().map(|path| {
            let path = session.environment.folder.join(path);
            store.put_file(&path).map_err(|error| {
                let message = format!("cannot read what another shard has measured: {error}");
                let help = "its `dist/coverage/coverage.data` is meant";
                vec![Diagnostic::error(Exit::Wrong, "test::coverage_data", message).help(Some(help))]
            })
        });
        let speaks = |(name, table): &(&'static str, &str)| {
            let text = std::fs::read_to_string(session.root.join(name)).ok()?;
            text.contains(table).then_some(*name)
        };
        let others = others.collect::<Result<_, _>>()?;
        let configuration = CONFIGURATION.iter().filter_map(speaks).collect();
        let is_part = is_shard && self.coverage_data.is_empty();
        Ok(Some(Measuring { arguments: self, configuration, others, is_part }))
    }
}

impl Measuring<'_> {
    /// The files at the root that configure `coverage`.
    pub(super) fn configuration(&self) -> impl Iterator<Item = &'static str> {
        self.configuration.iter().copied()
    }

    /// The files that other shards may have measured, by their paths.
    pub(super) fn files_of_others(&self, graph: &TargetGraph) -> BTreeSet<String> {
        let targets = graph.targets().filter(|_| !self.others.is_empty());
        let files = targets.flat_map(|(target, _)| graph.files(target)).filter_map(|file| graph.file(file));
        files.filter(|path| path.ends_with(".py")).map(ToOwned::to_owned).collect()
    }

    /// Reports on what `tests` have measured, of files with these contents.
    pub(super) fn report(
        &self,
        session: &Session<'_>,
        plan: &Plan<'_>,
        reporter: &Reporter,
        trees: &[Digest],
        sources: &BTreeMap<String, IndexEntry>,
    ) -> Result<Reported, Vec<Diagnostic>> {
        let files = self.files(session, trees, sources)?;
        let made = finished(plan, plan.execute(&[reporter.environment], false)?)?;
        let environment = made.trees.get(&reporter.environment).copied().ok_or_else(lost)?;
        let names: Vec<String> = self.arguments.coverage_report.iter().map(ToString::to_string).collect();
        let mut forms: Vec<&str> = names.iter().map(String::as_str).collect();
        forms.sort_unstable();
        forms.dedup();
        let (actions, root) = reporter.report(environment, files, &forms);
        let made = finished(plan, plan.execute_after(&actions, &[root], false)?)?;
        let tree = made.trees.get(&root).ok_or_else(lost)?;
        self.place(session, tree)
    }

    /// What was measured, and what it was measured of.
    fn files(
        &self,
        session: &Session<'_>,
        trees: &[Digest],
        sources: &BTreeMap<String, IndexEntry>,
    ) -> Result<Digest, Vec<Diagnostic>> {
        let store = session.store()?;
        let mut measured = self.others.clone();
        for tree in trees {
            // Tests that were ended have measured nothing.
            if let Some(Entry::File { digest, .. }) = store.tree(tree).map_err(failed)?.get(MEASURED) {
                measured.push(*digest);
            }
        }
        let mut files = Tree::new();
        let is_read = |path: &str| path.ends_with(".py") || self.configuration.contains(&path);
        let sources = sources.iter().filter(|(path, _)| is_read(path));
        let mut add = |path: &str, digest: Digest| {
            files.add_file(path, digest, false).map_err(|error| {
                let message = format!("cannot report on what was measured: {error}");
                vec![Diagnostic::error(Exit::Wrong, "test::coverage", message)]
            })
        };
        for (path, entry) in sources {
            add(path, entry.digest)?;
        }
        for (number, digest) in measured.into_iter().enumerate() {
            add(&format!("{MEASURED_BY_ALL}/{number}"), digest)?;
        }
        store.put_tree(&files).map_err(failed)
    }

    /// Puts the reports into `dist/coverage/`, and reads what they say.
    fn place(&self, session: &Session<'_>, tree: &Digest) -> Result<Reported, Vec<Diagnostic>> {
        let store = session.store()?;
        let mut reports = Tree::new();
        let (mut text, mut total) = (String::new(), Value::Null);
        for (path, entry) in store.tree(tree).map_err(failed)?.walk() {
            let name = path.strip_prefix(REPORTS).and_then(|path| path.strip_prefix('/'));
            let (Some(name), Entry::File { digest, .. }) = (name, entry) else { continue };
            let read = || store.read(digest).map_err(failed);
            match name {
                TOTAL => total = serde_json::from_slice(&read()?).unwrap_or_default(),
                "report.txt" => text = String::from_utf8_lossy(&read()?).into_owned(),
                _ => {}
            }
            if name != TOTAL {
                reports.add_file(name, *digest, false).map_err(|_| lost())?;
            }
        }
        let paths = reports.entries().map(|(name, _)| format!("{FOLDER}/{name}")).collect();
        let reports = store.put_tree(&reports).map_err(failed)?;
        match dist::place_reserved(store, &reports, &session.root.join(FOLDER)) {
            Ok(_) => {}
            Err(PlaceError::Failed(diagnostic)) => return Err(vec![*diagnostic]),
            Err(PlaceError::Lost) => return Err(lost()),
        }
        let number = |key: &str| total.get(key).and_then(Value::as_f64);
        Ok(Reported {
            percent: number("percent"),
            // What is configured is meant for all tests.
            least: (self.arguments.coverage_fail_under)
                .or_else(|| number("fail_under").filter(|_| !self.is_part)),
            precision: total.get("precision").and_then(Value::as_u64).unwrap_or_default().min(10) as usize,
            text,
            paths,
        })
    }
}

/// What an execution came to, where nothing failed.
fn finished(plan: &Plan<'_>, mut execution: Execution) -> Result<Execution, Vec<Diagnostic>> {
    let mut diagnostics = plan.told(std::mem::take(&mut execution.failures));
    if execution.cancelled {
        diagnostics.push(Diagnostic::error(Exit::Failed, "test::cancelled", "cancelled"));
    }
    if diagnostics.is_empty() { Ok(execution) } else { Err(diagnostics) }
}

fn lost() -> Vec<Diagnostic> {
    let message = "the cache lost what was measured before it was reported on";
    vec![Diagnostic::error(Exit::Environment, "build::lost", message).help(Some("run it once more"))]
}

impl Reported {
    /// The table of files, and where the reports are.
    pub(super) fn lines(&self) -> String {
        match self.percent {
            None => "coverage: no line of the repository was run\n".to_owned(),
            Some(_) => format!("\n{}", self.text),
        }
    }

    /// What is wrong where less was run than there should have been.
    pub(super) fn too_little(&self) -> Option<Diagnostic> {
        let (percent, least) = (self.percent.unwrap_or_default(), self.least?);
        let rounded = |number: f64| format!("{number:.*}", self.precision);
        let is_less = match rounded(percent).parse::<f64>() {
            // All means all, not what is rounded to it.
            Ok(_) if least >= 100.0 => percent < least,
            Ok(percent) => percent < least,
            Err(_) => false,
        };
        let message =
            || format!("{} % of the code was run by tests, and {least} % is asked for", rounded(percent));
        is_less.then(|| {
            Diagnostic::error(Exit::Failed, "test::coverage_too_low", message()).help(Some(
                "`--coverage-report html` shows line by line what was not, in `dist/coverage/html`",
            ))
        })
    }

    /// The form for programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "percent": self.percent,
            "fail_under": self.least,
            "reports": self.paths,
            "data": format!("{FOLDER}/{DATA}"),
        })
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rounded_is_compared() {
        let check = |percent: f64, least: f64, precision: usize, expect: bool| {
            let least = Some(least);
            let reported =
                Reported { percent: Some(percent), least, precision, text: String::new(), paths: Vec::new() };
            assert_eq!(reported.too_little().is_some(), expect, "{percent} {least:?} {precision}");
        };
        check(89.6, 90.0, 0, false);
        check(89.4, 90.0, 0, true);
        check(89.6, 90.0, 1, true);
        check(99.9, 100.0, 0, true);
        check(100.0, 100.0, 0, false);
        check(0.0, 0.0, 0, false);
    }
}

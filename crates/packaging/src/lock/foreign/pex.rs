//! Locks of the `pex` tool, which are those of Pants 2: JSON, with the comment that Pants 2 puts above it. Runs no pex.

use serde::Deserialize;
use toml::Spanned;

use super::{Listed, bare, dependencies_of, empty, end_of};
use crate::constraints::InterpreterConstraints;
use crate::lock::error::{LockError, LockFault};
use crate::lock::raw::Text;
use crate::lock::read::{Reader, conflict, specifiers};
use crate::lock::{Form, Graph, Lock, Origin, Package};
use crate::name::parse_name;
use crate::place::Place;
use crate::requirement::Requirement;

#[derive(Deserialize)]
struct RawPex {
    #[serde(default)]
    requires_python: Vec<String>,
    #[serde(default)]
    requirements: Vec<String>,
    locked_resolves: Vec<RawResolve>,
}

#[derive(Deserialize)]
struct RawResolve {
    locked_requirements: Vec<RawPackage>,
}

#[derive(Deserialize)]
struct RawPackage {
    project_name: String,
    version: String,
    #[serde(default)]
    requires_dists: Vec<String>,
    requires_python: Option<String>,
    artifacts: Vec<RawArtifact>,
}

#[derive(Deserialize)]
struct RawArtifact {
    algorithm: String,
    hash: String,
    url: String,
}

pub(super) fn parse(text: &str) -> Result<Lock, Vec<LockError>> {
    let json = without_comments(text);
    let raw: RawPex = serde_json::from_str(&json).map_err(|error| vec![misshapen(text, &error)])?;
    let mut pex = Pex { reader: Reader::default(), text: &json, from: 0 };
    let lock = pex.lock(&raw);
    if pex.reader.errors.is_empty() { Ok(lock) } else { Err(pex.reader.errors(text)) }
}

/// The text with spaces in place of lines that are comments, so that all places stay what they are.
fn without_comments(text: &str) -> String {
    let blank = |line: &str| if line.starts_with("//") { " ".repeat(line.len()) } else { line.to_owned() };
    text.strip_prefix('\u{feff}').unwrap_or(text).split('\n').map(blank).collect::<Vec<_>>().join("\n")
}

fn misshapen(text: &str, error: &serde_json::Error) -> LockError {
    if let Some(conflict) = conflict(text) {
        return conflict;
    }
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    let place = Some(Place { line: count(error.line()), column: count(error.column()) });
    let whole = error.to_string();
    let reason = whole.split(" at line ").next().unwrap_or_default().to_owned();
    LockError { fault: LockFault::Syntax { reason }, place, file: None }
}

struct Pex<'t> {
    reader: Reader,
    text: &'t str,
    /// Where the package begins that is being read.
    from: usize,
}

impl Pex<'_> {
    /// A value with its place: the first one after the beginning of its package.
    fn text(&self, value: &str) -> Text {
        let quoted = serde_json::Value::from(value).to_string();
        let found = self.text.get(self.from..).and_then(|rest| rest.find(&quoted));
        let start = found.map_or(self.from, |at| self.from + at + 1);
        Spanned::new(start..start + value.len(), value.to_owned())
    }

    fn lock(&mut self, raw: &RawPex) -> Lock {
        let mut lock = empty(Form::Pex, Graph::Whole);
        let [resolve] = raw.locked_resolves.as_slice() else {
            let at = self.text.find("\"locked_resolves\"").unwrap_or_default();
            self.reader.errors.push((at, LockFault::NotUniversal { found: raw.locked_resolves.len() }));
            return lock;
        };
        match InterpreterConstraints::parse(&raw.requires_python) {
            Ok(constraints) => lock.interpreter_constraints = constraints,
            Err(errors) => {
                for error in errors {
                    let fault = LockFault::Value { key: "requires_python", reason: error.to_string() };
                    let at = self.text(&error.text);
                    self.reader.fault(&at, fault);
                }
            }
        }
        for text in &raw.requirements {
            let text = self.text(text);
            lock.requirements.extend(self.reader.value("requirements", &text, str::parse::<Requirement>));
        }
        for package in &resolve.locked_requirements {
            self.from = self.start(package);
            lock.packages.extend(self.package(package));
        }
        lock
    }

    /// Where a package begins, or nearly so: at its first artifact, since keys are written in order.
    fn start(&self, package: &RawPackage) -> usize {
        let first = package.artifacts.first().map_or(&package.project_name, |artifact| &artifact.hash);
        let quoted = serde_json::Value::from(first.as_str()).to_string();
        let at = self.text.find(&quoted).unwrap_or(self.from);
        self.text[..at].rfind('{').unwrap_or(at)
    }

    fn package(&mut self, raw: &RawPackage) -> Option<Package> {
        let named = self.text(&raw.project_name);
        let name = self.reader.value("project_name", &named, parse_name);
        let text = self.text(&raw.version);
        let version = self.reader.value("version", &text, str::parse);
        let requires_python = raw.requires_python.as_ref().and_then(|text| {
            let text = self.text(text);
            self.reader.value("requires_python", &text, specifiers)
        });
        let mut requires = Vec::new();
        for text in &raw.requires_dists {
            let text = self.text(text);
            requires.extend(self.reader.value("requires_dists", &text, str::parse::<Requirement>));
        }
        let mut package = bare(name?, version?);
        self.reader.know(&named, &package.name, &package.version);
        package.requires_python = requires_python.filter(|versions| !versions.is_empty());
        package.dependencies = dependencies_of(requires);
        for artifact in &raw.artifacts {
            self.artifact(&mut package, artifact);
        }
        Some(package)
    }

    fn artifact(&mut self, package: &mut Package, raw: &RawArtifact) {
        if raw.url.starts_with("git+") || raw.url.contains("://") && !raw.url.starts_with("http") {
            let place = if raw.url.starts_with("git+") { "a Git repository" } else { "a path" };
            package.origin = Origin::Elsewhere(place);
            return;
        }
        if end_of(&raw.url).is_none() || raw.algorithm != "sha256" {
            let (at, reason) = if raw.algorithm == "sha256" {
                (self.text(&raw.url), format!("expected the address of a file, found `{}`", raw.url))
            } else {
                (self.text(&raw.algorithm), format!("expected `sha256`, found `{}`", raw.algorithm))
            };
            return self.reader.fault(&at, LockFault::Value { key: "artifacts", reason });
        }
        let (place, sha256) = (self.text(&raw.url), self.text(&raw.hash));
        self.reader.add(package, &Listed { place: &place, sha256: &sha256, size: None, index: None });
    }
}

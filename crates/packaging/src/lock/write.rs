//! Writes a lock as text: one file or dependency a line, everything sorted, so that a small change is a small
//! difference; writes no file.

use std::fmt::{Display, Write};

use super::{Address, BuildSystem, Dependency, FORMAT, LOCK_VERSION, Lock, Package};
use crate::name::PackageName;

/// The line at the head of every lock.
const HEAD: &str = "# Written by `pants lock`. Do not edit.";

impl Lock {
    /// The text of the lock; the same lock always gives the same text, in whatever order its packages, files and
    /// dependencies are.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut lock = self.clone();
        lock.sort();
        lock.sorted_to_toml()
    }

    fn sorted_to_toml(&self) -> String {
        let mut out = Out(String::new());
        out.line(HEAD);
        out.pair("lock-version", LOCK_VERSION);
        out.pair("created-by", "pants");
        out.pair("requires-python", &self.requires_python);
        out.list("environments", self.environments.iter());
        out.line("\n[tool.pants]");
        out.line(&format!("format = {FORMAT}"));
        out.line(&format!("indexes = [{}]", joined(&self.indexes)));
        out.line(&format!("interpreters = [{}]", joined(&self.interpreters)));
        let constraints = self.interpreter_constraints.alternatives();
        out.line(&format!("interpreter-constraints = [{}]", joined(constraints)));
        out.line(&format!("platforms = [{}]", joined(&self.platforms)));
        out.list("requirements", self.requirements.iter());
        let plugins = self.packages.iter().filter(|one| one.pytest_plugin == Some(true));
        let mut names: Vec<&PackageName> = plugins.map(|one| &one.name).collect();
        names.dedup();
        if !names.is_empty() {
            out.line(&format!("pytest-plugins = [{}]", joined(&names)));
        }
        if !self.options.is_empty() {
            out.line("\n[tool.pants.options]");
            for (name, value) in &self.options {
                out.pair(&quoted(name), value);
            }
        }
        for one in &self.packages {
            package(&mut out, "packages", one);
        }
        for build in &self.builds {
            out.line("\n[[tool.pants.builds]]");
            out.line(&format!("requires = [{}]", joined(&build.requirements)));
            for one in &build.packages {
                package(&mut out, "tool.pants.builds.packages", one);
            }
        }
        out.0
    }
}

fn package(out: &mut Out, table: &str, package: &Package) {
    out.line(&format!("\n[[{table}]]"));
    out.pair("name", &package.name);
    out.pair("version", &package.version);
    if !package.marker.is_always() {
        out.pair("marker", &package.marker);
    }
    if let Some(requires_python) = &package.requires_python {
        out.pair("requires-python", requires_python);
    }
    out.rows("dependencies", package.dependencies.iter().map(dependency));
    if let Some(sdist) = &package.sdist {
        out.line(&format!(
            "sdist = {}",
            file(&sdist.name, sdist.size, &sdist.sha256, sdist.index.as_deref())
        ));
    }
    let wheels = package.wheels.iter();
    out.rows(
        "wheels",
        wheels.map(|wheel| file(wheel.name.as_str(), wheel.size, &wheel.sha256, wheel.index.as_deref())),
    );
    if let Some(build) = &package.build {
        out.line(&format!("tool.pants.build = {}", build_system(build)));
    }
    if !package.modules.is_empty() {
        out.line(&format!("tool.pants.modules = [{}]", joined(&package.modules)));
    }
}

fn build_system(build: &BuildSystem) -> String {
    let mut out =
        format!("{{ requires = [{}], backend = {}", joined(&build.requires), quoted(&build.backend));
    if !build.backend_path.is_empty() {
        let _ = write!(out, ", backend-path = [{}]", joined(&build.backend_path));
    }
    out + " }"
}

fn dependency(dependency: &Dependency) -> String {
    let mut out = format!("{{ name = {}", quoted(&dependency.name));
    if let Some(version) = &dependency.version {
        let _ = write!(out, ", version = {}", quoted(version));
    }
    if !dependency.extras.is_empty() {
        let _ = write!(out, ", extras = [{}]", joined(&dependency.extras));
    }
    if !dependency.marker.is_always() {
        let _ = write!(out, ", marker = {}", quoted(&dependency.marker));
    }
    out + " }"
}

fn file(name: &str, size: Option<u64>, sha256: &[u8; 32], index: Option<&str>) -> String {
    let mut out = format!("{{ name = {}", quoted(name));
    if let Some(size) = size {
        let _ = write!(out, ", size = {size}");
    }
    match index.map(|index| (index, Address::in_place_of_index(index))) {
        None => {}
        Some((index, None)) => drop(write!(out, ", index = {}", quoted(index))),
        Some((_, Some(Address::Url(url)))) => drop(write!(out, ", url = {}", quoted(url))),
        Some((_, Some(Address::Path(path)))) => drop(write!(out, ", path = {}", quoted(path))),
    }
    out.push_str(", hashes = { sha256 = \"");
    for byte in sha256 {
        let _ = write!(out, "{byte:02x}");
    }
    out + "\" } }"
}

/// The text that grows.
struct Out(String);

impl Out {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn pair(&mut self, key: &str, value: impl Display) {
        self.line(&format!("{key} = {}", quoted(value)));
    }

    /// An array of texts, in order, one a line.
    fn list<T: Display>(&mut self, key: &str, items: impl Iterator<Item = T>) {
        self.array(key, items.map(quoted).collect());
    }

    /// An array of tables, one a line; left out if it is empty.
    fn rows(&mut self, key: &str, rows: impl Iterator<Item = String>) {
        let rows: Vec<String> = rows.collect();
        if !rows.is_empty() {
            self.array(key, rows);
        }
    }

    fn array(&mut self, key: &str, items: Vec<String>) {
        if items.is_empty() {
            self.line(&format!("{key} = []"));
            return;
        }
        self.line(&format!("{key} = ["));
        for item in items {
            self.line(&format!("    {item},"));
        }
        self.line("]");
    }
}

fn joined<T: Display>(items: &[T]) -> String {
    items.iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// A basic string of TOML.
pub(super) fn quoted(value: impl Display) -> String {
    let mut out = String::from("\"");
    for c in value.to_string().chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

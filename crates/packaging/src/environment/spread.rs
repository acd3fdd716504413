//! Spreads wheels and first-party files over an environment, as installers do (binary distribution format, "Installing
//! a wheel"). Reads metadata and scripts; all other bytes stay where they are.

use std::collections::BTreeSet;

use engine::extract::{BlobSource, Entry, SafeZip};
use store::{Digest, Entry as TreeEntry, Store};

use super::collision::Bytes;
use super::record::{Record, Row, Sum};
use super::shebang::{self, Shebang};
use super::{Content, Environment, EnvironmentError, File, Node, Scheme, Style, Wheel};
use crate::name::parse_name;

/// What messages call those who bring first-party files.
pub(crate) const SOURCES: &str = "the sources";
/// Files that an installer writes itself.
const INSTALLERS: [&str; 2] = ["INSTALLER", "REQUESTED"];

impl Environment {
    /// The environment of these wheels, and of `sources`, a tree of first-party files, which go among the packages.
    ///
    /// # Errors
    /// Where a wheel cannot be read or understood.
    pub fn of(
        store: &Store,
        scheme: &Scheme,
        wheels: &[Wheel],
        sources: &Digest,
        style: &Style,
    ) -> Result<Environment, EnvironmentError> {
        let bytes = Bytes { store, archives: wheels.iter().map(|wheel| &wheel.zip).collect() };
        let mut environment = scheme.empty();
        for (archive, wheel) in wheels.iter().enumerate() {
            Installation { archive, wheel, scheme, style, bytes: &bytes, rows: Vec::new() }
                .spread(&mut environment)?;
        }
        for (path, entry) in store.tree(sources)?.walk() {
            if let TreeEntry::File { digest, executable } = *entry {
                let node = Node::File(File { content: Content::Own(digest), executable });
                environment.add(scheme.package_path(&path), node, SOURCES, &bytes)?;
            }
        }
        environment.compare_paths();
        Ok(environment)
    }

    /// Adds the entries of an archive below `under` to the packages, without `under`: its number will be `archive`.
    /// What is there already stays.
    pub fn add_archive(&mut self, archive: usize, zip: &SafeZip<BlobSource>, under: &str, scheme: &Scheme) {
        for entry in zip.entries() {
            if let Some(path) = entry.path.strip_prefix(under) {
                let path = scheme.package_path(path);
                if self.get(&path).is_none() {
                    let content = Content::Member { archive, entry: entry.clone() };
                    self.put(path, Node::File(File { content, executable: false }), zip.archive());
                }
            }
        }
    }
}

/// One wheel on its way into an environment.
struct Installation<'a> {
    archive: usize,
    wheel: &'a Wheel,
    scheme: &'a Scheme,
    style: &'a Style,
    bytes: &'a Bytes<'a>,
    rows: Vec<Row>,
}

/// Where a file of a wheel goes.
enum Destination {
    Plain(String),
    Script(String),
    Nowhere,
}

impl Installation<'_> {
    fn spread(mut self, environment: &mut Environment) -> Result<(), EnvironmentError> {
        let files = self.wheel.files();
        let mut left: BTreeSet<&str> = files.keys().copied().collect();
        // Some old wheels have the absolute paths of where they were built; then nothing in there can be relied on.
        let usable = self.wheel.record.rows.iter().all(|row| !row.path.starts_with('/'));
        let recorded: &[Row] = if usable { &self.wheel.record.rows } else { &[] };
        for row in recorded {
            if row.path.ends_with('/') {
                self.rows.push(row.clone());
            } else if let Some((entry, executable)) = files.get(row.path.as_str()) {
                left.remove(row.path.as_str());
                self.file(environment, entry, *executable, row.sum.clone())?;
            }
        }
        if !usable || !self.style.only_recorded {
            let unknown = Sum::Given { hash: String::new(), size: String::new() };
            for entry in self.wheel.zip.entries().iter().filter(|entry| left.contains(entry.path.as_str())) {
                if let Some((_, executable)) = files.get(entry.path.as_str()) {
                    self.file(environment, entry, *executable, unknown.clone())?;
                }
            }
        }
        self.entry_scripts(environment)?;
        self.installers(environment)?;
        let record = Content::Record(Record { rows: self.rows, crlf: self.wheel.record.crlf });
        let path = self.scheme.package_path(&format!("{}/RECORD", self.wheel.dist_info));
        let node = Node::File(File { content: record, executable: false });
        environment.add(path, node, &self.wheel.name, self.bytes)
    }

    fn file(
        &mut self,
        environment: &mut Environment,
        entry: &Entry,
        executable: bool,
        sum: Sum,
    ) -> Result<(), EnvironmentError> {
        let own = entry.path.strip_prefix(&self.wheel.dist_info).and_then(|rest| rest.strip_prefix('/'));
        if own == Some("RECORD") {
            let sum = Sum::Given { hash: String::new(), size: String::new() };
            self.rows.push(Row { path: entry.path.clone(), sum });
            return Ok(());
        }
        let compiled = self.style.only_recorded && entry.path.ends_with(".pyc");
        if compiled || own.is_some_and(|name| INSTALLERS.contains(&name)) {
            return Ok(());
        }
        let member = Content::Member { archive: self.archive, entry: entry.clone() };
        let (path, file, sum) = match self.destination(&entry.path)? {
            Destination::Nowhere => return Ok(()),
            Destination::Plain(path) => (path, File { content: member, executable }, sum),
            Destination::Script(path) => match self.script(entry)? {
                Some(_) if self.scheme.is_flat() => return Ok(()),
                Some(content) => (path.clone(), File { content, executable: true }, Sum::Of(path)),
                None => (path, File { content: member, executable }, sum),
            },
        };
        self.rows.push(Row { path: self.scheme.recorded(&path), sum });
        environment.add(self.scheme.real_path(path), Node::File(file), &self.wheel.name, self.bytes)
    }

    fn destination(&self, path: &str) -> Result<Destination, EnvironmentError> {
        let package = |rest: &str| Destination::Plain(self.scheme.package_path(rest));
        let Some((_, inside)) = path.split_once('/').filter(|(first, _)| first.ends_with(".data")) else {
            return Ok(package(path));
        };
        let (kind, rest) = inside.split_once('/').unwrap_or((inside, ""));
        Ok(match kind {
            _ if rest.is_empty() => Destination::Nowhere,
            "purelib" | "platlib" => package(rest),
            "data" => Destination::Plain(rest.to_owned()),
            "headers" if self.scheme.is_flat() => Destination::Nowhere,
            "headers" => {
                let folder = self.scheme.headers(&self.wheel.distribution);
                Destination::Plain(format!("{folder}/{rest}"))
            }
            // Written anew, with the entry point that it starts.
            "scripts" if self.wheel.entry_points.command(file_name(rest)).is_some() => Destination::Nowhere,
            "scripts" => Destination::Script(format!("bin/{rest}")),
            _ => {
                let (wheel, kind) = (self.wheel.name.clone(), kind.to_owned());
                return Err(EnvironmentError::DataKind { wheel, kind });
            }
        })
    }

    /// What a script of the wheel becomes; none where it stays as it is.
    fn script(&self, entry: &Entry) -> Result<Option<Content>, EnvironmentError> {
        let script = self.wheel.zip.read(entry)?;
        let (starts, rest) = shebang::split(&script);
        let ours = match starts {
            Shebang::Placeholder => true,
            Shebang::Python => self.style.any_python,
            Shebang::Other => false,
        };
        let arguments = self.style.arguments.clone();
        Ok(ours.then(|| Content::Script { arguments, rest: rest.to_vec() }))
    }

    fn entry_scripts(&mut self, environment: &mut Environment) -> Result<(), EnvironmentError> {
        if self.scheme.is_flat() {
            return Ok(());
        }
        let points = &self.wheel.entry_points;
        for point in points.console.iter().chain(&points.gui) {
            let rest = self.style.entry_scripts.text(point).into_bytes();
            let content = Content::Script { arguments: self.style.arguments.clone(), rest };
            self.written(environment, format!("bin/{}", point.name), content, true)?;
        }
        Ok(())
    }

    fn installers(&mut self, environment: &mut Environment) -> Result<(), EnvironmentError> {
        let folder = self.scheme.package_path(&self.wheel.dist_info);
        let installer = Content::Literal(format!("{}\n", self.style.installer).into_bytes());
        self.written(environment, format!("{folder}/INSTALLER"), installer, false)?;
        let name = parse_name(&self.wheel.distribution).map(|name| name.to_string()).unwrap_or_default();
        if self.style.requested.as_ref().is_none_or(|requested| requested.contains(&name)) {
            self.written(environment, format!("{folder}/REQUESTED"), Content::Literal(Vec::new()), false)?;
        }
        Ok(())
    }

    /// Adds a file that the wheel does not have.
    fn written(
        &mut self,
        environment: &mut Environment,
        path: String,
        content: Content,
        executable: bool,
    ) -> Result<(), EnvironmentError> {
        let sum = match &content {
            Content::Literal(bytes) => Sum::of_bytes(bytes),
            _ => Sum::Of(path.clone()),
        };
        self.rows.push(Row { path: self.scheme.recorded(&path), sum });
        environment.add(path, Node::File(File { content, executable }), &self.wheel.name, self.bytes)
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

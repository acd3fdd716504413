//! The files of requirements that include each other, each read once, in pip's order; parses no line.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::RequirementFile;
use super::error::{RequirementFileError, RequirementFileFault as Fault};
use super::line::{Include, Item, item};
use super::lines::lines;
use crate::place::Place;

const START: Place = Place { line: 1, column: 1 };

/// A file, and how far it has been taken.
struct Frame {
    file: Arc<str>,
    constraints: bool,
    items: Rc<Vec<Item>>,
    next: usize,
}

/// A walk over files. Its stack is one of its own, so that no depth of files exhausts that of the process.
pub(super) struct Walk<'a> {
    read: &'a dyn Fn(&str) -> io::Result<Vec<u8>>,
    files: BTreeMap<Arc<str>, Rc<Vec<Item>>>,
    taken: BTreeSet<(Arc<str>, bool)>,
    failed: BTreeSet<(Arc<str>, Place)>,
    stack: Vec<Frame>,
    found: RequirementFile,
    errors: Vec<RequirementFileError>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(read: &'a dyn Fn(&str) -> io::Result<Vec<u8>>) -> Self {
        Self {
            read,
            files: BTreeMap::new(),
            taken: BTreeSet::new(),
            failed: BTreeSet::new(),
            stack: Vec::new(),
            found: RequirementFile::default(),
            errors: Vec::new(),
        }
    }

    /// Takes a file and all that it includes.
    pub(super) fn run(mut self, path: &str) -> (RequirementFile, Vec<RequirementFileError>) {
        let top: Arc<str> = path.into();
        match below_root("", path) {
            Some(file) => self.enter(&file.into(), false, (&top, START)),
            None => self.fail((&top, START), Fault::OutsideRoot { path: path.to_owned() }),
        }
        while let Some(frame) = self.stack.last_mut() {
            let (items, index) = (frame.items.clone(), frame.next);
            frame.next += 1;
            match items.get(index) {
                None => drop(self.stack.pop()),
                Some(Item::Listed(listed)) if frame.constraints => {
                    self.found.constraints.push(listed.clone());
                }
                Some(Item::Listed(listed)) => self.found.requirements.push(listed.clone()),
                Some(Item::Include(include)) => {
                    let from = frame.file.clone();
                    self.include(&from, include);
                }
            }
        }
        (self.found, self.errors)
    }

    fn include(&mut self, from: &Arc<str>, include: &Include) {
        let at = (from, include.place);
        let written = include.path.as_str();
        if written.contains("://") || written.starts_with("file:") {
            return self.fail(at, Fault::RemoteFile { option: include.option });
        }
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let Some(file) = below_root(folder, written) else {
            return self.fail(at, Fault::OutsideRoot { path: written.to_owned() });
        };
        let file: Arc<str> = file.into();
        if let Some(start) = self.stack.iter().position(|frame| frame.file == file) {
            let path = self.stack[start..].iter().map(|frame| frame.file.to_string());
            let path = path.chain([file.to_string()]).collect();
            return self.fail(at, Fault::Cycle { path });
        }
        self.enter(&file, include.constraints, at);
    }

    /// Puts a file on the stack, unless it was there already; `at` is where it is named.
    fn enter(&mut self, file: &Arc<str>, constraints: bool, at: (&Arc<str>, Place)) {
        if self.taken.contains(&(file.clone(), constraints)) {
            return;
        }
        let items = match self.files.get(file) {
            Some(items) => items.clone(),
            None => match self.load(file) {
                Ok(items) => self.files.entry(file.clone()).or_insert(items).clone(),
                Err(fault) => return self.fail(at, fault),
            },
        };
        self.taken.insert((file.clone(), constraints));
        self.stack.push(Frame { file: file.clone(), constraints, items, next: 0 });
    }

    fn load(&mut self, file: &Arc<str>) -> Result<Rc<Vec<Item>>, Fault> {
        let path = || file.to_string();
        let bytes =
            (self.read)(file).map_err(|e| Fault::Unreadable { path: path(), reason: e.to_string() })?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|e| Fault::Encoding { path: path(), offset: e.valid_up_to() })?;
        let mut items = Vec::new();
        for line in lines(text.strip_prefix('\u{feff}').unwrap_or(text)) {
            let (said, errors) = item(&line, file);
            items.extend(said);
            self.errors.extend(errors);
        }
        Ok(Rc::new(items))
    }

    /// Notes what is wrong with naming a file somewhere, once.
    fn fail(&mut self, at: (&Arc<str>, Place), fault: Fault) {
        let (file, place) = (at.0.clone(), at.1);
        if self.failed.insert((file.clone(), place)) {
            self.errors.push(RequirementFileError { file, place, fault });
        }
    }
}

/// The path of a file relative to the root, unless it is not below it.
pub(crate) fn below_root(folder: &str, written: &str) -> Option<String> {
    if written.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    if parts.is_empty() { None } else { Some(parts.join("/")) }
}

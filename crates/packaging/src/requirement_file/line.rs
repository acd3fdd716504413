//! What one logical line of a requirements file says; reads no file.

use std::sync::Arc;

use super::error::{RequirementFileError, RequirementFileFault as Fault, hidden};
use super::lines::Line;
use super::options::{Given, Kind, options};
use super::{FileHash, Listed};
use crate::index::project_of;
use crate::place::Place;
use crate::requirement::{Requirement, RequirementError};

/// As many faults of a line as are told: a line of garbage may have as many as letters.
const MOST_FAULTS: usize = 20;

/// What a line says.
#[derive(Debug)]
pub(super) enum Item {
    /// Something is required, or limited if the file is one of constraints.
    Listed(Listed),
    /// Another file is to be read.
    Include(Include),
}

/// Another file.
#[derive(Debug)]
pub(super) struct Include {
    /// Where it is named.
    pub(super) place: Place,
    /// As it is written: relative to the folder of the file that names it.
    pub(super) path: String,
    /// The option that names it.
    pub(super) option: &'static str,
    /// Whether it is one of constraints.
    pub(super) constraints: bool,
}

/// Reads a line: what it says, if it says anything, and all that is wrong with it.
pub(super) fn item(line: &Line, file: &Arc<str>) -> (Option<Item>, Vec<RequirementFileError>) {
    let (item, faults) = read(line, file);
    let error =
        |(offset, fault)| RequirementFileError { file: file.clone(), place: line.place(offset), fault };
    (item, faults.into_iter().take(MOST_FAULTS).map(error).collect())
}

fn read(line: &Line, file: &Arc<str>) -> (Option<Item>, Vec<(usize, Fault)>) {
    let variables = variables(&line.text);
    if !variables.is_empty() {
        return (None, variables);
    }
    if line.text.ends_with('\\') {
        return (None, vec![(line.text.len() - 1, Fault::Continuation)]);
    }
    let (wanted, rest) = line.text.split_at(options_start(&line.text));
    let begin = wanted.len() - wanted.trim_start().len();
    let (given, mut faults) = options(rest, wanted.len());
    faults.extend(given.iter().filter_map(unsupported));
    if wanted.trim().is_empty() {
        let item = include(line, &given, &mut faults);
        return (item.map(Item::Include), faults);
    }
    for option in given.iter().filter(|option| is_include(option)) {
        faults.push((option.offset, Fault::NotAlone { option: option.name }));
    }
    let hashes = hashes(&given, &mut faults);
    match requirement(wanted.trim()) {
        Ok(requirement) => {
            let place = line.place(begin);
            (Some(Item::Listed(Listed { requirement, file: file.clone(), place, hashes })), faults)
        }
        Err((offset, fault)) => {
            faults.insert(0, (begin + offset, fault));
            (None, faults)
        }
    }
}

/// Where the options of a line begin: at the first word with a `-`, since markers would not survive being split.
fn options_start(text: &str) -> usize {
    let mut spaced = true;
    for (offset, c) in text.char_indices() {
        if spaced && c == '-' {
            return offset;
        }
        spaced = c.is_whitespace();
    }
    text.len()
}

/// The variables that pip would replace: `${NAME}`, of capital letters, digits and `_`.
fn variables(text: &str) -> Vec<(usize, Fault)> {
    let candidates = text.match_indices("${").filter_map(|(offset, open)| {
        let rest = &text[offset + open.len()..];
        let valid = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let (name, rest) = rest.split_at(rest.find(|c| !valid(c))?);
        (!name.is_empty() && rest.starts_with('}')).then(|| (offset, name.to_owned()))
    });
    candidates.map(|(offset, name)| (offset, Fault::Variable { name })).collect()
}

fn is_include(option: &Given) -> bool {
    matches!(option.kind, Kind::Requirements | Kind::Constraints)
}

fn unsupported(option: &Given) -> Option<(usize, Fault)> {
    let fault = match option.kind {
        Kind::Index => Fault::IndexOption { option: option.name },
        Kind::Editable => Fault::Editable { option: option.name, remote: is_url(&option.value.1) },
        Kind::Unsupported => Fault::UnsupportedOption { option: option.name },
        Kind::Requirements | Kind::Constraints | Kind::Hash => return None,
    };
    Some((option.offset, fault))
}

/// The file that a line without requirement includes. pip silently reads the first of several; here they are errors.
fn include(line: &Line, given: &[Given], faults: &mut Vec<(usize, Fault)>) -> Option<Include> {
    for option in given.iter().filter(|option| option.kind == Kind::Hash) {
        faults.push((option.offset, Fault::HashAlone));
    }
    let mut includes = given.iter().filter(|option| is_include(option));
    let first = includes.next()?;
    for option in includes {
        faults.push((option.offset, Fault::NotAlone { option: option.name }));
    }
    Some(Include {
        place: line.place(first.offset),
        path: first.value.1.clone(),
        option: first.name,
        constraints: first.kind == Kind::Constraints,
    })
}

fn hashes(given: &[Given], faults: &mut Vec<(usize, Fault)>) -> Vec<FileHash> {
    let mut hashes = Vec::new();
    for option in given.iter().filter(|option| option.kind == Kind::Hash) {
        let (offset, text) = &option.value;
        match FileHash::read(text) {
            Some(hash) => hashes.push(hash),
            None => faults.push((*offset, Fault::Hash { found: hidden(text) })),
        }
    }
    hashes
}

/// Reads a requirement; a fault is with the byte it is at. The name of a file may tell that of its project.
pub(crate) fn requirement(text: &str) -> Result<Requirement, (usize, Fault)> {
    if is_url(text) || is_path(text) {
        let (place, rest) =
            text.split_at(text.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(text.len()));
        let (place, extras) = match place.strip_suffix(']').and_then(|place| place.rsplit_once('[')) {
            Some((place, extras)) => (place, format!("[{extras}]")),
            None => (place, String::new()),
        };
        let name =
            place.split(['?', '#']).next().and_then(|place| place.rsplit('/').next()).and_then(project_of);
        let named = name.map(|name| format!("{name}{extras} @ {place} {rest}"));
        return named.and_then(|named| named.parse().ok()).ok_or((0, Fault::Unnamed));
    }
    match text.parse::<Requirement>() {
        Ok(requirement) => Ok(requirement),
        Err(RequirementError::Unnamed { .. }) => Err((0, Fault::Unnamed)),
        Err(RequirementError::Syntax { text, offset, reason }) => {
            Err((offset, Fault::Requirement { text: hidden(&text), reason: hidden(&reason) }))
        }
    }
}

/// Whether it begins with a URL: a scheme, and what pip takes behind one.
fn is_url(text: &str) -> bool {
    let first = text.split(char::is_whitespace).next().unwrap_or_default();
    let scheme = first.split_once(':').map_or("", |(scheme, _)| scheme);
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let known = ["file", "git+file", "git+git", "git+ssh"].contains(&scheme);
    known || (first.contains("://") && !scheme.is_empty() && scheme.bytes().all(valid))
}

/// Whether it begins with a path: a `/` before its extras, versions or marker.
fn is_path(text: &str) -> bool {
    let end = text.find(|c: char| c.is_whitespace() || "[;@<>=!~,(".contains(c)).unwrap_or(text.len());
    text[..end].contains('/')
}

//! The address of a target, of one of its files or of one of its generated targets; it does not know what exists.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What of a target a [`Label`] names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The target itself.
    #[default]
    Whole,
    /// One source file, by its path below the target's package.
    File(Arc<str>),
    /// A target that the target generates, such as one requirement of a `requirements.txt`.
    Generated(Arc<str>),
}

/// An address such as `//svc:app`, `//svc/app.py:lib` or `//3rdparty:reqs#flask`.
///
/// The order is that of package, name and part, so that the targets of a directory are neighbours.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    package: Arc<str>,
    name: Arc<str>,
    part: Part,
}

/// Why a text is no label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelReason {
    /// Nothing is there.
    #[error("it is empty")]
    Empty,
    /// Nothing follows `:`, or the root was named without a target.
    #[error("the name of the target is missing")]
    NoName,
    /// Nothing follows `#`.
    #[error("the name after `#` is missing")]
    NoGeneratedName,
    /// `/svc` instead of `//svc`.
    #[error("expected `//` or a path relative to the root, found one `/`")]
    OneSlash,
    /// `//svc//app` or `//svc/`.
    #[error("a directory has an empty name")]
    EmptySegment,
    /// `.` or `..` among the directories.
    #[error("`.` and `..` are not allowed in the directory")]
    DotSegment,
    /// The owner is further up than the file's directory is deep.
    #[error("the owner's `../` leave the root")]
    LeavesRoot,
    /// A character that no directory or name may have.
    #[error("the character `{}` is not allowed", .0.escape_debug())]
    Character(char),
}

/// A text that is no label, with the reason and the column (1-based, in characters) where it goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a label: {reason}")]
pub struct LabelError {
    /// The text as it was given.
    pub text: String,
    /// What is wrong.
    pub reason: LabelReason,
    /// The first character that is wrong, counted from 1.
    pub column: u32,
}

impl LabelError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        "graph::label"
    }

    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        Some(match self.reason {
            LabelReason::OneSlash => {
                let bare = self.text.trim_start_matches('!');
                format!("write `{}/{bare}`", &self.text[..self.text.len() - bare.len()])
            }
            _ => "a label is `//directory:name`, `:name` in the same file, or `//directory` for `//directory:directory`"
                .to_owned(),
        })
    }
}

impl Label {
    /// The label of the target `name` of the directory `package` (`""` for the root).
    ///
    /// Takes both as they are: whoever has them from a user goes through [`Label::parse`] or checks the name
    /// with [`check_name`].
    pub fn new(package: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { package: package.into(), name: name.into(), part: Part::Whole }
    }

    /// The label of this target's source file `file`, a path below the package.
    #[must_use]
    pub fn with_file(&self, file: impl Into<Arc<str>>) -> Self {
        Self { part: Part::File(file.into()), ..self.clone() }
    }

    /// The label of what this target generates under `name`.
    #[must_use]
    pub fn with_generated(&self, name: impl Into<Arc<str>>) -> Self {
        Self { part: Part::Generated(name.into()), ..self.clone() }
    }

    /// This label without its part: the owner of a file, the generator of a generated target.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self { package: self.package.clone(), name: self.name.clone(), part: Part::Whole }
    }

    /// Reads a label that stands in a BUILD file of `package`, or on the command line with `""`.
    ///
    /// `:app` and `./app.py:lib` are relative to `package`, all else to the root, with `//` or without. The
    /// disk is not seen, so a last segment with an extension that starts with a letter (`app.py`) is taken as
    /// a file; [`crate::TargetGraph::node`] tries the other reading too. Fails with the reason and its column.
    pub fn parse(text: &str, package: &str) -> Result<Self, LabelError> {
        parse(text, package).map_err(|(reason, at)| LabelError {
            text: text.to_owned(),
            reason,
            column: column(text, at),
        })
    }

    /// The directory, relative to the root; `""` for the root.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// The same, shared.
    pub fn package_arc(&self) -> &Arc<str> {
        &self.package
    }

    /// The target's name, with the parameters of one that `parametrize` made: `lib@resolve=old`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The label of this target as `parametrize` makes it for some parameters, each with the name of its value; sorted
    /// by name.
    #[must_use]
    pub fn with_parameters(&self, parameters: &[(String, String)]) -> Self {
        let texts: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let name = if texts.is_empty() {
            self.name.clone()
        } else {
            format!("{}@{}", self.base_and_parameters().0, texts.join(",")).into()
        };
        Self { name, ..self.clone() }
    }

    /// The name as a BUILD file gives it, and what of `@` on `parametrize` has added.
    pub(crate) fn base_and_parameters(&self) -> (&str, &str) {
        let at = self.name.find('@').unwrap_or(self.name.len());
        self.name.split_at(at)
    }

    /// What of the target is named.
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// The path of the file that is named, relative to the root.
    pub fn file_path(&self) -> Option<String> {
        match &self.part {
            Part::File(file) => Some(join(&self.package, file)),
            _ => None,
        }
    }

    /// This label read the other way: `//a/b.py:c` as the target `c` of a directory `a/b.py`, or as a file.
    pub(crate) fn other_reading(&self) -> Option<Self> {
        match &self.part {
            Part::File(file) if !self.text_owner().contains("../") => {
                Some(Self::new(join(&self.package, file), self.name.clone()))
            }
            Part::Whole => {
                let (package, file) = self.package.rsplit_once('/').unwrap_or(("", &self.package));
                let (base, parameters) = self.base_and_parameters();
                let name = if *base == *file { last_segment(package) } else { base };
                (!file.is_empty() && !name.is_empty()).then(|| Self {
                    package: package.into(),
                    name: format!("{name}{parameters}").into(),
                    part: Part::File(file.into()),
                })
            }
            _ => None,
        }
    }

    /// What is printed behind `:` for a file: `../` for each directory below the package, and the name.
    fn text_owner(&self) -> String {
        let depth = match &self.part {
            Part::File(file) => file.matches('/').count(),
            _ => 0,
        };
        format!("{}{}", "../".repeat(depth), self.base_and_parameters().0)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Part::Whole => write!(f, "//{}:{}", self.package, self.name),
            Part::Generated(generated) => {
                let (base, parameters) = self.base_and_parameters();
                write!(f, "//{}:{base}#{generated}{parameters}", self.package)
            }
            Part::File(file) => {
                let path = join(&self.package, file);
                let owner = self.text_owner();
                let parameters = self.base_and_parameters().1;
                if owner == last_segment(&self.package) {
                    write!(f, "//{path}{parameters}")
                } else {
                    write!(f, "//{path}:{owner}{parameters}")
                }
            }
        }
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        Self::parse(text, "")
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text, "").map_err(serde::de::Error::custom)
    }
}

/// Whether `name` may be the name of a target: not empty, without spaces and without the characters that have a
/// meaning in labels and patterns.
pub fn check_name(name: &str) -> Result<(), LabelReason> {
    if name.is_empty() {
        return Err(LabelReason::NoName);
    }
    if name == "." || name == ".." || name == "..." {
        return Err(LabelReason::DotSegment);
    }
    name.chars().find(|&c| !allowed_in_name(c)).map_or(Ok(()), |c| Err(LabelReason::Character(c)))
}

/// The last directory of a path; `""` for the root. It is the default name of a target there.
pub fn last_segment(package: &str) -> &str {
    package.rsplit_once('/').map_or(package, |(_, last)| last)
}

/// `directory/file`, where the directory may be the root.
pub fn join(directory: &str, file: &str) -> String {
    if directory.is_empty() { file.to_owned() } else { format!("{directory}/{file}") }
}

type Wrong = (LabelReason, usize);

fn parse(text: &str, package: &str) -> Result<Label, Wrong> {
    let (bare, parameters) = parameters(text);
    let label = parse_bare(bare, package)?;
    Ok(label.with_parameters(&parameters))
}

/// The parameters behind the last `@`, sorted; what has not their form belongs to the rest.
fn parameters(text: &str) -> (&str, Vec<(String, String)>) {
    let none = (text, Vec::new());
    let Some((bare, after)) = text.rsplit_once('@') else { return none };
    let pairs = after.split(',').map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        (is_name && check_parameter(value).is_ok()).then(|| (name.to_owned(), value.to_owned()))
    });
    let Some(mut pairs) = pairs.collect::<Option<Vec<_>>>() else { return none };
    pairs.sort();
    (bare, pairs)
}

/// Whether `value` may be the name of a value in the label of a target that `parametrize` makes.
pub fn check_parameter(value: &str) -> Result<(), LabelReason> {
    if value.is_empty() {
        return Err(LabelReason::Empty);
    }
    let wrong = value.chars().find(|&c| !allowed_in_name(c) || ",=".contains(c));
    wrong.map_or(Ok(()), |c| Err(LabelReason::Character(c)))
}

fn parse_bare(text: &str, package: &str) -> Result<Label, Wrong> {
    if text.is_empty() {
        return Err((LabelReason::Empty, 0));
    }
    let (address, generated) = match text.split_once('#') {
        Some((_, "")) => return Err((LabelReason::NoGeneratedName, text.len())),
        Some((address, generated)) => (address, Some(generated)),
        None => (text, None),
    };
    if let Some(generated) = generated {
        let start = address.len() + 1;
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '#';
        check_characters(generated, start, |c| !bad(c))?;
    }
    let (path, name) = match address.split_once(':') {
        Some((path, name)) => (path, Some((name, path.len() + 1))),
        None => (address, None),
    };
    let directory = directory(text, path, package)?;
    let mut label = owner(&directory, generated.is_none(), name, text)?;
    if let Some(generated) = generated {
        label.part = Part::Generated(generated.into());
    }
    Ok(label)
}

/// The path in front of `:`, relative to the root.
fn directory(text: &str, path: &str, package: &str) -> Result<String, Wrong> {
    if path.is_empty() {
        return if text.starts_with(':') {
            Ok(package.to_owned())
        } else {
            Err((LabelReason::NoName, text.len()))
        };
    }
    let (below, start, base) = if let Some(rest) = path.strip_prefix("//") {
        (rest, 2, "")
    } else if path.starts_with('/') {
        return Err((LabelReason::OneSlash, 0));
    } else if let Some(rest) = path.strip_prefix("./") {
        (rest, 2, package)
    } else {
        (path, 0, "")
    };
    check_directory(below, start)?;
    Ok(match (base, below) {
        ("", below) => below.to_owned(),
        (base, below) => join(base, below),
    })
}

/// Checks a path relative to the root, which may be empty; `start` is where it begins in the text.
pub(crate) fn check_directory(path: &str, start: usize) -> Result<(), Wrong> {
    let mut at = start;
    for segment in path.split('/') {
        if segment.is_empty() && !path.is_empty() {
            return Err((LabelReason::EmptySegment, at));
        }
        if segment == "." || segment == ".." {
            return Err((LabelReason::DotSegment, at));
        }
        check_characters(segment, at, |c| !c.is_control() && !":#*?\\".contains(c))?;
        at += segment.len() + 1;
    }
    Ok(())
}

/// The label of what is named behind `directory:`; where `files` says so it may be a file and its owner.
fn owner(directory: &str, files: bool, name: Option<(&str, usize)>, text: &str) -> Result<Label, Wrong> {
    let (name, at) = name.unwrap_or(("", text.len()));
    let bare = if files { name.trim_start_matches("../") } else { name };
    let up = (name.len() - bare.len()) / 3;
    let default = at == text.len() && !text.contains(':');
    if bare.is_empty() && !default {
        return Err((LabelReason::NoName, at + name.len()));
    }
    check_characters(bare, at + up * 3, allowed_in_name)?;
    if up == 0 && !(files && is_file(last_segment(directory))) {
        let name = if default { last_segment(directory) } else { bare };
        return if name.is_empty() {
            Err((LabelReason::NoName, text.len()))
        } else {
            Ok(Label::new(directory, name))
        };
    }
    let mut package = directory;
    for _ in 0..=up {
        package = match package.rsplit_once('/') {
            Some((above, _)) => above,
            None if package.is_empty() => return Err((LabelReason::LeavesRoot, at)),
            None => "",
        };
    }
    let name = if default { last_segment(package) } else { bare };
    if name.is_empty() {
        return Err((LabelReason::NoName, text.len()));
    }
    let file = directory[package.len()..].trim_start_matches('/');
    Ok(Label { package: package.into(), name: name.into(), part: Part::File(file.into()) })
}

/// Whether a segment looks like the name of a file: an extension that starts with a letter.
fn is_file(segment: &str) -> bool {
    segment.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty()
            && extension.starts_with(|c: char| c.is_ascii_alphabetic())
            && extension.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn allowed_in_name(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !":#@!?*/\\".contains(c)
}

fn check_characters(text: &str, start: usize, allowed: impl Fn(char) -> bool) -> Result<(), Wrong> {
    match text.char_indices().find(|&(_, c)| !allowed(c)) {
        Some((at, c)) => Err((LabelReason::Character(c), start + at)),
        None => Ok(()),
    }
}

/// The 1-based column, in characters, of a byte offset.
pub(crate) fn column(text: &str, at: usize) -> u32 {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    u32::try_from(before.chars().count()).unwrap_or(u32::MAX - 1) + 1
}

//! The options of pip that a requirements file may have, and how they are split; acts on none of them.

use super::error::{RequirementFileFault as Fault, hidden};

/// What an option is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It includes a file of requirements.
    Requirements,
    /// It includes a file of constraints.
    Constraints,
    /// A hash of the requirement before it.
    Hash,
    /// It says where distributions come from.
    Index,
    /// An editable requirement.
    Editable,
    /// It says something else that is not supported.
    Unsupported,
}

/// An option: its names, whether it has a value, and what it is for.
struct Known {
    names: &'static [&'static str],
    value: bool,
    kind: Kind,
}

const fn known(names: &'static [&'static str], value: bool, kind: Kind) -> Known {
    Known { names, value, kind }
}

const OPTIONS: [Known; 18] = [
    known(&["-r", "--requirement"], true, Kind::Requirements),
    known(&["-c", "--constraint"], true, Kind::Constraints),
    known(&["--hash"], true, Kind::Hash),
    known(&["-i", "--index-url", "--pypi-url"], true, Kind::Index),
    known(&["--extra-index-url"], true, Kind::Index),
    known(&["-f", "--find-links"], true, Kind::Index),
    known(&["--no-index"], false, Kind::Index),
    known(&["--trusted-host"], true, Kind::Index),
    known(&["-e", "--editable"], true, Kind::Editable),
    known(&["--pre"], false, Kind::Unsupported),
    known(&["--prefer-binary"], false, Kind::Unsupported),
    known(&["--no-binary"], true, Kind::Unsupported),
    known(&["--only-binary"], true, Kind::Unsupported),
    known(&["--require-hashes"], false, Kind::Unsupported),
    known(&["--use-feature"], true, Kind::Unsupported),
    known(&["--global-option"], true, Kind::Unsupported),
    known(&["--install-option"], true, Kind::Unsupported),
    known(&["-C", "--config-setting", "--config-settings"], true, Kind::Unsupported),
];

/// An option as it is written.
#[derive(Debug)]
pub(super) struct Given {
    /// Where it begins.
    pub(super) offset: usize,
    /// What it is for.
    pub(super) kind: Kind,
    /// Its name, as it is written.
    pub(super) name: &'static str,
    /// Its value, and where that begins; empty if it has none.
    pub(super) value: (usize, String),
}

/// A word, and where it begins.
type Word = (usize, String);

/// Reads options, of which the first begins at `base`; faults are with the byte they are at.
pub(super) fn options(text: &str, base: usize) -> (Vec<Given>, Vec<(usize, Fault)>) {
    let words = match words(text, base) {
        Ok(words) => words,
        Err(fault) => return (Vec::new(), vec![fault]),
    };
    let mut given = Vec::new();
    let mut faults = Vec::new();
    let mut words = words.into_iter();
    while let Some((offset, word)) = words.next() {
        if !word.starts_with('-') {
            faults.push((offset, Fault::Stray));
            continue;
        }
        let (written, attached) = split(&word);
        let found =
            OPTIONS.iter().find_map(|one| one.names.iter().find(|n| **n == written).map(|n| (one, *n)));
        let Some((option, name)) = found else {
            faults.push((offset, Fault::UnknownOption { option: hidden(written), near: near(written) }));
            continue;
        };
        let attached = attached.map(|value| (offset + word.len() - value.len(), value.to_owned()));
        let value = match (option.value, attached) {
            (true, attached) => attached.or_else(|| words.next()).filter(|(_, value)| !value.is_empty()),
            (false, None) => Some((offset, String::new())),
            (false, Some(_)) => {
                faults.push((offset, Fault::OptionValue { option: name, reason: "takes no value" }));
                continue;
            }
        };
        match value {
            Some(value) => given.push(Given { offset, kind: option.kind, name, value }),
            None => faults.push((offset, Fault::OptionValue { option: name, reason: "lacks its value" })),
        }
    }
    (given, faults)
}

/// The name of an option, and the value that is attached: `--name=value`, `-nvalue`.
fn split(word: &str) -> (&str, Option<&str>) {
    if word.starts_with("--") {
        return word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    }
    let end = word.char_indices().nth(2).map_or(word.len(), |(offset, _)| offset);
    let value = &word[end..];
    (&word[..end], (!value.is_empty()).then_some(value))
}

/// The option with a name that is like this one.
fn near(name: &str) -> Option<&'static str> {
    const LIKE: f64 = 0.8;
    const LONGEST: usize = 40;
    if name.len() > LONGEST {
        return None;
    }
    let names = OPTIONS.iter().flat_map(|option| option.names).filter(|known| known.starts_with("--"));
    names
        .map(|known| (strsim::jaro_winkler(name, known), *known))
        .filter(|(likeness, _)| *likeness >= LIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// The words of a text as a POSIX shell splits them.
fn words(text: &str, base: usize) -> Result<Vec<Word>, (usize, Fault)> {
    let mut all = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote: Option<(usize, char)> = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            all.extend(word.take());
            continue;
        }
        let (_, so_far) = word.get_or_insert_with(|| (base + at, String::new()));
        match (quote, c) {
            (Some((_, open)), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some((at, c)),
            (Some((_, '"')), '\\') if !chars.peek().is_some_and(|(_, next)| matches!(next, '"' | '\\')) => {
                so_far.push(c);
            }
            (None | Some((_, '"')), '\\') => match chars.next() {
                Some((_, escaped)) => so_far.push(escaped),
                None => so_far.push(c),
            },
            _ => so_far.push(c),
        }
    }
    if let Some((at, quote)) = quote {
        return Err((base + at, Fault::Quote { quote }));
    }
    all.extend(word);
    Ok(all)
}

//! The platforms that a program is built for: what each entry of its fields or of the configuration means. Is given the
//! content of the files that entries name, and reads none.

use std::collections::BTreeMap;

use graph::{Field, Label, Place, Target, TargetGraph};
use packaging::named_platform::{NamedPlatform, NamedPlatformError};
use packaging::platform::CURRENT;

use crate::configuration::Settings;
use crate::error::RuleError;

/// The field that names complete-platform files by the targets that have them.
const COMPLETE: &str = "complete_platforms";

/// Complete-platform files, by their path relative to the root: what is in each, or why it cannot be read.
pub type PlatformFiles = BTreeMap<String, Result<Vec<u8>, String>>;

/// A platform that a program is built for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which.
    pub named: NamedPlatform,
    /// Whether it is the machine's own, by whatever name that has.
    pub is_current: bool,
    /// Where it is asked for; none in the configuration.
    pub place: Option<Place>,
}

/// An entry: a name, or a file that describes the platform.
struct Entry {
    text: String,
    file: Option<String>,
    place: Option<Place>,
}

/// The paths of all files that the platforms of a program are described by.
#[must_use]
pub fn files(graph: &TargetGraph, program: &Target, configured: &[String]) -> Vec<String> {
    let (entries, _) = entries(graph, program, configured);
    entries.into_iter().filter_map(|entry| entry.file).collect()
}

/// All platforms that a program is built for.
///
/// # Errors
/// All entries that are none, beside those that are.
pub fn asked(graph: &TargetGraph, program: &Target, settings: &Settings) -> (Vec<Asked>, Vec<RuleError>) {
    let (entries, mut errors) = entries(graph, program, &settings.platforms);
    let mut asked = Vec::with_capacity(entries.len());
    for Entry { text, file, place } in entries {
        let named = match file {
            None => NamedPlatform::resolve(&text, &settings.machine),
            Some(path) => match settings.platform_files.get(&path) {
                Some(Ok(content)) => NamedPlatform::complete(&path, content),
                Some(Err(reason)) => Err(NamedPlatformError::unreadable(&path, reason)),
                None => Err(NamedPlatformError::unreadable(&path, "it was not read")),
            },
        };
        match named {
            Ok(named) => asked.push(Asked { named, is_current: text == CURRENT, place }),
            Err(error) => errors.push(RuleError::Platform { error, place }),
        }
    }
    (asked, errors)
}

fn entries(graph: &TargetGraph, program: &Target, configured: &[String]) -> (Vec<Entry>, Vec<RuleError>) {
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    let platforms = program.field("platforms");
    let complete = program.field(COMPLETE);
    if let Some(field) = platforms {
        for (index, text) in program.list("platforms").into_iter().enumerate() {
            let file = NamedPlatform::is_file(text).then(|| below(program, text));
            let place = Some(field.item_place(index).clone());
            entries.push(Entry { text: text.to_owned(), file, place });
        }
    } else if complete.is_none() {
        entries.extend(configured.iter().map(|text| {
            let file = NamedPlatform::is_file(text).then(|| text.clone());
            Entry { text: text.clone(), file, place: None }
        }));
    }
    for (field, index, text) in complete.iter().flat_map(|field| {
        let texts = program.list(COMPLETE).into_iter().enumerate();
        texts.map(move |(index, text)| (*field, index, text))
    }) {
        match described(graph, program, field, index, text) {
            Ok(found) => entries.extend(found),
            Err(error) => errors.push(error),
        }
    }
    (entries, errors)
}

/// The path of a file that a BUILD file names from its folder, or with `/` in front from the root.
fn below(program: &Target, text: &str) -> String {
    match text.strip_prefix('/') {
        Some(path) => path.trim_start_matches('/').to_owned(),
        None => graph::join(program.label.package(), text.strip_prefix("./").unwrap_or(text)),
    }
}

/// The files of a target that describe platforms, or one file by its path.
fn described(
    graph: &TargetGraph,
    program: &Target,
    field: &Field,
    index: usize,
    text: &str,
) -> Result<Vec<Entry>, RuleError> {
    let place = field.item_place(index).clone();
    let entry = |path: String| Entry { text: path.clone(), file: Some(path), place: Some(place.clone()) };
    if NamedPlatform::is_file(text) && !text.contains(':') {
        return Ok(vec![entry(below(program, text))]);
    }
    let wrong = |reason: String| RuleError::Platform {
        error: NamedPlatformError::unreadable(text, &reason),
        place: Some(place.clone()),
    };
    let label = Label::parse(text, program.label.package()).map_err(|error| wrong(error.to_string()))?;
    let node = graph.node(&label).ok_or_else(|| wrong(format!("there is no target `{label}`")))?;
    let target = graph.target(graph.actual(node));
    let files: Vec<String> = target.sources.iter().map(|source| source.path.to_string()).collect();
    if files.is_empty() {
        return Err(wrong(format!("`{label}` has no files")));
    }
    Ok(files.into_iter().map(entry).collect())
}

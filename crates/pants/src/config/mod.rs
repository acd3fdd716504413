//! The configuration: what files, variables and options say of the keys, typed. Options that goals have of their own are
//! laid over it by the session.

mod alias;
mod indexes;
mod infer;
mod key;
mod keys;
mod licences;
mod literal;
mod options;
#[cfg(test)]
mod page;
mod pants_keys;
mod placeholders;
mod read;
mod remote;
mod request;
mod resolves;
mod running_keys;
mod sandbox;
mod settled;
mod sources;
mod tailor;
mod tools;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;

use clap::ColorChoice;
use graph::Place;
use loader::Unmatched;
use packaging::constraints::InterpreterConstraints;
use packaging::licence::LicencePolicy;
use python::infer::InferSettings;

pub(crate) use indexes::Repos;
pub(crate) use keys::KEYS;
use placeholders::Placeholders;
pub(crate) use read::{FILE, Other};
pub(crate) use remote::{Proof, RemoteSettings};
pub(crate) use request::Request;
use sandbox::SandboxSettings;
use settled::{digest, settled};
pub(crate) use sources::Gathered;
use sources::Settings;
pub(crate) use tailor::TailorSettings;
pub(crate) use tools::ToolSettings;
use value::{Setting, Value};

use crate::diagnostic::{Diagnostic, Exit};
use crate::environment::Environment;
use crate::visibility::Severity;

/// The file of a Python project.
pub(crate) const PYPROJECT: &str = "pyproject.toml";
/// What stands for several places among those where interpreters are looked for.
const PLACEHOLDERS: [&str; 2] = ["<PATH>", "<PYENV>"];

/// What of the placeholders of Pants has no meaning here.
const PLACEHOLDERS_OF_PANTS: [&str; 4] = ["<ASDF>", "<ASDF_LOCAL>", "<PEXRC>", "<PYENV_LOCAL>"];

/// Keys that say how something is done and not what: none changes an answer. `""` stands for all keys of a section.
pub(crate) const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("GLOBAL", "jobs"),
    ("GLOBAL", "offline"),
    ("GLOBAL", "color"),
    ("GLOBAL", "colors"),
    ("GLOBAL", "level"),
    ("GLOBAL", "dynamic_ui"),
    ("cache", ""),
    ("cli.alias", ""),
    ("python-repos", ""),
    ("python.resolves_to_constraints_file", ""),
    ("python.resolves_to_indexes", ""),
    ("python.publish_urls", ""),
    ("remote", ""),
    ("remote.headers", ""),
    ("remote.interpreters", ""),
    ("remote.platform", ""),
    ("sandbox", ""),
    ("lint", ""),
    ("fmt", ""),
    ("check", ""),
    ("tools.NAME", ""),
];

/// The locks that are taken where no resolve is named.
const FOUND: [&str; 3] = ["pants.lock", "uv.lock", "pylock.toml"];

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    Quiet,
    Info,
    Verbose,
}

/// What the sources say, and the defaults for what they do not say.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) pants_ignore: Vec<String>,
    /// Patterns of files whose definitions all BUILD files see.
    pub(crate) build_file_prelude_globs: Vec<String>,
    /// Whether what is not known, but may be right, is an error.
    pub(crate) strict: bool,
    /// What is done about sources that are not there.
    pub(crate) unmatched: Unmatched,
    /// The names of BUILD files, as patterns, where they are said.
    pub(crate) build_patterns: Option<Vec<String>>,
    /// Patterns of BUILD files that are not read.
    pub(crate) build_ignore: Vec<String>,
    pub(crate) jobs: Option<u16>,
    pub(crate) offline: bool,
    pub(crate) color: Option<ColorChoice>,
    pub(crate) verbosity: Option<Verbosity>,
    /// Whether a terminal shows a live line.
    pub(crate) dynamic_ui: bool,
    pub(crate) cache_dir: Option<String>,
    /// How many bytes the cache may take.
    pub(crate) cache_budget: Option<u64>,
    /// How far programs that a build runs are kept apart.
    pub(crate) sandbox: SandboxSettings,
    pub(crate) root_patterns: Vec<String>,
    pub(crate) interpreter_constraints: Vec<String>,
    pub(crate) interpreters: Option<Vec<String>>,
    pub(crate) platforms: Vec<String>,
    pub(crate) interpreter_search_paths: Vec<String>,
    /// The only or default resolve.
    pub(crate) default_resolve: String,
    /// The lock file of each resolve, in the order of their names.
    pub(crate) resolves: Vec<(String, String)>,
    pub(crate) resolve_constraints: Vec<(String, Vec<String>)>,
    /// The constraints file of each resolve that has one.
    pub(crate) constraints_files: Vec<(String, String)>,
    pub(crate) build_constraints: Vec<(String, Vec<String>)>,
    pub(crate) build_requirements: Vec<(String, Vec<String>)>,
    pub(crate) repos: Repos,
    pub(crate) remote: RemoteSettings,
    /// Where uploads for an index go.
    pub(crate) publish_urls: Vec<(String, String)>,
    pub(crate) infer: InferSettings,
    /// What is done about dependencies that must not be.
    pub(crate) visibility: Severity,
    /// What belongs to Pants and has no effect here.
    pub(crate) others: Vec<Other>,
    /// The files that were read, relative to the root where they are below it.
    pub(crate) files: Vec<String>,
    /// Stands for all settings that can change an answer, wherever they come from.
    pub(crate) digest: [u8; 32],
    /// The keys that are set and change what is built, with their values.
    pub(crate) settled: BTreeMap<String, String>,
    pub(crate) licences: LicencePolicy,
    pub(crate) tailor: TailorSettings,
    pub(crate) tools: ToolSettings,
    /// Where each value is, by section and key.
    places: BTreeMap<(String, String), Place>,
}

/// The values that can be wrong in more ways than by their type.
struct Checked {
    resolves: Vec<(String, String)>,
    default_resolve: String,
    cache_budget: Option<u64>,
    sandbox: SandboxSettings,
    infer: InferSettings,
    verbosity: Option<Verbosity>,
    visibility: Severity,
    licences: LicencePolicy,
    repos: Repos,
    remote: RemoteSettings,
    tailor: TailorSettings,
    tools: ToolSettings,
    unmatched: Unmatched,
}

impl Checked {
    /// Adds what is wrong to `errors`.
    fn new(settings: &mut Settings, errors: &mut Vec<Diagnostic>) -> Checked {
        let unread = !errors.is_empty();
        let (resolves, default_resolve) = resolves::resolves(settings, errors);
        let repos = match Repos::take(settings) {
            // What is missing may be among what could not be read.
            Err(_) if unread => Repos::default(),
            found => or_default(found, errors),
        };
        let budget = settings.remove(&("cache".to_owned(), "budget".to_owned()));
        let severity = or_default(choice(settings, "visibility", "severity", Severity::from_str), errors);
        Checked {
            resolves,
            default_resolve,
            cache_budget: or_default(size(budget), errors),
            sandbox: or_default(sandbox::settings(settings), errors),
            infer: or_default(infer::settings(settings), errors),
            licences: or_default(licences::policy(settings), errors),
            repos,
            remote: or_default(remote::settings(settings), errors),
            tailor: or_default(tailor::settings(settings), errors),
            tools: or_default(tools::settings(settings), errors),
            verbosity: or_default(choice(settings, "GLOBAL", "level", verbosity), errors),
            unmatched: or_default(
                choice(settings, "GLOBAL", "unmatched_build_file_globs", unmatched),
                errors,
            )
            .unwrap_or_default(),
            visibility: match flag(settings, "visibility", "enforce") {
                Some(false) => Severity::Ignore,
                _ => severity.unwrap_or_default(),
            },
        }
    }
}

impl Config {
    /// That of an empty `pants.toml`, where there is none.
    pub(crate) fn empty() -> Config {
        Config::new(Gathered::default()).expect("nothing is wrong with what says nothing")
    }

    /// Gives a configuration where nothing is wrong with what was read. Fails with all that is wrong.
    pub(crate) fn new(gathered: Gathered) -> Result<Config, Vec<Diagnostic>> {
        let Gathered { mut settings, files, others, mut errors } = gathered;
        errors.extend(check_paths(&mut settings));
        let digest = digest(&settings);
        let settled = settled(&settings);
        let places = settings.iter().map(|(key, setting)| (key.clone(), setting.place.clone())).collect();
        let settings = &mut settings;
        let checked = Checked::new(settings, &mut errors);
        if !errors.is_empty() {
            errors.sort_by(|a, b| a.place.cmp(&b.place));
            return Err(errors);
        }
        let strings = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        let colors = flag(settings, "GLOBAL", "colors");
        let colors = colors.map(|colors| if colors { ColorChoice::Always } else { ColorChoice::Never });
        Ok(Config {
            pants_ignore: texts(settings, "GLOBAL", "pants_ignore").unwrap_or_default(),
            build_patterns: texts(settings, "GLOBAL", "build_patterns"),
            build_ignore: texts(settings, "GLOBAL", "build_ignore").unwrap_or_default(),
            build_file_prelude_globs: texts(settings, "GLOBAL", "build_file_prelude_globs")
                .unwrap_or_default(),
            strict: flag(settings, "GLOBAL", "strict").unwrap_or_default(),
            unmatched: checked.unmatched,
            jobs: number(settings, "GLOBAL", "jobs"),
            offline: flag(settings, "GLOBAL", "offline").unwrap_or_default(),
            color: color(settings).or(colors),
            verbosity: checked.verbosity,
            dynamic_ui: flag(settings, "GLOBAL", "dynamic_ui").unwrap_or(true),
            cache_dir: text(settings, "cache", "dir"),
            cache_budget: checked.cache_budget,
            sandbox: checked.sandbox,
            root_patterns: texts(settings, "source", "root_patterns")
                .unwrap_or_else(|| strings(&["/", "src", "src/python", "src/py"])),
            interpreter_constraints: texts(settings, "python", "interpreter_constraints").unwrap_or_default(),
            interpreters: texts(settings, "python", "interpreters"),
            platforms: texts(settings, "python", "platforms").unwrap_or_else(|| strings(&["current"])),
            interpreter_search_paths: texts(settings, "python", "interpreter_search_paths")
                .unwrap_or_else(|| strings(&["<PATH>", "<PYENV>"])),
            default_resolve: checked.default_resolve,
            resolves: checked.resolves,
            resolve_constraints: named_lists(settings, "python.resolves_to_interpreter_constraints"),
            constraints_files: named_texts(settings, "python.resolves_to_constraints_file"),
            build_constraints: named_lists(settings, "python.resolves_to_build_constraints"),
            build_requirements: named_lists(settings, "python.build_requirements"),
            repos: checked.repos,
            remote: checked.remote,
            publish_urls: named_texts(settings, "python.publish_urls"),
            tailor: checked.tailor,
            tools: checked.tools,
            infer: checked.infer,
            licences: checked.licences,
            visibility: checked.visibility,
            others,
            files,
            digest,
            settled,
            places,
        })
    }

    /// Where the value of a key is, if it is given.
    pub(crate) fn place(&self, section: &str, key: &str) -> Option<&Place> {
        self.places.get(&(section.to_owned(), key.to_owned()))
    }

    /// The same with what the files of the repository say where nothing else does.
    pub(crate) fn completed(mut self, root: &Path) -> Config {
        self.complete(root);
        let found = self.found_locks().iter().find(|path| root.join(path).is_file());
        if let (Some(path), [(_, lock)]) = (found, &mut self.resolves[..]) {
            (*path).clone_into(lock);
        }
        self
    }

    /// Takes what is not said from the project at the root: its Pythons, and the folders of its members.
    fn complete(&mut self, root: &Path) {
        let Ok(text) = std::fs::read_to_string(root.join(PYPROJECT)) else { return };
        let project = packaging::pyproject::about(&text);
        if self.place("source", "root_patterns").is_none() {
            self.root_patterns.extend(project.members.iter().flatten().map(|member| format!("/{member}")));
        }
        let given = project.requires_python.filter(|_| self.interpreter_constraints.is_empty());
        let constraint =
            given.map(|given| format!("CPython{}", given.split_whitespace().collect::<String>()));
        self.interpreter_constraints
            .extend(constraint.filter(|constraint| InterpreterConstraints::parse(&[constraint]).is_ok()));
    }

    /// The files of which the first that is there is the lock, where no resolve is named.
    pub(crate) fn found_locks(&self) -> &'static [&'static str] {
        let named = |(section, name): &(String, String)| {
            section == "python.resolves" || section == "python" && name == "enable_resolves"
        };
        if self.places.keys().any(named) { &[] } else { &FOUND }
    }

    /// The lock file of a resolve, relative to the root.
    pub(crate) fn lock_path(&self, resolve: &str) -> Option<&str> {
        self.resolves.iter().find(|(name, _)| name == resolve).map(|(_, path)| path.as_str())
    }

    /// The interpreter constraints of a resolve.
    pub(crate) fn constraints_of(&self, resolve: &str) -> &[String] {
        (self.resolve_constraints.iter().find(|(name, _)| name == resolve))
            .map_or(&self.interpreter_constraints, |(_, constraints)| constraints)
    }
}

/// What was found, or what stands for it where it is wrong.
fn or_default<T: Default>(found: Result<T, Vec<Diagnostic>>, errors: &mut Vec<Diagnostic>) -> T {
    found.unwrap_or_else(|wrong| {
        errors.extend(wrong);
        T::default()
    })
}

/// The keys, by section and name, whose values two texts of `pants.toml` give otherwise; none where one of them cannot be
/// read.
pub(crate) fn differences(
    old: &str,
    new: &str,
    root: &Path,
    environment: &Environment,
) -> Option<BTreeSet<(String, String)>> {
    let whole = |text: &str| {
        let layer = read::read(text, &FILE.into(), Placeholders::new(root, environment), root);
        layer.errors.is_empty().then_some(layer.given)
    };
    let (old, new) = (whole(old)?, whole(new)?);
    let keys = old.keys().chain(new.keys());
    let differs =
        |key: &&(String, String)| old.get(*key).map(|given| &given.0) != new.get(*key).map(|given| &given.0);
    Some(keys.filter(differs).cloned().collect())
}

/// Whether a key says only how something is done.
pub(crate) fn has_no_effect(section: &str, name: &str) -> bool {
    let section = key::declared(section);
    WITHOUT_EFFECT.iter().any(|(known, key)| *known == section && (key.is_empty() || *key == name))
}

fn verbosity(text: &str) -> Result<Verbosity, &'static [&'static str]> {
    match text {
        "error" | "warn" => Ok(Verbosity::Quiet),
        "info" => Ok(Verbosity::Info),
        "debug" | "trace" => Ok(Verbosity::Verbose),
        _ => Err(&["error", "warn", "info", "debug", "trace"]),
    }
}

fn unmatched(text: &str) -> Result<Unmatched, &'static [&'static str]> {
    match text {
        "error" => Ok(Unmatched::Error),
        "warn" => Ok(Unmatched::Warn),
        "ignore" => Ok(Unmatched::Ignore),
        _ => Err(&["error", "warn", "ignore"]),
    }
}

/// The value of a key that takes one of a few words.
fn choice<T>(
    settings: &mut Settings,
    section: &str,
    name: &str,
    parse: impl Fn(&str) -> Result<T, &'static [&'static str]>,
) -> Result<Option<T>, Vec<Diagnostic>> {
    let setting = settings.remove(&(section.to_owned(), name.to_owned()));
    let Some(Setting { value: Value::Text(text), place }) = setting else { return Ok(None) };
    parse(&text).map(Some).map_err(|choices| {
        let message = format!("`{name}` cannot be `{text}`: expected one of `{}`", choices.join("`, `"));
        let help = graph::near(&text, choices.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        vec![Diagnostic::error(Exit::Wrong, "config::choice", message).at(Some(place)).help(help)]
    })
}

/// What is wrong with the places of locks and interpreters. Takes away what has a meaning for Pants alone.
fn check_paths(settings: &mut Settings) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for ((section, name), Setting { value, place }) in settings {
        match (section.as_str(), name.as_str(), value) {
            ("python.resolves", _, Value::Text(path)) if !is_below(path) => {
                let message = format!("the lock of the resolve `{name}` cannot be `{path}`");
                let help = "a lock is a file of the repository: write its path relative to the root, without `..`, \
                            such as `3rdparty/default.lock`";
                let error = Diagnostic::error(Exit::Wrong, "config::lock_path", message);
                errors.push(error.at(Some(place.clone())).help(Some(help)));
            }
            ("python", "interpreter_search_paths", Value::Texts(entries)) => {
                entries.retain(|entry| !PLACEHOLDERS_OF_PANTS.contains(&entry.as_str()));
                let unknown =
                    |entry: &&String| entry.starts_with('<') && !PLACEHOLDERS.contains(&entry.as_str());
                for entry in entries.iter().filter(unknown) {
                    let message =
                        format!("`interpreter_search_paths` takes `<PATH>` and `<PYENV>`, not `{entry}`");
                    let near = graph::near(entry, PLACEHOLDERS);
                    let error = Diagnostic::error(Exit::Wrong, "config::search_path", message);
                    let help = near.map(|near| format!("did you mean `{near}`?"));
                    errors.push(error.at(Some(place.clone())).help(help));
                }
            }
            _ => {}
        }
    }
    errors
}

/// Whether a path leads to something below the root of the repository.
fn is_below(path: &str) -> bool {
    !path.split('/').any(|part| matches!(part, "" | "..")) && Path::new(path).file_name().is_some()
}

/// A number of bytes.
fn size(setting: Option<Setting>) -> Result<Option<u64>, Vec<Diagnostic>> {
    let Some(Setting { value: Value::Text(text), place }) = setting else { return Ok(None) };
    let size = engine::size::parse(&text).ok_or_else(|| {
        let message = format!("`{text}` is no size");
        let help = Some("expected a number with a unit, such as `20 GB` or `512 MiB`");
        vec![Diagnostic::error(Exit::Wrong, "config::size", message).at(Some(place)).help(help)]
    })?;
    Ok(Some(size))
}

fn take(settings: &mut Settings, section: &str, key: &str) -> Option<Value> {
    settings.remove(&(section.to_owned(), key.to_owned())).map(|setting| setting.value)
}

fn text(settings: &mut Settings, section: &str, key: &str) -> Option<String> {
    if let Some(Value::Text(text)) = take(settings, section, key) { Some(text) } else { None }
}

fn texts(settings: &mut Settings, section: &str, key: &str) -> Option<Vec<String>> {
    if let Some(Value::Texts(texts)) = take(settings, section, key) { Some(texts) } else { None }
}

fn flag(settings: &mut Settings, section: &str, key: &str) -> Option<bool> {
    if let Some(Value::Flag(flag)) = take(settings, section, key) { Some(flag) } else { None }
}

fn color(settings: &mut Settings) -> Option<ColorChoice> {
    if let Some(Value::Color(color)) = take(settings, "GLOBAL", "color") { Some(color) } else { None }
}

fn number(settings: &mut Settings, section: &str, key: &str) -> Option<u16> {
    if let Some(Value::Number(number)) = take(settings, section, key) { Some(number) } else { None }
}

/// All settings of a section whose keys are the user's own names.
fn section(settings: &Settings, section: &str) -> Vec<(String, Value)> {
    (settings.iter())
        .filter(|((name, _), _)| name == section)
        .map(|((_, key), setting)| (key.clone(), setting.value.clone()))
        .collect()
}

/// The texts of such a section.
fn named_texts(settings: &Settings, name: &str) -> Vec<(String, String)> {
    let text = |(name, value)| if let Value::Text(text) = value { Some((name, text)) } else { None };
    section(settings, name).into_iter().filter_map(text).collect()
}

/// The lists of texts of such a section.
fn named_lists(settings: &Settings, name: &str) -> Vec<(String, Vec<String>)> {
    let list = |(name, value)| if let Value::Texts(list) = value { Some((name, list)) } else { None };
    section(settings, name).into_iter().filter_map(list).collect()
}

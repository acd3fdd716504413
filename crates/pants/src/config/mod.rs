//! The configuration: what `pants.toml` says, typed. Options of the command line are laid over it by the session.

mod infer;
mod keys;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::ColorChoice;
use engine::Level;
use graph::Place;
use python::infer::InferSettings;

pub(crate) use keys::KEYS;
pub(crate) use read::FILE;
use read::{Setting, Settings, Value, read};

use crate::diagnostic::{Diagnostic, Exit};

/// What stands for several places among those where interpreters are looked for.
const PLACEHOLDERS: [&str; 2] = ["<PATH>", "<PYENV>"];

/// What `pants.toml` says, and the defaults for what it does not say.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) pants_ignore: Vec<String>,
    pub(crate) jobs: Option<u16>,
    pub(crate) offline: bool,
    pub(crate) color: Option<ColorChoice>,
    pub(crate) cache_dir: Option<String>,
    /// How many bytes the cache may take.
    pub(crate) cache_budget: Option<u64>,
    /// How far programs that a build runs are kept apart.
    pub(crate) sandbox: Option<Level>,
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
    pub(crate) build_constraints: Vec<(String, Vec<String>)>,
    pub(crate) build_requirements: Vec<(String, Vec<String>)>,
    pub(crate) indexes: Vec<(String, String)>,
    /// Where uploads for an index go.
    pub(crate) publish_urls: Vec<(String, String)>,
    pub(crate) infer: InferSettings,
    /// Where each value is, by section and key.
    places: BTreeMap<(String, String), Place>,
}

impl Config {
    /// Reads `pants.toml` at `root`. Fails with all that is wrong in it.
    pub(crate) fn load(root: &Path) -> Result<Config, Vec<Diagnostic>> {
        let path = root.join(FILE);
        let text = std::fs::read(&path).map_err(|error| {
            let message = format!("cannot read `{}`: {error}", path.display());
            vec![Diagnostic::error(Exit::Wrong, "config::unreadable", message)]
        })?;
        let text = String::from_utf8(text).map_err(|error| {
            let message = format!("`{FILE}` is not UTF-8 from byte {} on", error.utf8_error().valid_up_to());
            vec![Diagnostic::error(Exit::Wrong, "config::encoding", message).at(Some(Place::new(FILE, 1, 1)))]
        })?;
        Config::from_settings(read(&text))
    }

    /// That of an empty `pants.toml`, where there is none.
    pub(crate) fn empty() -> Config {
        Config::from_settings(read("")).expect("nothing is wrong with what says nothing")
    }

    /// Gives a configuration where nothing is wrong with what was read.
    fn from_settings(
        (mut settings, mut errors): (Settings, Vec<Diagnostic>),
    ) -> Result<Config, Vec<Diagnostic>> {
        errors.extend(check_paths(&settings));
        let unread = !errors.is_empty();
        let default_place =
            settings.get(&("python".into(), "default_resolve".into())).map(|setting| setting.place.clone());
        let places = settings.iter().map(|(key, setting)| (key.clone(), setting.place.clone())).collect();
        let settings = &mut settings;
        let mut resolves = named_texts(settings, "python.resolves");
        if resolves.is_empty() {
            resolves.push(("default".to_owned(), "pants.lock".to_owned()));
        }
        let default = text(settings, "python", "default_resolve");
        let default_resolve = match default_resolve(default, &resolves, default_place) {
            // What is missing may be among what could not be read.
            Err(_) if unread => String::new(),
            found => or_default(found, &mut errors),
        };
        let budget = settings.remove(&("cache".to_owned(), "budget".to_owned()));
        let cache_budget = or_default(size(budget), &mut errors);
        let level = settings.remove(&("sandbox".to_owned(), "level".to_owned()));
        let sandbox = or_default(sandbox_level(level), &mut errors);
        let infer = or_default(infer::settings(settings), &mut errors);
        if !errors.is_empty() {
            errors.sort_by_key(|error| error.place.as_ref().map(|place| (place.line, place.column)));
            return Err(errors);
        }
        let strings = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Ok(Config {
            pants_ignore: texts(settings, "GLOBAL", "pants_ignore").unwrap_or_default(),
            jobs: number(settings, "GLOBAL", "jobs"),
            offline: flag(settings, "GLOBAL", "offline"),
            color: color(settings),
            cache_dir: text(settings, "cache", "dir"),
            cache_budget,
            sandbox,
            root_patterns: texts(settings, "source", "root_patterns")
                .unwrap_or_else(|| strings(&["/", "src", "src/python", "src/py"])),
            interpreter_constraints: texts(settings, "python", "interpreter_constraints").unwrap_or_default(),
            interpreters: texts(settings, "python", "interpreters"),
            platforms: texts(settings, "python", "platforms").unwrap_or_else(|| strings(&["current"])),
            interpreter_search_paths: texts(settings, "python", "interpreter_search_paths")
                .unwrap_or_else(|| strings(&["<PATH>", "<PYENV>"])),
            default_resolve,
            resolves,
            resolve_constraints: named_lists(settings, "python.resolves_to_interpreter_constraints"),
            build_constraints: named_lists(settings, "python.resolves_to_build_constraints"),
            build_requirements: named_lists(settings, "python.build_requirements"),
            indexes: named_texts(settings, "python.indexes"),
            publish_urls: named_texts(settings, "python.publish_urls"),
            infer,
            places,
        })
    }

    /// Where the value of a key is, if it is given.
    pub(crate) fn place(&self, section: &str, key: &str) -> Option<&Place> {
        self.places.get(&(section.to_owned(), key.to_owned()))
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
pub(crate) fn differences(old: &str, new: &str) -> Option<BTreeSet<(String, String)>> {
    let whole = |text: &str| {
        let (settings, errors) = read(text);
        errors.is_empty().then_some(settings)
    };
    let (old, new) = (whole(old)?, whole(new)?);
    let value = |settings: &Settings, key| settings.get(key).map(|setting: &Setting| setting.value.clone());
    let keys = old.keys().chain(new.keys());
    Some(keys.filter(|key| value(&old, key) != value(&new, key)).cloned().collect())
}

/// What is wrong with the places of locks and interpreters.
fn check_paths(settings: &Settings) -> Vec<Diagnostic> {
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
    let size = crate::size::parse(&text).ok_or_else(|| {
        let message = format!("`{text}` is no size");
        let help = Some("expected a number with a unit, such as `20 GB` or `512 MiB`");
        vec![Diagnostic::error(Exit::Wrong, "config::size", message).at(Some(place)).help(help)]
    })?;
    Ok(Some(size))
}

/// A level of the sandbox.
fn sandbox_level(setting: Option<Setting>) -> Result<Option<Level>, Vec<Diagnostic>> {
    let Some(Setting { value: Value::Text(text), place }) = setting else { return Ok(None) };
    text.parse().map(Some).map_err(|error: engine::UnknownLevel| {
        vec![Diagnostic::error(Exit::Wrong, "config::sandbox", error.to_string()).at(Some(place))]
    })
}

/// Which resolve targets are in that name none.
fn default_resolve(
    given: Option<String>,
    resolves: &[(String, String)],
    place: Option<Place>,
) -> Result<String, Vec<Diagnostic>> {
    let known = |wanted: &str| resolves.iter().any(|(name, _)| name == wanted);
    match (given, resolves) {
        (Some(given), _) if known(&given) => Ok(given),
        (Some(given), _) => {
            let names = resolves.iter().map(|(name, _)| name.as_str());
            let help = crate::explain::near_or_all(&given, names, "the resolves are");
            Err(vec![
                Diagnostic::error(Exit::Wrong, "config::resolve", format!("there is no resolve `{given}`"))
                    .at(place)
                    .help(Some(help)),
            ])
        }
        (None, [(only, _)]) => Ok(only.clone()),
        (None, _) if known("python-default") => Ok("python-default".to_owned()),
        (None, _) if known("default") => Ok("default".to_owned()),
        (None, _) => Err(vec![
            Diagnostic::error(
                Exit::Wrong,
                "config::resolve",
                "several resolves and none of them is the default",
            )
            .help(Some("set `[python] default_resolve`")),
        ]),
    }
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

fn flag(settings: &mut Settings, section: &str, key: &str) -> bool {
    matches!(take(settings, section, key), Some(Value::Flag(true)))
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

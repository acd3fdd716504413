//! The configuration: what `pants.toml` says, typed. Options of the command line are laid over it by the session.

mod infer;
mod keys;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::ColorChoice;
use graph::Place;
use python::infer::InferSettings;

pub(crate) use keys::KEYS;
pub(crate) use read::FILE;
use read::{Settings, Value, read};

use crate::diagnostic::{Diagnostic, Exit};

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
        Config::from_settings(read(&text)?)
    }

    fn from_settings(mut settings: Settings) -> Result<Config, Vec<Diagnostic>> {
        let default_place =
            settings.get(&("python".into(), "default_resolve".into())).map(|setting| setting.place.clone());
        let places = settings.iter().map(|(key, setting)| (key.clone(), setting.place.clone())).collect();
        let settings = &mut settings;
        let mut resolves: Vec<(String, String)> = (section(settings, "python.resolves").into_iter())
            .filter_map(|(name, value)| match value {
                Value::Text(path) => Some((name, path)),
                _ => None,
            })
            .collect();
        if resolves.is_empty() {
            resolves.push(("default".to_owned(), "pants.lock".to_owned()));
        }
        let default_resolve =
            default_resolve(text(settings, "python", "default_resolve"), &resolves, default_place)?;
        let color = color(settings.remove(&("GLOBAL".to_owned(), "color".to_owned())))?;
        let cache_budget = size(settings.remove(&("cache".to_owned(), "budget".to_owned())))?;
        let infer = infer::settings(settings)?;
        let indexes = (section(settings, "python.indexes").into_iter())
            .filter_map(|(name, value)| if let Value::Text(url) = value { Some((name, url)) } else { None })
            .collect();
        let lists = |name: &str| {
            (section(settings, name).into_iter())
                .filter_map(|(name, value)| match value {
                    Value::Texts(list) => Some((name, list)),
                    _ => None,
                })
                .collect::<Vec<_>>()
        };
        let resolve_constraints = lists("python.resolves_to_interpreter_constraints");
        let build_constraints = lists("python.resolves_to_build_constraints");
        let build_requirements = lists("python.build_requirements");
        let strings = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Ok(Config {
            pants_ignore: texts(settings, "GLOBAL", "pants_ignore").unwrap_or_default(),
            jobs: number(settings, "GLOBAL", "jobs"),
            offline: flag(settings, "GLOBAL", "offline"),
            color,
            cache_dir: text(settings, "cache", "dir"),
            cache_budget,
            root_patterns: texts(settings, "source", "root_patterns")
                .unwrap_or_else(|| strings(&["/", "src", "src/python", "src/py"])),
            interpreter_constraints: texts(settings, "python", "interpreter_constraints").unwrap_or_default(),
            interpreters: texts(settings, "python", "interpreters"),
            platforms: texts(settings, "python", "platforms").unwrap_or_else(|| strings(&["current"])),
            interpreter_search_paths: texts(settings, "python", "interpreter_search_paths")
                .unwrap_or_else(|| strings(&["<PATH>", "<PYENV>"])),
            default_resolve,
            resolves,
            resolve_constraints,
            build_constraints,
            build_requirements,
            indexes,
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

/// The keys, by section and name, whose values two texts of `pants.toml` give otherwise; none where one of them cannot be
/// read.
pub(crate) fn differences(old: &str, new: &str) -> Option<BTreeSet<(String, String)>> {
    let (old, new) = (read(old).ok()?, read(new).ok()?);
    let value =
        |settings: &Settings, key| settings.get(key).map(|setting: &read::Setting| setting.value.clone());
    let keys = old.keys().chain(new.keys());
    Some(keys.filter(|key| value(&old, key) != value(&new, key)).cloned().collect())
}

/// When messages have colours.
fn color(setting: Option<read::Setting>) -> Result<Option<ColorChoice>, Vec<Diagnostic>> {
    let Some(read::Setting { value: Value::Text(text), place }) = setting else { return Ok(None) };
    match <ColorChoice as clap::ValueEnum>::from_str(&text, false) {
        Ok(color) => Ok(Some(color)),
        Err(_) => {
            let message = format!("`color` is `auto`, `always` or `never`, not `{text}`");
            Err(vec![Diagnostic::error(Exit::Wrong, "config::color", message).at(Some(place))])
        }
    }
}

/// A number of bytes.
fn size(setting: Option<read::Setting>) -> Result<Option<u64>, Vec<Diagnostic>> {
    let Some(read::Setting { value: Value::Text(text), place }) = setting else { return Ok(None) };
    let size = crate::size::parse(&text).ok_or_else(|| {
        let message = format!("`{text}` is no size");
        let help = Some("expected a number with a unit, such as `20 GB` or `512 MiB`");
        vec![Diagnostic::error(Exit::Wrong, "config::size", message).at(Some(place)).help(help)]
    })?;
    Ok(Some(size))
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
            let near = graph::near(&given, resolves.iter().map(|(name, _)| name.as_str()));
            Err(vec![
                Diagnostic::error(Exit::Wrong, "config::resolve", format!("there is no resolve `{given}`"))
                    .at(place)
                    .help(near.map(|near| format!("did you mean `{near}`?"))),
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

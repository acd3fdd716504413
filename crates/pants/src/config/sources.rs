//! Where the configuration comes from: files, variables and options of the command line, and which of them win. It does
//! not know what the keys mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use graph::Place;

use super::key::declared;
use super::keys::{KEYS, Key, OUTSIDE};
use super::literal::{self, ListEdit};
use super::options::Flag;
use super::placeholders::Placeholders;
use super::read::{FILE, Layer, Other, explain, read};
use super::value::{Given, Reading, Setting, Value};
use crate::diagnostic::{Diagnostic, Exit};
use crate::environment::Environment;

/// All settings, by section and key.
pub(crate) type Settings = BTreeMap<(String, String), Setting>;

/// What all sources say together.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) settings: Settings,
    /// The files that were read, relative to the root where they are below it.
    pub(crate) files: Vec<String>,
    /// What belongs to Pants and has no effect here.
    pub(crate) others: Vec<Other>,
    pub(crate) errors: Vec<Diagnostic>,
}

impl Gathered {
    /// Reads all sources, each after those that it wins over: the files, those of the user, variables, options.
    pub(super) fn new(root: &Path, environment: &Environment, flags: &[Flag]) -> Gathered {
        let variables = of_variables(root, environment);
        let options = of_flags(root, flags);
        let mut gathered = Gathered::default();
        let mut outside = Gathered::default();
        for layer in [&variables, &options] {
            outside.merge_values(layer);
        }
        for (path, shown, needed) in files(root, environment, &outside.settings) {
            match std::fs::read(&path) {
                Ok(bytes) => {
                    gathered.files.push(shown.to_string());
                    gathered.merge(of_file(bytes, shown, root, environment));
                }
                Err(error) if !needed && error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => gathered.errors.push(unreadable(&path, &error, &outside.settings)),
            }
        }
        gathered.merge(variables);
        gathered.merge(options);
        gathered
    }

    /// Adds options that win over all that is there.
    pub(super) fn add(&mut self, root: &Path, flags: &[Flag]) {
        self.merge(of_flags(root, flags));
    }

    fn merge(&mut self, mut layer: Layer) {
        for section in &layer.whole {
            self.settings.retain(|(known, _), _| known != section);
        }
        self.merge_values(&layer);
        self.others.append(&mut layer.others);
        self.errors.append(&mut layer.errors);
    }

    fn merge_values(&mut self, layer: &Layer) {
        for (key, (given, place)) in &layer.given {
            let value = match given {
                Given::Value(value) => value.clone(),
                Given::Edit(edit) => {
                    let base = match self.settings.get(key).map(|setting| &setting.value) {
                        Some(Value::Texts(base)) => base.clone(),
                        _ => default_list(&key.0, &key.1),
                    };
                    Value::Texts(edit.apply(&base))
                }
            };
            self.settings.insert(key.clone(), Setting { value, place: place.clone() });
        }
    }
}

/// The default of a key that takes a list, where it is one.
fn default_list(section: &str, name: &str) -> Vec<String> {
    let key = KEYS.iter().find(|key| key.section == declared(section) && key.name == Some(name));
    let default = key.map(|key| key.default).filter(|default| literal::is_list(default));
    default.and_then(|default| literal::edit(default).ok()).map(|edit| edit.apply(&[])).unwrap_or_default()
}

/// The files to read, in order: each with what messages call it and whether it has to be there.
fn files(root: &Path, environment: &Environment, outside: &Settings) -> Vec<(PathBuf, Arc<str>, bool)> {
    let of_key = |name: &str| match outside.get(&("GLOBAL".to_owned(), name.to_owned())) {
        Some(Setting { value: Value::Texts(given), .. }) => given.clone(),
        _ => default_list("GLOBAL", name),
    };
    let rc = match outside.get(&("GLOBAL".to_owned(), "pantsrc".to_owned())) {
        Some(Setting { value: Value::Flag(false), .. }) => Vec::new(),
        _ => of_key("pantsrc_files"),
    };
    let all = of_key("pants_config_files").into_iter().map(|path| (path, true));
    let all = all.chain(rc.into_iter().map(|path| (path, false)));
    all.map(|(path, needed)| {
        let path = environment.path(&path, root);
        // A plain repository has none.
        let needed = needed && path != root.join(FILE);
        let shown = crate::session::shown(&path, root);
        (path, shown.into(), needed)
    })
    .collect()
}

fn of_file(bytes: Vec<u8>, shown: Arc<str>, root: &Path, environment: &Environment) -> Layer {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("`{shown}` is not UTF-8 from byte {} on", error.utf8_error().valid_up_to());
            let wrong = Diagnostic::error(Exit::Wrong, "config::encoding", message);
            return Layer { errors: vec![wrong.at(Some(Place::new(shown, 1, 1)))], ..Layer::default() };
        }
    };
    read(&text, &shown, Placeholders::new(root, environment), root)
}

fn unreadable(path: &Path, error: &std::io::Error, outside: &Settings) -> Diagnostic {
    let message = format!("cannot read `{}`: {error}", path.display());
    let named = outside.get(&("GLOBAL".to_owned(), OUTSIDE[0].to_owned()));
    let diagnostic = Diagnostic::error(Exit::Wrong, "config::unreadable", message);
    match named.filter(|_| !path.ends_with(FILE)) {
        Some(named) => diagnostic.note(format!("`{}` names it", named.place.file)),
        None => diagnostic,
    }
}

fn of_variables(root: &Path, environment: &Environment) -> Layer {
    let mut layer = Layer::default();
    for key in KEYS {
        let set = key.variables().into_iter().find_map(|name| {
            let value = environment.variables.get(&name)?;
            Some((name, value))
        });
        if let Some((name, value)) = set {
            add(&mut layer, root, key, &format!("${name}"), value);
        }
    }
    layer
}

fn of_flags(root: &Path, flags: &[Flag]) -> Layer {
    let mut layer = Layer::default();
    for flag in flags {
        match &flag.value {
            Some(value) => add(&mut layer, root, flag.key, &flag.name, value),
            None => {
                let message = format!("`{}` needs a value: {}", flag.name, flag.key.kind.expected());
                let help = format!("write `{}=VALUE`", flag.name);
                layer
                    .errors
                    .push(Diagnostic::error(Exit::Wrong, "config::no_value", message).help(Some(help)));
            }
        }
    }
    layer
}

/// Adds what a variable or an option gives; `shown` is what messages call it.
fn add(layer: &mut Layer, root: &Path, key: &Key, shown: &str, text: &str) {
    let reading = Reading { root, placeholders: None };
    let width = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let place = Place::new(shown, 1, 1).wide(width);
    let section = key.section.to_owned();
    let result = match key.name {
        Some(name) => reading.text(key.kind, text).map(|given| {
            if let Some(given) = given {
                add_given(layer, (section.clone(), name.to_owned()), given, &place);
            }
        }),
        None => reading.entries(key.kind, text).map(|(adds, entries)| {
            if !adds {
                layer.whole.insert(section.clone());
            }
            for (name, given) in entries {
                add_given(layer, (section.clone(), name), given, &place);
            }
        }),
    };
    if let Err(wrong) = result {
        let name = key.name.unwrap_or(key.section);
        let wrong = explain(name, key.expected(), &wrong);
        layer.errors.push(wrong.at(Some(place)).within(text.to_owned()));
    }
}

/// Adds a value; an option may be given several times.
fn add_given(layer: &mut Layer, key: (String, String), given: Given, place: &Place) {
    let given = match (layer.given.get(&key), given) {
        (Some((Given::Edit(first), _)), Given::Edit(next)) if next.replace.is_none() => {
            let mut edit: ListEdit = first.clone();
            edit.add.extend(next.add);
            edit.remove.extend(next.remove);
            Given::Edit(edit)
        }
        (_, given) => given,
    };
    layer.given.insert(key, (given, place.clone()));
}

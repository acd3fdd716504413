//! The `.bzl` files that BUILD files load: found, ordered, and each evaluated once; it does not know targets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use graph::{Place, join, near_all};
use starlark::environment::FrozenModule;

use crate::error::{LoadError, Problem};
use crate::evaluate::{Loaded, Parsed, Purpose, evaluate, parse};
use crate::options::Options;
use crate::places::{Load, Origins};
use crate::read::{Digest, read};
use crate::sources::Sources;

/// All `.bzl` files that something loads, by their path relative to the root.
pub(crate) struct Modules<'a> {
    options: &'a Options,
    sources: &'a Sources<'a>,
    all: BTreeMap<String, Module>,
    /// The files whose names all BUILD files have; none if something is wrong with one.
    prelude: Option<Vec<String>>,
    pub(crate) errors: Vec<LoadError>,
}

/// One `.bzl` file.
enum Module {
    /// It is being looked at: who loads it now makes a circle.
    Open,
    /// Something is wrong with it or with what it loads, and is told.
    Failed,
    /// It is evaluated.
    Ready(FrozenModule, Behind),
}

/// What all the files behind some `load`s have to say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Behind {
    /// Their digests, by path.
    pub(crate) digests: BTreeMap<String, Digest>,
    /// What `print` said in them.
    pub(crate) messages: BTreeSet<(Place, String)>,
    /// Calls of what nobody knows.
    pub(crate) unknown: BTreeSet<(String, Place)>,
    /// The variables of the environment that had a say, each with a digest of its value.
    pub(crate) variables: BTreeMap<String, Option<Digest>>,
    /// What those were made of that were rewritten.
    origins: Origins,
}

impl Behind {
    fn add(&mut self, other: &Behind) {
        self.digests.extend(other.digests.iter().map(|(path, digest)| (path.clone(), *digest)));
        self.messages.extend(other.messages.iter().cloned());
        self.unknown.extend(other.unknown.iter().cloned());
        self.variables.extend(other.variables.iter().map(|(name, digest)| (name.clone(), *digest)));
        self.origins.extend(&other.origins);
    }
}

/// What the loads of a file come to: the modules by the text of the `load`, and what is behind them.
pub(crate) type Resolved = (Loaded, Behind);

impl<'a> Modules<'a> {
    pub(crate) fn new(options: &'a Options, sources: &'a Sources<'a>) -> Self {
        Self { options, sources, all: BTreeMap::new(), prelude: Some(Vec::new()), errors: Vec::new() }
    }

    /// Evaluates the files whose names all BUILD files have.
    pub(crate) fn add_prelude(&mut self) {
        let patterns: Vec<&str> = self.options.prelude.iter().map(String::as_str).collect();
        let matched = self.sources.select("", &patterns, true);
        self.errors.extend(matched.problems.into_iter().map(|(_, problem)| problem.nowhere()));
        let mut files = Vec::new();
        for file in matched.files {
            self.visit(&file, &Place::new(file.as_str(), 1, 1), &mut Vec::new());
            files.push(file);
        }
        let ready = |file: &String| matches!(self.all.get(file), Some(Module::Ready(..)));
        self.prelude = (self.errors.is_empty() && files.iter().all(ready)).then_some(files);
    }

    /// Stands for the files whose names all BUILD files have, and for what is behind them.
    pub(crate) fn prelude_digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for file in self.prelude.iter().flatten() {
            if let Some(Module::Ready(_, behind)) = self.all.get(file) {
                for (path, digest) in &behind.digests {
                    hasher.update(path.as_bytes()).update(&[0]).update(digest);
                }
            }
        }
        *hasher.finalize().as_bytes()
    }

    /// What a BUILD file can use of other files; none if there is something wrong, as [`Modules::resolve`] has it.
    pub(crate) fn resolve_build(
        &self,
        package: &str,
        loads: &[Load],
        errors: &mut Vec<LoadError>,
    ) -> Option<Resolved> {
        let prelude = self.prelude.as_ref()?;
        let (mut loaded, mut behind) = self.resolve(package, loads, errors)?;
        for file in prelude {
            if let Some(Module::Ready(module, found)) = self.all.get(file) {
                loaded.prelude.push(module.clone());
                behind.add(found);
            }
        }
        loaded.origins = behind.origins.clone();
        Some((loaded, behind))
    }

    /// Evaluates all that the file of `package` loads and has not been evaluated yet.
    pub(crate) fn add(&mut self, package: &str, loads: &[Load]) {
        for load in loads {
            if let Ok(path) = path(load, package) {
                self.visit(&path, &load.place, &mut Vec::new());
            }
        }
    }

    /// The modules that a file loads, each symbol checked; none if there is something wrong, and then `errors` has
    /// what is wrong with the `load`s themselves.
    pub(crate) fn resolve(
        &self,
        package: &str,
        loads: &[Load],
        errors: &mut Vec<LoadError>,
    ) -> Option<Resolved> {
        let mut loaded = Loaded::default();
        let mut behind = Behind::default();
        let mut complete = true;
        for load in loads {
            let path = match path(load, package) {
                Ok(path) => path,
                Err(error) => {
                    errors.push(error);
                    complete = false;
                    continue;
                }
            };
            if !self.sources.listing.has(&path) && !self.options.has(&path) {
                errors.push(self.missing(&path, load));
                complete = false;
            } else if let Some(Module::Ready(module, found)) = self.all.get(&path) {
                complete &= symbols(module, &path, load, errors);
                loaded.modules.insert(load.path.clone(), module.clone());
                behind.add(found);
            } else {
                complete = false;
            }
        }
        loaded.origins = behind.origins.clone();
        complete.then_some((loaded, behind))
    }

    /// Looks at a file and, before it, at what it loads; `trail` has the files that are open, each with the place
    /// where it loads the next.
    fn visit(&mut self, path: &str, place: &Place, trail: &mut Vec<(String, Place)>) {
        match self.all.get(path) {
            Some(Module::Open) => return self.circle(path, place, trail),
            Some(_) => return,
            None => {}
        }
        if !self.options.has(path) {
            return;
        }
        self.all.insert(path.to_owned(), Module::Open);
        let package = path.rsplit_once('/').map_or("", |(package, _)| package);
        let done = match self.parse(path) {
            Ok((parsed, digest)) => {
                for load in &parsed.loads {
                    if let Ok(next) = self::path(load, package) {
                        trail.push((path.to_owned(), load.place.clone()));
                        self.visit(&next, &load.place, trail);
                        trail.pop();
                    }
                }
                self.evaluate(path, package, &parsed, digest)
            }
            Err(error) => {
                self.errors.push(error);
                Module::Failed
            }
        };
        self.all.insert(path.to_owned(), done);
    }

    fn parse(&self, path: &str) -> Result<(Parsed, Digest), LoadError> {
        let (text, digest) = read(self.options, path)?;
        Ok((parse(&path.into(), text, self.options.limits)?, digest))
    }

    fn evaluate(&mut self, path: &str, package: &str, parsed: &Parsed, digest: Digest) -> Module {
        let mut errors = Vec::new();
        let resolved = self.resolve(package, &parsed.loads, &mut errors);
        self.errors.append(&mut errors);
        let Some((loaded, mut behind)) = resolved else { return Module::Failed };
        let package: Arc<str> = package.into();
        let evaluated = evaluate(parsed, &package, Purpose::Module, &loaded, self.sources, self.options);
        self.errors.extend(evaluated.gathered.errors);
        behind.messages.extend(evaluated.gathered.messages);
        behind.unknown.extend(evaluated.gathered.unknown);
        behind.variables.extend(evaluated.gathered.variables);
        behind.origins.add(path, parsed.origin.as_ref());
        behind.digests.insert(path.to_owned(), digest);
        evaluated.module.map_or(Module::Failed, |module| Module::Ready(module, behind))
    }

    /// Tells of files that load each other.
    fn circle(&mut self, path: &str, place: &Place, trail: &[(String, Place)]) {
        let start = trail.iter().position(|(file, _)| file == path).unwrap_or(0);
        let circle = &trail[start..];
        let mut files: Vec<String> = circle.iter().map(|(file, _)| file.clone()).collect();
        files.push(path.to_owned());
        let mut error =
            Problem::LoadCycle { path: files }.at(circle.first().map_or(place, |(_, place)| place).clone());
        error.notes =
            circle.iter().skip(1).map(|(_, place)| (place.clone(), "which loads".to_owned())).collect();
        self.errors.push(error);
    }

    fn missing(&self, path: &str, load: &Load) -> LoadError {
        let listing = self.sources.listing;
        let mut all = BTreeSet::new();
        for directory in listing.directories() {
            let files = directory.files.iter().filter(|name| name.ends_with(".bzl"));
            all.extend(files.map(|name| join(&directory.path, name)));
        }
        let near = near_all(path, all.iter().map(String::as_str)).into_iter().map(label).collect();
        Problem::MissingModule { file: path.to_owned(), near }.at(load.place.clone())
    }
}

fn label(path: &str) -> String {
    format!("//{path}")
}

/// Checks that a module has what is loaded of it.
fn symbols(module: &FrozenModule, path: &str, load: &Load, errors: &mut Vec<LoadError>) -> bool {
    let names: BTreeSet<String> = module.names().map(|name| name.as_str().to_owned()).collect();
    let before = errors.len();
    for symbol in load.symbols.iter().filter(|symbol| !names.contains(&symbol.name)) {
        let near = near_all(&symbol.name, names.iter().map(String::as_str));
        let near = near.into_iter().map(str::to_owned).collect();
        let problem = Problem::MissingSymbol { file: path.to_owned(), symbol: symbol.name.clone(), near };
        errors.push(problem.at(symbol.place.clone()));
    }
    errors.len() == before
}

/// The path of a file to load, relative to the root.
fn path(load: &Load, package: &str) -> Result<String, LoadError> {
    let text = &load.path;
    let path = match (text.strip_prefix("//"), text.strip_prefix(':')) {
        (Some(rest), _) => match rest.split_once(':') {
            Some((directory, file)) => join(directory, file),
            None => rest.to_owned(),
        },
        (None, Some(file)) => join(package, file),
        (None, None) => String::new(),
    };
    let wrong =
        |segment: &str| segment.is_empty() || segment == "." || segment == ".." || segment.contains(':');
    if path.split('/').any(wrong) || !path.ends_with(".bzl") {
        return Err(Problem::ModulePath { path: text.clone() }.at(load.place.clone()));
    }
    Ok(path)
}

//! The locks of the resolves, in whatever form they are: read, and completed with what is remembered of their files or,
//! for who builds, with what the index and the wheels say. Knows no form itself.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use graph::{Place, Target};
use packaging::index::{DEFAULT, DeclaredIndex, IndexUrl, Scope};
use packaging::lock::{Borders, Form, Lock, LockError, LockFile};
use packaging::name::PackageName;
use packaging::unsaid::{self, Unknown, UnsaidError};
use python::{Resolve, ResolveError, RuleError};

use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::session::Session;

/// The memo table of what was said of modules that are guessed: said again only where it changes.
const GUESSED: &str = "guessed modules";
/// How many projects are named whose modules are guessed.
const MOST: usize = 5;

impl Session<'_> {
    /// The lock of a resolve; none where there is no file.
    pub(crate) fn lock(&self, path: &str) -> Result<Option<Lock>, Vec<Diagnostic>> {
        Ok(self.lock_file(path)?.map(|file| file.lock))
    }

    /// The lock of a resolve, with the files that it includes.
    pub(crate) fn lock_file(&self, path: &str) -> Result<Option<LockFile>, Vec<Diagnostic>> {
        let unreadable = |message: String| {
            let message = format!("cannot read the lock `{path}`: {message}");
            let help = "`[python.resolves]` says where the lock is; `pants lock` writes it";
            vec![Diagnostic::error(Exit::Wrong, "lock::unreadable", message).help(Some(help))]
        };
        let text = match std::fs::read(self.root.join(path)) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let read = |path: &str| std::fs::read(self.root.join(path));
        let form = Form::of(path, &text);
        let file = self.parse_lock(path, &text, &read).map_err(|errors| {
            let explained = errors.iter().map(|error| {
                let (line, column) = error.place.map_or((1, 1), |place| (place.line, place.column));
                let place = Place::new(error.file.as_deref().unwrap_or(path), line, column);
                Diagnostic::error(Exit::Wrong, error.code(), error).at(Some(place)).help(error.help(form))
            });
            explained.collect::<Vec<_>>()
        })?;
        Ok(Some(file))
    }

    /// Reads the text of a lock, which includes other files by `read`.
    pub(crate) fn parse_lock(
        &self,
        path: &str,
        text: &str,
        read: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
    ) -> Result<LockFile, Vec<LockError>> {
        let declared: Vec<(&str, IndexUrl)> = (self.config.repos.indexes.iter())
            .filter_map(|DeclaredIndex { name, url, .. }| {
                Some((name.as_str(), IndexUrl::parse(url.as_deref()?, name).ok()?))
            })
            .collect();
        let index_at = |address: &str| {
            let address = IndexUrl::parse(address, "the lock").ok()?;
            let same = |(_, url): &&(&str, IndexUrl)| url.is_same_place(address.without_credentials());
            let (name, _) = declared.iter().find(same)?;
            (*name != DEFAULT).then(|| (*name).to_owned())
        };
        let mut file = packaging::lock::read(path, text, &Borders { read, index_at: &index_at })?;
        // Without the cache it is not known, and told by who needs it.
        if file.lock.form != Form::Pants
            && let Ok(store) = self.store()
        {
            unsaid::recall(&mut file.lock, store);
            self.claim(&mut file.lock);
        }
        Ok(file)
    }

    /// Looks for what `[python-repos]` pins to an index there, and not on another, where the lock does not say.
    fn claim(&self, lock: &mut Lock) {
        let scopes = self.config.repos.indexes.iter().filter_map(|index| {
            let scope = Scope::parse(&index.packages, &index.name).ok()?;
            Some((index.name.as_str(), scope))
        });
        let scopes: Vec<(&str, Scope)> = scopes.filter(|(_, scope)| !scope.is_empty()).collect();
        lock.claim(&|name| {
            let claiming = scopes.iter().find(|(_, scope)| scope.holds(name.as_ref()));
            claiming.map(|(index, _)| (*index).to_owned())
        });
    }

    /// The form of the lock of a resolve, whether it can be read or not; that of its name where there is none.
    pub(crate) fn lock_form(&self, path: &str) -> Form {
        let text = std::fs::read(self.root.join(path)).unwrap_or_default();
        Form::of(path, &String::from_utf8_lossy(&text))
    }

    /// All that the locks of the resolves are read from.
    pub(crate) fn lock_paths(&self) -> Vec<String> {
        let named = self.config.resolves.iter().map(|(_, path)| path.clone());
        let mut paths: Vec<String> = named.collect();
        paths.extend(self.config.found_locks().iter().map(ToString::to_string));
        for (_, path) in &self.config.resolves {
            if self.lock_form(path) != Form::Requirements {
                continue;
            }
            // Also of one that cannot be read: what it includes may be what has to be mended.
            let asked = RefCell::new(Vec::new());
            let read = |path: &str| {
                asked.borrow_mut().push(path.to_owned());
                std::fs::read(self.root.join(path))
            };
            let text = std::fs::read(self.root.join(path)).unwrap_or_default();
            let _ = self.parse_lock(path, &String::from_utf8_lossy(&text), &read);
            paths.extend(asked.into_inner());
        }
        paths
    }

    /// The locks that can be read, and whether modules of some projects that targets ask for had to be guessed. What is
    /// wrong with another is told by the goal that needs it.
    pub(crate) fn locks_for(&self, targets: &[Target]) -> (BTreeMap<String, Lock>, bool) {
        let (mut locks, mut guessed) = (BTreeMap::new(), false);
        for (name, path) in &self.config.resolves {
            let Some(mut lock) = self.lock(path).ok().flatten() else { continue };
            if lock.form != Form::Pants {
                guessed |= !self.know_modules(&mut lock, (name, path), targets);
            }
            locks.insert(name.clone(), lock);
        }
        (locks, guessed)
    }

    /// Whether the modules of all projects are known that targets ask for. Who builds finds them out.
    fn know_modules(&self, lock: &mut Lock, (resolve, path): (&str, &str), targets: &[Target]) -> bool {
        let default = &self.config.default_resolve;
        let asks = |target: &&Target| {
            target.rule.name == "python_requirement"
                && target.field("modules").is_none()
                && python::resolve_of(target, default) == resolve
        };
        let wishes = targets.iter().filter(asks).flat_map(|target| python::wishes(target).0);
        let asked: BTreeSet<PackageName> = wishes.map(|wish| wish.requirement.name).collect();
        let Ok(store) = self.store() else { return true };
        if unsaid::unknown_modules(lock, &asked, store).is_empty() {
            return true;
        }
        if self.builds.get().is_some() && !self.offline {
            // Without an index it is as good as offline.
            let failed = self.downloads().ok().and_then(|downloads| {
                let client = downloads.client().ok()?;
                let failed = unsaid::find_modules(lock, &asked, client, store);
                self.claim(lock);
                Some(failed)
            });
            let failed = failed.unwrap_or_default();
            let warnings = failed.iter().map(|error| Diagnostic::warning(error.code(), error));
            self.console.diagnostics(warnings.collect());
        }
        let unknown = unsaid::unknown_modules(lock, &asked, store);
        if !unknown.is_empty() {
            self.tell_guessed(path, &unknown);
        }
        unknown.is_empty()
    }

    /// Says whose modules are guessed, once for each set of them.
    fn tell_guessed(&self, path: &str, unknown: &[PackageName]) {
        let mut names =
            unknown.iter().take(MOST).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        if unknown.len() > MOST {
            names.push_str(&format!(" and {} more", unknown.len() - MOST));
        }
        let key = [&self.key(), path.as_bytes()].join(&0);
        let said = unknown.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let Ok(store) = self.store() else { return };
        if store.memo(GUESSED, &key).ok().flatten().as_deref() == Some(said.as_bytes()) {
            return;
        }
        // Without the memo it is said again, no more.
        store.offer_memos(GUESSED, &[(&key, said.as_bytes())]);
        let message = format!("`{path}` does not say which modules these have, so they are guessed: {names}");
        let help = Some("the first build that needs them finds out");
        self.console.diagnostics(vec![Diagnostic::warning("lock::guessed_modules", message).help(help)]);
    }
}

/// The locks of the resolves that some programs are built in.
pub(crate) struct Locks<'a> {
    session: &'a Session<'a>,
    locks: BTreeMap<&'a str, Option<Lock>>,
    /// What was asked of the index already.
    asked: BTreeSet<(String, Unknown)>,
}

impl<'a> Locks<'a> {
    /// Reads those that programs are built in; what others hold does not matter to them.
    pub(crate) fn read(
        session: &'a Session<'a>,
        used: &BTreeSet<&str>,
    ) -> Result<Locks<'a>, Vec<Diagnostic>> {
        let (mut locks, mut errors) = (BTreeMap::new(), Vec::new());
        for (name, path) in session.config.resolves.iter().filter(|(name, _)| used.contains(name.as_str())) {
            match session.lock(path) {
                Ok(lock) => drop(locks.insert(name.as_str(), lock)),
                Err(wrong) => errors.extend(wrong),
            }
        }
        if errors.is_empty() { Ok(Locks { session, locks, asked: BTreeSet::new() }) } else { Err(errors) }
    }

    pub(crate) fn resolve(&self, name: &str) -> Option<Resolve<'_>> {
        Some(Resolve {
            lock: self.locks.get(name).and_then(Option::as_ref),
            path: self.session.config.lock_path(name)?,
            constraints: self.session.config.constraints_of(name),
        })
    }

    /// Finds out what rules lacked of locks, so that they can be asked again; says whether there was anything that was
    /// not asked before.
    pub(crate) fn find_out(&mut self, lacking: &[RuleError]) -> Result<bool, Vec<Diagnostic>> {
        let mut unknown: BTreeMap<&str, BTreeSet<Unknown>> = BTreeMap::new();
        for error in lacking {
            if let RuleError::Resolve(error) = error
                && let ResolveError::Unread { resolve, unknown: one, .. } = &**error
                && self.asked.insert((resolve.clone(), one.clone()))
            {
                unknown.entry(resolve).or_default().insert(one.clone());
            }
        }
        if unknown.is_empty() {
            return Ok(false);
        }
        let store = self.session.store()?;
        let downloads = self.session.downloads()?;
        let client = downloads.client().map_err(|error| vec![explain::index(error)])?;
        let mut errors: Vec<UnsaidError> = Vec::new();
        for (resolve, unknown) in unknown {
            let Some(Some(lock)) = self.locks.get_mut(resolve) else { continue };
            if !self.session.offline && !self.session.console.quiet {
                let path = self.session.config.lock_path(resolve).unwrap_or(resolve);
                let count = unknown.len();
                let noun = if count == 1 { "package" } else { "packages" };
                let text = format!("looking up what {path} does not say of {count} {noun}");
                self.session.console.message(&text);
            }
            errors.extend(unsaid::find_out(lock, &unknown, client, store).err().into_iter().flatten());
            self.session.claim(lock);
        }
        if errors.is_empty() { Ok(true) } else { Err(explain::unsaid(&errors)) }
    }
}

//! Resolves what `pants pex` is asked for into a lock that is in no file, and remembers it for a while.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use packaging::index::Client;
use packaging::lock::Lock;
use packaging::locking::{self, Asked, LockRequest, LockTools, UV_VERSION, Upgrade, find_uv};
use packaging::platform::{Machine, Platform};
use packaging::python::{Minor, Wanted};
use packaging::requirement::Requirement;
use python::configuration::Interpreters as _;

use super::program::RESOLVE;
use super::request::Request;
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::machine::MachineInterpreters;
use crate::session::{Session, failed, forgettable};

/// The memo table of what was resolved: the seconds of the time, and the lock.
const TABLE: &str = "pex-resolve";
/// Raised with each change to what is remembered.
const FORMAT: &str = "1";
/// For so long what was resolved is not resolved again, as long as pages of an index are usually believed.
const BELIEVED: Duration = Duration::from_secs(600);
/// The oldest Python that resolving can be done with.
const OLDEST_HELPER: Minor = Minor::new(3, 8);

/// The lock of a request; none where nothing is required.
pub(super) fn lock(
    session: &Session<'_>,
    request: &Request,
    interpreters: &MachineInterpreters<'_>,
    refresh: bool,
) -> Result<Option<Lock>, Vec<Diagnostic>> {
    if request.requirements.is_empty() {
        return Ok(None);
    }
    let downloads = session.downloads()?;
    let client = downloads.client().map_err(|error| vec![explain::index(error)])?;
    let key = key(request, client);
    let store = session.store()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if !refresh
        && let Some(known) = store.memo(TABLE, &key).map_err(failed)?
        && let Some((time, text)) = known.split_first_chunk::<8>()
    {
        let age = now.saturating_sub(Duration::from_secs(u64::from_le_bytes(*time)));
        // What was uploaded before a date does not become more.
        let holds = age < BELIEVED || request.exclude_newer.is_some() || session.offline;
        let lock = std::str::from_utf8(text).ok().and_then(|text| Lock::parse(text).ok());
        if let Some(lock) = lock.filter(|_| holds) {
            return Ok(Some(lock));
        }
    }
    let lock = resolve(session, request, client, interpreters, refresh)?;
    let mut value = now.as_secs().to_le_bytes().to_vec();
    value.extend_from_slice(lock.to_toml().as_bytes());
    forgettable(store.put_memo(TABLE, &key, &value)).map_err(failed)?;
    Ok(Some(lock))
}

fn resolve(
    session: &Session<'_>,
    request: &Request,
    client: &Client,
    interpreters: &MachineInterpreters<'_>,
    refresh: bool,
) -> Result<Lock, Vec<Diagnostic>> {
    let (store, env) = (session.store()?, &session.environment.variables);
    let uv = find_uv(client, store, &session.cache_dir.join("tools"), env, session.cancel, &|_, _| {});
    let uv = uv.map_err(|error| vec![explain::locking(&error)])?;
    let machine = Machine::detect();
    let platforms = request.platforms.iter().map(|text| Platform::resolve(text, &machine));
    let platforms: Vec<Platform> = platforms
        .collect::<Result<_, _>>()
        .map_err(|error| vec![Diagnostic::error(Exit::Wrong, error.code(), &error).help(error.help())])?;
    let upgrade = if refresh { Upgrade::Everything } else { Upgrade::Nothing };
    let resolved = LockRequest {
        resolve: RESOLVE,
        indexes: client.indexes(),
        root: None,
        requirements: &request.requirements,
        constraints: &request.constraints,
        interpreter_constraints: &request.interpreter_constraints(),
        interpreters: &request.pythons,
        built_for: &request.pythons,
        platforms: &platforms,
        previous: None,
        upgrade: &upgrade,
        build_requirements: &BTreeMap::new(),
        build_constraints: &[],
        exclude_newer: request.exclude_newer.as_deref(),
    };
    let uv_cache = session.cache_dir.join("uv");
    let (python, cancel) = (&*helper(request, interpreters)?, session.cancel);
    let tools = LockTools { client, store, uv: &uv, python, uv_cache: &uv_cache, cancel, env };
    let (lock, warnings) =
        locking::resolve(&resolved, &tools).map_err(|error| vec![explain::locking(&error)])?;
    let warnings = warnings.iter().map(|warning| Diagnostic::warning(warning.code(), warning));
    session.console.diagnostics(warnings.collect());
    Ok(lock)
}

/// The Python that metadata of source distributions is asked with.
fn helper(request: &Request, interpreters: &MachineInterpreters<'_>) -> Result<PathBuf, Vec<Diagnostic>> {
    let modern = request.pythons.iter().filter(|wanted| wanted.minor >= OLDEST_HELPER);
    let found = modern.filter_map(|wanted| interpreters.find(*wanted)).next();
    let usable = |one: &packaging::interpreter::Interpreter| {
        one.is(Wanted { free_threaded: false, ..Wanted::minor(one.minor()) }) && one.minor() >= OLDEST_HELPER
    };
    let found = found.or_else(|| interpreters.all().into_iter().find(usable));
    found.map(|found| found.path).ok_or_else(|| {
        let message = format!("there is no Python from {OLDEST_HELPER} on, which resolving needs");
        vec![Diagnostic::error(Exit::Environment, "lock::no_python", message)]
    })
}

/// Stands for all that decides what is found, but for the time.
fn key(request: &Request, client: &Client) -> Vec<u8> {
    let mut texts = vec![FORMAT.to_owned(), UV_VERSION.to_owned(), env!("CARGO_PKG_VERSION").to_owned()];
    let sorted = |mut texts: Vec<String>| {
        texts.sort();
        texts.join("\n")
    };
    let of = |requirement: &Requirement| requirement.text().to_owned();
    texts.push(sorted(request.requirements.iter().map(|asked| of(&asked.requirement)).collect()));
    // A file that is replaced is another one.
    let state = |asked: &Asked| Path::new(asked.requirement.location()?).metadata().ok();
    let states = request.requirements.iter().filter_map(state);
    texts.push(sorted(states.map(|state| format!("{} {:?}", state.len(), state.modified().ok())).collect()));
    texts.push(sorted(request.constraints.iter().map(of).collect()));
    texts.push(sorted(request.pythons.iter().map(ToString::to_string).collect()));
    texts.push(sorted(request.platforms.clone()));
    texts.push(request.exclude_newer.clone().unwrap_or_default());
    for index in client.indexes().iter() {
        texts.push(format!(
            "{} {} {} {:?}",
            index.name,
            index.url.without_credentials(),
            index.flat,
            index.scope
        ));
    }
    let mut digest = blake3::Hasher::new();
    for text in texts {
        digest.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    digest.finalize().as_bytes().to_vec()
}

//! Locks that are made with the pinned uv: from the index of this machine, and from a folder of wheels.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod choice;
mod folder;
#[allow(dead_code, reason = "the tests of tags use all of it")]
#[path = "../oracle/library.rs"]
mod library;
mod real;
#[allow(dead_code, reason = "the tests of indexes use all of it")]
#[path = "../index/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::Cancel;
use packaging::constraints::InterpreterConstraints;
use packaging::index::{Client, ClientOptions, Declarations, Indexes, Surroundings, machine_default};
use packaging::lock::Lock;
use packaging::locking::{Asked, LockError, LockOutcome, LockRequest, LockTools, Upgrade, find_uv, lock};
use packaging::platform::Platform;
use packaging::python::Wanted;
use store::{DigestFunction, Store};

/// What all tests of this machine share: the cache that is kept between runs holds uv and its own cache.
struct Machine {
    env: BTreeMap<String, String>,
    python: PathBuf,
    uv: PathBuf,
    shared: PathBuf,
}

impl Machine {
    /// Nothing, and a line that says why, where there is no Python or no index to get uv from.
    fn find() -> Option<Self> {
        let env: BTreeMap<String, String> = std::env::vars().collect();
        let shared = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let Some(python) = python(&env) else {
            println!("skipped: no Python 3 with pip");
            return None;
        };
        let client = real_client(&env, &python, &shared.join("partial"))?;
        let store = Store::open(&shared.join("cache"), DigestFunction::Blake3).unwrap();
        match find_uv(&client, &store, &shared.join("tools"), &env, &Cancel::new(), &|_, _| {}) {
            Ok(uv) => Some(Self { env, python, uv, shared }),
            Err(error) => {
                println!("skipped: {error}");
                None
            }
        }
    }

    fn client(&self, folder: &Path) -> Client {
        real_client(&self.env, &self.python, &folder.join("partial")).unwrap()
    }
}

fn real_client(env: &BTreeMap<String, String>, python: &Path, partial: &Path) -> Option<Client> {
    let around =
        Surroundings { env: env.clone(), root: PathBuf::from("/nonexistent"), system: PathBuf::from("/") };
    let indexes = Indexes::find(&Declarations::default(), &around, &|| {
        machine_default(Some(python), None, &Cancel::new())
    });
    let indexes = indexes.map_err(|error| println!("skipped: {error}")).ok()?;
    let client = Client::new(ClientOptions::new(indexes, env.clone(), partial.to_owned())).unwrap();
    client.page("default", "uv").map_err(|error| println!("skipped: {error}")).ok()?;
    Some(client)
}

fn python(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let home = PathBuf::from(env.get("HOME")?);
    let mut found: Vec<PathBuf> = std::fs::read_dir(home.join(".pyenv/versions"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin/python3.12")))
        .collect();
    found.extend(std::env::split_paths(env.get("PATH")?).map(|folder| folder.join("python3")));
    found.into_iter().find(|path| path.is_file())
}

/// What is asked for, in short.
struct Wish<'a> {
    requirements: &'a [&'a str],
    constraints: &'a [&'a str],
    platforms: &'a [&'a str],
    previous: Option<&'a Lock>,
    upgrade: Upgrade,
    build_constraints: &'a [&'a str],
    exclude_newer: Option<&'a str>,
}

impl Default for Wish<'_> {
    fn default() -> Self {
        Self {
            requirements: &[],
            constraints: &["CPython>=3.9,<3.14"],
            platforms: &["linux-x86_64", "linux-aarch64", "macos-arm64"],
            previous: None,
            upgrade: Upgrade::Nothing,
            build_constraints: &[],
            exclude_newer: None,
        }
    }
}

fn make(
    machine: &Machine,
    client: &Client,
    folder: &Path,
    wish: &Wish<'_>,
) -> Result<LockOutcome, LockError> {
    let store = Store::open(&folder.join("cache"), DigestFunction::Blake3).unwrap();
    let asked = |(at, text): (usize, &&str)| Asked {
        requirement: text.parse().unwrap(),
        by: format!("`//3rdparty:reqs` at 3rdparty/BUILD:{}", at + 1),
    };
    let requirements: Vec<Asked> = wish.requirements.iter().enumerate().map(asked).collect();
    let constraints = InterpreterConstraints::parse(wish.constraints).unwrap();
    let platforms: Vec<Platform> = wish.platforms.iter().map(|text| text.parse().unwrap()).collect();
    let request = LockRequest {
        root: None,
        constraints: &[],
        resolve: "default",
        indexes: client.indexes(),
        requirements: &requirements,
        interpreter_constraints: &constraints,
        interpreters: &["3.12".parse().unwrap()],
        built_for: &constraints.minors().into_iter().map(Wanted::minor).collect::<Vec<_>>(),
        platforms: &platforms,
        previous: wish.previous,
        upgrade: &wish.upgrade,
        build_requirements: &BTreeMap::new(),
        build_constraints: &wish
            .build_constraints
            .iter()
            .map(|text| text.parse().unwrap())
            .collect::<Vec<_>>(),
        exclude_newer: wish.exclude_newer,
    };
    let uv_cache = machine.shared.join("uv");
    let tools = LockTools {
        client,
        store: &store,
        uv: &machine.uv,
        python: &machine.python,
        uv_cache: &uv_cache,
        env: &machine.env,
        cancel: &Cancel::new(),
    };
    lock(&request, &tools)
}

/// `name version` of each package.
fn versions(lock: &Lock) -> Vec<String> {
    lock.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

//! The scratch project that uv locks: its files, its environment, and the run. Nothing of the user's configuration
//! of uv gets in, and no credentials get onto the disk.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use engine::{Ended, run_and_listen};
use url::Url;

use super::error::LockError;
use super::pins::Pins;
use super::span::Span;
use super::uv_lock::{UvLock, preferences};
use super::{Addresses, Asked, LockRequest, LockTools, Upgrade, explain};
use crate::index::{Index, Indexes, variable_part};
use crate::lock::{Address, sort_requirements};
use crate::requirement::{Requirement, Source};

/// The name of the scratch project; no project on an index has a name like it.
pub(super) const PROJECT: &str = "pants-scratch-resolve-root";

/// How long resolving may take, with all that it builds for it.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Of the variables, what uv and the builds of source distributions may see.
const PASSED_ON: [&str; 10] = [
    "PATH",
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// Runs `uv lock` on the requirements, within `constraints`, with each project of `pins` from its index alone.
pub(super) fn resolve(
    request: &LockRequest<'_>,
    addresses: &Addresses,
    constraints: &[Requirement],
    pins: &Pins,
    tools: &LockTools<'_>,
    span: &Span,
) -> Result<UvLock, LockError> {
    let disk = |path: &Path| {
        let path = path.to_owned();
        move |source| LockError::Disk { path, source }
    };
    let scratch = tempfile::Builder::new()
        .prefix("pants-lock-")
        .tempdir()
        .map_err(disk(Path::new("a temporary folder")))?;
    let write = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        std::fs::write(&path, text).map_err(disk(&path))
    };
    let indexes = request.indexes;
    write("pyproject.toml", &pyproject(request, addresses, constraints, pins, span)?)?;
    write("uv.toml", &settings(request, indexes))?;
    if let Some(previous) = request.previous {
        write(
            "uv.lock",
            &preferences(previous, indexes, request.exclude_newer, &|name| request.upgrade.moves(name)),
        )?;
    }
    let mut command = command(request, tools, scratch.path());
    let said = run_and_listen(&mut command, Some(PATIENCE), tools.cancel)
        .map_err(|source| LockError::Spawn { program: tools.uv.to_owned(), source })?;
    match said.ended {
        Ended::Cancelled => return Err(LockError::Cancelled),
        Ended::TimedOut => {
            return Err(LockError::Timeout { resolve: request.resolve.to_owned(), limit: PATIENCE });
        }
        Ended::Exited(status) if status.success() => {}
        Ended::Exited(_) | Ended::Exceeded(_) => {
            let said = String::from_utf8_lossy(&said.stderr);
            return Err(explain::explain(&said, request, tools, scratch.path()));
        }
    }
    let unreadable = |reason| LockError::Unreadable { resolve: request.resolve.to_owned(), reason };
    let path = scratch.path().join("uv.lock");
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    let mut lock: UvLock = toml::from_str(&text).map_err(|error| unreadable(error.message().to_owned()))?;
    if lock.version != 1 {
        return Err(unreadable(format!("expected version 1 of the form, found {}", lock.version)));
    }
    // uv names files and folders by their paths from the scratch project, which is about to go.
    for source in lock.packages.iter_mut().map(|package| &mut package.source) {
        for place in source.registry.iter_mut().chain(&mut source.path) {
            if let (false, Ok(found)) = (place.contains("://"), scratch.path().join(&*place).canonicalize()) {
                *place = found.display().to_string();
            }
        }
    }
    Ok(lock)
}

fn pyproject(
    request: &LockRequest<'_>,
    addresses: &Addresses,
    constraints: &[Requirement],
    pins: &Pins,
    span: &Span,
) -> Result<String, LockError> {
    let texts = request.requirements.iter().map(|Asked { requirement, .. }| {
        Ok(match addresses.get(requirement.text()) {
            None => requirement.text().to_owned(),
            Some(Address::Url(url)) => requirement.text_at(url),
            Some(Address::Path(path)) => {
                let path = request.root.unwrap_or(Path::new("")).join(path);
                let missing = |source| LockError::NoFile { path: path.clone(), source };
                let found = path.canonicalize().map_err(missing)?;
                let url = Url::from_file_path(&found)
                    .map_err(|()| missing(std::io::ErrorKind::InvalidFilename.into()))?;
                requirement.text_at(url.as_str())
            }
        })
    });
    let mut requirements: Vec<String> = texts.collect::<Result<_, LockError>>()?;
    // The order in which targets are found must not show.
    requirements.sort_unstable();
    requirements.dedup();
    let mut constraints = constraints.to_vec();
    if let Upgrade::Only(wanted) = request.upgrade {
        let versions =
            |one: &&Requirement| matches!(&one.source, Source::Index(versions) if !versions.is_empty());
        constraints.extend(wanted.iter().filter(versions).cloned());
    }
    sort_requirements(&mut constraints);
    let texts = |all: &[Requirement]| all.iter().map(|one| one.text().to_owned()).collect::<Vec<_>>();
    let (mut constraints, mut build_constraints) = (texts(&constraints), texts(request.build_constraints));
    // uv takes the index of a constraint for all requirements of that project, whoever has them; for that it has to have
    // a version, which accepts all.
    let pinned: Vec<String> = pins.iter().map(|(project, _)| format!("{project}>=0")).collect();
    constraints.extend(pinned.iter().cloned());
    build_constraints.extend(pinned);
    let environments = span.uv_environments();
    let mut text = format!(
        "[project]\nname = \"{PROJECT}\"\nversion = \"0\"\nrequires-python = \">=2.7\"\ndependencies = [\n    {}\n]\n\n\
         [tool.uv]\npackage = false\nenvironments = [\n    {}\n]\nconstraint-dependencies = [{}]\n\
         build-constraint-dependencies = [{}]\n",
        list(&requirements),
        list(environments),
        list(&constraints),
        list(&build_constraints),
    );
    // Writing to a string does not fail.
    let _ = writeln!(text, "\n[tool.uv.sources]");
    for (project, index) in pins.iter() {
        let _ = writeln!(text, "{} = {{ index = {} }}", quote(project), quote(index));
    }
    // What is pinned has to name an index of the project itself.
    for index in request.indexes.iter().filter(|index| !index.scope.is_empty()) {
        text.push_str(&index_table("tool.uv.index", index, false));
    }
    Ok(text)
}

fn quote(text: &str) -> toml::Value {
    toml::Value::String(text.to_owned())
}

/// An index as uv is told of it: without credentials.
fn index_table(table: &str, index: &Index, default: bool) -> String {
    let (name, explicit) = (quote(&index.name), !index.scope.is_empty());
    let format = if index.flat { "flat" } else { "simple" };
    format!(
        "\n[[{table}]]\nname = {name}\nurl = {}\nformat = \"{format}\"\nexplicit = {explicit}\ndefault = {default}\n",
        quote(&address(index))
    )
}

/// The address of an index as uv has it in its lock: a folder of files of all projects is a path.
pub(super) fn address(index: &Index) -> String {
    let folder = index.folder().filter(|_| index.flat);
    folder.map_or_else(|| index.url.without_credentials().to_string(), |folder| folder.display().to_string())
}

/// Texts as the items of an array.
fn list<T: AsRef<str>>(texts: &[T]) -> String {
    let quoted = texts.iter().map(|text| toml::Value::String(text.as_ref().to_owned()).to_string());
    quoted.collect::<Vec<_>>().join(",\n    ")
}

/// uv's settings, which take the place of every file that it would read.
fn settings(request: &LockRequest<'_>, indexes: &Indexes) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    if let Some(time) = request.exclude_newer {
        let _ = writeln!(text, "exclude-newer = {}", quote(time));
    }
    for index in indexes.iter() {
        text.push_str(&index_table("index", index, index.name == indexes.default_index().name));
    }
    if !request.build_requirements.is_empty() {
        text.push_str("\n[extra-build-dependencies]\n");
        for (name, requirements) in request.build_requirements {
            let texts: Vec<&str> = requirements.iter().map(Requirement::text).collect();
            let _ = writeln!(text, "{} = [{}]", quote(name.as_ref()), list(&texts));
        }
    }
    text
}

fn command(request: &LockRequest<'_>, tools: &LockTools<'_>, scratch: &Path) -> Command {
    let mut command = Command::new(tools.uv);
    command.current_dir(scratch);
    command.args(["lock", "--config-file", "uv.toml", "--color", "never", "--no-progress", "--python"]);
    command.arg(tools.python);
    if tools.client.is_offline() {
        command.arg("--offline");
    }
    match request.upgrade {
        Upgrade::Nothing => {}
        Upgrade::Everything => {
            command.arg("--refresh");
        }
        Upgrade::Only(requirements) => {
            for one in requirements {
                command.args(["--refresh-package", one.name.as_ref()]);
            }
        }
    }
    command.env_clear().env("HOME", scratch).env("UV_CACHE_DIR", tools.uv_cache);
    command.env("UV_PYTHON_DOWNLOADS", "never").env("LC_ALL", "C.UTF-8");
    command.envs(PASSED_ON.iter().filter_map(|name| Some((name, tools.env.get(*name)?))));
    if let Some(proxy) = tools.client.proxy() {
        command.env("HTTP_PROXY", proxy).env("HTTPS_PROXY", proxy);
    }
    command.env("UV_HTTP_RETRIES", tools.client.retries().to_string());
    if let Some(path) = tools.client.certificates() {
        command.env(if path.is_dir() { "SSL_CERT_DIR" } else { "SSL_CERT_FILE" }, path);
    }
    for index in request.indexes.iter() {
        if let Some((username, password)) = index.credentials() {
            let part = variable_part(&index.name);
            command.env(format!("UV_INDEX_{part}_USERNAME"), username);
            command.env(format!("UV_INDEX_{part}_PASSWORD"), password);
        }
    }
    command
}

//! What the environment and the files of uv and pip say of indexes, and what the tools of the machine take as theirs.
//!
//! Not read: `find-links` and `no-index`, of either tool: a folder that one machine has makes a lock that others cannot use.
//! An index that uv's files call `explicit` is known by its name alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use engine::{Cancel, Said, run_and_listen};

use super::error::IndexError;
use super::settings::{Entry, Layer, asks_keyring, pip_file, uv_file};

/// How long a tool of the machine may think about its configuration.
const PATIENCE: Duration = Duration::from_secs(20);

/// What of the machine configuration is read from. Passed in, so that no test depends on its machine.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The environment variables.
    pub env: BTreeMap<String, String>,
    /// The root of the repository, for its `uv.toml` and `pyproject.toml`.
    pub root: PathBuf,
    /// The folder that holds `etc`: `/` but in tests.
    pub system: PathBuf,
}

impl Surroundings {
    pub(super) fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    fn home(&self) -> Option<PathBuf> {
        self.var("HOME").map(PathBuf::from)
    }

    fn config_home(&self) -> Option<PathBuf> {
        self.var("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(self.home()?.join(".config")))
    }

    fn config_dirs(&self) -> Vec<PathBuf> {
        match self.var("XDG_CONFIG_DIRS") {
            Some(dirs) => dirs.split(':').filter(|dir| !dir.is_empty()).map(PathBuf::from).collect(),
            None => vec![self.system.join("etc/xdg")],
        }
    }
}

impl Surroundings {
    /// All that they say, what goes first first.
    pub(super) fn layers(&self) -> Result<[Layer; 4], IndexError> {
        Ok([uv_variables(self), pip_variables(self), uv_files(self)?, pip_files(self)?])
    }
}

/// `UV_DEFAULT_INDEX` and `UV_INDEX` may have the form `name=address`.
fn uv_variables(around: &Surroundings) -> Layer {
    let named = |text: &str, variable: &str| {
        let origin = format!("`{variable}`");
        match text.split_once('=') {
            Some((name, url)) if !name.contains([':', '/']) => {
                Entry { name: Some(name.to_owned()), url: url.to_owned(), explicit: false, origin }
            }
            _ => Entry { name: None, url: text.to_owned(), explicit: false, origin },
        }
    };
    let mut layer = Layer::default();
    for variable in ["UV_DEFAULT_INDEX", "UV_INDEX_URL"] {
        if let (None, Some(text)) = (&layer.default, around.var(variable)) {
            layer.default = Some(named(text, variable));
        }
    }
    for variable in ["UV_INDEX", "UV_EXTRA_INDEX_URL"] {
        let text = around.var(variable).unwrap_or_default();
        layer.extra.extend(text.split_whitespace().map(|text| named(text, variable)));
    }
    layer.keyring = around.var("UV_KEYRING_PROVIDER").map(asks_keyring);
    layer
}

fn pip_variables(around: &Surroundings) -> Layer {
    let entry = |url: &str, variable: &str| Entry {
        name: None,
        url: url.to_owned(),
        explicit: false,
        origin: format!("`{variable}`"),
    };
    let extra = around.var("PIP_EXTRA_INDEX_URL").unwrap_or_default();
    Layer {
        default: around.var("PIP_INDEX_URL").map(|url| entry(url, "PIP_INDEX_URL")),
        extra: extra.split_whitespace().map(|url| entry(url, "PIP_EXTRA_INDEX_URL")).collect(),
        cert: None,
        proxy: around.var("PIP_PROXY").map(|proxy| (proxy.to_owned(), "`PIP_PROXY`".to_owned())),
        keyring: around.var("PIP_KEYRING_PROVIDER").map(asks_keyring),
    }
}

/// uv's files, the nearest winning: `UV_CONFIG_FILE` alone, or the repository's, the user's and the system's.
fn uv_files(around: &Surroundings) -> Result<Layer, IndexError> {
    let mut paths = Vec::new();
    if let Some(path) = around.var("UV_CONFIG_FILE") {
        paths.push(PathBuf::from(path));
    } else if around.var("UV_NO_CONFIG").is_none() {
        let of_project = around.root.join("uv.toml");
        let has_own = of_project.is_file();
        paths.push(if has_own { of_project } else { around.root.join("pyproject.toml") });
        paths.extend(around.config_home().map(|dir| dir.join("uv/uv.toml")));
        let system = around.config_dirs().into_iter().map(|dir| dir.join("uv/uv.toml"));
        paths.extend(system.chain([around.system.join("etc/uv/uv.toml")]));
    }
    merge(paths.iter().rev(), &uv_file)
}

/// pip's files in the order of its documentation, each overriding those before it.
fn pip_files(around: &Surroundings) -> Result<Layer, IndexError> {
    let named = around.var("PIP_CONFIG_FILE").map(PathBuf::from);
    if named.as_deref() == Some(Path::new("/dev/null")) {
        return Ok(Layer::default());
    }
    let mut paths: Vec<PathBuf> =
        around.config_dirs().into_iter().map(|dir| dir.join("pip/pip.conf")).collect();
    paths.push(around.system.join("etc/pip.conf"));
    // pip does not read the user's files when one is named.
    if named.is_none() {
        paths.extend(around.home().map(|home| home.join(".pip/pip.conf")));
        paths.extend(around.config_home().map(|dir| dir.join("pip/pip.conf")));
    }
    paths.extend(around.var("VIRTUAL_ENV").map(|prefix| Path::new(prefix).join("pip.conf")));
    paths.extend(named);
    merge(paths.iter(), &pip_file)
}

fn merge<'a>(
    paths: impl Iterator<Item = &'a PathBuf>,
    read: &dyn Fn(&Path) -> Result<Layer, IndexError>,
) -> Result<Layer, IndexError> {
    let mut layer = Layer::default();
    for path in paths {
        layer.override_by(read(path)?);
    }
    Ok(layer)
}

/// Asks the machine's pip, and then its uv, for the address of their default index. Runs a process each;
/// the caller memoises the answer.
#[must_use]
pub fn machine_default(python: Option<&Path>, uv: Option<&Path>, cancel: &Cancel) -> Option<String> {
    const ASK: &str = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";
    let answer = |program: &Path, arguments: &[&str]| {
        // Away from any folder whose modules could be imported in place of pip's.
        let mut command = Command::new(program);
        command.args(arguments).current_dir("/");
        let said = run_and_listen(&mut command, Some(PATIENCE), cancel).ok().filter(Said::success)?;
        String::from_utf8(said.stdout).ok()
    };
    let of_pip = python.and_then(|python| answer(python, &["-c", ASK]));
    let of_pip = of_pip.map(|text| text.trim().to_owned()).filter(|text| text.contains("://"));
    of_pip.or_else(|| {
        let help = answer(uv?, &["help", "--no-pager", "lock"])?;
        let (_, rest) = help.split_once("by default: <")?;
        rest.split_once('>').map(|(url, _)| url.to_owned())
    })
}

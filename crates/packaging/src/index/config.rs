//! Which package indexes there are: `pants.toml`, the environment, uv's and pip's files, and last the machine.
//!
//! Not read: `find-links` and `no-index`, of either tool. An index that uv's files call `explicit` is left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use engine::{Cancel, Said, run_and_listen};

use super::address::IndexUrl;
use super::auth;
use super::error::IndexError;
use super::settings::{Entry, Layer, pip_file, uv_file};

/// The name of the index that is asked when no other has a project.
pub const DEFAULT: &str = "default";

/// How long a tool of the machine may think about its configuration.
const PATIENCE: Duration = Duration::from_secs(20);

/// An index that `pants.toml` names. The one named `default` replaces the machine's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredIndex {
    /// Its name, which locks are written with.
    pub name: String,
    /// Its address, which may hold credentials.
    pub url: String,
}

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

/// One index: a name that locks may show, and an address that nothing shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The name.
    pub name: String,
    /// The address.
    pub url: IndexUrl,
    /// What said so, for messages: `` `PIP_INDEX_URL` ``, `` `pants.toml` ``, a file.
    pub origin: String,
    pub(super) credentials: Option<auth::Credentials>,
}

/// The indexes in the order in which they are asked; the default one is last. There is always one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexes {
    all: Vec<Index>,
    cert: Option<(PathBuf, String)>,
}

impl Indexes {
    /// Finds the indexes: those of `pants.toml`; a default from the first of `pants.toml`, `UV_*`, `PIP_*`,
    /// uv's files, pip's files and `machine`; further ones from the first of those places that has any.
    /// `machine` (see [`machine_default`]) is asked only if nothing else gives a default, so that it can be
    /// slow and memoised.
    ///
    /// # Errors
    /// Addresses and files that cannot be read, names given twice, and no default at all.
    pub fn find(
        declared: &[DeclaredIndex],
        around: &Surroundings,
        machine: &dyn Fn() -> Option<String>,
    ) -> Result<Self, IndexError> {
        let mut layers = vec![declared_layer(declared), uv_variables(around), pip_variables(around)];
        layers.push(uv_files(around)?);
        layers.push(pip_files(around)?);
        let cert = layers.iter().find_map(|layer| layer.cert.clone());
        let default = match layers.iter().find_map(|layer| layer.default.clone()) {
            Some(entry) => entry,
            None => Entry {
                name: None,
                url: machine().ok_or(IndexError::NoDefault)?,
                origin: "the default of this machine's `pip` or `uv`".into(),
            },
        };
        let mut all = Vec::new();
        let declared_extra = std::mem::take(&mut layers[0].extra);
        let found_extra = layers.into_iter().map(|layer| layer.extra).find(|extra| !extra.is_empty());
        for (at, entry) in declared_extra.into_iter().chain(found_extra.unwrap_or_default()).enumerate() {
            let name = entry.name.clone().unwrap_or_else(|| format!("extra-{}", at + 1));
            push(&mut all, name, &entry, around)?;
        }
        push(&mut all, DEFAULT.to_owned(), &default, around)?;
        Ok(Self { all, cert })
    }

    /// One index under the name `default`: for tests and for other tools.
    ///
    /// # Errors
    /// An address that cannot be read.
    pub fn single(url: &str) -> Result<Self, IndexError> {
        let (name, origin) = (DEFAULT.to_owned(), "the caller".to_owned());
        let index = Index { name, url: IndexUrl::parse(url, &origin)?, origin, credentials: None };
        Ok(Self { all: vec![index.with_credentials(None)], cert: None })
    }

    /// The index of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Index> {
        self.all.iter().find(|index| index.name == name)
    }

    /// The indexes in the order in which they are asked.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Index> {
        self.all.iter()
    }

    /// The index that is asked last.
    #[must_use]
    pub fn default_index(&self) -> &Index {
        self.all.last().expect("there is always a default index")
    }

    /// The bundle of certificates that pip's files name, and which file did.
    #[must_use]
    pub fn certificates(&self) -> Option<(&Path, &str)> {
        self.cert.as_ref().map(|(path, origin)| (path.as_path(), origin.as_str()))
    }
}

impl Index {
    /// User name and password for this index, from its address, `UV_INDEX_<NAME>_*` or a netrc file.
    #[must_use]
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|found| (found.username.as_str(), found.password.as_str()))
    }

    /// The place that distributions for the index `name` are uploaded to, with the credentials for it.
    ///
    /// # Errors
    /// An address that cannot be read.
    pub fn to_upload(
        name: &str,
        url: &str,
        origin: String,
        around: &Surroundings,
    ) -> Result<Self, IndexError> {
        let url = IndexUrl::parse(url, &origin)?;
        let index = Self { name: name.to_owned(), url, origin, credentials: None };
        Ok(index.with_credentials(Some(around)))
    }

    fn with_credentials(mut self, around: Option<&Surroundings>) -> Self {
        self.credentials = auth::find(&self.name, &self.url, around);
        self
    }
}

fn push(all: &mut Vec<Index>, name: String, entry: &Entry, around: &Surroundings) -> Result<(), IndexError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(plain) {
        return Err(IndexError::Name { name, origin: entry.origin.clone() });
    }
    if let Some(first) = all.iter().find(|index: &&Index| index.name == name) {
        let (first, second) = (first.origin.clone(), entry.origin.clone());
        return Err(IndexError::Twice { name, first, second });
    }
    let url = IndexUrl::parse(&entry.url, &entry.origin)?;
    let index = Index { name, url, origin: entry.origin.clone(), credentials: None };
    all.push(index.with_credentials(Some(around)));
    Ok(())
}

fn declared_layer(declared: &[DeclaredIndex]) -> Layer {
    let mut layer = Layer::default();
    for index in declared {
        let origin = format!("`pants.toml` for the index `{}`", index.name);
        let entry = Entry { name: Some(index.name.clone()), url: index.url.clone(), origin };
        if index.name == DEFAULT && layer.default.is_none() {
            layer.default = Some(entry);
        } else {
            layer.extra.push(entry);
        }
    }
    layer
}

/// `UV_DEFAULT_INDEX` and `UV_INDEX` may have the form `name=address`.
fn uv_variables(around: &Surroundings) -> Layer {
    let named = |text: &str, variable: &str| {
        let origin = format!("`{variable}`");
        match text.split_once('=') {
            Some((name, url)) if !name.contains([':', '/']) => {
                Entry { name: Some(name.to_owned()), url: url.to_owned(), origin }
            }
            _ => Entry { name: None, url: text.to_owned(), origin },
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
    layer
}

fn pip_variables(around: &Surroundings) -> Layer {
    let entry = |url: &str, variable: &str| Entry {
        name: None,
        url: url.to_owned(),
        origin: format!("`{variable}`"),
    };
    let extra = around.var("PIP_EXTRA_INDEX_URL").unwrap_or_default();
    Layer {
        default: around.var("PIP_INDEX_URL").map(|url| entry(url, "PIP_INDEX_URL")),
        extra: extra.split_whitespace().map(|url| entry(url, "PIP_EXTRA_INDEX_URL")).collect(),
        cert: None,
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

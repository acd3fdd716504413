//! Which package indexes there are, in which order they are asked, and which of them a project is looked for on: what the
//! repository declares, and the machine's default. Reads no file itself.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::address::{IndexUrl, local_path};
use super::auth::{self, Login, Places, variable_part};
use super::error::IndexError;
use super::machine::Surroundings;
use super::netrc::Netrc;
use super::scope::Scope;
use super::settings::{Entry, Layer};

/// The name of the index that is asked when no other has a project.
pub const DEFAULT: &str = "default";

/// What the repository declares of indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declarations {
    /// Its indexes, in the order in which they are asked.
    pub indexes: Vec<DeclaredIndex>,
    /// A file of certificates that goes before all others, and what named it.
    pub ca_certs: Option<(PathBuf, String)>,
    /// Whether `keyring` is asked for passwords; none leaves it to the machine.
    pub keyring: Option<bool>,
}

/// An index that `pants.toml` names. The one named `default` replaces the machine's default.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DeclaredIndex {
    /// Its name, which locks are written with.
    pub name: String,
    /// Its address, which may hold credentials, or a path relative to the root; none where the machine's uv knows it
    /// by its name.
    pub url: Option<String>,
    /// The projects that are looked for on it and nowhere else; if there are none, it is for all.
    pub packages: Vec<String>,
    /// Whether it is a folder or a page with files of all projects.
    pub flat: bool,
}

impl std::fmt::Debug for DeclaredIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeclaredIndex({})", self.name)
    }
}

/// One index: a name that locks may show, and an address that nothing shows.
#[derive(Debug, Clone)]
pub struct Index {
    /// The name.
    pub name: String,
    /// The address.
    pub url: IndexUrl,
    /// What said so, for messages: `` `PIP_INDEX_URL` ``, `` `pants.toml` ``, a file.
    pub origin: String,
    /// The projects that are looked for on it and nowhere else; if it is empty, it is for all.
    pub scope: Scope,
    /// Whether it is a folder or a page with files of all projects.
    pub flat: bool,
    pub(super) login: Login,
}

impl Index {
    /// What stands for an index where a file is on none: it has this file alone. `name` is its address, as in a lock.
    pub(super) fn of_one_file(name: &str, url: &str) -> Result<Index, IndexError> {
        let origin = "a requirement".to_owned();
        let url = IndexUrl::parse(url, &origin)?;
        let (scope, login) = (Scope::default(), Login::default());
        Ok(Index { name: name.to_owned(), url, origin, scope, flat: false, login })
    }
}

/// The indexes in the order in which they are asked; the default one is last. There is always one.
#[derive(Debug, Clone)]
pub struct Indexes {
    all: Vec<Index>,
    pub(super) reach: Reach,
}

/// How indexes are reached, as far as files say it.
#[derive(Clone, Default)]
pub(crate) struct Reach {
    /// A bundle of certificates that goes before the environment's, and what named it.
    pub(crate) own_cert: Option<(PathBuf, String)>,
    /// One that goes behind.
    pub(crate) cert: Option<(PathBuf, String)>,
    pub(crate) proxy: Option<(String, String)>,
    /// For files that are on another host than their index.
    pub(super) netrc: Netrc,
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reach")
            .field("own_cert", &self.own_cert)
            .field("cert", &self.cert)
            .finish_non_exhaustive()
    }
}

impl Indexes {
    /// Finds the indexes: those that are declared; a default from the first of the declared ones, `UV_*`, `PIP_*`,
    /// uv's files, pip's files and `machine`. Further ones of the machine count only where none but a default is declared.
    /// `machine` (see [`machine_default`](super::machine_default)) is asked only if nothing else gives a default, so that it
    /// can be slow and memoised.
    ///
    /// # Errors
    /// Addresses and files that cannot be read, names given twice, and no default at all.
    pub fn find(
        declared: &Declarations,
        around: &Surroundings,
        machine: &dyn Fn() -> Option<String>,
    ) -> Result<Self, IndexError> {
        let layers = around.layers()?;
        let first = |layer: &dyn Fn(&Layer) -> Option<Entry>| layers.iter().find_map(layer);
        let (netrc, keyring) = (auth::netrc(around), asks_keyring(declared, &layers));
        let places = Places { around, netrc: &netrc, keyring };
        let mut all: Vec<Index> = Vec::new();
        let is_default = |index: &&DeclaredIndex| index.name == DEFAULT;
        for index in declared.indexes.iter().filter(|index| !is_default(index)) {
            let named = |layer: &Layer| {
                layer.extra.iter().find(|entry| entry.name.as_deref() == Some(&index.name)).cloned()
            };
            let entry = index.entry(around).or_else(|| first(&named));
            let entry = entry.ok_or_else(|| IndexError::NoAddress { name: index.name.clone() })?;
            let scope = Scope::parse(&index.packages, &index.name)?;
            push(&mut all, &entry, (index.name.clone(), scope, index.flat), &places)?;
        }
        if all.is_empty() {
            let extra = layers.iter().map(|layer| &layer.extra).find(|extra| !extra.is_empty());
            for (at, entry) in extra.into_iter().flatten().filter(|entry| !entry.explicit).enumerate() {
                let name = entry.name.clone().unwrap_or_else(|| format!("extra-{}", at + 1));
                push(&mut all, entry, (name, Scope::default(), false), &places)?;
            }
        }
        let own = declared.indexes.iter().find(is_default);
        let entry =
            own.and_then(|index| index.entry(around)).or_else(|| first(&|layer| layer.default.clone()));
        let entry = match entry {
            Some(entry) => entry,
            None => Entry {
                name: None,
                url: machine().ok_or(IndexError::NoDefault)?,
                explicit: false,
                origin: "the default of this machine's `pip` or `uv`".into(),
            },
        };
        push(
            &mut all,
            &entry,
            (DEFAULT.to_owned(), Scope::default(), own.is_some_and(|own| own.flat)),
            &places,
        )?;
        let cert = layers.iter().find_map(|layer| layer.cert.clone());
        let proxy = layers.iter().find_map(|layer| layer.proxy.clone());
        Ok(Self { all, reach: Reach { own_cert: declared.ca_certs.clone(), cert, proxy, netrc } })
    }

    /// One index under the name `default`: for tests and for other tools.
    ///
    /// # Errors
    /// An address that cannot be read.
    pub fn single(url: &str) -> Result<Self, IndexError> {
        let index =
            DeclaredIndex { name: DEFAULT.to_owned(), url: Some(url.to_owned()), ..DeclaredIndex::default() };
        let nowhere = PathBuf::from("/nonexistent");
        let around = Surroundings { env: [].into(), root: nowhere.clone(), system: nowhere };
        Self::find(&Declarations { indexes: vec![index], ..Declarations::default() }, &around, &|| None)
    }

    /// The indexes as one resolve sees them. `names`, where the configuration has them, are those that are asked for all
    /// projects, in their order, and go first where several claim a project; the default one, if it is among them, is last.
    ///
    /// # Errors
    /// A project that two indexes claim with the same right, and no index for what none claims.
    pub fn of_resolve(&self, resolve: &str, names: Option<&[String]>) -> Result<Self, IndexError> {
        let is_listed = |index: &Index| names.is_none_or(|names| names.contains(&index.name));
        let (mut all, claimants): (Vec<Index>, Vec<Index>) = self.all.iter().cloned().partition(is_listed);
        let place = |index: &Index| names.into_iter().flatten().position(|name| *name == index.name);
        all.sort_by_key(|index| (index.name == DEFAULT, place(index)));
        if all.iter().all(|index| !index.scope.is_empty()) {
            return Err(IndexError::NoneForAll { resolve: resolve.to_owned() });
        }
        let listed = all.len();
        all.extend(claimants.into_iter().filter(|index| !index.scope.is_empty()));
        for (at, index) in all.iter().enumerate() {
            let equals = if at < listed { &all[..at] } else { &all[listed..at] };
            let is_settled =
                |project: &str| at >= listed && all[..listed].iter().any(|one| one.scope.holds(project));
            let overlap = |other: &Index| {
                let project = index.scope.overlap(&other.scope).filter(|project| !is_settled(project))?;
                Some(IndexError::TwoScopes { project, indexes: [other.name.clone(), index.name.clone()] })
            };
            if let Some(error) = equals.iter().find_map(overlap) {
                return Err(error);
            }
        }
        Ok(Self { all, reach: self.reach.clone() })
    }

    /// The index of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Index> {
        self.all.iter().find(|index| index.name == name)
    }

    /// The indexes that claim a project, whose name is normalised: it is looked for on the first and nowhere else.
    pub fn claiming(&self, project: &str) -> impl Iterator<Item = &Index> {
        self.all.iter().filter(move |index| index.scope.holds(project))
    }

    /// The indexes in the order in which they are asked.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Index> {
        self.all.iter()
    }

    /// The index that is asked last of those that are for all projects; if there is none, the last.
    #[must_use]
    pub fn default_index(&self) -> &Index {
        let for_all = self.all.iter().rfind(|index| index.scope.is_empty());
        for_all.or(self.all.last()).expect("there is always an index")
    }
}

impl Index {
    /// User name and password for this index, from its address, `PANTS_INDEX_<NAME>_*`, `UV_INDEX_<NAME>_*`, a netrc
    /// file, or `keyring`, which is asked at the first call.
    #[must_use]
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.login.credentials()
    }

    /// The folder that it is, if it is one.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        local_path(self.url.without_credentials())
    }

    /// The place that distributions for the index `name` are uploaded to, with the credentials for it.
    ///
    /// # Errors
    /// An address that cannot be read.
    pub fn to_upload(
        name: &str,
        url: &str,
        origin: String,
        declarations: &Declarations,
        around: &Surroundings,
    ) -> Result<Self, IndexError> {
        let layers = around.layers()?;
        let (netrc, keyring) = (auth::netrc(around), asks_keyring(declarations, &layers));
        let places = Places { around, netrc: &netrc, keyring };
        let entry = Entry { name: None, url: url.to_owned(), explicit: false, origin };
        let mut all = Vec::new();
        push(&mut all, &entry, (name.to_owned(), Scope::default(), false), &places)?;
        let mut place = all.remove(0);
        place.login.name_token();
        Ok(place)
    }
}

impl DeclaredIndex {
    /// Its address, where it says one; a path starts at the root of the repository.
    fn entry(&self, around: &Surroundings) -> Option<Entry> {
        let url = self.url.as_deref()?.trim();
        let is_path = !url.contains("://") && !url.starts_with("file:");
        let url = if is_path { around.root.join(url).display().to_string() } else { url.to_owned() };
        let origin = format!("`pants.toml` for the index `{}`", self.name);
        Some(Entry { name: Some(self.name.clone()), url, explicit: false, origin })
    }
}

/// Whether `keyring` may be asked for passwords.
fn asks_keyring(declared: &Declarations, layers: &[Layer]) -> bool {
    declared.keyring.or_else(|| layers.iter().find_map(|layer| layer.keyring)).unwrap_or(false)
}

fn push(
    all: &mut Vec<Index>,
    entry: &Entry,
    (name, scope, flat): (String, Scope, bool),
    places: &Places<'_>,
) -> Result<(), IndexError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(plain) {
        return Err(IndexError::Name { name, origin: entry.origin.clone() });
    }
    // Names that differ in what no variable can spell would share credentials.
    if let Some(first) = all.iter().find(|index| variable_part(&index.name) == variable_part(&name)) {
        let (first, second) = (first.origin.clone(), entry.origin.clone());
        return Err(IndexError::Twice { name, first, second });
    }
    let url = IndexUrl::parse(&entry.url, &entry.origin)?;
    // The default one may have a name of its own in uv's configuration.
    let names: BTreeSet<&str> = [Some(name.as_str()), entry.name.as_deref()].into_iter().flatten().collect();
    let login = places.login(&names.into_iter().collect::<Vec<_>>(), &url);
    all.push(Index { name, url, origin: entry.origin.clone(), scope, flat, login });
    Ok(())
}

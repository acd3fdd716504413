//! The indexes of `[python-repos]`, typed: their tables, their order, and which of them each resolve uses. Asks none of them.

use graph::Place;
use packaging::index::{DEFAULT, DeclaredIndex, IndexUrl};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::Kind;
use super::read::{Reader, explain};
use super::sources::Settings;
use super::value::{Setting, Value};
use crate::diagnostic::{Diagnostic, Exit};

pub(super) const SECTION: &str = "python-repos";
pub(super) const OF_RESOLVES: &str = "python.resolves_to_indexes";

/// The name of the one that `find_links` names without a table.
const FIND_LINKS: &str = "find-links";

/// The keys of a table.
const KEYS: [&str; 3] = ["name", "url", "packages"];

/// What the configuration says of indexes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repos {
    /// The indexes, in the order in which they are asked: folders and pages of files first.
    pub(crate) indexes: Vec<DeclaredIndex>,
    /// A file of certificates, relative to the root.
    pub(crate) ca_certs: Option<String>,
    /// Whether `keyring` is asked for passwords.
    pub(crate) keyring: Option<bool>,
    /// The indexes that resolves use, by name.
    of_resolves: Vec<(String, Vec<String>)>,
}

impl Repos {
    /// Takes what the sections say. Fails with all names that nothing has.
    pub(super) fn take(settings: &mut Settings) -> Result<Repos, Vec<Diagnostic>> {
        let mut taken = |name: &str| settings.remove(&(SECTION.to_owned(), name.to_owned()));
        let (mut repos, mut wrong) = (Repos::default(), Vec::new());
        for key in ["find_links", "indexes"] {
            if let Some(Setting { value: Value::Indexes(found), .. }) = taken(key) {
                repos.indexes.extend(found);
            }
        }
        if let Some(Setting { value: Value::Text(path), .. }) = taken("ca_certs") {
            repos.ca_certs = Some(path);
        }
        if let Some(Setting { value: Value::Text(provider), place }) = taken("keyring_provider") {
            match provider.as_str() {
                "subprocess" => repos.keyring = Some(true),
                "disabled" => repos.keyring = Some(false),
                _ => {
                    let message =
                        format!("`keyring_provider` takes `subprocess` or `disabled`, not `{provider}`");
                    wrong.push(Diagnostic::error(Exit::Wrong, "config::choice", message).at(Some(place)));
                }
            }
        }
        let of_resolves = settings.iter().filter(|((section, _), _)| section == OF_RESOLVES);
        for ((_, resolve), Setting { value, place }) in of_resolves {
            let Value::Texts(names) = value else { continue };
            wrong.extend(names.iter().filter_map(|name| repos.unknown(name, place)));
            repos.of_resolves.push((resolve.clone(), names.clone()));
        }
        if wrong.is_empty() { Ok(repos) } else { Err(wrong) }
    }

    /// The names of the indexes that a resolve uses, if the configuration has them.
    pub(crate) fn of_resolve(&self, resolve: &str) -> Option<&[String]> {
        self.of_resolves.iter().find(|(name, _)| name == resolve).map(|(_, names)| names.as_slice())
    }

    fn unknown(&self, name: &str, place: &Place) -> Option<Diagnostic> {
        let names = || self.indexes.iter().map(|index| index.name.as_str()).chain([DEFAULT]);
        if names().any(|known| known == name) {
            return None;
        }
        let help = crate::explain::near_or_all(name, names(), "the indexes are");
        let error = Diagnostic::error(Exit::Wrong, "config::index", format!("there is no index `{name}`"));
        Some(error.at(Some(place.clone())).help(Some(help)))
    }
}

/// The only index, or folder of files, that a variable or an option gives.
pub(super) fn only(kind: Kind, url: String) -> Value {
    let flat = kind == Kind::FindLinks;
    let name = if flat { FIND_LINKS } else { DEFAULT };
    Value::Indexes(vec![DeclaredIndex {
        name: name.to_owned(),
        url: Some(url),
        flat,
        ..DeclaredIndex::default()
    }])
}

impl Reader<'_> {
    /// A list of addresses and tables. What is wrong with one of them is said, and it is left out.
    pub(super) fn indexes(&mut self, key: &str, items: &[Spanned<DeValue<'_>>]) -> Value {
        let mut found: Vec<DeclaredIndex> = Vec::new();
        for item in items {
            let index = match item.get_ref() {
                DeValue::String(url) => self.plain_index(key, url, item, &found),
                DeValue::Table(table) => self.index_table(key, table, item),
                _ => {
                    self.wrong_type(key, "addresses and tables", item);
                    None
                }
            };
            found.extend(index.map(|index| DeclaredIndex { flat: key == "find_links", ..index }));
        }
        Value::Indexes(found)
    }

    /// An address without a name: the default index, of which there is one.
    fn plain_index(
        &mut self,
        key: &str,
        url: &str,
        item: &Spanned<DeValue<'_>>,
        before: &[DeclaredIndex],
    ) -> Option<DeclaredIndex> {
        let name = if key == "find_links" { FIND_LINKS } else { DEFAULT };
        self.refuse_password(url, name, item);
        if before.iter().any(|index| index.name == name) {
            let message = format!("`{key}` has two addresses without a name");
            let help =
                "locks name the index that a file comes from: write `{ name = \"...\", url = \"...\" }`";
            let place = Some(self.place(item));
            let error = Diagnostic::error(Exit::Wrong, "config::index", message).at(place);
            self.layer.errors.push(error.help(Some(help)));
            return None;
        }
        self.check_address(key, url, item);
        Some(DeclaredIndex { name: name.to_owned(), url: Some(url.to_owned()), ..DeclaredIndex::default() })
    }

    /// Says what an address is read as that leads nowhere.
    fn check_address(&mut self, key: &str, url: &str, item: &Spanned<DeValue<'_>>) {
        if let Err(wrong) = self.reading.address(url) {
            let error = explain(key, "addresses and tables", &wrong).at(Some(self.place(item)));
            self.layer.errors.push(error);
        }
    }

    fn index_table(
        &mut self,
        list: &str,
        table: &DeTable<'_>,
        item: &Spanned<DeValue<'_>>,
    ) -> Option<DeclaredIndex> {
        let mut index = DeclaredIndex::default();
        let before = self.layer.errors.len();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("name", DeValue::String(name)) => index.name = name.to_string(),
                ("url", DeValue::String(url)) => index.url = Some(url.to_string()),
                ("packages", DeValue::Array(items)) => {
                    for item in items {
                        match item.get_ref() {
                            DeValue::String(text) => index.packages.push(text.to_string()),
                            _ => self.wrong_type("packages", "a list of strings", item),
                        }
                    }
                }
                ("packages", _) => self.wrong_type("packages", "a list of strings", value),
                (known, _) if KEYS.contains(&known) => self.wrong_type(known, "a string", value),
                (unknown, _) => self.unknown_of_index(unknown, key),
            }
        }
        if index.name.is_empty() && self.layer.errors.len() == before {
            let message = "an index in a table needs a `name`";
            let place = Some(self.place(item));
            let help = "locks name the index that a file comes from; `default` is the one that is asked last";
            self.layer
                .errors
                .push(Diagnostic::error(Exit::Wrong, "config::index", message).at(place).help(Some(help)));
        }
        if index.name == DEFAULT && !index.packages.is_empty() {
            let message =
                "the index `default` cannot have `packages`: it is asked for what no other index has";
            let place = Some(self.place(item));
            self.layer.errors.push(Diagnostic::error(Exit::Wrong, "config::index", message).at(place));
        }
        if let Some(url) = &index.url {
            self.refuse_password(url, &index.name, item);
            if self.layer.errors.len() == before {
                self.check_address(list, url, item);
            }
        }
        (self.layer.errors.len() == before).then_some(index)
    }

    fn unknown_of_index<T>(&mut self, name: &str, at: &Spanned<T>) {
        let help = match name {
            "default" => "the index that is named `default` is asked last".to_owned(),
            "explicit" => "an index with `packages` serves these and no others".to_owned(),
            "format" => "folders and pages of files are in `find_links`".to_owned(),
            _ => crate::explain::near_or_all(name, KEYS.into_iter(), "the keys are"),
        };
        let place = Some(self.place(at));
        let message = format!("an index has no key `{name}`");
        self.layer
            .errors
            .push(Diagnostic::error(Exit::Wrong, "config::unknown", message).at(place).help(Some(help)));
    }

    /// The file is for all who work on the repository, a password is not.
    fn refuse_password(&mut self, url: &str, name: &str, item: &Spanned<DeValue<'_>>) {
        if !IndexUrl::parse(url, name).is_ok_and(|url| url.has_password()) {
            return;
        }
        let part = name.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let message = format!("the address of the index `{name}` holds a password");
        let help = format!(
            "take it out of the file, and set `PANTS_INDEX_{part}_USERNAME` and `PANTS_INDEX_{part}_PASSWORD`, or give \
             the host an entry in `~/.netrc`"
        );
        let place = Some(self.place(item));
        self.layer
            .errors
            .push(Diagnostic::error(Exit::Wrong, "config::password", message).at(place).help(Some(help)));
    }
}

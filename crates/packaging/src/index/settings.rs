//! Reads what uv's and pip's configuration files say of indexes; knows nothing of what wins over what.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::IndexError;

/// What one place says: a default index, further ones, and how they are reached.
#[derive(Default, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) default: Option<Entry>,
    pub(super) extra: Vec<Entry>,
    pub(super) cert: Option<(PathBuf, String)>,
    /// A proxy for all that goes over the network, and what named it.
    pub(super) proxy: Option<(String, String)>,
    /// Whether `keyring` is asked for passwords.
    pub(super) keyring: Option<bool>,
}

/// An index as a layer names it; `origin` says where, for messages.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Option<String>,
    pub(super) url: String,
    /// Whether it serves only what is pinned to it by name.
    pub(super) explicit: bool,
    pub(super) origin: String,
}

impl Layer {
    /// Takes from `later` what it says, as pip lets one file override another key by key.
    pub(super) fn override_by(&mut self, later: Self) {
        self.default = later.default.or(self.default.take());
        self.cert = later.cert.or(self.cert.take());
        self.proxy = later.proxy.or(self.proxy.take());
        self.keyring = later.keyring.or(self.keyring);
        if !later.extra.is_empty() {
            self.extra = later.extra;
        }
    }
}

/// Whether a provider of pip or uv is the command `keyring`.
pub(super) fn asks_keyring(provider: &str) -> bool {
    provider == "subprocess"
}

/// The text of a configuration file, or nothing where there is none.
fn read(path: &Path) -> Result<Option<String>, IndexError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(IndexError::Unreadable { path: path.to_owned(), source }),
    }
}

/// Reads `uv.toml`, or the table `tool.uv` of a `pyproject.toml`.
///
/// # Errors
/// A file that exists and cannot be read or parsed.
pub(super) fn uv_file(path: &Path) -> Result<Layer, IndexError> {
    let Some(text) = read(path)? else { return Ok(Layer::default()) };
    let mut table: toml::Table = toml::from_str(&text)
        .map_err(|error| IndexError::Syntax { path: path.to_owned(), reason: error.message().to_owned() })?;
    if path.file_name().is_some_and(|name| name == "pyproject.toml") {
        let tool = table.remove("tool").and_then(|tool| tool.get("uv").cloned());
        table = match tool {
            Some(toml::Value::Table(uv)) => uv,
            _ => return Ok(Layer::default()),
        };
    }
    Ok(uv_table(&table, &format!("`{}`", path.display())))
}

fn uv_table(table: &toml::Table, origin: &str) -> Layer {
    let mut layer = Layer::default();
    let entry = |name: Option<&str>, url: &str| Entry {
        name: name.map(str::to_owned),
        url: url.to_owned(),
        explicit: false,
        origin: origin.to_owned(),
    };
    let text = |table: &toml::Table, key: &str| table.get(key).and_then(|v| v.as_str()).map(str::to_owned);
    let flag = |table: &toml::Table, key: &str| table.get(key).and_then(toml::Value::as_bool) == Some(true);
    for index in table.get("index").and_then(|v| v.as_array()).into_iter().flatten() {
        let Some(index) = index.as_table() else { continue };
        let is_flat = text(index, "format").as_deref() == Some("flat");
        let Some(url) = text(index, "url").filter(|_| !is_flat) else { continue };
        let explicit = flag(index, "explicit");
        let made = Entry { explicit, ..entry(text(index, "name").as_deref(), &url) };
        if flag(index, "default") {
            layer.default.get_or_insert(made);
        } else {
            layer.extra.push(made);
        }
    }
    if let Some(url) = text(table, "index-url") {
        layer.default.get_or_insert(entry(None, &url));
    }
    layer.keyring = text(table, "keyring-provider").map(|provider| asks_keyring(&provider));
    for url in table.get("extra-index-url").and_then(|v| v.as_array()).into_iter().flatten() {
        layer.extra.extend(url.as_str().map(|url| entry(None, url)));
    }
    layer
}

/// Reads a `pip.conf`: its sections `global` and `install`, the latter winning, as `pip install` reads it.
///
/// # Errors
/// A file that exists and cannot be read.
pub(super) fn pip_file(path: &Path) -> Result<Layer, IndexError> {
    let Some(text) = read(path)? else { return Ok(Layer::default()) };
    let origin = format!("`{}`", path.display());
    let mut layer = Layer::default();
    let settings = ini(&text);
    for section in ["global", "install"] {
        let mut part = Layer::default();
        for (_, key, value) in settings.iter().filter(|(found, _, _)| found == section) {
            let entry = |url: &str| Entry {
                name: None,
                url: url.to_owned(),
                explicit: false,
                origin: origin.clone(),
            };
            match key.as_str() {
                "index-url" => part.default = Some(entry(value.trim())),
                "extra-index-url" => part.extra = value.split_whitespace().map(entry).collect(),
                "proxy" => part.proxy = Some((value.trim().to_owned(), origin.clone())),
                "keyring-provider" => part.keyring = Some(asks_keyring(value.trim())),
                "cert" => part.cert = Some((PathBuf::from(value.trim()), origin.clone())),
                _ => {}
            }
        }
        layer.override_by(part);
    }
    Ok(layer)
}

/// The (section, key, value) of a file in the form that Python's `configparser` reads; keys in lower case
/// with `-` for `_`, values with their continuation lines.
fn ini(text: &str) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut found: Vec<(String, String, String)> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if open && line.starts_with([' ', '\t']) {
            if let Some((_, _, value)) = found.last_mut() {
                value.push('\n');
                value.push_str(trimmed);
            }
            continue;
        }
        open = false;
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = trimmed.split_once(['=', ':']) {
            let key = key.trim().to_lowercase().replace('_', "-");
            found.push((section.clone(), key, value.trim().to_owned()));
            open = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_ini(text: &str, expected: &[(&str, &str, &str)]) {
        let found = ini(text);
        let found: Vec<_> = found.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn ini_is_read_as_configparser_reads_it() {
        check_ini("[global]\nindex-url = https://a/simple\n", &[("global", "index-url", "https://a/simple")]);
        check_ini("[global]\r\nIndex_URL: https://a:8/s\r\n", &[("global", "index-url", "https://a:8/s")]);
        check_ini(
            "# c\n[global]\nextra-index-url =\n  https://a\n  https://b\n; c\ncert=/x\n[install]\ncert = /y",
            &[
                ("global", "extra-index-url", "\nhttps://a\nhttps://b"),
                ("global", "cert", "/x"),
                ("install", "cert", "/y"),
            ],
        );
        check_ini("no section\n[broken\n=\n", &[("broken", "", "")]);
    }

    #[test]
    fn uv_tables_are_read() {
        let table: toml::Table = toml::from_str(
            "index-url = 'https://late/simple'\nextra-index-url = ['https://x/simple']\n\
             [[index]]\nname = 'corp'\nurl = 'https://corp/simple'\n\
             [[index]]\nname = 'torch'\nurl = 'https://torch/simple'\nexplicit = true\n\
             [[index]]\nname = 'main'\nurl = 'https://main/simple'\ndefault = true\n",
        )
        .unwrap();
        let layer = uv_table(&table, "`uv.toml`");
        assert_eq!(layer.default.unwrap().name.as_deref(), Some("main"));
        let extra: Vec<_> =
            layer.extra.iter().map(|e| (e.name.as_deref(), e.url.as_str(), e.explicit)).collect();
        let torch = (Some("torch"), "https://torch/simple", true);
        assert_eq!(
            extra,
            [(Some("corp"), "https://corp/simple", false), torch, (None, "https://x/simple", false)]
        );
    }
}

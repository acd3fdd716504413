//! What a source distribution says of how it is built (PEP 517, PEP 518); builds nothing.

use std::str::FromStr;

use super::sort_requirements;
use crate::name::parse_name;
use crate::requirement::{Requirement, Source};

/// How a source distribution is built: what its `pyproject.toml` says, or what it means to say nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSystem {
    /// What has to be there, sorted by text: the requirements of one of [`Lock::builds`](super::Lock::builds).
    pub requires: Vec<Requirement>,
    /// The object whose hooks build it: `package.module`, or `package.module:attribute`.
    pub backend: Backend,
    /// Folders of the source distribution that the backend is in.
    pub backend_path: Vec<BackendPath>,
}

/// The name of an object that has the hooks of PEP 517.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend(String);

/// A folder of a source distribution, relative to its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendPath(String);

/// The backend of what names none: `setup.py` is run as it always was.
const LEGACY: &str = "setuptools.build_meta:__legacy__";
/// What setuptools needs beside itself, and says only when it is asked, in versions before 70.1.
const WHEEL: &str = "wheel";

impl BuildSystem {
    /// Reads the text of a `pyproject.toml`; none where the source distribution has no such file.
    ///
    /// # Errors
    /// Says what of it cannot be read.
    pub fn of(pyproject: Option<&str>) -> Result<Self, String> {
        let said: Said = match pyproject {
            None => Said::default(),
            Some(text) => toml::from_str(text).map_err(|error| error.message().to_owned())?,
        };
        let table = said.build_system.unwrap_or_default();
        let backend = table.build_backend.unwrap_or_else(|| LEGACY.to_owned());
        let mut requires = Vec::new();
        for text in table.requires.unwrap_or_else(|| vec!["setuptools>=40.8.0".to_owned()]) {
            let requirement: Requirement = text.parse().map_err(|_| format!("`{text}` is no requirement"))?;
            if !matches!(requirement.source, Source::Index(_)) {
                return Err(format!("`{text}` comes from no index"));
            }
            requires.push(requirement);
        }
        if backend.starts_with("setuptools.") && !requires.iter().any(|one| one.name.as_ref() == WHEEL) {
            requires.push(WHEEL.parse().map_err(|_| format!("`{WHEEL}` is no requirement"))?);
        }
        sort_requirements(&mut requires);
        Ok(Self {
            requires,
            backend: backend.parse()?,
            backend_path: table.backend_path.iter().map(|path| path.parse()).collect::<Result<_, _>>()?,
        })
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let dotted = |path: &str| path.split('.').all(|part| parse_name(part).is_ok() || is_identifier(part));
        let (module, attribute) = text.split_once(':').unwrap_or((text, "hooks"));
        if dotted(module) && dotted(attribute) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("expected `module` or `module:object`, found `{}`", text.escape_debug()))
        }
    }
}

impl FromStr for BackendPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = !text.is_empty()
            && !text.starts_with('/')
            && !text.chars().any(|c| c.is_control() || matches!(c, '\\' | ':'))
            && text.split('/').all(|part| part != "..");
        if plain {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("expected a folder of the source distribution, found `{}`", text.escape_debug()))
        }
    }
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for BackendPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The part of a `pyproject.toml` that is looked at.
#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct Said {
    build_system: Option<Table>,
}

#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct Table {
    requires: Option<Vec<String>>,
    build_backend: Option<String>,
    #[serde(default)]
    backend_path: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: Option<&str>, expect: Result<(&[&str], &str, &[&str]), &str>) {
        let found = BuildSystem::of(text).map(|found| {
            let requires: Vec<String> = found.requires.iter().map(ToString::to_string).collect();
            let path: Vec<String> = found.backend_path.iter().map(ToString::to_string).collect();
            (requires, found.backend.to_string(), path)
        });
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expect =
            expect.map(|(requires, backend, path)| (owned(requires), backend.to_owned(), owned(path)));
        assert_eq!(found, expect.map_err(ToOwned::to_owned), "{text:?}");
    }

    #[test]
    fn a_build_system_is_what_is_said_or_what_silence_means() {
        let legacy = Ok((&["setuptools>=40.8.0", "wheel"] as &[&str], LEGACY, &[] as &[&str]));
        check(None, legacy);
        check(Some(""), legacy);
        check(Some("[tool.black]\nline-length = 9"), legacy);
        check(
            Some("[build-system]\nrequires = ['setuptools', 'cython']"),
            Ok((&["cython", "setuptools", "wheel"], LEGACY, &[])),
        );
        let flit = "[build-system]\nrequires = ['flit_core>=2,<4']\nbuild-backend = 'flit_core.buildapi'";
        check(Some(flit), Ok((&["flit_core>=2,<4"], "flit_core.buildapi", &[])));
        let own =
            "[build-system]\nrequires = []\nbuild-backend = 'own:make.it'\nbackend-path = ['.', 'tools']";
        check(Some(own), Ok((&[], "own:make.it", &[".", "tools"])));
    }

    #[test]
    fn what_cannot_be_built_safely_is_refused() {
        let refused =
            |table: &str, expect: &str| check(Some(&format!("[build-system]\n{table}")), Err(expect));
        refused("requires = ['a b']", "`a b` is no requirement");
        refused(
            "requires = ['a @ https://example.com/a.zip']",
            "`a @ https://example.com/a.zip` comes from no index",
        );
        refused("build-backend = 'x; y'", "expected `module` or `module:object`, found `x; y`");
        refused("backend-path = ['../x']", "expected a folder of the source distribution, found `../x`");
        refused("backend-path = ['/x']", "expected a folder of the source distribution, found `/x`");
    }
}

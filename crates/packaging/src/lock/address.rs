//! Where a file is that is on no index: an address, or a path in the repository. Opens neither.
//!
//! Locks and actions have one in the place of the name of an index, which has no `/`.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use url::Url;

/// Where one file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An `https` or `http` URL without credentials and fragment.
    Url(String),
    /// A path from the root of the repository, without `.` and `..`; where there is no repository, an absolute one.
    Path(String),
}

/// What is no address of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A path that leaves the repository, or a `file` URL.
    #[error("`{text}` is not in the repository")]
    Outside {
        /// What was given.
        text: String,
    },
    /// A folder.
    #[error("`{text}` is a folder, expected a wheel or a source distribution")]
    Folder {
        /// What was given.
        text: String,
    },
    /// An address of a version control system.
    #[error("`{text}` is the address of a repository, expected that of a wheel or a source distribution")]
    Repository {
        /// What was given.
        text: String,
    },
    /// An address of another kind.
    #[error("`{text}` is no address of a file, expected a path, `https://` or `http://`")]
    Scheme {
        /// What was given.
        text: String,
    },
    /// User name or password in it. The text is not given, since it is a secret.
    #[error("the address of a requirement has a user name or password in it")]
    Secret,
}

impl AddressError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Outside { .. } => "put the file into the repository, or name its folder in `find_links`",
            Self::Folder { .. } => "give its sources a `python_library`, and depend on that",
            Self::Repository { .. } => {
                "servers of repositories have an archive of each commit, such as \
                 `https://github.com/OWNER/NAME/archive/COMMIT.tar.gz`: give its address"
            }
            Self::Scheme { .. } => "put the file on a server, or into the repository",
            Self::Secret => "leave it out, and put it into a netrc file",
        }
    }
}

impl Address {
    /// Reads what a requirement names behind `@`: an address, or a path below the root of the repository, relative to it or
    /// absolute; without a repository, any absolute path.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn of_requirement(text: &str, root: Option<&Path>) -> Result<Self, AddressError> {
        if !text.contains("://") {
            return Self::of_path(Path::new(text), root, text);
        }
        let scheme = || AddressError::Scheme { text: text.to_owned() };
        let mut url = Url::parse(text).map_err(|_| scheme())?;
        url.set_fragment(None);
        match url.scheme() {
            "file" => Self::of_path(&url.to_file_path().map_err(|()| scheme())?, root, text),
            "http" | "https" if !url.username().is_empty() || url.password().is_some() => {
                Err(AddressError::Secret)
            }
            "http" | "https" if url.path().ends_with(".git") => {
                Err(AddressError::Repository { text: text.to_owned() })
            }
            "http" | "https" => Ok(Self::Url(url.to_string())),
            other if other.contains('+') || other == "git" => {
                Err(AddressError::Repository { text: text.to_owned() })
            }
            _ => Err(scheme()),
        }
    }

    /// Reads what a lock in `folder` of the repository names: an address, or a path relative to that folder.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub(crate) fn in_folder(text: &str, folder: &str) -> Result<Self, AddressError> {
        if text.contains("://") {
            return Self::of_requirement(text, None);
        }
        Self::of_path(&Path::new(folder).join(text), Some(Path::new("")), text)
    }

    fn of_path(path: &Path, root: Option<&Path>, text: &str) -> Result<Self, AddressError> {
        let outside = || AddressError::Outside { text: text.to_owned() };
        let below = match root {
            None if path.is_absolute() => {
                return path.to_str().map(|path| Self::Path(path.to_owned())).ok_or_else(outside);
            }
            Some(root) if path.is_absolute() => path.strip_prefix(root).map_err(|_| outside())?,
            _ => path,
        };
        let mut clean = PathBuf::new();
        for part in below.components() {
            match part {
                Component::Normal(name) => clean.push(name),
                Component::CurDir => {}
                Component::ParentDir if clean.pop() => {}
                _ => return Err(outside()),
            }
        }
        clean
            .to_str()
            .filter(|path| !path.is_empty())
            .map(|path| Self::Path(path.to_owned()))
            .ok_or_else(outside)
    }

    /// Reads what stands in the place of the name of an index; none where that is such a name.
    #[must_use]
    pub fn in_place_of_index(text: &str) -> Option<Self> {
        match text.strip_prefix("./") {
            Some(path) => Some(Self::Path(path.to_owned())),
            None => text.contains("://").then(|| Self::Url(text.to_owned())),
        }
    }

    /// The name of the file.
    #[must_use]
    pub fn file_name(&self) -> Option<String> {
        match self {
            Self::Path(path) => path.rsplit('/').next().map(str::to_owned),
            Self::Url(url) => {
                let end = url.split(['?', '#']).next()?.rsplit('/').next()?;
                let name = percent_encoding::percent_decode_str(end).decode_utf8().ok()?.into_owned();
                (!name.is_empty()).then_some(name)
            }
        }
    }
}

/// As it stands in the place of the name of an index.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::Path(path) => write!(f, "./{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let found = match Address::of_requirement(text, Some(Path::new("/r"))) {
            Ok(address) => {
                let shown = address.to_string();
                assert_eq!(Address::in_place_of_index(&shown), Some(address));
                shown
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn addresses_of_requirements() {
        check("./libs/a.whl", "./libs/a.whl");
        check("libs/../a b.tar.gz", "./a b.tar.gz");
        check("/r/libs/a.whl", "./libs/a.whl");
        check("file:///r/libs/a%20b.whl", "./libs/a b.whl");
        check("../a.whl", "`../a.whl` is not in the repository");
        check("/other/a.whl", "`/other/a.whl` is not in the repository");
        check("file:///other/a.whl", "`file:///other/a.whl` is not in the repository");
        check("https://h.example/a.whl#sha256=0", "https://h.example/a.whl");
        let repository = "is the address of a repository, expected that of a wheel or a source distribution";
        check("git+https://h.example/a", &format!("`git+https://h.example/a` {repository}"));
        check("https://h.example/a.git", &format!("`https://h.example/a.git` {repository}"));
        check(
            "https://u:p@h.example/a.whl",
            "the address of a requirement has a user name or password in it",
        );
        check(
            "ftp://h.example/a",
            "`ftp://h.example/a` is no address of a file, expected a path, `https://` or `http://`",
        );
        assert_eq!(Address::in_place_of_index("corp-1.x"), None);
        let absolute = Address::of_requirement("file:///other/a.whl", None).unwrap();
        assert_eq!(
            Address::in_place_of_index(&absolute.to_string()),
            Some(Address::Path("/other/a.whl".to_owned()))
        );
    }

    #[test]
    fn names_of_files() {
        let name = |text| Address::in_place_of_index(text).unwrap().file_name();
        assert_eq!(name("https://h.example/x/a%2Bb-1.whl?x=/y").as_deref(), Some("a+b-1.whl"));
        assert_eq!(name("./libs/a.whl").as_deref(), Some("a.whl"));
    }
}

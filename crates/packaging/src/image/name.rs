//! The names of images: where one is, in a registry or in a layout on the disk, and which one by its digest.

use std::fmt;

use super::Sha256;
use super::document::{digest_of, sha256};

/// The registry that a name without a host means.
const HUB: &str = "docker.io";
/// Other hosts by which the same registry is known.
const HUB_TOO: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
/// How the name of a base begins that lies in the repository as a layout.
const LAYOUT: &str = "oci:";
/// How the name of a registry begins that is spoken to without encryption.
const PLAIN: &str = "http://";
/// No name of a repository is longer.
const LONGEST: usize = 255;

/// The name of a base image.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BaseName {
    /// Where it is.
    pub origin: Origin,
    /// Its tag, which is only said; the digest decides.
    pub tag: Option<String>,
    /// The digest of its manifest, or of the index of those for several platforms.
    pub sha256: Sha256,
}

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// In a registry.
    Registry(Repository),
    /// In an OCI layout, a folder or an archive, by its path relative to the root of the repository.
    Layout(String),
}

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    /// The host, with its port where it has one.
    pub host: String,
    /// The path there, such as `library/python`.
    pub path: String,
    /// Whether it is spoken to without encryption.
    pub is_plain: bool,
}

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It has no digest.
    #[error("it has no digest")]
    NoDigest,
    /// The digest is none.
    #[error("its digest is not `sha256:` and 64 digits of hexadecimal")]
    Digest,
    /// The tag is none.
    #[error("its tag may have letters, digits, `_`, `.` and `-`, and not begin with the last two")]
    Tag,
    /// The repository is none.
    #[error("its repository has parts of lower-case letters, digits and single `.`, `_` or `-` between them")]
    Repository,
    /// The registry is none.
    #[error(
        "a registry is a host of letters, digits, `.` and `-`, perhaps with a port, and perhaps with a path behind it"
    )]
    Host,
    /// The path of a layout leads nowhere in the repository.
    #[error("its path is not one relative to the root of the repository")]
    Path,
}

impl BaseName {
    /// Reads `python:3.11-slim@sha256:…`, `registry.example.com/base@sha256:…` or `oci:images/base@sha256:…`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<BaseName, NameError> {
        let (name, digest) = text.rsplit_once('@').ok_or(NameError::NoDigest)?;
        let sha256 = sha256(digest).ok_or(NameError::Digest)?;
        let (origin, tag) = match name.strip_prefix(LAYOUT) {
            Some(layout) => {
                let (path, tag) = tagged(layout)?;
                let wrong = |part: &str| matches!(part, "" | "." | "..");
                if path.split('/').any(wrong) {
                    return Err(NameError::Path);
                }
                (Origin::Layout(path.to_owned()), tag)
            }
            None => {
                let (repository, tag) = tagged(name)?;
                (Origin::Registry(Repository::parse(repository)?), tag)
            }
        };
        Ok(BaseName { origin, tag, sha256 })
    }

    /// The name without the digest.
    #[must_use]
    pub fn name(&self) -> String {
        let name = match &self.origin {
            Origin::Registry(repository) => repository.to_string(),
            Origin::Layout(path) => format!("{LAYOUT}{path}"),
        };
        match &self.tag {
            Some(tag) => format!("{name}:{tag}"),
            None => name,
        }
    }

    /// The digest as OCI writes it.
    #[must_use]
    pub fn digest(&self) -> String {
        digest_of(&self.sha256)
    }
}

impl fmt::Display for BaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name(), self.digest())
    }
}

/// A name, and the tag behind its last part.
fn tagged(name: &str) -> Result<(&str, Option<String>), NameError> {
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => {
            if is_tag(tag) {
                Ok((name, Some(tag.to_owned())))
            } else {
                Err(NameError::Tag)
            }
        }
        _ => Ok((name, None)),
    }
}

/// Whether a text can be a tag.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.len() <= 128
        && text.starts_with(word)
        && text.chars().all(|letter| word(letter) || matches!(letter, '.' | '-'))
}

impl Repository {
    /// Reads `acme/orders`, `registry.example.com/acme/orders` or `http://localhost:5000/orders`. A first part with a `.` or a
    /// `:`, and `localhost`, is a host.
    ///
    /// # Errors
    /// [`NameError::Repository`], [`NameError::Host`].
    pub fn parse(text: &str) -> Result<Repository, NameError> {
        let (text, said_plain) = unschemed(text);
        let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
        match text.split_once('/') {
            Some((host, path)) if said_plain || is_host(host) => Repository::of(host, path, said_plain),
            _ => Repository::of(HUB, text, said_plain),
        }
    }

    /// The repository `name` of a registry, which is a host, with a path behind it where there is one: `registry`,
    /// `registry.example.com/team`, `http://registry:5000`.
    ///
    /// # Errors
    /// [`NameError::Host`] where the registry is none, [`NameError::Repository`] where the name is none.
    pub fn at(registry: &str, name: &str) -> Result<Repository, NameError> {
        let (registry, said_plain) = unschemed(registry);
        let (host, above) = registry.trim_end_matches('/').split_once('/').unwrap_or((registry, ""));
        if !above.is_empty() && !is_path(above) {
            return Err(NameError::Host);
        }
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
        Repository::of(host.trim_end_matches('/'), &path, said_plain)
    }

    fn of(host: &str, path: &str, said_plain: bool) -> Result<Repository, NameError> {
        let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
        let is_port =
            |port: &str| port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit());
        if name.is_empty() || !name.chars().all(fits) || !port.is_none_or(is_port) {
            return Err(NameError::Host);
        }
        if path.len() > LONGEST || !is_path(path) {
            return Err(NameError::Repository);
        }
        let host = host.to_ascii_lowercase();
        let host = if HUB_TOO.contains(&host.as_str()) { HUB.to_owned() } else { host };
        let official = host == HUB && !path.contains('/');
        let path = if official { format!("library/{path}") } else { path.to_owned() };
        let is_plain = said_plain || matches!(name, "localhost" | "127.0.0.1");
        Ok(Repository { host, path, is_plain })
    }

    /// Whether it is of the registry that names without a host mean.
    pub(crate) fn is_of_hub(&self) -> bool {
        self.host == HUB
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

/// What is behind `http://`, and whether that was there.
fn unschemed(text: &str) -> (&str, bool) {
    text.strip_prefix(PLAIN).map_or((text, false), |rest| (rest, true))
}

fn is_path(path: &str) -> bool {
    path.split('/').all(is_part)
}

fn is_part(part: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let separated = part.split(is_plain).filter(|between| !between.is_empty());
    let mut between =
        separated.map(|text| matches!(text, "." | "_" | "__") || text.bytes().all(|byte| byte == b'-'));
    part.starts_with(is_plain) && part.ends_with(is_plain) && between.all(|fits| fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, NameError>) {
        let digest = digest_of(&[0x5a; 32]);
        let found = BaseName::parse(&text.replace('#', &digest)).map(|name| name.name());
        assert_eq!(found.as_deref().map_err(|error| *error), expect, "{text}");
    }

    #[test]
    fn names_of_bases_are_read() {
        check("python@#", Ok("docker.io/library/python"));
        check("python:3.11-slim@#", Ok("docker.io/library/python:3.11-slim"));
        check("acme/base@#", Ok("docker.io/acme/base"));
        check("registry.example.com/a/b_c:1@#", Ok("registry.example.com/a/b_c:1"));
        check("localhost:5000/base@#", Ok("localhost:5000/base"));
        check("oci:images/base@#", Ok("oci:images/base"));
        check("oci:base:stable@#", Ok("oci:base:stable"));
        check("python:3.11", Err(NameError::NoDigest));
        check("python@sha256:12", Err(NameError::Digest));
        check("python:@#", Err(NameError::Tag));
        check("Python@#", Err(NameError::Repository));
        check("a//b@#", Err(NameError::Repository));
        check("acme/a..b@#", Err(NameError::Repository));
        check("@#", Err(NameError::Repository));
        check("oci:../base@#", Err(NameError::Path));
        check("oci:/base@#", Err(NameError::Path));
    }

    #[test]
    fn loopback_and_what_says_so_is_plain() {
        let is_plain = |text: &str| Repository::parse(text).map(|found| found.is_plain);
        assert_eq!(is_plain("localhost/a"), Ok(true));
        assert_eq!(is_plain("127.0.0.1:5000/a"), Ok(true));
        assert_eq!(is_plain("http://registry:5000/a"), Ok(true));
        assert_eq!(is_plain("registry:5000/a"), Ok(false));
        assert_eq!(is_plain("https://registry/a"), Err(NameError::Host));
    }

    #[test]
    fn the_first_part_of_a_registry_is_always_a_host() {
        let check = |registry: &str, name: &str, expect: Result<&str, NameError>| {
            let found = Repository::at(registry, name).map(|found| found.to_string());
            assert_eq!(found.as_deref().map_err(|error| *error), expect, "{registry} {name}");
        };
        check("registry", "acme/orders", Ok("registry/acme/orders"));
        check("registry/", "orders", Ok("registry/orders"));
        check("registry.example.com/team", "orders", Ok("registry.example.com/team/orders"));
        check("http://registry:5000", "orders", Ok("registry:5000/orders"));
        check("Registry.example.com:5000", "a.b/c", Ok("registry.example.com:5000/a.b/c"));
        check("docker.io/acme", "orders", Ok("docker.io/acme/orders"));
        check("index.docker.io", "orders", Ok("docker.io/library/orders"));
        check("https://registry.example.com", "orders", Err(NameError::Host));
        check("registry:port", "orders", Err(NameError::Host));
        check("registry/Team", "orders", Err(NameError::Host));
        check("registry//team", "orders", Err(NameError::Host));
        check("", "orders", Err(NameError::Host));
        check("/team", "orders", Err(NameError::Host));
        check("registry", "Orders", Err(NameError::Repository));
        check("registry", "", Err(NameError::Repository));
        assert_eq!(Repository::at("http://registry", "a").map(|found| found.is_plain), Ok(true));
        assert_eq!(Repository::at("registry", "a").map(|found| found.is_plain), Ok(false));
    }
}

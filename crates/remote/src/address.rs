//! Where a cache is: a server, an HTTP cache, a bucket or a folder. Connects to nothing.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A server of the Remote Execution API: `grpc://host:port` or `grpcs://host:port`.
    Server {
        /// Whether the connection is encrypted.
        tls: bool,
        /// The name or number of the host.
        host: String,
        /// The port: 443 where none is said and the connection is encrypted, else 80.
        port: u16,
    },
    /// An HTTP cache as Bazel has them: `http://host/path` or `https://host/path`, without a slash at the end.
    Http(String),
    /// A bucket of an object store: `s3://bucket/prefix`.
    Bucket {
        /// The name of the bucket.
        bucket: String,
        /// What all names begin with: empty, or with a slash at the end.
        prefix: String,
    },
    /// A folder: `file:///folder`, or a path that begins with `/`, `./`, `../` or `~/`.
    Folder(PathBuf),
}

/// A text that is no address of a cache.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `grpcs://host:port`, `https://host/path`, `s3://bucket/prefix` or the path of a folder, found `{found}`"
)]
pub struct AddressError {
    /// The text as it was given.
    pub found: String,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let bad = || AddressError { found: text.to_owned() };
        if ["/", "./", "../", "~/"].iter().any(|start| text.starts_with(start)) {
            return Ok(Address::Folder(text.into()));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
        let found = match scheme {
            "grpc" | "grpcs" => server(scheme == "grpcs", rest),
            "http" | "https" => http(rest).map(|rest| Address::Http(format!("{scheme}://{rest}"))),
            "s3" => bucket(rest),
            "file" => rest.starts_with('/').then(|| Address::Folder(rest.into())),
            _ => None,
        };
        found.ok_or_else(bad)
    }
}

fn server(tls: bool, rest: &str) -> Option<Address> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let bracketed = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, port)) => (format!("[{host}]"), port.strip_prefix(':')),
        None => match rest.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (rest.to_owned(), None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None if tls => 443,
        None => 80,
    };
    is_host(&host).then_some(Address::Server { tls, host, port })
}

/// A host and a path, in which there is neither a name nor a password nor a query.
fn http(rest: &str) -> Option<&str> {
    let rest = rest.trim_end_matches('/');
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (is_host(host) && is_plain(path)).then_some(rest)
}

fn bucket(rest: &str) -> Option<Address> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.trim_matches('/');
    let named = !bucket.is_empty() && bucket.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    let prefix_with_slash = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let address = Address::Bucket { bucket: bucket.to_owned(), prefix: prefix_with_slash };
    (named && is_plain(prefix)).then_some(address)
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c))
}

/// Whether a path can stand in an address as it is.
fn is_plain(path: &str) -> bool {
    let normal = |part: &str| !matches!(part, "." | ".." | "");
    path.is_empty()
        || path.split('/').all(normal)
            && path.chars().all(|c| c.is_ascii_alphanumeric() || "-._~/".contains(c))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Server { tls, host, port } => {
                write!(f, "{}://{host}:{port}", if *tls { "grpcs" } else { "grpc" })
            }
            Address::Http(url) => f.write_str(url),
            Address::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Address::Folder(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Address {
    /// What it is, for people.
    pub fn kind(&self) -> &'static str {
        match self {
            Address::Server { .. } => "a server of the Remote Execution API",
            Address::Http(_) => "an HTTP cache",
            Address::Bucket { .. } => "a bucket",
            Address::Folder(_) => "a folder",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        #[track_caller]
        fn check(text: &str, expected: Result<&str, ()>) {
            let found = text.parse::<Address>().map(|address| address.to_string());
            assert_eq!(found.as_deref().map_err(|_| ()), expected, "{text}");
        }
        check("grpc://localhost:8980", Ok("grpc://localhost:8980"));
        check("grpcs://cache.example.com", Ok("grpcs://cache.example.com:443"));
        check("grpcs://cache.example.com/", Ok("grpcs://cache.example.com:443"));
        check("grpc://[::1]:8980", Ok("grpc://[::1]:8980"));
        check("https://cache.example.com/bazel/", Ok("https://cache.example.com/bazel"));
        check("http://[::1]:8080", Ok("http://[::1]:8080"));
        check("s3://bucket", Ok("s3://bucket/"));
        check("s3://my.bucket/a/b/", Ok("s3://my.bucket/a/b/"));
        check("file:///mnt/cache", Ok("/mnt/cache"));
        check("/mnt/cache", Ok("/mnt/cache"));
        check("~/cache", Ok("~/cache"));
        for wrong in [
            "",
            "cache",
            "localhost:8980",
            "http://",
            "https://u:p@a/b",
            "https://a/b?c",
            "https://a/../b",
            "s3://",
            "s3://a b/c",
            "file://host/a",
            "ftp://a",
            "grpc://",
            "grpc://a:b",
            "grpc://a:0",
            "grpc://u:p@a",
            "grpc://a/b",
        ] {
            check(wrong, Err(()));
        }
    }
}

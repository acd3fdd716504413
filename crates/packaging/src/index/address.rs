//! The address of an index: a URL whose credentials are kept apart from what may be shown.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::error::IndexError;

/// The address of an index, or of a file on one. `Debug` and `Display` never show credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct IndexUrl {
    url: Url,
    username: Option<String>,
    password: Option<String>,
}

impl IndexUrl {
    /// Reads an `http`, `https` or `file` URL; credentials in it are taken out and kept.
    /// A path that starts with `/` is read as a `file` URL.
    ///
    /// # Errors
    /// [`IndexError::Address`] with the `origin` that was given, never with the text itself.
    pub fn parse(text: &str, origin: &str) -> Result<Self, IndexError> {
        let bad = |reason: &str| IndexError::Address { origin: origin.to_owned(), reason: reason.to_owned() };
        let text = text.trim();
        let mut url = if text.starts_with('/') {
            // A page of links is a file; all else is a folder.
            let is_page = [".html", ".htm"].iter().any(|end| text.ends_with(end));
            let made = if is_page { Url::from_file_path(text) } else { Url::from_directory_path(text) };
            made.map_err(|()| bad("not an absolute path"))?
        } else {
            Url::parse(text).map_err(|error| bad(&error.to_string()))?
        };
        if !matches!(url.scheme(), "http" | "https" | "file") {
            return Err(bad("expected an address that starts with `https://`, `http://` or `file://`"));
        }
        let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let username = Some(decode(url.username())).filter(|name| !name.is_empty());
        let password = url.password().map(decode);
        // Both only fail for URLs without a host, which have no credentials either.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Ok(Self { url, username, password })
    }

    /// The address without credentials.
    #[must_use]
    pub fn without_credentials(&self) -> &Url {
        &self.url
    }

    /// The user name, decoded, where the address has one.
    pub(super) fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The password, decoded, where the address has one.
    pub(super) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Whether the address holds a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// The address of the page of `project`, whose name is normalised (simple repository API, "Base HTML API").
    #[must_use]
    pub fn page_of(&self, project: &str) -> Url {
        let mut page = self.url.clone();
        if let Ok(mut segments) = page.path_segments_mut() {
            segments.pop_if_empty().push(project).push("");
        }
        page
    }

    /// Whether `other` is the same address but for credentials and a final slash.
    #[must_use]
    pub fn is_same_place(&self, other: &Url) -> bool {
        let trim = |url: &Url| url.path().trim_end_matches('/').to_owned();
        self.url.origin() == other.origin()
            && self.url.scheme() == other.scheme()
            && trim(&self.url) == trim(other)
            && self.url.query() == other.query()
    }

    /// Whether credentials of this index may be sent to `other`: same scheme, host and port.
    #[must_use]
    pub fn trusts(&self, other: &Url) -> bool {
        self.url.scheme() != "file" && self.url.origin() == other.origin()
    }
}

impl fmt::Debug for IndexUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = self.username.is_some() || self.password.is_some();
        let note = if hidden { " with credentials" } else { "" };
        write!(f, "IndexUrl({}{note})", self.url)
    }
}

/// The path of an address of a file or folder. The `url` crate gives one for any scheme whose host is `localhost`.
pub(super) fn local_path(url: &Url) -> Option<PathBuf> {
    (url.scheme() == "file").then(|| url.to_file_path().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: &str, credentials: (Option<&str>, Option<&str>)) {
        let url = IndexUrl::parse(text, "test").unwrap();
        assert_eq!(url.without_credentials().as_str(), shown);
        assert_eq!((url.username(), url.password()), credentials);
        assert!(!format!("{url:?}").contains("s3cret"));
    }

    #[test]
    fn credentials_are_taken_out() {
        check("https://h.example/simple", "https://h.example/simple", (None, None));
        check(
            "https://bob:s3cret@h.example/simple/",
            "https://h.example/simple/",
            (Some("bob"), Some("s3cret")),
        );
        check("https://bob:s3cret%40%2F@h.example/", "https://h.example/", (Some("bob"), Some("s3cret@/")));
        check("https://s3cret@h.example/", "https://h.example/", (Some("s3cret"), None));
        check("file:///srv/simple", "file:///srv/simple", (None, None));
        check("/srv/simple", "file:///srv/simple/", (None, None));
    }

    #[test]
    fn a_bad_address_is_refused_without_being_shown() {
        for text in ["ftp://bob:s3cret@h.example", "https://", "bob:s3cret@h.example", "", "relative/path"] {
            let error = IndexUrl::parse(text, "`PIP_INDEX_URL`").unwrap_err().to_string();
            assert!(error.contains("`PIP_INDEX_URL`"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn pages_lie_below_the_index() {
        for base in ["https://h.example/simple", "https://h.example/simple/"] {
            let url = IndexUrl::parse(base, "test").unwrap();
            assert_eq!(url.page_of("flask").as_str(), "https://h.example/simple/flask/");
            assert!(url.is_same_place(&Url::parse("https://h.example/simple/").unwrap()));
            assert!(url.trusts(&Url::parse("https://h.example/files/a.whl").unwrap()));
            assert!(!url.trusts(&Url::parse("http://h.example/files/a.whl").unwrap()));
            assert!(!url.trusts(&Url::parse("https://other.example/a.whl").unwrap()));
        }
    }
}

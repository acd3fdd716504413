//! Credentials of an index: from its address, from `UV_INDEX_<NAME>_*`, or from a netrc file.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::address::IndexUrl;
use super::config::Surroundings;

/// A user name and a password, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: String,
}

impl Credentials {
    /// The value of the header `Authorization` (RFC 7617).
    pub(super) fn header(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.username, self.password)))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// The credentials for the index `name` at `url`.
pub(super) fn find(name: &str, url: &IndexUrl, around: Option<&Surroundings>) -> Option<Credentials> {
    if let Some((username, password)) = url.credentials() {
        return Some(Credentials { username: username.to_owned(), password: password.to_owned() });
    }
    let around = around?;
    let key = variable_part(name);
    let username = around.var(&format!("UV_INDEX_{key}_USERNAME"));
    let password = around.var(&format!("UV_INDEX_{key}_PASSWORD"));
    if username.is_some() || password.is_some() {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        return Some(Credentials { username: text(username), password: text(password) });
    }
    let path = around
        .var("NETRC")
        .map(PathBuf::from)
        .or_else(|| around.var("HOME").map(|home| PathBuf::from(home).join(".netrc")))?;
    let text = std::fs::read_to_string(path).ok()?;
    in_netrc(&text, url.without_credentials().host_str()?)
}

/// The name of an index as uv spells it in variables: upper case, `_` for all but letters and digits.
pub(crate) fn variable_part(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// The entry for `host`, else the `default` one.
fn in_netrc(text: &str, host: &str) -> Option<Credentials> {
    let mut words =
        text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
    let (mut here, mut username, mut password) = (false, None, None);
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" if here && password.is_some() => break,
            "machine" => (here, username, password) = (words.next() == Some(host), None, None),
            "default" => (here, username, password) = (true, None, None),
            "login" if here => username = words.next(),
            "password" if here => password = words.next(),
            _ => {}
        }
    }
    let username = username.unwrap_or_default().to_owned();
    password.filter(|_| here).map(|password| Credentials { username, password: password.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str)>) {
        let found = in_netrc(text, "h.example");
        assert_eq!(found.as_ref().map(|c| (c.username.as_str(), c.password.as_str())), expected);
    }

    #[test]
    fn netrc_is_read() {
        check("machine h.example login bob password pw", Some(("bob", "pw")));
        check(
            "machine o.example login x password y\nmachine h.example\n  login bob\n  password pw\n",
            Some(("bob", "pw")),
        );
        check("machine o.example login x password y\ndefault login any password one", Some(("any", "one")));
        check("machine h.example login bob password pw default login x password y", Some(("bob", "pw")));
        check("machine o.example login x password y", None);
        check("# machine h.example login bob password pw", None);
        check("", None);
    }

    #[test]
    fn the_header_is_base64_and_debug_hides_all() {
        let found = Credentials { username: "bob".into(), password: "s3cret".into() };
        assert_eq!(found.header(), "Basic Ym9iOnMzY3JldA==");
        assert!(!format!("{found:?}").contains("s3cret"));
    }
}

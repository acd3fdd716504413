//! Credentials of an index: from its address, from variables, from a netrc file, or from `keyring`.

use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::address::IndexUrl;
use super::keyring;
use super::machine::Surroundings;
use super::netrc::Netrc;

/// How tokens for uploads begin, and the user name that goes with them.
const TOKEN: &str = "pypi-";
const TOKEN_USER: &str = "__token__";

/// What is known of the user of an index. `Debug` does not show it.
#[derive(Clone, Default)]
pub(super) struct Login {
    username: Option<String>,
    password: Option<String>,
    /// Who is asked for the password, when it is first needed.
    keyring: Option<(PathBuf, Vec<String>)>,
    /// Where they come from, for messages.
    origin: String,
    told: OnceLock<Option<String>>,
}

impl Login {
    /// Where the credentials come from.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// That of a token for uploads.
    pub(super) fn of_token(token: &str, origin: &str) -> Login {
        let (username, password) = (Some(TOKEN_USER.to_owned()), Some(token.to_owned()));
        Login { username, password, origin: origin.to_owned(), ..Login::default() }
    }

    /// Gives a password that is a token for uploads the user name that goes with such tokens, where it has none.
    pub(super) fn name_token(&mut self) {
        let is_token = self.password.as_deref().is_some_and(|password| password.starts_with(TOKEN));
        if is_token && self.username.as_deref().is_none_or(str::is_empty) {
            self.username = Some(TOKEN_USER.to_owned());
        }
    }

    /// User name and password, if there are any.
    pub(super) fn credentials(&self) -> Option<(&str, &str)> {
        let username = self.username.as_deref();
        let password = self.password.as_deref().or_else(|| {
            let (keyring, services) = self.keyring.as_ref()?;
            let ask = || keyring::password(keyring, services, username?);
            self.told.get_or_init(ask).as_deref()
        });
        (username.is_some() || password.is_some())
            .then(|| (username.unwrap_or_default(), password.unwrap_or_default()))
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(hidden)")
    }
}

/// The value of the header `Authorization` (RFC 7617).
pub(crate) fn header((username, password): (&str, &str)) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

/// Where credentials are looked for beside the address.
pub(super) struct Places<'a> {
    pub(super) around: &'a Surroundings,
    pub(super) netrc: &'a Netrc,
    /// Whether `keyring` may be asked.
    pub(super) keyring: bool,
}

impl Places<'_> {
    /// The login of an index that goes by these names. What the address or a variable says of the user name holds for
    /// the places after it.
    pub(super) fn login(&self, names: &[&str], url: &IndexUrl) -> Login {
        let known = |username: Option<&str>, password: Option<&str>, origin: String| Login {
            username: username.map(str::to_owned),
            password: password.map(str::to_owned),
            origin,
            ..Login::default()
        };
        let of_address = || "its address".to_owned();
        if url.password().is_some() {
            return known(url.username(), url.password(), of_address());
        }
        let (username, password) = (self.variable(names, "USERNAME"), self.variable(names, "PASSWORD"));
        let by_name = username.as_ref().map(|(name, _)| format!("`{name}`"));
        let username = username.map(|(_, value)| value).or(url.username());
        if let Some((name, password)) = password {
            return known(username, Some(password), format!("`{name}`"));
        }
        let plain = url.without_credentials();
        if let Some((login, password)) = plain.host_str().and_then(|host| self.netrc.find(host, username)) {
            return known(Some(login), Some(password), "the netrc file".to_owned());
        }
        let keyring = self.around.var("PATH").filter(|_| self.keyring && username.is_some());
        let keyring = keyring.and_then(keyring::find).map(|program| {
            let port = plain.port().map_or_else(String::new, |port| format!(":{port}"));
            let host = format!("{}{port}", plain.host_str().unwrap_or_default());
            (program, vec![plain.to_string(), host])
        });
        let asked = keyring.as_ref().map(|_| "`keyring`".to_owned());
        let origin = asked.or(by_name).unwrap_or_else(of_address);
        Login { keyring, ..known(username, None, origin) }
    }

    /// The variable that is set, and its value.
    fn variable(&self, names: &[&str], end: &str) -> Option<(String, &str)> {
        ["PANTS", "UV"].into_iter().find_map(|start| {
            let of_name = |name: &&str| {
                let variable = format!("{start}_INDEX_{}_{end}", variable_part(name));
                let value = self.around.var(&variable)?;
                Some((variable, value))
            };
            names.iter().find_map(of_name)
        })
    }
}

/// The name of an index as uv spells it in variables: upper case, `_` for all but letters and digits.
pub(crate) fn variable_part(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// The credentials of a netrc file, if the environment names one or the home folder has one.
pub(super) fn netrc(around: &Surroundings) -> Netrc {
    let in_home = |name: &str| around.var("HOME").map(|home| PathBuf::from(home).join(name));
    let places = [around.var("NETRC").map(PathBuf::from), in_home(".netrc"), in_home("_netrc")];
    let text = places.into_iter().flatten().find_map(|path| std::fs::read_to_string(path).ok());
    text.map(|text| Netrc::parse(&text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_base64_and_debug_hides_all() {
        assert_eq!(header(("bob", "s3cret")), "Basic Ym9iOnMzY3JldA==");
        let login = Login { password: Some("s3cret".into()), ..Login::default() };
        assert!(!format!("{login:?}").contains("s3cret"));
        assert_eq!(login.credentials(), Some(("", "s3cret")));
    }

    #[test]
    fn a_token_for_uploads_needs_no_user_name() {
        let check = |username: Option<&str>, password: &str, expect: &str| {
            let password = Some(password.to_owned());
            let mut login = Login { username: username.map(str::to_owned), password, ..Login::default() };
            login.name_token();
            assert_eq!(login.credentials().map(|(username, _)| username), Some(expect));
        };
        check(None, "pypi-s3cret", "__token__");
        check(Some("bob"), "pypi-s3cret", "bob");
        check(None, "s3cret", "");
    }
}

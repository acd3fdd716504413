//! The form of a netrc file, and which entry of it is for a host. Knows no index.

/// The entries of a netrc file, in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Netrc(Vec<Entry>);

impl std::fmt::Debug for Netrc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Netrc(hidden)")
    }
}

/// One entry; without a host it is the `default` one.
#[derive(Clone, PartialEq, Eq)]
struct Entry {
    host: Option<String>,
    login: String,
    password: Option<String>,
}

impl Netrc {
    pub(super) fn parse(text: &str) -> Self {
        let mut words = words(text).into_iter();
        let mut entries: Vec<Entry> = Vec::new();
        let entry = |host| Entry { host, login: String::new(), password: None };
        while let Some(word) = words.next() {
            match word.as_str() {
                "machine" => entries.push(entry(words.next())),
                "default" => entries.push(entry(None)),
                "login" | "user" => {
                    if let (Some(last), Some(login)) = (entries.last_mut(), words.next()) {
                        last.login = login;
                    }
                }
                "password" => {
                    if let (Some(last), Some(password)) = (entries.last_mut(), words.next()) {
                        last.password = Some(password);
                    }
                }
                "account" => drop(words.next()),
                _ => {}
            }
        }
        Self(entries)
    }

    /// Login and password for a host, and for that login where one is wanted: the entry of the host, else the default.
    pub(super) fn find(&self, host: &str, login: Option<&str>) -> Option<(&str, &str)> {
        let default = || self.0.iter().filter(|entry| entry.host.is_none());
        self.of_host(host, login).or_else(|| default().find_map(|entry| entry.usable(login)))
    }

    /// The same without the default entry.
    pub(super) fn of_host(&self, host: &str, login: Option<&str>) -> Option<(&str, &str)> {
        let here =
            |entry: &&Entry| entry.host.as_deref().is_some_and(|named| named.eq_ignore_ascii_case(host));
        self.0.iter().filter(here).find_map(|entry| entry.usable(login))
    }
}

impl Entry {
    fn usable(&self, login: Option<&str>) -> Option<(&str, &str)> {
        let password = self.password.as_deref()?;
        login.is_none_or(|login| login == self.login).then_some((self.login.as_str(), password))
    }
}

/// The words of a file: between blanks, or in double quotes with `\` before what stands for itself. What follows a `#`
/// at the start of a word that is no password is a comment, and `macdef` goes up to an empty line.
fn words(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut in_macro = false;
    for line in text.lines() {
        if in_macro {
            in_macro = !line.trim().is_empty();
            continue;
        }
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let is_value = found.last().is_some_and(|last| matches!(last.as_str(), "password" | "login"));
            if rest.starts_with('#') && !is_value {
                break;
            }
            let (word, after) = word(rest);
            rest = after.trim_start();
            if word == "macdef" {
                in_macro = true;
                break;
            }
            found.push(word);
        }
    }
    found
}

fn word(text: &str) -> (String, &str) {
    let quoted = text.strip_prefix('"');
    let mut made = String::new();
    let body = quoted.unwrap_or(text);
    let mut letters = body.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' if quoted.is_some() => return (made, &body[at + 1..]),
            '\\' => made.extend(letters.next().map(|(_, next)| next)),
            letter if quoted.is_none() && letter.is_whitespace() => return (made, &body[at..]),
            letter => made.push(letter),
        }
    }
    (made, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str)>) {
        assert_eq!(Netrc::parse(text).find("h.example", None), expected);
    }

    #[test]
    fn the_entry_of_the_host_or_the_default() {
        check("machine h.example login bob password pw", Some(("bob", "pw")));
        check(
            "machine o.example login x password y\nmachine H.example\n  login bob\n  password pw\n",
            Some(("bob", "pw")),
        );
        check("machine o.example login x password y\ndefault login any password one", Some(("any", "one")));
        check("machine h.example login bob password pw default login x password y", Some(("bob", "pw")));
        check("machine o.example login x password y", None);
        check("machine h.example login bob", None);
        check("# machine h.example login bob password pw", None);
        check("", None);
    }

    #[test]
    fn words_are_those_of_the_format() {
        check("machine h.example login bob password \"p w\\\"\" # c", Some(("bob", "p w\"")));
        check("machine h.example login bob password #pw", Some(("bob", "#pw")));
        check(
            "macdef x\nmachine h.example login no password no\n\nmachine h.example password pw",
            Some(("", "pw")),
        );
        check("machine h.example account a login bob password pw", Some(("bob", "pw")));
        check("machine h.example password \"", Some(("", "")));
    }

    #[test]
    fn a_login_that_is_known_chooses() {
        let netrc = Netrc::parse(
            "machine h login a password 1\nmachine h login b password 2\ndefault login c password 3",
        );
        assert_eq!(netrc.find("h", Some("b")), Some(("b", "2")));
        assert_eq!(netrc.find("h", Some("d")), None);
        assert_eq!(netrc.find("h", Some("c")), Some(("c", "3")));
        assert_eq!(netrc.of_host("other", None), None);
    }
}

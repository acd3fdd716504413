//! What a registry says of how it wants to know its users: the header `WWW-Authenticate` (RFC 9110, 11.6.1).

/// How a user is to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// By name and password.
    Basic,
    /// By a token that another service gives out.
    Bearer {
        /// The address of that service.
        realm: String,
        /// What it is for.
        service: Option<String>,
    },
}

impl Challenge {
    /// Reads a header; none where it asks for what is not known here.
    pub(super) fn parse(header: &str) -> Option<Challenge> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest);
        let value = |wanted: &str| {
            let found = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.clone())
        };
        Some(Challenge::Bearer { realm: value("realm")?, service: value("service") })
    }
}

/// Names and values, some in quotes, with commas between them.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, behind)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_owned();
        let (value, after) = match behind.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (value, after) = behind.split_once(',').unwrap_or((behind, ""));
                (value.trim().to_owned(), after)
            }
        };
        found.push((name, value));
        rest = after;
    }
    found
}

/// What is in front of the closing quote, and what is behind it.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            letter => value.push(letter),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        let check =
            |header: &str, expected: Option<Challenge>| assert_eq!(Challenge::parse(header), expected);
        check("Basic realm=\"a, b\"", Some(Challenge::Basic));
        check(
            "Bearer realm=\"https://a.example/token\",service=\"r.example\",scope=\"repository:a:pull,push\"",
            bearer("https://a.example/token", Some("r.example")),
        );
        check("bearer service=r, realm=\"https://a/\\\"x\"", bearer("https://a/\"x", Some("r")));
        check("Bearer service=r", None);
        check("Negotiate", None);
        check("", None);
    }
}

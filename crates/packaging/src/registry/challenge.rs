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
    /// Those of a header that are understood here, in its order.
    pub(super) fn all(header: &str) -> Vec<Challenge> {
        let mut found: Vec<(&str, Vec<(String, String)>)> = Vec::new();
        for part in parts(header) {
            let (head, value) =
                part.split_once('=').map_or((part, None), |(head, value)| (head.trim(), Some(value)));
            let (scheme, name) =
                head.split_once(' ').map_or((None, head), |(scheme, name)| (Some(scheme), name));
            // A name without a value is that of a scheme, too.
            let scheme = scheme.or(value.is_none().then_some(head));
            found.extend(scheme.filter(|scheme| !scheme.is_empty()).map(|scheme| (scheme, Vec::new())));
            if let (Some((_, parameters)), Some(value)) = (found.last_mut(), value) {
                parameters.push((name.trim().to_ascii_lowercase(), unquoted(value.trim())));
            }
        }
        found.iter().filter_map(|(scheme, parameters)| Challenge::of(scheme, parameters)).collect()
    }

    fn of(scheme: &str, parameters: &[(String, String)]) -> Option<Challenge> {
        let value = |wanted: &str| {
            let found = parameters.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone())
        };
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => Some(Challenge::Basic),
            "bearer" => Some(Challenge::Bearer { realm: value("realm")?, service: value("service") }),
            _ => None,
        }
    }
}

/// What is between the commas that are not in quotes.
fn parts(header: &str) -> Vec<&str> {
    let (mut found, mut start) = (Vec::new(), 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, letter) in header.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                found.push(header[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(header[start..].trim());
    found
}

/// A value without the quotes that it may be in.
fn unquoted(text: &str) -> String {
    let Some(text) = text.strip_prefix('"') else { return text.to_owned() };
    let mut value = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => value.extend(letters.next()),
            letter => value.push(letter),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let bearer = |realm: &str, service: Option<&str>| Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
        };
        let check =
            |header: &str, expected: &[Challenge]| assert_eq!(Challenge::all(header), expected, "{header}");
        check("Basic realm=\"a, b\"", &[Challenge::Basic]);
        check("basic", &[Challenge::Basic]);
        check(
            "Bearer realm=\"https://a.example/token\",service=\"r.example\",scope=\"repository:a:pull,push\"",
            &[bearer("https://a.example/token", Some("r.example"))],
        );
        check("bearer service = r, realm=\"https://a/\\\"x\"", &[bearer("https://a/\"x", Some("r"))]);
        check("Bearer service=r", &[]);
        check("Negotiate", &[]);
        check("", &[]);
        check(
            "Negotiate, Digest nonce=\"a,b\", Bearer realm=https://a, Basic realm=\"Bearer x\"",
            &[bearer("https://a", None), Challenge::Basic],
        );
    }
}

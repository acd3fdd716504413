//! Takes user names and passwords out of addresses in a text before it is shown. Knows nothing else of what is secret: who
//! makes a text leaves out what must not be in it, and this is for texts of others, such as the line of a file.

use std::borrow::Cow;

/// The text with a `*` for each letter between `://` and the `@` of an address.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    let mut made = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        // A password may hold what ends the host of a sound address.
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>');
        let authority = after.split(ends).next().unwrap_or_default();
        made.push_str(before);
        let hidden = authority.rfind('@').unwrap_or(0);
        made.extend(authority[..hidden].chars().map(|_| '*'));
        rest = &after[hidden..];
    }
    if made.is_empty() {
        return Cow::Borrowed(text);
    }
    made.push_str(rest);
    Cow::Owned(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_passwords_of_addresses_are_hidden() {
        let check = |text: &str, expect: &str| assert_eq!(masked(text), expect);
        check("url = \"https://bob:pw@h/simple\" # x@y", "url = \"https://******@h/simple\" # x@y");
        check("a@b https://h/x `http://tok@h`", "a@b https://h/x `http://***@h`");
        check("\"https://bob:p/w#@h/x\"", "\"https://********@h/x\"");
        check("https://a@b:c@h", "https://*****@h");
        check("git+ssh://git@h/x", "git+ssh://***@h/x");
        check("no address", "no address");
        check("://", "://");
    }
}

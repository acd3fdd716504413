//! Python literals that Python 2.7 and 3 read alike.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// `text` as an expression: a plain literal, or for text beyond ASCII decoded bytes, since a file without a
/// declared encoding may hold neither in Python 2.
pub(crate) fn literal(text: &str) -> String {
    let mut out = String::from(if text.is_ascii() { "'" } else { "b'" });
    for byte in text.bytes() {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\'' => out.push_str("\\'"),
            b' '..=b'~' => out.push(char::from(byte)),
            other => write!(out, "\\x{other:02x}").expect("writing to a text cannot fail"),
        }
    }
    out.push_str(if text.is_ascii() { "'" } else { "'.decode('utf-8')" });
    out
}

/// The texts as a tuple.
pub(crate) fn tuple(texts: &[String]) -> String {
    let inner: Vec<_> = texts.iter().map(|text| literal(text)).collect();
    match inner.as_slice() {
        [single] => format!("({single},)"),
        several => format!("({})", several.join(", ")),
    }
}

/// `True` or `False`.
pub(super) fn boolean(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// `text` as Python 3 itself writes it.
pub(super) fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character == quote => out.extend(['\\', character]),
            ' '..='~' => out.push(character),
            _ if character.is_alphanumeric() => out.push(character),
            _ => {
                let number = u32::from(character);
                let escaped = match number {
                    0..=0xFF => write!(out, "\\x{number:02x}"),
                    0x100..=0xFFFF => write!(out, "\\u{number:04x}"),
                    _ => write!(out, "\\U{number:08x}"),
                };
                escaped.expect("writing to a text cannot fail");
            }
        }
    }
    out.push(quote);
    out
}

/// The texts as a list, as Python 3 itself writes it.
pub(super) fn repr_list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| repr(text)).collect::<Vec<_>>().join(", "))
}

/// Names and values as a tuple of pairs, as Python 3 itself writes it.
pub(super) fn repr_pairs(pairs: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("({}, {})", repr(name), repr(value))).collect();
    match pairs.as_slice() {
        [single] => format!("({single},)"),
        several => format!("({})", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(repr(text), expect);
    }

    #[test]
    fn texts_are_quoted_as_python_does() {
        check("a", "'a'");
        check("it's", "\"it's\"");
        check("it's \"", "'it\\'s \"'");
        check("a\\b\n\u{1b}ü\u{2028}\u{1f600}", "'a\\\\b\\n\\x1bü\\u2028\\U0001f600'");
        assert_eq!(repr_pairs(&BTreeMap::from([("A".to_owned(), "1".to_owned())])), "(('A', '1'),)");
        assert_eq!(repr_pairs(&BTreeMap::new()), "()");
    }
}

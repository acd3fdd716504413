//! Python literals that Python 2.7 and 3 read alike.

use std::fmt::Write as _;

/// `text` as an expression: a plain literal, or for text beyond ASCII decoded bytes, since a file without a
/// declared encoding may hold neither in Python 2.
pub(super) fn literal(text: &str) -> String {
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
pub(super) fn tuple(texts: &[String]) -> String {
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

//! Which names of entries may become paths of a tree: relative, climbing nowhere, each once. Knows no files.

use std::collections::BTreeMap;

use super::error::Problem;

/// What the upper half of code page 437 stands for, which names without the UTF-8 flag are in (APPNOTE D.1).
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
const NAME_MAX: usize = 255;

/// The name as text: UTF-8 where `utf8`, else code page 437.
pub(super) fn decode(name: &[u8], utf8: bool) -> Result<String, Problem> {
    if utf8 || name.is_ascii() {
        return String::from_utf8(name.to_vec()).map_err(|_| Problem::Name("name is not UTF-8"));
    }
    let upper: Vec<char> = CP437.chars().collect();
    Ok(name
        .iter()
        .map(|&byte| if byte < 0x80 { char::from(byte) } else { upper[usize::from(byte) - 0x80] })
        .collect())
}

/// Whether `path`, without a directory's last slash, may be made below any directory.
pub(super) fn check(path: &str) -> Result<(), Problem> {
    if path.is_empty() {
        return Err(Problem::Name("name is empty"));
    }
    if path.contains('\\') {
        return Err(Problem::Backslash);
    }
    if path.contains('\0') {
        return Err(Problem::Name("name has a NUL byte"));
    }
    if path.starts_with('/') || drive(path) {
        return Err(Problem::Absolute);
    }
    for part in path.split('/') {
        match part {
            ".." => return Err(Problem::Climbs),
            "" | "." => return Err(Problem::Name("path has an empty part or `.`")),
            long if long.len() > NAME_MAX => return Err(Problem::Name("a part of the path is too long")),
            _ => {}
        }
    }
    Ok(())
}

/// `C:` and the like, which is absolute elsewhere.
fn drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// Tells of each path that occurs twice or is a file above another path, by its place in `paths`.
/// The flag beside a path is true for a directory.
pub(super) fn clashes<'a>(paths: impl Iterator<Item = (&'a str, bool)>) -> Vec<(usize, Problem)> {
    let mut seen: BTreeMap<&str, bool> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut all = Vec::new();
    for (index, (path, directory)) in paths.enumerate() {
        if seen.contains_key(path) {
            problems.push((index, Problem::Duplicate));
        } else {
            seen.insert(path, directory);
            all.push((index, path));
        }
    }
    for (index, path) in all {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        if above.into_iter().any(|parent| seen.get(parent) == Some(&false)) {
            problems.push((index, Problem::FileAndDirectory));
        }
    }
    problems.sort_by_key(|(index, _)| *index);
    problems
}

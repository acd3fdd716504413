//! The first lines of scripts: whether a Python is to run them. Knows no installed path.

/// How a script starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shebang {
    /// `#!python`, which stands for whatever the script is installed for.
    Placeholder,
    /// Some Python by path or name.
    Python,
    /// Something else, or nothing.
    Other,
}

/// What the first line of `script` says, and what follows it.
pub(super) fn split(script: &[u8]) -> (Shebang, &[u8]) {
    let end = script.iter().position(|byte| *byte == b'\n').map_or(script.len(), |at| at + 1);
    let (line, rest) = script.split_at(end);
    let Some(command) = line.strip_prefix(b"#!") else { return (Shebang::Other, script) };
    if command.starts_with(b"python") {
        return (Shebang::Placeholder, rest);
    }
    let command = String::from_utf8_lossy(command);
    if names_python(command.trim_end()) { (Shebang::Python, rest) } else { (Shebang::Other, script) }
}

/// Whether a command starts a Python: a word that is `python` or `pypy` with or without a version, which ends the line
/// or has arguments after it.
fn names_python(command: &str) -> bool {
    let command = command.to_ascii_lowercase();
    let is_word = |letter: char| letter == '_' || letter.is_alphanumeric();
    ["python", "pypy"].iter().any(|name| {
        command.match_indices(name).any(|(at, _)| {
            let begins = !command[..at].ends_with(is_word);
            let rest = command[at + name.len()..].trim_start_matches(|letter: char| letter.is_ascii_digit());
            let rest = after_version(rest);
            let ends = rest.is_empty() || rest.starts_with(char::is_whitespace) && !rest.trim().is_empty();
            begins && ends
        })
    })
}

/// What follows any number of `.11`.
fn after_version(mut rest: &str) -> &str {
    while let Some(number) = rest.strip_prefix('.') {
        let after = number.trim_start_matches(|letter: char| letter.is_ascii_digit());
        if after.len() == number.len() {
            break;
        }
        rest = after;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, kind: Shebang, rest: &str) {
        assert_eq!(split(script.as_bytes()), (kind, rest.as_bytes()), "{script}");
    }

    #[test]
    fn pythons_are_told_from_others() {
        check("#!python\nx", Shebang::Placeholder, "x");
        check("#!pythonw -E\nx\ny", Shebang::Placeholder, "x\ny");
        check("#!/usr/bin/env python3\r\nx", Shebang::Python, "x");
        check("#!/usr/bin/python3.11 -u\nx", Shebang::Python, "x");
        check("#!/usr/bin/env pypy3", Shebang::Python, "");
        for other in ["#!/bin/sh\npython", "#!/opt/mypython\n", "#!/usr/bin/python-config\n", "python\n", ""]
        {
            check(other, Shebang::Other, other);
        }
        check("#!/usr/bin/python3.\n", Shebang::Other, "#!/usr/bin/python3.\n");
    }
}

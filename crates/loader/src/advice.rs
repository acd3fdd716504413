//! What to write instead of Python that Starlark has not; it knows messages and names, and no places.

/// The keywords of Python that Starlark refuses, each with what to write instead.
const KEYWORDS: &[(&str, &str)] = &[
    ("assert", "write `if …: fail(\"…\")`"),
    ("class", "write a function, or a dictionary"),
    ("del", "there is no `del`; names are for good"),
    ("except", "nothing can be caught; `fail(\"…\")` stops with a message"),
    ("finally", "nothing can be caught; `fail(\"…\")` stops with a message"),
    ("from", "`load(\"//folder:file.bzl\", \"name\")` takes names from other files"),
    ("import", "`load(\"//folder:file.bzl\", \"name\")` takes names from other files"),
    ("is", "write `==`"),
    ("raise", "nothing can be caught; `fail(\"…\")` stops with a message"),
    ("try", "nothing can be caught; `fail(\"…\")` stops with a message"),
    ("while", "write `for` over a list or a `range`"),
    ("with", "a BUILD file opens nothing; `glob` lists files, and `load` takes names from other files"),
];

/// Names of Python that are no names here, each with what to do.
const NAMES: &[(&str, &str)] = &[
    ("null", "write `None`"),
    ("open", "a BUILD file opens nothing; `glob` lists files, and `load` takes names from other files"),
    ("os", "a BUILD file has no disk, so that it gives the same targets everywhere; `env` reads a variable"),
];

/// Parts of messages, each with what to do.
const MESSAGES: &[(&str, &str)] = &[
    ("tabs are not allowed", "indent with spaces"),
    ("byte order mark", "save it without one"),
    ("`,`, expected symbol `:`", "in a dictionary each key has a value, and in a set none has"),
    ("`}`, expected symbol `:`", "in a dictionary each key has a value, and in a set none has"),
    ("expected symbol `)`", "is a comma or a closing bracket missing before it?"),
    ("expected symbol `]`", "is a comma or a closing bracket missing before it?"),
    ("expected symbol `}`", "is a comma or a closing bracket missing before it?"),
    (
        "reserved keyword",
        "a BUILD file is Starlark, a small part of Python, without `import`, `class`, `while` and `try`; `load` \
         takes names from other files",
    ),
];

/// What `glob` is told of its patterns, up to the value.
const GLOB: &str = "type of parameter `include` doesn't match, expected `list[str]`, actual `string (repr: ";

/// A message of the evaluator in words that do not speak of the evaluator.
pub(crate) fn plain(message: String) -> String {
    if message.contains('\u{feff}') {
        "it starts with a byte order mark".to_owned()
    } else if let Some(found) = message.strip_prefix(GLOB) {
        format!("`glob` takes a list of patterns, not the string {}", found.trim_end_matches(")`"))
    } else {
        message
    }
}

/// What to do about a message.
pub(crate) fn message(message: &str) -> Option<String> {
    if let Some(pattern) = message.strip_prefix("`glob` takes a list of patterns, not the string ") {
        return Some(format!("write `glob([{pattern}])`"));
    }
    let keyword = |(word, _): &&(&str, &str)| message.ends_with(&format!("reserved keyword `{word}`"));
    let known = KEYWORDS.iter().find(keyword);
    known
        .or_else(|| MESSAGES.iter().find(|(part, _)| message.contains(part)))
        .map(|(_, help)| (*help).to_owned())
}

/// What to do about a name that nobody knows.
pub(crate) fn name(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, help)| *help)
}

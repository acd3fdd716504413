//! Globs over paths and names, anchored as dependency rules have them. They know no targets.

use regex::Regex;

use super::spec::SpecError;
use crate::join;

/// A glob over the paths of targets and files.
#[derive(Clone, Debug)]
pub(super) struct PathGlob {
    anchor: Anchor,
    regex: Regex,
}

/// Where a path has to begin with what the glob says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anchor {
    /// At the root of the repository.
    Root,
    /// So many folders above the folder of the target that the rules are for.
    Above(usize),
    /// Anywhere.
    Nowhere,
}

impl PathGlob {
    /// The glob that a BUILD file of the folder `base` means by a text.
    ///
    /// `//` anchors it at the root, `/` at that folder, `./` and `../` at the folder of the target that the rules are
    /// for; all else may begin anywhere, at the start of a word.
    pub(super) fn new(text: &str, base: &str) -> Result<Self, SpecError> {
        let leaves = || SpecError::LeavesRoot(text.to_owned());
        let dots = text.trim_start_matches('.');
        let (anchor, glob) = if let Some(rest) = text.strip_prefix("//") {
            (Anchor::Root, rest.to_owned())
        } else if let Some(rest) = text.strip_prefix('/') {
            (Anchor::Root, join(base, rest))
        } else if text.starts_with('.') && (dots.is_empty() || dots.starts_with('/')) {
            (Anchor::Above(0), text.to_owned())
        } else {
            (Anchor::Nowhere, text.to_owned())
        };
        let (up, glob) = normal(&glob);
        let anchor = match anchor {
            Anchor::Above(_) => Anchor::Above(up),
            _ if up > 0 => return Err(leaves()),
            anchor => anchor,
        };
        let pattern = pattern(&glob);
        let pattern = match anchor {
            Anchor::Nowhere if glob.starts_with(char::is_alphanumeric) => format!(r"/?\b{pattern}$"),
            Anchor::Nowhere => format!("{pattern}$"),
            Anchor::Root | Anchor::Above(_) => format!("^{pattern}$"),
        };
        Ok(Self { anchor, regex: compile(&pattern, text)? })
    }

    /// Whether it matches a path; `folder` is that of the target that the rules are for.
    pub(super) fn matches(&self, path: &str, folder: &str) -> bool {
        let Anchor::Above(up) = self.anchor else { return self.regex.is_match(path) };
        let mut start = folder;
        for _ in 0..up {
            if start.is_empty() {
                return false;
            }
            start = start.rsplit_once('/').map_or("", |(above, _)| above);
        }
        below(path, start).is_some_and(|path| self.regex.is_match(path))
    }
}

/// A path from a folder on, if it is that folder or below it.
fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    match path.strip_prefix(folder)? {
        rest if folder.is_empty() || rest.is_empty() => Some(rest),
        rest => rest.strip_prefix('/'),
    }
}

/// A glob over names of targets, rules and tags: of the whole name.
pub(super) fn name_glob(text: &str) -> Result<Regex, SpecError> {
    compile(&format!("^{}$", pattern(text)), text)
}

fn compile(pattern: &str, text: &str) -> Result<Regex, SpecError> {
    Regex::new(pattern).map_err(|_| SpecError::TooLarge(text.chars().take(40).collect()))
}

/// A path without `.`, `..` and empty names, and how many folders above its start it begins.
fn normal(path: &str) -> (usize, String) {
    let (mut up, mut kept) = (0, Vec::new());
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if kept.pop().is_none() => up += 1,
            ".." => {}
            name => kept.push(name),
        }
    }
    (up, kept.join("/"))
}

/// A glob as a regular expression: `*` is anything but `/`, `**` anything, and a `/` beside `**` may be missing.
fn pattern(glob: &str) -> String {
    let mut pattern = String::new();
    let mut rest = glob;
    while let Some(first) = rest.chars().next() {
        let (taken, written) = if rest.starts_with("/**") {
            (3, "(?:/.*)?")
        } else if rest.starts_with("**/") && !rest[2..].starts_with("/**") {
            (3, r"/?\b")
        } else if rest.starts_with("**") {
            (2, ".*")
        } else if first == '*' {
            (1, "[^/]*")
        } else {
            pattern.push_str(&regex::escape(&rest[..first.len_utf8()]));
            (first.len_utf8(), "")
        };
        pattern.push_str(written);
        rest = &rest[taken..];
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks which of the paths a glob matches that stands in `base`, for a target of `folder`.
    #[track_caller]
    fn check(glob: &str, base: &str, folder: &str, paths: &[&str], expected: &[&str]) {
        let compiled = PathGlob::new(glob, base).expect("a glob");
        let found: Vec<&str> = paths.iter().copied().filter(|path| compiled.matches(path, folder)).collect();
        assert_eq!(found, expected, "{glob}");
    }

    #[test]
    fn what_is_not_anchored_matches_ends() {
        let paths = ["my_source.py", "a/my_source.py", "a/another_my_source.py", "my_source.pyi"];
        for glob in ["my_source.py", "*/my_source.py", "**/my_source.py"] {
            let expected = if glob.starts_with("*/") { &paths[1..2] } else { &paths[..2] };
            check(glob, "", "", &paths, expected);
        }
        check(".py", "", "", &paths, &paths[..3]);
        check("*", "", "", &paths, &paths);
        check("a/*", "", "", &["a/b", "x/a/b", "a/b/c", "ca/b"], &["a/b", "x/a/b"]);
        check("src/a/**", "", "", &["src/a", "src/a/b/c", "src/ab"], &["src/a", "src/a/b/c"]);
        check("src/*/*/**", "", "", &["src/a", "src/a/b", "src/a/b/c"], &["src/a/b", "src/a/b/c"]);
        check(
            "requests",
            "",
            "",
            &["3rdparty/reqs#requests", "3rdparty/reqs#requests-x"],
            &["3rdparty/reqs#requests"],
        );
        check("é", "", "", &["é", "xé", "a/é"], &["é", "a/é"]);
    }

    #[test]
    fn anchors() {
        check("//src/**", "a", "b", &["src/x", "a/src/x"], &["src/x"]);
        check("/proj/**", "src", "b", &["src/proj/x", "proj/x"], &["src/proj/x"]);
        check("/../util/**", "src/a", "b", &["src/util/x", "src/a/util/x"], &["src/util/x"]);
        check("/**", "", "", &["x", ""], &["x", ""]);
        check("./lib/*", "", "src/a", &["src/a/lib/x", "lib/x", "src/lib/x"], &["src/a/lib/x"]);
        check("../lib/*", "", "src/a", &["src/a/lib/x", "lib/x", "src/lib/x"], &["src/lib/x"]);
        check("../../../x", "", "src/a", &["x"], &[]);
        check(".", "", "src/a", &["src/a", "src/a/b"], &["src/a"]);
        check(".text", "", "src", &["src/a.text"], &["src/a.text"]);
        assert_eq!(PathGlob::new("/../x", "").unwrap_err(), SpecError::LeavesRoot("/../x".to_owned()));
    }
}

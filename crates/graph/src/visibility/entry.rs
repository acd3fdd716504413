//! The field `visibility`: what each of its entries means. It does not know who asks.

use crate::label::{check_directory, column};
use crate::{Label, LabelError};

/// One entry of the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// `//visibility:public`: everybody.
    Public,
    /// `//visibility:private`: nobody but the targets of the same folder.
    Private,
    /// `//a/b:__pkg__`: the targets of a folder.
    Package(String),
    /// `//a/b:__subpackages__`, `//a/b/...`, `//a/b/**`, `//a/b::`: those of a folder and of all below it.
    Below(String),
    /// `:x`, `//a/b:x`: one target; of an alias also what it names.
    Target(Label),
}

impl Entry {
    /// Reads an entry of a BUILD file of `package`.
    pub(super) fn parse(text: &str, package: &str) -> Result<Self, LabelError> {
        match text {
            "//visibility:public" => return Ok(Self::Public),
            "//visibility:private" => return Ok(Self::Private),
            _ => {}
        }
        let path = text.strip_prefix("//").unwrap_or(text);
        let start = text.len() - path.len();
        let folder = |folder: &str, make: fn(String) -> Self| {
            let own = folder.is_empty() && start == 0 && text.starts_with(':');
            let folder = if own { package } else { folder.trim_end_matches('/') };
            check_directory(folder, start).map(|()| make(folder.to_owned())).map_err(|(reason, at)| {
                LabelError { text: text.to_owned(), reason, column: column(text, at) }
            })
        };
        if let Some(rest) = path.strip_suffix(":__pkg__") {
            return folder(rest, Self::Package);
        }
        if let Some(rest) = path.strip_suffix("/*") {
            return folder(rest, Self::Package);
        }
        if let Some(rest) = path.strip_suffix(":__subpackages__") {
            return folder(rest, Self::Below);
        }
        if matches!(path, "..." | "**" | "::") {
            return Ok(Self::Below(String::new()));
        }
        for end in ["/...", "/**", "::"] {
            if let Some(rest) = path.strip_suffix(end) {
                return folder(rest, Self::Below);
            }
        }
        Label::parse(text, package).map(Self::Target)
    }

    /// Whether it lets see the targets of a folder, all of them.
    pub(super) fn has_package(&self, package: &str) -> bool {
        match self {
            Self::Public => true,
            Self::Package(folder) => folder == package,
            Self::Below(folder) => {
                folder.is_empty()
                    || package
                        .strip_prefix(folder.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Self::Private | Self::Target(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let found = match Entry::parse(text, "own") {
                Ok(entry) => format!("{entry:?}"),
                Err(error) => error.to_string(),
            };
            assert_eq!(found, expected, "{text}");
        }
        check("//visibility:public", "Public");
        check("//visibility:private", "Private");
        check("//a/b:__pkg__", "Package(\"a/b\")");
        check(":__pkg__", "Package(\"own\")");
        check("//:__pkg__", "Package(\"\")");
        check("//a/b/*", "Package(\"a/b\")");
        check("//a/b:__subpackages__", "Below(\"a/b\")");
        check(":__subpackages__", "Below(\"own\")");
        check("//:__subpackages__", "Below(\"\")");
        check("//a/b/...", "Below(\"a/b\")");
        check("a/b/**", "Below(\"a/b\")");
        check("a/b::", "Below(\"a/b\")");
        check("//...", "Below(\"\")");
        check("::", "Below(\"\")");
        check(":x", "Target(//own:x)");
        check("//a", "Target(//a:a)");
        check("//a/../b/**", "`//a/../b/**` is not a label: `.` and `..` are not allowed in the directory");
        check("//a/*/b", "`//a/*/b` is not a label: the character `*` is not allowed");
    }
}

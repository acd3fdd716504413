//! Which projects an index is for: names, and beginnings of names. Knows no index.

use super::error::IndexError;
use crate::name::parse_name;

/// The projects that are looked for on one index and nowhere else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    names: Vec<String>,
    /// What stands before the `*`.
    beginnings: Vec<String>,
}

impl Scope {
    /// Reads names such as `torch`, and beginnings such as `corp-*`.
    ///
    /// # Errors
    /// [`IndexError::Scope`] for what is neither.
    pub fn parse<T: AsRef<str>>(texts: &[T], index: &str) -> Result<Self, IndexError> {
        let mut scope = Self::default();
        for text in texts.iter().map(AsRef::as_ref) {
            let bad = || IndexError::Scope { index: index.to_owned(), text: text.to_owned() };
            match text.strip_suffix('*') {
                // `corp-*` is not for `corpse`, and `corp_*` means the same.
                Some(start) => {
                    let name = start.trim_end_matches(['-', '_', '.']);
                    let mut beginning = parse_name(name).map_err(|_| bad())?.to_string();
                    if name.len() < start.len() {
                        beginning.push('-');
                    }
                    scope.beginnings.push(beginning);
                }
                None => scope.names.push(parse_name(text).map_err(|_| bad())?.to_string()),
            }
        }
        Ok(scope)
    }

    /// Whether it names nothing: the index is for all projects.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.beginnings.is_empty()
    }

    /// Whether a project, whose name is normalised, is in it.
    #[must_use]
    pub fn holds(&self, project: &str) -> bool {
        self.names.iter().any(|name| name == project) || self.begins(project)
    }

    /// The names that it says in full.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether it has beginnings, so that not all of its names are known.
    pub(crate) fn is_open(&self) -> bool {
        !self.beginnings.is_empty()
    }

    fn begins(&self, project: &str) -> bool {
        self.beginnings.iter().any(|beginning| project.starts_with(beginning))
    }

    /// A project or a beginning that two scopes could both claim.
    pub(super) fn overlap(&self, other: &Self) -> Option<String> {
        let name = self.names.iter().find(|name| other.holds(name));
        let name = name.or_else(|| other.names.iter().find(|name| self.holds(name)));
        let one_in_other = |(one, two): (&String, &String)| {
            let longer = if one.len() >= two.len() { one } else { two };
            (one.starts_with(two.as_str()) || two.starts_with(one.as_str())).then(|| format!("{longer}*"))
        };
        let pairs =
            || self.beginnings.iter().flat_map(|one| other.beginnings.iter().map(move |two| (one, two)));
        name.cloned().or_else(|| pairs().find_map(one_in_other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str], inside: &[&str], outside: &[&str]) {
        let scope = Scope::parse(texts, "corp").unwrap();
        for project in inside {
            assert!(scope.holds(project), "{project}");
        }
        for project in outside {
            assert!(!scope.holds(project), "{project}");
        }
    }

    #[test]
    fn names_and_beginnings() {
        check(&["Torch"], &["torch"], &["torch-vision", "tor"]);
        check(&["corp-*", "zope.*"], &["corp-a", "corp-a-b", "zope-event"], &["corp", "corpse", "zope"]);
        check(&["corp*"], &["corp", "corpse", "corp-a"], &["cor"]);
        check(&[] as &[&str], &[], &["a"]);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["*", "", "-*", "a*b", "a b", "corp-*-x"] {
            let error = Scope::parse(&[text], "corp").unwrap_err();
            assert_eq!(error.code(), "packaging::index_scope", "{text}");
        }
    }

    #[test]
    fn overlaps_are_found() {
        let check = |one: &[&str], two: &[&str], expect: Option<&str>| {
            let (one, two) = (Scope::parse(one, "a").unwrap(), Scope::parse(two, "b").unwrap());
            assert_eq!(one.overlap(&two).as_deref(), expect);
            assert_eq!(two.overlap(&one).as_deref(), expect);
        };
        check(&["a", "b-*"], &["c", "d-*"], None);
        check(&["a", "b"], &["B"], Some("b"));
        check(&["corp-*"], &["corp-x"], Some("corp-x"));
        check(&["corp-*"], &["corp-x-*"], Some("corp-x-*"));
    }
}

//! Which licences are allowed: lists of identifiers and names, and exceptions for projects.

use std::collections::BTreeMap;

use spdx::{Expression, LicenseReq};

use super::{Licence, UNKNOWN};
use crate::name::PackageName;

/// Which licences distributions may have.
///
/// An entry is an SPDX identifier, or a name as metadata has it, without regard to case. `GPL-3.0` stands for
/// `GPL-3.0-only` and `GPL-3.0-or-later`, `GPL-*` for all that begin so, and `unknown` for what says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LicencePolicy {
    /// The only ones that are allowed; without any, all are.
    pub allow: Vec<String>,
    /// What is not allowed.
    pub deny: Vec<String>,
    /// What is allowed for a project besides.
    pub exceptions: BTreeMap<PackageName, Vec<String>>,
}

impl LicencePolicy {
    /// Whether it has no say at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether a project may have a licence. Of an expression with `OR` one side suffices.
    #[must_use]
    pub fn permits(&self, project: &PackageName, licence: &Licence) -> bool {
        let excepted = self.exceptions.get(project).map_or(&[][..], Vec::as_slice);
        // The whole as it is written goes before its parts.
        if any(excepted, &licence.to_string()) {
            return true;
        }
        let permits = |name: &str| {
            any(excepted, name)
                || (!any(&self.deny, name) && (self.allow.is_empty() || any(&self.allow, name)))
        };
        match licence {
            Licence::Expression(text) => match Expression::parse(text) {
                Ok(expression) => expression.evaluate(|one| permits(&name(one))),
                Err(_) => permits(text),
            },
            Licence::Names(names) => names.iter().all(|name| permits(name)),
            Licence::Unknown => permits(UNKNOWN),
        }
    }
}

/// What one part of an expression is called; what is permitted in addition (`WITH`) makes it no stricter.
fn name(one: &LicenseReq) -> String {
    let whole = one.to_string();
    whole.split(" WITH ").next().unwrap_or(&whole).to_owned()
}

fn any(entries: &[String], name: &str) -> bool {
    let name = name.to_lowercase();
    let base = ["-only", "-or-later", "+"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    entries.iter().map(|entry| entry.to_lowercase()).any(|entry| match entry.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => entry == name || entry == base,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allow: &[&str], deny: &[&str], licence: &str, expect: bool) {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let project: PackageName = "thing".parse().unwrap();
        let exceptions =
            BTreeMap::from([(project.clone(), vec!["EUPL-1.2".to_owned(), "Own License".to_owned()])]);
        let policy = LicencePolicy { allow: owned(allow), deny: owned(deny), exceptions };
        let licence = match licence {
            "" => Licence::Unknown,
            name if name.ends_with("License") => Licence::Names(vec![name.to_owned()]),
            text => Licence::Expression(text.to_owned()),
        };
        assert_eq!(policy.permits(&project, &licence), expect, "{allow:?} {deny:?} {licence}");
    }

    #[test]
    fn lists_decide() {
        check(&["MIT", "BSD-*"], &[], "MIT", true);
        check(&["mit", "BSD-*"], &[], "BSD-3-Clause", true);
        check(&["MIT"], &[], "Apache-2.0", false);
        check(&["MIT"], &[], "MIT OR GPL-3.0-only", true);
        check(&["MIT"], &[], "MIT AND GPL-3.0-only", false);
        check(&[], &["GPL-3.0"], "GPL-3.0-or-later", false);
        check(&[], &["GPL-3.0"], "MIT OR GPL-3.0-only", true);
        check(&[], &["GPL-3.0-only"], "GPL-3.0-or-later", true);
        check(&[], &["AGPL-*"], "AGPL-3.0-only", false);
        check(&["Apache-2.0"], &[], "Apache-2.0 WITH LLVM-exception", true);
    }

    #[test]
    fn what_is_not_known_is_not_allowed_where_only_some_are() {
        check(&["MIT"], &[], "", false);
        check(&["MIT", "unknown"], &[], "", true);
        check(&[], &["GPL-3.0"], "", true);
        check(&[], &["unknown"], "", false);
        check(&["MIT"], &[], "BSD License", false);
    }

    #[test]
    fn projects_have_exceptions() {
        check(&["MIT"], &[], "EUPL-1.2", true);
        check(&[], &["EUPL-*"], "EUPL-1.2", true);
        check(&["MIT"], &[], "Own License", true);
        check(&["MIT"], &[], "EUPL-1.1", false);
    }
}

//! Version constraints as Poetry writes them, in the words of PEP 440 and of markers; knows no TOML.

use crate::Version;

/// A comparison of PEP 440, with a version that may end with `.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparison {
    operator: &'static str,
    version: String,
}

/// Ranges of which a version has to be in one. Each is made of comparisons that all hold; one without accepts all.
pub(super) type Ranges = Vec<Vec<Comparison>>;

const OPERATORS: [&str; 11] = ["", "=", "==", "^", "~", "~=", ">=", "<=", ">", "<", "!="];
/// As many parts of a version as the caret looks at.
const SEMANTIC: usize = 3;

/// Reads a constraint, or says what is wrong with it.
pub(super) fn ranges(text: &str) -> Result<Ranges, String> {
    text.split("||").flat_map(|part| part.split('|')).map(range).collect()
}

/// Comparisons with a comma or space between them.
fn range(text: &str) -> Result<Vec<Comparison>, String> {
    let is_separator = |c: char| c == ',' || c.is_whitespace();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("expected a version or a comparison with one".to_owned());
    }
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (operator, behind) = rest.split_at(rest.find(|c| !"^~=<>!".contains(c)).unwrap_or(rest.len()));
        let behind = behind.trim_start();
        let (version, behind) = behind.split_at(behind.find(is_separator).unwrap_or(behind.len()));
        let known = OPERATORS.into_iter().find(|known| *known == operator);
        let operator = known.ok_or_else(|| format!("there is no comparison `{operator}`"))?;
        all.extend(comparisons(operator, version)?);
        rest = behind.trim_start_matches(is_separator);
    }
    Ok(all)
}

fn comparisons(operator: &'static str, text: &str) -> Result<Vec<Comparison>, String> {
    let exact = matches!(operator, "" | "=" | "==");
    if text == "*" && exact {
        return Ok(Vec::new());
    }
    let one = |operator, version| Comparison { operator, version };
    let shown = if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") };
    let version = |text: &str| text.parse::<Version>().map_err(|_| format!("{shown} is no version"));
    if text.ends_with(".*") {
        let prefix = text.trim_end_matches(".*");
        version(prefix)?;
        return match operator {
            "!=" => Ok(vec![one("!=", format!("{prefix}.*"))]),
            _ if exact => Ok(vec![one("==", format!("{prefix}.*"))]),
            _ => Err(format!("`{text}` cannot stand behind `{operator}`")),
        };
    }
    let least = version(text)?;
    let bound = |part: usize| {
        let end = next(&least, part).ok_or_else(|| format!("{shown} is too large"))?;
        Ok(vec![one(">=", text.to_owned()), one("<", end)])
    };
    match operator {
        "^" => bound(caret(least.release())),
        "~" => bound(usize::from(least.release().len() > 1)),
        _ if exact => Ok(vec![one("==", text.to_owned())]),
        _ => Ok(vec![one(operator, text.to_owned())]),
    }
}

/// The part of a release that `^` keeps: the first that is not zero, or else the last.
fn caret(release: &[u64]) -> usize {
    let semantic = &release[..release.len().min(SEMANTIC)];
    semantic.iter().position(|part| *part != 0).unwrap_or(semantic.len().saturating_sub(1))
}

/// The first release with a greater part than a version has, written with as many parts.
fn next(version: &Version, part: usize) -> Option<String> {
    let epoch = if version.epoch() == 0 { String::new() } else { format!("{}!", version.epoch()) };
    let increased = |(index, value): (usize, &u64)| match index.cmp(&part) {
        std::cmp::Ordering::Less => Some(value.to_string()),
        std::cmp::Ordering::Equal => Some(value.checked_add(1)?.to_string()),
        std::cmp::Ordering::Greater => Some("0".to_owned()),
    };
    let parts: Option<Vec<String>> = version.release().iter().enumerate().map(increased).collect();
    Some(format!("{epoch}{}", parts?.join(".")))
}

/// The versions of a requirement.
pub(super) fn specifiers(range: &[Comparison]) -> String {
    let all: Vec<String> = range.iter().map(|one| format!("{}{}", one.operator, one.version)).collect();
    all.join(",")
}

/// The marker that holds for the Pythons of some ranges; none if it holds for all.
pub(super) fn python_marker(ranges: &Ranges) -> Option<String> {
    let all = |range: &Vec<Comparison>| {
        let comparisons: Vec<String> = range.iter().map(Comparison::of_python).collect();
        match comparisons.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            several => Some(format!("({})", several.join(" and "))),
        }
    };
    let alternatives: Option<Vec<String>> = ranges.iter().map(all).collect();
    alternatives.map(|alternatives| alternatives.join(" or "))
}

impl Comparison {
    /// It as a marker. `python_version` has two parts, so that it cannot tell what lies behind a bound of that many.
    fn of_python(&self) -> String {
        let Self { operator, version } = self;
        let parts = version.trim_end_matches(".*").split('.').count();
        let full = parts > 2 || matches!(*operator, ">" | "<=");
        let variable = if full { "python_full_version" } else { "python_version" };
        format!("{variable} {operator} \"{version}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let found = match ranges(text) {
            Ok(ranges) => ranges.iter().map(|range| specifiers(range)).collect::<Vec<_>>().join(" or "),
            Err(reason) => format!("! {reason}"),
        };
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn constraints_are_those_of_the_documentation() {
        check("^1.2.3", ">=1.2.3,<2.0.0");
        check("^1.2", ">=1.2,<2.0");
        check("^1", ">=1,<2");
        check("^0.2.3", ">=0.2.3,<0.3.0");
        check("^0.0.3", ">=0.0.3,<0.0.4");
        check("^0.0", ">=0.0,<0.1");
        check("^0", ">=0,<1");
        check("^ 1!2.0b1", ">=1!2.0b1,<1!3.0");
        check("^0.0.0.7", ">=0.0.0.7,<0.0.1.0");
        check("~1.2.3", ">=1.2.3,<1.3.0");
        check("~1.2", ">=1.2,<1.3");
        check("~1", ">=1,<2");
        check("~=1.2.3", "~=1.2.3");
        check("*", "");
        check("1.*", "==1.*");
        check("1.2.*.*", "==1.2.*");
        check("!=1.2.*", "!=1.2.*");
        check(">= 1.2.0", ">=1.2.0");
        check(">=1.2, <1.5", ">=1.2,<1.5");
        check(">1 <= 2 !=1.5", ">1,<=2,!=1.5");
        check("1.2.3", "==1.2.3");
        check("=1.2.3+cpu", "==1.2.3+cpu");
        check("^1 || ^3.1|5", ">=1,<2 or >=3.1,<4.0 or ==5");
    }

    #[test]
    fn what_is_no_constraint_is_refused() {
        check("", "! expected a version or a comparison with one");
        check("^1 ||", "! expected a version or a comparison with one");
        check("=>1", "! there is no comparison `=>`");
        check("^", "! nothing is no version");
        check("^latest", "! `latest` is no version");
        check(">=1.*", "! `1.*` cannot stand behind `>=`");
        check("^18446744073709551615", "! `18446744073709551615` is too large");
    }

    #[test]
    fn pythons_are_markers() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(python_marker(&ranges(text).unwrap()).as_deref(), expect, "{text}");
        };
        check("^3.8", Some("(python_version >= \"3.8\" and python_version < \"4.0\")"));
        check("~3.9.1", Some("(python_full_version >= \"3.9.1\" and python_full_version < \"3.10.0\")"));
        check("<=3.9", Some("python_full_version <= \"3.9\""));
        check("3.9.*", Some("python_version == \"3.9.*\""));
        check("<3.8 || >=3.10", Some("python_version < \"3.8\" or python_version >= \"3.10\""));
        check("*", None);
        check("<3.8 || *", None);
    }
}

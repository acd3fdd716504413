//! The text of `METADATA` and `PKG-INFO` (core metadata), of `WHEEL` and of `entry_points.txt`; writes no file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Metadata, Person};
use crate::requirement::Requirement;

/// The fields, and the long description below them.
pub(super) fn core_metadata(metadata: &Metadata, readme: Option<&str>) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: &str| {
        // A line that is not the first is indented, as mail headers are.
        let value = value.trim().lines().collect::<Vec<_>>().join("\n        ");
        writeln!(text, "{name}: {value}").expect("a string takes all text");
    };
    // The oldest version of the format that has all the fields, since old indexes know no newer one.
    let licenses = metadata.license_expression.is_some() || !metadata.license_files.is_empty();
    field("Metadata-Version", if licenses { "2.4" } else { "2.1" });
    field("Name", &metadata.name);
    field("Version", &metadata.version);
    metadata.summary.iter().for_each(|summary| field("Summary", summary));
    metadata.urls.iter().for_each(|(label, url)| field("Project-URL", &format!("{label}, {url}")));
    people("Author", &metadata.authors, &mut field);
    people("Maintainer", &metadata.maintainers, &mut field);
    metadata.license_expression.iter().for_each(|license| field("License-Expression", license));
    metadata.license.iter().for_each(|license| field("License", license));
    metadata.license_files.iter().for_each(|file| field("License-File", file));
    if !metadata.keywords.is_empty() {
        field("Keywords", &metadata.keywords.join(","));
    }
    metadata.classifiers.iter().for_each(|classifier| field("Classifier", classifier));
    metadata.requires_python.iter().for_each(|python| field("Requires-Python", python));
    metadata.requires.iter().for_each(|requirement| field("Requires-Dist", requirement));
    for (extra, requirements) in &metadata.extras {
        field("Provides-Extra", extra);
        requirements.iter().for_each(|requirement| field("Requires-Dist", &with_extra(requirement, extra)));
    }
    if let Some(readme) = &metadata.readme {
        field("Description-Content-Type", &readme.content_type);
    }
    if let Some(readme) = readme {
        text.push('\n');
        text.push_str(readme);
        if !readme.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// The names of those without an address in one field, the addresses of the others in another.
fn people(kind: &str, people: &[Person], field: &mut impl FnMut(&str, &str)) {
    let names: Vec<&str> = (people.iter())
        .filter(|person| person.email.is_none())
        .filter_map(|person| person.name.as_deref())
        .collect();
    let emails: Vec<String> = people.iter().filter_map(address).collect();
    if !names.is_empty() {
        field(kind, &names.join(", "));
    }
    if !emails.is_empty() {
        field(&format!("{kind}-email"), &emails.join(", "));
    }
}

fn address(person: &Person) -> Option<String> {
    let email = person.email.as_ref()?;
    let Some(name) = &person.name else { return Some(email.clone()) };
    let plain = |c: char| c.is_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
    Some(if name.chars().all(plain) {
        format!("{name} <{email}>")
    } else {
        format!("\"{}\" <{email}>", name.replace('\\', "\\\\").replace('"', "\\\""))
    })
}

/// A requirement that holds for an extra alone, beside what it says itself.
fn with_extra(requirement: &str, extra: &str) -> String {
    let parsed: Option<Requirement> = requirement.parse().ok();
    let has_marker = parsed.is_some_and(|parsed| !parsed.marker.is_always());
    match requirement.rsplit_once(';').filter(|_| has_marker) {
        Some((what, marker)) => format!("{}; ({}) and extra == '{extra}'", what.trim(), marker.trim()),
        // An address ends where a space is.
        None if requirement.contains('@') => format!("{requirement} ; extra == '{extra}'"),
        None => format!("{requirement}; extra == '{extra}'"),
    }
}

/// The text of `WHEEL`.
pub(super) fn wheel(metadata: &Metadata) -> String {
    let mut text = format!(
        "Wheel-Version: 1.0\nGenerator: pants {}\nRoot-Is-Purelib: true\n",
        env!("CARGO_PKG_VERSION")
    );
    for python in metadata.python_tag.split('.') {
        writeln!(text, "Tag: {python}-none-any").expect("a string takes all text");
    }
    text
}

/// The text of `entry_points.txt`; none where there are none.
pub(super) fn entry_points(groups: &BTreeMap<String, BTreeMap<String, String>>) -> Option<String> {
    let sections = groups.iter().filter(|(_, entries)| !entries.is_empty()).map(|(group, entries)| {
        let lines: String = entries.iter().map(|(name, target)| format!("{name} = {target}\n")).collect();
        format!("[{group}]\n{lines}")
    });
    let sections: Vec<String> = sections.collect();
    (!sections.is_empty()).then(|| sections.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extras_and_markers_go_together() {
        let check = |text: &str, expect: &str| {
            assert_eq!(with_extra(text, "web"), expect);
            assert!(expect.parse::<Requirement>().is_ok(), "{expect}");
        };
        check("flask>=3", "flask>=3; extra == 'web'");
        check(
            "flask; python_version < '3.9' or os_name == 'nt'",
            "flask; (python_version < '3.9' or os_name == 'nt') and extra == 'web'",
        );
        check("flask @ https://h.example/flask.zip", "flask @ https://h.example/flask.zip ; extra == 'web'");
    }

    #[test]
    fn people_are_written_as_mail_has_them() {
        let person = |name: Option<&str>, email: Option<&str>| Person {
            name: name.map(ToOwned::to_owned),
            email: email.map(ToOwned::to_owned),
        };
        let check = |person: &Person, expect: Option<&str>| assert_eq!(address(person).as_deref(), expect);
        check(&person(Some("A B"), Some("a@b.example")), Some("A B <a@b.example>"));
        check(&person(Some("B, \"A\""), Some("a@b.example")), Some("\"B, \\\"A\\\"\" <a@b.example>"));
        check(&person(None, Some("a@b.example")), Some("a@b.example"));
        check(&person(Some("A B"), None), None);
    }
}

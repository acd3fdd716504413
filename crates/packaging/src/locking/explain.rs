//! Turns what uv says when it fails into an error of ours: its derivation, without its name, paths and addresses.

use std::path::Path;

use url::Url;

use super::error::LockError;
use super::{LockRequest, LockTools, project};
use crate::index::{FetchError, Index, Indexes};

/// The error for what uv `said`.
pub(super) fn explain(
    said: &str,
    request: &LockRequest<'_>,
    tools: &LockTools<'_>,
    scratch: &Path,
) -> LockError {
    let text = plain(said, request.resolve, request.indexes, scratch);
    let resolve = request.resolve.to_owned();
    let has = |signs: &[&str]| signs.iter().any(|sign| said.contains(sign));
    if tools.client.is_offline()
        && has(&[
            "network was disabled",
            "Network connectivity is disabled",
            "network is disabled",
            "not found in the cache",
        ])
    {
        return LockError::Offline { resolve, cause: text };
    }
    // An index that refuses is as one without the project to uv.
    if has(&["401 Unauthorized", "403 Forbidden", "407 Proxy"])
        && let Some(error) = probe(said, request, tools)
    {
        return LockError::Network { resolve, cause: error.to_string(), help: error.help() };
    }
    if said.contains("No solution found") {
        let asked = asked_for(&text, request);
        return LockError::NoSolution { resolve, explanation: text, asked };
    }
    if has(&[
        "Failed to fetch",
        "error sending request",
        "Request failed",
        "Could not connect",
        "HTTP status",
        "dns error",
    ]) {
        return match probe(said, request, tools) {
            Some(error) => LockError::Network { resolve, cause: error.to_string(), help: error.help() },
            None => LockError::Network { resolve, cause: text, help: None },
        };
    }
    LockError::Uv { resolve, cause: text }
}

/// Asks the index that uv could not use for a page: what fails so says what is wrong, and what to do about it.
fn probe(said: &str, request: &LockRequest<'_>, tools: &LockTools<'_>) -> Option<FetchError> {
    let addresses = said.split(|c: char| c.is_whitespace() || matches!(c, '`' | '<' | '>' | '(' | ')'));
    let url = addresses.filter_map(|text| Url::parse(text).ok()).find(|url| url.has_host())?;
    let index = named(&url, request.indexes)?;
    let below = url.path().strip_prefix(index.url.without_credentials().path().trim_end_matches('/'));
    let project = below.and_then(|rest| rest.split('/').find(|part| !part.is_empty()));
    // Where it says the index alone, one of the projects that it was asked for.
    let asked = || request.requirements.iter().map(|asked| asked.requirement.name.as_ref());
    let claimed = || asked().find(|name| index.scope.holds(name));
    let project = project.or_else(claimed).or_else(|| asked().next())?;
    let failed = tools.client.page(&index.name, project).err();
    failed.filter(|error| !matches!(error, FetchError::NoProject { .. } | FetchError::Offline { .. }))
}

/// The index that an address belongs to: the one that it lies below, else one of the same host.
fn named<'i>(url: &Url, indexes: &'i Indexes) -> Option<&'i Index> {
    let of = |index: &&'i Index| index.url.without_credentials();
    let same_origin = |index: &&&'i Index| {
        let other = of(index);
        (other.scheme(), other.host_str(), other.port()) == (url.scheme(), url.host_str(), url.port())
    };
    let below = |index: &&&'i Index| url.path().starts_with(of(index).path().trim_end_matches('/'));
    let all: Vec<&'i Index> = indexes.iter().collect();
    let found = all.iter().find(|index| same_origin(index) && below(index));
    let found = found.or_else(|| all.iter().find(same_origin));
    found.or_else(|| all.iter().find(|index| of(index).host_str() == url.host_str())).copied()
}

/// The requirements whose project a text speaks of, and who asks for them.
fn asked_for(text: &str, request: &LockRequest<'_>) -> Vec<String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let words: std::collections::BTreeSet<&str> = text.split(|c| !inside(c)).collect();
    let named = request.requirements.iter().filter(|asked| words.contains(asked.requirement.name.as_ref()));
    let mut found: Vec<String> =
        named.map(|asked| format!("`{}` of {}", asked.requirement, asked.by)).collect();
    found.sort();
    found.dedup();
    found
}

/// The text without what is noise or secret: the lines that are no error, the prefixes, the scratch project's name
/// and path, and every address.
fn plain(said: &str, resolve: &str, indexes: &Indexes, scratch: &Path) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in said.lines().map(str::trim) {
        // Advice on uv's own options helps nobody here.
        let advice = line.starts_with("hint: ")
            && ["`tool.uv", "network", "requires-python"].iter().any(|sign| line.contains(sign));
        let skipped = advice
            || line.is_empty()
            || line.starts_with("Using ")
            || line.starts_with("warning:")
            || line.contains("No solution found when resolving");
        if !skipped {
            let line = ["error: ", "cause: ", "Caused by: "]
                .iter()
                .fold(line, |line, prefix| line.strip_prefix(prefix).unwrap_or(line));
            lines.push(line.trim_start_matches(['×', '╰', '─', '▶', '│', ' ']));
        }
    }
    let text = lines.join("\n");
    let ours = format!("the resolve `{resolve}`");
    let text = text
        .replace(&format!("{}/", scratch.display()), "")
        .replace(&*scratch.to_string_lossy(), "the scratch project");
    let text = text.replace("your project's requirements", &format!("the requirements of {ours}"));
    let text = text.replace("your project", &ours).replace(project::PROJECT, resolve);
    let text = without_trials(&without_addresses(&text, indexes));
    let text = with_pins(&text, indexes);
    // What pins a project to its index accepts all versions, and nobody asked for it.
    let text = [" ", ",", "\n"].iter().fold(text, |text, end| text.replace(&format!(">=0{end}"), end));
    let text = text.trim_end().trim_end_matches('.');
    match text.strip_prefix("Because ") {
        Some(rest) => format!("because {rest}"),
        None => text.to_owned(),
    }
}

/// Says where a project was not found that is looked for on one index alone.
fn with_pins(text: &str, indexes: &Indexes) -> String {
    const NOT_FOUND: &str = " was not found in the package registry";
    let mut parts = text.split(NOT_FOUND);
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let project = made.rsplit(char::is_whitespace).next().unwrap_or_default().to_owned();
        match indexes.claiming(&project).next() {
            Some(index) => {
                made.push_str(&format!(
                    " was not found on the index `{}`, which it is pinned to",
                    index.name
                ));
            }
            None => made.push_str(NOT_FOUND),
        }
        made.push_str(part);
    }
    made
}

/// Takes out `(try: …)`, which names options of uv.
fn without_trials(text: &str) -> String {
    let mut made = text.to_owned();
    while let Some(start) = made.find(" (try: ") {
        let end = made[start..].find(')').map_or(made.len(), |end| start + end + 1);
        made.replace_range(start..end, "");
    }
    made
}

/// Replaces each address by the name of the index that it belongs to.
fn without_addresses(text: &str, indexes: &Indexes) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) =
        ["https://", "http://", "file://"].iter().filter_map(|scheme| rest.find(scheme)).min()
    {
        made.push_str(rest[..at].trim_end_matches(['`', '<', '(']));
        rest = &rest[at..];
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '`' | '>' | ')' | ',' | '"'))
            .unwrap_or(rest.len());
        let (address, after) = rest.split_at(end);
        match Url::parse(address).ok().and_then(|url| named(&url, indexes)) {
            Some(index) => made.push_str(&format!("the index `{}`", index.name)),
            None => made.push_str("an address"),
        }
        rest = after.trim_start_matches(['`', '>', ')']);
    }
    made.push_str(rest);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, expected: &str) {
        let indexes = Indexes::single("https://bob:s3cret@h.example/simple").unwrap();
        assert_eq!(plain(said, "web", &indexes, Path::new("/tmp/x")), expected);
    }

    #[test]
    fn what_uv_says_is_made_plain() {
        check("Using CPython 3.12.1 interpreter at: /usr/bin/python\nerror: It is bad.\n", "It is bad");
        check(
            "error: Failed to fetch: `https://h.example/simple/a/`\n  Caused by: cut (https://other.example/x)\n",
            "Failed to fetch: the index `default`\ncut an address",
        );
        check(
            "error: No solution found when resolving dependencies for split (markers: x)\n  cause: Because your project depends on a, we conclude that your project's requirements are unsatisfiable.",
            "because the resolve `web` depends on a, we conclude that the requirements of the resolve `web` are unsatisfiable",
        );
        check(
            "hint: limit `tool.uv.environments`\nhint: there is 1.0rc1 (try: `--prerelease=allow`)\n",
            "hint: there is 1.0rc1",
        );
        check("error: /tmp/x/pyproject.toml is bad", "pyproject.toml is bad");
    }
}

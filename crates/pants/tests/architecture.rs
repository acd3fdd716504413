//! Holds the architecture of `docs/architecture.md` against the workspace as it is: arrows between crates, sizes of
//! files and functions, licences, and what no committed file may contain.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which crates of the workspace each crate may use. An arrow is changed here, in review, and in the documentation.
const ARROWS: &[(&str, &[&str])] = &[
    ("graph", &[]),
    ("store", &[]),
    ("loader", &["graph", "store"]),
    ("engine", &["graph", "store"]),
    ("remote", &["engine", "store"]),
    ("packaging", &["engine", "store"]),
    ("python", &["packaging", "engine", "graph", "store"]),
    ("pants", &["python", "remote", "packaging", "engine", "loader", "graph", "store"]),
];

/// The secret that each crate keeps: nobody else's code may use these dependencies. Tests may, to damage what they hide.
const SECRETS: &[(&str, &[&str])] = &[
    ("starlark", &["loader"]),
    ("rusqlite", &["store"]),
    ("ureq", &["packaging", "remote"]),
    ("clap", &["pants"]),
    ("indicatif", &["pants"]),
    ("annotate-snippets", &["pants"]),
    ("tokio", &["remote"]),
    ("tonic", &["remote"]),
    ("anyhow", &[]),
];

/// Names that promise nothing, so that everything ends up there.
const EMPTY_NAMES: &[&str] = &["common", "core", "helpers", "types", "util", "utils"];

/// The longest that a source file may be, in lines.
const FILE_LINES: usize = 500;

/// Files that are longer, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// The longest that a function may be, in lines; clippy counts them.
const FUNCTION_LINES: usize = 60;

/// Licences of dependencies that ask for no more than their text. MPL-2.0 asks for changes to its own files alone, and
/// we make none.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// What must not be found, in pieces so that this file does not contain it, and where it may be all the same.
const FORBIDDEN: &[Forbidden] = &[
    Forbidden { pieces: &["py", "pi.org"], what: "the host of a package index", except: &[] },
    Forbidden { pieces: &["python", "hosted"], what: "the host of a package index", except: &[] },
    // Cargo writes the name of its own registry into its lock.
    Forbidden { pieces: &["crates", ".io"], what: "the host of a registry", except: &["Cargo.lock"] },
    Forbidden { pieces: &["/wo", "rk/"], what: "a path of one machine", except: &[] },
    Forbidden { pieces: &["/ro", "ot/"], what: "a path of one machine", except: &[] },
    Forbidden { pieces: &["/ho", "me/"], what: "a path of one machine", except: &[] },
];

struct Forbidden {
    pieces: &'static [&'static str],
    what: &'static str,
    except: &'static [&'static str],
}

#[test]
fn crates_use_only_what_the_arrows_allow() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let crates = crates();
    let names: BTreeSet<&str> = crates.keys().map(String::as_str).collect();
    let mut offences = Vec::new();
    for (name, dependencies) in &crates {
        let Some(allowed) = arrows.get(name.as_str()) else {
            offences.push(format!("`{name}` is no crate of the architecture"));
            continue;
        };
        let of_ours = dependencies.iter().filter(|used| names.contains(used.as_str()));
        let wrong = of_ours.filter(|used| !allowed.contains(&used.as_str()));
        offences.extend(wrong.map(|used| format!("`{name}` must not depend on `{used}`")));
    }
    none(&offences);
}

#[test]
fn the_documentation_has_the_arrows() {
    let documentation = read("docs/architecture.md");
    let mut offences = Vec::new();
    for (name, allowed) in ARROWS {
        let uses = match allowed.len() {
            0 => "nothing".to_owned(),
            all if all == ARROWS.len() - 1 => "all".to_owned(),
            _ => allowed.join(", "),
        };
        if !documentation.contains(&format!("| `{name}` | {uses} |")) {
            offences.push(format!("docs/architecture.md does not say that `{name}` uses {uses}"));
        }
    }
    none(&offences);
}

#[test]
fn crates_keep_their_secrets() {
    let mut offences = Vec::new();
    for (name, dependencies) in crates_as_shipped() {
        for (secret, owners) in SECRETS {
            if dependencies.contains(*secret) && !owners.contains(&name.as_str()) {
                offences
                    .push(format!("`{name}` must not depend on `{secret}`, which is for {owners:?} alone"));
            }
        }
    }
    none(&offences);
}

#[test]
fn crates_are_named_by_what_they_do() {
    let mut offences = Vec::new();
    for package in members(&metadata()) {
        let name = text(&package["name"]);
        let folder = Path::new(text(&package["manifest_path"])).parent().and_then(Path::file_name);
        if EMPTY_NAMES.contains(&name) {
            offences.push(format!("`{name}` says nothing"));
        }
        if folder.is_none_or(|folder| folder != name) {
            offences.push(format!("`{name}` lies in a folder of another name, {folder:?}"));
        }
    }
    none(&offences);
}

#[test]
fn dependencies_have_permissive_licences() {
    let metadata = metadata();
    let mut offences = Vec::new();
    for package in list(&metadata["packages"]) {
        let name = text(&package["name"]);
        match package["license"].as_str() {
            None => offences.push(format!("`{name}` names no licence")),
            Some(licence) if !accepted(licence) => offences.push(format!("`{name}` is under `{licence}`")),
            Some(_) => {}
        }
    }
    none(&offences);
}

#[test]
fn direct_dependencies_have_a_reason() {
    let documentation = read("docs/architecture.md");
    let crates = crates();
    let of_others = crates.values().flatten().filter(|used| !crates.contains_key(*used));
    let unexplained = of_others.filter(|used| !documentation.contains(&format!("`{used}`")));
    let offences: BTreeSet<String> =
        unexplained.map(|used| format!("docs/architecture.md has no reason for `{used}`")).collect();
    none(&offences.into_iter().collect::<Vec<_>>());
}

#[test]
fn licence_expressions_are_understood() {
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND LGPL-3.0-only", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", true),
        ("MIT/GPL-2.0-only", true),
        ("", false),
    ] {
        assert_eq!(accepted(expression), expected, "{expression}");
    }
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut offences = Vec::new();
    for path in committed().iter().filter(|path| path.ends_with(".rs")) {
        let content = read(path);
        let lines = content.lines().count();
        let excused = LONG_FILES.iter().any(|(excused, _)| excused == path);
        if lines > FILE_LINES && !excused {
            offences.push(format!("`{path}` has {lines} lines, more than {FILE_LINES}"));
        }
        if lines <= FILE_LINES && excused {
            offences.push(format!("`{path}` has {lines} lines and needs no exception"));
        }
        let head: Vec<&str> = content.lines().map_while(|line| line.strip_prefix("//! ")).collect();
        if !head.join(" ").contains('.') {
            offences.push(format!("`{path}` does not begin with a `//!` sentence"));
        }
    }
    none(&offences);
}

#[test]
fn functions_are_kept_short_by_clippy() {
    let clippy = read("clippy.toml");
    assert!(clippy.contains(&format!("too-many-lines-threshold = {FUNCTION_LINES}\n")), "{clippy}");
    assert!(read("Cargo.toml").contains("\ntoo_many_lines = \"warn\"\n"), "the lint is off");
    let offences: Vec<String> = (crates().keys())
        .filter(|name| !read(&format!("crates/{name}/Cargo.toml")).contains("\n[lints]\nworkspace = true\n"))
        .map(|name| format!("`{name}` does not take the lints of the workspace"))
        .collect();
    none(&offences);
}

#[test]
fn error_codes_have_one_form() {
    let mut offences = Vec::new();
    let plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-0123456789".contains(&byte));
    for path in committed().iter().filter(|path| path.ends_with(".rs")) {
        for quoted in read(path).split('"') {
            let code = quoted.split_once("::").filter(|(_, name)| name.contains('-'));
            if code.is_some_and(|(krate, name)| plain(krate) && plain(name)) {
                offences.push(format!("`{path}` has the code `{quoted}`, expected `_` for `-`"));
            }
        }
    }
    none(&offences);
}

#[test]
fn committed_files_name_no_registry_and_no_machine() {
    let mut offences = Vec::new();
    for path in committed() {
        let content = read(&path);
        for forbidden in FORBIDDEN.iter().filter(|one| !one.except.contains(&path.as_str())) {
            let needle = forbidden.pieces.concat();
            let lines = content.lines().enumerate().filter(|(_, line)| contains_path(line, &needle));
            offences.extend(lines.map(|(index, _)| format!("{path}:{}: {}", index + 1, forbidden.what)));
        }
    }
    none(&offences);
}

/// Whether a line has the text; a path has to start there, so that a folder of this repository may be called so too.
fn contains_path(line: &str, needle: &str) -> bool {
    let inner =
        |before: char| before.is_alphanumeric() || matches!(before, '.' | '_' | '-' | ']' | '}' | '$');
    let starts = |at: usize| !line[..at].chars().next_back().is_some_and(inner);
    line.match_indices(needle).any(|(at, _)| !needle.starts_with('/') || starts(at))
}

/// Whether an SPDX expression, or one in the old form with slashes, can be met by accepted licences alone.
fn accepted(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    any_of(&words, &mut at) && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize) -> bool {
    let mut met = all_of(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all_of(words, at);
    }
    met
}

fn all_of(words: &[&str], at: &mut usize) -> bool {
    let mut met = licence(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= licence(words, at);
    }
    met
}

fn licence(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let met = any_of(words, at);
        *at += 1;
        return met;
    }
    if words.get(*at) != Some(&"WITH") {
        return LICENCES.contains(word);
    }
    let exception = words.get(*at + 1).copied().unwrap_or_default();
    *at += 2;
    LICENCES.contains(&format!("{word} WITH {exception}").as_str())
}

/// The crates of the workspace, each with the names of all that it depends on, also for its tests.
fn crates() -> BTreeMap<String, BTreeSet<String>> {
    crates_with(|_| true)
}

/// The same without what only tests use.
fn crates_as_shipped() -> BTreeMap<String, BTreeSet<String>> {
    crates_with(|dependency| dependency["kind"] != "dev")
}

fn crates_with(counts: impl Fn(&Value) -> bool) -> BTreeMap<String, BTreeSet<String>> {
    let names = |package: &Value| {
        let used = list(&package["dependencies"]).iter().filter(|used| counts(used));
        used.map(|used| text(&used["name"]).to_owned()).collect()
    };
    members(&metadata()).iter().map(|package| (text(&package["name"]).to_owned(), names(package))).collect()
}

fn members(metadata: &Value) -> Vec<Value> {
    let ids = list(&metadata["workspace_members"]);
    list(&metadata["packages"]).iter().filter(|package| ids.contains(&package["id"])).cloned().collect()
}

/// What cargo says of the packages that a build on this machine takes.
fn metadata() -> Value {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", &platform];
    serde_json::from_str(&output(env!("CARGO"), &arguments)).expect("cargo writes JSON")
}

/// The paths of the files that git knows, below the root.
fn committed() -> Vec<String> {
    let listed = output("git", &["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    let paths = listed.split('\0').filter(|path| !path.is_empty() && root().join(path).is_file());
    paths.map(ToOwned::to_owned).collect()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run `{program}`: {error}"));
    assert!(output.status.success(), "`{program}` failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the answer is UTF-8")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    let bytes = std::fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("cargo gives a string")
}

fn none(offences: &[String]) {
    assert!(offences.is_empty(), "\n  {}\n", offences.join("\n  "));
}

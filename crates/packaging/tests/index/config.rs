//! Where indexes are found, and what wins.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use packaging::index::{Declarations, DeclaredIndex, IndexError, Indexes, Surroundings};

/// The name and address of each index that is found, given `pants.toml`, variables and files below a folder;
/// `~` in a variable stands for that folder.
fn find(
    declared: &[(&str, &str)],
    env: &[(&str, &str)],
    files: &[(&str, &str)],
) -> Result<Vec<(String, String)>, IndexError> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let at = |path: &str| folder.path().join(path).display().to_string();
    let mut all = BTreeMap::from([("HOME".to_owned(), at("home"))]);
    for (name, value) in env {
        all.insert((*name).to_owned(), value.replace('~', &at("home")));
    }
    let around =
        Surroundings { env: all, root: folder.path().join("repo"), system: folder.path().to_owned() };
    let indexes = Indexes::find(&declarations(declared), &around, &|| Some("https://machine/simple".into()))?;
    Ok(indexes.iter().map(|i| (i.name.clone(), i.url.without_credentials().to_string())).collect())
}

/// Declared indexes: `-` stands for no address.
fn declarations(declared: &[(&str, &str)]) -> Declarations {
    let index = |(name, url): &(&str, &str)| DeclaredIndex {
        name: (*name).to_owned(),
        url: Some((*url).to_owned()).filter(|url| url != "-"),
        ..DeclaredIndex::default()
    };
    Declarations { indexes: declared.iter().map(index).collect(), ..Declarations::default() }
}

#[track_caller]
fn check(declared: &[(&str, &str)], env: &[(&str, &str)], files: &[(&str, &str)], expected: &[(&str, &str)]) {
    let found = find(declared, env, files).unwrap();
    let found: Vec<_> = found.iter().map(|(name, url)| (name.as_str(), url.as_str())).collect();
    assert_eq!(found, expected);
}

const UV: (&str, &str) = ("home/.config/uv/uv.toml", "index-url = 'https://uv-user/simple'");
const PIP: (&str, &str) = ("home/.config/pip/pip.conf", "[global]\nindex-url = https://pip-user/simple\n");

#[test]
fn each_place_yields_to_the_one_before() {
    let default = |url| [("default", url)];
    check(&[], &[], &[], &default("https://machine/simple"));
    let etc =
        ("etc/pip.conf", "[global]\nindex-url = https://pip-system/simple\nextra-index-url = https://x/s");
    check(&[], &[], &[etc], &[("extra-1", "https://x/s"), ("default", "https://pip-system/simple")]);
    check(&[], &[], &[etc, PIP], &[("extra-1", "https://x/s"), ("default", "https://pip-user/simple")]);
    check(&[], &[], &[UV, PIP], &default("https://uv-user/simple"));
    let project = ("repo/pyproject.toml", "[tool.uv]\nindex-url = 'https://project/simple'");
    check(&[], &[], &[UV, project], &default("https://project/simple"));
    let own = ("repo/uv.toml", "index-url = 'https://own/simple'");
    check(&[], &[], &[UV, project, own], &default("https://own/simple"));
    let pip = ("PIP_INDEX_URL", "https://pip-env/simple");
    check(&[], &[pip], &[UV, PIP], &default("https://pip-env/simple"));
    let uv = ("UV_INDEX_URL", "https://uv-env/simple");
    check(&[], &[pip, uv], &[UV, PIP], &default("https://uv-env/simple"));
    let best = ("UV_DEFAULT_INDEX", "main=https://best/simple");
    check(&[], &[pip, uv, best], &[UV, PIP], &default("https://best/simple"));
    let declared = [("default", "https://declared/simple"), ("corp", "https://corp/simple")];
    let expected = [("corp", "https://corp/simple"), ("default", "https://declared/simple")];
    check(&declared, &[pip, uv, best], &[UV, PIP], &expected);
}

#[test]
fn pips_own_rules_hold() {
    let named = ("home/named.conf", "[global]\nindex-url = https://named/simple\n");
    let expected = [("default", "https://named/simple")];
    check(&[], &[("PIP_CONFIG_FILE", "~/named.conf")], &[PIP, named], &expected);
    let none = [("default", "https://machine/simple")];
    check(&[], &[("PIP_CONFIG_FILE", "/dev/null")], &[PIP], &none);
    let legacy = ("home/.pip/pip.conf", "[global]\nindex-url = https://legacy/simple\n");
    check(&[], &[], &[legacy], &[("default", "https://legacy/simple")]);
    let venv = ("home/venv/pip.conf", "[install]\nindex-url = https://venv/simple\n");
    check(&[], &[("VIRTUAL_ENV", "~/venv")], &[PIP, venv], &[("default", "https://venv/simple")]);
}

#[test]
fn further_indexes_have_names() {
    let env = [("UV_INDEX", "corp=https://corp/simple https://other/simple?a=b")];
    let expected = [
        ("corp", "https://corp/simple"),
        ("extra-2", "https://other/simple?a=b"),
        ("default", "https://machine/simple"),
    ];
    check(&[], &env, &[], &expected);
}

#[test]
fn what_is_wrong_is_told_without_secrets() {
    let code = |declared: &[(&str, &str)], env: &[(&str, &str)], files: &[(&str, &str)]| {
        let error = find(declared, env, files).unwrap_err();
        let text = format!("{error} {error:?} {:?}", error.help());
        assert!(!text.contains("s3cret"), "{text}");
        error.code()
    };
    let bad = [("PIP_INDEX_URL", "ftp://bob:s3cret@h/simple")];
    assert_eq!(code(&[], &bad, &[]), "packaging::index_address");
    let twice = [("a", "https://a"), ("a", "https://bob:s3cret@b")];
    assert_eq!(code(&twice, &[], &[]), "packaging::index_twice");
    assert_eq!(code(&[("a b", "https://a")], &[], &[]), "packaging::index_name");
    let broken = ("repo/uv.toml", "index-url = 'https://bob:s3cret@h/");
    assert_eq!(code(&[], &[], &[broken]), "packaging::index_syntax");
}

#[test]
fn credentials_come_from_address_variable_and_netrc() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".netrc"), "machine b.example login net password rc").unwrap();
    let env = BTreeMap::from([
        ("HOME".to_owned(), folder.path().display().to_string()),
        ("UV_INDEX_MY_CORP_USERNAME".to_owned(), "bob".to_owned()),
        ("UV_INDEX_MY_CORP_PASSWORD".to_owned(), "s3cret".to_owned()),
    ]);
    let around = Surroundings { env, root: folder.path().to_owned(), system: folder.path().to_owned() };
    let declared = [
        ("a", "https://u:p@a.example"),
        ("b", "https://b.example"),
        ("my-corp", "https://c.example"),
        ("default", "https://d.example"),
    ];
    let indexes = Indexes::find(&declarations(&declared), &around, &|| None).unwrap();
    let of = |name: &str| indexes.get(name).unwrap().credentials();
    assert_eq!(of("a"), Some(("u", "p")));
    assert_eq!(of("b"), Some(("net", "rc")));
    assert_eq!(of("my-corp"), Some(("bob", "s3cret")));
    assert_eq!(of("default"), None);
    assert!(!format!("{indexes:?}").contains("s3cret"));
}

#[test]
fn no_default_is_told() {
    let env = BTreeMap::new();
    let nowhere = Path::new("/nonexistent").to_owned();
    let around = Surroundings { env, root: nowhere.clone(), system: nowhere };
    let error = Indexes::find(&Declarations::default(), &around, &|| None).unwrap_err();
    assert_eq!(error.code(), "packaging::index_no_default");
    assert!(error.help().unwrap().contains("`PIP_INDEX_URL`"));
}

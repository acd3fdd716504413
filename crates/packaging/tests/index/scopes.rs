//! Several indexes: which of them a project comes from, which a resolve sees, and folders and pages of files.

use std::collections::BTreeMap;
use std::path::Path;

use packaging::index::{
    Client, Declarations, DeclaredIndex, FetchRequest, IndexError, Indexes, Surroundings, fetch_file,
};

use crate::server::Server;
use crate::{FILE, PATH, hex, open, options, sha256};

fn declared(name: &str, url: &str, packages: &[&str]) -> DeclaredIndex {
    let packages = packages.iter().map(ToString::to_string).collect();
    DeclaredIndex { name: name.into(), url: Some(url.into()), packages, flat: false }
}

fn find(indexes: Vec<DeclaredIndex>, env: &[(&str, &str)], root: &Path) -> Result<Indexes, IndexError> {
    let env: BTreeMap<String, String> =
        env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let around = Surroundings { env, root: root.to_owned(), system: root.to_owned() };
    let declared = Declarations { indexes, ..Declarations::default() };
    Indexes::find(&declared, &around, &|| Some("https://machine.example/".into()))
}

fn names(indexes: &Indexes) -> Vec<&str> {
    indexes.iter().map(|index| index.name.as_str()).collect()
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn a_project_belongs_to_the_index_that_claims_it() {
    let root = tempfile::tempdir().unwrap();
    let all = vec![declared("mirror", "https://m/", &[]), declared("corp", "https://c/", &["six", "corp-*"])];
    let found = find(all, &[("UV_INDEX", "https://extra/")], root.path()).unwrap();
    // What one machine has more is not asked where the repository says which there are.
    assert_eq!(names(&found), ["mirror", "corp", "default"]);
    let claiming =
        |project: &str| found.claiming(project).map(|index| index.name.as_str()).collect::<Vec<_>>();
    assert_eq!(claiming("six"), ["corp"]);
    assert_eq!(claiming("corp-lib"), ["corp"]);
    assert_eq!(claiming("flask"), [""; 0]);
}

#[test]
fn an_address_may_be_the_machines() {
    let root = tempfile::tempdir().unwrap();
    let named = || vec![DeclaredIndex { url: None, ..declared("corp", "", &["six"]) }];
    let found = find(named(), &[("UV_INDEX", "corp=https://bob:pw@c.example/")], root.path()).unwrap();
    let corp = found.get("corp").unwrap();
    assert_eq!(
        (corp.url.without_credentials().as_str(), corp.credentials()),
        ("https://c.example/", Some(("bob", "pw")))
    );
    std::fs::write(
        root.path().join("uv.toml"),
        "[[index]]\nname = 'corp'\nurl = 'https://file.example/'\nexplicit = true\n",
    )
    .unwrap();
    let found = find(named(), &[], root.path()).unwrap();
    assert_eq!(found.get("corp").unwrap().url.without_credentials().as_str(), "https://file.example/");
    std::fs::remove_file(root.path().join("uv.toml")).unwrap();
    assert_eq!(find(named(), &[], root.path()).unwrap_err().code(), "packaging::index_no_address");
}

#[test]
fn a_resolve_sees_what_it_lists_and_what_is_pinned() {
    let root = tempfile::tempdir().unwrap();
    let all = vec![
        declared("mirror", "https://m/", &[]),
        declared("cpu", "https://a/", &["torch"]),
        declared("gpu", "https://b/", &["torch", "nvidia-*"]),
        declared("corp", "https://c/", &["corp-*"]),
    ];
    let found = find(all, &[], root.path()).unwrap();
    let of = |names: Option<&[&str]>| found.of_resolve("web", names.map(texts).as_deref());
    let seen = of(Some(&["default", "gpu", "mirror"])).unwrap();
    assert_eq!(names(&seen), ["gpu", "mirror", "default", "cpu", "corp"]);
    assert_eq!(seen.claiming("torch").next().unwrap().name, "gpu");
    assert_eq!(seen.default_index().name, "default");
    assert_eq!(of(Some(&["cpu", "mirror"])).unwrap().default_index().name, "mirror");
    assert_eq!(of(None).unwrap_err().code(), "packaging::index_two_scopes");
    assert_eq!(of(Some(&["default"])).unwrap_err().code(), "packaging::index_two_scopes");
    assert_eq!(of(Some(&["cpu"])).unwrap_err().code(), "packaging::index_none_for_all");
}

#[test]
fn names_that_no_variable_tells_apart_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let all = vec![declared("my-corp", "https://a/", &[]), declared("my_corp", "https://b/", &[])];
    assert_eq!(find(all, &[], root.path()).unwrap_err().code(), "packaging::index_twice");
}

/// Fetches the file from the flat index that lies there.
fn fetch_flat(url: &str, root: &Path, body: &[u8]) {
    let flat = DeclaredIndex { flat: true, ..declared("vendored", url, &[]) };
    let indexes = find(vec![flat], &[], root).unwrap();
    let options = packaging::index::ClientOptions { indexes, ..options("http://127.0.0.1:9/", root) };
    let client = Client::new(options).unwrap();
    let request =
        FetchRequest { index: "vendored", project: "demo", file: FILE, sha256: sha256(body), size: None };
    let cache = tempfile::tempdir().unwrap();
    fetch_file(&client, &request, &open(cache.path()), &|_, _| {}).unwrap();
    assert_eq!(client.projects("vendored").unwrap(), ["demo"]);
    let absent = client.page("vendored", "absent").unwrap_err();
    assert_eq!(absent.to_string(), "the index `vendored` has no project `absent`");
}

#[test]
fn folders_and_pages_of_files_serve() {
    let (root, body) = (tempfile::tempdir().unwrap(), b"bytes");
    let folder = root.path().join("3rdparty/wheels");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(FILE), body).unwrap();
    std::fs::write(folder.join("README.md"), "what is here").unwrap();
    fetch_flat("3rdparty/wheels", root.path(), body);
    std::fs::write(root.path().join("links.html"), format!("<a href='3rdparty/wheels/{FILE}'>x</a>"))
        .unwrap();
    fetch_flat("links.html", root.path(), body);
    let server = Server::start();
    server.put("/links", "text/html", format!("<a href='{PATH}#sha256={}'>x</a>", hex(sha256(body))));
    server.put(PATH, "application/octet-stream", body.as_slice());
    fetch_flat(&server.url().replace("/simple", "/links"), root.path(), body);
    assert_eq!(server.seen("/links").len(), 1);
}

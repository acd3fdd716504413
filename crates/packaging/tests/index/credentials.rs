//! Where credentials come from, and where they go: to the host of their index and to no other.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use packaging::index::{Client, Declarations, DeclaredIndex, Indexes, Surroundings};

use crate::server::{Fault, Server};
use crate::{FILE, PATH, fetch, hex, open, options, sha256};

const BODY: &[u8] = b"a file of some index";
const PAGE: &str = "/simple/demo/";
/// `bob:s3cret`.
const HEADER: &str = "Basic Ym9iOnMzY3JldA==";

fn server() -> Server {
    let server = Server::start();
    server.put_file("demo", FILE, &hex(sha256(BODY)), BODY);
    server
}

/// The only index, at an address, for a user with these variables and the home folder `home`.
fn indexes(url: &str, env: &[(&str, &str)], home: &Path, keyring: bool) -> Indexes {
    let mut all = BTreeMap::from([("HOME".to_owned(), home.display().to_string())]);
    all.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let around = Surroundings { env: all, root: home.to_owned(), system: home.to_owned() };
    let index = DeclaredIndex { name: "default".into(), url: Some(url.into()), ..DeclaredIndex::default() };
    let declared = Declarations { indexes: vec![index], keyring: Some(keyring), ca_certs: None };
    Indexes::find(&declared, &around, &|| None).unwrap()
}

fn client(indexes: Indexes, folder: &Path) -> Client {
    Client::new(packaging::index::ClientOptions { indexes, ..options("http://127.0.0.1:9/", folder) })
        .unwrap()
}

#[test]
fn they_come_from_variables_and_netrc() {
    let home = tempfile::tempdir().unwrap();
    let check = |url: &str, env: &[(&str, &str)], expect: Option<(&str, &str)>| {
        assert_eq!(
            indexes(url, env, home.path(), false).default_index().credentials(),
            expect,
            "{url} {env:?}"
        );
    };
    let (ours, password) =
        (("PANTS_INDEX_DEFAULT_USERNAME", "bob"), ("PANTS_INDEX_DEFAULT_PASSWORD", "s3cret"));
    let of_uv = [("UV_INDEX_DEFAULT_USERNAME", "uv"), ("UV_INDEX_DEFAULT_PASSWORD", "pw")];
    check("https://h.example/", &[ours, password, of_uv[0], of_uv[1]], Some(("bob", "s3cret")));
    check("https://h.example/", &of_uv, Some(("uv", "pw")));
    check("https://ann@h.example/", &[password], Some(("ann", "s3cret")));
    check("https://ann:own@h.example/", &[ours, password], Some(("ann", "own")));
    check("https://token@h.example/", &[], Some(("token", "")));
    fs::write(home.path().join(".netrc"), "machine h.example login net password rc").unwrap();
    check("https://h.example/", &[], Some(("net", "rc")));
    check("https://ann@h.example/", &[], Some(("ann", "")));
    check("https://other.example/", &[], None);
    let other = home.path().join("other");
    fs::write(&other, "default login any password one").unwrap();
    check("https://h.example/", &[("NETRC", other.to_str().unwrap())], Some(("any", "one")));
}

#[test]
fn keyring_is_asked_where_it_is_switched_on() {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("log");
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {}\n[ \"$2\" = h.example:8080 ] && [ \"$3\" = bob ] && echo s3cret\n",
        log.display()
    );
    let program = home.path().join("keyring");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", home.path().display());
    let env = [("PATH", path.as_str())];
    let url = "https://bob@h.example:8080/simple";
    let off = indexes(url, &env, home.path(), false);
    assert_eq!(off.default_index().credentials(), Some(("bob", "")));
    let on = indexes(url, &env, home.path(), true);
    assert!(!log.exists(), "it is asked when the password is needed");
    for _ in 0..2 {
        assert_eq!(on.default_index().credentials(), Some(("bob", "s3cret")));
    }
    let asked = fs::read_to_string(&log).unwrap();
    assert_eq!(asked, "get https://h.example:8080/simple bob\nget h.example:8080 bob\n");
    assert!(!format!("{on:?}").contains("s3cret"));
    assert_eq!(indexes("https://h.example/", &env, home.path(), true).default_index().credentials(), None);
}

#[test]
fn they_do_not_follow_to_another_host() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let to = |path: &str| Fault::Status(302, Some(("location", server.elsewhere(path))));
    server.put("/other/demo/", "application/vnd.pypi.simple.v1+json", page(PATH));
    server.put("/other/file", "application/octet-stream", BODY);
    server.fail(PAGE, [to("/other/demo/")]);
    server.fail(PATH, [to("/other/file")]);
    let client = client(indexes(&server.url_with("bob:s3cret"), &[], folder.path(), false), folder.path());
    fetch(&client, &open(folder.path()), BODY).unwrap();
    let sent = |path: &str| server.seen(path).first().and_then(|seen| seen.authorization.clone());
    assert_eq!(sent(PAGE).as_deref(), Some(HEADER));
    assert_eq!(sent("/other/demo/"), None);
    // The page lies on the other host now, and so does the file that it names.
    assert_eq!(sent(PATH), None);
    assert_eq!((sent("/other/file"), server.seen("/other/file").len()), (None, 1));
}

#[test]
fn a_file_on_another_host_has_those_of_netrc() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    server.put(PAGE, "application/vnd.pypi.simple.v1+json", page(&server.elsewhere(PATH)));
    let run = |netrc: &str| {
        fs::write(folder.path().join(".netrc"), netrc).unwrap();
        let client =
            client(indexes(&server.url_with("bob:s3cret"), &[], folder.path(), false), folder.path());
        let cache = tempfile::tempdir().unwrap();
        fetch(&client, &open(cache.path()), BODY).unwrap();
        server.seen(PATH).last().unwrap().authorization.clone()
    };
    assert_eq!(run(""), None);
    assert_eq!(run("default login x password y"), None);
    assert_eq!(run("machine localhost login bob password s3cret").as_deref(), Some(HEADER));
}

/// A page that names the file at this address.
fn page(url: &str) -> String {
    let hash = hex(sha256(BODY));
    format!(r#"{{"files":[{{"filename":"{FILE}","url":"{url}","hashes":{{"sha256":"{hash}"}}}}]}}"#)
}

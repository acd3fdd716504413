//! Locks from a folder of wheels that the test makes: no network is used but for getting uv itself.

use std::io::{Cursor, Write as _};
use std::path::Path;

use packaging::index::{Client, ClientOptions, Indexes};
use sha2::{Digest as _, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::server::Server;
use crate::{Machine, Wish, make, versions};

/// Puts a wheel into a folder of the form `<index>/<project>/<file>`, with the page that lists it.
fn wheel(index: &Path, name: &str, version: &str, tags: &str, requires: &[&str]) {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut write = |path: String, text: String| {
        zip.start_file(path, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    };
    let info = format!("{name}-{version}.dist-info");
    let requires: String = requires.iter().map(|text| format!("Requires-Dist: {text}\n")).collect();
    write(format!("{name}/__init__.py"), String::new());
    write(
        format!("{info}/METADATA"),
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"),
    );
    write(
        format!("{info}/WHEEL"),
        format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tags}\n"),
    );
    write(format!("{info}/RECORD"), String::new());
    let folder = index.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}-{version}-{tags}.whl")), zip.finish().unwrap().into_inner())
        .unwrap();
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let links: String =
        names.iter().filter(|n| n.ends_with(".whl")).map(|n| format!("<a href='{n}'>{n}</a>\n")).collect();
    std::fs::write(folder.join("index.html"), format!("<!DOCTYPE html><html><body>{links}</body></html>"))
        .unwrap();
}

fn client(index: &Path, folder: &Path, machine: &Machine) -> Client {
    let indexes = Indexes::single(&format!("file://{}", index.display())).unwrap();
    let mut options = ClientOptions::new(indexes, machine.env.clone(), folder.join("partial"));
    options.offline = true;
    Client::new(options).unwrap()
}

#[test]
fn a_folder_is_locked_offline() {
    let Some(machine) = Machine::find() else { return };
    let (index, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    wheel(index.path(), "app", "1.0", "py3-none-any", &["lib>=1", "extra-part; extra == 'more'"]);
    wheel(index.path(), "lib", "1.0", "py3-none-any", &[]);
    wheel(index.path(), "lib", "2.0", "cp312-cp312-manylinux_2_17_x86_64", &[]);
    let client = client(index.path(), folder.path(), &machine);
    let wish = Wish {
        requirements: &["app"],
        constraints: &["CPython==3.12.*"],
        platforms: &["linux-x86_64"],
        ..Wish::default()
    };
    let outcome = make(&machine, &client, folder.path(), &wish).unwrap();
    assert_eq!(versions(&outcome.lock), ["app 1.0", "lib 2.0"]);
    assert_eq!(outcome.warnings, []);
    assert_eq!(outcome.lock.packages[0].modules, ["app"]);
    let text = format!("{:?}", outcome.lock);
    assert!(!text.contains(&*index.path().to_string_lossy()), "{text}");
    let missing = Wish { requirements: &["app", "absent"], ..wish };
    let error = make(&machine, &client, folder.path(), &missing).unwrap_err();
    let text = format!("{error} {:?}", error.help());
    assert!(text.contains("absent") && !text.contains("file://") && !text.contains("/tmp"), "{text}");
}

#[test]
fn an_index_that_cannot_be_reached_is_told() {
    let Some(machine) = Machine::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let indexes = Indexes::single("http://bob:s3cret@127.0.0.1:9/simple").unwrap();
    let mut options = ClientOptions::new(indexes, machine.env.clone(), folder.path().join("partial"));
    options.retry.attempts = 2;
    let client = Client::new(options.clone()).unwrap();
    let wish = Wish { requirements: &["six"], ..Wish::default() };
    let error = make(&machine, &client, folder.path(), &wish).unwrap_err();
    assert_eq!(error.code(), "packaging::lock_network", "{error}");
    let text = format!("{error} {error:?} {:?}", error.help());
    assert!(text.contains("the index `default`"), "{text}");
    assert!(!text.contains("127.0.0.1") && !text.contains("s3cret"), "{text}");
    options.offline = true;
    let client = Client::new(options).unwrap();
    let error = make(&machine, &client, folder.path(), &wish).unwrap_err();
    assert_eq!(error.code(), "packaging::lock_offline", "{error}");
}

#[test]
fn credentials_reach_the_index_and_nothing_else() {
    let Some(machine) = Machine::find() else { return };
    let (index, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    wheel(index.path(), "app", "1.0", "py3-none-any", &[]);
    let file = "app-1.0-py3-none-any.whl";
    let body = std::fs::read(index.path().join("app").join(file)).unwrap();
    let hash: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let server = Server::start();
    server.want_password("Basic Ym9iOnMzY3JldA==");
    server.put_file("app", file, &hash, &body);
    let client = |url: &str| {
        let indexes = Indexes::single(url).unwrap();
        Client::new(ClientOptions::new(indexes, machine.env.clone(), folder.path().join("partial"))).unwrap()
    };
    let wish = Wish { requirements: &["app"], ..Wish::default() };
    let error = make(&machine, &client(&server.url()), folder.path(), &wish).unwrap_err();
    let text = format!("{error} {:?}", error.help());
    assert!(text.contains("401") && !text.contains(server.host()), "{text}");
    let url = server.url_with("bob:s3cret");
    let outcome = make(&machine, &client(&url), folder.path(), &wish).unwrap();
    assert_eq!(versions(&outcome.lock), ["app 1.0"]);
    assert_eq!(
        (outcome.lock.packages[0].modules.as_slice(), outcome.warnings),
        (&["app".to_owned()][..], vec![])
    );
    let text = format!("{:?}", outcome.lock);
    assert!(!text.contains("s3cret") && !text.contains(server.host()), "{text}");
}

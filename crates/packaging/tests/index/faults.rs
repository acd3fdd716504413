//! What an index can do wrong beyond cut connections: encodings, redirections, pages that are none, and lies.

use std::time::Duration;

use packaging::index::{Client, FetchError, RetryPolicy, fetch_file};

use crate::server::{Fault, Server};
use crate::{FILE, PATH, client, fetch, hex, open, options, sha256};

const BODY: &[u8] = b"not much of a wheel, but its hash is known";
const PAGE: &str = "/simple/demo/";

fn server() -> Server {
    let server = Server::start();
    server.put_file("demo", FILE, &hex(sha256(BODY)), BODY);
    server
}

/// What is said after these faults at a path; nothing is kept, and the next run, with the index as it should be, recovers.
#[track_caller]
fn check(path: &str, faults: Vec<Fault>, code: &str, message: &str) {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    server.fail(path, faults);
    let store = open(folder.path());
    let error = fetch(&client(&server.url_with("bob:s3cret"), folder.path()), &store, BODY).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (code, message));
    let told = format!("{error} {error:?} {:?}", error.help());
    assert!(!told.contains("s3cret") && !told.contains("127.0.0.1"), "{told}");
    assert!(!store.has(&store.digest(BODY)).unwrap());
    fetch(&client(&server.url(), folder.path()), &store, BODY).unwrap();
    assert_eq!(std::fs::read_dir(folder.path().join("partial")).unwrap().count(), 0);
}

fn redirect(to: impl Into<String>) -> Fault {
    Fault::Status(302, Some(("location", to.into())))
}

fn cannot_get(what: &str, cause: &str) -> String {
    format!("cannot get `{what}` from the index `default`: {cause}")
}

const CONNECTION: &str = "packaging::fetch_connection";

#[test]
fn headers_that_break_off() {
    let message = |what| cannot_get(what, "the connection was cut after 3 attempts");
    check(PATH, vec![Fault::CutHead; 3], CONNECTION, &message(FILE));
    check(PAGE, vec![Fault::CutHead; 3], CONNECTION, &message("demo"));
}

#[test]
fn what_trickles_is_given_up() {
    let trickle = vec![Fault::Trickle(Duration::from_millis(150)); 3];
    let message = |what| cannot_get(what, "it took too long to answer after 3 attempts");
    check(PATH, trickle.clone(), CONNECTION, &message(FILE));
    check(PAGE, trickle, CONNECTION, &message("demo"));
}

#[test]
fn encodings_that_are_not_true() {
    let message = |what| cannot_get(what, "its answer is not validly compressed after 3 attempts");
    check(PATH, vec![Fault::Encoding("gzip"); 3], CONNECTION, &message(FILE));
    check(PAGE, vec![Fault::Encoding("gzip"); 3], CONNECTION, &message("demo"));
}

#[test]
fn redirections_that_lead_nowhere() {
    let message = |what| cannot_get(what, "it redirects without end");
    check(PATH, vec![redirect(PATH); 11], CONNECTION, &message(FILE));
    check(PAGE, vec![redirect(PAGE); 11], CONNECTION, &message("demo"));
    let message = |what| cannot_get(what, "it redirects to an address that cannot be used");
    check(PATH, vec![redirect("file:///etc/passwd")], CONNECTION, &message(FILE));
    check(PAGE, vec![redirect("ftp://h/")], CONNECTION, &message("demo"));
    check(PAGE, vec![Fault::Status(302, None)], CONNECTION, &message("demo"));
}

#[test]
fn pages_that_are_none() {
    let code = "packaging::fetch_page";
    let message =
        |reason: &str| format!("the page of `demo` on the index `default` cannot be read: {reason}");
    let login = "<!doctype html><html><form action='/login'><a href='/help'>help</a></form></html>";
    let reason = "it lists no file; a proxy or a login page may have answered in its place";
    check(PAGE, vec![Fault::Body("text/html", login)], code, &message(reason));
    let json = "application/vnd.pypi.simple.v1+json";
    let reason = "not the JSON that was expected: expected value at line 1 column 1";
    check(PAGE, vec![Fault::Body(json, login)], code, &message(reason));
    check(
        PAGE,
        vec![Fault::Body("image/png", "x")],
        code,
        &message("expected JSON or HTML, found `image/png`"),
    );
}

#[test]
fn a_page_that_is_too_large() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let small = Client::new(packaging::index::ClientOptions {
        largest_page: 100,
        ..options(&server.url(), folder.path())
    });
    let error = fetch(&small.unwrap(), &open(folder.path()), BODY).unwrap_err();
    let message = "the page of `demo` on the index `default` cannot be read: it is larger than 100 bytes";
    assert_eq!(error.to_string(), message);
}

#[test]
fn sizes_that_are_lies() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let client = client(&server.url(), folder.path());
    let store = open(folder.path());
    for size in [BODY.len() as u64 - 1, BODY.len() as u64 + 1] {
        let request = packaging::index::FetchRequest {
            index: "default",
            project: "demo",
            file: FILE,
            sha256: sha256(BODY),
            size: Some(size),
        };
        let error = fetch_file(&client, &request, &store, &|_, _| {}).unwrap_err();
        assert_eq!(error.code(), "packaging::fetch_size", "{error}");
        assert!(!store.has(&store.digest(BODY)).unwrap());
    }
    fetch(&client, &store, BODY).unwrap();
}

#[test]
fn a_wait_that_is_too_long_is_told() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let after = |value: &str| Fault::Status(429, Some(("retry-after", value.to_owned())));
    server.fail(PATH, [after("600")]);
    let client = client(&server.url(), folder.path());
    let error = fetch(&client, &open(folder.path()), BODY).unwrap_err();
    let message = format!("the index `default` answered status 429 (too many requests) for `{FILE}`");
    assert_eq!(error.to_string(), message);
    assert_eq!(error.help().as_deref(), Some("the index asks not to be asked again for 600 seconds"));
    assert_eq!(server.seen(PATH).len(), 1);
}

#[test]
fn crumbs_are_no_progress() {
    let (body, folder) = (vec![7; 200_000], tempfile::tempdir().unwrap());
    let server = Server::start();
    server.put_file("demo", FILE, &hex(sha256(&body)), &body);
    server.fail(PATH, vec![Fault::Cut(100); 50]);
    let mut options = options(&server.url(), folder.path());
    options.retry = RetryPolicy { first_pause: Duration::from_millis(1), ..options.retry };
    let error = fetch(&Client::new(options).unwrap(), &open(folder.path()), &body).unwrap_err();
    assert!(matches!(error, FetchError::Connection { .. }), "{error}");
    assert_eq!(server.seen(PATH).len(), 3);
}

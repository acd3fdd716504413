//! Downloads from an index that misbehaves.

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use packaging::index::{Client, FetchError, FetchRequest, fetch_file};

use crate::server::{Fault, Server};
use crate::{FILE, PATH, client, fetch, hex, open, options, sha256};

/// A body that is no repetition, so that a wrong seam shows.
fn body() -> Vec<u8> {
    let mut state = 7_u64;
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*state >> 33) as u8
    };
    (0..600_000).map(|_| next(&mut state)).collect()
}

fn server(body: &[u8]) -> Server {
    let server = Server::start();
    server.put_file("demo", FILE, &hex(sha256(body)), body);
    server
}

fn partials(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("partial")).map_or(0, Iterator::count)
}

/// Faults that pass: the download succeeds, with this many requests for the file.
#[track_caller]
fn check_recovers(faults: Vec<Fault>, requests: usize) -> Server {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = server(&body);
    server.fail(PATH, faults);
    let store = open(folder.path());
    let fetched = fetch(&client(&server.url(), folder.path()), &store, &body).unwrap();
    assert_eq!(store.read(&fetched.digest).unwrap(), body);
    assert_eq!(fetched.crc32, crc32fast::hash(&body));
    assert_eq!(server.seen(PATH).len(), requests);
    assert_eq!(partials(folder.path()), 0);
    server
}

/// Faults that do not: the message, and that the next run succeeds although nothing was kept for good.
#[track_caller]
fn check_fails(path: &str, faults: Vec<Fault>, code: &str, message: &str) {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = server(&body);
    server.fail(path, faults);
    let store = open(folder.path());
    let error = fetch(&client(&server.url_with("bob:s3cret"), folder.path()), &store, &body).unwrap_err();
    let shown = error.to_string();
    assert_eq!((error.code(), shown.as_str()), (code, message));
    for text in [shown, error.help().unwrap_or_default(), format!("{error:?}")] {
        assert!(!text.contains("s3cret") && !text.contains(server.host()), "{text}");
    }
    assert!(!store.has(&store.digest(&body)).unwrap());
    let fetched = fetch(&client(&server.url(), folder.path()), &store, &body).unwrap();
    assert_eq!(store.read(&fetched.digest).unwrap(), body);
    assert_eq!(partials(folder.path()), 0);
}

fn status(status: u16) -> Fault {
    Fault::Status(status, None)
}

#[test]
fn a_whole_file_is_fetched_once() {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = server(&body);
    let (client, store) = (client(&server.url(), folder.path()), open(folder.path()));
    let steps = RefCell::new(Vec::new());
    let hash = sha256(&body);
    let request =
        FetchRequest { index: "default", project: "demo", file: FILE, sha256: hash, size: Some(600_000) };
    let progress = |done, total| steps.borrow_mut().push((done, total));
    let first = fetch_file(&client, &request, &store, &progress).unwrap();
    assert_eq!(steps.borrow().first(), Some(&(0, Some(600_000))));
    assert_eq!(steps.borrow().last(), Some(&(600_000, Some(600_000))));
    assert!(steps.borrow().is_sorted());
    assert_eq!(fetch_file(&client, &request, &store, &progress).unwrap(), first);
    assert_eq!(server.seen(PATH).len(), 1);
    // Without a network too, now that it is there.
    let mut offline = options(&server.url(), folder.path());
    offline.offline = true;
    let offline = Client::new(offline).unwrap();
    assert_eq!(fetch_file(&offline, &request, &store, &progress).unwrap(), first);
    let other = FetchRequest { sha256: [0; 32], ..request };
    let error = fetch_file(&offline, &other, &store, &progress).unwrap_err();
    assert_eq!(error.code(), "packaging::fetch_offline");
    assert_eq!(error.to_string(), format!("`{FILE}` is not in the cache, and the network must not be used"));
}

#[test]
fn a_cut_body_is_resumed() {
    let server = check_recovers(vec![Fault::Cut(250_000), Fault::Cut(100_000)], 3);
    let ranges: Vec<_> = server.seen(PATH).into_iter().map(|seen| seen.range).collect();
    assert_eq!(ranges, [None, Some("bytes=250000-".to_owned()), Some("bytes=350000-".to_owned())]);
}

#[test]
fn progress_does_not_count_as_an_attempt() {
    check_recovers(vec![Fault::Cut(50_000); 8], 9);
}

#[test]
fn what_passes_is_tried_again() {
    check_recovers(vec![status(503), status(502)], 3);
    check_recovers(vec![Fault::Hang, Fault::Silent(Duration::from_millis(700))], 3);
    let slow = Fault::Status(429, Some(("retry-after", "1".to_owned())));
    let start = std::time::Instant::now();
    check_recovers(vec![slow], 2);
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_cut_body_is_resumed_by_the_next_run() {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = server(&body);
    server.fail(PATH, [Fault::Cut(400_000), status(503), status(503), status(503)]);
    let store = open(folder.path());
    let error = fetch(&client(&server.url(), folder.path()), &store, &body).unwrap_err();
    assert_eq!(error.code(), "packaging::fetch_status");
    assert_eq!(partials(folder.path()), 1);
    fetch(&client(&server.url(), folder.path()), &store, &body).unwrap();
    assert_eq!(server.seen(PATH).last().unwrap().range.as_deref(), Some("bytes=400000-"));
    assert_eq!(partials(folder.path()), 0);
}

#[test]
fn a_damaged_partial_file_is_fetched_anew() {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = server(&body);
    for damaged in [vec![0; 5_000], vec![0; 600_000], vec![0; 700_000]] {
        std::fs::create_dir_all(folder.path().join("partial")).unwrap();
        std::fs::write(folder.path().join("partial").join(hex(sha256(&body))), damaged).unwrap();
        let cache = tempfile::tempdir().unwrap();
        let store = open(cache.path());
        let fetched = fetch(&client(&server.url(), folder.path()), &store, &body).unwrap();
        assert_eq!(store.read(&fetched.digest).unwrap(), body);
        assert_eq!(partials(folder.path()), 0);
    }
}

#[test]
fn without_ranges_it_starts_over() {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = server(&body);
    server.without_ranges();
    server.fail(PATH, [Fault::Cut(250_000)]);
    let store = open(folder.path());
    let fetched = fetch(&client(&server.url(), folder.path()), &store, &body).unwrap();
    assert_eq!(store.read(&fetched.digest).unwrap(), body);
    assert_eq!(server.seen(PATH).len(), 2);
}

#[test]
fn starting_over_for_ever_ends() {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = server(&body);
    server.without_ranges();
    server.fail(PATH, vec![Fault::Cut(250_000); 50]);
    let error = fetch(&client(&server.url(), folder.path()), &open(folder.path()), &body).unwrap_err();
    assert_eq!(error.code(), "packaging::fetch_connection");
    assert!(server.seen(PATH).len() < 8);
}

#[test]
fn what_stays_is_told() {
    let file = format!("`{FILE}`");
    let code = "packaging::fetch_no_file";
    check_fails(PATH, vec![status(404)], code, &format!("the index `default` has no file {file} of `demo`"));
    let refused = "packaging::fetch_refused";
    let message = |what: &str| format!("the index `default` refused {file}: {what}");
    check_fails(PATH, vec![status(401)], refused, &message("status 401 (credentials are needed)"));
    check_fails(PATH, vec![status(403)], refused, &message("status 403 (forbidden)"));
    let message =
        format!("the index `default` answered status 503 (unavailable) for {file} after 3 attempts");
    check_fails(PATH, vec![status(503); 3], "packaging::fetch_status", &message);
    let message =
        |cause: &str| format!("cannot get {file} from the index `default`: {cause} after 3 attempts");
    let code = "packaging::fetch_connection";
    check_fails(PATH, vec![Fault::Hang; 3], code, &message("the connection was cut"));
    let silent = Fault::Silent(Duration::from_millis(900));
    check_fails(PATH, vec![silent; 3], code, &message("it took too long to answer"));
}

#[test]
fn other_bytes_are_refused() {
    let body = body();
    let wrong: Vec<u8> = body.iter().map(|byte| byte ^ 1).collect();
    let message = format!(
        "`{FILE}` from the index `default` has SHA-256 `{}`, expected `{}`",
        hex(sha256(&wrong)),
        hex(sha256(&body))
    );
    check_fails(PATH, vec![Fault::Wrong], "packaging::fetch_hash", &message);
    let size = |found: &str| format!("`{FILE}` from the index `default` has {found} bytes, expected 600000");
    let code = "packaging::fetch_size";
    check_fails(PATH, vec![Fault::Endless], code, &size("more than 600000"));
    check_fails(PATH, vec![Fault::Short(70_000)], code, &size("70000"));
}

#[test]
fn a_page_that_says_another_hash_ends_it_early() {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = server(&body);
    server.put_file("demo", FILE, &hex([7; 32]), &body);
    let error = fetch(&client(&server.url(), folder.path()), &open(folder.path()), &body).unwrap_err();
    assert_eq!(error.code(), "packaging::fetch_hash");
    assert_eq!(server.seen(PATH).len(), 0);
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = server(&body);
    let mut options = options(&server.url(), folder.path());
    // No folder can be made there, not even by the superuser.
    options.partial = "/proc/partial".into();
    let error = fetch(&Client::new(options).unwrap(), &open(folder.path()), &body).unwrap_err();
    assert_eq!(error.code(), "packaging::fetch_disk");
    let text = format!("{error}: {}", std::error::Error::source(&error).unwrap());
    assert!(text.starts_with(&format!("cannot keep `{FILE}` in the cache: ")), "{text}");
}

#[test]
fn pages_fail_as_files_do() {
    let page = "/simple/demo/";
    let message = "the index `default` has no project `demo`";
    check_fails(page, vec![status(404)], "packaging::fetch_no_project", message);
    let message = "the index `default` refused `demo`: status 401 (credentials are needed)";
    check_fails(page, vec![status(401)], "packaging::fetch_refused", message);
    let message = "cannot get `demo` from the index `default`: the connection was cut after 3 attempts";
    check_fails(page, vec![Fault::Cut(9); 3], "packaging::fetch_connection", message);
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = server(&body);
    server.fail(page, [status(500), Fault::Cut(20)]);
    fetch(&client(&server.url(), folder.path()), &open(folder.path()), &body).unwrap();
}

#[test]
fn a_closed_port_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let client = client("http://bob:s3cret@127.0.0.1:9/simple", folder.path());
    let error = fetch(&client, &open(folder.path()), b"x").unwrap_err();
    let message = "cannot get `demo` from the index `default`: the connection was refused after 3 attempts";
    assert_eq!(error.to_string(), message);
    assert!(!format!("{error:?} {:?}", error.help()).contains("127.0.0.1"));
}

#[test]
fn credentials_of_the_address_are_sent() {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = server(&body);
    server.want_password("Basic Ym9iOnMzY3JldA==");
    let store = open(folder.path());
    let error = fetch(&client(&server.url(), folder.path()), &store, &body).unwrap_err();
    assert!(error.help().unwrap().contains("no credentials were sent"));
    fetch(&client(&server.url_with("bob:s3cret"), folder.path()), &store, &body).unwrap();
}

#[test]
fn html_pages_and_folders_serve_too() {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = Server::start();
    let page = format!("<html><a href='/files/{FILE}#sha256={}'>{FILE}</a></html>", hex(sha256(&body)));
    server.put("/simple/demo/", "text/html", page);
    server.put(PATH, "application/octet-stream", body.clone());
    fetch(&client(&server.url(), folder.path()), &open(folder.path()), &body).unwrap();

    let index = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(index.path().join("demo")).unwrap();
    std::fs::write(index.path().join("demo").join(FILE), &body).unwrap();
    let url = format!("file://{}", index.path().display());
    let mut options = options(&url, folder.path());
    options.offline = true;
    let cache = tempfile::tempdir().unwrap();
    let store = open(cache.path());
    let fetched = fetch(&Client::new(options).unwrap(), &store, &body).unwrap();
    assert_eq!(store.read(&fetched.digest).unwrap(), body);
}

#[test]
fn what_is_no_plain_file_is_not_waited_for() {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let project = folder.path().join("index/demo");
    std::fs::create_dir_all(&project).unwrap();
    std::fs::write(project.join("index.html"), format!("<a href='{FILE}'>{FILE}</a>")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(project.join(FILE)).status().unwrap();
    assert!(made.success());
    let url = format!("file://{}", folder.path().join("index").display());
    let error = fetch(&client(&url, folder.path()), &open(folder.path()), &body).unwrap_err();
    assert!(matches!(error, FetchError::NoFile { .. }), "{error}");
}

#[test]
fn many_threads_fetch_one_file_once() {
    let (body, folder) = (body(), tempfile::tempdir().unwrap());
    let server = server(&body);
    let (client, store) = (client(&server.url(), folder.path()), open(folder.path()));
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                fetch(&client, &store, &body).unwrap();
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(done.into_inner(), 8);
    assert_eq!((server.seen(PATH).len(), server.seen("/simple/demo/").len()), (1, 1));
    assert_eq!(partials(folder.path()), 0);
}

#[test]
fn an_unknown_index_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let request = FetchRequest { index: "corp", project: "demo", file: FILE, sha256: [0; 32], size: None };
    let client = client("http://127.0.0.1:9/", folder.path());
    let error = fetch_file(&client, &request, &open(folder.path()), &|_, _| {}).unwrap_err();
    assert_eq!(error.to_string(), "no index has the name `corp`; there is `default`");
}

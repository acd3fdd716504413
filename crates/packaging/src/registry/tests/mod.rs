//! What a registry is asked where it does not do what it should.

mod server;

use std::collections::BTreeMap;
use std::net::TcpListener;

use engine::{Failure as _, Fault};
use oci_spec::image::MediaType;
use serde_json::Value;

use self::server::{Reply, Request, Server};
use super::{Registry, RegistryError};
use crate::image::{Repository, digest_of, sha256_of};
use crate::image::{described, descriptor};

fn registry() -> Registry {
    Registry::new(BTreeMap::new(), false).unwrap()
}

fn reply(status: u16) -> Reply {
    Reply::Answer(status, Vec::new(), String::new())
}

/// Sends a blob to a server; gives its digest and what comes of it.
fn send(server: &Server, size: usize, lender: Option<&Repository>) -> (String, Result<bool, RegistryError>) {
    let content = vec![7; size];
    let digest = digest_of(&sha256_of(&content));
    let open = || Ok(Box::new(std::io::Cursor::new(content.clone())) as Box<dyn std::io::Read>);
    let sent = registry().put_blob(&server.repository(), &digest, (size as u64, &open), lender);
    (digest, sent)
}

fn is_upload(request: &Request) -> bool {
    request.method == "PUT" && request.path.contains("/uploads/")
}

/// How often each method was asked.
fn count(server: &Server, method: &str) -> usize {
    server.asked().iter().filter(|asked| asked.split(' ').next() == Some(method)).count()
}

#[test]
fn an_upload_that_breaks_off_is_begun_anew() {
    for size in [100, 3 << 20] {
        let server = Server::start(|request| {
            let is_first = is_upload(request) && request.path.ends_with("session-1");
            is_first.then_some(Reply::Cut)
        });
        let (digest, sent) = send(&server, size, None);
        assert!(sent.unwrap());
        assert_eq!(server.blob(&digest).unwrap().len(), size);
        assert_eq!((count(&server, "POST"), count(&server, "PUT")), (2, 2), "{:?}", server.asked());
    }
}

#[test]
fn an_upload_whose_answer_is_lost_is_not_sent_again() {
    let known = digest_of(&sha256_of(&[7; 100]));
    let server = Server::start(move |request| match request.method.as_str() {
        "PUT" => Some(Reply::Cut),
        "HEAD" if request.path.ends_with(&known) => Some(reply(200)),
        _ => None,
    });
    assert!(send(&server, 100, None).1.unwrap());
    assert_eq!((count(&server, "POST"), count(&server, "PUT")), (1, 1), "{:?}", server.asked());
}

#[test]
fn a_registry_that_loses_uploads_fails_and_not_the_request() {
    let server = Server::start(|request| is_upload(request).then(|| reply(404)));
    let error = send(&server, 100, None).1.unwrap_err();
    assert_eq!((error.code(), error.fault()), ("registry::session", Fault::Environment), "{error}");
    assert_eq!(count(&server, "POST"), 4, "{:?}", server.asked());
}

#[test]
fn a_blob_that_is_too_large_is_refused_before_it_is_sent() {
    let asks = |request: &Request| is_upload(request) && request.headers.contains_key("expect");
    let server = Server::start(move |request| asks(request).then(|| reply(413)));
    let error = send(&server, 3 << 20, None).1.unwrap_err();
    assert!(error.to_string().contains("status 413"), "{error}");
    assert!(error.help().unwrap().contains("of this size"));
}

#[test]
fn who_may_not_borrow_sends() {
    for status in [401, 403, 404, 405] {
        let server = Server::start(move |request| request.query.contains("mount=").then(|| reply(status)));
        let lender = Repository::at(&server.host, "team/base").unwrap();
        let (digest, sent) = send(&server, 100, Some(&lender));
        assert!(sent.unwrap() && server.blob(&digest).is_some(), "{status}");
    }
}

/// Whether a server that wants a token is told of as it should be, where its service answers a number of times with a status.
fn check_token(status: u16, times: usize, expect: Result<(), (&str, Fault)>) {
    let server = Server::start(move |request| {
        if request.path == "/token" {
            return Some(if request.before < times {
                reply(status)
            } else {
                Reply::Answer(200, Vec::new(), "{\"token\": \"t\"}".to_owned())
            });
        }
        let host = request.headers.get("host")?;
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
        let knows = request.headers.get("authorization").is_some_and(|value| value == "Bearer t");
        let challenges = vec![("WWW-Authenticate", "Negotiate".to_owned()), ("WWW-Authenticate", challenge)];
        (!knows).then(|| Reply::Answer(401, challenges, String::new()))
    });
    let found = registry().existing(&server.repository(), "latest");
    let found = found.as_ref().map(|found| assert_eq!(*found, None));
    assert_eq!(found.map_err(|error| (error.code(), error.fault())), expect, "{status} {times}");
}

#[test]
fn a_service_of_tokens_that_is_busy_is_asked_again() {
    check_token(503, 2, Ok(()));
    check_token(429, 1, Ok(()));
    check_token(503, 9, Err(("registry::status", Fault::Environment)));
    check_token(403, 9, Err(("registry::refused", Fault::Environment)));
}

#[test]
fn a_registry_that_wants_to_be_left_alone_is() {
    let server = Server::start(|_| {
        Some(Reply::Answer(429, vec![("Retry-After", "3600".to_owned())], "{}".to_owned()))
    });
    let error = registry().manifest(&server.repository(), "latest").unwrap_err();
    assert!(error.help().unwrap().contains("3600 seconds"), "{error}");
    assert_eq!(count(&server, "GET"), 1);
}

#[test]
fn what_is_said_of_a_refusal_is_told() {
    let said = "{\"errors\": [{\"code\": \"DENIED\", \"message\": \"tags are immutable\"}]}";
    let server = Server::start(move |_| Some(Reply::Answer(403, Vec::new(), said.to_owned())));
    let error = registry().manifest(&server.repository(), "latest").unwrap_err().to_string();
    assert!(error.contains("DENIED tags are immutable"), "{error}");
}

#[test]
fn a_tag_is_compared_by_content_where_no_digest_is_said() {
    let server = Server::start(|_| None);
    assert_eq!(registry().existing(&server.repository(), "1.0").unwrap(), None);
    server.put("1.0", "{}");
    let found = registry().existing(&server.repository(), "1.0").unwrap();
    assert_eq!(found, Some(digest_of(&sha256_of(b"{}"))));
}

#[test]
fn what_is_attached_is_listed_beside_what_others_attached() {
    let server = Server::start(|_| None);
    let (repository, sbom) = (server.repository(), (sha256_of(b"bill"), 4));
    let subject = descriptor(MediaType::ImageManifest, b"image");
    let tag = subject.digest().to_string().replace(':', "-");
    let other = described(MediaType::ImageManifest, &sha256_of(b"other"), 5);
    let list = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::ImageIndex.to_string(), "manifests": [other],
    });
    server.put(&tag, &list.to_string());
    for _ in 0..2 {
        registry().attach(&repository, &subject, sbom).unwrap();
        let list: Value = serde_json::from_slice(&server.manifest(&tag).unwrap()).unwrap();
        let listed = list["manifests"].as_array().unwrap();
        assert_eq!(listed.len(), 2, "{list:#}");
        assert_eq!(listed[0]["digest"], other.digest().to_string());
        assert!(server.manifest(listed[1]["digest"].as_str().unwrap()).is_some());
    }
    let lists = server.asked().iter().filter(|asked| **asked == format!("PUT {tag}")).count();
    assert_eq!(lists, 1, "{:?}", server.asked());
    // What cannot be read is not replaced.
    server.put(&tag, "[]");
    let error = registry().attach(&repository, &subject, sbom).unwrap_err();
    assert_eq!(error.code(), "registry::answer", "{error}");
    assert_eq!(server.manifest(&tag).unwrap(), b"[]");
}

#[test]
fn content_follows_where_it_is_redirected_to() {
    let server = Server::start(|request| {
        let is_first = request.path.ends_with("/manifests/1.0");
        let place = vec![("Location", "/v2/acme/orders/manifests/2.0".to_owned())];
        is_first.then(|| Reply::Answer(308, place, String::new()))
    });
    let put = registry().put_manifest(&server.repository(), "1.0", &MediaType::ImageManifest, b"{}");
    assert_eq!(put.unwrap().status().as_u16(), 201);
    assert_eq!(server.manifest("2.0").unwrap(), b"{}");
}

#[test]
fn a_connection_that_is_not_made_is_told_by_its_cause() {
    let server = Server::start(|_| None);
    let mut repository = server.repository();
    repository.is_plain = false;
    let error = registry().existing(&repository, "1.0").unwrap_err();
    assert_eq!(error.code(), "registry::no_tls", "{error}");
    assert!(error.help().unwrap().contains(&format!("`http://{}`", server.host)));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = Repository::at(&format!("localhost:{port}"), "a").unwrap();
    let error = registry().existing(&nobody, "1.0").unwrap_err();
    assert!(error.to_string().ends_with("the connection was refused"), "{error}");
    assert!(!error.help().unwrap().contains("http"));
}

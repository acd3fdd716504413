//! Uploads by what a CI service says of who runs.

use std::collections::BTreeMap;

use packaging::index::{Declarations, Index, Surroundings};
use serde_json::{Value, json};

use crate::client;
use crate::server::{Fault, Server};

const AUDIENCE: &str = "/_/oidc/audience";
const MINT: &str = "/_/oidc/mint-token";
const SERVICE: &str = "/service?job=1&audience=own-index";
const JSON: &str = "application/json";

/// An index that trusts publishers, and beside it the service that says who runs.
fn server() -> Server {
    let server = Server::start();
    server.put(AUDIENCE, JSON, r#"{"audience": "own-index"}"#);
    server.put(SERVICE, JSON, r#"{"value": "who"}"#);
    server.put(MINT, JSON, r#"{"success": true, "token": "pypi-minted"}"#);
    server
}

/// What comes of asking a server with some variables: the credentials, or the code and the text of the error.
fn ask(server: &Server, env: &[(&str, &str)]) -> Result<Option<(String, String)>, (String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    let around = Surroundings { env: BTreeMap::new(), root: root.clone(), system: root };
    let url = format!("http://{}/legacy/?a=b", server.host());
    let mut place =
        Index::to_upload("own", &url, "a test".into(), &Declarations::default(), &around).unwrap();
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    match client(&server.url(), folder.path()).identify(&mut place, &env) {
        Ok(found) => {
            let known = place.credentials().map(|(user, password)| (user.to_owned(), password.to_owned()));
            assert_eq!(found, known.is_some());
            Ok(known)
        }
        Err(error) => Err((error.code().to_owned(), error.to_string())),
    }
}

fn sent(server: &Server) -> Value {
    serde_json::from_slice(&server.seen(MINT).last().unwrap().body).unwrap()
}

#[test]
fn what_a_service_says_is_exchanged_for_a_token() {
    let server = server();
    let service = format!("http://{}/service?job=1", server.host());
    let env =
        [("ACTIONS_ID_TOKEN_REQUEST_URL", service.as_str()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "s3cret")];
    let token = Some(("__token__".to_owned(), "pypi-minted".to_owned()));
    assert_eq!(ask(&server, &env), Ok(token.clone()));
    assert_eq!(server.seen(SERVICE)[0].authorization.as_deref(), Some("Bearer s3cret"));
    assert_eq!(sent(&server), json!({ "token": "who" }));
    for path in [AUDIENCE, MINT] {
        assert_eq!(server.seen(path)[0].authorization, None);
    }
    // What is given is not asked for, and what passes is tried again.
    server.fail(MINT, [Fault::Status(503, None)]);
    assert_eq!(ask(&server, &[("OWN_INDEX_ID_TOKEN", "given")]), Ok(token));
    assert_eq!((sent(&server), server.seen(SERVICE).len()), (json!({ "token": "given" }), 1));
}

#[test]
fn who_is_not_trusted_is_told() {
    let server = server();
    // Nobody says who runs, or for another index.
    assert_eq!(ask(&server, &[]), Ok(None));
    assert_eq!(server.seen(AUDIENCE).len(), 0);
    assert_eq!(ask(&server, &[("OTHER_ID_TOKEN", "given")]), Ok(None));
    server.put(
        MINT,
        JSON,
        r#"{"errors": [{"code": "invalid-publisher", "description": "no such publisher"}]}"#,
    );
    let (code, said) = ask(&server, &[("OWN_INDEX_ID_TOKEN", "s3cret")]).unwrap_err();
    assert_eq!(code, "packaging::upload_identity");
    assert!(said.contains("no such publisher") && !said.contains("s3cret"), "{said}");
    // An index that gives out no tokens.
    assert_eq!(ask(&Server::start(), &[("OWN_INDEX_ID_TOKEN", "given")]), Ok(None));
}

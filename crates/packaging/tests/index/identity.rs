//! Uploads by what a CI service says of who runs.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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
    ask_at(&format!("http://{}/legacy/?a=b", server.host()), server, env)
}

/// The same for an index at another address.
fn ask_at(
    url: &str,
    server: &Server,
    env: &[(&str, &str)],
) -> Result<Option<(String, String)>, (String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    let around = Surroundings { env: BTreeMap::new(), root: root.clone(), system: root };
    let mut place = Index::to_upload("own", url, "a test".into(), &Declarations::default(), &around).unwrap();
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

/// An identity for these audiences, as far as it is read.
fn identity(audience: &Value) -> String {
    let claims = json!({ "sub": "job", "aud": audience }).to_string();
    format!("head.{}.s3cret", URL_SAFE_NO_PAD.encode(claims))
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
    for audience in [json!("own-index"), json!(["another", "own-index"])] {
        let given = identity(&audience);
        assert_eq!(ask(&server, &[("OWN_INDEX_ID_TOKEN", &given)]), Ok(token.clone()));
        assert_eq!((sent(&server), server.seen(SERVICE).len()), (json!({ "token": given }), 1));
    }
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
    let (code, said) = ask(&server, &[("OWN_INDEX_ID_TOKEN", &identity(&json!("own-index")))]).unwrap_err();
    assert_eq!(code, "packaging::upload_identity");
    assert!(said.contains("no such publisher") && !said.contains("s3cret"), "{said}");
    // An index that gives out no tokens.
    assert_eq!(ask(&Server::start(), &[("OWN_INDEX_ID_TOKEN", "given")]), Ok(None));
}

#[test]
fn an_identity_goes_to_whom_it_is_for_alone() {
    let server = server();
    // The index says whom the identity is for, and so from which variable it comes.
    for given in
        [identity(&json!("https://vault.example.com")), identity(&json!(["a", "b"])), "s3cret".into()]
    {
        let (code, said) = ask(&server, &[("OWN_INDEX_ID_TOKEN", &given)]).unwrap_err();
        assert_eq!(code, "packaging::upload_identity");
        assert!(said.contains("OWN_INDEX_ID_TOKEN") && !said.contains("s3cret"), "{said}");
    }
    assert_eq!(server.seen(MINT).len(), 0);
    // Anybody could answer for an index that is spoken to without encryption.
    let given = identity(&json!("own-index"));
    let said = ask_at("http://index.invalid/legacy/", &server, &[("OWN_INDEX_ID_TOKEN", &given)]);
    assert_eq!(said, Ok(None));
}

//! Servers that want to know who asks: certificates, tokens that expire, and secrets that are written nowhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::servers::{Guarded, buildgrid};
use crate::{Bench, Built, scratch};

/// With a server that wants a token; none, and why is said, where it cannot be had.
fn guarded(test: &str) -> Option<(Bench, Guarded)> {
    let folder = scratch();
    let server = buildgrid(folder.path());
    let server = server.map_err(|why| println!("skipped: {test}: no BuildGrid: {why}")).ok()?;
    let bench = Bench::new(folder, &server.address());
    bench.write(
        "pants.toml",
        &format!(
            "[python]\ninterpreter_constraints = [\"CPython>=3.9\"]\n\n[remote]\ninstance = \"main\"\nca_certs = \"{}\"\n",
            server.roots.display()
        ),
    );
    Some((bench, server))
}

#[track_caller]
fn has_no(built: &Built, secret: &str) {
    assert!(!built.stderr.contains(secret) && !built.report.to_string().contains(secret));
}

#[test]
fn a_server_with_certificate_and_token_shares() {
    let Some((bench, server)) = guarded("a server with a token") else { return };
    let token = server.token(3600);
    let shown = [("PANTS_REMOTE_TOKEN_ENV", "TOKEN"), ("TOKEN", token.as_str())];
    let first = bench.build_with("one", &shown);
    assert!(first.ran() > 0 && !first.stderr.contains("warning[remote"), "{}", first.stderr);
    let second = bench.build_with("two", &shown);
    assert_eq!(second.ran(), 0, "{}", second.stderr);
    assert!(second.bytes == first.bytes, "the bytes differ");
    has_no(&second, &token);
}

#[test]
fn a_token_that_expired_is_told_once() {
    let Some((bench, server)) = guarded("an expired token") else { return };
    let token = server.token(-3600);
    let shown = [("PANTS_REMOTE_TOKEN_ENV", "TOKEN"), ("TOKEN", token.as_str())];
    let built = bench.build_with("one", &shown);
    assert_eq!(built.stderr.matches("warning[remote").count(), 1, "{}", built.stderr);
    assert!(built.warns("remote::unauthenticated"), "{}", built.stderr);
    has_no(&built, &token);
    let none = bench.build_with("two", &[("PANTS_REMOTE_TOKEN_ENV", "TOKEN")]);
    assert!(none.warns("remote::credentials"), "{}", none.stderr);
    let untrusted = bench.build_with("three", &[("PANTS_REMOTE_CA_CERTS", "no/such/file")]);
    assert!(untrusted.warns("remote::settings"), "{}", untrusted.stderr);
}

#[test]
fn a_helper_is_asked_again_when_its_token_has_expired() {
    let Some((bench, server)) = guarded("a credential helper") else { return };
    // The first token has expired, the others have not.
    let (old, new) = (server.token(-3600), server.token(3600));
    let helper = bench.path("helper");
    let asked = bench.path("asked");
    let script = format!(
        "#!/bin/sh\ntest \"$1\" = get || exit 1\ncat >> {asked}\n\
         test $(wc -l < {asked}) = 1 && token={old} || token={new}\n\
         echo '{{\"headers\": {{\"Authorization\": [\"Bearer '$token'\"]}}}}'\n",
        asked = asked.display()
    );
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let program = helper.display().to_string();
    let shown = [("PANTS_REMOTE_CREDENTIAL_HELPER", program.as_str())];
    let first = bench.build_with("one", &shown);
    assert!(!first.stderr.contains("warning[remote"), "{}", first.stderr);
    let asked = fs::read_to_string(asked).unwrap();
    assert!(asked.starts_with("{\"uri\":\"https://127.0.0.1:"), "{asked}");
    assert_eq!(bench.build_with("two", &shown).ran(), 0);
    has_no(&first, &new);
}

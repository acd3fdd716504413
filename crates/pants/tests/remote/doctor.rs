//! What `doctor --remote` finds out about caches of each kind, and what it advises where they cannot be used.

use serde_json::Value;

use crate::plain_servers::{KINDS, Kind, start};
use crate::servers::casd;
use crate::{Bench, scratch};

/// What `doctor` says of the remote cache: the status, what was found, and the advice.
fn findings(bench: &Bench, env: &[(&str, &str)]) -> Vec<(String, String, String)> {
    let mut command = bench.pants("one", &["--output", "json", "doctor", "--remote"]);
    let said = command.envs(env.iter().copied()).output().unwrap();
    let answer: Value = serde_json::from_slice(&said.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = answer.as_array().unwrap().iter().filter(|one| one["topic"] == "remote");
    all.map(|one| (text(&one["status"]), text(&one["found"]), text(&one["advice"]))).collect()
}

#[track_caller]
fn check(findings: &[(String, String, String)], status: &str, words: &str) {
    let found = findings.iter().find(|one| one.0 == status && one.1.contains(words));
    let found = found.unwrap_or_else(|| panic!("no {status} with {words:?}: {findings:#?}"));
    assert_eq!(found.2.is_empty(), status == "ok", "what can be changed has advice: {found:?}");
}

#[test]
fn a_server_is_examined() {
    let folder = scratch();
    let server = match casd(folder.path()) {
        Ok(server) => server,
        Err(why) => return println!("skipped: examining a server: no buildbox-casd: {why}"),
    };
    let mut bench = Bench::new(folder, &server.address());
    let found = findings(&bench, &[("PANTS_REMOTE_EXEC", "true")]);
    check(&found, "ok", "is a server of the Remote Execution API, versions 2.");
    check(&found, "ok", "content is named by `sha256`");
    check(&found, "warning", "it runs no programs, and `exec` asks for that");
    check(&found, "ok", "a second and gives");
    assert!(found.iter().any(|one| one.1.contains("it answers in ")), "{found:#?}");
    bench.address = "grpc://127.0.0.1:9".to_owned();
    check(&findings(&bench, &[]), "error", "cannot be used");
    check(&findings(&bench, &[("PANTS_REMOTE_CACHE", "")]), "warning", "no remote cache is configured");
}

#[test]
fn plain_caches_are_examined() {
    for kind in KINDS {
        let folder = scratch();
        let cache = match start(kind, folder.path()) {
            Ok(cache) => cache,
            Err(why) => {
                println!("skipped: examining a plain cache: {kind:?}: {why}");
                continue;
            }
        };
        let mut bench = Bench::new(folder, &cache.address);
        if kind != Kind::Folder {
            // Whoever shows nothing is refused.
            let nothing =
                [("AWS_EC2_METADATA_DISABLED", "true"), ("PANTS_REMOTE_ENDPOINT", "http://127.0.0.1:9")];
            check(&findings(&bench, &nothing), "error", "cannot be used");
        }
        bench.shown.clone_from(&cache.writer);
        let found = findings(&bench, &[]);
        check(&found, "ok", if kind == Kind::Http { "named by `sha256`" } else { "named by `blake3`" });
        check(&found, "ok", "a second and gives");
        if kind != Kind::Folder {
            check(&found, "ok", "its clock agrees");
        }
        let only_reads = findings(&bench, &[("PANTS_REMOTE_WRITE", "false")]);
        check(&only_reads, "ok", "it is only read from, as `write = false` says");
        if kind == Kind::Bucket {
            bench.shown.clone_from(&cache.reader);
            check(&findings(&bench, &[]), "warning", "it could not be written to and read from");
        }
    }
}

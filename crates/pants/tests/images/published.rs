//! Images in a registry: what is sent, what is lent, and who may.

use std::process::Command;

use serde_json::Value;

use crate::registry::{PASSWORD, Registry};
use crate::service::Service;
use crate::tools::{has, succeed};

/// Publishes the image; gives the report.
pub(crate) fn publish(service: &Service, registry: &Registry, knows: bool, arguments: &[&str]) -> Value {
    let all = ["--output", "json", "publish", "//start:image", "--registry", &registry.host];
    let mut command = service.checkout.command(&[&all, arguments].concat());
    if knows {
        command.envs(registry.login(&service.dir.path().join("login")));
    }
    let output = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!format!("{stdout}{stderr}").contains(PASSWORD), "{stdout}{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"))
}

#[test]
fn a_second_push_sends_the_layer_that_was_edited() {
    let test = "a_second_push_sends_the_layer_that_was_edited";
    let Some(service) = Service::new(test) else { return };
    let Some(registry) = Registry::start(test, &service.dir.path().join("registry")) else { return };

    let refused = publish(&service, &registry, false, &[]);
    let diagnostic = &refused["diagnostics"][0];
    assert_eq!(
        (&refused["exit_code"], &diagnostic["code"]),
        (&3.into(), &"registry::refused".into()),
        "{refused:#}"
    );
    assert!(registry.blobs().is_empty());

    let new = publish(&service, &registry, true, &["--dry-run"]);
    assert_eq!(new["published"][0]["status"], "new", "{new:#}");
    let first = publish(&service, &registry, true, &[]);
    let told = &first["published"][0];
    assert_eq!(
        (&told["status"], &told["layers"], &told["layers_sent"]),
        (&"uploaded".into(), &4.into(), &4.into()),
        "{first:#}"
    );
    let again = publish(&service, &registry, true, &[]);
    assert_eq!(
        (&again["published"][0]["status"], &again["published"][0]["bytes_sent"]),
        (&"unchanged".into(), &0.into())
    );

    let before = registry.blobs();
    service.checkout.write("shared/__init__.py", "SALT = 2\n");
    let second = publish(&service, &registry, true, &[]);
    let told = &second["published"][0];
    assert_eq!((&told["status"], &told["layers_sent"]), (&"uploaded".into(), &1.into()), "{second:#}");
    // One layer and one configuration, and of documents a manifest, what attaches the bill, and the list of that.
    let after = registry.blobs();
    let new: Vec<(&String, &u64)> =
        after.iter().filter(|(digest, _)| !before.contains_key(*digest)).collect();
    assert_eq!(new.len(), 5, "{new:?}");
    let (sum, whole): (u64, u64) = (new.iter().map(|(_, size)| **size).sum(), before.values().sum());
    println!("an edit sends {} bytes of {whole}, {sum} with documents", told["bytes_sent"]);
    assert!(sum * 20 < whole && told["bytes_sent"].as_u64().unwrap() < sum, "{sum} {whole}");

    let image = format!("docker://{}/acme/start:latest", registry.host);
    if has(test, "skopeo", "skopeo") {
        let credentials = format!("bob:{PASSWORD}");
        let mut inspect = Command::new("skopeo");
        inspect.args(["inspect", "--tls-verify=false", "--creds", &credentials, &image]);
        let found: Value = serde_json::from_str(&succeed(&mut inspect)).unwrap();
        assert_eq!(found["Digest"], told["digest"]);
        // What attaches the bill of materials is found by the tag that stands for the list.
        let list = told["digest"].as_str().unwrap().replace(':', "-");
        let list = format!("docker://{}/acme/start:{list}", registry.host);
        let mut inspect = Command::new("skopeo");
        inspect.args(["inspect", "--raw", "--tls-verify=false", "--creds", &credentials, &list]);
        let list: Value = serde_json::from_str(&succeed(&mut inspect)).unwrap();
        assert_eq!(list["manifests"][0]["artifactType"], "application/vnd.cyclonedx+json", "{list:#}");
    }
}

#[test]
fn a_base_in_a_registry_is_fetched_once_and_lends_its_layers() {
    let test = "a_base_in_a_registry_is_fetched_once_and_lends_its_layers";
    let Some(service) = Service::new(test) else { return };
    let Some(registry) = Registry::start(test, &service.dir.path().join("registry")) else { return };
    if !has(test, "skopeo", "skopeo") {
        return;
    }
    let credentials = format!("bob:{PASSWORD}");
    let (from, to) = (
        format!("oci:{}:amd64", service.base.layout.display()),
        format!("docker://{}/team/base:1", registry.host),
    );
    let mut copy = Command::new("skopeo");
    copy.args([
        "copy",
        "--insecure-policy",
        "--dest-tls-verify=false",
        "--dest-creds",
        &credentials,
        &from,
        &to,
    ]);
    succeed(&mut copy);
    let upon = format!("{}/team/base:1@{}", registry.host, service.base.one);
    service.write_upon(&upon, "['linux-x86_64']", "");

    let offline = service.checkout.command(&["--offline", "package", "//start:image"]).output().unwrap();
    let said = String::from_utf8_lossy(&offline.stderr);
    assert_eq!(offline.status.code(), Some(3), "{said}");
    assert!(said.contains("registry::offline") && said.contains("start/BUILD:3"), "{said}");

    let told = publish(&service, &registry, true, &["--image-tag", "1.2", "--image-tag", "1"]);
    let image = &told["published"][0];
    assert_eq!((&image["layers"], &image["layers_sent"]), (&4.into(), &3.into()), "{told:#}");
    assert_eq!(image["tags"], serde_json::json!(["1.2", "1"]));
    // Once it was used it is known without the registry.
    drop(registry);
    let offline = service.checkout.command(&["--offline", "package", "//start:image"]).output().unwrap();
    assert!(offline.status.success(), "{}", String::from_utf8_lossy(&offline.stderr));
}

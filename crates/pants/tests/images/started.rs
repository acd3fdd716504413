//! What others make of an image: `umoci` unpacks it, `bwrap` and `crun` start it, `skopeo` copies it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::repository::skipped;
use crate::service::{Service, document, image, layers, package};
use crate::tools::{has, succeed};

#[test]
fn an_image_is_unpacked_started_and_copied() {
    let test = "an_image_is_unpacked_started_and_copied";
    let Some(service) = Service::new(test) else { return };
    let report = service.package();
    assert_eq!(report["artifacts"][0]["path"], "dist/start/image.oci", "{report:#}");
    let layout = service.checkout.root.join("dist/start/image.oci");
    let manifest = document(&layout, &image(&layout)["digest"]);
    // The base, the large wheel, the other one, and own code.
    assert_eq!(layers(&manifest).len(), 4, "{manifest:#}");

    let bundle = service.dir.path().join("bundle");
    let from = format!("{}:latest", layout.display());
    succeed(Command::new("umoci").args(["unpack", "--rootless", "--image", &from]).arg(&bundle));
    let rootfs = bundle.join("rootfs");
    let config: Value = serde_json::from_slice(&fs::read(bundle.join("config.json")).unwrap()).unwrap();
    let process = &config["process"];
    assert_eq!(process["args"], serde_json::json!(["/app/__main__.py"]), "{process:#}");
    let variables: Vec<&str> =
        process["env"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(variables.contains(&"PORT=8000") && variables.contains(&"LANG=C.UTF-8"), "{variables:?}");
    assert!(variables.iter().any(|one| one.starts_with("PATH=/app/bin:")), "{variables:?}");

    // The bill of materials is where the label says, and what is attached is the same.
    let configuration = document(&layout, &manifest["config"]["digest"]);
    let labels = &configuration["config"]["Labels"];
    assert_eq!(
        (&labels["of"], &labels["pants.target"]),
        (&"base".into(), &"//start:image".into()),
        "{labels:#}"
    );
    let at = labels["pants.sbom"].as_str().unwrap().trim_start_matches('/');
    let bill: Value = serde_json::from_slice(&fs::read(rootfs.join(at)).unwrap()).unwrap();
    let names: Vec<&str> =
        bill["components"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!((bill["bomFormat"].as_str(), names), (Some("CycloneDX"), vec!["alpha", "beta"]));
    assert_eq!(document(&layout, &manifest["annotations"]["pants.sbom.digest"]), bill);

    if has(test, "skopeo", "skopeo") {
        let archive = service.dir.path().join("copied.tar");
        let (from, to) = (format!("oci:{from}"), format!("oci-archive:{}:copied", archive.display()));
        succeed(Command::new("skopeo").args(["copy", "--insecure-policy", &from, &to]));
        assert!(archive.is_file());
    }
    if has(test, "bwrap", "bubblewrap") {
        let mut start = Command::new("bwrap");
        start.arg("--bind").arg(&rootfs).args([
            "/",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--unshare-all",
            "--clearenv",
        ]);
        start.args(["--setenv", "PORT", "8000", "/app/__main__.py"]);
        let output = start.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        if stderr.contains("Operation not permitted") || stderr.contains("No permissions") {
            return skipped(test, "`bwrap` may not make namespaces");
        }
        assert_eq!(String::from_utf8_lossy(&output.stdout), "alpha beta 1 /app 8000\n", "{stderr}");
    }
}

/// Has a runtime of containers start a program, which sees no cgroups of version 2 beside those of version 1: some runtimes
/// refuse to start where both have controllers.
const RUN: &str =
    "umount /sys/fs/cgroup/unified 2> /dev/null; exec crun --root \"$0\" run --bundle \"$1\" image";

#[test]
fn a_runtime_of_containers_starts_it() {
    let test = "a_runtime_of_containers_starts_it";
    if !rustix::process::geteuid().is_root() {
        return skipped(test, "only root may change what is mounted for `crun`");
    }
    if !has(test, "crun", "crun") {
        return;
    }
    let Some(service) = Service::new(test) else { return };
    service.write(&service.base.one, "['linux-x86_64']", "user = '65532'");
    service.package();
    let bundle = service.dir.path().join("bundle");
    let image = format!("{}:latest", service.checkout.root.join("dist/start/image.oci").display());
    succeed(Command::new("umoci").args(["unpack", "--image", &image]).arg(&bundle));
    without_terminal(&bundle.join("config.json"));
    let mut run = Command::new("unshare");
    run.args(["--mount", "sh", "-c", RUN]).arg(service.dir.path().join("state")).arg(&bundle);
    let output = run.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("Operation not permitted") {
        return skipped(test, &format!("`crun` may not start anything here: {stderr}"));
    }
    assert_eq!(String::from_utf8_lossy(&output.stdout), "alpha beta 1 /app 8000\n", "{stderr}");
}

/// Takes the terminal out of what is started, and holds that it runs as the image says.
fn without_terminal(config: &Path) {
    let mut document: Value = serde_json::from_slice(&fs::read(config).unwrap()).unwrap();
    assert_eq!(document["process"]["user"]["uid"], 65532, "{document:#}");
    document["process"]["terminal"] = false.into();
    fs::write(config, document.to_string()).unwrap();
}

#[test]
fn an_image_is_the_same_everywhere() {
    let test = "an_image_is_the_same_everywhere";
    let Some(service) = Service::new(test) else { return };
    service.write(&service.base.one, "['linux-x86_64']", "layout = 'archive'");
    let report = service.package();
    assert_eq!(report["artifacts"][0]["path"], "dist/start/image.oci.tar", "{report:#}");
    let first = service.checkout.read("dist/start/image.oci.tar");

    let other = service.dir.path().join("another folder");
    let checkout = service.checkout.copy(&other.join("clone"), &other);
    let mut command = checkout.command(&[]);
    let program = command.get_program().to_owned();
    command = Command::new("sh");
    command
        .args(["-c", "umask 077; exec \"$0\" package //start:image"])
        .arg(program)
        .current_dir(&checkout.root);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.env("TZ", "Asia/Kathmandu").env("USER", "x").env("HOME", &checkout.home);
    command.env("PANTS_CACHE_DIR", &checkout.cache).envs(&checkout.env);
    succeed(&mut command);
    assert!(checkout.read("dist/start/image.oci.tar") == first, "the archives differ");

    // Others read it as they read a folder, and a second run does nothing.
    if has(test, "skopeo", "skopeo") {
        let archive = format!("oci-archive:{}", checkout.root.join("dist/start/image.oci.tar").display());
        let told = succeed(Command::new("skopeo").args(["inspect", &archive]));
        assert!(told.contains("pants.target"), "{told}");
    }
    assert_eq!(package(&checkout)["actions_run"], 0);
}

#[test]
fn several_platforms_are_in_one_index_and_share_layers() {
    let test = "several_platforms_are_in_one_index_and_share_layers";
    let Some(service) = Service::new(test) else { return };
    service.write(&service.base.both, "['linux-x86_64', 'linux-aarch64']", "");
    service.package();
    let layout = service.checkout.root.join("dist/start/image.oci");
    let index = document(&layout, &image(&layout)["digest"]);
    let platforms: Vec<String> = (index["manifests"].as_array().unwrap().iter())
        .map(|one| one["platform"]["architecture"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(platforms, ["amd64", "arm64"], "{index:#}");
    let of = |at: usize| layers(&document(&layout, &index["manifests"][at]["digest"]));
    // Wheels for any platform and the base's files are the same; own code has another bill of materials.
    let (one, two) = (of(0), of(1));
    assert_eq!((&one[..3], one.len(), two.len()), (&two[..3], 4, 4));
    if has(test, "skopeo", "skopeo") {
        let from = format!("oci:{}:latest", layout.display());
        let told = succeed(Command::new("skopeo").args(["inspect", "--override-arch", "arm64", &from]));
        assert!(told.contains("\"Architecture\": \"arm64\""), "{told}");
    }
}

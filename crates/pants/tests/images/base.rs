//! A base image of Debian's packages with Python 3.11, made once by `umoci`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::repository::skipped;
use crate::tools::{has, succeed};
use crate::zip::sha256;

/// What Python needs to start and to import its own modules.
const PACKAGES: [&str; 10] = [
    "libc6",
    "libgcc-s1",
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libexpat1",
    "zlib1g",
    "libffi8",
    "libssl3",
    "dash",
];
/// Where it has its interpreter.
pub(crate) const PYTHON: &str = "/usr/bin/python3.11";

/// A layout with an image for two platforms. What is for the second says so, and has the same files.
pub(crate) struct Base {
    pub(crate) layout: PathBuf,
    /// The digest of the manifest for this machine's kind.
    pub(crate) one: String,
    /// That of the index of both.
    pub(crate) both: String,
}

/// The base, made at the first call; none, said by the test's name, where Debian cannot be reached.
pub(crate) fn base(test: &str) -> Option<Base> {
    if !has(test, "umoci", "umoci") {
        return None;
    }
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("image-base");
    if !made.is_dir() {
        let work = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        if let Err(why) = make(work.path()) {
            skipped(test, &why);
            return None;
        }
        // Another test may have been quicker.
        let _ = fs::rename(work.path().join("layout"), &made);
    }
    let digests: Value = serde_json::from_slice(&fs::read(made.join("digests.json")).unwrap()).unwrap();
    let text = |key: &str| digests[key].as_str().unwrap().to_owned();
    Some(Base { one: text("one"), both: text("both"), layout: made })
}

fn make(work: &Path) -> Result<(), String> {
    let (packages, layout) = (work.join("packages"), work.join("layout"));
    fs::create_dir(&packages).unwrap();
    let mut download = Command::new("apt-get");
    let downloaded = download.arg("download").args(PACKAGES).current_dir(&packages).output();
    let downloaded = downloaded.map_err(|error| format!("there is no `apt-get`: {error}"))?;
    if !downloaded.status.success() {
        return Err("Debian's packages of Python 3.11 cannot be downloaded".to_owned());
    }
    let umoci = |arguments: &[&str]| succeed(Command::new("umoci").args(arguments).current_dir(work));
    umoci(&["init", "--layout", "layout"]);
    umoci(&["new", "--image", "layout:amd64"]);
    umoci(&["unpack", "--rootless", "--image", "layout:amd64", "bundle"]);
    for package in fs::read_dir(&packages).unwrap() {
        succeed(
            Command::new("dpkg-deb").arg("-x").arg(package.unwrap().path()).arg(work.join("bundle/rootfs")),
        );
    }
    umoci(&["repack", "--image", "layout:amd64", "bundle"]);
    let set = |tag: &str, architecture: &str| {
        let image = format!("layout:{tag}");
        umoci(&[
            "config",
            "--image",
            &image,
            "--tag",
            architecture,
            "--os",
            "linux",
            "--architecture",
            architecture,
            "--config.cmd",
            "python3",
            "--config.env",
            "LANG=C.UTF-8",
            "--config.label",
            "of=base",
        ]);
    };
    set("amd64", "amd64");
    set("amd64", "arm64");
    umoci(&["gc", "--layout", "layout"]);
    write_index(&layout);
    Ok(())
}

/// Adds the index of both, and a file that says the digests.
fn write_index(layout: &Path) {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let of = |tag: &str| {
        let manifests = index["manifests"].as_array().unwrap();
        let found =
            manifests.iter().find(|one| one["annotations"]["org.opencontainers.image.ref.name"] == tag);
        found.unwrap().clone()
    };
    let entry = |architecture: &str| {
        let mut entry = of(architecture);
        entry.as_object_mut().unwrap().remove("annotations");
        entry["platform"] = json!({ "os": "linux", "architecture": architecture });
        entry
    };
    let both = json!({ "schemaVersion": 2, "manifests": [entry("amd64"), entry("arm64")] }).to_string();
    let digest = sha256(both.as_bytes());
    fs::write(layout.join("blobs/sha256").join(&digest), &both).unwrap();
    let digests = json!({ "one": of("amd64")["digest"], "both": format!("sha256:{digest}") });
    fs::write(layout.join("digests.json"), digests.to_string()).unwrap();
}

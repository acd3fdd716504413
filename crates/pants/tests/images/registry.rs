//! A registry of this machine that ends with the test: Debian's `docker-registry`, which may want a password.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::tools::has;

pub(crate) const PASSWORD: &str = "s3cret-word";
/// The user `bob` and the password above as `htpasswd -B` has them.
const USERS: &str = "bob:$2y$04$XC/BV7F7fZX7Nk5byO2J2elrc2oHfmFhsieTJgV1uQfylF9EQIHa.\n";

pub(crate) struct Registry {
    child: Child,
    pub(crate) host: String,
    blobs: PathBuf,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Registry {
    /// A registry that wants a password for all it does.
    pub(crate) fn start(test: &str, folder: &Path) -> Option<Registry> {
        if !has(test, "docker-registry", "docker-registry") {
            return None;
        }
        fs::create_dir_all(folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (users, data) = (folder.join("users"), folder.join("data"));
        fs::write(&users, USERS).unwrap();
        let configuration = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {:?}}}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\n\
             auth: {{htpasswd: {{realm: own, path: {users:?}}}}}\nlog: {{level: error, accesslog: {{disabled: true}}}}\n",
            data
        );
        fs::write(folder.join("config.yml"), configuration).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(folder.join("config.yml"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let blobs = data.join("docker/registry/v2/blobs");
        let registry = Registry { child, host: format!("localhost:{port}"), blobs };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "the registry does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(registry)
    }

    /// What it keeps: the size of each blob by its digest.
    pub(crate) fn blobs(&self) -> BTreeMap<String, u64> {
        let files = walkdir::WalkDir::new(&self.blobs).into_iter().flatten();
        let blobs = files.filter(|entry| entry.file_name() == "data").map(|entry| {
            let folder = entry.path().parent().unwrap().file_name().unwrap().to_str().unwrap();
            (format!("sha256:{folder}"), entry.metadata().unwrap().len())
        });
        blobs.collect()
    }

    /// A folder of `docker login`'s for it, which names a program that knows the password.
    pub(crate) fn login(&self, folder: &Path) -> BTreeMap<String, String> {
        fs::create_dir_all(folder).unwrap();
        let config = format!("{{\"credHelpers\": {{\"{}\": \"own\"}}}}", self.host);
        fs::write(folder.join("config.json"), config).unwrap();
        let program = folder.join("docker-credential-own");
        let script =
            format!("#!/bin/sh\nread host\necho '{{\"Username\": \"bob\", \"Secret\": \"{PASSWORD}\"}}'\n");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        [("DOCKER_CONFIG".to_owned(), folder.display().to_string()), ("PATH".to_owned(), path)].into()
    }
}

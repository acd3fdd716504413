//! A registry of this machine that ends with the test: Debian's `docker-registry`, which may want a password.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
        Registry::with_storage(test, folder, "")
    }

    /// One that takes nothing, but answers what it is asked.
    pub(crate) fn read_only(test: &str, folder: &Path) -> Option<Registry> {
        Registry::with_storage(test, folder, ", maintenance: {readonly: {enabled: true}}")
    }

    fn with_storage(test: &str, folder: &Path, storage: &str) -> Option<Registry> {
        if !has(test, "docker-registry", "docker-registry") {
            return None;
        }
        fs::create_dir_all(folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (users, data) = (folder.join("users"), folder.join("data"));
        fs::write(&users, USERS).unwrap();
        let configuration = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {:?}}}{storage}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\n\
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

    /// Lets it be asked through a line that is cut once, as soon as so many bytes have gone to it over one connection.
    /// Tells whether the line is whole.
    pub(crate) fn behind_a_line_that_is_cut(&mut self, after: u64) -> Arc<AtomicBool> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let registry = std::mem::replace(&mut self.host, format!("localhost:{port}"));
        let whole = Arc::new(AtomicBool::new(true));
        let known = Arc::clone(&whole);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = TcpStream::connect(registry.replace("localhost", "127.0.0.1")).unwrap();
                let (mut answers, mut back) = (far.try_clone().unwrap(), near.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut answers, &mut back);
                    let _ = back.shutdown(Shutdown::Write);
                });
                let whole = Arc::clone(&whole);
                std::thread::spawn(move || carry(near, far, after, &whole));
            }
        });
        known
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

/// Carries what goes to the registry; the first line that has carried too much is cut.
fn carry(mut near: TcpStream, mut far: TcpStream, most: u64, whole: &AtomicBool) {
    let (mut buffer, mut carried) = ([0; 16 << 10], 0);
    loop {
        let count = match near.read(&mut buffer) {
            Ok(count) if count > 0 => count,
            _ => break,
        };
        carried += count as u64;
        if carried > most && whole.swap(false, Ordering::SeqCst) {
            let _ = near.shutdown(Shutdown::Both);
            break;
        }
        if far.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = far.shutdown(Shutdown::Write);
}

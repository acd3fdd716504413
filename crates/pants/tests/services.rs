//! Three services on three versions of one framework, two of them for Python 2.7 and built from source distributions,
//! share a library in one repository: all are built at once, and all serve.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The first start installs the PEX, which takes a while on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

#[test]
fn three_versions_of_one_framework_serve_from_one_repository() {
    let pythons: Option<Vec<PathBuf>> = ["2.7", "3.12"].iter().map(|minor| python(minor)).collect();
    let Some(pythons) = pythons.filter(|_| std::env::consts::ARCH == "x86_64") else {
        return println!("skipped: the services: they need Python 2.7 and 3.12 on x86-64");
    };
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let Some(report) = build(scratch.path()) else { return println!("skipped: the services: no network") };
    assert_eq!(report["exit_code"], 0, "{report:#}");
    assert_eq!(report["actions_run_by_kind"]["run"], 2, "two source distributions: {report:#}");
    let folders = pythons.iter().map(|python| python.parent().unwrap().to_owned());
    let path = std::env::join_paths(folders.chain(["/usr/bin".into(), "/bin".into()])).unwrap();
    let services = ["older", "old", "modern"];
    let mut running: Vec<_> = (services.iter())
        .map(|name| {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let child = Command::new(scratch.path().join(format!("services/dist/{name}/app.pex")))
                .arg(address.port().to_string())
                .env("PATH", &path)
                .env("PEX_ROOT", scratch.path().join("pex_root"))
                .stdin(Stdio::null())
                .spawn();
            (Service(child.unwrap()), address)
        })
        .collect();
    let pages: Vec<String> = running.iter_mut().map(|(service, address)| get(service, *address)).collect();
    assert_eq!(pages[0], "older: tornado 1.2.1 on Python 2.7\n");
    assert_eq!(pages[1], "old: tornado 2.4 on Python 2.7\n");
    assert!(pages[2].starts_with("modern: tornado 6."), "{}", pages[2]);
}

/// An interpreter by its name on `PATH`, or of pyenv.
fn python(minor: &str) -> Option<PathBuf> {
    let name = format!("python{minor}");
    let pyenv = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv/versions"));
    let versions = pyenv.into_iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let folders = versions.map(|version| version.path().join("bin"));
    let folders = folders.chain(std::env::split_paths(&std::env::var_os("PATH")?).collect::<Vec<_>>());
    folders
        .map(|folder| folder.join(&name))
        .find(|file| Command::new(file).arg("--version").output().is_ok_and(|output| output.status.success()))
}

/// Builds in a copy of the repository. None where nothing answers, which pip, that knows the way, has to confirm.
fn build(scratch: &Path) -> Option<Value> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/services");
    let copied = Command::new("cp").arg("-R").arg(repository).arg(scratch.join("services")).status().unwrap();
    assert!(copied.success());
    let _ = fs::remove_dir_all(scratch.join("services/dist"));
    let output = Command::new(env!("CARGO_BIN_EXE_pants"))
        .args(["--root", "services", "--output", "json", "binary", "::"])
        .current_dir(scratch)
        .env("PANTS_CACHE_DIR", scratch.join("cache"))
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    if report["exit_code"] == 3 && !network() {
        return None;
    }
    Some(report)
}

fn network() -> bool {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"]);
    pip.args(["index", "versions", "pex"]).output().is_ok_and(|output| output.status.success())
}

/// A process that does not outlive the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The page of a service, once it listens.
fn get(service: &mut Service, address: SocketAddr) -> String {
    let start = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
        }
        assert_eq!(service.0.try_wait().unwrap(), None, "the service has ended");
        std::thread::sleep(Duration::from_millis(50));
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET / HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").map(|(_, page)| page.to_owned()).unwrap_or(answer)
}

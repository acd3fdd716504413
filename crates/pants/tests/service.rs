//! The main job, whole: from an empty cache to a page that the company's service shows to a browser.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The first start installs the PEX, which takes a while on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

#[test]
fn the_service_is_built_and_shows_its_page() {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let Some(report) = build(scratch.path()) else { return println!("skipped: the service: no network") };
    assert_eq!(report["exit_code"], 0, "{report:#}");
    assert_eq!(report["artifacts"][0]["path"], "dist/web/app.pex", "{report:#}");
    assert!(report["actions_run"].as_u64() > Some(0), "{report:#}");

    let address = free_address();
    let mut service = start(scratch.path(), address);
    let page = get(&mut service, address, "/");
    assert!(page.starts_with("HTTP/1.0 200 OK"), "{page}");
    // The head is of the template, the line of the shared library's data.
    assert!(page.contains("<h1>Our teas</h1>"), "{page}");
    assert!(page.contains("<li>Gyokuro Asahi from Japan: 24.50 EUR</li>"), "{page}");
    let answer = get(&mut service, address, "/products.json");
    let products: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(products[0]["name"], "Assam Mokalbari", "{answer}");

    kill_process(Pid::from_child(&service.0), Signal::TERM).unwrap();
    assert_eq!(service.0.wait().unwrap().code(), Some(0));
}

/// Builds in a copy of the repository. None where nothing answers, which pip, that knows the way, has to confirm.
fn build(scratch: &Path) -> Option<Value> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/company");
    let copied = Command::new("cp").arg("-R").arg(repository).arg(scratch.join("company")).status().unwrap();
    assert!(copied.success());
    let _ = fs::remove_dir_all(scratch.join("company/dist"));
    let output = Command::new(env!("CARGO_BIN_EXE_pants"))
        .args(["--root", "company", "--output", "json", "binary", "//web:app"])
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

fn start(scratch: &Path, address: SocketAddr) -> Service {
    let child = Command::new(scratch.join("company/dist/web/app.pex"))
        .args(["--bind", &address.to_string()])
        .env("PEX_ROOT", scratch.join("pex_root"))
        .stdin(Stdio::null())
        .spawn();
    Service(child.unwrap())
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The answer to a request, head and body, once the service listens.
fn get(service: &mut Service, address: SocketAddr, path: &str) -> String {
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
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

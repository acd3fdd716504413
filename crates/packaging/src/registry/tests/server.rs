//! A small registry of this process, which keeps what it is sent and can be told to misbehave. It says no digests, and lists
//! nothing that is attached.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::image::{Repository, digest_of, sha256_of};

/// What the registry is asked.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: BTreeMap<String, String>,
    /// How many requests of this method with this path came before.
    pub(super) before: usize,
}

/// What it does in place of what a registry does.
pub(super) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Reads a little of the content, and goes away.
    Cut,
}

type Hook = dyn Fn(&Request) -> Option<Reply> + Send + Sync;

#[derive(Default)]
struct State {
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, Vec<u8>>,
    sessions: BTreeSet<String>,
    asked: Vec<String>,
}

/// A registry that serves until the tests end.
pub(super) struct Server {
    pub(super) host: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// One that does what `hook` says, and where that says nothing what a registry does.
    pub(super) fn start(hook: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = format!("localhost:{}", listener.local_addr().unwrap().port());
        let (state, hook): (Arc<Mutex<State>>, Arc<Hook>) = (Arc::default(), Arc::new(hook));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, hook) = (Arc::clone(&shared), Arc::clone(&hook));
                // Who goes away before the answer ends is no fault of the registry.
                std::thread::spawn(move || drop(serve(&stream, &state, &*hook)));
            }
        });
        Server { host, state }
    }

    pub(super) fn repository(&self) -> Repository {
        Repository::at(&self.host, "acme/orders").unwrap()
    }

    /// What was asked: methods and the last parts of paths.
    pub(super) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    pub(super) fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        self.state.lock().unwrap().blobs.get(digest).cloned()
    }

    pub(super) fn manifest(&self, reference: &str) -> Option<Vec<u8>> {
        self.state.lock().unwrap().manifests.get(reference).cloned()
    }

    pub(super) fn put(&self, reference: &str, manifest: &str) {
        self.state.lock().unwrap().manifests.insert(reference.to_owned(), manifest.as_bytes().to_vec());
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>, hook: &Hook) -> std::io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    loop {
        // What begins a handshake of TLS is no request.
        if reader.fill_buf()?.first().is_none_or(|first| !first.is_ascii_alphabetic()) {
            return writer.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let request = request(&line, &mut reader, state)?;
        let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
        let length: u64 = header("content-length").parse().unwrap_or_default();
        let expects = header("expect") == "100-continue";
        let reply = hook(&request);
        if let Some(Reply::Cut) = reply {
            if expects {
                writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            return reader.take(length / 2).read_to_end(&mut Vec::new()).map(drop);
        }
        let mut content = Vec::new();
        // What is not taken is refused before it comes.
        if reply.is_none() || !expects {
            if expects {
                writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            reader.by_ref().take(length).read_to_end(&mut content)?;
        }
        let (status, headers, body) = match reply {
            Some(Reply::Answer(status, headers, body)) => (status, headers, body.into_bytes()),
            _ => answer(&request, content, &mut state.lock().unwrap()),
        };
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        // At once, as servers do: a head that comes in parts is no answer to who waits for leave.
        let head = format!("HTTP/1.1 {status} Status\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        let body = if request.method == "HEAD" { Vec::new() } else { body };
        writer.write_all(&[head.into_bytes(), body].concat())?;
    }
}

/// Reads the headers of a request.
fn request(line: &str, reader: &mut impl BufRead, state: &Mutex<State>) -> std::io::Result<Request> {
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let asked = format!("{method} {}", path.rsplit('/').next().unwrap_or_default());
    let known = &mut state.lock().unwrap().asked;
    let before = known.iter().filter(|other| **other == asked).count();
    known.push(asked);
    Ok(Request { method, path: path.to_owned(), query: query.to_owned(), headers, before })
}

type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// What a registry does.
fn answer(request: &Request, content: Vec<u8>, state: &mut State) -> Answer {
    let plain = |status| (status, Vec::new(), Vec::new());
    let name = request.path.rsplit('/').next().unwrap_or_default();
    let digest = digest_of(&sha256_of(&content));
    match request.method.as_str() {
        "POST" => {
            let session = format!("session-{}", state.asked.len());
            let place = format!("/v2/acme/orders/blobs/uploads/{session}");
            state.sessions.insert(session);
            (202, vec![("Location", place)], Vec::new())
        }
        // An upload is taken once.
        "PUT" if request.path.contains("/uploads/") => {
            let fits = state.sessions.remove(name)
                && request.query == format!("digest={}", digest.replace(':', "%3A"));
            if fits {
                state.blobs.insert(digest, content);
            }
            plain(if fits { 201 } else { 404 })
        }
        "PUT" => {
            state.manifests.extend([(name.to_owned(), content.clone()), (digest, content)]);
            plain(201)
        }
        _ => {
            let kept = if request.path.contains("/blobs/") { &state.blobs } else { &state.manifests };
            kept.get(name).map_or_else(|| plain(404), |content| (200, Vec::new(), content.clone()))
        }
    }
}

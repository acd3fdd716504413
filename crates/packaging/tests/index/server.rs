//! A package index on this machine that misbehaves as it is told to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What to do with the next request for a path.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Answers with this status, and perhaps one more header.
    Status(u16, Option<(&'static str, String)>),
    /// Promises the whole body and closes after this many bytes of it.
    Cut(usize),
    /// Sends nothing for this long, then closes.
    Silent(Duration),
    /// Sends other bytes of the same length.
    Wrong,
    /// Sends more bytes than the file has, without saying how many.
    Endless,
    /// Says and sends the first bytes only.
    Short(usize),
    /// Closes the connection at once.
    Hang,
    /// Closes it within the headers.
    CutHead,
    /// Sends the first bytes one by one, with this long in between, and never ends.
    Trickle(Duration),
    /// Says that the body is encoded so, which it is not.
    Encoding(&'static str),
    /// Answers with another body of this type.
    Body(&'static str, &'static str),
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) head: bool,
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) authorization: Option<String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Default)]
struct State {
    bodies: BTreeMap<String, (String, Vec<u8>)>,
    faults: BTreeMap<String, Vec<Fault>>,
    seen: Vec<Seen>,
    no_ranges: bool,
    password: Option<String>,
}

/// The server; it ends with the process.
pub(crate) struct Server {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || while let Some(true) = serve(&stream, &shared) {});
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/simple", self.address)
    }

    /// The same server by the other name of this machine: another host to a client.
    pub(crate) fn elsewhere(&self, path: &str) -> String {
        format!("http://{}{path}", self.address.replace("127.0.0.1", "localhost"))
    }

    pub(crate) fn url_with(&self, credentials: &str) -> String {
        format!("http://{credentials}@{}/simple", self.address)
    }

    pub(crate) fn host(&self) -> &str {
        &self.address
    }

    pub(crate) fn put(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) {
        self.state.lock().unwrap().bodies.insert(path.to_owned(), (content_type.to_owned(), body.into()));
    }

    /// Serves a file with its page, in JSON.
    pub(crate) fn put_file(&self, project: &str, file: &str, sha256: &str, body: &[u8]) {
        let page = format!(
            r#"{{"meta":{{"api-version":"1.1"}},"name":"{project}","files":[{{"filename":"{file}",
            "url":"../../files/{file}","hashes":{{"sha256":"{sha256}"}},"size":{}}}]}}"#,
            body.len()
        );
        self.put(&format!("/simple/{project}/"), "application/vnd.pypi.simple.v1+json", page);
        self.put(&format!("/files/{file}"), "application/octet-stream", body);
    }

    /// The faults of the next requests for a path, one each, in order.
    pub(crate) fn fail(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        let mut faults: Vec<_> = faults.into_iter().collect();
        faults.reverse();
        self.state.lock().unwrap().faults.insert(path.to_owned(), faults);
    }

    pub(crate) fn without_ranges(&self) {
        self.state.lock().unwrap().no_ranges = true;
    }

    pub(crate) fn want_password(&self, header: &str) {
        self.state.lock().unwrap().password = Some(header.to_owned());
    }

    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        self.state.lock().unwrap().seen.iter().filter(|seen| seen.path == path).cloned().collect()
    }
}

/// Answers one request; whether the connection may be used for another.
fn serve(mut stream: &TcpStream, state: &Mutex<State>) -> Option<bool> {
    let request = read_request(stream)?;
    let (answer, fault, no_ranges) = {
        let mut state = state.lock().unwrap();
        state.seen.push(request.clone());
        let fault = state.faults.get_mut(&request.path).and_then(Vec::pop);
        let allowed = state.password.is_none() || state.password == request.authorization;
        let body = if allowed { state.bodies.get(&request.path).cloned().ok_or(404) } else { Err(401) };
        (body, fault, state.no_ranges)
    };
    let (content_type, body) = match (answer, &fault) {
        (Ok(answer), _) => answer,
        (Err(_), Some(Fault::Status(..))) => Default::default(),
        (Err(status), _) => return head(stream, status, 0, &[]),
    };
    let start = match &request.range {
        Some(range) if !no_ranges => first_byte(range, body.len()),
        _ => None,
    };
    let (status, part) = match start {
        Some(start) if start >= body.len() => return head(stream, 416, 0, &[]),
        Some(start) => (206, body[start..].to_vec()),
        None => (200, body.clone()),
    };
    let mut headers = vec![("content-type", content_type)];
    if let (206, Some(start)) = (status, start) {
        headers.push(("content-range", format!("bytes {start}-{}/{}", body.len() - 1, body.len())));
    }
    let Some(fault) = fault else {
        head(stream, status, part.len(), &headers)?;
        if !request.head {
            stream.write_all(&part).ok()?;
        }
        return Some(true);
    };
    misbehave(stream, fault, status, &headers, &part)
}

/// Answers a request for `part` in the way of a fault.
fn misbehave(
    mut stream: &TcpStream,
    fault: Fault,
    status: u16,
    headers: &[(&str, String)],
    part: &[u8],
) -> Option<bool> {
    match fault {
        Fault::Status(status, header) => head(stream, status, 0, header.as_slice()),
        Fault::Cut(at) => {
            head(stream, status, part.len(), headers)?;
            stream.write_all(&part[..at.min(part.len())]).ok()?;
            Some(false)
        }
        Fault::Silent(time) => {
            thread::sleep(time);
            Some(false)
        }
        Fault::Wrong => {
            head(stream, status, part.len(), headers)?;
            stream.write_all(&part.iter().map(|byte| byte ^ 1).collect::<Vec<_>>()).ok()?;
            Some(true)
        }
        Fault::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").ok()?;
            while stream.write_all(part).is_ok() {}
            Some(false)
        }
        Fault::Short(at) => {
            head(stream, 200, at, headers)?;
            stream.write_all(&part[..at]).ok()?;
            Some(true)
        }
        Fault::Hang => Some(false),
        Fault::CutHead => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-len").ok()?;
            Some(false)
        }
        Fault::Trickle(pause) => {
            head(stream, status, part.len(), headers)?;
            for byte in part {
                stream.write_all(&[*byte]).ok()?;
                thread::sleep(pause);
            }
            Some(false)
        }
        Fault::Encoding(encoding) => {
            let mut headers = headers.to_vec();
            headers.push(("content-encoding", encoding.to_owned()));
            head(stream, status, part.len(), &headers)?;
            stream.write_all(part).ok()?;
            Some(true)
        }
        Fault::Body(kind, body) => {
            head(stream, 200, body.len(), &[("content-type", kind.to_owned())])?;
            stream.write_all(body.as_bytes()).ok()?;
            Some(true)
        }
    }
}

fn head(mut stream: &TcpStream, status: u16, length: usize, headers: &[(&str, String)]) -> Option<bool> {
    let mut text = format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes()).ok().map(|()| true)
}

fn read_request(stream: &TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let head = line.starts_with("HEAD ");
    let path = line.split(' ').nth(1)?.to_owned();
    let mut seen = Seen { head, path, range: None, authorization: None, body: Vec::new() };
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "range" => seen.range = Some(value.to_owned()),
            "authorization" => seen.authorization = Some(value.to_owned()),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    reader.take(length).read_to_end(&mut seen.body).ok()?;
    Some(seen)
}

/// The first byte of `bytes=5-`, `bytes=5-9` (served to the end) or `bytes=-5`.
fn first_byte(range: &str, len: usize) -> Option<usize> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), _) => Some(from),
        (Err(_), Ok(last)) => Some(len.saturating_sub(last)),
        _ => None,
    }
}

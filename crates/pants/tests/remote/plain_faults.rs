//! What servers of plain caches do wrong: too busy for long, other things than they were asked for, bodies and lists without end.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::{Bench, Built, scratch};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// It has too much to do, and says when it wants to be asked again.
    Busy(Option<u32>),
    /// Its list of indexes is a page to sign in, or nothing at all.
    List(&'static str),
    /// It takes nothing that is larger than this.
    Small(usize),
    /// Parts begin behind the end of every object.
    Short,
    /// Of an object of this size a byte comes now and then, and nothing is answered meanwhile.
    Drips(usize),
    /// It is a bucket, of whose names there are always more.
    Names,
}

/// An HTTP cache in memory.
struct Server {
    address: String,
    state: Arc<Mutex<State>>,
}

struct State {
    fault: Fault,
    objects: HashMap<String, Vec<u8>>,
    /// Whether an object drips, and whether it did until nobody can have waited for it.
    drips: bool,
    spent: bool,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = State { fault: Fault::None, objects: HashMap::new(), drips: false, spent: false };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || while serve(&stream, &state).is_some() {});
            }
        });
        Server { address, state }
    }

    fn now_does(&self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }
}

/// Answers one request; none where the connection ends.
fn serve(stream: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.trim().is_empty()) {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|len| *len > 0)?;
        lines.push(line);
    }
    let header = |name: &str| {
        let found = lines.iter().filter_map(|line| line.split_once(": "));
        found.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    };
    let mut body = vec![0; header("content-length").map_or(0, |len| len.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let mut words = lines[0].split(' ');
    let (method, path) = (words.next()?, words.next()?.to_owned());
    let mut state_now = state.lock().unwrap();
    let (status, more, content) = match state_now.fault {
        Fault::Busy(after) => {
            (503, after.map(|after| format!("retry-after: {after}\r\n")).unwrap_or_default(), Vec::new())
        }
        Fault::List(page) if path.contains("/ac/") && method == "GET" => (200, String::new(), page.into()),
        Fault::Short if header("range").is_some() => (416, String::new(), Vec::new()),
        Fault::Names => {
            let page = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>more\
                        </NextContinuationToken></ListBucketResult>";
            (200, String::new(), page.into())
        }
        Fault::Drips(size) => {
            let is_it = state_now.objects.get(&path).is_some_and(|object| object.len() == size);
            if is_it || state_now.drips {
                state_now.drips = true;
                drop(state_now);
                return drip(stream, state, if is_it { size } else { 0 });
            }
            (200, String::new(), state_now.objects.get(&path).cloned().unwrap_or_default())
        }
        Fault::Small(most) if body.len() > most => (413, String::new(), Vec::new()),
        _ if method == "PUT" => {
            state_now.objects.insert(path, body);
            (201, String::new(), Vec::new())
        }
        _ => match state_now.objects.get(&path) {
            Some(object) => (200, String::new(), object.clone()),
            None => (404, String::new(), Vec::new()),
        },
    };
    drop(state_now);
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status} said\r\ncontent-length: {}\r\n{more}\r\n", content.len()).ok()?;
    stream.write_all(&content).ok()
}

/// Answers with `size` bytes, one after the other, or not at all, for much longer than anybody waits.
fn drip(mut stream: &TcpStream, state: &Mutex<State>, size: usize) -> Option<()> {
    if size > 0 {
        write!(stream, "HTTP/1.1 200 said\r\ncontent-length: {size}\r\n\r\n").ok()?;
    }
    for _ in 0..900 {
        std::thread::sleep(Duration::from_millis(100));
        if size > 0 {
            stream.write_all(b"x").ok()?;
        }
    }
    state.lock().unwrap().spent = true;
    None
}

fn with(large: usize) -> (Bench, Server) {
    let server = Server::start();
    let bench = Bench::new(scratch(), &server.address);
    let build = crate::BUILD.replace("5000000", &large.to_string());
    bench.write("app/BUILD", &build);
    (bench, server)
}

/// Changes what the program says, and builds it.
fn edited(bench: &Bench, edit: u32) -> Built {
    bench.write("app/main.py", &format!("from app import names\nprint(names.NAMES, {edit})\n"));
    bench.build("one")
}

#[test]
fn a_server_that_is_too_busy_for_long_is_not_waited_for() {
    for after in [Some(86_400), None] {
        let (bench, server) = with(1000);
        server.now_does(Fault::Busy(after));
        let built = bench.build("one");
        assert!(built.warns("remote::unreachable"), "{}", built.stderr);
        assert!(built.stderr.contains("has too much to do"), "{}", built.stderr);
        // It is used again when it has time.
        server.now_does(Fault::None);
        edited(&bench, 1);
        assert_eq!(bench.build("two").programs(), 2);
    }
}

#[test]
fn a_list_that_is_none_is_not_written_over() {
    for page in ["<html>sign in</html>", ""] {
        let (bench, server) = with(1000);
        bench.build("one");
        server.now_does(Fault::List(page));
        let built = edited(&bench, 1);
        assert!(built.warns("remote::refused"), "{}", built.stderr);
        server.now_does(Fault::None);
        bench.write("app/main.py", "from app import names\nprint(names.NAMES)\n");
        let other = bench.build("two");
        assert_eq!(other.ran(), 0, "{}", other.stderr);
    }
}

#[test]
fn a_server_that_takes_no_large_files_is_told() {
    let (bench, server) = with(2_000_000);
    server.now_does(Fault::Small(1 << 20));
    let built = bench.build("one");
    assert!(built.warns("remote::not_taken") && built.stderr.contains("413"), "{}", built.stderr);
}

#[test]
fn objects_that_are_too_short_are_written_again() {
    let (bench, server) = with(1000);
    bench.build("one");
    server.now_does(Fault::Short);
    let again = bench.build("two");
    assert!(again.ran() > 0, "{}", again.stderr);
    server.now_does(Fault::None);
    let other = bench.build("three");
    assert!(other.programs() == 0 && other.bytes == again.bytes, "{}", other.stderr);
}

#[test]
fn a_large_object_that_drips_is_not_waited_for() {
    let large = 10_000_000;
    let (bench, server) = with(large);
    bench.build("one");
    server.now_does(Fault::Drips(large));
    let built = bench.build("two");
    assert!(server.state.lock().unwrap().drips, "it was not asked for: {}", built.stderr);
    assert!(!server.state.lock().unwrap().spent, "{}", built.stderr);
    assert!(built.warns("remote::unreachable") && built.ran() > 0, "{}", built.stderr);
}

#[test]
fn a_bucket_whose_list_does_not_end_is_not_used() {
    let (mut bench, server) = with(1000);
    server.now_does(Fault::Names);
    bench.address = "s3://cache/of/pants".to_owned();
    for (name, value) in [
        ("PANTS_REMOTE_ENDPOINT", server.address.as_str()),
        ("AWS_ACCESS_KEY_ID", "any"),
        ("AWS_SECRET_ACCESS_KEY", "any"),
    ] {
        bench.shown.push((name.to_owned(), value.to_owned()));
    }
    let built = bench.build("one");
    assert!(built.warns("remote::refused") && built.stderr.contains("does not end"), "{}", built.stderr);
}

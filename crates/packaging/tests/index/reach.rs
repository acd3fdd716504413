//! How an index is reached: over TLS with a certificate of its own, and through a proxy.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use packaging::index::{Client, ClientOptions, Declarations, DeclaredIndex, Indexes, Surroundings};

use crate::server::Server;
use crate::{FILE, fetch, hex, open, options, sha256};

const BODY: &[u8] = b"over a road of its own";

/// Serves the folder over TLS and writes its port.
const PROGRAM: &str = "
import functools, http.server, ssl, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[2])
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
";

struct Tls(Child);

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An index in a folder, over TLS with the certificate that is written to `cert.pem` there; none without openssl.
fn serve_tls(folder: &Path) -> Option<(Tls, String)> {
    let (cert, root) = (folder.join("cert.pem"), folder.join("root"));
    let arguments = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
                     -addext basicConstraints=critical,CA:FALSE";
    let mut openssl = Command::new("openssl");
    openssl.args(arguments.split(' ').filter(|word| !word.is_empty()));
    let made = openssl.arg("-keyout").arg(&cert).arg("-out").arg(folder.join("only.pem")).output().ok()?;
    if !made.status.success() {
        println!("skipped: TLS: no openssl that makes certificates");
        return None;
    }
    let both = [std::fs::read(&cert).unwrap(), std::fs::read(folder.join("only.pem")).unwrap()].concat();
    std::fs::write(&cert, both).unwrap();
    std::fs::create_dir_all(root.join("simple/demo")).unwrap();
    std::fs::write(root.join("simple/demo").join(FILE), BODY).unwrap();
    std::fs::write(root.join("simple/demo/index.html"), format!("<a href='{FILE}'>x</a>")).unwrap();
    let mut server = Command::new("python3");
    server.args(["-c", PROGRAM]).arg(&cert).arg(&root).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Tls(server.spawn().unwrap());
    let mut port = String::new();
    BufReader::new(server.0.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
    Some((server, format!("https://localhost:{}/simple/", port.trim())))
}

/// A client of the only index there is, with these variables and certificates of the repository.
fn client(url: &str, env: &[(&str, String)], ca_certs: Option<&Path>, folder: &Path) -> Client {
    let env: BTreeMap<String, String> =
        env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let around = Surroundings { env: env.clone(), root: folder.to_owned(), system: folder.to_owned() };
    let index = DeclaredIndex { name: "default".into(), url: Some(url.into()), ..DeclaredIndex::default() };
    let ca_certs = ca_certs.map(|path| (path.to_owned(), "`[python-repos] ca_certs`".to_owned()));
    let declared = Declarations { indexes: vec![index], ca_certs, keyring: None };
    let indexes = Indexes::find(&declared, &around, &|| None).unwrap();
    Client::new(ClientOptions { indexes, env, ..options(url, folder) }).unwrap()
}

#[test]
fn certificates_of_its_own_are_trusted_where_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_server, url)) = serve_tls(folder.path()) else { return };
    let cert = folder.path().join("only.pem");
    let run = |env: &[(&str, String)], ca_certs: Option<&Path>| {
        let cache = tempfile::tempdir().unwrap();
        fetch(&client(&url, env, ca_certs, folder.path()), &open(cache.path()), BODY).map(|_| ())
    };
    let error = run(&[], None).unwrap_err();
    assert_eq!(error.code(), "packaging::fetch_untrusted", "{error}");
    assert!(error.help().unwrap().contains("`[python-repos] ca_certs`"), "{:?}", error.help());
    for variable in ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"] {
        run(&[(variable, cert.display().to_string())], None).unwrap();
    }
    run(&[], Some(&cert)).unwrap();
    std::fs::create_dir_all(folder.path().join("etc")).unwrap();
    std::fs::write(folder.path().join("etc/pip.conf"), format!("[global]\ncert = {}\n", cert.display()))
        .unwrap();
    run(&[], None).unwrap();
}

/// A proxy that connects wherever it is asked to, and what it was asked for.
fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let asked = Arc::clone(&shared);
            thread::spawn(move || tunnel(stream, &asked));
        }
    });
    (address, asked)
}

/// Answers one `CONNECT`, and carries bytes both ways.
fn tunnel(stream: TcpStream, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut head, mut line) = (String::new(), String::new());
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        head.push_str(&line);
    }
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    asked.lock().unwrap().push(head);
    let (mut there, mut here) = (TcpStream::connect(target).ok()?, stream);
    here.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").ok()?;
    let (mut back, mut out) = (there.try_clone().ok()?, here.try_clone().ok()?);
    thread::spawn(move || std::io::copy(&mut back, &mut out));
    std::io::copy(&mut reader.by_ref(), &mut there).ok().map(|_| ())
}

#[test]
fn a_proxy_of_the_environment_or_of_pip_is_used() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    server.put_file("demo", FILE, &hex(sha256(BODY)), BODY);
    let (address, asked) = proxy();
    let run = |env: &[(&str, String)]| {
        asked.lock().unwrap().clear();
        let cache = tempfile::tempdir().unwrap();
        fetch(&client(&server.url(), env, None, folder.path()), &open(cache.path()), BODY).unwrap();
        asked.lock().unwrap().join("")
    };
    assert_eq!(run(&[]), "");
    for variable in ["http_proxy", "ALL_PROXY", "PIP_PROXY"] {
        let said = run(&[(variable, format!("http://bob:pw@{address}"))]);
        assert!(said.starts_with(&format!("CONNECT {} ", server.host())), "{variable}: {said}");
        assert!(said.to_lowercase().contains("proxy-authorization: basic ym9ionb3"), "{variable}: {said}");
    }
    let env = [("http_proxy", format!("http://{address}")), ("no_proxy", "127.0.0.1".to_owned())];
    assert_eq!(run(&env), "");
}

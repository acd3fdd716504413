//! What goes over the wire: everything is written down by a proxy, and nothing of the machine is in it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::Bench;

/// All that a client sends.
pub(crate) type Sent = Arc<Mutex<Vec<u8>>>;

/// Passes on what comes to a new port to that of a server, and keeps what clients send.
pub(crate) fn proxy(to: u16) -> (u16, Sent) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Sent::default();
    let kept = Arc::clone(&sent);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            let (answers, asks) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || pass(answers, client, None));
            let kept = Arc::clone(&kept);
            thread::spawn(move || pass(asks, server, Some(&kept)));
        }
    });
    (port, sent)
}

fn pass(mut from: TcpStream, mut to: TcpStream, kept: Option<&Sent>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        if let Some(kept) = kept {
            kept.lock().unwrap().extend_from_slice(&buffer[..len]);
        }
        if to.write_all(&buffer[..len]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn nothing_of_the_machine_goes_over_the_wire() {
    let Some((mut bench, server)) = Bench::with_casd("what goes over the wire") else { return };
    let (port, sent) = proxy(server.port);
    bench.address = format!("grpc://127.0.0.1:{port}");
    nothing_of_the_machine(&bench, &sent, &[]);
}

/// Builds, and looks through all that was sent for what no step declares, paths of the machine, and some secrets.
pub(crate) fn nothing_of_the_machine(bench: &Bench, sent: &Sent, secrets: &[&str]) {
    let secret = "a-value-that-no-step-declares";
    let built = bench.build_with("one", &[("UNDECLARED", secret), ("GIT_TOKEN", secret)]);
    assert!(built.programs() == 2 && !built.stderr.contains("warning[remote"), "{}", built.stderr);
    let sent = sent.lock().unwrap();
    assert!(sent.len() > 5_000_000, "{}", sent.len());
    has_none(bench, &sent, &[&[secret, "UNDECLARED"], secrets].concat());
}

/// Whether neither some texts nor a path of the machine are among some bytes.
pub(crate) fn has_none(bench: &Bench, bytes: &[u8], texts: &[&str]) {
    let folder = bench.path("").display().to_string();
    // Where interpreters may be.
    let pythons = format!("{}/.pyenv", std::env::var("HOME").unwrap_or_default());
    for text in [texts, &[folder.trim_end_matches('/'), &pythons]].concat() {
        let found = bytes.windows(text.len()).position(|window| window == text.as_bytes());
        let around =
            found.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(80)..at + 80]).into_owned());
        assert!(found.is_none(), "`{text}` was sent: {around:?}");
    }
}

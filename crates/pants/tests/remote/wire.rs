//! What goes over the wire: everything is written down by a proxy, and nothing of the machine is in it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::execution::{ANEW, EXEC, there, with_worker};
use crate::{Bench, Built};

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

/// Builds the program through a proxy, and checks that nothing of the machine was sent.
fn build_watched(bench: &mut Bench, port: u16, env: &[(&str, &str)]) -> (Built, Vec<u8>) {
    let (port, sent) = proxy(port);
    bench.address = format!("grpc://127.0.0.1:{port}");
    let built = nothing_of_the_machine(bench, &sent, env, &[]);
    let sent = sent.lock().unwrap().clone();
    (built, sent)
}

/// Builds with secrets in the environment, and looks through all that was sent for what no step declares, paths of the machine,
/// and some secrets.
pub(crate) fn nothing_of_the_machine(
    bench: &Bench,
    sent: &Sent,
    env: &[(&str, &str)],
    secrets: &[&str],
) -> Built {
    let secret = "a-value-that-no-step-declares";
    let undeclared = [("UNDECLARED", secret), ("AWS_SESSION_NAME", secret)];
    let built = bench.build_with("one", &[&undeclared, env].concat());
    assert!(built.programs() == 2 && !built.stderr.contains("warning[remote"), "{}", built.stderr);
    has_none(bench, &sent.lock().unwrap(), &[&[secret, "UNDECLARED"], secrets].concat());
    built
}

/// Checks that neither some texts nor a path of the machine are among some bytes.
pub(crate) fn has_none(bench: &Bench, bytes: &[u8], texts: &[&str]) {
    let folder = bench.path("").display().to_string();
    // Where interpreters may be.
    let pythons = format!("{}/.pyenv", std::env::var("HOME").unwrap_or_default());
    for text in [texts, &[folder.trim_end_matches('/'), &pythons]].concat() {
        let around = find(bytes, text)
            .map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(80)..at + 80]).into_owned());
        assert!(around.is_none(), "`{text}` was sent: {around:?}");
    }
}

/// A line of a file that goes into the program.
const LINE: &str = "print(names.NAMES)";

fn find(sent: &[u8], text: &str) -> Option<usize> {
    sent.windows(text.len()).position(|window| window == text.as_bytes())
}

#[test]
fn nothing_of_the_machine_goes_over_the_wire() {
    let Some((mut bench, server)) = Bench::with_casd("what goes over the wire") else { return };
    let (_, sent) = build_watched(&mut bench, server.port, &[]);
    assert!(sent.len() > 5_000_000 && find(&sent, LINE).is_some(), "{}", sent.len());
}

#[test]
fn nothing_of_the_machine_goes_to_workers() {
    let Some((mut bench, server)) = with_worker("what goes to workers", "") else { return };
    bench.write(
        "app/BUILD",
        &fs::read_to_string(bench.path("repository/app/BUILD")).unwrap().replace("UNDECLARED", "OTHER"),
    );
    let (built, sent) = build_watched(&mut bench, server.port, &[EXEC, ANEW]);
    assert_eq!(there(&built), 2, "{}", built.stderr);
    // The proxy sees what is sent: the command is there.
    assert!(find(&sent, "tr a-z A-Z").is_some());
}

#[test]
fn who_only_reads_sends_no_content() {
    let Some((mut bench, server)) = Bench::with_casd("what who only reads sends") else { return };
    let (built, sent) = build_watched(&mut bench, server.port, &[("PANTS_REMOTE_WRITE", "false")]);
    assert!(built.stderr.contains(" 0 B uploaded as 0 steps"), "{}", built.stderr);
    // It asks, and that is all.
    assert!(sent.len() > 1000 && sent.len() < 100_000, "{}", sent.len());
    assert!(find(&sent, LINE).is_none());
}

#[test]
fn what_a_poisoned_machine_uploads_who_trusts_it_takes() {
    let Some((bench, _server)) = Bench::with_casd("a poisoned machine") else { return };
    // A step that makes something else each time stands for a machine that alters what its steps make.
    let poisoned = bench.build("poisoned");
    assert!(bench.build("trusting").bytes == poisoned.bytes);
    let wary = bench.build_with("wary", &[("PANTS_REMOTE_READ", "false"), ("PANTS_REMOTE_WRITE", "false")]);
    assert!(wary.programs() == 2 && wary.bytes != poisoned.bytes, "{}", wary.stderr);
    // One that may not write cannot do that to others.
    bench.write("app/names.txt", "grace\n");
    let read_only = bench.build_with("read-only", &[("PANTS_REMOTE_WRITE", "false")]);
    assert!(read_only.programs() > 0);
    let other = bench.build("other");
    assert!(other.programs() > 0, "{}", other.stderr);
}

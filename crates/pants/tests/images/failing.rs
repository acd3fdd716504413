//! What is published where something fails midway: it goes on, or it is told what was published until then.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;

use serde_json::Value;

use crate::published::publish;
use crate::registry::Registry;
use crate::service::Service;

#[test]
fn a_push_that_is_cut_goes_on() {
    let test = "a_push_that_is_cut_goes_on";
    let Some(service) = Service::new(test) else { return };
    let Some(mut registry) = Registry::start(test, &service.dir.path().join("registry")) else { return };
    let whole = registry.behind_a_line_that_is_cut(1 << 20);
    let first = publish(&service, &registry, true, &[]);
    let told = &first["published"][0];
    assert_eq!((&told["status"], &told["layers_sent"]), (&"uploaded".into(), &4.into()), "{first:#}");
    assert!(!whole.load(Ordering::SeqCst), "no layer was large enough");
    let again = publish(&service, &registry, true, &[]);
    assert_eq!(again["published"][0]["status"], "unchanged", "{again:#}");
}

/// An index that has nothing, and takes what it is sent; its address.
fn index() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who goes away before the answer ends is no fault of the index.
            std::thread::spawn(move || drop(answer(&stream)));
        }
    });
    format!("http://127.0.0.1:{port}/")
}

fn answer(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut request, mut length) = (String::new(), 0);
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if header.trim().is_empty() {
                break;
            }
        }
        reader.by_ref().take(length).read_to_end(&mut Vec::new())?;
        let status = if request.starts_with("POST") { 200 } else { 404 };
        write!(stream, "HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n\r\n")?;
    }
}

fn statuses(report: &Value) -> Vec<&str> {
    report["published"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect()
}

#[test]
fn what_was_published_is_told_when_the_rest_fails() {
    let test = "what_was_published_is_told_when_the_rest_fails";
    let Some(service) = Service::new(test) else { return };
    let folder = service.dir.path().join("registry");
    let Some(registry) = Registry::read_only(test, &folder) else { return };
    let configuration = String::from_utf8(service.checkout.read("pants.toml")).unwrap();
    let index = index();
    let indexes = format!(
        "[python-repos]\nindexes = [{{name = \"own\", url = \"{index}simple/\"}}]\n[python.publish_urls]\nown = \"{index}\"\n"
    );
    service.checkout.write("pants.toml", &format!("{configuration}{indexes}"));
    service.checkout.write("own/__init__.py", "");
    service.checkout.write(
        "own/BUILD",
        "python_library(name = 'lib')\npython_distribution(name = 'dist', dependencies = [':lib'], \
         provides = python_artifact(name = 'own', version = '1.0'))\n",
    );
    let to_index = ["//own:dist", "--index", "own"];

    // What can be known before anything is sent keeps all from being sent.
    let tagged = [&to_index[..], &["--image-tag", "a b"]].concat();
    let report = publish(&service, &registry, true, &tagged);
    assert_eq!((statuses(&report).len(), &report["exit_code"]), (0, &2.into()), "{report:#}");
    let report = publish(&service, &registry, false, &to_index);
    assert_eq!((statuses(&report).len(), &report["exit_code"]), (0, &3.into()), "{report:#}");
    assert_eq!(report["diagnostics"][0]["code"], "registry::refused", "{report:#}");

    let report = publish(&service, &registry, true, &to_index);
    assert_eq!(statuses(&report), ["uploaded"; 2], "{report:#}");
    assert_eq!(report["diagnostics"][0]["code"], "registry::status", "{report:#}");
    assert_eq!(report["exit_code"], 3);
}

//! `pants run --debug` with a client of the Debug Adapter Protocol, as an editor is one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{locked, online, run, service};

/// No answer takes longer, or it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of a debugger.
struct Client {
    stream: BufReader<TcpStream>,
    sent: u64,
}

impl Client {
    fn send(&mut self, command: &str, arguments: &Value) {
        self.sent += 1;
        let message =
            json!({ "seq": self.sent, "type": "request", "command": command, "arguments": arguments });
        let text = message.to_string();
        write!(self.stream.get_mut(), "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.stream.read_line(&mut line).unwrap() > 0, "the debugger has gone");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", number)) => length = number.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The next event of this name, or the answer to this command.
    fn until(&mut self, kind: &str, name: &str) -> Value {
        loop {
            let message = self.receive();
            let (key, of) = if kind == "event" { ("event", "event") } else { ("command", "response") };
            if message["type"] == of && message[key] == name {
                assert_ne!(message["success"], false, "{message}");
                return message;
            }
        }
    }
}

/// What does not outlive the test.
struct Debugged(Child);

impl Drop for Debugged {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_debugger_attaches_and_stops_at_a_line() {
    let repository = service();
    repository.write("BUILD", "python_requirement(name = \"debugpy\", requirements = [\"debugpy\"])\n");
    let Some(repository) = locked(repository, "a_debugger_attaches_and_stops_at_a_line") else { return };
    let mut command = online(&repository, &["run", "//svc:app", "--debug", "--debug-port", "0", "--", "x"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    let mut debugged = Debugged(child);
    // All that is said up to the configuration, and that.
    let mut text = String::new();
    while !text.ends_with("\n}\n") {
        assert!(said.read_line(&mut text).unwrap() > 0, "{text}");
    }
    let configuration: Value = serde_json::from_str(&text[text.find("\n{").unwrap()..]).unwrap();
    assert_eq!((&configuration["type"], &configuration["request"]), (&"debugpy".into(), &"attach".into()));
    let port = u16::try_from(configuration["connect"]["port"].as_u64().unwrap()).unwrap();

    let stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(_) => assert_eq!(debugged.0.try_wait().unwrap(), None, "it has ended"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = Client { stream: BufReader::new(stream), sent: 0 };
    client
        .send("initialize", &json!({ "adapterID": "debugpy", "linesStartAt1": true, "pathFormat": "path" }));
    client.until("response", "initialize");
    client.send("attach", &configuration);
    client.until("event", "initialized");
    let path = repository.root().join("lib/sums.py");
    let breakpoints = json!({ "source": { "path": path }, "breakpoints": [{ "line": 2 }] });
    client.send("setBreakpoints", &breakpoints);
    let set = client.until("response", "setBreakpoints");
    assert_eq!(set["body"]["breakpoints"][0]["verified"], true, "{set}");
    client.send("configurationDone", &json!({}));
    let stopped = client.until("event", "stopped");
    assert_eq!(stopped["body"]["reason"], "breakpoint", "{stopped}");
    let thread = stopped["body"]["threadId"].clone();
    client.send("stackTrace", &json!({ "threadId": thread }));
    let stack = client.until("response", "stackTrace");
    let frame = &stack["body"]["stackFrames"][0];
    assert_eq!((&frame["name"], &frame["line"]), (&"add".into(), &2.into()), "{stack}");
    assert_eq!(frame["source"]["path"], path.to_str().unwrap());
    client.send("continue", &json!({ "threadId": thread }));
    client.until("event", "terminated");
    let mut line = String::new();
    printed.read_line(&mut line).unwrap();
    assert!(line.starts_with("3 __main__ ['--first', 'x']"), "{line}");
    client.send("disconnect", &json!({}));
    assert_eq!(debugged.0.wait().unwrap().code(), Some(3));
}

#[test]
fn what_a_debugger_needs() {
    let repository = service();
    let (code, said) = run(&repository, &["run", "//svc:app", "--debug", "--debug-port", "0"]);
    assert!(
        code == 2 && said.contains("error[run::no_debugpy]: `//svc:app` is in the resolve `default`"),
        "{said}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, said) = run(&repository, &["run", "//svc:app", "--debug", "--debug-port", &port]);
    let expect = format!("error[run::port]: debuggers cannot connect to port {port} of 127.0.0.1");
    assert!(code == 3 && said.contains(&expect) && said.contains("`--debug-port 0`"), "{said}");
}

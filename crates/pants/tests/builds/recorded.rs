//! What is told of runs: the stream of events, the trace, the spans, and the records that `log` answers from.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;

use crate::repository::{Repository, skipped};
use crate::schema::violations;

/// A repository with a program that is built without the network.
fn repository() -> Repository {
    Repository::new(&[
        ("pants.toml", "[python]\ninterpreter_constraints = [\"CPython>=3.8\"]\n"),
        (
            "BUILD",
            "files(name = 'data', sources = ['a.txt'])\n\
             python_library(name = 'lib')\n\
             python_binary(name = 'app', entry_point = 'main.py', layout = 'dir')\n",
        ),
        ("a.txt", "a\n"),
        ("main.py", "print('a')\n"),
    ])
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A schema of the documentation.
pub(crate) fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/schemas/{name}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn events_are_as_their_schema_says() {
    let repository = repository();
    let events = repository.beside("events.jsonl");
    let said = repository.run(&["package", "::", "--events", events.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let (schema, lines) = (schema("events"), lines(&events));
    for line in &lines {
        assert_eq!(violations(&schema, line), [""; 0], "{line}");
    }
    let kinds: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("run_started", "run_finished"));
    for kind in ["phase", "planned", "action_started", "action_finished", "artifact"] {
        assert!(kinds.contains(&kind), "no {kind} among {kinds:?}");
    }
    let of = |kind: &str| kinds.iter().filter(|one| **one == kind).count();
    let planned = lines.iter().find(|line| line["event"] == "planned").unwrap();
    assert_eq!(planned["actions"], of("action_finished"), "each action is settled once");
    let end = &lines[lines.len() - 1];
    let ran: u64 =
        end["actions_run"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(ran, of("action_started") as u64, "{end}");

    // What is wrong is told as well, and to the same file.
    repository.write("main.py", "import nothing_like_it_is_there\n");
    repository.write("BUILD", "python_library(name = 'lib', nothing = 1)\n");
    let said = repository.run(&["package", "::", "--events", events.to_str().unwrap()]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    let lines = self::lines(&events);
    let told = lines.iter().find(|line| line["event"] == "diagnostic").expect("an error is told");
    assert_eq!(violations(&schema, told), [""; 0], "{told}");
    assert_eq!((&told["place"]["file"], &told["place"]["line"]), (&"BUILD".into(), &1.into()), "{told}");
    assert_eq!(lines[lines.len() - 1]["exit_code"], 2);
}

#[test]
fn a_file_of_events_that_cannot_be_written_is_told_before_anything_runs() {
    let repository = repository();
    for option in ["--events", "--trace"] {
        let said = repository.run(&["package", "::", option, "/nothing/like/this"]);
        assert_eq!(said.code, 3, "{}", said.stderr);
        let begin = "error[events::unwritable]: cannot write `/nothing/like/this`: No such file or directory";
        assert!(said.stderr.starts_with(begin), "{}", said.stderr);
        assert!(said.stderr.contains(option), "{}", said.stderr);
    }
    assert_eq!(repository.dist(), [""; 0]);
    // A full disk ends the events and not the build.
    if !Path::new("/dev/full").exists() {
        return skipped("a_file_of_events_that_cannot_be_written", "there is no /dev/full");
    }
    let said = repository.run(&["package", "::", "--events", "/dev/full"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("warning[events::incomplete]: the events were not all written"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_trace_has_what_ran_on_tracks_without_overlaps() {
    let repository = repository();
    let trace = repository.beside("trace.json");
    let said = repository.run(&["package", "::", "--trace", trace.to_str().unwrap(), "-j2"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let trace: Value = serde_json::from_str(&fs::read_to_string(trace).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let mut spans: Vec<(u64, f64, f64)> = Vec::new();
    for event in events.iter().filter(|event| event["ph"] == "X") {
        let number = |key: &str| event[key].as_f64().unwrap_or_else(|| panic!("no {key}: {event}"));
        spans.push((event["tid"].as_u64().unwrap(), number("ts"), number("ts") + number("dur")));
    }
    assert!(spans.len() > 3, "{trace:#}");
    spans.sort_by(|one, other| one.partial_cmp(other).unwrap());
    for pair in spans.windows(2).filter(|pair| pair[0].0 == pair[1].0 && pair[0].0 > 0) {
        // Both are rounded to a microsecond.
        assert!(pair[0].2 <= pair[1].1 + 1.0, "{pair:?} overlap");
    }
    let named: BTreeSet<u64> = events
        .iter()
        .filter(|event| event["ph"] == "M")
        .map(|event| event["tid"].as_u64().unwrap())
        .collect();
    assert!(spans.iter().all(|(track, _, _)| named.contains(track)), "every track has a name: {named:?}");
}

#[test]
fn past_runs_are_listed_and_compared() {
    let repository = repository();
    assert_eq!(repository.run(&["log"]).stdout, "no run of this repository is kept\n");
    repository.fails(
        &["log", "1"],
        2,
        "error[log::no_run]: no run of this repository is kept\n |\n = help: a run is kept when it has something to \
         execute, such as `pants test ::`",
    );
    let build = |arguments: &[&str]| {
        let said = repository.run(arguments);
        assert_eq!(said.code, 0, "{}", said.stderr);
    };
    build(&["package", "::"]);
    // Nothing has changed, so that nothing is written.
    build(&["package", "::"]);
    repository.write("main.py", "print('b')\n");
    build(&["package", "::"]);
    let json = |arguments: &[&str]| -> Value {
        let said = repository.run(&[&["log", "--output=json"], arguments].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        serde_json::from_str(&said.stdout).unwrap()
    };
    let all = json(&[]);
    assert_eq!(all.as_array().unwrap().len(), 2, "{all:#}");
    assert_eq!(all[0]["arguments"], serde_json::json!(["package", "::"]));
    let (last, first) = (json(&["1"]), json(&["2"]));
    assert!(last["actions_run"].as_u64() < first["actions_run"].as_u64(), "{last:#} {first:#}");
    assert_eq!(json(&[all[1]["run"].as_str().unwrap()]), first);
    let difference = json(&["--diff", "2", "1"]);
    assert_eq!(difference["only_b"], serde_json::json!([]), "{difference:#}");
    let both = difference["both"].as_array().unwrap();
    assert!(!both.is_empty() && both.iter().all(|one| one["same_key"] == false), "{difference:#}");

    // Each link of the chain needs the one before.
    let path = json(&["2", "--critical-path"]);
    let path = path.as_array().unwrap();
    assert!(path.len() > 1, "{path:#?}");
    for pair in path.windows(2) {
        assert!(pair[1]["needs"].as_array().unwrap().contains(&pair[0]["action"]), "{pair:#?}");
    }
    repository.fails(
        &["log", "7"],
        2,
        "error[log::no_run]: there is no run `7`\n |\n = help: `pants log` lists all 2; 1 is the last one",
    );
    let page = repository.beside("page.html");
    let said = repository.run(&["log", "--html", page.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let page = fs::read_to_string(page).unwrap();
    assert!(!page.contains("{{data}}") && page.contains("\"command\":\"pants package ::\""), "{page}");
    assert!(!page.contains("src=") && !page.contains("@import"), "it asks for nothing");
}

#[test]
fn what_fails_and_succeeds_unchanged_is_flaky() {
    let repository = repository();
    let records = |how: &str| {
        format!(
            "{{\"at\":0.0,\"event\":\"run_started\",\"schema\":1,\"run\":\"{how}\",\"time\":\"2026-01-01T00:00:00.000Z\",\
             \"goal\":\"test\",\"arguments\":[],\"version\":\"1\",\"root\":null}}\n\
             {{\"at\":1.0,\"event\":\"action_finished\",\"execution\":1,\"action\":0,\"verb\":\"run\",\"description\":\"t\",\
             \"how\":\"{how}\",\"seconds\":0.5,\"key\":\"00\",\"needs\":[]}}\n"
        )
    };
    let said = repository.run(&["package", "::"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let folder = fs::read_dir(repository.cache().join("runs")).unwrap().next().unwrap().unwrap().path();
    fs::write(folder.join("1-failed.jsonl"), records("failed")).unwrap();
    assert_eq!(
        repository.run(&["log", "--flaky"]).stdout,
        "nothing failed and succeeded with nothing changed in between\n"
    );
    fs::write(folder.join("2-ran.jsonl"), records("ran")).unwrap();
    // What another version, or a killed process, has left is passed over.
    fs::write(folder.join("3-torn.jsonl"), &records("failed").as_bytes()[..40]).unwrap();
    assert_eq!(repository.run(&["log", "--flaky"]).stdout, "failed 1 of 2  t  last: passed in ran\n");
}

#[test]
fn a_collector_gets_the_spans_of_a_run() {
    let repository = repository();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        (head, serde_json::from_slice::<Value>(&body).unwrap())
    });
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let mut command = repository.command(&["package", "::"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("{address}/"));
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "x-team=a%20b").env("NO_PROXY", "127.0.0.1");
    command.env("TRACEPARENT", format!("00-{trace}-{parent}-01"));
    let said = repository.said(command);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let (head, body) = server.join().unwrap();
    assert!(head.starts_with("POST /v1/traces "), "{head}");
    assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
    assert!(head.contains("x-team: a b"), "{head}");
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    let root = spans.iter().find(|span| span["name"] == "pants package").expect("the run is a span");
    assert_eq!((&root["traceId"], &root["parentSpanId"]), (&trace.into(), &parent.into()));
    let ids: BTreeSet<&str> = spans.iter().map(|span| span["spanId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), spans.len(), "each span has an identity of its own");
    for span in spans.iter().filter(|span| *span != root) {
        assert_eq!((&span["traceId"], &span["parentSpanId"]), (&trace.into(), &root["spanId"]), "{span}");
        let nanoseconds = |key: &str| span[key].as_str().unwrap().parse::<u128>().unwrap();
        assert!(nanoseconds("startTimeUnixNano") <= nanoseconds("endTimeUnixNano"), "{span}");
    }

    // One that is not there is a warning.
    repository.write("main.py", "print('c')\n");
    let mut command = repository.command(&["package", "::"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &address);
    let said = repository.said(command);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("warning[events::collector]: the spans of this run did not reach"),
        "{}",
        said.stderr
    );
}

#[test]
fn what_is_wrong_is_said_to_github() {
    let repository = repository();
    repository.write("BUILD", "python_library(name = 'lib', nothing = 1)\n");
    let mut command = repository.command(&["list", "::"]);
    command.env("GITHUB_ACTIONS", "true");
    let said = repository.said(command);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("\n::error file=BUILD,line=1,col="), "{}", said.stderr);
    assert!(!repository.run(&["list", "::"]).stderr.contains("::error"));
}

#[test]
fn what_a_program_is_given_is_kept_nowhere() {
    let repository = repository();
    repository.write(
        "pants.toml",
        "[python]\ninterpreter_constraints = [\"CPython>=3.8\"]\n\n[cli.alias]\nserve = \"run //:app --\"\n",
    );
    let (events, trace) = (repository.beside("events.jsonl"), repository.beside("trace.json"));
    let [events, trace] = [&events, &trace].map(|path| path.to_str().unwrap());
    let said = repository.run(&["--events", events, "--trace", trace, "serve", "--password=hunter2", "more"]);
    assert_eq!((said.code, said.stdout.trim()), (0, "a"), "{}", said.stderr);
    // The process went on as the program, and all was told before.
    let lines = lines(Path::new(events));
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!(first["arguments"].as_array().unwrap().last().unwrap(), "...", "{first}");
    assert_eq!((&last["event"], &last["exit_code"]), (&"run_finished".into(), &0.into()), "{last}");
    let traced: Value = serde_json::from_slice(&fs::read(trace).unwrap()).unwrap();
    assert!(!traced["traceEvents"].as_array().unwrap().is_empty());
    let logged = repository.run(&["log", "1", "--output", "json"]);
    for text in [fs::read_to_string(events).unwrap(), logged.stdout] {
        assert!(text.contains("serve") && !text.contains("hunter2"), "{text}");
    }
}

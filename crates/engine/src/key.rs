//! The key of an action: the digest of one canonical encoding of all that can change its outcome.
//!
//! | enters | from | because |
//! |---|---|---|
//! | format version | [`FORMAT`] | a verb that changes what it does needs new keys |
//! | verb and every field of it | the action | it is what is done |
//! | digests of the input trees | resolved inputs | it is what it is done to: an equal output stops a rebuild |
//! | function name and version | the registry | a native function that changes is another one |
//! | tool identity | who resolved the symbol | implementation, full version and ABI, never a path |
//!
//! | does not enter | because |
//! |---|---|
//! | description, origin of a download or member | they change nothing of the content, which is named by its digest |
//! | timeout | it decides whether there is an outcome, not which |
//! | needs | they decide when it runs |
//! | absolute paths, clock, host name, user, job count, locale | two checkouts share |
//!
//! There is one encoder, [`encode`], and two sinks: one hashes, one prints, so that an explanation cannot differ
//! from the key.

use std::fmt::Write as _;

use store::{Digest, Store};

use crate::action::{Action, Archive, Download, Input, Literal, Members, Process, Program, Verb};
use crate::archive::Packing;

/// Raised whenever a verb starts to do something else with the same fields.
pub(crate) const FORMAT: u64 = 2;

/// What of an action's surroundings enters its key.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    /// The digest of each input tree.
    pub inputs: Vec<Digest>,
    /// The identity of the tool that a process starts from.
    pub tool: Option<String>,
    /// The version of the function that is applied.
    pub function_version: Option<u32>,
}

/// The key of `action` in a store.
pub fn key(store: &Store, action: &Action, resolved: &Resolved) -> Digest {
    let mut sink = Bytes::default();
    encode(action, resolved, &mut sink);
    store.digest(&sink.0)
}

/// The same encoding for people: a line for each field.
pub fn explain(action: &Action, resolved: &Resolved) -> String {
    let mut sink = Text::default();
    encode(action, resolved, &mut sink);
    sink.0
}

/// Equality of actions within a graph: the same verb on the same inputs.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct GraphKey(Vec<u8>);

impl GraphKey {
    pub(crate) fn of(action: &Action) -> GraphKey {
        let mut sink = Bytes::default();
        encode(action, &Resolved::default(), &mut sink);
        for input in &action.inputs {
            match input {
                Input::Tree(digest) => sink.field("tree", Value::Digest(digest)),
                Input::Action(id) => sink.field("action", Value::Number(id.index() as u64)),
            }
        }
        GraphKey(sink.0)
    }
}

/// A value of one field.
enum Value<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
    Number(u64),
    Flag(bool),
    Digest(&'a Digest),
}

/// Where the encoding goes.
trait Sink {
    /// Takes the next field. The order of fields is part of the encoding.
    fn field(&mut self, name: &'static str, value: Value<'_>);
}

/// Each field as its name, a tag of its type, and its value with its length before it.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn run(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }
}

impl Sink for Bytes {
    fn field(&mut self, name: &'static str, value: Value<'_>) {
        self.run(name.as_bytes());
        match value {
            Value::Text(text) => {
                self.0.push(b't');
                self.run(text.as_bytes());
            }
            Value::Bytes(bytes) => {
                self.0.push(b'b');
                self.run(bytes);
            }
            Value::Number(number) => {
                self.0.push(b'n');
                self.0.extend_from_slice(&number.to_le_bytes());
            }
            Value::Flag(flag) => self.0.extend_from_slice(&[b'f', u8::from(flag)]),
            Value::Digest(digest) => {
                self.0.push(b'd');
                self.0.extend_from_slice(&digest.hash);
                self.0.extend_from_slice(&digest.size.to_le_bytes());
            }
        }
    }
}

/// Each field as a line `name: value`.
#[derive(Default)]
struct Text(String);

impl Sink for Text {
    fn field(&mut self, name: &'static str, value: Value<'_>) {
        let line = match value {
            Value::Text(text) => format!("{name}: {text:?}"),
            Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => format!("{name}: {text:?}"),
                Err(_) => bytes.iter().fold(format!("{name}: 0x"), |line, byte| format!("{line}{byte:02x}")),
            },
            Value::Number(number) => format!("{name}: {number}"),
            Value::Flag(flag) => format!("{name}: {flag}"),
            Value::Digest(digest) => format!("{name}: {digest}"),
        };
        writeln!(self.0, "{line}").expect("a string takes all that is written to it");
    }
}

fn encode(action: &Action, resolved: &Resolved, sink: &mut dyn Sink) {
    sink.field("format", Value::Number(FORMAT));
    sink.field("verb", Value::Text(action.verb.name()));
    match &action.verb {
        Verb::Write(entries) => encode_entries(entries, sink),
        Verb::Fetch(download) => encode_download(download, sink),
        Verb::Extract => {}
        Verb::Merge { prefixes } => encode_list("prefix", prefixes, sink),
        Verb::Archive(archive) => encode_archive(archive, sink),
        Verb::Run(process) => encode_process(process, sink),
        Verb::Apply { function, arguments } => {
            sink.field("function", Value::Text(function));
            sink.field("arguments", Value::Bytes(arguments));
        }
    }
    if let Some(version) = resolved.function_version {
        sink.field("function version", Value::Number(u64::from(version)));
    }
    if let Some(tool) = &resolved.tool {
        sink.field("tool", Value::Text(tool));
    }
    sink.field("inputs", Value::Number(resolved.inputs.len() as u64));
    for digest in &resolved.inputs {
        sink.field("input", Value::Digest(digest));
    }
}

fn encode_list(name: &'static str, items: &[String], sink: &mut dyn Sink) {
    sink.field("count", Value::Number(items.len() as u64));
    for item in items {
        sink.field(name, Value::Text(item));
    }
}

fn encode_entries(entries: &[(String, Literal)], sink: &mut dyn Sink) {
    sink.field("entries", Value::Number(entries.len() as u64));
    for (path, literal) in entries {
        sink.field("path", Value::Text(path));
        match literal {
            Literal::File { content, executable } => {
                sink.field("content", Value::Bytes(content));
                sink.field("executable", Value::Flag(*executable));
            }
            Literal::Symlink(target) => sink.field("target", Value::Text(target)),
        }
    }
}

fn encode_download(download: &Download, sink: &mut dyn Sink) {
    let Download { name, sha256, size, origin: _ } = download;
    sink.field("name", Value::Text(name));
    sink.field("sha256", Value::Bytes(sha256));
    if let Some(size) = size {
        sink.field("size", Value::Number(*size));
    }
}

fn encode_archive(archive: &Archive, sink: &mut dyn Sink) {
    let Archive { name, executable, prefix, members } = archive;
    sink.field("name", Value::Text(name));
    sink.field("executable", Value::Flag(*executable));
    if let Some((input, path)) = prefix {
        sink.field("prefix input", Value::Number(*input as u64));
        sink.field("prefix path", Value::Text(path));
    }
    sink.field("members", Value::Number(members.len() as u64));
    for Members { input, origin: _, under, packing, only, directories } in members {
        sink.field("member input", Value::Number(*input as u64));
        sink.field("under", Value::Text(under));
        let packing = match packing {
            Packing::Store => "store",
            Packing::Deflate => "deflate",
            Packing::Transfer => "transfer",
        };
        sink.field("packing", Value::Text(packing));
        encode_list("only", only, sink);
        encode_list("directory", directories, sink);
    }
}

fn encode_process(process: &Process, sink: &mut dyn Sink) {
    let Process {
        program,
        arguments,
        environment,
        outputs,
        keeps_failed,
        shared,
        timeout: _,
        needs: _,
        keeps: _,
    } = process;
    match program {
        Program::Tool(symbol) => sink.field("program tool", Value::Text(symbol)),
        Program::Input(path) => sink.field("program input", Value::Text(path)),
        Program::Linked { tool, link } => {
            sink.field("program tool", Value::Text(tool));
            sink.field("program link", Value::Text(link));
        }
    }
    encode_list("argument", arguments, sink);
    sink.field("environment", Value::Number(environment.len() as u64));
    for (name, value) in environment {
        sink.field("variable", Value::Text(name));
        sink.field("value", Value::Text(value));
    }
    encode_list("output", outputs, sink);
    // What is as usual is left out: what was kept before there was a choice keeps its key.
    if *keeps_failed {
        sink.field("keeps failed", Value::Flag(true));
    }
    if let Some(place) = shared {
        sink.field("shared", Value::Text(place));
    }
}

//! Writes a plan as the text that the installer reads: rows of fields, and behind them the bytes of what is no member of
//! any archive, compressed. Decides nothing.

use std::io::Write as _;

use engine::extract::Method;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::facts::Facts;
use crate::environment::{Content, Environment, File, Node, Record, Scheme, Sum, csv_field};

/// The runtime's description of a PEX, which is also in its environment.
const INFO: &str = "PEX-INFO";
/// Stands before and after a name in a text that the installer replaces.
pub(super) const MARK: char = '\u{1}';

/// The plan; none where a name cannot stand in it.
pub(super) fn plan(
    environment: &Environment,
    archives: &[(String, String)],
    facts: &Facts,
    scheme: &Scheme,
) -> Option<Vec<u8>> {
    let mut plan = Plan { text: String::from("pants start plan 2"), ..Plan::default() };
    let glibc = facts.glibc.map(|(major, minor)| format!("{major}.{minor}")).unwrap_or_default();
    for (name, value) in [
        ("python", facts.python.as_str()),
        ("release", facts.release.as_deref().unwrap_or_default()),
        ("flags", &facts.flags),
        ("machine", facts.machine.unwrap_or_default()),
        ("libc", facts.libc.unwrap_or_default()),
        ("glibc", &glibc),
        ("executable", scheme.python()),
    ] {
        plan.row(&["F", name, value])?;
    }
    for folder in environment.directories() {
        plan.row(&["D", folder])?;
    }
    for (number, (name, sha256)) in archives.iter().enumerate() {
        plan.row(&["A", name, sha256])?;
        plan.members(environment, number)?;
    }
    plan.row(&["O", INFO, "0", INFO])?;
    // What tells hashes comes after what they are of.
    for records in [false, true] {
        for (path, node) in environment.nodes() {
            plan.node(path, node, scheme, records)?;
        }
    }
    Some(plan.finish())
}

#[derive(Default)]
struct Plan {
    text: String,
    bytes: Vec<u8>,
}

impl Plan {
    fn row(&mut self, fields: &[&str]) -> Option<()> {
        if fields.iter().any(|field| field.contains(['\t', '\n', '\r', '\0', MARK])) {
            return None;
        }
        self.text.push('\n');
        self.text.push_str(&fields.join("\t"));
        Some(())
    }

    fn members(&mut self, environment: &Environment, number: usize) -> Option<()> {
        for (path, node) in environment.nodes() {
            if let Node::File(File { content: Content::Member { archive, entry }, executable }) = node
                && *archive == number
            {
                let method = if entry.method == Method::Deflated { "8" } else { "0" };
                let numbers =
                    [entry.offset, entry.compressed_size, entry.size].map(|number| number.to_string());
                let [offset, packed, size] = &numbers;
                let crc = entry.crc32.to_string();
                self.row(&["M", path, flag(*executable), offset, packed, size, method, &crc])?;
            }
        }
        Some(())
    }

    fn node(&mut self, path: &str, node: &Node, scheme: &Scheme, records: bool) -> Option<()> {
        let File { content, executable } = match node {
            Node::File(file) => file,
            Node::Directory => return Some(()),
            Node::Link(_) | Node::Interpreter if records => return Some(()),
            Node::Link(target) => return self.row(&["L", path, target]),
            Node::Interpreter => return self.row(&["P", path]),
        };
        if matches!(content, Content::Record(_)) != records {
            return Some(());
        }
        let bytes = match content {
            Content::Member { .. } => return Some(()),
            Content::Own(_) => {
                let site = format!("{}/", scheme.site_packages());
                let member = path.strip_prefix(&site).unwrap_or(path);
                return self.row(&["O", path, flag(*executable), member]);
            }
            Content::Literal(bytes) => bytes.clone(),
            Content::Script { arguments, rest } => {
                if rest.contains(&1) {
                    return None;
                }
                let arguments = arguments.iter().map(|text| format!(" {text}")).collect::<String>();
                [format!("#!{MARK}python{MARK}{arguments}\n").as_bytes(), rest].concat()
            }
            Content::Record(record) => record_text(record)?.into_bytes(),
            Content::Config { executable } => config(*executable).into_bytes(),
        };
        let (offset, length) = (self.bytes.len().to_string(), bytes.len().to_string());
        self.bytes.extend(bytes);
        self.row(&["T", path, flag(*executable), &offset, &length])
    }

    fn finish(self) -> Vec<u8> {
        const LEVEL: u32 = 6;
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(LEVEL));
        let written =
            [self.text.as_bytes(), b"\0", &self.bytes].iter().try_for_each(|part| encoder.write_all(part));
        written.and_then(|()| encoder.finish()).expect("writing to memory cannot fail")
    }
}

fn flag(executable: bool) -> &'static str {
    if executable { "1" } else { "0" }
}

fn config(executable: bool) -> String {
    let name = |name: &str| format!("{MARK}{name}{MARK}");
    let (home, version) = (name("home"), name("version"));
    let executable = if executable { format!("executable = {}\n", name("base")) } else { String::new() };
    format!("home = {home}\ninclude-system-site-packages = false\nversion = {version}\n{executable}")
}

fn record_text(record: &Record) -> Option<String> {
    let end = if record.crlf { "\r\n" } else { "\n" };
    let mut text = String::new();
    for row in &record.rows {
        let path = csv_field(&row.path);
        let sum = match &row.sum {
            Sum::Given { hash, size } => {
                if [&row.path, hash, size].iter().any(|field| field.contains(MARK)) {
                    return None;
                }
                format!("{},{}", csv_field(hash), csv_field(size))
            }
            Sum::Of(path) => format!("{MARK}={path}{MARK}"),
        };
        text.extend([&path, ",", &sum, end]);
    }
    Some(text)
}

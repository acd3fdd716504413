//! The key changes exactly with what the table at its head says, and the explanation changes with the key.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use engine::{
    Action, Archive, Download, Input, Literal, Members, Origin, Packing, Process, Program, Resolved, Verb,
    explain, key,
};
use proptest::prelude::*;
use store::{Digest, DigestFunction, Store};

/// An action and what its key is made of besides.
#[derive(Clone, Debug)]
struct Keyed {
    action: Action,
    resolved: Resolved,
}

type Change = Box<dyn Fn(&mut Keyed)>;

/// A change with its name, and whether the key has to change with it.
struct Mutation {
    name: &'static str,
    enters: bool,
    change: Change,
}

fn enters(name: &'static str, change: impl Fn(&mut Keyed) + 'static) -> Mutation {
    Mutation { name, enters: true, change: Box::new(change) }
}

fn stays_out(name: &'static str, change: impl Fn(&mut Keyed) + 'static) -> Mutation {
    Mutation { name, enters: false, change: Box::new(change) }
}

/// What holds for every verb.
fn common() -> Vec<Mutation> {
    vec![
        stays_out("description", |keyed| keyed.action.description.push('x')),
        stays_out("where an input comes from", |keyed| {
            let other = Digest { hash: [99; 32], size: 99 };
            keyed.action.inputs.iter_mut().for_each(|input| *input = Input::Tree(other));
        }),
        enters("hash of an input", |keyed| keyed.resolved.inputs[0].hash[31] ^= 1),
        enters("size of an input", |keyed| keyed.resolved.inputs[0].size += 1),
        enters("order of inputs", |keyed| keyed.resolved.inputs.reverse()),
        enters("number of inputs", |keyed| keyed.resolved.inputs.truncate(1)),
        enters("function version", |keyed| keyed.resolved.function_version = Some(7)),
        enters("tool identity", |keyed| keyed.resolved.tool = Some("CPython 3.11.4 cp311".to_owned())),
        enters("verb", |keyed| {
            keyed.action.verb = match &keyed.action.verb {
                Verb::Extract => Verb::Write(Vec::new()),
                _ => Verb::Extract,
            };
        }),
    ]
}

macro_rules! with {
    ($pattern:pat => $body:expr) => {
        move |keyed: &mut Keyed| match &mut keyed.action.verb {
            $pattern => {
                $body;
            }
            other => panic!("{other:?}"),
        }
    };
}

fn of_write() -> Vec<Mutation> {
    fn file(literal: &mut Literal) -> (&mut Vec<u8>, &mut bool) {
        match literal {
            Literal::File { content, executable } => (content, executable),
            Literal::Symlink(_) => unreachable!("the first entry is a file"),
        }
    }
    vec![
        enters("path", with!(Verb::Write(entries) => entries[0].0.push('x'))),
        enters("content", with!(Verb::Write(entries) => file(&mut entries[0].1).0.push(0xff))),
        enters("executable", with!(Verb::Write(entries) => *file(&mut entries[0].1).1 ^= true)),
        enters("target", with!(Verb::Write(entries) => entries[1].1 = Literal::Symlink("other".into()))),
        enters(
            "kind",
            with!(Verb::Write(entries) => {
                entries[1].1 = Literal::File { content: b"target".to_vec(), executable: false };
            }),
        ),
        enters("fewer entries", with!(Verb::Write(entries) => entries.truncate(1))),
        enters("order", with!(Verb::Write(entries) => entries.reverse())),
        enters(
            "where a path ends",
            with!(Verb::Write(entries) => {
                let moved = entries[0].0.pop().unwrap();
                file(&mut entries[0].1).0.insert(0, moved as u8);
            }),
        ),
    ]
}

fn of_fetch() -> Vec<Mutation> {
    vec![
        enters("name", with!(Verb::Fetch(download) => download.name.push('x'))),
        enters("sha256", with!(Verb::Fetch(download) => download.sha256[0] ^= 1)),
        enters("size", with!(Verb::Fetch(download) => download.size = download.size.map(|size| size + 1))),
        enters("no size", with!(Verb::Fetch(download) => download.size = None)),
        stays_out("source", with!(Verb::Fetch(download) => download.origin.source.push('x'))),
        stays_out("project", with!(Verb::Fetch(download) => download.origin.project.push('x'))),
    ]
}

fn of_merge() -> Vec<Mutation> {
    vec![
        enters("prefix", with!(Verb::Merge { prefixes } => prefixes[0].push('x'))),
        enters("fewer", with!(Verb::Merge { prefixes } => prefixes.truncate(1))),
        enters("order", with!(Verb::Merge { prefixes } => prefixes.reverse())),
        enters(
            "where a prefix ends",
            with!(Verb::Merge { prefixes } => {
                let moved = prefixes[0].pop().unwrap();
                prefixes[1].insert(0, moved);
            }),
        ),
    ]
}

fn of_archive() -> Vec<Mutation> {
    vec![
        enters("name", with!(Verb::Archive(archive) => archive.name.push('x'))),
        enters("executable", with!(Verb::Archive(archive) => archive.executable ^= true)),
        enters("no prefix", with!(Verb::Archive(archive) => archive.prefix = None)),
        enters("prefix input", with!(Verb::Archive(archive) => archive.prefix.as_mut().unwrap().0 += 1)),
        enters("prefix path", with!(Verb::Archive(archive) => archive.prefix.as_mut().unwrap().1.push('x'))),
        enters("no members", with!(Verb::Archive(archive) => archive.members.clear())),
        enters("twice", with!(Verb::Archive(archive) => archive.members.push(archive.members[0].clone()))),
        enters("input", with!(Verb::Archive(archive) => archive.members[0].input += 1)),
        stays_out("origin", with!(Verb::Archive(archive) => archive.members[0].origin.push('x'))),
        enters("under", with!(Verb::Archive(archive) => archive.members[0].under.push('x'))),
        enters("deflate", with!(Verb::Archive(archive) => archive.members[0].packing = Packing::Deflate)),
        enters("transfer", with!(Verb::Archive(archive) => archive.members[0].packing = Packing::Transfer)),
        enters("only", with!(Verb::Archive(archive) => archive.members[0].only.push("x".into()))),
        enters(
            "directories",
            with!(Verb::Archive(archive) => archive.members[0].directories.push("x".into())),
        ),
        enters(
            "only for directories",
            with!(Verb::Archive(archive) => {
                let members = &mut archive.members[0];
                std::mem::swap(&mut members.only, &mut members.directories);
            }),
        ),
    ]
}

fn of_run() -> Vec<Mutation> {
    vec![
        enters("tool", with!(Verb::Run(process) => process.program = Program::Tool("other".into()))),
        enters(
            "input",
            with!(Verb::Run(process) => {
                let Program::Tool(name) = process.program.clone() else { unreachable!() };
                process.program = Program::Input(name);
            }),
        ),
        enters("argument", with!(Verb::Run(process) => process.arguments[0].push('x'))),
        enters("order", with!(Verb::Run(process) => process.arguments.reverse())),
        enters(
            "argument for output",
            with!(Verb::Run(process) => {
                let moved = process.arguments.pop().unwrap();
                process.outputs.push(moved);
            }),
        ),
        enters(
            "variable",
            with!(Verb::Run(process) => drop(process.environment.insert("new".into(), String::new()))),
        ),
        enters(
            "value",
            with!(Verb::Run(process) => process.environment.values_mut().for_each(|value| value.push('x'))),
        ),
        enters("output", with!(Verb::Run(process) => process.outputs.push("x".into()))),
        stays_out("timeout", with!(Verb::Run(process) => process.timeout = Some(Duration::from_millis(1)))),
        stays_out("no timeout", with!(Verb::Run(process) => process.timeout = None)),
    ]
}

fn of_apply() -> Vec<Mutation> {
    vec![
        enters("function", with!(Verb::Apply { function, .. } => *function = "other")),
        enters("arguments", with!(Verb::Apply { arguments, .. } => arguments.push(0))),
        enters("bytes that are no text", with!(Verb::Apply { arguments, .. } => arguments.push(0xfe))),
        enters("other such bytes", with!(Verb::Apply { arguments, .. } => arguments.push(0xff))),
    ]
}

fn of(verb: &Verb) -> Vec<Mutation> {
    match verb {
        Verb::Write(_) => of_write(),
        Verb::Fetch(_) => of_fetch(),
        Verb::Extract => Vec::new(),
        Verb::Merge { .. } => of_merge(),
        Verb::Archive(_) => of_archive(),
        Verb::Run(_) => of_run(),
        Verb::Apply { .. } => of_apply(),
    }
}

/// One of each verb, with these texts and bytes in its fields. The texts are not empty and differ.
fn verbs(texts: &[String], bytes: &[u8], number: u64) -> Vec<Verb> {
    let text = |at: usize| texts[at].clone();
    let file = Literal::File { content: bytes.to_vec(), executable: number.is_multiple_of(2) };
    let members = Members {
        input: 0,
        origin: text(0),
        under: text(1),
        packing: Packing::Store,
        only: vec![text(2)],
        directories: vec![text(3), text(0)],
    };
    let process = Process {
        program: Program::Tool(text(0)),
        arguments: vec![text(1), text(2)],
        environment: BTreeMap::from([(text(2), text(3)), (text(0), text(1))]),
        outputs: vec![text(3)],
        keeps_failed: false,
        shared: None,
        timeout: Some(Duration::from_secs(number)),
        needs: engine::Needs::default(),
    };
    let origin = Origin { source: text(1), project: text(2) };
    let download = Download { name: text(0), sha256: [3; 32], size: Some(number), origin };
    let prefix = Some((1, text(3)));
    vec![
        Verb::Write(vec![(text(0), file), (text(1), Literal::Symlink("target".into()))]),
        Verb::Fetch(download),
        Verb::Extract,
        Verb::Merge { prefixes: vec![text(0), text(1)] },
        Verb::Archive(Archive { name: text(0), executable: false, prefix, members: vec![members] }),
        Verb::Run(process),
        Verb::Apply { function: "mine", arguments: bytes.to_vec() },
    ]
}

fn check(store: &Store, keyed: &Keyed) {
    let key_of = |keyed: &Keyed| key(store, &keyed.action, &keyed.resolved);
    let text_of = |keyed: &Keyed| explain(&keyed.action, &keyed.resolved);
    let (before, explained) = (key_of(keyed), text_of(keyed));
    assert_eq!(before, key_of(&keyed.clone()));
    let mut seen = HashSet::from([before]);
    for Mutation { name, enters, change } in common().into_iter().chain(of(&keyed.action.verb)) {
        let mut changed = keyed.clone();
        change(&mut changed);
        let what = format!("{name} of {keyed:?}");
        if enters {
            assert!(seen.insert(key_of(&changed)), "{what} enters the key");
        } else {
            assert_eq!(key_of(&changed), before, "{what} does not enter the key");
        }
        assert_eq!(text_of(&changed) != explained, enters, "the explanation tells of {what}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_field_enters_as_the_table_says(
        texts in proptest::collection::hash_set("[ -~é\\n]{1,9}", 4),
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        number in 0..u64::from(u32::MAX),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
        let mut texts: Vec<String> = texts.into_iter().filter(|text| text.is_ascii()).collect();
        texts.resize_with(4, || "filler".to_owned());
        texts.iter_mut().enumerate().for_each(|(at, text)| text.push_str(&at.to_string()));
        let input = |at: u8| Digest { hash: [at; 32], size: number };
        let resolved = Resolved { inputs: vec![input(1), input(2)], tool: None, function_version: None };
        let mut all = HashSet::new();
        for verb in verbs(&texts, &bytes, number) {
            let inputs = vec![Input::Tree(input(1)), Input::Tree(input(2))];
            let action = Action { verb, inputs, description: "do it".to_owned() };
            let keyed = Keyed { action, resolved: resolved.clone() };
            prop_assert!(all.insert(key(&store, &keyed.action, &keyed.resolved)));
            check(&store, &keyed);
        }
    }
}

#[test]
fn a_key_is_what_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
    let action = Action {
        verb: Verb::Merge { prefixes: vec!["a".into()] },
        inputs: Vec::new(),
        description: String::new(),
    };
    let resolved = Resolved { inputs: vec![Digest { hash: [1; 32], size: 1 }], ..Resolved::default() };
    // Whoever changes the encoding raises the format, and then these.
    assert_eq!(
        explain(&action, &resolved),
        format!(
            "format: 2\nverb: \"merge\"\ncount: 1\nprefix: \"a\"\ninputs: 1\ninput: {}\n",
            Digest { hash: [1; 32], size: 1 }
        )
    );
    let known = "7f0a9cc35e21bb081c6385a25fdc889abe68d1b09b02a4070790032e670d7c9f";
    assert_eq!(key(&store, &action, &resolved).hex(), known);
}

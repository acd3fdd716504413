//! The key changes exactly with what the table at the head says, and the explanation changes with the key.
//!
//! Every type that is part of an action is taken apart without `..`, and every one of its fields is changed: a field or
//! a verb that is new does not compile here until it is in the table.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use engine::{
    Action, Archive, Download, Input, Keeps, Literal, Members, Needs, Origin, Packing, Process, Program,
    Resolved, Site, Verb, explain, key,
};
use proptest::prelude::*;
use store::{Digest, DigestFunction, Store};

/// Every field of an action and of what surrounds it, and whether it enters the key.
const TABLE: [(&str, bool); 46] = [
    ("action: verb", true),
    // Their digests do; where they come from does not.
    ("action: inputs", false),
    ("action: description", false),
    ("surroundings: inputs", true),
    ("surroundings: tool", true),
    ("surroundings: function version", true),
    ("digest: hash", true),
    ("digest: size", true),
    ("write: path", true),
    ("write: entries", true),
    ("literal: kind", true),
    ("literal: content", true),
    ("literal: executable", true),
    ("literal: target", true),
    ("fetch: name", true),
    ("fetch: sha256", true),
    ("fetch: size", true),
    ("fetch: source", false),
    ("fetch: project", false),
    ("merge: prefixes", true),
    ("archive: name", true),
    ("archive: executable", true),
    ("archive: prefix", true),
    ("archive: members", true),
    ("members: input", true),
    ("members: origin", false),
    ("members: under", true),
    ("members: packing", true),
    ("members: only", true),
    ("members: directories", true),
    ("run: program", true),
    ("run: arguments", true),
    ("run: environment", true),
    ("run: outputs", true),
    ("run: keeps failed", true),
    ("run: shared", true),
    ("run: timeout", false),
    ("run: keeps", false),
    ("run: memory", false),
    ("run: exclusive", false),
    ("run: site", false),
    ("apply: function", true),
    ("apply: arguments", true),
    ("between: write", true),
    ("between: merge", true),
    ("between: run", true),
];

/// An action and what its key is made of besides.
#[derive(Clone, Debug)]
struct Keyed {
    action: Action,
    resolved: Resolved,
}

/// Something that is as it was but in one field, with the row of the table that the field has.
struct Change<T>(&'static str, T);

/// The same changes of what has `T` in it.
fn within<T, U>(changes: Vec<Change<T>>, wrap: impl Fn(T) -> U) -> Vec<Change<U>> {
    changes.into_iter().map(|Change(field, value)| Change(field, wrap(value))).collect()
}

fn longer(text: &str) -> String {
    format!("{text}x")
}

/// Lists that differ from this one in an item, in their length and, where that is another list, in their order.
fn lists<T: Clone + PartialEq>(items: &[T], item: impl Fn(&T) -> T) -> Vec<Vec<T>> {
    let changed = |at: usize| {
        let mut list = items.to_vec();
        list[at] = item(&list[at]);
        list
    };
    let mut lists: Vec<_> = (0..items.len()).map(changed).collect();
    lists.extend([items[1..].to_vec(), [items, &items[..1]].concat()]);
    lists.push(items.iter().rev().cloned().collect());
    lists.retain(|list| list != items);
    lists
}

/// One text shorter by its last character, the next longer by it: the same text but for where one ends.
fn moved(first: &str, second: &str) -> (String, String) {
    let (rest, last) = first.split_at(first.len() - 1);
    (rest.to_owned(), format!("{last}{second}"))
}

fn of_digest(digest: &Digest) -> Vec<Change<Digest>> {
    let Digest { hash, size } = *digest;
    let mut bits: Vec<_> = (0..hash.len())
        .map(|at| {
            let mut hash = hash;
            hash[at] ^= 1 << (at % 8);
            Change("digest: hash", Digest { hash, size })
        })
        .collect();
    bits.push(Change("digest: size", Digest { hash, size: size + 1 }));
    bits
}

fn of_resolved(resolved: &Resolved) -> Vec<Change<Resolved>> {
    let Resolved { inputs, tool, function_version } = resolved;
    let mut changes = within(of_digest(&inputs[0]), |digest| Resolved {
        inputs: vec![digest, inputs[1]],
        ..resolved.clone()
    });
    let other = |digest: &Digest| Digest { size: digest.size + 2, ..*digest };
    for inputs in lists(inputs, other) {
        changes.push(Change("surroundings: inputs", Resolved { inputs, ..resolved.clone() }));
    }
    let text = tool.as_deref().unwrap();
    for tool in [None, Some(longer(text)), Some(String::new())] {
        changes.push(Change("surroundings: tool", Resolved { tool, ..resolved.clone() }));
    }
    for function_version in [None, function_version.map(|version| version + 1)] {
        let field = "surroundings: function version";
        changes.push(Change(field, Resolved { function_version, ..resolved.clone() }));
    }
    changes
}

fn of_action(action: &Action) -> Vec<Change<Action>> {
    let Action { verb, inputs, description } = action;
    let mut changes = within(of_verb(verb), |verb| Action { verb, ..action.clone() });
    let other = Input::Tree(Digest { hash: [99; 32], size: 99 });
    let elsewhere = inputs.iter().map(|_| other).collect();
    changes.push(Change("action: inputs", Action { inputs: elsewhere, ..action.clone() }));
    let description = longer(description);
    changes.push(Change("action: description", Action { description, ..action.clone() }));
    changes
}

fn of_verb(verb: &Verb) -> Vec<Change<Verb>> {
    let other = if matches!(verb, Verb::Extract) { Verb::Write(Vec::new()) } else { Verb::Extract };
    let mut changes = match verb {
        Verb::Write(entries) => within(of_entries(entries), Verb::Write),
        Verb::Fetch(download) => within(of_download(download), Verb::Fetch),
        Verb::Extract => Vec::new(),
        Verb::Merge { prefixes } => within(of_prefixes(prefixes), |prefixes| Verb::Merge { prefixes }),
        Verb::Archive(archive) => within(of_archive(archive), Verb::Archive),
        Verb::Run(process) => within(of_process(process), Verb::Run),
        Verb::Apply { function, arguments } => {
            assert_eq!(*function, "mine");
            let mut changes = vec![Change(
                "apply: function",
                Verb::Apply { function: "other", arguments: arguments.clone() },
            )];
            // The last two are no text, and print as something else than text.
            for byte in [0, b'x', 0xfe, 0xff] {
                let arguments = [&arguments[..], &[byte]].concat();
                changes.push(Change("apply: arguments", Verb::Apply { function, arguments }));
            }
            changes
        }
    };
    changes.push(Change("action: verb", other));
    changes
}

type Entries = Vec<(String, Literal)>;

fn of_literal(literal: &Literal) -> Vec<Change<Literal>> {
    match literal {
        Literal::File { content, executable } => vec![
            Change("literal: kind", Literal::Symlink("target".to_owned())),
            Change(
                "literal: content",
                Literal::File { content: [&content[..], &[0xff]].concat(), executable: *executable },
            ),
            Change(
                "literal: executable",
                Literal::File { content: content.clone(), executable: !executable },
            ),
        ],
        Literal::Symlink(target) => {
            let content = target.clone().into_bytes();
            vec![
                Change("literal: kind", Literal::File { content, executable: false }),
                Change("literal: target", Literal::Symlink(longer(target))),
            ]
        }
    }
}

fn of_entries(entries: &[(String, Literal)]) -> Vec<Change<Entries>> {
    let mut changes = Vec::new();
    for (at, (path, literal)) in entries.iter().enumerate() {
        let with = |entry: (String, Literal)| {
            let mut entries = entries.to_vec();
            entries[at] = entry;
            entries
        };
        changes.push(Change("write: path", with((longer(path), literal.clone()))));
        changes.extend(within(of_literal(literal), |literal| with((path.clone(), literal))));
        if let Literal::File { content, executable } = literal {
            let (path, moved) = moved(path, "");
            let content = [moved.as_bytes(), content].concat();
            changes.push(Change(
                "between: write",
                with((path, Literal::File { content, executable: *executable })),
            ));
        }
    }
    changes.extend([&entries[1..], &[]].map(|entries| Change("write: entries", entries.to_vec())));
    changes.push(Change("write: entries", entries.iter().rev().cloned().collect()));
    changes
}

fn of_download(download: &Download) -> Vec<Change<Download>> {
    let Download { name, sha256, size, origin } = download;
    let Origin { source, project } = origin;
    let mut other = *sha256;
    other[31] ^= 1;
    let of_origin = |origin| Download { origin, ..download.clone() };
    vec![
        Change("fetch: name", Download { name: longer(name), ..download.clone() }),
        Change("fetch: sha256", Download { sha256: other, ..download.clone() }),
        Change("fetch: size", Download { size: size.map(|size| size + 1), ..download.clone() }),
        Change("fetch: size", Download { size: None, ..download.clone() }),
        Change("fetch: source", of_origin(Origin { source: longer(source), ..origin.clone() })),
        Change("fetch: project", of_origin(Origin { project: longer(project), ..origin.clone() })),
    ]
}

fn of_prefixes(prefixes: &[String]) -> Vec<Change<Vec<String>>> {
    let (first, second) = moved(&prefixes[0], &prefixes[1]);
    let mut changes = vec![Change("between: merge", vec![first, second])];
    let all = lists(prefixes, |prefix| longer(prefix));
    changes.extend(all.into_iter().map(|prefixes| Change("merge: prefixes", prefixes)));
    changes
}

fn of_archive(archive: &Archive) -> Vec<Change<Archive>> {
    let Archive { name, executable, prefix, members } = archive;
    let (input, path) = prefix.clone().unwrap();
    let mut changes = vec![
        Change("archive: name", Archive { name: longer(name), ..archive.clone() }),
        Change("archive: executable", Archive { executable: !executable, ..archive.clone() }),
        Change("archive: prefix", Archive { prefix: None, ..archive.clone() }),
        Change("archive: prefix", Archive { prefix: Some((input + 1, path.clone())), ..archive.clone() }),
        Change("archive: prefix", Archive { prefix: Some((input, longer(&path))), ..archive.clone() }),
    ];
    for members in [Vec::new(), [&members[..], &members[..]].concat()] {
        changes.push(Change("archive: members", Archive { members, ..archive.clone() }));
    }
    changes.extend(within(of_members(&members[0]), |one| Archive { members: vec![one], ..archive.clone() }));
    changes
}

fn of_members(members: &Members) -> Vec<Change<Members>> {
    let Members { input, origin, under, packing, only, directories } = members;
    let others = match packing {
        Packing::Store => [Packing::Deflate, Packing::Transfer],
        Packing::Deflate => [Packing::Store, Packing::Transfer],
        Packing::Transfer => [Packing::Store, Packing::Deflate],
    };
    let mut changes = vec![
        Change("members: input", Members { input: input + 1, ..members.clone() }),
        Change("members: origin", Members { origin: longer(origin), ..members.clone() }),
        Change("members: under", Members { under: longer(under), ..members.clone() }),
        Change(
            "members: only",
            Members { only: directories.clone(), directories: only.clone(), ..members.clone() },
        ),
    ];
    changes.extend(others.map(|packing| Change("members: packing", Members { packing, ..members.clone() })));
    for only in lists(only, |path| longer(path)) {
        changes.push(Change("members: only", Members { only, ..members.clone() }));
    }
    for directories in lists(directories, |path| longer(path)) {
        changes.push(Change("members: directories", Members { directories, ..members.clone() }));
    }
    changes
}

fn of_program(program: &Program) -> Vec<Program> {
    let (tool, link) = match program {
        Program::Tool(text) | Program::Input(text) => (text, "link"),
        Program::Linked { tool, link } => (tool, link.as_str()),
    };
    let linked = |tool: &str, link: &str| Program::Linked { tool: tool.to_owned(), link: link.to_owned() };
    let mut all = vec![
        Program::Tool(tool.clone()),
        Program::Tool(longer(tool)),
        Program::Input(tool.clone()),
        Program::Input(longer(tool)),
        linked(tool, link),
        linked(&longer(tool), link),
        linked(tool, &longer(link)),
    ];
    all.retain(|other| other != program);
    all
}

fn of_process(process: &Process) -> Vec<Change<Process>> {
    let Process { program, arguments, environment, outputs, keeps_failed, shared, timeout, needs, keeps: _ } =
        process;
    let keeps = Some(Keeps { folder: longer(""), name: longer("") });
    let Needs { memory, exclusive, site } = needs;
    let more = Needs { memory: memory + 1, ..needs.clone() };
    let mut changes = vec![
        Change("run: keeps", Process { keeps, ..process.clone() }),
        Change("run: keeps failed", Process { keeps_failed: !keeps_failed, ..process.clone() }),
        Change("run: memory", Process { needs: more, ..process.clone() }),
    ];
    let of_program = of_program(program).into_iter();
    changes.extend(of_program.map(|program| Change("run: program", Process { program, ..process.clone() })));
    for arguments in lists(arguments, |argument| longer(argument)) {
        changes.push(Change("run: arguments", Process { arguments, ..process.clone() }));
    }
    for environment in of_environment(environment) {
        changes.push(Change("run: environment", Process { environment, ..process.clone() }));
    }
    for outputs in lists(outputs, |output| longer(output)) {
        changes.push(Change("run: outputs", Process { outputs, ..process.clone() }));
    }
    let place = shared.as_deref().unwrap();
    for shared in [None, Some(longer(place))] {
        changes.push(Change("run: shared", Process { shared, ..process.clone() }));
    }
    for timeout in [None, timeout.map(|limit| limit + Duration::from_millis(1))] {
        changes.push(Change("run: timeout", Process { timeout, ..process.clone() }));
    }
    let elsewhere = if *site == Site::Here { Site::Elsewhere } else { Site::Here };
    let there = Needs { site: elsewhere, ..needs.clone() };
    changes.push(Change("run: site", Process { needs: there, ..process.clone() }));
    let exclusive = [&exclusive[..], &["port".to_owned()]].concat();
    changes.push(Change(
        "run: exclusive",
        Process { needs: Needs { exclusive, ..needs.clone() }, ..process.clone() },
    ));
    let mut both = process.clone();
    both.outputs.insert(0, both.arguments.pop().unwrap());
    changes.push(Change("between: run", both));
    changes
}

fn of_environment(environment: &BTreeMap<String, String>) -> Vec<BTreeMap<String, String>> {
    let mut all = Vec::new();
    for (name, value) in environment {
        let without = || {
            let mut others = environment.clone();
            others.remove(name);
            others
        };
        let with = |name: &str, value: &str| {
            let mut others = without();
            others.insert(name.to_owned(), value.to_owned());
            others
        };
        all.extend([without(), with(&longer(name), value), with(name, &longer(value)), with(name, "")]);
    }
    all.push(
        environment
            .iter()
            .chain([(&"new".to_owned(), &String::new())])
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
    );
    all
}

/// One of each verb, and a process for each way to start one, with these texts and bytes in its fields. The texts are
/// not empty and differ.
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
    let programs =
        [Program::Tool(text(0)), Program::Input(text(0)), Program::Linked { tool: text(0), link: text(1) }];
    let processes = programs.map(|program| {
        Verb::Run(Process {
            program,
            arguments: vec![text(1), text(2)],
            environment: BTreeMap::from([(text(2), text(3)), (text(0), text(1))]),
            outputs: vec![text(3)],
            keeps_failed: number.is_multiple_of(3),
            shared: Some(text(1)),
            timeout: Some(Duration::from_secs(number)),
            needs: Needs { memory: number, exclusive: vec![text(0)], site: Site::Any },
            keeps: None,
        })
    });
    let origin = Origin { source: text(1), project: text(2) };
    let download = Download { name: text(0), sha256: [3; 32], size: Some(number), origin };
    let prefix = Some((1, text(3)));
    let mut verbs = vec![
        Verb::Write(vec![(text(0), file), (text(1), Literal::Symlink(text(2)))]),
        Verb::Fetch(download),
        Verb::Extract,
        Verb::Merge { prefixes: vec![text(0), text(1)] },
        Verb::Archive(Archive { name: text(0), executable: false, prefix, members: vec![members] }),
        Verb::Apply { function: "mine", arguments: bytes.to_vec() },
    ];
    verbs.extend(processes);
    verbs
}

/// Checks every change of `keyed` against the table, and notes which rows that was.
fn check(store: &Store, keyed: &Keyed, rows: &mut BTreeSet<&'static str>) {
    let key_of = |keyed: &Keyed| key(store, &keyed.action, &keyed.resolved);
    let text_of = |keyed: &Keyed| explain(&keyed.action, &keyed.resolved);
    let (before, explained) = (key_of(keyed), text_of(keyed));
    assert_eq!(before, key_of(&keyed.clone()));
    let Keyed { action, resolved } = keyed;
    let mut changes = within(of_action(action), |action| Keyed { action, ..keyed.clone() });
    changes.extend(within(of_resolved(resolved), |resolved| Keyed { resolved, ..keyed.clone() }));
    let mut seen = HashSet::from([before]);
    for Change(field, changed) in changes {
        let enters = TABLE.iter().find(|(row, _)| *row == field).map(|(_, enters)| *enters);
        let enters = enters.unwrap_or_else(|| panic!("`{field}` is not in the table"));
        rows.insert(field);
        if enters {
            assert!(seen.insert(key_of(&changed)), "{field} enters the key: {changed:?} of {keyed:?}");
        } else {
            assert_eq!(key_of(&changed), before, "{field} does not enter the key: {changed:?}");
        }
        assert_eq!(text_of(&changed) != explained, enters, "the explanation tells of {field}: {changed:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_field_enters_as_the_table_says(
        texts in proptest::collection::hash_set("[ -~\\n]{1,9}", 4),
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        number in 0..u64::from(u32::MAX),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
        let texts: Vec<String> = texts.into_iter().enumerate().map(|(at, text)| format!("{text}{at}")).collect();
        let input = |at: u8| Digest { hash: [at; 32], size: number };
        let resolved = Resolved {
            inputs: vec![input(1), input(2)],
            tool: Some("CPython 3.11.4 cp311".to_owned()),
            function_version: Some(7),
        };
        let (mut all, mut rows) = (HashSet::new(), BTreeSet::new());
        for verb in verbs(&texts, &bytes, number) {
            let inputs = vec![Input::Tree(input(1)), Input::Tree(input(2))];
            let action = Action { verb, inputs, description: "do it".to_owned() };
            let keyed = Keyed { action, resolved: resolved.clone() };
            prop_assert!(all.insert(key(&store, &keyed.action, &keyed.resolved)));
            check(&store, &keyed, &mut rows);
        }
        let unused: Vec<_> = TABLE.iter().filter(|(row, _)| !rows.contains(row)).collect();
        prop_assert!(unused.is_empty(), "nothing changes {:?}", unused);
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

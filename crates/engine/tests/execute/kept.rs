//! Folders that processes find as the last one left them, which no key knows of.

use std::collections::BTreeMap;

use engine::{ActionGraph, Keeps, Level, Needs, Process, Program, Verb};

use crate::rig::Rig;

/// What a script writes to `seen`, which has a folder `kept` of this name; nothing where it fails.
fn seen(rig: &Rig, name: &str, script: &str) -> Option<String> {
    let process = Process {
        program: Program::Tool("sh".to_owned()),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        outputs: vec!["seen".to_owned()],
        keeps_failed: false,
        shared: None,
        timeout: None,
        needs: Needs::default(),
        keeps: Some(Keeps { folder: "kept".to_owned(), name: name.to_owned() }),
    };
    let mut graph = ActionGraph::new();
    let root = graph.add(Verb::Run(process), vec![rig.tree(&[])], "run");
    if !rig.go(&graph, &[root]).failures.is_empty() {
        return None;
    }
    let (tree, _) = rig.build(&graph, root);
    Some(String::from_utf8(rig.read(&tree, "seen")).unwrap())
}

#[test]
fn what_a_process_left_is_there_for_the_next_of_its_name() {
    for level in [Level::Off, Level::Full] {
        let mut rig = Rig::new();
        rig.level = level;
        let found = |round: usize, name: &str, code: usize| {
            let script = format!("cat kept/lines > seen 2>&-; echo {round} >> kept/lines; exit {code}");
            seen(&rig, name, &script)
        };
        assert_eq!(found(1, "a", 0).unwrap(), "");
        assert_eq!(found(2, "a", 0).unwrap(), "1\n");
        assert_eq!(found(3, "b", 0).unwrap(), "");
        // What failed may have left anything.
        assert_eq!(found(4, "a", 1), None);
        assert_eq!(found(5, "a", 0).unwrap(), "1\n2\n");
        // It is in no key: what ran already does not run again.
        assert_eq!(found(2, "a", 0).unwrap(), "1\n");
        assert_eq!(found(6, "a", 0).unwrap(), "1\n2\n5\n");
    }
}

#[test]
fn of_what_the_cache_lost_a_part_nothing_is_there() {
    let rig = Rig::new();
    seen(&rig, "a", "echo > kept/small; printf %0100000d 0 > kept/long; : > seen").unwrap();
    assert_eq!(seen(&rig, "a", "ls kept > seen").unwrap(), "long\nsmall\n");
    std::fs::remove_file(rig.blob("0".repeat(100_000).as_bytes())).unwrap();
    assert_eq!(seen(&rig, "a", "ls kept > seen; :").unwrap(), "");
}

//! Who descends from a process, as `/proc` tells it.

use std::collections::HashMap;
use std::fs;

use rustix::process::Pid;

/// The living processes below `leader`, which is not among them.
pub(super) fn descendants(leader: Pid) -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<(i32, bool)>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name of a program may have blanks and parentheses in it.
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let mut words = rest.split_ascii_whitespace();
        let (Some(state), Some(parent)) = (words.next(), words.next()) else { continue };
        if let Ok(parent) = parent.parse() {
            children.entry(parent).or_default().push((pid, matches!(state, "Z" | "X")));
        }
    }
    let mut found = Vec::new();
    let mut next = vec![leader.as_raw_nonzero().get()];
    while let Some(parent) = next.pop() {
        for (pid, ended) in children.remove(&parent).unwrap_or_default() {
            next.push(pid);
            if !ended {
                found.extend(Pid::from_raw(pid));
            }
        }
    }
    found
}

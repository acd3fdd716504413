//! Trees of files as the tests compare them: what is at each path, its mode, its bytes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What is at a path of a tree.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Folder,
    Link(String),
    File { executable: bool, bytes: Vec<u8> },
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Found::Folder => f.write_str("a folder"),
            Found::Link(target) => write!(f, "a link to {target}"),
            Found::File { executable, bytes } => {
                let text = String::from_utf8_lossy(bytes);
                write!(
                    f,
                    "a file (executable: {executable}): {}",
                    text.chars().take(2000).collect::<String>()
                )
            }
        }
    }
}

pub(crate) type Files = BTreeMap<String, Found>;

/// All that is below a folder, by path.
pub(crate) fn read(folder: &Path) -> Files {
    let mut found = Files::new();
    add(folder, "", &mut found);
    found
}

fn add(folder: &Path, prefix: &str, found: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        let metadata = entry.path().symlink_metadata().unwrap();
        if metadata.is_dir() {
            add(&entry.path(), &format!("{path}/"), found);
            found.insert(path, Found::Folder);
        } else if metadata.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap();
            found.insert(path, Found::Link(target.to_str().unwrap().to_owned()));
        } else {
            let executable = metadata.permissions().mode() & 0o100 != 0;
            found.insert(path, Found::File { executable, bytes: fs::read(entry.path()).unwrap() });
        }
    }
}

/// Fails with all differences, of which it shows some.
pub(crate) fn compare(ours: &Files, theirs: &Files) {
    let only = |one: &Files, other: &Files| {
        one.keys().filter(|path| !other.contains_key(*path)).cloned().collect::<Vec<_>>()
    };
    let (ours_only, theirs_only) = (only(ours, theirs), only(theirs, ours));
    assert!(
        ours_only.is_empty() && theirs_only.is_empty(),
        "only ours: {ours_only:#?}\nonly theirs: {theirs_only:#?}"
    );
    let differ: Vec<_> = ours.iter().filter(|(path, found)| theirs[*path] != **found).collect();
    let shown: Vec<_> = differ.iter().take(4).map(|(path, found)| (path, found, &theirs[*path])).collect();
    assert!(differ.is_empty(), "{} differ: {shown:#?}", differ.len());
}

/// The rows of a `RECORD`, sorted, with the sums of files that `hide` names left out.
pub(crate) fn rows(record: &[u8], hide: impl Fn(&str) -> bool) -> Vec<String> {
    let text = String::from_utf8_lossy(record);
    let mut rows: Vec<String> = (text.lines())
        .map(|line| match line.split_once(',') {
            Some((path, _)) if hide(path) => format!("{path},hidden"),
            _ => line.to_owned(),
        })
        .collect();
    rows.sort();
    rows
}

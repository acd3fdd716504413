//! A repository in a temporary directory, and errors as text.
#![allow(dead_code, unreachable_pub, reason = "every test binary has its own copy and uses a part of it")]

use std::fs;
use std::path::Path;

use loader::{LoadError, Loaded, Options, load};
use tempfile::TempDir;

/// A repository with these files.
pub fn repository(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().expect("a temporary directory");
    for (path, text) in files {
        write(root.path(), path, text);
    }
    root
}

/// Writes one file and the directories above it.
pub fn write(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("it is below the root")).expect("a directory");
    fs::write(path, text).expect("a file");
}

/// Options with two threads.
pub fn options(root: &Path) -> Options {
    Options { jobs: 2, ..Options::new(root) }
}

/// Loads a repository with these files.
pub fn loaded(files: &[(&str, &str)]) -> Loaded {
    let root = repository(files);
    load(&options(root.path()), None)
}

/// An error as text: place, width, code and message, then notes and help in lines of their own.
pub fn text(error: &LoadError) -> String {
    let mut text = match error.place() {
        Some(place) => format!("{place}+{}: ", place.width),
        None => String::new(),
    };
    text += &format!("{}: {error}", error.code());
    for (place, note) in &error.notes {
        text += &format!("\n  {place}: {note}");
    }
    if let Some(help) = error.help() {
        text += &format!("\n  help: {help}");
    }
    text
}

/// Checks all errors of a repository.
#[track_caller]
pub fn check(files: &[(&str, &str)], expected: &[&str]) {
    let errors: Vec<String> = loaded(files).errors.iter().map(text).collect();
    assert_eq!(
        errors,
        expected,
        "\n--- found:\n{}\n--- expected:\n{}\n",
        errors.join("\n"),
        expected.join("\n")
    );
}

//! Whatever a BUILD file has in it, loading it ends, with targets or with errors.

mod common;

use std::fs;

use common::{options, repository};
use loader::{Limits, Options, load};
use proptest::prelude::{Strategy, any, proptest};
use proptest::sample::select;
use proptest::test_runner::Config;

const VALID: &str = "load(\"//m.bzl\", \"service\")\n\
    python_library(name = \"x\", sources = glob([\"*.py\"]) + [\"!y.py\"], tags = [t for t in [\"a\", \"b\"] if t != \"a\"])\n\
    service(name = \"s\", deps = [\":x\"])\n\
    def f(a, *b, **c):\n    for i in b:\n        if i: return lambda: {1: [2, (3,)]}[1][0] + -4\n    return None\n\
    python_binary(name = 'b', entry_point = \"\"\"x\"\"\" % (), env = {\"A\": \"%d\" % 1}, args = [str(f(1))])\n";

const MODULE: &str = "def service(name, deps):\n    python_library(name = name, dependencies = deps)\n";

fn never_panics(text: &[u8]) {
    let root = repository(&[("m.bzl", MODULE), ("a.py", "")]);
    fs::write(root.path().join("BUILD"), text).expect("a file");
    let limits = Limits { steps: 10_000, ..Limits::default() };
    let loaded = load(&Options { limits, ..options(root.path()) }, None);
    for error in &loaded.errors {
        assert_ne!(error.code(), "loader::panicked", "{error} for {}", String::from_utf8_lossy(text));
    }
}

#[test]
fn the_text_that_is_changed_is_valid_in_part() {
    let loaded = common::loaded(&[("m.bzl", MODULE), ("a.py", ""), ("BUILD", &VALID.replace(" % (),", ","))]);
    assert_eq!(loaded.errors, []);
    assert_eq!(loaded.targets.len(), 3);
}

/// Parts of the language, to be put together at random.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "(", ")", "[", "]", "{", "}", ",", ":", "=", "+", "-", "*", "**", "%", ".", "\n", "\n    ",
    "\n\t", " ", "#", "'", "\"", "\"\"\"", "\\", "\\\n", "r'", "b\"", "def f", "lambda", "if",
    "else", "elif", "for", "in", "not", "and", "or", "return", "pass", "load", "glob",
    "python_library", "name", "sources", "x", "0", "0x", "1e9", "None", "True", "é", "\u{feff}",
    "\r", ";", "<<", "//", "|=", "...", "f'{x}'",
];

fn words() -> impl Strategy<Value = &'static str> {
    select(WORDS)
}

proptest! {
    #![proptest_config(Config { cases: 150, failure_persistence: None, ..Config::default() })]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        never_panics(&bytes);
    }

    #[test]
    fn random_words(words in proptest::collection::vec(words(), 0..120)) {
        never_panics(words.concat().as_bytes());
    }

    #[test]
    fn random_changes(
        changes in proptest::collection::vec((any::<usize>(), words(), 0_usize..20), 1..6),
    ) {
        let mut text = VALID.as_bytes().to_vec();
        for (at, word, cut) in changes {
            let at = at % (text.len() + 1);
            let end = (at + cut).min(text.len());
            text.splice(at..end, word.bytes());
        }
        never_panics(&text);
    }
}

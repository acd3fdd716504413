//! What the cache keeps: what it takes for whom, that versions share what they have in common, and that all of it can go.

use std::fs;

use serde_json::Value;
use store::{DigestFunction, Store};

use crate::checkout::{Checkout, report};
use crate::index::Index;

const BOTH: [&str; 2] = ["//one", "//two"];

/// What a command of the goal `cache` says as data.
#[track_caller]
fn cache(checkout: &Checkout, words: &[&str]) -> Value {
    report(&checkout.command(&[&["--output", "json", "cache"], words].concat()).output().unwrap())
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// The names in a list of `cache du`, which are sorted by size and sum up to no less than the whole.
fn names(list: &Value) -> Vec<String> {
    let each = list["each"].as_array().unwrap();
    assert!(each.is_sorted_by_key(|one| std::cmp::Reverse(number(&one["bytes"]))), "{list:#}");
    let sum: u64 = each.iter().map(|one| number(&one["bytes"])).sum();
    let alone: u64 = each.iter().map(|one| number(&one["alone_bytes"])).sum();
    let whole = number(&list["bytes"]);
    assert!(alone <= whole && whole <= sum, "{list:#}");
    each.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_the_cache_is_taken_by_is_told() {
    let Some(index) = Index::start("what_the_cache_is_taken_by_is_told") else { return };
    let dir = tempfile::tempdir().unwrap();
    let checkout = Checkout::generate(&dir.path().join("repository"), dir.path(), 0, &index);
    let again = "python_binary(name = 'again', entry_point = 'one.main', dependencies = [':lib'])\n";
    checkout.write("one/BUILD", &(String::from_utf8(checkout.read("one/BUILD")).unwrap() + again));
    checkout.build(&["//one:one", "//one:again", "//two"]);
    let told = cache(&checkout, &["du"]);
    let mut targets = names(&told["targets"]);
    targets.sort();
    assert_eq!(targets, ["//one:again", "//one:one", "//two:two"]);
    let of = |list: &Value, name: &str| {
        let each = list["each"].as_array().unwrap().iter().find(|one| one["name"] == name);
        each.unwrap_or_else(|| panic!("no {name}: {list:#}")).clone()
    };
    // Two files with the same content but for a few lines, and a folder.
    let [one, two] = ["//one:one", "//two:two"].map(|name| of(&told["targets"], name));
    assert!(number(&one["alone_bytes"]) < number(&one["bytes"]) / 4, "{told:#}");
    assert_eq!(two["alone_bytes"], two["bytes"], "{told:#}");
    let distributions = names(&told["distributions"]);
    assert!(
        ["alpha 1.0", "beta 1.0"].iter().all(|name| distributions.iter().any(|one| one == name)),
        "{told:#}"
    );
    // What was in a wheel is kept as parts of it where it is not compressed.
    assert!(number(&of(&told["distributions"], "alpha 1.0")["bytes"]) > 100_000, "{told:#}");
    assert!(number(&told["other_bytes"]) < number(&told["bytes"]), "{told:#}");
    // From another checkout, the same targets are those of a folder.
    let other = checkout.copy(&dir.path().join("other"), dir.path());
    let told = cache(&other, &["du"]);
    let elsewhere = format!("//one:one in {}", checkout.root.canonicalize().unwrap().display());
    assert!(names(&told["targets"]).contains(&elsewhere), "{told:#}");
    let said = other.command(&["cache", "du"]).output().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.contains("alpha 1.0\n") && text.contains(&format!("{elsewhere}\n")), "{text}");
}

#[test]
fn all_of_it_can_go_but_what_is_in_use() {
    let Some(index) = Index::start("all_of_it_can_go_but_what_is_in_use") else { return };
    let dir = tempfile::tempdir().unwrap();
    let checkout = Checkout::generate(&dir.path().join("repository"), dir.path(), 0, &index);
    checkout.build(&BOTH);
    let built = checkout.dist();
    // One that lives, and has begun in the hour in which all this was stored or before.
    let other = Store::open(&checkout.cache, DigestFunction::Blake3).unwrap();
    let scratch = other.scratch().unwrap();
    let before = cache(&checkout, &["stats"]);
    let cleared = cache(&checkout, &["clear"]);
    assert_eq!(
        (&cleared["alone"], &cleared["outcomes"], &cleared["blobs"]),
        (&false.into(), &0.into(), &0.into())
    );
    assert_eq!(cache(&checkout, &["stats"])["files"], before["files"]);
    assert!(scratch.is_dir(), "what it works in stays");
    drop(other);
    // What others left, one of whom is at work.
    let (left, busy) = (checkout.cache.join("v0/blake3"), checkout.cache.join("v2/blake3/tmp"));
    for folder in [&left, &busy] {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("content"), "x".repeat(100_000)).unwrap();
    }
    let lock = fs::File::create(busy.join("a.lock")).unwrap();
    lock.lock().unwrap();
    let cleared = cache(&checkout, &["clear"]);
    assert_eq!(cleared["alone"], true);
    assert!(number(&cleared["bytes"]) > 1_000_000, "{cleared:#}");
    let after = cache(&checkout, &["stats"]);
    assert_eq!((&after["files"], left.is_dir()), (&0.into(), true), "{after:#}");
    assert!(number(&after["database_bytes"]) < 500_000, "{after:#}");
    let cleared = cache(&checkout, &["clear", "--all"]);
    assert!(number(&cleared["bytes"]) >= 100_000, "{cleared:#}");
    assert!(!left.is_dir() && busy.is_dir(), "{cleared:#}");
    assert!(cleared["in_use"][0].as_str().unwrap().ends_with("/v2"), "{cleared:#}");
    fs::remove_dir_all(checkout.root.join("dist")).unwrap();
    assert_eq!(checkout.build(&BOTH)["diagnostics"], Value::Array(Vec::new()));
    assert!(checkout.dist() == built, "the same bytes");
}

/// Versions of a program that have their wheels in common take the space of one.
#[test]
fn ten_versions_take_the_space_of_one() {
    let Some(index) = Index::start("ten_versions_take_the_space_of_one") else { return };
    let dir = tempfile::tempdir().unwrap();
    let checkout = Checkout::with_wheels(&dir.path().join("repository"), dir.path(), 0, &index, 100_000);
    let mut sizes = Vec::new();
    let mut pex = 0;
    for version in 0..10 {
        checkout.write("shared/__init__.py", &format!("SALT = {version}\n"));
        let built = checkout.build(&["//one"]);
        pex = number(&built["artifacts"][0]["size"]);
        sizes.push(number(&cache(&checkout, &["stats"])["bytes"]));
    }
    println!("a PEX of {pex} bytes; the cache after each version: {sizes:?}");
    assert!(pex > 1_000_000, "{pex}");
    let grown = sizes[9] - sizes[0];
    assert!(grown < pex / 2, "nine more versions of {pex} bytes each take {grown}: {sizes:?}");
}

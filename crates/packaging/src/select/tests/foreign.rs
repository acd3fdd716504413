//! Selection from locks of other tools, which leave things unsaid or have what no index has.

use crate::lock::{Borders, Graph, Lock, dependencies_of, read};
use crate::select::select;
use crate::target::Target;

const HASH: [&str; 2] = [
    "1111111111111111111111111111111111111111111111111111111111111111",
    "2222222222222222222222222222222222222222222222222222222222222222",
];

fn lock(path: &str, text: &str) -> Lock {
    let read_file = |_: &str| Ok(text.as_bytes().to_vec());
    let found = read(path, text, &Borders { read: &read_file, index_at: &|_| None });
    found.unwrap_or_else(|errors| panic!("{errors:?}")).lock
}

/// Checks which files are chosen, or what is wrong.
#[track_caller]
fn check(lock: &Lock, root: &str, expect: &[&str]) {
    let target = Target::new("3.11".parse().unwrap(), "linux-x86_64".parse().unwrap());
    let found: Vec<String> = match select(lock, &[root.parse().unwrap()], &target) {
        Ok(selection) => selection
            .files
            .iter()
            .map(|one| match one.file {
                crate::select::Chosen::Wheel(wheel) => wheel.name.to_string(),
                crate::select::Chosen::Source(file, _) => file.name.clone(),
            })
            .collect(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(found, expect, "{root}");
}

fn pex(packages: &[(&str, &str)]) -> Lock {
    let package = |(name, requires): &(&str, &str)| {
        format!(
            "{{\"artifacts\": [{{\"algorithm\": \"sha256\", \"hash\": \"{}\", \"url\": \"http://x/{name}-1-py3-none-any.whl\"}}], \
             \"project_name\": \"{name}\", \"requires_dists\": [{requires}], \"version\": \"1\"}}",
            HASH[0]
        )
    };
    let packages: Vec<String> = packages.iter().map(package).collect();
    lock(
        "a.json",
        &format!("{{\"locked_resolves\": [{{\"locked_requirements\": [{}]}}]}}", packages.join(", ")),
    )
}

#[test]
fn what_an_extra_brings_may_not_be_in_a_lock_of_pex() {
    let lock = pex(&[("a", "\"b; extra == 'x'\", \"c; extra == 'y'\", \"d; os_name == 'nt'\""), ("b", "")]);
    check(&lock, "a", &["a-1-py3-none-any.whl"]);
    check(&lock, "a[x]", &["a-1-py3-none-any.whl", "b-1-py3-none-any.whl"]);
    check(&lock, "a[y]", &["`a` 1 needs `c`, which the lock has not"]);
}

#[test]
fn what_only_wheels_say_is_asked_of_the_one_that_is_taken() {
    let file = |name: &str, hash: &str| {
        format!("{{ url = \"http://x/{name}.whl\", hashes = {{ sha256 = \"{hash}\" }} }}")
    };
    let mut lock = lock(
        "pylock.toml",
        &format!(
            "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\nwheels = [{}, {}]\n[[packages]]\nname = \"b\"\nversion = \"1\"\nwheels = [{}]\n",
            file("a-1-cp311-none-macosx_11_0_arm64", HASH[1]),
            file("a-1-py3-none-any", HASH[0]),
            file("b-1-py3-none-any", HASH[1])
        ),
    );
    let unread = |name: &str| {
        format!(
            "the lock alone does not tell the dependencies of `{name}` 1, and the index was not asked yet"
        )
    };
    check(&lock, "a", &[&unread("a")]);
    let mut know = |hash: u8, requires: &str| {
        if let Graph::InWheels(known) = &mut lock.graph {
            known.insert([hash * 0x11; 32], dependencies_of(vec![requires.parse().unwrap()]));
        }
        lock.clone()
    };
    let lock = know(1, "b");
    check(&lock, "a", &[&unread("b")]);
    let lock = know(2, "never; os_name == 'nt'");
    check(&lock, "a", &["a-1-py3-none-any.whl", "b-1-py3-none-any.whl"]);
}

#[test]
fn files_without_names_are_not_known() {
    let lock = lock("requirements.txt", "a==1\n");
    check(&lock, "a", &["the lock alone does not tell the files of `a` 1, and the index was not asked yet"]);
}

#[test]
fn projects_of_the_repository_bring_what_they_need() {
    let file = |name: &str| {
        format!(
            "wheels = [{{ url = \"http://x/{name}-1-py3-none-any.whl\", hash = \"sha256:{}\" }}]",
            HASH[0]
        )
    };
    let lock = lock(
        "uv.lock",
        &format!(
            "version = 1\n\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = {{ registry = \"x\" }}\ndependencies = [{{ name = \"own\" }}]\n{}\n\
             [[package]]\nname = \"own\"\nsource = {{ editable = \".\" }}\ndependencies = [{{ name = \"b\" }}]\n\
             [[package]]\nname = \"b\"\nversion = \"1\"\nsource = {{ registry = \"x\" }}\n{}\n\
             [[package]]\nname = \"forked\"\nversion = \"1\"\nsource = {{ git = \"x\" }}\n",
            file("a"),
            file("b")
        ),
    );
    check(&lock, "a", &["a-1-py3-none-any.whl", "b-1-py3-none-any.whl"]);
    check(&lock, "own", &["`own` is a project of the repository, which no lock has a distribution of"]);
    check(
        &lock,
        "forked",
        &["`forked` 1 comes from a Git repository, and only what is on an index is fetched"],
    );
}

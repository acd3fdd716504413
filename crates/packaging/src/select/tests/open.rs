//! Tests of what is chosen where markers depend on what a target does not say.

use super::{ANY, LINUX, Short, check, lock, roots, target};
use crate::select::select;

#[test]
fn what_a_marker_leaves_open_is_taken() {
    let packages: &[Short<'_>] = &[
        (
            "app",
            "1",
            &["dependencies = [{ name = 'lib', marker = \"python_full_version >= '3.11.1'\" }, \
            { name = 'old', marker = \"python_full_version < '3.11.4'\" }, \
            { name = 'kernel', marker = \"platform_release == '6'\" }]"],
            ANY,
        ),
        ("kernel", "1", &[], ANY),
        ("lib", "1", &[], ANY),
        ("old", "1", &["dependencies = [{ name = 'deep', marker = \"python_version >= '3.11'\" }]"], ANY),
        ("deep", "1", &[], ANY),
    ];
    let app = "app 1 py3-none-any";
    let kernel = "kernel 1 py3-none-any (needed by app)";
    let lib = "lib 1 py3-none-any (needed by app)";
    let old = "old 1 py3-none-any (needed by app)";
    let deep = "deep 1 py3-none-any (needed by app → old)";
    check(packages, &["app"], LINUX, &[app, deep, kernel, lib, old]);
    check(packages, &["app"], "3.11.4 linux-x86_64", &[app, kernel, lib]);
    check(packages, &["app"], "3.11.0 linux-x86_64", &[app, deep, kernel, old]);
    check(packages, &["app"], "3.10 linux-x86_64", &[app, kernel, old]);
    check(packages, &["deep; python_full_version < '3.11.1'"], LINUX, &["deep 1 py3-none-any"]);
    check(packages, &["deep; python_full_version < '3.11'"], LINUX, &[]);
}

#[test]
fn of_versions_for_several_releases_the_newest_is_taken() {
    let (old, new) =
        ("marker = \"python_full_version < '3.11.4'\"", "marker = \"python_full_version >= '3.11.4'\"");
    let dependencies = format!(
        "dependencies = [{{ name = 'num', version = '1', {old} }}, {{ name = 'num', version = '2', {new} }}, \
         {{ name = 'past', {old} }}]"
    );
    // What comes along with the old version depends on it, and finds the new one there.
    let past = "dependencies = [{ name = 'num', version = '1' }]";
    let packages: &[Short<'_>] = &[
        ("app", "1", &[&dependencies], ANY),
        ("num", "1", &[old], ANY),
        ("num", "2", &[new], ANY),
        ("past", "1", &[past], ANY),
    ];
    let lock = lock(packages);
    let check = |asked: &[&str], on: &str, expect: &[&str], left_out: &[&str]| {
        let selection = select(&lock, &roots(asked), &target(on)).unwrap();
        let versions =
            selection.files.iter().map(|one| format!("{} {}", one.package.name, one.package.version));
        assert_eq!(versions.collect::<Vec<_>>(), expect, "{asked:?} on {on}");
        let told =
            selection.left_out.iter().map(|one| format!("{} {} for {}", one.name, one.version, one.taken));
        assert_eq!(told.collect::<Vec<_>>(), left_out, "{asked:?} on {on}");
    };
    check(&["app"], LINUX, &["app 1", "num 2", "past 1"], &["num 1 for 2"]);
    check(&["app"], "3.11.3 linux-x86_64", &["app 1", "num 1", "past 1"], &[]);
    check(&["app"], "3.11.4 linux-x86_64", &["app 1", "num 2"], &[]);
    check(&["num"], LINUX, &["num 2"], &[]);
    check(&["num<2"], LINUX, &["num 1"], &[]);
    check(&["num<2; python_full_version < '3.11.4'", "num"], LINUX, &["num 2"], &["num 1 for 2"]);
    let selection = select(&lock, &roots(&["app"]), &target(LINUX)).unwrap();
    assert_eq!(
        selection.left_out[0].to_string(),
        "`num` 1 is left out for `cp311-linux_x86_64`, since 2 is taken: which one is needed depends on the third number of \
         the version of Python or on the kernel"
    );
}

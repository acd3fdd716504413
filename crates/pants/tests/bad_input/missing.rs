//! Wheels that are missing: told at once for all programs and configurations, before anything is fetched.

use crate::index::Index;
use crate::locks::{Locked, lock};
use crate::repository::Repository;

/// Two programs over `num`, which has wheels for a part of what they are built for, by way of `greet`.
fn repository() -> Repository {
    let mut text = lock(
        &["greet==1.0"],
        &[
            Locked::wheel("greet", "py3-none-any", b""),
            Locked::wheel("num", "cp311-cp311-manylinux_2_17_x86_64", b""),
        ],
    );
    text = text.replace(
        "platforms = [\"linux-x86_64\"]",
        "platforms = [\"linux-aarch64\", \"linux-x86_64\", \"macos-arm64\"]",
    );
    text = text.replace(
        "version = \"1.0\"\nwheels = [\n    { name = \"greet",
        "version = \"1.0\"\ndependencies = [{ name = \"num\" }]\nwheels = [\n    { name = \"greet",
    );
    Repository::new(&[
        ("pants.lock", &text),
        ("3rdparty/BUILD", "python_requirement(name = \"greet\", requirements = [\"greet==1.0\"])\n"),
        (
            "svc/BUILD",
            "python_library(name = \"lib\")\n\
             python_binary(\n    name = \"app\",\n    entry_point = \"main.py\",\n    dependencies = [\"//3rdparty:greet\"],\n    \
             interpreters = [\"3.11\", \"3.12\"],\n    platforms = [\"linux-x86_64\", \"macos-arm64\"],\n)\n\
             python_binary(\n    name = \"other\",\n    entry_point = \"main.py\",\n    dependencies = [\"//3rdparty:greet\"],\n    \
             platforms = [\"linux-aarch64\"],\n)\n",
        ),
        ("svc/main.py", ""),
    ])
}

#[test]
fn all_that_are_missing_are_told_together() {
    repository().fails(&["binary", "--offline", "::"], 2, r#"
error[packaging::no_wheel]: `num` 1.0 has no wheel for `cp311-linux_aarch64`, `cp311-macos_arm64`, `cp312-linux_x86_64`, `cp312-macos_arm64`
 --> 3rdparty/BUILD:1:52
  |
1 | python_requirement(name = "greet", requirements = ["greet==1.0"])
  |                                                    ^^^^^^^^^^^^
  |
  = note: needed by `//svc:app`, `//svc:other`, whose lock is `pants.lock`
  = note: required by way of greet → num
  = note: in place of `cp311-linux_aarch64`, `cp311-macos_arm64`, there are wheels for this interpreter on `manylinux_2_17_x86_64`
  = note: in place of `cp312-linux_x86_64`, there are wheels for this platform with `cp311`
  = note: in place of `cp312-macos_arm64`, there are wheels for other interpreters and platforms, `num-1.0-cp311-cp311-manylinux_2_17_x86_64.whl`
  = help: leave out 3.12 in `interpreters` (svc/BUILD:6:20), leave out `linux-aarch64` in `platforms` (svc/BUILD:13:17), leave out `macos-arm64` in `platforms` (svc/BUILD:7:17)
"#);
}

#[test]
fn the_nearest_version_with_wheels_is_told() {
    let test = "the_nearest_version_with_wheels_is_told";
    let Some(index) = Index::start(test) else { return };
    let mut repository = repository();
    index.of(&mut repository);
    for tags in [
        "cp311-abi3-macosx_11_0_arm64",
        "cp311-abi3-manylinux_2_17_x86_64",
        "cp311-abi3-manylinux_2_17_aarch64",
    ] {
        index.add(&format!("num-1.2-{tags}.whl"), Vec::new());
    }
    index.add("num-1.1-cp311-abi3-macosx_11_0_arm64.whl", Vec::new());
    index.add("num-1.3-py3-none-any.whl", Vec::new());
    let said = repository.run(&["binary", "::"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("take 1.2, which has them, with `pants lock --upgrade-package num==1.2`"),
        "{}",
        said.stderr
    );
    assert_eq!(index.asked(), 1, "the page, and no file");
}

//! Source distributions that are built by their own backends: isolated, once for all, checked, and with failures that
//! say what would help.

use serde_json::Value;

use crate::index::Index;
use crate::repository::{Repository, skipped};
use crate::zip::{Entry, archive, sha256};

/// A backend that makes the wheel of `thing` 1.0, whose module says what the build could see.
const BACKEND: &str = r#"
import os, subprocess, sys, zipfile
def build_wheel(directory, settings=None, metadata=None):
    child = subprocess.check_output([sys.executable, "-c", "import sys; print(sys.path)"]).decode()
    seen = [path for path in sys.path + child.split("'") if path.rstrip("/").endswith("-packages")]
    seen += [name for name in os.environ if name.startswith("SECRET")]
    folder = "thing-VERSION.dist-info/"
    name = "thing-VERSION-TAGS.whl"
    files = [
        ("thing.py", "SEEN = %r\nEPOCH = %r\n" % (seen, os.environ["SOURCE_DATE_EPOCH"])),
        (folder + "METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: VERSION\n"),
        (folder + "WHEEL", "Wheel-Version: 1.0\nGenerator: own\nRoot-Is-Purelib: true\nTag: TAGS\n"),
        (folder + "RECORD", "".join(path + ",,\n" for path in ("thing.py", folder + "METADATA", folder + "WHEEL", folder + "RECORD"))),
    ]
    with zipfile.ZipFile(os.path.join(directory, name), "w") as made:
        for path, text in files:
            made.writestr(zipfile.ZipInfo(path), text)
    return name
"#;

const SDIST: &str = "thing-1.0.zip";

fn backend(version: &str, tags: &str) -> String {
    BACKEND.replace("VERSION", version).replace("TAGS", tags)
}

/// A repository with two programs that need `thing`, of which there is this source distribution, and these wheels.
fn repository(sdist: &[u8], wheels: &str) -> Repository {
    let hash = sha256(sdist);
    let lock = format!(
        "lock-version = \"1.0\"\ncreated-by = \"pants\"\nrequires-python = \">=3.11\"\nenvironments = []\n\n\
         [tool.pants]\nformat = 1\nindexes = [\"default\"]\ninterpreters = [\"3.11\"]\n\
         platforms = [\"linux-x86_64\", \"linux-aarch64\", \"macos-arm64\"]\nrequirements = [\"thing\"]\n\n\
         [[packages]]\nname = \"thing\"\nversion = \"1.0\"\n\
         sdist = {{ name = \"{SDIST}\", hashes = {{ sha256 = \"{hash}\" }} }}\nwheels = [{wheels}]\n\
         tool.pants.build = {{ requires = [], backend = \"own\", backend-path = [\".\"] }}\n\n\
         [[tool.pants.builds]]\nrequires = []\n"
    );
    let program = |name: &str| {
        format!("python_binary(name = \"{name}\", entry_point = \"main.py\", dependencies = [\":lib\"])\n")
    };
    let library = "python_library(name = \"lib\", dependencies = [\":thing\"])\n\
                   python_requirement(name = \"thing\", requirements = [\"thing\"])\n";
    Repository::new(&[
        ("pants.lock", &lock),
        ("svc/BUILD", &[&program("one"), &program("two"), library].concat()),
        ("svc/main.py", "import thing\nprint(thing.SEEN, thing.EPOCH)\n"),
    ])
}

/// The repository with an index that has a source distribution with this backend; none, said, where the machine lacks
/// what the test needs.
pub(crate) fn served(test: &str, backend: &str, wheels: &str) -> Option<(Repository, Index)> {
    let found = crate::acceptance::python("3.11");
    if found.is_none() || std::env::consts::ARCH != "x86_64" || std::env::consts::OS != "linux" {
        skipped(test, "it needs Python 3.11 on x86-64 Linux");
        return None;
    }
    let index = Index::start(test)?;
    let sdist = archive(&[Entry::file("thing-1.0/own.py", backend), Entry::file("thing-1.0/PKG-INFO", "")]);
    let mut repository = repository(&sdist, wheels);
    index.of(&mut repository);
    index.add(SDIST, sdist);
    Some((repository, index))
}

fn report(repository: &Repository, arguments: &[&str]) -> Value {
    let said = repository.run(&[&["--output", "json"], arguments].concat());
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stderr))
}

#[test]
fn a_source_distribution_is_built_once_isolated() {
    let Some((mut repository, _index)) = served("isolated", &backend("1.0", "py3-none-any"), "") else {
        return;
    };
    for (name, value) in [("SECRET_TOKEN", "x"), ("PYTHONPATH", "/elsewhere/site-packages")] {
        repository.env.insert(name.to_owned(), value.to_owned());
    }
    let first = report(&repository, &["binary", "::"]);
    assert_eq!(
        (&first["exit_code"], &first["actions_run_by_kind"]["run"]),
        (&0.into(), &1.into()),
        "{first:#}"
    );
    assert_eq!(first["artifacts"].as_array().unwrap().len(), 2);
    repository.env.remove("PYTHONPATH");
    let second = report(&repository, &["binary", "::"]);
    assert_eq!(second["actions_run"], 0, "nothing of the environment is in the keys: {second:#}");
    let said = repository.run(&["run", "--as-package", "//svc:one"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "[] 315532800\n"), "{}", said.stderr);
    let bytes = repository.read("dist/svc/one.pex");
    std::fs::remove_dir_all(repository.cache()).unwrap();
    assert_eq!(report(&repository, &["binary", "//svc:one"])["exit_code"], 0);
    assert!(bytes == repository.read("dist/svc/one.pex"), "the same bytes from another cache");
}

/// Checks what is said when the program is built, without the lines of steps.
#[track_caller]
fn refused(served: &(Repository, Index), code: i32, expected: &str) {
    let said = served.0.run(&["binary", "//svc:one"]);
    let steps = ["fetch ", "build a wheel of ", "assemble "];
    let is_step = |line: &str| {
        steps.iter().any(|start| line.starts_with(start)) || line.contains(" from the cache, in ")
    };
    let told: Vec<&str> = said.stderr.lines().filter(|line| !is_step(line)).collect();
    assert_eq!((said.code, told.join("\n").trim()), (code, expected.trim()));
    assert_eq!(served.0.dist(), [""; 0]);
}

#[test]
fn a_failed_build_says_what_would_help() {
    let backend = r#"
import sys
def build_wheel(directory, settings=None, metadata=None):
    print("building thing._c")
    sys.stderr.write("src/c.c:3:10: fatal error: libpq-fe.h: No such file or directory\n")
    print("compilation terminated.")
    sys.exit("error: command '/usr/bin/gcc' failed with exit code 1")
"#;
    let Some(served) = served("failed_build", backend, "") else { return };
    let version = report(&served.0, &["binary", "//svc:one"]);
    let python =
        version["diagnostics"][0]["message"].as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
    let expected = format!(
        "error[build::source]: the source distribution of `thing` 1.0 could not be built with CPython {python}
 |
 = note: src/c.c:3:10: fatal error: libpq-fe.h: No such file or directory
         error: command '/usr/bin/gcc' failed with exit code 1
 = help: the header `libpq-fe.h` is missing: `apt install libpq-dev` or `dnf install libpq-devel` brings it"
    );
    refused(&served, 1, &expected);
    let said = served.0.run(&["-v", "binary", "//svc:one"]);
    let (_, path) = said.stderr.split_once("the whole log is in `TMP/").unwrap();
    let path = served.0.beside(path.split('`').next().unwrap());
    assert!(std::fs::read_to_string(path).unwrap().starts_with("building thing._c\nsrc/c.c:3:10"));
}

#[test]
fn a_build_that_asks_for_more_says_where_to_write_it() {
    let backend = "def get_requires_for_build_wheel(settings=None):\n    return ['cffi>=1.0']\n\
                   def build_wheel(directory, settings=None, metadata=None):\n    raise SystemError\n";
    let Some(served) = served("asks_for_more", backend, "") else { return };
    let report = report(&served.0, &["binary", "//svc:one"]);
    let help = report["diagnostics"][0]["help"].as_str().unwrap();
    assert!(help.contains("`thing = [\"cffi>=1.0\"]` below `[python.build_requirements]`"), "{help}");
}

#[test]
fn what_is_built_has_to_be_what_was_asked_for() {
    let Some(served) = served("other_version", &backend("2.0", "py3-none-any"), "") else { return };
    refused(
        &served,
        1,
        "
error[packaging::built_other]: the source distribution of `thing 1.0` was built into `thing-2.0-py3-none-any.whl`, which is another project or version
 |
 = note: while trying to check the wheel of thing 1.0
",
    );
}

#[test]
fn another_platform_takes_what_is_pure_alone() {
    let foreign = "[python]\ninterpreters = [\"3.11\"]\nplatforms = [\"linux-aarch64\"]\n";
    let Some((repository, _index)) = served("pure_elsewhere", &backend("1.0", "py3-none-any"), "") else {
        return;
    };
    repository.write("pants.toml", foreign);
    assert_eq!(report(&repository, &["binary", "//svc:one"])["artifacts"][0]["platform"], "linux-aarch64");
    let compiled = backend("1.0", "cp311-cp311-linux_x86_64");
    let Some(served_compiled) = served("compiled_elsewhere", &compiled, "") else { return };
    served_compiled.0.write("pants.toml", foreign);
    refused(
        &served_compiled,
        2,
        "
error[packaging::built_unfit]: the source distribution of `thing 1.0` was built into `thing-1.0-cp311-cp311-linux_x86_64.whl`, which does not fit `cp311-linux_aarch64`
 |
 = note: while trying to check the wheel of thing 1.0
 = help: what is compiled has to be built on a machine of that platform: build there, or require a version that has a wheel
",
    );
    // Wheels of other platforms tell beforehand that there is something to compile.
    let wheel = "{ name = \"thing-1.0-cp311-cp311-macosx_11_0_arm64.whl\", hashes = { sha256 = \"HASH\" } }";
    let wheel = wheel.replace("HASH", &"0".repeat(64));
    let Some(served) = served("compiled_known", &compiled, &wheel) else { return };
    served.0.write("pants.toml", foreign);
    refused(
        &served,
        2,
        "
error[packaging::no_wheel]: `thing` 1.0 has no wheel for `cp311-linux_aarch64`
 --> svc/BUILD:4:52
  |
4 | python_requirement(name = \"thing\", requirements = [\"thing\"])
  |                                                    ^^^^^^^
  |
  = note: needed by `//svc:one`, whose lock is `pants.lock`
  = note: there are wheels for this interpreter on `macosx_11_0_arm64`
  = note: its source distribution has something to compile, which takes such a machine
  = help: leave out `linux-aarch64` for `//svc:one`
",
    );
    assert_eq!(served.1.asked(), 1, "the page, and no file");
}

#[test]
fn a_build_sees_neither_the_home_folder_nor_the_network() {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let secret = home.path().join("secret");
    std::fs::write(&secret, "x").unwrap();
    let secret = secret.display();
    let cases = [
        (
            format!("def build_wheel(directory, settings=None, metadata=None):\n    open('{secret}')\n"),
            format!("note: it names `{secret}`, which this machine has and the sandbox of a build has not"),
        ),
        (
            "import socket\ndef build_wheel(directory, settings=None, metadata=None):\n    \
             socket.create_connection(('192.0.2.1', 80), 20)\n"
                .to_owned(),
            "help: builds have no network".to_owned(),
        ),
    ];
    for (backend, expect) in cases {
        let Some(served) = served("neither_home_nor_network", &backend, "") else { return };
        let said = served.0.run(&["binary", "//svc:one"]).stderr;
        if said.contains("sandbox::level") {
            return skipped("a_build_sees_neither_the_home_folder_nor_the_network", "there is no sandbox");
        }
        assert!(said.contains(&expect), "{said}");
    }
}

//! What locks of other tools are read as, and what is said of damaged ones.

use std::fmt::Write as _;
use std::io;

use super::{Borders, read};
use crate::lock::{Form, Lock};
use crate::select::disagreements;

const HASH: &str = "00d2dde5a675579325902536738dd27e4fac1fd68f773fe36c21044eb559e187";

fn read_at(path: &str, files: &[(&str, &str)]) -> Result<Lock, Vec<String>> {
    let find = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| *text);
    let read_file = |path: &str| {
        find(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    let index_at = |address: &str| (address == "https://own.example/simple").then(|| "own".to_owned());
    let text = find(path).unwrap();
    let found = read(path, text, &Borders { read: &read_file, index_at: &index_at });
    found.map(|file| file.lock).map_err(|errors| {
        let line = |error: &crate::lock::LockError| {
            assert!(
                error.help(Form::of(path, text)).is_some() || error.code().contains("requirement"),
                "{error}"
            );
            let place = error.place.map_or_else(String::new, |place| place.to_string());
            format!("{} {place} {error}", error.file.as_deref().unwrap_or(path))
        };
        errors.iter().map(line).collect()
    })
}

/// Everything of a lock that matters, a line each.
fn shown(lock: &Lock) -> String {
    let mut out = format!("python {}; {}\n", lock.requires_python, lock.interpreter_constraints);
    for one in &lock.requirements {
        writeln!(out, "wants {one}").unwrap();
    }
    for package in &lock.packages {
        writeln!(out, "{} {} {:?} {}", package.name, package.version, package.origin, package.marker)
            .unwrap();
        for one in &package.dependencies {
            let version = one.version.as_ref().map_or_else(String::new, ToString::to_string);
            writeln!(out, "  needs {} {version} {:?} {}", one.name, one.extras.len(), one.marker).unwrap();
        }
        let wheels = package.wheels.iter().map(|one| (one.name.to_string(), one.size, &one.index));
        let sdist = package.sdist.iter().map(|one| (one.name.clone(), one.size, &one.index));
        for (name, size, index) in wheels.chain(sdist) {
            writeln!(out, "  {name} {size:?} {}", index.as_deref().unwrap_or("default")).unwrap();
        }
    }
    out
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Checks what a lock is read as, or what is wrong with it.
#[track_caller]
fn check(path: &str, text: &str, expect: &str) {
    check_files(path, &[(path, text)], expect);
}

#[track_caller]
fn check_files(path: &str, files: &[(&str, &str)], expect: &str) {
    let found = read_at(path, files).map_or_else(|errors| errors.join("\n"), |lock| shown(&lock));
    assert_eq!(lines(&found), lines(expect));
}

fn uv(packages: &str) -> String {
    format!("version = 1\nrevision = 3\nrequires-python = \">=3.9\"\n{packages}")
}

/// An application with an extra and a group, a library of its workspace, and two versions of a thing.
fn workspace() -> String {
    uv(&format!(
        r#"
[[package]]
name = "app"
source = {{ editable = "." }}
dependencies = [{{ name = "lib" }}, {{ name = "flask", extra = ["async"], marker = "os_name == 'nt'" }}]
[package.optional-dependencies]
fast = [{{ name = "numpy", version = "2.0", source = {{ registry = "x" }} }}]
[package.metadata]
requires-dist = [{{ name = "flask", extras = ["async"], specifier = ">=3", marker = "os_name == 'nt'" }}, {{ name = "lib", editable = "lib" }}]
[package.metadata.requires-dev]
dev = [{{ name = "numpy", specifier = "*" }}]

[[package]]
name = "flask"
version = "3.0.3"
source = {{ registry = "https://own.example/simple" }}
sdist = {{ url = "https://f.example/flask-3.0.3.tar.gz", hash = "sha256:{HASH}", size = 7 }}
wheels = [{{ url = "https://f.example/flask-3.0.3-py3-none-any.whl#x", hash = "sha256:{HASH}" }}]

[[package]]
name = "forked"
version = "1"
source = {{ git = "https://h.example/forked?rev=1#abc" }}

[[package]]
name = "lib"
version = "1"
source = {{ virtual = "lib" }}

[[package]]
name = "near"
version = "1"
source = {{ path = "libs/near-1-py3-none-any.whl" }}
wheels = [{{ filename = "near-1-py3-none-any.whl", hash = "sha256:{HASH}" }}]

[[package]]
name = "far"
version = "1"
source = {{ url = "https://h.example/x/far-1.tar.gz" }}
sdist = {{ hash = "sha256:{HASH}" }}

[[package]]
name = "out"
version = "1"
source = {{ path = "../out-1-py3-none-any.whl" }}
wheels = [{{ filename = "out-1-py3-none-any.whl", hash = "sha256:{HASH}" }}]

[[package]]
name = "numpy"
version = "1.0"
source = {{ registry = "x" }}
resolution-markers = ["python_version < '3.10'", "os_name == 'nt'"]

[[package]]
name = "numpy"
version = "2.0"
source = {{ registry = "x" }}
resolution-markers = ["python_version >= '3.10' and os_name != 'nt'"]
"#
    ))
}

#[test]
fn a_workspace_of_uv() {
    let text = workspace();
    check(
        "uv.lock",
        &text,
        "python >=3.9; CPython>=3.9
         wants flask[async]>=3 ; os_name == 'nt'
         wants lib
         wants numpy
         app 0 Repository
         needs flask  1 os_name == 'nt'
         needs lib  0
         needs numpy 2.0 0 extra == 'fast'
         far 1 Index
         far-1.tar.gz None https://h.example/x/far-1.tar.gz
         flask 3.0.3 Index
         flask-3.0.3-py3-none-any.whl None own
         flask-3.0.3.tar.gz Some(7) own
         forked 1 Elsewhere(\"a Git repository\")
         lib 1 Repository
         near 1 Index
         near-1-py3-none-any.whl None ./libs/near-1-py3-none-any.whl
         numpy 1.0 Index python_full_version < '3.10' or os_name == 'nt'
         numpy 2.0 Index python_full_version >= '3.10' and os_name != 'nt'
         out 1 Elsewhere(\"a path outside of the repository\")",
    );
    let lock = read_at("uv.lock", &[("uv.lock", &text)]).unwrap();
    let agree = |requirement: &str, expect: &str| {
        let found = disagreements(&lock, &[requirement.parse().unwrap()]);
        assert_eq!(
            found.iter().map(|error| error.code()).collect::<Vec<_>>().join(" "),
            expect,
            "{requirement}"
        );
    };
    agree("flask[async]>=3", "");
    agree("flask>=4", "packaging::lock_stale");
    agree("flask[dotenv]", "packaging::lock_stale");
    agree("numpy<2", "");
    agree("django", "packaging::lock_missing");
    agree("lib", "packaging::project_of_repository");
}

#[test]
fn what_extras_of_a_project_bring_is_asked_for_unless_some_exclude_others() {
    let project = "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { virtual = \".\" }\n\
        [package.metadata]\nrequires-dist = [\
        { name = \"b\", marker = \"os_name == 'nt' and extra == 'dev'\" }, { name = \"c\", marker = \"extra == 'dev'\" }]\n";
    let expect = |wants: &str| format!("python >=3.9; CPython>=3.9\n{wants}\na 1 Repository");
    check("uv.lock", &uv(project), &expect("wants b ; os_name == 'nt'\nwants c"));
    let conflicts = format!("conflicts = [[{{ package = \"a\", extra = \"dev\" }}]]\n{project}");
    let wants = "wants b ; os_name == 'nt' and extra == 'dev'\nwants c ; extra == 'dev'";
    check("uv.lock", &uv(&conflicts), &expect(wants));
}

#[test]
fn extras_in_conflict_are_all_taken_to_be_asked_for() {
    let package = |version: &str| {
        format!(
            "[[package]]\nname = \"b\"\nversion = \"{version}\"\nsource = {{ registry = \"x\" }}\nresolution-markers = [\"os_name == '{version}'\"]\n"
        )
    };
    let text = uv(&format!(
        "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = {{ registry = \"x\" }}\ndependencies = [\
         {{ name = \"b\", version = \"1\", marker = \"extra == 'extra-3-app-cpu'\" }}, \
         {{ name = \"b\", version = \"2\", marker = \"os_name == 'nt' and extra == 'group-3-app-gpu'\" }}]\n{}{}",
        package("1"),
        package("2")
    ));
    check(
        "uv.lock",
        &text,
        "python >=3.9; CPython>=3.9
         a 1 Index
         needs b 1 0
         needs b 2 0 os_name == 'nt'
         b 1 Index os_name == '1'
         b 2 Index os_name == '2'",
    );
}

#[test]
fn damaged_locks_of_uv() {
    check(
        "uv.lock",
        "version = 2\nrequires-python = '>=3.9'\n",
        "uv.lock 1:11 the lock is of version `2` of `version`, expected `1`",
    );
    check(
        "uv.lock",
        &uv("[[package]]\nname = \"a\"\n"),
        "uv.lock 4:1 not a readable lock: missing field `source`",
    );
    check(
        "uv.lock",
        "version = 1\n<<<<<<< HEAD\n",
        "uv.lock 2:1 the lock has conflict markers of an unfinished merge",
    );
    let package = |rest: &str| uv(&format!("[[package]]\nname = \"a\"\nversion = \"1\"\n{rest}\n"));
    let registry = "source = { registry = \"x\" }";
    check(
        "uv.lock",
        &package("source = { svn = \"x\" }"),
        "uv.lock 5:8 `package.source` is not valid: expected `registry`, `git`, `url`, `path`, `directory`, `editable` or `virtual`",
    );
    check(
        "uv.lock",
        &package(&format!(
            "{registry}\ndependencies = [{{ name = \"b\" }}]\nwheels = [\n{{ url = \"x/b-1-py3-none-any.whl\", hash = \"sha256:{HASH}\" }},\n{{ url = \"x/a-1-py3-none-any.whl\", hash = \"sha256:1\" }},\n{{ url = \"x/a-1-py3-none-any.whl\", hash = \"md5:1\" }}]"
        )),
        "uv.lock 8:26 package `a 1` depends on `b`, which the lock has not
         uv.lock 10:9 `b-1-py3-none-any.whl` is not a wheel of `a 1`
         uv.lock 11:42 `hash` is not valid: expected 64 lower-case hexadecimal digits, found `1`
         uv.lock 12:42 `hash` is not valid: expected `sha256:`, found `md5:1`",
    );
    let twice = format!("[[package]]\nname = \"a\"\nversion = \"1\"\n{registry}\n");
    check("uv.lock", &package(&format!("{registry}\n{twice}")), "uv.lock 9:8 package `a 1` is there twice");
}

#[test]
fn a_pylock_is_as_its_marker_says() {
    let text = format!(
        "lock-version = \"1.0\"\ncreated-by = \"other\"\nrequires-python = \">=3.9\"\n[[packages]]\nname = \"A\"\nversion = \"1\"\n\
         marker = \"'dev' in dependency_groups and os_name == 'nt'\"\nindex = \"https://own.example/simple\"\ndependencies = [{{ name = \"b\" }}]\n\
         wheels = [{{ name = \"a-1-py3-none-any.whl\", url = \"https://f.example/A-1-py3-none-any.whl\", hashes = {{ sha256 = \"{HASH}\" }} }}]\n\
         [[packages]]\nname = \"own\"\ndirectory = {{ path = \".\" }}\n"
    );
    check(
        "pylock.toml",
        &text,
        "python >=3.9; CPython>=3.9
         wants a==1 ; python_version >= '0' and os_name == 'nt'
         wants own==0
         a 1 Index python_version >= '0' and os_name == 'nt'
         A-1-py3-none-any.whl None own
         own 0 Repository",
    );
}

#[test]
fn damaged_pylocks() {
    let text =
        |rest: &str| format!("lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\n{rest}\n");
    check(
        "pylock.toml",
        "lock-version = \"2.0\"\n",
        "pylock.toml 1:16 the lock is of version `2.0` of `lock-version`, expected `1.0`",
    );
    check(
        "pylock.toml",
        &text("marker = \"os_name = 'nt'\""),
        "pylock.toml 5:10 `packages.marker` is not valid: `os_name = 'nt'` is not an environment marker: expected a valid marker operator (such as `>=` or `not in`), found `=`",
    );
    check(
        "pylock.toml",
        &text("wheels = [{ url = \"a-1-py3-none-any.whl\", hashes = { md5 = \"1\" } }]"),
        "pylock.toml 5:19 `packages.wheels` is not valid: expected a name or an address, and the hash `sha256`",
    );
    check(
        "pylock.toml",
        &text("wheels = 1"),
        "pylock.toml 5:10 not a readable lock: invalid type: integer `1`, expected a sequence",
    );
}

fn pex(requirement: &str) -> String {
    format!(
        "// This lockfile was autogenerated by Pants.\n//\n{{\n\"requires_python\": [\"CPython==3.12.*\"],\n\"requirements\": [\"a\"],\n\
         \"locked_resolves\": [{{\"locked_requirements\": [\n{requirement}\n]}}]}}\n"
    )
}

#[test]
fn a_lock_of_pants_2() {
    let text = pex(&format!(
        "{{\"artifacts\": [{{\"algorithm\": \"sha256\", \"hash\": \"{HASH}\", \"url\": \"https://f.example/A-1-py3-none-any.whl\"}},\n\
         {{\"algorithm\": \"sha256\", \"hash\": \"{HASH}\", \"url\": \"https://f.example/a-1.zip\"}}],\n\
         \"project_name\": \"A\", \"requires_dists\": [\"b>=2; extra == 'x'\"], \"requires_python\": \">=3.9\", \"version\": \"1\"}}"
    ));
    check(
        "python-default.lock",
        &text,
        "python ; CPython==3.12.*
         wants a
         a 1 Index
         needs b  0 extra == 'x'
         A-1-py3-none-any.whl None default
         a-1.zip None default",
    );
}

#[test]
fn damaged_locks_of_pants_2() {
    check(
        "a.lock",
        "// x\n{\n  \"locked_resolves\": [\n",
        "a.lock 4:1 not a readable lock: EOF while parsing a list",
    );
    check(
        "a.lock",
        "{\"requires_python\": []}",
        "a.lock 1:23 not a readable lock: missing field `locked_resolves`",
    );
    check(
        "a.lock",
        "{\"locked_resolves\": []}",
        "a.lock 1:2 the lock is for 0 separate targets, expected a universal one",
    );
    let text = pex(&format!(
        "{{\"artifacts\": [{{\"algorithm\": \"md5\", \"hash\": \"{HASH}\", \"url\": \"https://f.example/a-1-py3-none-any.whl\"}},\n\
         {{\"algorithm\": \"sha256\", \"hash\": \"xyz\", \"url\": \"https://f.example/a-1-py3-none-any.whl\"}}],\n\
         \"project_name\": \"a\", \"requires_dists\": [\"b >\"], \"version\": \"1\"}}"
    ));
    check(
        "a.lock",
        &text,
        "a.lock 7:31 `artifacts` is not valid: expected `sha256`, found `md5`
         a.lock 8:34 `hash` is not valid: expected 64 lower-case hexadecimal digits, found `xyz`
         a.lock 9:42 `requires_dists` is not valid: `b >` is not a requirement: unexpected end of version specifier, expected version",
    );
}

#[test]
fn requirements_serve_as_a_lock_where_all_are_pinned() {
    let top = format!(
        "-r more.txt\n-c limits.txt\nFlask[async]==3.0.3 ; os_name == 'nt' --hash=sha256:{HASH}\nclick\n"
    );
    let files = [
        ("requirements.txt", top.as_str()),
        ("more.txt", "a==1 ; os_name == 'nt'\na==1 ; os_name == 'posix'\n"),
        ("limits.txt", "click==8.1\nnever<3\nonly-limited==2\n"),
    ];
    check_files(
        "requirements.txt",
        &files,
        &format!(
            "python ;
             wants Flask[async]==3.0.3 ; os_name == 'nt'
             wants a==1 ; os_name == 'nt'
             wants a==1 ; os_name == 'posix'
             wants click
             a 1 Unnamed([]) (os_name == 'nt') or (os_name == 'posix')
             click 8.1 Unnamed([])
             flask 3.0.3 Unnamed([FileHash {{ algorithm: Sha256, hex: \"{HASH}\" }}]) os_name == 'nt'
             only-limited 2 Unnamed([])"
        ),
    );
}

#[test]
fn requirements_at_places_of_their_own() {
    let top = format!(
        "near @ ./libs/near-1-py3-none-any.whl --hash=sha256:{HASH}\nfar @ https://h.example/far-2.tar.gz \
         --hash=sha256:{HASH}\nforked @ git+https://h.example/forked\nunhashed @ https://h.example/unhashed-1.tar.gz\n"
    );
    let unhashed = top.replace("unhashed @ https://h.example/unhashed-1.tar.gz\n", "");
    check_files(
        "requirements.txt",
        &[("requirements.txt", &unhashed)],
        "python ;
         wants far @ https://h.example/far-2.tar.gz
         wants forked @ git+https://h.example/forked
         wants near @ ./libs/near-1-py3-none-any.whl
         far 2 Index
         far-2.tar.gz None https://h.example/far-2.tar.gz
         forked 0 Elsewhere(\"a repository of a version control system\")
         near 1 Index
         near-1-py3-none-any.whl None ./libs/near-1-py3-none-any.whl",
    );
    check_files(
        "requirements.txt",
        &[("requirements.txt", &top)],
        "requirements.txt 4:1 `unhashed @ https://h.example/unhashed-1.tar.gz` is not pinned, and a requirements file that serves as a lock has `==` and one version for each",
    );
}

#[test]
fn requirements_that_are_no_lock() {
    let files = [("requirements.txt", "-r more.txt\nflask>=3\na==1.*\n"), ("more.txt", "b\nc == \n")];
    check_files(
        "requirements.txt",
        &files,
        "more.txt 2:3 `c ==` is not a requirement: unexpected end of version specifier, expected version
         more.txt 1:1 `b` is not pinned, and a requirements file that serves as a lock has `==` and one version for each
         requirements.txt 2:1 `flask>=3` is not pinned, and a requirements file that serves as a lock has `==` and one version for each
         requirements.txt 3:1 `a==1.*` is not pinned, and a requirements file that serves as a lock has `==` and one version for each",
    );
}

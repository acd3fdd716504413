//! One set of pins in every form of a lock gives the same bytes: a workspace of uv that is locked by us, by uv, by what
//! uv exports, and by pex.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::repository::{Repository, run, skipped};
use crate::zip::sha256;

const TEST: &str = "every_form_of_a_lock_gives_the_same_bytes";
/// Before this day all that is needed was there, so that all that lock find the same.
const DAY: &str = "2025-09-01";

fn workspace() -> Repository {
    let member = "[project]\nname = \"shout\"\nversion = \"1\"\nrequires-python = \">=3.11\"\n\
                  dependencies = [\"python-slugify[unidecode]\", \"markupsafe\"]\n\n[tool.uv]\npackage = false\n";
    let root = "[project]\nname = \"svc\"\nversion = \"1\"\nrequires-python = \">=3.11,<3.13\"\n\
                dependencies = [\"flask>=3\", \"shout\"]\n\n[dependency-groups]\ndev = [\"colorama\"]\n\n\
                [tool.uv]\npackage = false\n\n[tool.uv.sources]\nshout = { workspace = true }\n\n\
                [tool.uv.workspace]\nmembers = [\"packages/*\"]\n";
    Repository::new(&[
        ("pyproject.toml", root),
        ("packages/shout/pyproject.toml", member),
        (
            "packages/shout/src/shout/__init__.py",
            "from slugify import slugify\n\n\ndef shout(text):\n    return slugify(text).upper()\n",
        ),
        (
            "packages/shout/BUILD",
            "python_requirements(name = \"reqs\", source = \"pyproject.toml\")\npython_library(name = \"shout\", sources = [\"src/**/*.py\"])\n",
        ),
        ("BUILD", "python_requirements(name = \"reqs\", source = \"pyproject.toml\")\n"),
        (
            "svc/main.py",
            "import flask\nfrom shout import shout\n\nprint(flask.__name__, shout(\"Hello, you\"))\n",
        ),
        (
            "svc/BUILD",
            "python_library(name = \"svc\")\npython_binary(name = \"app\", entry_point = \"main.py\")\n",
        ),
    ])
}

/// Makes a file the lock of the repository.
fn configure(repository: &Repository, lock: &str) {
    let text = format!(
        "[source]\nroot_patterns = [\"/\", \"packages/*/src\"]\n\n[python]\ninterpreters = [\"3.11\"]\n\
         interpreter_constraints = [\">=3.11,<3.13\"]\n\n[python.resolves]\ndefault = \"{lock}\"\n"
    );
    repository.write("pants.toml", text);
}

/// The hash of the program that this lock gives, and what it says when it runs.
fn built(repository: &Repository, lock: &str) -> String {
    configure(repository, lock);
    let said = repository.run(&["binary", "svc:app"]);
    assert_eq!(said.code, 0, "{lock}: {}", said.stderr);
    let said = repository.run(&["lock", "--check"]);
    assert_eq!(said.code, 0, "{lock}: {}", said.stderr);
    sha256(&repository.read("dist/svc/app.pex"))
}

/// Runs another tool in the repository; says whether that went well.
fn ran(repository: &Repository, mut command: Command) -> bool {
    command.current_dir(repository.root()).env("HOME", repository.beside("home"));
    command.env("UV_CACHE_DIR", repository.beside("uv")).env("PEX_ROOT", repository.beside("pex-root"));
    let said = run(command);
    if said.code != 0 {
        println!("{}", said.stderr);
    }
    said.code == 0
}

/// The uv that made our lock: the one that was fetched, or else the one on `PATH`.
fn uv(repository: &Repository) -> PathBuf {
    let tools = std::fs::read_dir(repository.cache().join("tools")).into_iter().flatten().flatten();
    let fetched = tools
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("uv-")));
    let fetched = fetched.map(|path| if path.is_dir() { path.join("uv") } else { path });
    fetched.unwrap_or_else(|| PathBuf::from("uv"))
}

/// Locks with uv, and exports what it found.
fn lock_with_uv(repository: &Repository) -> bool {
    let uv = uv(repository);
    let with = |arguments: &[&str]| {
        let mut command = Command::new(&uv);
        command.args(arguments).args(["--quiet", "--exclude-newer", &format!("{DAY}T00:00:00Z")]);
        ran(repository, command)
    };
    let export = |more: &[&str]| {
        let all = ["export", "--frozen", "--all-packages", "--no-emit-workspace"];
        with(&[&all, more].concat())
    };
    with(&["lock"])
        && export(&["--format", "pylock.toml", "-o", "pylock.toml"])
        && export(&["-o", "hashed.txt"])
        && export(&["--no-hashes", "-o", "pins.txt"])
}

/// Locks the pins with pex as Pants 2 does, under its comment.
fn lock_with_pex(repository: &Repository, python: &Path) -> bool {
    let folder = repository.beside("pex");
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
    pip.arg(&folder).arg("pex");
    let mut pex = Command::new(python);
    pex.args(["-m", "pex.cli", "lock", "create", "--style", "universal", "--target-system", "linux"]);
    pex.args(["--interpreter-constraint", "CPython>=3.11,<3.13", "-r", "pins.txt", "-o", "made.lock"]);
    pex.args(["--use-pip-config", "--indent", "2"]).env("PYTHONPATH", &folder);
    if !ran(repository, pip) || !ran(repository, pex) {
        return false;
    }
    let made = String::from_utf8(repository.read("made.lock")).unwrap();
    repository.write("pex.lock", format!("// This lockfile was autogenerated by Pants.\n// \n{made}"));
    true
}

#[test]
fn every_form_of_a_lock_gives_the_same_bytes() {
    let repository = workspace();
    configure(&repository, "own.lock");
    let python = Command::new("python3.11").args(["-c", "import sys; print(sys.executable)"]).output();
    let Some(python) = python.ok().filter(|output| output.status.success()) else {
        return skipped(TEST, "there is no Python 3.11");
    };
    let python = PathBuf::from(String::from_utf8(python.stdout).unwrap().trim());
    let said = repository.run(&["lock", "--exclude-newer", DAY]);
    if said.code == 3 {
        return skipped(TEST, &said.stderr);
    }
    assert_eq!(said.code, 0, "{}", said.stderr);
    let own = built(&repository, "own.lock");
    let started = run({
        let mut command = Command::new(&python);
        command.arg("dist/svc/app.pex").current_dir(repository.root());
        command.env("PEX_ROOT", repository.beside("pex-root"));
        command
    });
    assert_eq!(started.stdout, "flask HELLO-YOU\n", "{}", started.stderr);
    if !lock_with_uv(&repository) {
        return skipped(TEST, "uv alone cannot lock on this machine");
    }
    for form in ["uv.lock", "pylock.toml", "hashed.txt", "pins.txt"] {
        assert_eq!(built(&repository, form), own, "{form}");
    }
    if !lock_with_pex(&repository, &python) {
        return skipped(TEST, "pex cannot lock on this machine");
    }
    assert_eq!(built(&repository, "pex.lock"), own, "pex.lock");
}

#[test]
fn modules_are_guessed_until_something_is_built() {
    let test = "modules_are_guessed_until_something_is_built";
    let repository = Repository::new(&[
        ("pants.toml", "[python]\ninterpreters = [\"3.11\"]\n"),
        (
            "BUILD",
            "python_requirement(name = \"slug\", requirements = [\"python-slugify\"])\npython_library(name = \"lib\", sources = [\"main.py\"])\npython_binary(name = \"app\", entry_point = \"main.py\")\n",
        ),
        ("main.py", "import slugify\n\nprint(slugify.slugify(\"A b\"))\n"),
        (
            "pyproject.toml",
            "[project]\nname = \"svc\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"python-slugify\"]\n",
        ),
    ]);
    // Any lock of ours makes the uv come that is used here.
    let made = repository.run(&["lock"]);
    if made.code == 3 {
        return skipped(test, &made.stderr);
    }
    assert_eq!(made.code, 0, "{}", made.stderr);
    let mut lock = Command::new(uv(&repository));
    lock.args(["lock", "--quiet"]);
    if !ran(&repository, lock) {
        return skipped(test, "uv alone cannot lock on this machine");
    }
    // What was told of the wheels for our own lock is forgotten with the cache.
    std::fs::remove_file(repository.root().join("pants.lock")).unwrap();
    std::fs::remove_dir_all(repository.cache()).unwrap();
    let guessed = "warning[lock::guessed_modules]: `uv.lock` does not say";
    let first = repository.run(&["list", "::"]);
    assert!(first.code == 0 && first.stderr.contains(guessed), "{}", first.stderr);
    repository.write("main.py", "import slugify\n\nprint(slugify.slugify(\"A b\"), 1)\n");
    let second = repository.run(&["dependencies", "main.py"]);
    assert_eq!((second.code, second.stderr.as_str()), (0, ""), "it is said once");
    let built = repository.run(&["binary", "//:app"]);
    assert!(built.code == 0 && !built.stderr.contains(guessed), "{}", built.stderr);
    let third = repository.run(&["dependencies", "main.py"]);
    assert_eq!((third.code, third.stderr.as_str(), third.stdout.as_str()), (0, "", "//:slug\n"));
}

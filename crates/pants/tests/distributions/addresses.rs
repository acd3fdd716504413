//! Requirements that name the place of a file: locked, built, and held to their bytes.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::repository::{Repository, skipped};
use crate::tools::online;

const SIX: &str = "six-1.16.0-py2.py3-none-any.whl";
const COWSAY: &str = "cowsay-6.1-py3-none-any.whl";

/// A server of the files of a folder, which ends with the test.
struct Server(Child, u16);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(folder: &Path) -> Server {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("python3");
    command.args(["-m", "http.server", &port.to_string(), "--bind", "127.0.0.1", "--directory"]).arg(folder);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = Server(child, port);
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "the server does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

/// A program that needs a wheel of the repository and one of a server.
fn program(served: &Path, port: u16) -> Option<Repository> {
    let repository = Repository::new(&[
        (
            "BUILD",
            &format!(
                "python_requirement(name = \"six\", requirements = [\"six @ ./libs/{SIX}\"])\n\
                 python_requirement(name = \"cowsay\", requirements = [\"cowsay @ http://127.0.0.1:{port}/{COWSAY}\"])\n\
                 python_library(name = \"lib\")\n\
                 python_binary(name = \"app\", entry_point = \"app.py\")\n"
            ),
        ),
        ("app.py", "import cowsay, six\nprint(six.__version__, cowsay.__version__)\n"),
    ]);
    let libs = repository.root().join("libs");
    fs::create_dir_all(&libs).unwrap();
    let download = |what: &str, folder: &Path| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"]);
        pip.arg(folder).arg(what).output().is_ok_and(|output| output.status.success())
    };
    (download("six==1.16.0", &libs) && download("cowsay==6.1", served)).then_some(repository)
}

fn run(repository: &Repository, arguments: &[&str]) -> (Option<i32>, String) {
    let said = online(repository, &[&["-q"], arguments].concat()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (said.status.code(), text(&said.stdout) + &text(&said.stderr))
}

#[test]
fn files_of_the_repository_and_of_servers_are_locked_and_built() {
    let test = "files_of_the_repository_and_of_servers_are_locked_and_built";
    let served = tempfile::tempdir().unwrap();
    let server = serve(served.path());
    let Some(repository) = program(served.path(), server.1) else {
        return skipped(test, "pip cannot download the wheels");
    };
    let said = run(&repository, &["lock"]);
    if said.0 == Some(3) {
        return skipped(test, &said.1);
    }
    assert_eq!(said.0, Some(0), "{}", said.1);
    let lock = String::from_utf8(repository.read("pants.lock")).unwrap();
    assert!(lock.contains(&format!("path = \"libs/{SIX}\", hashes = ")), "{lock}");
    assert!(lock.contains(&format!("url = \"http://127.0.0.1:{}/{COWSAY}\", hashes = ", server.1)), "{lock}");
    assert!(!lock.contains(&repository.root().display().to_string()), "{lock}");
    assert_eq!(run(&repository, &["lock", "--check"]), (Some(0), String::new()));

    assert_eq!(run(&repository, &["binary", "//:app"]), (Some(0), "dist/app.pex\n".to_owned()));
    let mut app = Command::new(repository.root().join("dist/app.pex"));
    let said = app.env("PEX_ROOT", repository.beside("root")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout), "1.16.0 6.1\n", "{said:?}");

    // Other bytes under the same name are not taken, whoever replaced them.
    let six = repository.root().join("libs").join(SIX);
    let bytes = fs::read(&six).unwrap();
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    fs::write(&six, &other).unwrap();
    fs::remove_dir_all(repository.cache()).unwrap();
    let (code, said) = run(&repository, &["binary", "//:app"]);
    assert!(code == Some(3) && said.contains("error[packaging::fetch_hash]"), "{said}");
    assert!(said.contains(&format!("`{SIX}` from `./libs/{SIX}` has SHA-256")), "{said}");
    fs::remove_file(&six).unwrap();
    let (code, said) = run(&repository, &["binary", "//:app"]);
    assert!(code == Some(3) && said.contains("error[packaging::fetch_no_file]"), "{said}");
    let (code, said) = run(&repository, &["lock"]);
    assert!(code == Some(2) && said.contains("error[packaging::lock_no_file]"), "{said}");
    assert_eq!(String::from_utf8(repository.read("pants.lock")).unwrap(), lock);
    fs::write(&six, bytes).unwrap();
    assert_eq!(run(&repository, &["binary", "//:app"]).0, Some(0));

    // Another place is another requirement, and the lock stale.
    let build = String::from_utf8(repository.read("BUILD")).unwrap();
    repository.write("BUILD", build.replace("./libs/", "./other/"));
    let (code, said) = run(&repository, &["binary", "//:app"]);
    assert!(code == Some(2) && said.contains("the lock is stale"), "{said}");
}

#[test]
fn places_that_nothing_can_be_had_from() {
    let check = |requirement: &str, expected: &str| {
        let build = format!("python_requirement(name = \"a\", requirements = [\"a @ {requirement}\"])\n");
        let repository = Repository::new(&[("BUILD", &build), ("a/a.py", "")]);
        let (code, said) = run(&repository, &["lock"]);
        if code == Some(3) {
            return skipped("places_that_nothing_can_be_had_from", &said);
        }
        let first = said.lines().next().unwrap_or_default();
        assert_eq!((code, first), (Some(2), expected), "{said}");
        assert!(!repository.root().join("pants.lock").exists() && !said.contains("s3cret"), "{said}");
    };
    let refused = |reason: &str| {
        format!(
            "error[packaging::lock_address]: the resolve `default` cannot have `a` of `//:a` at BUILD:1:48: {reason}"
        )
    };
    check("../a.whl", &refused("`../a.whl` is not in the repository"));
    check("./a", &refused("`./a` is a folder, expected a wheel or a source distribution"));
    check(
        "git+https://h.example/a",
        &refused(
            "`git+https://h.example/a` is the address of a repository, expected that of a wheel or a source distribution",
        ),
    );
    check(
        "https://bob:s3cret@h.example/a.whl",
        &refused("the address of a requirement has a user name or password in it"),
    );
}

#[test]
fn folders_and_files_become_a_pex() {
    let test = "folders_and_files_become_a_pex";
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("own/greet")).unwrap();
    let project = "[project]\nname = \"greet\"\nversion = \"1.5\"\n\
                   [build-system]\nrequires = [\"setuptools>=61\"]\nbuild-backend = \"setuptools.build_meta\"\n";
    fs::write(path("own/pyproject.toml"), project).unwrap();
    fs::write(path("own/greet/__init__.py"), "WORD = 'hello'\n").unwrap();
    let make = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pants"));
        command.args(["-q", "pex", "./own", "-o", "greet.pex"]).current_dir(folder.path());
        command.env("PANTS_CACHE_DIR", path("cache")).output().unwrap()
    };
    let start = || {
        let mut command = Command::new(path("greet.pex"));
        command.args(["-c", "import greet; print(greet.WORD)"]).env("PEX_ROOT", path("root"));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let said = make();
    if said.status.code() == Some(3) {
        return skipped(test, &String::from_utf8_lossy(&said.stderr));
    }
    assert!(said.status.success(), "{said:?}");
    assert_eq!(start(), "hello\n");
    fs::write(path("own/greet/__init__.py"), "WORD = 'good day'\n").unwrap();
    assert!(make().status.success());
    assert_eq!(start(), "good day\n");
}

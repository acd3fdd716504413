//! `pants pex`: a PEX of requirements, in a folder that is no repository.

use std::fs;
use std::process::{Command, Output};

use crate::repository::skipped;

struct Folder(tempfile::TempDir);

impl Folder {
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pants"));
        command.arg("-q").arg("pex").args(arguments).current_dir(self.0.path());
        command
            .env("PANTS_CACHE_DIR", self.0.path().join("cache"))
            .env("PEX_ROOT", self.0.path().join("root"));
        command.output().unwrap()
    }

    fn start(&self, pex: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(self.0.path().join(pex));
        let said = command.args(arguments).env("PEX_ROOT", self.0.path().join("root")).output().unwrap();
        assert!(said.status.success(), "{}", text(&said.stderr));
        text(&said.stdout)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn requirements_become_a_python_that_has_them() {
    let test = "requirements_become_a_python_that_has_them";
    let folder = Folder(tempfile::tempdir().unwrap());
    let newer = ["--exclude-newer", "2025-01-01"];
    let said = folder.run(&[&["cowsay", "six==1.16.0", "-o", "out/a.pex"], &newer[..]].concat());
    if said.status.code() == Some(3) {
        return skipped(test, &text(&said.stderr));
    }
    assert_eq!((said.status.code(), text(&said.stdout)), (Some(0), "out/a.pex\n".to_owned()), "{said:?}");
    let code = "import cowsay, six; print(cowsay.__version__, six.__version__)";
    assert_eq!(folder.start("out/a.pex", &["-c", code]), "6.1 1.16.0\n");
    assert_eq!(fs::read_dir(folder.0.path().join("out")).unwrap().count(), 1, "no lock is written");
    // What was resolved up to a date is known, and so all of it is there without a network.
    let again = folder.run(&[&["six==1.16.0", "cowsay", "-o", "b.pex", "--offline"], &newer[..]].concat());
    assert!(again.status.success(), "{}", text(&again.stderr));
    assert!(
        fs::read(folder.0.path().join("out/a.pex")).unwrap()
            == fs::read(folder.0.path().join("b.pex")).unwrap()
    );
    let said = folder.run(&[&["-c", "cowsay", "cowsay"], &newer[..], &["--", "-t", "moo"]].concat());
    assert!(said.status.success() && text(&said.stdout).contains("| moo |"), "{said:?}");
}

#[test]
fn sources_and_files_of_requirements_go_along() {
    let test = "sources_and_files_of_requirements_go_along";
    let folder = Folder(tempfile::tempdir().unwrap());
    let write = |path: &str, text: &str| {
        let path = folder.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("reqs/all.txt", "six  # any\n-c limits.txt\n");
    write("reqs/limits.txt", "six<1.16\n");
    write("src/app/__init__.py", "");
    write("src/app/main.py", "import six, sys\n\ndef run():\n    print(six.__version__, sys.argv[1:])\n");
    let said = folder.run(&["-r", "reqs/all.txt", "-D", "src", "-e", "app.main:run", "-o", "app.pex"]);
    if said.status.code() == Some(3) {
        return skipped(test, &text(&said.stderr));
    }
    assert!(said.status.success(), "{}", text(&said.stderr));
    assert_eq!(folder.start("app.pex", &["x"]), "1.15.0 ['x']\n");
}

#[test]
fn what_is_wrong_is_told() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let check = |arguments: &[&str], expected: &str| {
        let said = folder.run(arguments);
        let stderr = text(&said.stderr);
        let titles: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error")).collect();
        assert_eq!((said.status.code(), titles.join("\n").as_str()), (Some(2), expected), "{stderr}");
        assert!(!folder.0.path().join("x.pex").exists());
    };
    check(
        &["flask==", "a @ git+https://h.example/a", "--python", "eleven", "-o", "x.pex"],
        "error[packaging::requirement]: `flask==` is not a requirement: unexpected end of version specifier, expected \
         version\n\
         error[pex::requirement]: `git+https://h.example/a` is the address of a repository, expected that of a wheel or a source distribution\n\
         error[packaging::python_version]: `eleven` is not a Python version: expected a minor or full version such as `3.11`, `3.11.7` or \
         `3.13t`",
    );
    check(
        &["-D", "nowhere", "-o", "x.pex"],
        "error[pex::sources]: cannot read the folder `nowhere`: No such file or directory (os error 2)",
    );
    check(
        &["-e", "nothing.here:run", "-o", "x.pex"],
        "error[python::no_module]: there is no module `nothing.here`: no target has it, and the program has no requirements",
    );
}

//! The sh header under every POSIX shell of this machine: which Python it takes, and what it hands over.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use packaging::pex::{Entry, ExecutionMode, Layout, PexOptions, PexSpec};

use crate::support::{Workshop, options, stdout};

const CONTENTS: &str = "779eb2cc0ca9e2fdd204774cbc41848e4e7c5055";

struct Bench {
    workshop: Workshop,
    pex: PathBuf,
    root: PathBuf,
    pex_hash: String,
}

impl Bench {
    fn new(change: impl FnOnce(PexOptions) -> PexOptions) -> Option<Bench> {
        let workshop = Workshop::new()?;
        let options =
            change(PexOptions { pex_root: Some("~/it's a \"root\" $x".to_owned()), ..options(&[11]) });
        let layout = options.layout;
        let spec = PexSpec { options, entry: Entry::Repl, requirements: Vec::new(), wheels: Vec::new() };
        let mut pex = workshop.make("app.pex", &spec, &[], &[]);
        if layout != Layout::Zipapp {
            pex.push("__main__.py");
        }
        let root = workshop.dir.path().join("it's a \"root\" $x");
        let text = fs::read(&pex).unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        let at = if text.contains("venvs/4/") { "venvs/4/" } else { "unzipped_pexes/4/" };
        let pex_hash = text.split(at).nth(1).unwrap()[..40].to_owned();
        Some(Bench { workshop, pex, root, pex_hash })
    }

    /// A program at `path` below the workshop that prints its name and arguments, and the variables of interest.
    fn fake(&self, path: &str) -> PathBuf {
        let path = self.workshop.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let script = "#!/bin/sh\nprintf '%s|' \"$0\" \"$@\" \"PEX=${PEX:-}\" \"EXE=${__PEX_EXE__:-}\"\n";
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn run(&self, shell: &Path, path: &str, variables: &[(&str, &str)]) -> String {
        let mut command = Command::new(shell);
        command.arg(&self.pex).args(["one", "two  three", "*"]).env_clear();
        command.env("HOME", self.workshop.dir.path()).env("PATH", path).envs(variables.iter().copied());
        stdout(command.current_dir("/"))
    }

    fn name(&self) -> &str {
        self.pex.to_str().unwrap()
    }
}

fn shells() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in ["dash", "bash", "busybox", "ksh", "mksh", "zsh"] {
        let path = ["/bin", "/usr/bin"]
            .map(|folder| Path::new(folder).join(name))
            .into_iter()
            .find(|path| path.exists());
        match path {
            Some(path) => found.push(path),
            None => println!("skipped: no {name}"),
        }
    }
    // A busybox is a shell by its name alone.
    found.retain(|path| !path.ends_with("busybox"));
    found.push(PathBuf::from("/bin/sh"));
    found
}

#[test]
fn the_virtual_environment_is_entered_at_once() {
    let Some(bench) = Bench::new(|options| options) else { return };
    let copy = format!("it's a \"root\" $x/venvs/4/{}/{CONTENTS}", bench.pex_hash);
    let python = bench.fake(&format!("{copy}/bin/python"));
    let fallback = bench.fake("bin/python3.11");
    let bin = fallback.parent().unwrap().to_str().unwrap().to_owned();
    for shell in shells() {
        let entered = bench.run(&shell, "", &[]);
        let copy = bench.workshop.dir.path().join(&copy);
        let expected =
            format!("{}|-I|{}|one|two  three|*|PEX={}|EXE=|", python.display(), copy.display(), bench.name());
        assert_eq!(entered, expected, "{shell:?}");
        for variable in
            ["PEX_VENV", "PEX_PYTHON", "PEX_PYTHON_PATH", "PEX_PATH", "PEX_TOOLS", "PEX_IGNORE_RCFILES"]
        {
            let declined = bench.run(&shell, &bin, &[(variable, "1")]);
            assert!(declined.starts_with(fallback.to_str().unwrap()), "{shell:?} {variable}: {declined}");
            let empty = bench.run(&shell, &bin, &[(variable, "")]);
            assert_eq!(empty, expected, "{shell:?} {variable} is empty");
        }
        let elsewhere = bench.run(&shell, &bin, &[("PEX_ROOT", "/nowhere")]);
        assert_eq!(elsewhere, format!("{}|{}|one|two  three|*|PEX=|EXE=|", fallback.display(), bench.name()));
    }
}

#[test]
fn the_unzipped_copy_is_started_by_the_python_found() {
    let Some(bench) = Bench::new(|options| PexOptions {
        mode: ExecutionMode::Zipapp,
        inject_python_args: vec!["-W".to_owned(), "it's".to_owned()],
        ..options
    }) else {
        return;
    };
    let copy = bench.root.join("unzipped_pexes/4").join(&bench.pex_hash);
    fs::create_dir_all(&copy).unwrap();
    let python = bench.fake("bin/python3.11");
    let bin = python.parent().unwrap().to_str().unwrap().to_owned();
    for shell in shells() {
        let expected = format!(
            "{}|-W|it's|{}|one|two  three|*|PEX=|EXE={}|",
            python.display(),
            copy.display(),
            bench.name()
        );
        assert_eq!(bench.run(&shell, &bin, &[]), expected, "{shell:?}");
    }
}

#[test]
fn the_right_python_is_found() {
    let Some(bench) = Bench::new(|options| options) else { return };
    let generic = bench.fake("generic/python3");
    let newer = bench.fake("newer/python3.13");
    let wanted = bench.fake("a folder/python3.11");
    let special = bench.fake("special/snake");
    let folder = |path: &Path| path.parent().unwrap().to_str().unwrap().to_owned();
    let path = |paths: &[&PathBuf]| paths.iter().map(|path| folder(path)).collect::<Vec<_>>().join(":");
    for shell in shells() {
        let check = |path: &str, variables: &[(&str, &str)], expected: &Path| {
            let found = bench.run(&shell, path, variables);
            assert!(found.starts_with(expected.to_str().unwrap()), "{shell:?} {path} {variables:?}: {found}");
        };
        check(&path(&[&generic, &newer, &wanted]), &[], &wanted);
        check(&path(&[&generic, &newer]), &[], &newer);
        check(&path(&[&generic]), &[], &generic);
        let special_text = special.to_str().unwrap();
        check(&path(&[&wanted]), &[("PEX_PYTHON", special_text)], &special);
        check(&path(&[&wanted]), &[("PEX_PYTHON", "python3.12")], &wanted);
        check(&path(&[&wanted]), &[("PEX_PYTHON_PATH", special_text)], &special);
        check(&path(&[&generic]), &[("PEX_PYTHON_PATH", &folder(&wanted))], &wanted);
        check("", &[("PEX_PYTHON_PATH", &format!("/nowhere::{}", folder(&newer)))], &newer);
    }
}

#[test]
fn no_python_is_said() {
    let Some(bench) = Bench::new(|options| options) else { return };
    for shell in shells() {
        let mut command = Command::new(&shell);
        let finished = command.arg(&bench.pex).env_clear().env("PATH", "/nowhere").output().unwrap();
        assert_eq!(finished.status.code(), Some(1), "{shell:?}");
        let text = String::from_utf8(finished.stderr).unwrap();
        assert!(
            text.contains("no Python found on PATH: /nowhere\nlooked for: python3.11 "),
            "{shell:?}: {text}"
        );
    }
}

#[test]
fn folders_name_themselves_and_not_their_file() {
    let Some(bench) = Bench::new(|options| PexOptions { layout: Layout::Loose, ..options }) else { return };
    bench.fake(&format!("it's a \"root\" $x/venvs/4/{}/{CONTENTS}/bin/python", bench.pex_hash));
    for shell in shells() {
        let entered = bench.run(&shell, "", &[]);
        let folder = bench.pex.parent().unwrap().display();
        assert!(entered.ends_with(&format!("|PEX={folder}|EXE=|")), "{shell:?}: {entered}");
    }
}

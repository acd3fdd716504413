//! Every form of a PEX starts, with an empty cache and with a full one.

use std::fs;
use std::path::PathBuf;

use packaging::pex::{Boot, Entry, ExecutionMode, InheritPath, Layout, PexOptions, PexSpec};
use packaging::python::Minor;

use crate::support::{UserFile, Workshop, command, download, finish, options, python, python_named, stdout};

const VERSION: &[UserFile] = &[
    ("app/__init__.py", "", false),
    (
        "app/main.py",
        "import os, sys\ndef main():\n    print('%d.%d' % sys.version_info[:2], sys.argv[1:], \
         os.environ.get('GREETING'))\n",
        false,
    ),
    ("app/data/.hidden", "x", false),
];

fn spec(options: PexOptions) -> PexSpec {
    let entry = Entry::Module("app.main:main".to_owned());
    PexSpec { options, entry, requirements: Vec::new(), wheels: Vec::new() }
}

fn executable(path: PathBuf, layout: Layout) -> PathBuf {
    if layout == Layout::Zipapp { path } else { path.join("pex") }
}

/// Starts a PEX of these options twice, cold and warm, on CPython 3.`minor`, as a program and as its argument.
fn check(name: &str, options: PexOptions, minor: u8) {
    let Some(python) = python(minor) else { return println!("skipped: no CPython 3.{minor}") };
    let Some(workshop) = Workshop::new() else { return };
    let layout = options.layout;
    let pex = executable(workshop.make(name, &spec(options), VERSION, &[]), layout);
    let expected = format!("3.{minor} ['a', 'b c'] None\n");
    let root = workshop.dir.path().join("root");
    for start in ["cold", "warm"] {
        let found = stdout(command(&pex, &python, &root).args(["a", "b c"]));
        assert_eq!(found, expected, "{start} start");
    }
    let by_python = stdout(command(&python, &python, &root).arg(&pex).args(["a", "b c"]));
    assert_eq!(by_python, expected, "started as an argument");
}

fn combination(layout: Layout, mode: ExecutionMode, boot: Boot) {
    check("app.pex", PexOptions { layout, mode, boot, ..options(&[11]) }, 11);
}

fn venv() -> ExecutionMode {
    PexOptions::default().mode
}

fn by_python() -> Boot {
    Boot::Python { shebang: None }
}

macro_rules! combinations {
    ($($name:ident: $layout:expr, $mode:expr, $boot:expr;)*) => {
        $(#[test]
        fn $name() {
            combination($layout, $mode, $boot);
        })*
    };
}

combinations! {
    zipapp_venv_sh: Layout::Zipapp, venv(), Boot::Sh;
    zipapp_venv_python: Layout::Zipapp, venv(), by_python();
    zipapp_zipapp_sh: Layout::Zipapp, ExecutionMode::Zipapp, Boot::Sh;
    zipapp_zipapp_python: Layout::Zipapp, ExecutionMode::Zipapp, by_python();
    packed_venv_sh: Layout::Packed, venv(), Boot::Sh;
    packed_venv_python: Layout::Packed, venv(), by_python();
    packed_zipapp_sh: Layout::Packed, ExecutionMode::Zipapp, Boot::Sh;
    packed_zipapp_python: Layout::Packed, ExecutionMode::Zipapp, by_python();
    loose_venv_sh: Layout::Loose, venv(), Boot::Sh;
    loose_venv_python: Layout::Loose, venv(), by_python();
    loose_zipapp_sh: Layout::Loose, ExecutionMode::Zipapp, Boot::Sh;
    loose_zipapp_python: Layout::Loose, ExecutionMode::Zipapp, by_python();
}

/// One file for six minors: each starts it with an empty cache.
fn several(name: &str, change: impl FnOnce(PexOptions) -> PexOptions) {
    let Some(workshop) = Workshop::new() else { return };
    let pex = workshop.make(name, &spec(change(options(&[8, 9, 10, 11, 12, 13]))), VERSION, &[]);
    for minor in 8..=13 {
        let Some(python) = python(minor) else {
            println!("skipped: no CPython 3.{minor}");
            continue;
        };
        let root = workshop.dir.path().join(format!("root{minor}"));
        assert_eq!(stdout(&mut command(&pex, &python, &root)), format!("3.{minor} [] None\n"));
        assert_eq!(stdout(&mut command(&pex, &python, &root)), format!("3.{minor} [] None\n"), "warm");
    }
}

#[test]
fn one_file_for_six_minors_by_sh() {
    several("six.pex", |options| options);
}

#[test]
fn one_file_for_six_minors_by_python() {
    several("six.pex", |options| PexOptions { boot: by_python(), mode: ExecutionMode::Zipapp, ..options });
}

#[test]
fn pythons_of_long_ago_start_it() {
    let Some(workshop) = Workshop::new() else { return };
    for (major, minor) in [(2, 7), (3, 6), (3, 7)] {
        let Some(python) = python_named(&format!("python{major}.{minor}")) else {
            println!("skipped: no CPython {major}.{minor}");
            continue;
        };
        for boot in [Boot::Sh, by_python()] {
            let name = format!("{major}{minor}{}.pex", boot == Boot::Sh);
            let options = PexOptions {
                boot,
                pythons: vec![Minor::new(major, minor)],
                interpreter_constraints: vec![format!("CPython=={major}.{minor}.*")],
                pex_root: Some("/tmp/grüße".to_owned()),
                ..PexOptions::default()
            };
            let pex = workshop.make(&name, &spec(options), &VERSION[..2], &[]);
            let root = workshop.dir.path().join(format!("root{name}"));
            let expected = format!("{major}.{minor} ");
            for start in ["cold", "warm"] {
                let found = stdout(&mut command(&pex, &python, &root));
                // Python 2 prints a tuple.
                assert!(
                    found.trim_start_matches(['(', '\'']).starts_with(expected.trim_end()),
                    "{start}: {found}"
                );
            }
        }
    }
}

#[test]
fn arguments_and_variables_are_injected() {
    let (Some(python), Some(workshop)) = (python(11), Workshop::new()) else { return };
    for (name, mode) in [("venv.pex", venv()), ("zipapp.pex", ExecutionMode::Zipapp)] {
        let options = PexOptions {
            mode,
            inject_args: vec!["--first".to_owned(), "it's 5\" é".to_owned()],
            inject_env: [("GREETING".to_owned(), "grüß".to_owned())].into(),
            inject_python_args: vec!["-X".to_owned(), "utf8".to_owned()],
            ..options(&[11])
        };
        let pex = workshop.make(name, &spec(options), VERSION, &[]);
        let root = workshop.dir.path().join("root");
        for _ in ["cold", "warm"] {
            let found = stdout(command(&pex, &python, &root).arg("last"));
            assert_eq!(found, "3.11 ['--first', 'it\\'s 5\" é', 'last'] grüß\n");
        }
        let found = stdout(command(&pex, &python, &root).env("GREETING", "given"));
        assert!(found.ends_with(" given\n"), "{found}");
    }
}

const INHERITS: &[UserFile] = &[("main.py", "import outside\nprint(outside.__file__)\n", false)];

#[test]
fn the_path_is_inherited_when_asked_for() {
    let (Some(python), Some(workshop)) = (python(11), Workshop::new()) else { return };
    let outside = workshop.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("outside.py"), "").unwrap();
    for (inherit_path, expected) in [(InheritPath::False, false), (InheritPath::Prefer, true)] {
        let options = PexOptions { inherit_path, mode: ExecutionMode::Zipapp, ..options(&[11]) };
        let entry = Entry::Module("main".to_owned());
        let spec = PexSpec { options, entry, requirements: Vec::new(), wheels: Vec::new() };
        let pex = workshop.make(&format!("{inherit_path:?}.pex"), &spec, INHERITS, &[]);
        let root = workshop.dir.path().join("root");
        let finished = finish(command(&pex, &python, &root).env("PYTHONPATH", &outside));
        assert_eq!(finished.status.success(), expected, "{}", String::from_utf8_lossy(&finished.stderr));
    }
}

#[test]
fn a_script_of_a_wheel_starts_with_its_dependencies() {
    let (Some(python), Some(workshop)) = (python(11), Workshop::new()) else { return };
    let Some(files) = download("flask", &["flask==3.0.*"]) else { return };
    let (trees, wheels) = workshop.wheels(&files);
    let entry = Entry::Script("flask".to_owned());
    let spec =
        PexSpec { options: options(&[11]), entry, requirements: vec!["flask==3.0.*".to_owned()], wheels };
    let pex = workshop.make("flask.pex", &spec, &[], &trees);
    let root = workshop.dir.path().join("root");
    let found = stdout(command(&pex, &python, &root).arg("--version"));
    assert!(found.contains("Flask 3.0."), "{found}");
}

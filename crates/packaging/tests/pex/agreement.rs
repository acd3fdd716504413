//! The same inputs through the `pex` tool and through ours give the same `PEX-INFO` and the same entries, but for
//! the hashes that the format leaves to the builder, and the texts that hold them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use packaging::pex::{Boot, Entry, ExecutionMode, InheritPath, PexOptions, PexSpec};

use crate::support::{UserFile, Workshop, command, download, options, pex_tool, stdout};

const FILES: &[UserFile] = &[
    ("app/__init__.py", "", false),
    ("app/main.py", "def run(): print('hi')\n", false),
    ("app/tool.sh", "#!/bin/sh\n", true),
    ("app/data/grüße.txt", "ä\n", false),
];

/// What another builder may choose: hashes, and one fact that only it knows.
const CHOSEN: [&str; 3] = ["pex_hash", "code_hash", "build_properties"];

fn sources(workshop: &Workshop) -> PathBuf {
    let folder = workshop.dir.path().join("sources");
    for (path, text, executable) in FILES {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let mode = if *executable { 0o755 } else { 0o644 };
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
    folder
}

/// Builds with the tool and with these options, and compares.
fn check(change: impl FnOnce(PexOptions) -> PexOptions, entry: Entry, flags: &[&str]) {
    let (Some(workshop), Some(tool)) = (Workshop::new(), pex_tool()) else { return };
    let Some(files) = download("flask", &["flask==3.0.*"]) else { return };
    let (trees, wheels) = workshop.wheels(&files);
    let requirements = vec!["flask==3.0.*".to_owned()];
    let spec = PexSpec { options: change(options(&[11])), entry, requirements, wheels };
    let ours = workshop.make("ours.pex", &spec, FILES, &trees);

    let theirs = workshop.dir.path().join("theirs.pex");
    let mut tool = command(&tool, &tool, &workshop.dir.path().join("root"));
    tool.args(["-m", "pex", "flask==3.0.*", "--no-index", "--no-pre-install-wheels", "--no-compile", "-f"]);
    tool.arg(files[0].parent().unwrap()).arg("-D").arg(sources(&workshop)).arg("-o").arg(&theirs);
    stdout(tool.args(["--interpreter-constraint", "CPython<3.12,>=3.11"]).args(flags));

    let (mut our_info, mut their_info) = (workshop.info(&ours), workshop.info(&theirs));
    for info in [&mut our_info, &mut their_info] {
        CHOSEN.iter().for_each(|key| drop(info.as_object_mut().unwrap().remove(*key)));
    }
    assert_eq!(our_info, their_info);
    compare(&entries(&ours), &entries(&theirs), &hashes(&workshop, &ours), &hashes(&workshop, &theirs));
}

fn hashes(workshop: &Workshop, pex: &Path) -> String {
    workshop.info(pex)["pex_hash"].as_str().unwrap().to_owned()
}

type Entries = BTreeMap<String, (u32, Vec<u8>)>;

fn entries(pex: &Path) -> Entries {
    let mut zip = zip::ZipArchive::new(fs::File::open(pex).unwrap()).unwrap();
    let mut found = Entries::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        let mode = if file.is_dir() { 0 } else { file.unix_mode().unwrap() };
        // Folders have entries by choice.
        if !file.is_dir() {
            found.insert(file.name().unwrap().into_owned(), (mode, bytes));
        }
    }
    found
}

fn compare(ours: &Entries, theirs: &Entries, our_hash: &str, their_hash: &str) {
    let names = |entries: &Entries| entries.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(ours), names(theirs));
    for (name, (mode, bytes)) in ours {
        let (their_mode, their_bytes) = &theirs[name];
        assert_eq!(mode, their_mode, "{name}");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        match name.as_str() {
            "PEX-INFO" => {}
            // Below its shebang and preamble, it is what the hook is.
            "__main__.py" => assert!(bytes.ends_with(&ours["__pex__/__init__.py"].1)),
            "__pex__/__init__.py" => {
                assert_eq!(
                    text(bytes).replace(our_hash, "HASH"),
                    text(their_bytes).replace(their_hash, "HASH")
                );
            }
            _ => assert!(bytes == their_bytes, "{name} differs"),
        }
    }
}

#[test]
fn venv_mode_agrees() {
    let entry = Entry::Module("app.main:run".to_owned());
    check(|options| options, entry, &["-e", "app.main:run", "--venv", "prepend", "--sh-boot"]);
}

#[test]
fn zipapp_mode_without_tools_agrees() {
    let change = |options| PexOptions {
        mode: ExecutionMode::Zipapp,
        include_tools: false,
        boot: Boot::Python { shebang: None },
        inherit_path: InheritPath::Fallback,
        strip_pex_env: false,
        max_install_jobs: -1,
        pex_root: Some("/tmp/a root".to_owned()),
        inject_args: vec!["--a b".to_owned(), "ü\u{1f600}\u{7f}".to_owned()],
        inject_env: [("B".to_owned(), "2".to_owned()), ("A".to_owned(), "1 \"".to_owned())].into(),
        inject_python_args: vec!["-W".to_owned(), "ignore".to_owned()],
        ..options
    };
    let flags = [
        "-c",
        "flask",
        "--inherit-path=fallback",
        "--no-strip-pex-env",
        "--max-install-jobs",
        "-1",
        "--runtime-pex-root",
        "/tmp/a root",
        "--inject-args",
        "'--a b'",
        "--inject-args",
        "'ü\u{1f600}\u{7f}'",
        "--inject-env",
        "B=2",
        "--inject-env",
        "A=1 \"",
        "--inject-python-args",
        "'-W'",
        "--inject-python-args",
        "ignore",
    ];
    check(change, Entry::Script("flask".to_owned()), &flags);
}

#[test]
fn the_entries_are_what_python_reads() {
    let Some(workshop) = Workshop::new() else { return };
    let Some(python) = crate::support::any_python() else { return };
    let entry = Entry::Module("app.main:run".to_owned());
    let spec = PexSpec { options: options(&[11]), entry, requirements: Vec::new(), wheels: Vec::new() };
    let pex = workshop.make("app.pex", &spec, FILES, &[]);
    let code = "import json, sys, zipfile, zlib\n\
                z = zipfile.ZipFile(sys.argv[1])\n\
                assert z.testzip() is None\n\
                print(json.dumps([[i.filename, i.external_attr >> 16, zlib.crc32(z.read(i))] for i in z.infolist()]))";
    let found =
        stdout(command(&python, &python, &workshop.dir.path().join("root")).args(["-c", code]).arg(&pex));
    let found: Vec<(String, u32, u32)> = serde_json::from_str(&found).unwrap();
    assert!(found.is_sorted_by(|a, b| a.0 < b.0));
    let files: Entries = entries(&pex);
    assert_eq!(found.len(), files.len() + 1, "one folder has an entry");
    for (name, mode, crc) in found.iter().filter(|(name, ..)| !name.ends_with('/')) {
        let (expected, bytes) = &files[name];
        assert_eq!((mode, *crc), (expected, crc32(bytes)), "{name}");
    }
    let folder = found.iter().find(|(name, ..)| name == "__pex__/").unwrap();
    assert_eq!(folder.1, 0o040_755);
    let tool = &files["app/tool.sh"];
    assert_eq!(tool.0, 0o100_755);
}

/// Bit by bit, as the format defines it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

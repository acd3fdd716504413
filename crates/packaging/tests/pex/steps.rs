//! What the steps refuse, what their hashes cover, and that nothing of the machine enters.

use std::fs;
use std::path::{Path, PathBuf};

use packaging::pex::{Boot, Entry, ExecutionMode, Layout, PexOptions, PexSpec, SpecError, WheelRef, steps};

use crate::support::{UserFile, Workshop, download, options};

fn spec(options: PexOptions) -> PexSpec {
    let entry = Entry::Module("app".to_owned());
    PexSpec { options, entry, requirements: Vec::new(), wheels: Vec::new() }
}

#[test]
fn reserved_names_are_refused_all_at_once() {
    let Some(workshop) = Workshop::new() else { return };
    let refused = [
        "__pex__foo.py",
        ".depsX",
        ".bootstrap/a",
        "PEX-INFO",
        "__main__.py",
        "PEX-LAYOUT",
        ".last-access",
        "pex/__init__.py",
    ];
    let taken = [
        "__pexfoo.py",
        "app/__main__.py",
        "apex/PEX-INFO",
        "pexy.py",
        "deps/.deps",
        "a.pyc",
        "b/__pycache__/c.txt",
        "d.pyo",
    ];
    let files: Vec<UserFile> = refused.iter().chain(&taken).map(|path| (*path, "", false)).collect();
    let error = steps::sources(&workshop.store, &workshop.tree(&files)).unwrap_err();
    assert_eq!(error.code(), "pex::reserved_name");
    let text = error.to_string();
    assert_eq!(text.lines().count(), refused.len(), "{text}");
    assert!(refused.iter().all(|path| text.contains(&format!("`{path}` cannot be in a PEX"))), "{text}");

    let files: Vec<UserFile> = taken.iter().map(|path| (*path, "", false)).collect();
    let kept = steps::sources(&workshop.store, &workshop.tree(&files)).unwrap();
    let kept = workshop.store.tree(&kept).unwrap();
    let kept: Vec<_> = kept.walk().into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        kept,
        ["__pexfoo.py", "apex", "apex/PEX-INFO", "app", "app/__main__.py", "deps", "deps/.deps", "pexy.py"]
    );
}

#[test]
fn a_script_that_is_not_there_names_near_ones() {
    let Some(workshop) = Workshop::new() else { return };
    let Some(files) = download("flask", &["flask==3.0.*"]) else { return };
    let (trees, wheels) = workshop.wheels(&files);
    let entry = Entry::Script("flaks".to_owned());
    let error =
        workshop.try_make("a", &PexSpec { entry, wheels, ..spec(options(&[11])) }, &[], &trees).unwrap_err();
    assert_eq!(error.to_string(), "no distribution has a script `flaks`");
    assert_eq!(
        (error.code(), error.help().as_deref()),
        ("pex::no_such_script", Some("did you mean `flask`?"))
    );
}

#[test]
fn contradictions_are_told_all_at_once() {
    let check = |options: PexOptions, expected: &[&str]| {
        let problems = spec(options).problems();
        let codes: Vec<_> = problems.iter().map(SpecError::code).collect();
        assert_eq!(codes, expected, "{problems:?}");
    };
    let free = PexOptions { interpreter_constraints: Vec::new(), ..options(&[11]) };
    check(free.clone(), &["pex::no_constraints"]);
    check(PexOptions { boot: Boot::Python { shebang: None }, ..free.clone() }, &[]);
    check(PexOptions { mode: ExecutionMode::Zipapp, ..free.clone() }, &[]);
    let odd = PexOptions {
        pex_root: Some("/é".to_owned()),
        inject_python_args: vec!["a\\x".to_owned(), "b\nc".to_owned()],
        ..free
    };
    check(odd.clone(), &["pex::no_constraints", "pex::control_character"]);
    let packed = PexOptions { layout: Layout::Packed, ..odd };
    check(packed, &["pex::no_constraints", "pex::header_text", "pex::header_text", "pex::control_character"]);
    let wheel = |name: &str| WheelRef { name: name.to_owned(), sha256: String::new() };
    let wheels = vec![wheel("a.whl"), wheel("a.whl"), wheel("b.zip"), wheel("../c.whl")];
    let problems = PexSpec { wheels, ..spec(options(&[11])) }.problems();
    let codes: Vec<_> = problems.iter().map(SpecError::code).collect();
    assert_eq!(codes, ["pex::wheel_name", "pex::wheel_name", "pex::duplicate_wheel"]);
}

#[test]
fn hashes_cover_everything_that_runs() {
    let Some(workshop) = Workshop::new() else { return };
    let base: &[UserFile] = &[("app/a.py", "1", false), ("app/.cfg", "1", false)];
    let hashes = |name: &str, options: PexOptions, files: &[UserFile]| {
        let info = workshop.info(&workshop.make(name, &spec(options), files, &[]));
        (info["pex_hash"].as_str().unwrap().to_owned(), info["code_hash"].as_str().unwrap().to_owned())
    };
    let (pex, code) = hashes("base", options(&[11]), base);
    assert_eq!((pex.len(), code.len()), (40, 40));
    assert_eq!(hashes("again", options(&[11]), base), (pex.clone(), code.clone()));
    let changes: [&[UserFile]; 4] = [
        &[("app/a.py", "1", false), ("app/.cfg", "2", false)],
        &[("app/a.py", "1", true), ("app/.cfg", "1", false)],
        &[("app/a.p", "y1", false), ("app/.cfg", "1", false)],
        &[("app/a.py", "1", false)],
    ];
    for (index, files) in changes.into_iter().enumerate() {
        let (other_pex, other_code) = hashes(&format!("code{index}"), options(&[11]), files);
        assert!(other_pex != pex && other_code != code, "{files:?}");
    }
    let shebang = Boot::Python { shebang: Some("python3.12".to_owned()) };
    for (index, boot) in [Boot::Python { shebang: None }, shebang].into_iter().enumerate() {
        let (other_pex, same) = hashes(&format!("boot{index}"), PexOptions { boot, ..options(&[11]) }, base);
        assert!(other_pex != pex && same == code, "the boot program is only in the file's own hash");
    }
}

#[test]
fn a_large_file_is_not_read_again_for_a_small_one() {
    let Some(workshop) = Workshop::new() else { return };
    let store = &workshop.store;
    let large = vec![b'x'; 3_000_017];
    let spec = spec(options(&[11]));
    let bootstrap = workshop.prepare(&spec).unwrap().0;
    let hash = |large: &store::Digest, small: &[u8]| {
        let mut user = store::Tree::new();
        user.add_file("large.bin", *large, false).unwrap();
        user.add_file("app.py", store.put(small).unwrap(), false).unwrap();
        let (user, start) = (store.put_tree(&user).unwrap(), store.put_tree(&store::Tree::new()).unwrap());
        let boot = steps::boot(store, &spec, &bootstrap, &user, &start, &[]).unwrap();
        let boot = store.tree(&boot).unwrap();
        let Some(store::Entry::File { digest, .. }) = boot.get("PEX-INFO") else { panic!("no PEX-INFO") };
        let info: serde_json::Value = serde_json::from_slice(&store.read(digest).unwrap()).unwrap();
        info["code_hash"].as_str().unwrap().to_owned()
    };
    let digest = store.put(&large).unwrap();
    let first = hash(&digest, b"1");
    let blob = file_of_size(&workshop.dir.path().join("store"), large.len() as u64).unwrap();
    fs::remove_file(blob).unwrap();
    let second = hash(&digest, b"2");
    assert_ne!(first, second);
    assert_eq!(first, hash(&digest, b"1"));
    // The content counts, known or not.
    let other = store.put(&vec![b'y'; large.len()]).unwrap();
    assert_ne!(first, hash(&other, b"1"));
}

/// The file of a size below a folder.
fn file_of_size(folder: &Path, size: u64) -> Option<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find_map(|path| match path.is_dir() {
        true => file_of_size(&path, size),
        false => (path.metadata().unwrap().len() == size).then_some(path),
    })
}

#[test]
fn two_stores_make_the_same_bytes() {
    let (Some(one), Some(two)) = (Workshop::new(), Workshop::new()) else { return };
    let files: &[UserFile] = &[("b.py", "b", false), ("a/ü.txt", "", true), ("a.py", "a", false)];
    let mut reversed = files.to_vec();
    reversed.reverse();
    let first = fs::read(one.make("x", &spec(options(&[8, 13])), files, &[])).unwrap();
    let second = fs::read(two.make("y", &spec(options(&[8, 13])), &reversed, &[])).unwrap();
    assert!(first == second);
    // Made again from a store that has everything, which takes other ways through it.
    assert!(first == fs::read(one.make("z", &spec(options(&[8, 13])), files, &[])).unwrap());
}

#[test]
fn both_bootstraps_have_the_hash_of_the_release() {
    let Some(workshop) = Workshop::new() else { return };
    // The step compares the hash itself.
    for include_tools in [false, true] {
        let options = PexOptions { include_tools, mode: ExecutionMode::Zipapp, ..options(&[11]) };
        let pex =
            workshop.make(&format!("{include_tools}.pex"), &spec(options), &[("app.py", "", false)], &[]);
        let zip = zip::ZipArchive::new(fs::File::open(pex).unwrap()).unwrap();
        let count = zip.file_names().filter(|name| name.as_ref().unwrap().starts_with(".bootstrap/")).count();
        // Files alone: the folders that the release's own tool gives entries are not written.
        assert_eq!(count, if include_tools { 274 } else { 261 });
    }
}

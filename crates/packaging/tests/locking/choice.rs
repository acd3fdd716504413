//! Wheels that are chosen out of a real lock, against what the library `packaging` would take of all that the index
//! has.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use packaging::lock::Lock;
use packaging::platform::{Libc, Platform};
use packaging::select::{Chosen, Selection, check_shared, select};
use packaging::target::Target;
use serde_json::{Value, json};

use crate::library::Library;
use crate::{Machine, Wish, make};

/// The best of the files of each `[[major, minor], abi, interpreter, platform, files]`, by tag and build number; null
/// where none fits.
const PROGRAM: &str = r"
import json, sys
from packaging import _manylinux, _musllinux, tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

def platforms(kind, x, y, machine):
    if kind == 'macos':
        return list(tags.mac_platforms((x, y), machine))
    tags.sysconfig.get_platform = lambda: 'linux-' + machine
    _manylinux._get_glibc_version = lambda: (x, y)
    _musllinux._get_musl_version = lambda executable: None
    return list(tags._linux_platforms(is_32bit=False))

def best(version, abi, interpreter, platform, files):
    on, version = platforms(*platform), tuple(version)
    found = list(tags.cpython_tags(version, [abi], on)) + list(tags.compatible_tags(version, interpreter, on))
    ranks = {tag: rank for rank, tag in enumerate(found)}
    fitting = []
    for file in files:
        try:
            _, _, build, its = parse_wheel_filename(file)
        except InvalidWheelFilename:
            continue
        rank = min((ranks[tag] for tag in its if tag in ranks), default=None)
        if rank is not None:
            fitting.append((-rank, build, file))
    return max(fitting)[2] if fitting else None

print(json.dumps([best(*one) for one in json.load(open(sys.argv[1]))]))
";

const PYTHONS: [&str; 5] = ["3.9", "3.10", "3.11", "3.12", "3.13"];
const PLATFORMS: [&str; 3] = ["linux-x86_64", "linux-aarch64", "macos-arm64"];

fn described(target: &Target, files: &[String]) -> Value {
    let (kind, x, y) = match target.platform {
        Platform::Linux { libc: Libc::Glibc(x, y) | Libc::Musl(x, y), .. } => ("glibc", x, y),
        Platform::Macos { version: (x, y), .. } => ("macos", x, y),
    };
    let minor = target.minor();
    let interpreter = format!("cp{}", minor.digits());
    let platform = json!([kind, x, y, target.platform.machine()]);
    json!([[minor.major, minor.minor], target.abi.to_string(), interpreter, platform, files])
}

fn targets() -> Vec<Target> {
    let target =
        |python: &str, platform: &str| Target::new(python.parse().unwrap(), platform.parse().unwrap());
    PYTHONS.iter().flat_map(|python| PLATFORMS.iter().map(move |platform| target(python, platform))).collect()
}

#[test]
fn wheels_are_those_that_the_library_takes() {
    let (Some(machine), Some(library)) = (Machine::find(), Library::find(false)) else { return };
    let folder = tempfile::tempdir().unwrap();
    let client = machine.client(folder.path());
    let wish = Wish { requirements: &["flask==3.0.*", "requests", "numpy", "pandas"], ..Wish::default() };
    let made = make(&machine, &client, folder.path(), &wish).unwrap().lock;
    let lock = read_back(&made);
    let targets = targets();
    let selections: Vec<Selection<'_>> =
        targets.iter().map(|target| select(&lock, &lock.requirements, target).unwrap()).collect();
    let mut pages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut input, mut found) = (Vec::new(), Vec::new());
    for (target, selection) in targets.iter().zip(&selections) {
        for one in &selection.files {
            let Chosen::Wheel(wheel) = one.file else { panic!("{} is to be built", one.package.name) };
            let name = one.package.name.to_string();
            let all = pages.entry(name.clone()).or_insert_with(|| {
                let page = client.page("default", &name).unwrap();
                page.files
                    .iter()
                    .map(|file| file.name.clone())
                    .filter(|file| file.ends_with(".whl"))
                    .collect()
            });
            let start =
                format!("{}-{}-", wheel.name.as_str().split('-').next().unwrap(), one.package.version);
            let files: Vec<String> = all.iter().filter(|file| file.starts_with(&start)).cloned().collect();
            input.push(described(target, &files));
            found.push(wheel.name.to_string());
        }
    }
    let expect = library.run(Path::new("python3"), PROGRAM, &Value::from(input));
    let expect: Vec<&str> =
        expect.as_array().unwrap().iter().map(|one| one.as_str().unwrap_or("none")).collect();
    assert_eq!(found, expect);
    assert!(found.len() > 100, "{found:?}");
    println!("{} packages, {} choices on {} targets", lock.packages.len(), found.len(), targets.len());
    one_file_for_several(&targets, &selections);
}

/// What is written is read back the same, and names no host.
fn read_back(made: &Lock) -> Lock {
    let text = made.to_toml();
    assert!(!text.contains("://"), "{text}");
    let start = Instant::now();
    let read = Lock::parse(&text).unwrap();
    println!("{} bytes read in {:?}", text.len(), start.elapsed());
    assert_eq!(&read, made);
    read
}

/// The platforms of one interpreter share a file; interpreters between which versions differ, do not always.
fn one_file_for_several(targets: &[Target], selections: &[Selection<'_>]) {
    let pairs: Vec<(Target, &Selection<'_>)> = targets.iter().copied().zip(selections).collect();
    for same in pairs.chunks(PLATFORMS.len()) {
        assert_eq!(check_shared(same), []);
    }
    for error in check_shared(&pairs) {
        println!("in one file: {error}");
    }
}

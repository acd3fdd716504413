//! Tags of interpreters that are here, and of foreign ones on foreign platforms.

use std::path::{Path, PathBuf};
use std::process::Command;

use packaging::platform::{Arch, Libc, Platform};
use packaging::python::{Abi, Minor};
use packaging::tags::Tags;
use serde_json::{Value, json};

use crate::library::Library;

/// The tags of each `[[major, minor], abis, interpreter, platform]`, a platform being `[kind, x, y, machine]`.
const FOREIGN: &str = r"
import json, sys
from packaging import _manylinux, _musllinux, tags

def platforms(kind, x, y, machine):
    if kind == 'macos':
        return list(tags.mac_platforms((x, y), machine))
    tags.sysconfig.get_platform = lambda: 'linux-' + machine
    _manylinux._get_glibc_version = lambda: (x, y) if kind == 'glibc' else (-1, -1)
    musl = _musllinux._MuslVersion(x, y) if kind == 'musl' else None
    _musllinux._get_musl_version = lambda executable: musl
    return list(tags._linux_platforms(is_32bit=False))

out = []
for version, abis, interpreter, platform in json.load(open(sys.argv[1])):
    on = platforms(*platform)
    version = tuple(version)
    found = list(tags.cpython_tags(version, abis, on)) + list(tags.compatible_tags(version, interpreter, on))
    out.append([str(tag) for tag in found])
print(json.dumps(out))
";

/// The tags of the interpreter that runs it, with the version of its C library.
const OWN: &str = r"
import json, platform, sys
from packaging import tags
try:
    from packaging._manylinux import _get_glibc_version as version
    glibc = list(version())
except ImportError:
    from packaging.tags import _glibc_version_string as version
    glibc = version()
    glibc = glibc and [int(part) for part in glibc.split('.')]
print(json.dumps([glibc, [str(tag) for tag in tags.sys_tags()]]))
";

fn abis() -> Vec<Abi> {
    let minors = std::iter::once(Minor::new(2, 7)).chain((6..16).map(|minor| Minor::new(3, minor)));
    let mut all: Vec<Abi> = minors.map(Abi::usual).collect();
    all.push(Abi::usual(Minor::new(2, 7)).narrow());
    all.extend([13, 14].map(|minor| Abi::free_threaded(Minor::new(3, minor))));
    all.extend(all.clone().into_iter().map(|abi| Abi { debug: true, ..abi }));
    all
}

fn platforms() -> Vec<Platform> {
    let mut all = Vec::new();
    for arch in [Arch::X86_64, Arch::Aarch64] {
        for minor in [4, 5, 12, 16, 17, 28, 39] {
            all.push(Platform::Linux { arch, libc: Libc::Glibc(2, minor) });
        }
        all.extend([0, 1, 2].map(|minor| Platform::Linux { arch, libc: Libc::Musl(1, minor) }));
        all.extend([(11, 0), (12, 3), (15, 1), (26, 0)].map(|version| Platform::Macos { arch, version }));
    }
    let arch = Arch::X86_64;
    all.extend([4, 9, 15, 16].map(|minor| Platform::Macos { arch, version: (10, minor) }));
    all
}

fn described(abi: Abi, platform: Platform) -> Value {
    let minor = abi.minor;
    let mut abis = vec![abi.to_string()];
    // What the library itself gives a debug build.
    if abi.debug && minor >= Minor::new(3, 8) {
        abis.push(Abi { debug: false, ..abi }.to_string());
    }
    let (kind, x, y) = match platform {
        Platform::Linux { libc: Libc::Glibc(x, y), .. } => ("glibc", x, y),
        Platform::Linux { libc: Libc::Musl(x, y), .. } => ("musl", x, y),
        Platform::Macos { version: (x, y), .. } => ("macos", x, y),
    };
    let interpreter = format!("cp{}", minor.digits());
    json!([[minor.major, minor.minor], abis, interpreter, [kind, x, y, platform.machine()]])
}

fn same(found: &Tags, expect: &Value, what: &str) {
    let found: Vec<String> = found.iter().collect();
    let expect: Vec<&str> = expect.as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
    if let Some(at) = (0..found.len().max(expect.len()))
        .find(|&at| found.get(at).map(String::as_str) != expect.get(at).copied())
    {
        panic!("{what}: tag {at} is {:?}, expected {:?}", found.get(at), expect.get(at));
    }
}

#[test]
fn foreign_tags_are_those_of_the_library() {
    let Some(library) = Library::find(false) else { return };
    let pairs: Vec<(Abi, Platform)> = abis()
        .into_iter()
        .flat_map(|abi| platforms().into_iter().map(move |platform| (abi, platform)))
        .collect();
    let input: Vec<Value> = pairs.iter().map(|(abi, platform)| described(*abi, *platform)).collect();
    let expect = library.run(Path::new("python3"), FOREIGN, &Value::from(input));
    for ((abi, platform), expect) in pairs.iter().zip(expect.as_array().unwrap()) {
        same(&Tags::of(*abi, *platform), expect, &format!("{abi} on {platform}"));
    }
    println!("{} pairs of ABI and platform", pairs.len());
}

/// The interpreters of pyenv by their minor version.
pub(crate) fn interpreters() -> Vec<(Minor, PathBuf)> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let entries = std::fs::read_dir(home.join(".pyenv/versions")).into_iter().flatten();
    let mut found: Vec<(Minor, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path().join("bin/python");
            let program = "import sys; print('%d %d' % sys.version_info[:2])";
            let output = Command::new(&path).args(["-c", program]).output().ok()?;
            let text = String::from_utf8(output.stdout).ok()?;
            let (major, minor) = text.trim().split_once(' ')?;
            Some((Minor::new(major.parse().ok()?, minor.parse().ok()?), path))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn own_tags_are_those_that_interpreters_give_themselves() {
    let (Some(new), Some(old)) = (Library::find(false), Library::find(true)) else { return };
    let all = interpreters();
    if all.is_empty() {
        println!("skipped: no interpreters of pyenv");
    }
    for (minor, path) in all {
        let is_old = minor < Minor::new(3, 9);
        let mut answer = if is_old { &old } else { &new }.run(&path, OWN, &Value::Null);
        if is_old {
            // It did not know yet that an interpreter takes its own wheels for any platform.
            let tags = answer[1].as_array_mut().unwrap();
            let at = tags.iter().position(|tag| tag.as_str().unwrap().ends_with("-any")).unwrap();
            tags.insert(at, Value::from(format!("cp{}-none-any", minor.digits())));
            // Nor that what was built on the machine goes first.
            let order = |tag: &Value| tag.as_str().unwrap().rsplit_once('-').map(|pair| pair.0.to_owned());
            let mut sorted: Vec<Value> = Vec::new();
            for same in tags.chunk_by(|a, b| order(a) == order(b)) {
                sorted.extend(same.iter().filter(|tag| tag.as_str().unwrap().contains("-linux_")).cloned());
                sorted.extend(same.iter().filter(|tag| !tag.as_str().unwrap().contains("-linux_")).cloned());
            }
            *tags = sorted;
        }
        let glibc: Vec<u16> = answer[0]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| u16::try_from(one.as_u64().unwrap()).unwrap())
            .collect();
        let (&[major, floor], Ok(Platform::Linux { arch, .. })) =
            (glibc.as_slice(), Platform::current(&packaging::platform::Machine::detect()))
        else {
            println!("skipped: {minor} is on no Linux with glibc");
            continue;
        };
        let platform = Platform::Linux { arch, libc: Libc::Glibc(major, floor) };
        same(&Tags::of(Abi::usual(minor), platform), &answer[1], &format!("{minor} on {platform}"));
        println!("{minor}: {} tags", answer[1].as_array().unwrap().len());
    }
}

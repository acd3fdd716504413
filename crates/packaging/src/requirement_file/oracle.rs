//! Requirements files as pip's own parser reads them.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{Listed, parse};

/// The files of a case, the first of which is `top.txt`.
type Files<'a> = &'a [(&'a str, &'a str)];

/// Prints what pip reads in each folder: name, extras, versions, marker and hashes of each, and the line and file it
/// is from.
const PROGRAM: &str = r#"
import json, os, sys
from pip._internal.network.session import PipSession
from pip._internal.req.constructors import install_req_from_line
from pip._internal.req.req_file import parse_requirements
from pip._vendor.packaging.utils import canonicalize_name

def read(folder):
    os.chdir(folder)
    for one in parse_requirements("top.txt", session=PipSession()):
        made = install_req_from_line(one.requirement)
        req = made.req
        line, file = one.line_source.split(" ", 1)[1].split(" of ")
        hashes = (one.options or {}).get("hashes", {})
        yield [one.constraint, req.name, sorted(map(canonicalize_name, req.extras)), str(req.specifier),
               str(made.markers or ""), [a + ":" + h for a in sorted(hashes) for h in hashes[a]],
               os.path.normpath(file), int(line)]

print(json.dumps([list(read(folder)) for folder in sys.argv[1:]]))
"#;

/// What pip reads in each folder; `None` if there is no pip here.
fn pip(folders: &[&Path]) -> Option<Vec<Vec<Value>>> {
    let probe = Command::new("python3").args(["-c", "import pip._internal.req.req_file"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let output = Command::new("python3").args(["-c", PROGRAM]).args(folders).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Compares what is read from the files of each case with what pip reads.
fn check(cases: &[Files<'_>]) {
    let folders: Vec<_> = cases.iter().map(|files| written(files)).collect();
    let Some(expect) = pip(&folders.iter().map(TempDir::path).collect::<Vec<_>>()) else {
        println!("skipped: no `python3` with pip");
        return;
    };
    assert_eq!(expect.len(), cases.len());
    for (folder, expect) in folders.iter().zip(expect) {
        let (found, errors) = parse("top.txt", &|path| fs::read(folder.path().join(path)));
        assert!(errors.is_empty(), "{errors:?}");
        let (limits, wanted): (Vec<_>, Vec<_>) =
            expect.into_iter().partition(|one| one[0] == Value::Bool(true));
        for (ours, theirs) in [(&found.requirements, wanted), (&found.constraints, limits)] {
            assert_eq!(ours.len(), theirs.len(), "{ours:?} {theirs:?}");
            ours.iter().zip(&theirs).for_each(|(ours, theirs)| compare(ours, theirs));
        }
    }
}

fn written(files: Files<'_>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn compare(ours: &Listed, theirs: &Value) {
    let text = |index: usize| theirs[index].as_str().unwrap();
    let requirement = &ours.requirement;
    assert_eq!(requirement.name, text(1).parse().unwrap());
    let extras: Vec<_> = requirement.extras.iter().map(|extra| Value::from(extra.as_ref())).collect();
    assert_eq!(Value::from(extras), theirs[2]);
    let sorted = |text: &str| {
        let mut parts: Vec<_> = text.split(',').map(|part| part.replace(' ', "")).collect();
        parts.sort();
        parts
    };
    assert_eq!(sorted(&requirement.specifiers().unwrap().to_string()), sorted(text(3)), "{requirement}");
    let plain = |text: &str| text.replace('\'', "\"").replace([' ', '(', ')'], "");
    assert_eq!(plain(requirement.marker.text()), plain(text(4)), "{requirement}");
    let mut hashes: Vec<_> = ours.hashes.clone();
    hashes.sort_by_key(|hash| hash.algorithm);
    let hashes: Vec<_> = hashes.iter().map(|hash| Value::from(hash.to_string())).collect();
    assert_eq!(Value::from(hashes), theirs[5], "{requirement}");
    assert_eq!(ours.file.as_ref(), text(6));
    // pip counts the lines that Python splits, places those of editors.
    assert!(u64::from(ours.place.line) <= theirs[7].as_u64().unwrap(), "{requirement}");
}

#[test]
fn pip_reads_the_same() {
    let (a, b, c) = ("a".repeat(64), "b".repeat(64), "c".repeat(128));
    let hashed = format!(
        "flask==3.0.0 ; python_version >= '3.8' \\\n    --hash=sha256:{a} \\\n    --hash=sha256:{b}  # two\n\
         rich[x,y]==1 --hash 'sha512:{c}' --hash=sha256:{a}\nattrs\n"
    );
    check(&[
        &[("top.txt", hashed.as_str())],
        &[(
            "top.txt",
            "\u{feff}# comment \\\nflask>=2,<4 #x\r\n\r\n  Zope.Interface  \t# y\nrequests[socks,Security] ~= 2.1\n\
             rich ; python_version<'3.9' and (os_name == \"posix\" or os_name=='nt')\nattrs !=1.*,==2.*\n",
        )],
        &[(
            "top.txt",
            "fla\\\nsk\\\n>=2\nrich \\\n  # a comment ends it\nattrs # joined \\\nlost\nsix\\\n#x\nlast>1\\",
        )],
        &[("top.txt", "flask\\\n\\\n==1\\\\\n0\n\\x\\\ny\n# \u{b} z\nrich\u{c}attrs\u{2028}six\rseven")],
        &[
            ("top.txt", "one\n-r sub/a.txt\n--constraint=limits.txt\n-c'sub/my limits.txt'\nlast\n"),
            ("sub/a.txt", "two\n-r ../b.txt\n--requirement b.txt # other\nthree"),
            ("b.txt", "four"),
            ("sub/b.txt", "five; sys_platform == 'linux'"),
            ("limits.txt", "two<2\n-r sub/r.txt\n-c sub/c.txt\nfour<4"),
            ("sub/r.txt", "six"),
            ("sub/c.txt", "seven==7"),
            ("sub/my limits.txt", "eight<8"),
        ],
    ]);
}

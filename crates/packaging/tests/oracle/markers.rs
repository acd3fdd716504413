//! Markers of real projects in the environments of many targets.

use std::path::Path;

use packaging::marker::Marker;
use packaging::target::Target;
use serde_json::{Map, Value, json};

use crate::library::Library;

/// Whether each marker holds in each environment: a list of lists; null where the library refuses the marker.
const PROGRAM: &str = r"
import json, sys
from packaging.markers import InvalidMarker, Marker

markers, environments = json.load(open(sys.argv[1]))
out = []
for text in markers:
    try:
        marker = Marker(text)
    except InvalidMarker:
        out.append(None)
        continue
    out.append([marker.evaluate(environment) for environment in environments])
print(json.dumps(out))
";

/// As they stand in the metadata of real projects, and a few at the edges of the grammar.
const MARKERS: &[&str] = &[
    "python_version < '3.8'",
    "python_version < \"3.10\"",
    "python_version <= '3.9'",
    "python_version > '3.9'",
    "python_version >= '3.7' and python_version < '4'",
    "python_version == '3.11'",
    "python_version != '3.11'",
    "python_version == '3.*'",
    "python_version != '2.*'",
    "python_version ~= '3.9'",
    "python_version < '3'",
    "python_version >= '3.10.0'",
    "python_version in '2.6 2.7 3.2 3.3'",
    "python_version in '3.9, 3.10, 3.11'",
    "python_version not in '2.6 2.7 3.11'",
    "'3.8' <= python_version",
    "'3.11' > python_version",
    "python_full_version < '3.11.0a7'",
    "python_full_version <= '3.11.2'",
    "python_full_version > '3.11.0'",
    "python_full_version >= '3.11.7'",
    "python_full_version == '3.11.*'",
    "python_full_version != '3.12.1'",
    "python_full_version ~= '3.11.2'",
    "python_full_version < '3.8.0' or python_full_version >= '3.12.0'",
    "sys_platform == 'win32'",
    "sys_platform != 'win32'",
    "sys_platform == 'linux'",
    "sys_platform == 'darwin' and platform_machine == 'arm64'",
    "sys_platform != 'emscripten'",
    "'linux' in sys_platform",
    "'win' not in sys_platform",
    "sys_platform in 'linux darwin'",
    "platform_system == 'Linux'",
    "platform_system == \"Linux\" and platform_machine == \"x86_64\"",
    "platform_system != 'Darwin' or platform_machine != 'arm64'",
    "platform_machine == 'aarch64' or (platform_machine == 'ppc64le' or (platform_machine == 'x86_64' or (platform_machine == 'amd64' or (platform_machine == 'AMD64' or (platform_machine == 'win32' or platform_machine == 'WIN32')))))",
    "(platform_machine == 'aarch64' or platform_machine == 'x86_64') and python_version < '3.14'",
    "platform_machine in 'x86_64 X86_64 aarch64'",
    "platform_machine not in 'aarch64 arm64'",
    "platform_python_implementation == 'CPython'",
    "platform_python_implementation != 'PyPy' and python_version >= '3.8'",
    "implementation_name == 'cpython'",
    "implementation_name == 'pypy' or implementation_name == 'jython'",
    "implementation_version >= '3.9'",
    "os_name == 'nt'",
    "os_name == 'posix' and extra == 'fast'",
    "os_name != 'nt' or extra == 'fast'",
    "extra == 'fast'",
    "extra == 'Fast'",
    "extra == 'use_chardet-on.py3'",
    "extra != 'fast'",
    "extra == 'fast' and extra == 'use-chardet-on-py3'",
    "(extra == 'fast' or extra == 'slow') and python_version >= '3.10'",
    "python_version >= '3.9' and (sys_platform == 'linux' or sys_platform == 'darwin') and extra == 'fast'",
    "platform_version == ''",
    "platform_release != ''",
    "os.name == 'posix'",
    "sys.platform == 'linux'",
    "platform.machine == 'x86_64'",
    "platform.python_implementation == 'CPython'",
    "python_implementation == 'CPython'",
    "'posix' == os_name",
    "\"3\" in python_version",
    "python_version >= 3",
    "python_version",
    "python_version >= '3' and",
    "(python_version >= '3'",
    "nonsense == '1'",
    "extra = 'x'",
    "os_name == posix",
];

/// What the library understands by comparing texts where versions are meant, and we refuse.
const REFUSED: &[&str] = &["python_version in '3.9, 3.10, 3.11'", "\"3\" in python_version"];

fn targets() -> Vec<Target> {
    let pythons =
        ["2.7", "3.6", "3.8", "3.9", "3.9.18", "3.10", "3.11", "3.11.2", "3.11.7", "3.12.1", "3.13t", "3.14"];
    let platforms = ["linux-x86_64", "linux-aarch64", "linux-x86_64-musl", "macos-arm64", "macos-x86_64"];
    let target =
        |python: &str, platform: &str| Target::new(python.parse().unwrap(), platform.parse().unwrap());
    pythons.iter().flat_map(|python| platforms.iter().map(move |platform| target(python, platform))).collect()
}

#[test]
fn markers_hold_where_the_library_says() {
    let Some(library) = Library::find(false) else { return };
    let (targets, extras) = (targets(), ["", "fast", "use-chardet-on-py3"]);
    let mut environments = Vec::new();
    for target in &targets {
        for extra in extras {
            let variables = target.environment().variables();
            let mut all: Map<String, Value> =
                variables.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
            all.insert("extra".to_owned(), Value::from(extra));
            environments.push(Value::from(all));
        }
    }
    let expect = library.run(Path::new("python3"), PROGRAM, &json!([MARKERS, environments]));
    let mut wrong = Vec::new();
    for (text, expect) in MARKERS.iter().zip(expect.as_array().unwrap()) {
        let (marker, expect) = match (text.parse::<Marker>(), expect) {
            (Ok(marker), Value::Array(expect)) => (marker, expect),
            (Err(_), Value::Null) => continue,
            (Err(_), _) if REFUSED.contains(text) => continue,
            (found, expect) => {
                wrong.push(format!("{text}: we read {found:?}, the library {}", !expect.is_null()));
                continue;
            }
        };
        let asked = targets.iter().flat_map(|target| extras.iter().map(move |extra| (target, extra)));
        for ((target, extra), expect) in asked.zip(expect) {
            let extras: Vec<_> = extra.parse().into_iter().filter(|_| !extra.is_empty()).collect();
            let found = marker.holds(&target.environment(), &extras);
            if expect.as_bool() != Some(found) {
                wrong.push(format!("{text} on {target} {:?} with `{extra}`: {found}", target.micro));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    println!("{} markers in {} environments", MARKERS.len(), environments.len());
}

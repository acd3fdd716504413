//! What pip, twine and check-wheel-contents say of distributions, and that the source distribution gives the same wheel.

use std::process::Command;

use crate::shop::{MADE, shop};
use crate::tools::{pip, succeed, virtualenv};

/// Whether two wheels have the same files with the same contents, and metadata of the same meaning.
const COMPARE: &str = r#"
import configparser, email, sys, zipfile
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

def meaning(name, value):
    if name == "Requires-Dist":
        r = Requirement(value)
        return r.name.replace(".", "-"), frozenset(r.extras), r.specifier, str(r.marker).replace("(", "").replace(")", "")
    if name == "Requires-Python":
        return SpecifierSet(value)
    return frozenset(value.split(",")) if name == "Keywords" else value

def read(path):
    wheel = zipfile.ZipFile(path)
    files = {n: wheel.read(n) for n in wheel.namelist() if not n.endswith("/")}
    metadata = next(files.pop(n) for n in list(files) if n.endswith("/METADATA"))
    for name in [n for n in files if n.endswith("/entry_points.txt")]:
        groups = configparser.ConfigParser(delimiters=["="])
        groups.read_string(files[name].decode())
        files[name] = {group: dict(groups[group]) for group in groups.sections()}
    tags = {n: files.pop(n) for n in list(files) if n.endswith(("/WHEEL", "/RECORD"))}
    message = email.message_from_bytes(metadata)
    fields = {(n, meaning(n, v)) for n, v in message.items() if n != "Metadata-Version"}
    tag = [l for t in tags.values() for l in t.decode().splitlines() if l.startswith("Tag:")]
    return files, fields, message.get_payload().strip(), tag, sorted(tags)

ours, theirs = map(read, sys.argv[1:])
for one, other in zip(ours, theirs):
    assert one == other, (one, other)
"#;

#[test]
fn other_tools_take_them() {
    let test = "other_tools_take_them";
    let shop = shop();
    let said = shop.run(&["-q", "package", "src/acme/core:dist", "src/acme/orders:dist"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let dist = shop.root().join("dist");
    let files = MADE.map(|name| dist.join(name));
    let needed = ["twine", "check-wheel-contents", "packaging>=24.2"];
    let Some(tools) = virtualenv(test, &shop.beside("tools"), &needed) else { return };
    succeed(Command::new(tools.join("twine")).arg("check").args(&files));
    succeed(Command::new(tools.join("check-wheel-contents")).args([&files[0], &files[2]]));
    let Some(bin) = virtualenv(test, &shop.beside("wheels"), &[]) else { return };
    let installed = pip(&bin, &["install", files[0].to_str().unwrap(), files[2].to_str().unwrap()]);
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    succeed(Command::new(bin.join("pip")).arg("check"));
    for script in ["orders", "orders-again"] {
        assert_eq!(succeed(&mut Command::new(bin.join(script))), "3 hello\n");
    }
    let built = shop.beside("built");
    for (wheel, sdist) in [(0, 1), (2, 3)] {
        let folder = built.to_str().unwrap();
        let made = pip(&bin, &["wheel", "--no-deps", "-w", folder, files[sdist].to_str().unwrap()]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let compare = ["-c", COMPARE];
        succeed(
            Command::new(tools.join("python")).args(compare).arg(&files[wheel]).arg(built.join(MADE[wheel])),
        );
    }
}

//! The standard libraries of real interpreters, read by their own `ast`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use python::infer::{Detail, Imports};
use serde_json::Value;

/// Prints one line of JSON for each file below a folder: its path, and its imports as level, module, name and whether
/// it can fail; null where the interpreter refuses the file.
const PROGRAM: &str = r#"
import ast, io, json, os, sys

CAUGHT = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}

def caught(node):
    if node is None:
        return True
    if isinstance(node, ast.Tuple):
        return any(caught(part) for part in node.elts)
    return getattr(node, "id", getattr(node, "attr", None)) in CAUGHT

def spares(node, field):
    if field != "body":
        return False
    if type(node).__name__ in ("Try", "TryExcept", "TryStar"):
        return any(caught(handler.type) for handler in node.handlers)
    if isinstance(node, ast.If):
        return getattr(node.test, "id", getattr(node.test, "attr", None)) == "TYPE_CHECKING"
    if isinstance(node, ast.With):
        calls = [item.context_expr for item in getattr(node, "items", [])]
        calls = [call for call in calls if isinstance(call, ast.Call)]
        return any(
            getattr(call.func, "id", getattr(call.func, "attr", None)) == "suppress"
            and any(caught(argument) for argument in call.args)
            for call in calls
        )
    return False

def literal(call):
    if not call.args:
        return None
    text = getattr(call.args[0], "value", getattr(call.args[0], "s", None))
    return text if isinstance(text, (str, type(u""))) else None

def visit(node, weak, found):
    if isinstance(node, ast.Import):
        found.update((0, alias.name, "", weak) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        found.update((node.level or 0, node.module or "", alias.name, weak) for alias in node.names)
    elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", None)) in (
        "import_module",
        "__import__",
        "importorskip",
    ):
        text = literal(node)
        skips = getattr(node.func, "id", getattr(node.func, "attr", None)) == "importorskip"
        if text and all(part.isidentifier() if hasattr(part, "isidentifier") else part for part in text.split(".")):
            found.add((0, text, "", weak or skips))
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                visit(child, weak or spares(node, field), found)

for folder, folders, files in os.walk(sys.argv[1]):
    folders[:] = sorted(set(folders) - {"__pycache__"} - set(sys.argv[2:]))
    for name in sorted(files):
        if name.endswith(".py"):
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    tree = ast.parse(file.read())
                found = set()
                visit(tree, False, found)
                print(json.dumps([path, sorted(found)]))
            except (SyntaxError, ValueError, RecursionError if sys.version_info > (3, 5) else MemoryError):
                print(json.dumps([path, None]))
"#;

type Flat = BTreeSet<(u64, String, String, bool)>;

/// The libraries of the interpreters of pyenv.
fn library(minor: &str) -> Option<(PathBuf, PathBuf)> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")))?;
    let installed = std::fs::read_dir(root.join("versions")).ok()?.flatten().map(|entry| entry.path());
    let is_wanted = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{minor}.")))
    };
    let prefix = installed.filter(is_wanted).max()?;
    let library = prefix.join("lib").join(format!("python{minor}"));
    library.is_dir().then(|| (prefix.join("bin/python"), library))
}

fn flat(imports: &Imports) -> Flat {
    let flat = imports.imports.iter().flat_map(|import| {
        let nothing = String::new();
        let names = if import.names.is_empty() { vec![nothing] } else { import.names.clone() };
        let one = |name| (u64::from(import.level), import.module.clone(), name, import.weak);
        names.into_iter().map(one).collect::<Vec<_>>()
    });
    flat.collect()
}

fn without_weakness(flat: &Flat) -> BTreeSet<(u64, &str, &str)> {
    flat.iter().map(|(level, module, name, _)| (*level, module.as_str(), name.as_str())).collect()
}

fn expected(imports: &Value) -> Flat {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = imports.as_array().unwrap().iter();
    rows.map(|row| (row[0].as_u64().unwrap(), text(&row[1]), text(&row[2]), row[3].as_bool().unwrap()))
        .collect()
}

/// Holds the files of a standard library against what its interpreter says, except those in folders of some names.
fn check(minor: &str, except: &[&str]) {
    let Some((python, library)) = library(minor) else {
        println!("skipped: oracle: there is no Python {minor} in pyenv");
        return;
    };
    let output = Command::new(&python)
        .args(["-B", "-S", "-W", "ignore", "-c", PROGRAM])
        .arg(&library)
        .args(except)
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut compared, mut imports, mut wrong) = (0, 0, Vec::new());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let path = Path::new(row[0].as_str().unwrap());
        let bytes = std::fs::read(path).unwrap();
        let found = flat(&Imports::of(&bytes, Detail::default()));
        if row[1].is_null() {
            continue;
        }
        let expect = expected(&row[1]);
        compared += 1;
        imports += expect.len();
        if found != expect {
            let (more, less): (Vec<_>, Vec<_>) =
                (found.difference(&expect).collect(), expect.difference(&found).collect());
            wrong.push(format!("{}: more {more:?}, less {less:?}", path.display()));
        }
        let scanned = flat(&Imports::scanned(&bytes, Detail::default()));
        let (scanned, expect) = (without_weakness(&scanned), without_weakness(&expect));
        if scanned != expect {
            let (more, less): (Vec<_>, Vec<_>) =
                (scanned.difference(&expect).collect(), expect.difference(&scanned).collect());
            wrong.push(format!("{} scanned: more {more:?}, less {less:?}", path.display()));
        }
    }
    assert!(compared > 500 && imports > 5000, "only {imports} imports of {compared} files");
    println!("Python {minor}: {imports} imports of {compared} files");
    assert!(wrong.is_empty(), "{} of {compared} files differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn as_python_2_7_reads_them() {
    check("2.7", &["test"]);
}

#[test]
fn as_python_3_8_reads_them() {
    check("3.8", &["test"]);
}

#[test]
fn as_python_3_13_reads_them() {
    check("3.13", &[]);
}

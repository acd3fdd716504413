//! The forms that imports have, with what is read from each.

use python::infer::{Detail, Imports};

/// `level*dots module (names)`, with `?` behind what is weak, in the order of the text.
fn shown(imports: &Imports) -> Vec<String> {
    let one = |import: &python::infer::Import| {
        let dots = ".".repeat(import.level as usize);
        let names =
            if import.names.is_empty() { String::new() } else { format!(" ({})", import.names.join(" ")) };
        let weak = if import.weak { "?" } else { "" };
        format!("{dots}{}{names}{weak}", import.module)
    };
    imports.imports.iter().map(one).collect()
}

/// What the parser finds; the scan finds the same, but takes everything for weak.
#[track_caller]
fn check(text: &str, expect: &[&str]) {
    assert_eq!(shown(&Imports::of(text.as_bytes(), Detail::default())), expect, "{text}");
    let weak: Vec<String> = expect.iter().map(|one| format!("{}?", one.trim_end_matches('?'))).collect();
    assert_eq!(shown(&Imports::scanned(text.as_bytes(), Detail::default())), weak, "scanned: {text}");
}

#[test]
fn statements() {
    check("import a\nimport a.b as c, d", &["a", "a.b", "d"]);
    check("from a import b, c as d", &["a (b c)"]);
    check("from a.b import (\n    c,  # why\n    d,\n)\n", &["a.b (c d)"]);
    check("from . import a\nfrom .b import c\nfrom ...d.e import *", &[". (a)", ".b (c)", "...d.e (*)"]);
    check("x = 1; import a; from b import c", &["a", "b (c)"]);
    check("def f():\n    import a\n    class B:\n        from c import d\n", &["a", "c (d)"]);
    check("if x: import a\nelse: import b", &["a", "b"]);
    check("from a \\\n    import b", &["a (b)"]);
    check("'''\nimport no\n'''\n# import no\nx = 'import no'\nimport yes", &["yes"]);
    check("raise A from b\nyield_from = 1\n", &[]);
    check("f'{x!r:{y}}' '{'\nimport a", &["a"]);
}

#[test]
fn python_2() {
    check("print 'x'\nexec 'y'\nraise E, 'z'\nx = 0777\ny = ur'a'\nz = `a`\nimport a", &["a"]);
    check("try:\n    import a\nexcept ImportError, e:\n    import b\n", &["a?", "b"]);
    check("print >>f, x\nfrom a import b", &["a (b)"]);
}

#[test]
fn what_a_file_works_without() {
    for caught in
        ["ImportError", "ModuleNotFoundError", "(A, ImportError)", "builtins.ImportError", "Exception", ""]
    {
        check(&format!("try:\n    import a\nexcept {caught}:\n    import b\n"), &["a?", "b"]);
    }
    check("try:\n    import a\nexcept ValueError:\n    import b\nelse:\n    import c\n", &["a", "b", "c"]);
    check("if TYPE_CHECKING:\n    import a\nelse:\n    import b\n", &["a?", "b"]);
    check("if typing.TYPE_CHECKING:\n    from a import b\nimport c", &["a (b)?", "c"]);
    check("with suppress(ImportError):\n    import a\nimport b", &["a?", "b"]);
    check("try:\n    x = __import__('a')\nexcept ImportError:\n    pass\n", &["a?"]);
}

#[test]
fn calls() {
    check("importlib.import_module('a.b')\nimport_module(\"c\", package=None)", &["a.b", "c"]);
    check("__import__('a').b\n__import__(name)\nimport_module('a' + b)", &["a"]);
    check("import_module('.a', __package__)\nimport_module('..b', package=__package__)", &[".a", "..b"]);
    check(
        "pytest.importorskip('a.b')\nimportorskip('c', reason='d')\nimport_module('e')",
        &["a.b?", "c?", "e"],
    );
    check("import_module('.a', 'x.y')\nimport_module(f'{a}.b')\nimport_module('a b')", &[]);
}

#[test]
fn lines_that_opt_out() {
    check("import a  # pants: no-infer-dep\nimport b", &["b"]);
    check("from a import (\n    b,  # pants: no-infer-dep\n    c,\n)\n", &["a (c)"]);
    check("from a import (  # pants: no-infer-dep\n    b,\n)\nimport c", &["c"]);
    check("import_module('a')  # pants: no-infer-dep", &[]);
}

#[test]
fn places_and_strings() {
    let found = Imports::of(b"x = 1\nfrom  a.b import c\n    \nif x: import d", Detail::default());
    let places: Vec<(u32, u32)> = found.imports.iter().map(|import| (import.line, import.column)).collect();
    assert_eq!(places, [(2, 7), (4, 14)]);
    let text =
        b"A = ['a.b.C', 'a b.c', 'x', u'd.e', 'p/q.json', '/p/q', 'x' 'y.z', f'g.h', '''i.j''']  # 'k.l'\n";
    let strings = |detail| {
        let found = Imports::of(text, detail).strings;
        found.into_iter().map(|mention| mention.text).collect::<Vec<_>>()
    };
    assert_eq!(strings(Detail { strings: true }), ["a.b.C", "d.e", "p/q.json", "y.z", "i.j"]);
    assert_eq!(strings(Detail::default()), [""; 0]);
    let scanned = Imports::scanned(text, Detail { strings: true });
    assert_eq!(scanned.strings, Imports::of(text, Detail { strings: true }).strings);
}

//! Bytes that are made to break a parser: none may panic, overflow the stack or take for ever.

use proptest::prelude::*;
use python::infer::{Detail, Imports};

const ALL: Detail = Detail { strings: true };

/// Reads a file that is hostile after its first line, and expects what that line imports.
#[track_caller]
fn check(what: &str, hostile: &str) -> Imports {
    let text = format!("import first\n{hostile}\nimport last\n");
    let found = Imports::of(text.as_bytes(), ALL);
    let modules: Vec<&str> = found.imports.iter().map(|import| import.module.as_str()).collect();
    assert_eq!(modules.first(), Some(&"first"), "{what}");
    found
}

#[test]
fn deep_nesting() {
    const MANY: usize = 200_000;
    for opening in
        ["(", "[", "{", "f(", "a[", "-", "~", "not ", "lambda: ", "a.", "a(b)(", "x if y else ", "await "]
    {
        check(opening, &opening.repeat(MANY));
    }
    for chain in
        ["a.b.", "f()()", "a+", "a**", "a and ", "a<b<", "x=", "\"a\" ", "*", "@", "if a: ", "with a: "]
    {
        check(chain, &chain.repeat(MANY));
    }
    check("nested f-strings", &"f'{f\"{".repeat(MANY));
    check("a format specification", &format!("f'{{a:{}", "{b:".repeat(MANY)));
    check("lambdas with commas", &"lambda a, b: ".repeat(MANY));
    check("brackets over lines", &"(\n".repeat(MANY));
    check("strings in brackets", &"(')' +".repeat(MANY));
    check("quotes in a field", &format!("f\"{{'\"'{}", "(".repeat(MANY)));
    check("continued lines", &"not \\\n".repeat(MANY));
    check("closing", &")".repeat(MANY));
    let blocks: String = (0..3000).map(|depth| format!("{}if a:\n", " ".repeat(depth))).collect();
    check("blocks", &blocks);
}

/// The deepest that is still parsed, on a stack that is half as large as a thread of rayon has.
#[test]
fn just_below_the_bound() {
    let parsed = |what: &str, hostile: String| {
        assert!(!check(what, &hostile).imports[0].weak, "{what} is scanned");
    };
    let read = move || {
        for (opening, tokens) in
            [("(", 1), ("-", 1), ("not ", 1), ("lambda: ", 2), ("a.", 2), ("a+", 2), ("f()", 3), ("[0][", 3)]
        {
            parsed(opening, opening.repeat(4_900 / tokens));
        }
        parsed("conditions", "a if b else ".repeat(4_900 / 4));
        parsed("fields", format!("f'{{{}", "(".repeat(4_900)));
        parsed("blocks in one line", "while a: ".repeat(4_900 / 3));
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(read).unwrap().join().unwrap();
}

#[test]
fn large_files() {
    let rows = "    (1, 'a', {'b': [None, 2.5]}),\n".repeat(10 * 1024 * 1024 / 35);
    let text = format!("import a\nROWS = [\n{rows}]\nfrom b import c\n");
    let found = Imports::of(text.as_bytes(), ALL);
    assert_eq!(found.imports.len(), 2);
    assert!(!found.imports[0].weak, "a long table is not deep");
    check("one long line", &"x".repeat(10 * 1024 * 1024));
    check("one long string", &format!("'{}", "a/b.c ".repeat(2 * 1024 * 1024)));
    check("many strings", &"'a' ".repeat(2 * 1024 * 1024));
    let imports = "import a.b\n".repeat(1024 * 1024);
    assert_eq!(Imports::of(imports.as_bytes(), ALL).imports.len(), 1024 * 1024);
}

#[test]
fn odd_bytes() {
    check("NUL bytes", "\0\0x\0");
    check("a byte order mark inside", "\u{feff}import x");
    check("line ends of all kinds", "a\r\rb\r\nc\x0c\n");
    let latin = b"# -*- coding: latin-1 -*-\nname = '\xe9'\nimport found\n";
    let found = Imports::of(latin, ALL);
    assert_eq!(found.imports[0].module, "found");
    let utf16: Vec<u8> = "import a\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    Imports::of(&utf16, ALL);
    assert!(Imports::of(b"", ALL).blank);
    assert!(Imports::of(b"\xef\xbb\xbf \n\t\n", ALL).blank);
    assert!(!Imports::of(b"# comment\n", ALL).blank);
}

/// Pieces of Python that lexers have to tell apart.
const PIECES: &str = "import |from |a|.|..| as |, |(|)|[|]|{|}|'|\"|'''|\"\"\"|f'|f\"|rb'|t'|{{|}}|:|!r|\\|\\\n|\n|\r\n|    |\t|#|\
    try:|except|;|ImportError|import_module(|__import__(|__package__|lambda|\0|é|0x|1.|*|=|`|print 'x'|exec|<>|\
    # pants: no-infer-dep|if TYPE_CHECKING:|async|match|lazy |@|$|?";

fn piece() -> impl Strategy<Value = String> {
    let pieces: Vec<&str> = PIECES.split('|').collect();
    prop_oneof![
        9 => proptest::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        Imports::of(&bytes, ALL);
        Imports::scanned(&bytes, ALL);
    }

    #[test]
    fn random_pieces_never_panic(pieces in proptest::collection::vec(piece(), 0..60)) {
        let text = pieces.concat();
        let places = |imports: &Imports| imports.imports.iter().all(|import| import.line > 0 && import.column > 0);
        prop_assert!(places(&Imports::of(text.as_bytes(), ALL)));
        prop_assert!(places(&Imports::scanned(text.as_bytes(), ALL)));
    }

    /// What stands before anything odd is found whatever follows.
    #[test]
    fn the_first_line_is_always_read(pieces in proptest::collection::vec(piece(), 0..40)) {
        let text = format!("import first\n{}", pieces.concat());
        let found = Imports::of(text.as_bytes(), ALL);
        prop_assert!(found.imports.iter().any(|import| import.module == "first"), "{text:?}: {found:?}");
    }
}

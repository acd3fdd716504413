//! Labels and patterns as text.

use graph::{Label, Part, Pattern};
use proptest::prelude::{Strategy, prop_assert_eq, proptest};
use proptest::test_runner::Config;

#[track_caller]
fn check(text: &str, package: &str, expected: &str) {
    let found = match Label::parse(text, package) {
        Ok(label) => format!("{label} {:?}", label.part()),
        Err(error) => format!("{}: {}", error.column, error.reason),
    };
    assert_eq!(found, expected, "{text}");
}

#[test]
fn targets() {
    check("//svc:app", "x", "//svc:app Whole");
    check("//svc", "x", "//svc:svc Whole");
    check("//a/svc", "x", "//a/svc:svc Whole");
    check(":app", "svc", "//svc:app Whole");
    check(":app", "", "//:app Whole");
    check("svc:app", "x", "//svc:app Whole");
    check("svc/sub", "x", "//svc/sub:sub Whole");
    check("//:root", "x", "//:root Whole");
    check("//v1.2:lib", "x", "//v1.2:lib Whole");
}

#[test]
fn files() {
    check("//svc/app.py:lib", "x", "//svc/app.py:lib File(\"app.py\")");
    check("//svc/app.py", "x", "//svc/app.py File(\"app.py\")");
    check("//svc/app.py:svc", "x", "//svc/app.py File(\"app.py\")");
    check("//svc/sub/a.py:../lib", "x", "//svc/sub/a.py:../lib File(\"sub/a.py\")");
    check("//svc/sub/a.py:../svc", "x", "//svc/sub/a.py:../svc File(\"sub/a.py\")");
    check("./app.py:lib", "svc", "//svc/app.py:lib File(\"app.py\")");
    check("./sub/a.py:../lib", "svc", "//svc/sub/a.py:../lib File(\"sub/a.py\")");
    check("//Makefile:../x", "x", "12: the owner's `../` leave the root");
    check("//a.py:root", "x", "//a.py:root File(\"a.py\")");
    check("//a.py", "x", "7: the name of the target is missing");
    assert_eq!(
        Label::parse("//svc/sub/a.py:../lib", "").expect("a label").file_path().as_deref(),
        Some("svc/sub/a.py")
    );
}

#[test]
fn generated() {
    check("//3rdparty:reqs#flask", "x", "//3rdparty:reqs#flask Generated(\"flask\")");
    check("//3rdparty#flask", "x", "//3rdparty:3rdparty#flask Generated(\"flask\")");
    check(":reqs#a", "x", "//x:reqs#a Generated(\"a\")");
    check("//a.b:reqs#flask", "x", "//a.b:reqs#flask Generated(\"flask\")");
    check(":reqs#", "x", "7: the name after `#` is missing");
    check(":reqs#a b", "x", "8: the character ` ` is not allowed");
}

#[test]
fn wrong() {
    check("", "x", "1: it is empty");
    check(":", "x", "2: the name of the target is missing");
    check("//", "x", "3: the name of the target is missing");
    check("//svc:", "x", "7: the name of the target is missing");
    check("/svc:app", "x", "1: expected `//` or a path relative to the root, found one `/`");
    check("//a//b:c", "x", "5: a directory has an empty name");
    check("//a/:c", "x", "5: a directory has an empty name");
    check("//a/../b:c", "x", "5: `.` and `..` are not allowed in the directory");
    check("//é:a b", "x", "6: the character ` ` is not allowed");
    check("//a:b:c", "x", "6: the character `:` is not allowed");
    check("//a:b/c", "x", "6: the character `/` is not allowed");
    check("//a*:b", "x", "4: the character `*` is not allowed");
}

#[track_caller]
fn pattern(text: &str, expected: &Result<Pattern, u32>) {
    let is_file = |path: &str| path == "svc/app.py" || path == "README";
    let found = Pattern::parse(text, is_file).map_err(|error| error.column);
    assert_eq!(&found, expected, "{text}");
}

#[test]
fn patterns() {
    let label = |text| Ok(Pattern::Label(Label::parse(text, "").expect("a label")));
    let below = |text: &str| Ok(Pattern::Below(text.to_owned()));
    let directory = |text: &str| Ok(Pattern::Directory(text.to_owned()));
    let file = |text: &str| Ok(Pattern::File(text.to_owned()));
    for text in ["//svc/...", "svc/...", "svc::", "//svc::", "./svc::", "svc/::"] {
        pattern(text, &below("svc"));
    }
    for text in ["//...", "...", "::", "//::"] {
        pattern(text, &below(""));
    }
    for text in ["//svc:all", "svc:all", "svc:", "//svc:"] {
        pattern(text, &directory("svc"));
    }
    pattern(":", &directory(""));
    pattern("//:all", &directory(""));
    for text in ["svc/app.py", "./svc/app.py", "//svc/app.py"] {
        pattern(text, &file("svc/app.py"));
    }
    pattern("README", &file("README"));
    pattern("svc", &label("//svc:svc"));
    pattern("svc/", &label("//svc:svc"));
    pattern("./svc", &label("//svc:svc"));
    pattern("svc/other.py:lib", &label("//svc/other.py:lib"));
    pattern(":app", &label("//:app"));
    pattern("a//b::", &Err(3));
    pattern("../a::", &Err(1));
    pattern("./a b:c d", &Err(8));
}

fn segment() -> impl Strategy<Value = String> {
    "[a-z0-9_-]{1,4}(\\.[a-z0-9]{1,3})?"
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn what_is_printed_is_read_again(
        package in proptest::collection::vec(segment(), 0..3),
        name in segment(),
        file in proptest::collection::vec(segment(), 0..3),
        part in 0..3,
    ) {
        let whole = Label::new(package.join("/"), name);
        let label = match part {
            0 => whole,
            1 => whole.with_generated("x.y"),
            _ => whole.with_file(format!("{}a.py", file.iter().map(|part| format!("{part}/")).collect::<String>())),
        };
        let text = label.to_string();
        let read = Label::parse(&text, "elsewhere").expect("it was printed");
        // A target in a directory that looks like a file is read as that file, and `lookup` tries the other reading.
        let looks_like_a_file = label.package().rsplit('/').next().is_some_and(|last| last.contains('.'));
        if looks_like_a_file && *label.part() == Part::Whole {
            prop_assert_eq!(&Label::parse(&read.to_string(), "elsewhere").expect("it was printed"), &read);
        } else {
            prop_assert_eq!(&read, &label);
        }
        let json = serde_json::to_string(&label).expect("a string");
        prop_assert_eq!(serde_json::from_str::<Label>(&json).expect("a label"), read);
    }

    #[test]
    fn no_text_is_too_strange(text in "\\PC{0,20}", package in "[a-z/]{0,5}") {
        let _ = Label::parse(&text, &package).map(|label| label.to_string());
        let _ = Pattern::parse(&text, |_| false).map(|pattern| pattern.to_string());
    }
}

//! What formatting and editing do to texts, and what they leave.

use proptest::prelude::*;

use super::{Edit, NewCall, Style, append, edit, format};

fn check(text: &str, expect: &str) {
    let style = Style::of([("svc", text)]);
    let formatted = format("BUILD", text, &style).unwrap();
    assert_eq!(formatted, expect);
    assert_eq!(format("BUILD", &formatted, &style).unwrap(), formatted, "it is not stable");
}

#[test]
fn calls_are_on_one_line_or_have_one_for_each_argument() {
    check("python_library( )\n", "python_library()\n");
    check("python_library(name = \"a\",)", "python_library(name = \"a\")\n");
    check(
        "python_library(\n  name = \"a\", sources = [\"b.py\"])",
        "python_library(\n  name = \"a\",\n  sources = [\"b.py\"],\n)\n",
    );
    let long = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    check(
        &format!("python_library(name = \"{long}\", sources = [\"b.py\", \"c.py\"])\n"),
        &format!("python_library(\n    name = \"{long}\",\n    sources = [\"b.py\", \"c.py\"],\n)\n"),
    );
    check(
        &format!("python_library(sources = glob([\"{long}\", \"{long}\"]) + [\"a.py\"])\n"),
        &format!(
            "python_library(\n    sources = glob([\n        \"{long}\",\n        \"{long}\",\n    ]) + [\"a.py\"],\n)\n"
        ),
    );
}

#[test]
fn the_style_is_that_of_the_file() {
    check("a(b=1)\na(b = 2, c=3)\n", "a(b=1)\na(b=2, c=3)\n");
    check("a('b', 'c', 'e', \"d\", \"it's\")\n", "a('b', 'c', 'e', 'd', \"it's\")\n");
}

#[test]
fn dependencies_are_sorted_unless_comments_hold_them() {
    check(
        "a(dependencies = [\"//z\", \":b\", \"!//c\", \":a\", \"//a:b\", \"//a/c\"])\n",
        "a(dependencies = [\":a\", \":b\", \"//a:b\", \"//a/c\", \"//z\", \"!//c\"])\n",
    );
    check("a(sources = [\"b\", \"a\"])\n", "a(sources = [\"b\", \"a\"])\n");
    let held = "a(dependencies = [\n    # First.\n    \"//z\",\n    \"//a\",  # Why.\n])\n";
    check(
        held,
        "a(\n    dependencies = [\n        # First.\n        \"//z\",\n        \"//a\",  # Why.\n    ],\n)\n",
    );
}

#[test]
fn comments_stay_where_they_are() {
    check(
        "# Top.\n\n\n# Of a.\na(  # Behind the bracket.\n    b = 1,  # Of b.\n    # Of c.\n    c = 2\n    # End.\n)  # After.\n# Last.\n",
        "# Top.\n\n# Of a.\na(  # Behind the bracket.\n    b = 1,  # Of b.\n    # Of c.\n    c = 2,\n    # End.\n)  # After.\n# Last.\n",
    );
    check("a(b = [\n    # Nothing.\n])\n", "a(\n    b = [\n        # Nothing.\n    ],\n)\n");
    check(
        "a(b = [\n    \"c\",\n\n    # Others.\n    \"d\",\n])\n",
        "a(\n    b = [\n        \"c\",\n\n        # Others.\n        \"d\",\n    ],\n)\n",
    );
}

#[test]
fn blocks_and_what_is_unusual_stay_as_written() {
    let text = "def f(x):\n    # Inside.\n    return [ x ]\n    # Still inside.\n\n\na(b = [x  for x in y if x], **d)\n";
    check(text, text);
    check("a(b = (1\n    + 2), **c)\n", "a(\n    b = (1\n    + 2),\n    **c,\n)\n");
    check("a(b); c(d)\n", "a(b); c(d)\n");
    check("X  =  [1,2 , 3]\n", "X = [1, 2, 3]\n");
    check("a(b = ('c'  'd'))\n", "a(b = ('c'  'd'))\n");
    check("a(b = (1,), c = {'x':1})\n", "a(b = (1,), c = {'x': 1})\n");
}

#[test]
fn calls_of_several_lines_stand_free() {
    check(
        "a(\n    b = 1)\n# Of c.\nc()\nd()\n\n\n\ne()\n",
        "a(\n    b = 1,\n)\n\n# Of c.\nc()\nd()\n\ne()\n",
    );
}

#[test]
fn what_is_no_build_file_is_refused() {
    let error = format("svc/BUILD", "a(\n", &Style::default()).unwrap_err();
    assert_eq!((error.code(), error.place().map(|place| place.line)), ("loader::syntax", Some(2)));
    let deep = "(".repeat(5000);
    assert_eq!(format("BUILD", &deep, &Style::default()).unwrap_err().code(), "loader::nesting");
}

#[test]
fn calls_are_added_at_the_end() {
    let call = |fields: &[(&str, &str)]| NewCall {
        rule: "python_library".to_owned(),
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect(),
    };
    let text = append(
        "# Ours.\na()\n\n",
        &[call(&[]), call(&[("name", "x"), ("source", "a\"b")])],
        &Style::default(),
    );
    assert_eq!(
        text.unwrap(),
        "# Ours.\na()\n\npython_library()\n\npython_library(\n    name = \"x\",\n    source = \"a\\\"b\",\n)\n"
    );
}

fn check_edit(text: &str, change: &Edit, expect: &str) {
    let edited = edit(("BUILD", text), (1, 1), &["dependencies"], change, &Style::default());
    assert_eq!(edited.unwrap_or_else(|error| error.to_string()), expect);
}

#[test]
fn items_are_added_to_the_list_as_it_is_written() {
    let add = Edit::Add(":x".to_owned());
    for (text, expect) in [
        ("python_library()", "python_library(dependencies = [\":x\"])"),
        ("python_library(name = \"a\")", "python_library(name = \"a\", dependencies = [\":x\"])"),
        ("python_library(dependencies=[])", "python_library(dependencies=[\":x\"])"),
        ("python_library(dependencies=[\"a\"])", "python_library(dependencies=[\"a\", \":x\"])"),
        ("python_library(dependencies=[\"a\",])", "python_library(dependencies=[\"a\", \":x\"])"),
        (
            "python_library(\n  dependencies=[\n    \"a\"  # Why.\n  ],\n)",
            "python_library(\n  dependencies=[\n    \"a\",  # Why.\n    \":x\",\n  ],\n)",
        ),
        ("python_library(\n  name=\"a\"\n)", "python_library(\n  name=\"a\",\n  dependencies = [\":x\"],\n)"),
        ("python_library(dependencies=X)", "`dependencies` is no list that is written out"),
        ("service(dependencies=[])", "`service` makes the target, and not a call of its rule"),
    ] {
        check_edit(text, &add, expect);
    }
}

#[test]
fn items_are_taken_away_with_their_lines() {
    let remove = Edit::Remove(vec![":x".to_owned()]);
    for (text, expect) in [
        ("python_library(dependencies=[\":x\"])", "python_library(dependencies=[])"),
        ("python_library(dependencies=[\":x\", \"a\"])", "python_library(dependencies=[\"a\"])"),
        ("python_library(dependencies=[\"a\", \":x\"])", "python_library(dependencies=[\"a\"])"),
        (
            "python_library(dependencies=[\n    \"a\",\n    \":x\",  # Why.\n    \"b\",\n])",
            "python_library(dependencies=[\n    \"a\",\n    \"b\",\n])",
        ),
    ] {
        check_edit(text, &remove, expect);
    }
}

/// Texts of BUILD files: nested calls and lists, with comments, breaks and free lines anywhere.
fn build_file() -> impl Strategy<Value = String> {
    let gap = prop_oneof![
        4 => Just(String::new()),
        2 => Just(" ".to_owned()),
        1 => Just("\n".to_owned()),
        1 => Just("\n\n  ".to_owned()),
        1 => "[a-z]{1,5}".prop_map(|word| format!(" # {word}\n")),
        1 => "[a-z]{1,5}".prop_map(|word| format!("\n  # {word}\n")),
    ];
    let leaf = prop_oneof![
        "[a-z:/!]{1,12}".prop_map(|word| format!("\"{word}\"")),
        "[a-z/]{1,40}".prop_map(|word| format!("'{word}'")),
        Just("True".to_owned()),
        Just("7".to_owned()),
        Just("[x for x in [1, 2]]".to_owned()),
        Just("(\"a\"\n  \"b\")".to_owned()),
        Just("\"\"\"a\nb\"\"\"".to_owned()),
        Just("(1)".to_owned()),
    ];
    let gaps = gap.clone();
    let value = leaf.prop_recursive(3, 20, 5, move |inner| {
        let list = |open: &'static str, close: &'static str| {
            let items = prop::collection::vec((gaps.clone(), inner.clone(), gaps.clone()), 0..5);
            (items, gaps.clone()).prop_map(move |(items, end)| {
                let items: String = items.into_iter().map(|(a, item, b)| format!("{a}{item}{b},")).collect();
                format!("{open}{items}{end}{close}")
            })
        };
        let sum = (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} + {right}"));
        let entry = (inner.clone(), gaps.clone()).prop_map(|(value, gap)| format!("{{\"k\":{gap}{value}}}"));
        prop_oneof![list("[", "]"), list("glob(", ")"), list("(", ")"), sum, entry]
    });
    let argument = (prop_oneof![Just("dependencies"), Just("name"), Just("x")], value.clone());
    let arguments = prop::collection::vec((gap.clone(), argument, gap.clone()), 0..4);
    let call = (arguments, gap).prop_map(|(arguments, end)| {
        let text: String = arguments
            .into_iter()
            .enumerate()
            .map(|(index, (a, (name, value), b))| format!("{a}{name}{index}={value}{b},"))
            .collect();
        format!("rule({}{end})", text.replace("dependencies0", "dependencies"))
    });
    let statement = prop_oneof![
        4 => call,
        1 => value.prop_map(|value| format!("X = {value}")),
        1 => Just("def f(x):\n    return x\n    # inside".to_owned()),
        1 => Just("# alone".to_owned()),
        1 => Just("a();b()".to_owned()),
    ];
    let between = prop_oneof![Just("\n"), Just("\n\n\n"), Just("  # behind\n"), Just("\n# above\n")];
    prop::collection::vec((statement, between), 0..6)
        .prop_map(|all| all.into_iter().map(|(text, end)| format!("{text}{end}")).collect())
}

proptest! {
    /// Whether it means the same is also asked by `format` itself, which would fail.
    #[test]
    fn formatting_is_stable_and_loses_no_comment(text in build_file(), spaced: bool) {
        let mut style = Style::default();
        style.spaced = spaced;
        let formatted = format("BUILD", &text, &style).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let again = format("BUILD", &formatted, &style).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&formatted, &again);
        let comments = |text: &str| text.matches('#').count();
        prop_assert_eq!(comments(&text), comments(&formatted));
    }
}

//! What is rewritten, and where the parts of it were.

use super::{MixedTabs, translate};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(translate(text.to_owned()).expect("no mixed tabs").text, expected);
}

/// The line, column and width that a part of the new text has in the old one.
#[track_caller]
fn check_place(text: &str, part: &str, expected: (u32, u32, u32)) {
    let translated = translate(text.to_owned()).expect("no mixed tabs");
    let start = translated.text.find(part).expect("it is there");
    let origin = translated.origin.expect("it was rewritten");
    let place = origin.place(&"BUILD".into(), start, start + part.len());
    assert_eq!((place.line, place.column, place.width), expected);
}

#[test]
fn starlark_stays_as_it_is() {
    for text in [
        "f(a = [1, 2], b = {\"c\": 3}, *x, **y)\n",
        "def f(a, *args, **kwargs):\n    return {k: v for k, v in x.items()}\n",
        "x = lambda *a, b = 1, **c: {}\ny = [lambda a, *b: 1]\nz = a[1:2] * 3\n",
        "'''a''' # {\"b\" 'c'}\n\"d\"\n",
        "x = \"\\\"\" if (1) else f\"{{}} {d[\"key\"]} {x}\"\n",
        "load(\"//a.bzl\", \"b\")\n",
    ] {
        check(text, text);
    }
}

#[test]
fn sets_and_generators() {
    check("x = {1, 2}", "x = set([1, 2])");
    check("x = {'a',\n # b: c\n }", "x = set(['a',\n # b: c\n ])");
    check("{x for x in y}", "set([x for x in y])");
    check("{x: 1 for x in y}", "{x: 1 for x in y}");
    check("{lambda a: 1}", "set([lambda a: 1])");
    check("{}", "{}");
    check("tuple(a for a in b)", "tuple([a for a in b])");
    check("x = (a for a in (b))", "x = ([a for a in (b)])");
    check("{*a, 1}", "set((list(a) + [1, ]))");
}

#[test]
fn strings_beside_each_other() {
    check("x = 'a' 'b'", "x = \"\".join(['a', 'b'])");
    check("f('a' # b\n  \"c\", 'd')", "f(\"\".join(['a', # b\n  \"c\"]), 'd')");
    check("f'{a}' u'b'", "\"\".join([f'{a}', 'b'])");
    check("'a'\n'b'\n", "'a'\n'b'\n");
    check("x = 'a' \\\n 'b'", "x = \"\".join(['a', \\\n 'b'])");
    check("u'a'", "'a'");
}

#[test]
fn stars() {
    check("[*a, 1, 2, *b]", "(list(a) + [1, 2, ] + list(b))");
    check("[1, *a, 2]", "([1, ] + list(a) + [2, ])");
    check("x = (*a, 1)", "x = tuple((list(a) + [1, ]))");
    check("x = {**a, 'b': 1, **c}", "x = (dict(a) | {'b': 1} | dict(c))");
    check("f(*a, **b)", "f(*a, **b)");
    check("f(1, **a, b = {2}, **c)", "f(1, b = set([2]), **(dict(a) | dict(c)))");
    check("f(a=1,**parametrize('x'))", "f(a=1,**__parametrize_group__('x'))");
    check(
        "f(**parametrize('x'), **parametrize('y'),)",
        "f(**(dict(__parametrize_group__('x')) | dict(__parametrize_group__('y'))))",
    );
    check("f(r=parametrize('x'))", "f(r=parametrize('x'))");
}

#[test]
fn tabs() {
    check("if 1:\n\tf(\n\t  'a\tb')\n", "if 1:\n f(\n   'a\tb')\n");
    assert_eq!(translate("if 1:\n\tx\n  y\n".to_owned()), Err(MixedTabs(11)));
}

#[test]
fn places_are_those_of_the_file() {
    let text = "a({1, 2})\nb(\"c\" \"dé\", [*e,\n  fgh])\n";
    check_place(text, "set([1, 2])", (1, 3, 6));
    check_place(text, "\"\".join([\"c\", \"dé\"])", (2, 3, 8));
    check_place(text, "fgh", (3, 3, 3));
    check_place(text, "list(e)", (2, 14, 2));
}

#[test]
fn what_has_no_end_stays() {
    for text in ["{1", "'a' 'b", "(]", "f'{x'", "\\"] {
        assert_eq!(translate(text.to_owned()).map(|translated| translated.origin), Ok(None), "{text}");
    }
}

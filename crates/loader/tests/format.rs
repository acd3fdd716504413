//! A BUILD file that is formatted evaluates to the same targets.

mod common;

use graph::{Target, Value};
use loader::text::{Style, format};
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;

/// What targets say, without where it is written. The order of dependencies means nothing.
fn said(targets: &[Target]) -> Vec<String> {
    let field = |name: &str, value: &Value| {
        let mut value = value.clone();
        if let (true, Value::List(items)) = (name == "dependencies", &mut value) {
            items.sort_by_key(|item| format!("{item:?}"));
        }
        format!("{name}={value:?}")
    };
    let target = |target: &Target| {
        let fields = target.fields.iter().map(|one| field(one.name, &one.value)).collect::<Vec<_>>();
        format!("{} {} {fields:?} {:?}", target.rule.name, target.label, target.sources)
    };
    targets.iter().map(target).collect()
}

fn same(text: &str) -> Result<(), String> {
    let files = |text| [("svc/BUILD", text), ("svc/a.py", ""), ("svc/b.py", ""), ("svc/r.txt", "")];
    let before = common::loaded(&files(text));
    if !before.errors.is_empty() {
        return Err(format!("{:?} for {text}", before.errors));
    }
    let formatted =
        format("svc/BUILD", text, &Style::of([("svc", text)])).map_err(|error| error.to_string())?;
    let after = common::loaded(&files(&formatted));
    if said(&before.targets) == said(&after.targets) && after.errors.is_empty() {
        Ok(())
    } else {
        Err(format!("{text}\nbecame\n{formatted}\n{:?}", after.errors))
    }
}

/// Spaces, line breaks and comments, as brackets allow them.
fn gap() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        2 => Just(" ".to_owned()),
        1 => Just("\n".to_owned()),
        1 => Just("\n\n   ".to_owned()),
        1 => "[ -~]{0,9}".prop_map(|text| format!(" # {text}\n")),
        1 => "[ -~]{0,9}".prop_map(|text| format!("\n    # {text}\n  ")),
    ]
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,20}".prop_map(|text| format!("\"{text}\"")),
        "[a-z]{1,60}".prop_map(|text| format!("'{text}'")),
        "[a-z]{1,9}".prop_map(|text| format!("'{text}\"'")),
        "[a-z]{1,9}".prop_map(|text| format!("\"\"\"{text}\n'{text}'\"\"\"")),
        "[a-z]{1,9}".prop_map(|text| format!("(\"{text}\" + '{text}')")),
        "[a-z]{1,9}".prop_map(|text| format!("r\"{text}\\d\"")),
    ]
}

fn list(item: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let items = proptest::collection::vec((gap(), item, gap()), 0..5);
    (items, gap()).prop_map(|(items, end)| {
        let items = items.into_iter().map(|(before, item, behind)| format!("{before}{item}{behind},"));
        format!("[{}{end}]", items.collect::<String>())
    })
}

fn label() -> impl Strategy<Value = String> {
    prop_oneof!["//[a-z]{1,9}:[a-z]{1,9}", ":[a-z]{1,9}"].prop_map(|text| format!("\"{text}\""))
}

fn build_file() -> impl Strategy<Value = String> {
    let sources = prop_oneof![
        list(prop_oneof![Just("\"a.py\"".to_owned()), Just("'*.py'".to_owned())]),
        list(Just("\"*.py\"".to_owned())).prop_map(|list| format!("glob({list})")),
        list(Just("'a.py'".to_owned())).prop_map(|list| format!("{list} + ['b.py']")),
    ];
    let tags = prop_oneof![
        list(string()),
        list(string()).prop_map(|list| format!("[tag + \"x\" for tag in {list}]")),
        list(string()).prop_map(|list| format!("TAGS + {list}")),
    ];
    let call = (gap(), sources, gap(), list(label()), gap(), tags, gap(), string());
    let calls = proptest::collection::vec(call, 0..4);
    calls.prop_map(|calls| {
        let call = |(index, (a, sources, b, labels, c, tags, d, text)): (usize, (_, _, _, _, _, _, _, _))| {
            let (a, b, c, d): (String, String, String, String) = (a, b, c, d);
            let (sources, labels, tags, text): (String, String, String, String) =
                (sources, labels, tags, text);
            format!(
                "python_library({a}name = \"t{index}\",sources= {sources}{b},dependencies ={labels},{c}\
                 tags={tags},{d}description={text})\n"
            )
        };
        let calls: String = calls.into_iter().enumerate().map(call).collect();
        format!("# Tags.\nTAGS = ['a' , \"b\"]  # Two.\n{calls}")
    })
}

#[test]
fn the_example_says_the_same() {
    let example = include_str!("../../../BUILD.example");
    let style = Style::of([("", example)]);
    let formatted = format("BUILD", example, &style).expect("it is a BUILD file");
    assert_eq!(format("BUILD", &formatted, &style).expect("it is one still"), formatted);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn targets_stay_the_same(text in build_file()) {
        same(&text).map_err(TestCaseError::fail)?;
    }
}

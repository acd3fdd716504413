//! Reports of pytest in the form of JUnit: what they count, and one of several tries. They are read as what pytest writes,
//! whose attributes and texts have no `<` and no `>` of their own.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a test of a report begins, and ends where something is in it.
const START: &str = "<testcase ";
const END: &str = "</testcase>";

/// How many tests a report tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) tests: u64,
    pub(super) failures: u64,
    pub(super) errors: u64,
    pub(super) skipped: u64,
}

impl Counts {
    /// Those of the first suite of a report; pytest writes one.
    pub(super) fn read(xml: &str) -> Counts {
        let head =
            xml.split("<testsuite ").nth(1).and_then(|rest| rest.split('>').next()).unwrap_or_default();
        let of = |name| attribute(head, name).and_then(|text| text.parse().ok()).unwrap_or_default();
        Counts { tests: of("tests"), failures: of("failures"), errors: of("errors"), skipped: of("skipped") }
    }

    fn passed(&self) -> u64 {
        self.tests.saturating_sub(self.failures + self.errors + self.skipped)
    }

    /// The words for people.
    pub(super) fn text(&self) -> String {
        let counts = [
            (self.failures, "failed"),
            (self.errors, "with errors"),
            (self.passed(), "passed"),
            (self.skipped, "skipped"),
        ];
        let told: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if told.is_empty() { "no tests".to_owned() } else { told.join(", ") }
    }
}

/// The value of an attribute, as it is written.
fn attribute<'x>(head: &'x str, name: &str) -> Option<&'x str> {
    head.split(&format!(" {name}=\""))
        .nth(1)
        .or_else(|| head.strip_prefix(&format!("{name}=\"")))?
        .split('"')
        .next()
}

/// The report of a file whose tests left none: one error.
pub(super) fn without_report(path: &str, duration: Duration, message: &str, said: &str) -> String {
    let seconds = duration.as_secs_f64();
    let (name, message, said) = (escaped(path), escaped(message), escaped(said));
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites name=\"pytest tests\"><testsuite name=\"pytest\" errors=\"1\" \
         failures=\"0\" skipped=\"0\" tests=\"1\" time=\"{seconds:.3}\"><testcase classname=\"\" name=\"{name}\" \
         time=\"{seconds:.3}\"><error message=\"{message}\">{said}</error></testcase></testsuite></testsuites>"
    )
}

/// A text without what XML cannot have, and what means something in it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(c),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// One test of a report.
struct Case<'x> {
    /// Its attributes.
    head: &'x str,
    /// What is in it.
    body: &'x str,
    /// From where to where it is.
    range: (usize, usize),
}

impl Case<'_> {
    /// What tells it from the others.
    fn name(&self) -> (&str, &str) {
        let of = |name| attribute(self.head, name).unwrap_or_default();
        (of("classname"), of("name"))
    }
}

/// The tests of a report.
fn cases(xml: &str) -> Vec<Case<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(begin) = xml[at..].find(START).map(|begin| at + begin) {
        let Some(close) = xml[begin..].find('>').map(|close| begin + close) else { break };
        let head = &xml[begin + START.len()..close];
        let (head, body, end) = match head.strip_suffix('/') {
            Some(head) => (head, "", close + 1),
            None => {
                let Some(end) = xml[close..].find(END).map(|end| close + end) else { break };
                (head, &xml[close + 1..end], end + END.len())
            }
        };
        found.push(Case { head: head.trim_end(), body, range: (begin, end) });
        at = end;
    }
    found
}

/// The failures and errors in a test, named as those of an earlier try: of one that passed in the end, or of one that did
/// not.
fn earlier(body: &str, passed: bool) -> String {
    let mut told = String::new();
    for (name, kind) in [("failure", "Failure"), ("error", "Error")] {
        let prefix = if passed { "flaky" } else { "rerun" };
        let (open, close) = (format!("<{name} "), format!("</{name}>"));
        for part in body.split(&open).skip(1) {
            let Some((inner, _)) = part.split_once(&close) else { continue };
            let _ = write!(told, "<{prefix}{kind} {inner}</{prefix}{kind}>");
        }
    }
    told
}

/// The report of the last try, in which the failures of the tries before are told of the tests that they are of, in the
/// form that Maven's reports have.
pub(super) fn with_earlier(last: &str, before: &[String]) -> String {
    let mut text = last.to_owned();
    for report in before {
        for failed in cases(report) {
            let own = cases(&text).into_iter().find(|case| case.name() == failed.name());
            let passed = own.as_ref().is_none_or(|case| earlier(case.body, true).is_empty());
            let told = earlier(failed.body, passed);
            if told.is_empty() {
                continue;
            }
            let (range, case) = match own {
                Some(case) => (case.range, format!("<testcase {}>{}{told}</testcase>", case.head, case.body)),
                // It was not even found in the last try, or the other way round.
                None => {
                    let Some(end) = text.rfind("</testsuite>") else { continue };
                    ((end, end), format!("<testcase {}>{told}</testcase>", failed.head))
                }
            };
            text.replace_range(range.0..range.1, &case);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(numbers: &str, cases: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><testsuites><testsuite name=\"pytest\" {numbers} time=\"0.1\">{cases}</testsuite></testsuites>"
        )
    }

    #[test]
    fn what_reports_tell_of() {
        let check = |xml: &str, expect: &str| assert_eq!(Counts::read(xml).text(), expect, "{xml}");
        let suite = |numbers| suite(numbers, "<testcase/>");
        check(&suite("errors=\"0\" failures=\"0\" skipped=\"0\" tests=\"3\""), "3 passed");
        check(
            &suite("errors=\"1\" failures=\"2\" skipped=\"3\" tests=\"10\""),
            "2 failed, 1 with errors, 4 passed, 3 skipped",
        );
        check(&suite("errors=\"0\" failures=\"0\" skipped=\"0\" tests=\"0\""), "no tests");
        check("<html>", "no tests");
        let left = without_report("a/b_test.py", Duration::from_secs(2), "ended after 2 s", "a < b & \u{1}c");
        check(&left, "1 with errors");
        assert!(left.contains(">a &lt; b &amp; c</error>"), "{left}");
    }

    #[test]
    fn earlier_failures_are_told_of_their_tests() {
        let check = |last: &str, before: &[&str], expect: &str| {
            let before: Vec<String> = before.iter().map(|cases| suite("", cases)).collect();
            assert_eq!(with_earlier(&suite("", last), &before), suite("", expect));
        };
        let one = "<testcase classname=\"a\" name=\"one\" time=\"0.1\" />";
        let bad = "<testcase classname=\"a\" name=\"one\" time=\"0.2\"><failure message=\"m\">text</failure></testcase>";
        let two = "<testcase classname=\"a\" name=\"two\" time=\"0.1\"><skipped /></testcase>";
        check(&format!("{one}{two}"), &[&format!("{one}{two}")], &format!("{one}{two}"));
        check(
            &format!("{one}{two}"),
            &[bad, bad],
            &format!(
                "<testcase classname=\"a\" name=\"one\" time=\"0.1\"><flakyFailure message=\"m\">text</flakyFailure>\
                 <flakyFailure message=\"m\">text</flakyFailure></testcase>{two}"
            ),
        );
        check(
            bad,
            &[bad],
            "<testcase classname=\"a\" name=\"one\" time=\"0.2\"><failure message=\"m\">text</failure>\
             <rerunFailure message=\"m\">text</rerunFailure></testcase>",
        );
        check(
            two,
            &["<testcase classname=\"\" name=\"x\" time=\"0\"><error message=\"e\">t</error></testcase>"],
            &format!(
                "{two}<testcase classname=\"\" name=\"x\" time=\"0\"><flakyError message=\"e\">t</flakyError></testcase>"
            ),
        );
    }
}

//! Whether output is what a page says, and how it differs. `...` alone on a line stands for any lines, `[N]` for a number.

use crate::page::Example;

/// Stands for any number of lines.
const ANY_LINES: &str = "...";

/// Stands for one number.
const NUMBER: &str = "[N]";

/// One text for each command that printed something else.
pub(crate) fn differences(name: &str, examples: &[Example], outcomes: &[String]) -> Vec<String> {
    let wrong = examples.iter().zip(outcomes).filter(|(example, found)| !matches(&example.expected, found));
    let shown = wrong.map(|(example, found)| {
        let diff = diff(&example.expected, found);
        format!("testdata/{name}:{}: $ {}\n{diff}", example.line, example.command)
    });
    shown.collect()
}

/// Whether output is what is expected.
pub(crate) fn matches(expected: &str, found: &str) -> bool {
    let (expected, found): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    lines_match(&expected, &found)
}

fn lines_match(expected: &[&str], found: &[&str]) -> bool {
    match expected {
        [] => found.is_empty(),
        [ANY_LINES, rest @ ..] => (0..=found.len()).any(|skipped| lines_match(rest, &found[skipped..])),
        [line, rest @ ..] => {
            found.first().is_some_and(|first| line_matches(line, first)) && lines_match(rest, &found[1..])
        }
    }
}

fn line_matches(expected: &str, found: &str) -> bool {
    let Some((before, after)) = expected.split_once(NUMBER) else { return expected == found };
    let Some(rest) = found.strip_prefix(before) else { return false };
    let number = rest.len() - rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
    number > 0 && line_matches(after, &rest[number..])
}

/// The lines that both have, those that are missing (`-`) and those that are new (`+`).
fn diff(expected: &str, found: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    // The length of the longest common sequence of lines from each pair of positions on.
    let mut longest = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] = if line_matches(old[i], new[j]) {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut text) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        let (sign, line) = if i < old.len() && j < new.len() && line_matches(old[i], new[j]) {
            (i, j) = (i + 1, j + 1);
            (' ', new[j - 1])
        } else if j == new.len() || (i < old.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            i += 1;
            ('-', old[i - 1])
        } else {
            j += 1;
            ('+', new[j - 1])
        };
        text.push_str(&format!("  {sign} {line}\n"));
    }
    text
}

#[test]
fn wildcards_match() {
    let check = |expected: &str, found: &str, matching: bool| {
        assert_eq!(matches(expected, found), matching, "{expected:?} and {found:?}");
    };
    check("a\nb\n", "a\nb\n", true);
    check("a\n", "a\nb\n", false);
    check("a\n...\n", "a\nb\nc\n", true);
    check("...\nc\n", "a\nb\nc\n", true);
    check("...\nc\n", "c\n", true);
    check("...\nb\n", "a\nb\nc\n", false);
    check("[N] steps, [N] hits\n", "12 steps, 3 hits\n", true);
    check("[N] steps\n", "no steps\n", false);
    check("", "", true);
    check("", "a\n", false);
}

#[test]
fn a_difference_shows_what_is_missing_and_new() {
    assert_eq!(diff("a\nb\nc\n", "a\nx\nc\nd\n"), "    a\n  - b\n  + x\n    c\n  + d\n");
}

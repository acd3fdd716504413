//! Takes out of output what differs from run to run: folders, durations, digests and which of the steps that ran at
//! once ended first. Knows nothing of pages.

use std::path::Path;

/// The least number of hexadecimal digits that is a digest.
const DIGEST: usize = 40;

/// How the line of a PEX that was assembled begins.
const ASSEMBLED: &str = "assemble ";

/// What to replace.
pub(crate) struct Redactions {
    folders: Vec<(String, &'static str)>,
}

impl Redactions {
    /// Each folder is shown by its name in brackets.
    pub(crate) fn new(folders: &[(&Path, &'static str)]) -> Redactions {
        let folders = folders.iter().map(|(path, name)| (path.display().to_string(), *name));
        Redactions { folders: folders.collect() }
    }

    /// The output as a page shows it: PEX files that were assembled one after the other are in order of name, and
    /// blanks at the ends of lines go, for editors remove them.
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (path, name) in &self.folders {
            text = text.replace(path, name);
        }
        let lines = text.lines().map(|line| seconds(&digests(line)).trim_end().to_owned() + "\n");
        let mut lines: Vec<String> = lines.collect();
        let both = |a: &String, b: &String| a.starts_with(ASSEMBLED) == b.starts_with(ASSEMBLED);
        for assembled in lines.chunk_by_mut(both).filter(|lines| lines[0].starts_with(ASSEMBLED)) {
            assembled.sort();
        }
        lines.concat()
    }
}

/// `1.25 s` is `[SECONDS] s`, and so is the member of a report.
fn seconds(line: &str) -> String {
    let is_number = |word: &str| word.contains('.') && word.parse::<f64>().is_ok();
    let (start, words) = match line.split_once("\"seconds\": ") {
        Some((start, number)) if is_number(number.trim_end_matches(',')) => {
            let comma = if number.ends_with(',') { "," } else { "" };
            return format!("{start}\"seconds\": [SECONDS]{comma}");
        }
        _ => ("", line.split(' ').collect::<Vec<_>>()),
    };
    let redacted = words.iter().enumerate().map(|(index, word)| {
        let unit =
            words.get(index + 1).is_some_and(|next| next.trim_end_matches([',', ')', ':', ';']) == "s");
        if unit && is_number(word) { "[SECONDS]" } else { word }
    });
    start.to_owned() + &redacted.collect::<Vec<_>>().join(" ")
}

/// Long runs of hexadecimal digits are `[HASH]`.
fn digests(line: &str) -> String {
    let (mut text, mut run) = (String::new(), String::new());
    for letter in line.chars().chain(['\n']) {
        if letter.is_ascii_digit() || ('a'..='f').contains(&letter) {
            run.push(letter);
            continue;
        }
        text.push_str(if run.len() >= DIGEST { "[HASH]" } else { &run });
        run.clear();
        text.push(letter);
    }
    text.pop();
    text
}

#[test]
fn what_differs_is_replaced() {
    let redactions = Redactions::new(&[(Path::new("/tmp/r"), "[ROOT]")]);
    let check = |given: &str, expected: &str| assert_eq!(redactions.apply(given), format!("{expected}\n"));
    check("4 steps run, in 0.25 s", "4 steps run, in [SECONDS] s");
    check("(1.5 s, 2 of 3)  ", "(1.5 s, 2 of 3)");
    check("  \"seconds\": 0.00123", "  \"seconds\": [SECONDS]");
    check("at /tmp/r/BUILD:1", "at [ROOT]/BUILD:1");
    check(&format!("\"{}\",", "0f".repeat(32)), "\"[HASH]\",");
    check("deadbeef", "deadbeef");
    check("b\nassemble b\nassemble a\na", "b\nassemble a\nassemble b\na");
}

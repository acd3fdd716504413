//! What tools say of files, out of their many forms into one.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Tool, ToolOutput};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The goal fails for it.
    Error,
    /// Somebody should know.
    Warning,
    /// It belongs to the finding before.
    Note,
}

/// Something that a tool found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the root of the repository.
    pub path: String,
    /// From 1 on; 0 where it is about the whole file.
    pub line: u64,
    /// From 1 on; 0 where it is about the whole line.
    pub column: u64,
    /// How much it matters.
    pub level: Level,
    /// The name that the tool has for such findings; empty where it has none.
    pub code: String,
    /// What it is.
    pub message: String,
}

/// What a tool found in some files by what it said, and the lines that are about no file. What cannot be read at all is all
/// lines.
pub fn findings(tool: &Tool, said: &str, files: &BTreeSet<&str>) -> (Vec<Finding>, Vec<String>) {
    let read = match tool.output {
        ToolOutput::Text => return of_lines(said, files, &text),
        ToolOutput::Mypy => return of_lines(said, files, &mypy),
        ToolOutput::Ruff => of_json(said, "", &ruff),
        ToolOutput::Pyright => of_json(said, "/generalDiagnostics", &pyright),
        ToolOutput::Bandit => of_json(said, "/results", &bandit),
    };
    let Some(mut found) = read else { return (Vec::new(), lines(said).map(ToOwned::to_owned).collect()) };
    for one in &mut found {
        one.path = below_root(&one.path, files).to_owned();
    }
    (found, Vec::new())
}

fn lines(said: &str) -> impl Iterator<Item = &str> {
    said.lines().filter(|line| !line.trim().is_empty())
}

/// A path as the repository has it: a tool may tell where its sandbox is.
fn below_root<'p>(path: &'p str, files: &BTreeSet<&str>) -> &'p str {
    let path = path.strip_prefix("./").unwrap_or(path);
    let starts = path.match_indices('/').map(|(at, _)| at + 1);
    let inner = starts.map(|start| &path[start..]).find(|inner| files.contains(inner));
    if files.contains(path) { path } else { inner.unwrap_or(path) }
}

type OfLine = dyn Fn(&str) -> (Level, String, String);

fn of_lines(said: &str, files: &BTreeSet<&str>, read: &OfLine) -> (Vec<Finding>, Vec<String>) {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for line in lines(said) {
        match placed(line, files) {
            Some((path, line, column, rest)) => {
                let (level, code, message) = read(rest);
                found.push(Finding { path: path.to_owned(), line, column, level, code, message });
            }
            None => others.push(line.to_owned()),
        }
    }
    (found, others)
}

/// The parts of `path:line:column: rest`, of which the column, or both numbers, may be missing.
fn placed<'l>(text: &'l str, files: &BTreeSet<&str>) -> Option<(&'l str, u64, u64, &'l str)> {
    let (path, mut rest) = text.split_once(':')?;
    let path = below_root(path, files);
    if !files.contains(path) {
        return None;
    }
    let mut numbers = [0, 0];
    for number in &mut numbers {
        let Some((digits, after)) = rest.split_once(':') else { break };
        let Ok(read) = digits.trim().parse() else { break };
        (*number, rest) = (read, after);
    }
    let [line, column] = numbers;
    Some((path, line, column, rest.trim()))
}

/// `code message`, where the first word looks like a code.
fn text(rest: &str) -> (Level, String, String) {
    let (first, message) = rest.split_once(' ').unwrap_or((rest, ""));
    let word = first.trim_end_matches(':');
    let is_code = word.starts_with(|letter: char| letter.is_ascii_uppercase())
        && word.ends_with(|letter: char| letter.is_ascii_digit())
        && word.chars().all(|letter| letter.is_ascii_alphanumeric());
    match is_code {
        true => (Level::Error, word.to_owned(), message.trim().to_owned()),
        false => (Level::Error, String::new(), rest.to_owned()),
    }
}

/// `error: message  [code]`.
fn mypy(rest: &str) -> (Level, String, String) {
    let (level, message) = match rest.split_once(": ") {
        Some(("error", message)) => (Level::Error, message),
        Some(("note", message)) => (Level::Note, message),
        Some(("warning", message)) => (Level::Warning, message),
        _ => (Level::Error, rest),
    };
    let split = message.strip_suffix(']').and_then(|message| message.rsplit_once("  ["));
    let (message, code) = split.unwrap_or((message, ""));
    (level, code.to_owned(), message.trim().to_owned())
}

fn of_json(said: &str, at: &str, read: &dyn Fn(&Value) -> Option<Finding>) -> Option<Vec<Finding>> {
    // Some say a word before it.
    let start = said.find(['[', '{'])?;
    let value: Value = serde_json::from_str(&said[start..]).ok()?;
    value.pointer(at)?.as_array()?.iter().map(read).collect()
}

fn string(value: &Value, at: &str) -> String {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(value: &Value, at: &str) -> u64 {
    value.pointer(at).and_then(Value::as_u64).unwrap_or_default()
}

fn ruff(value: &Value) -> Option<Finding> {
    let path = value.get("filename")?.as_str()?.to_owned();
    Some(Finding {
        path,
        line: number(value, "/location/row"),
        column: number(value, "/location/column"),
        level: Level::Error,
        code: string(value, "/code"),
        message: string(value, "/message"),
    })
}

fn pyright(value: &Value) -> Option<Finding> {
    let path = value.get("file")?.as_str()?.to_owned();
    // It counts from 0 on, and says nothing of where it is where it is about the file.
    let from_one =
        |at: &str| value.pointer(at).and_then(Value::as_u64).map_or(0, |number| number.saturating_add(1));
    let level = match value.get("severity")?.as_str()? {
        "error" => Level::Error,
        "warning" => Level::Warning,
        _ => Level::Note,
    };
    Some(Finding {
        path,
        line: from_one("/range/start/line"),
        column: from_one("/range/start/character"),
        level,
        code: string(value, "/rule"),
        message: string(value, "/message"),
    })
}

fn bandit(value: &Value) -> Option<Finding> {
    let path = value.get("filename")?.as_str()?.to_owned();
    Some(Finding {
        path,
        line: number(value, "/line_number"),
        column: value.get("col_offset").and_then(Value::as_u64).map_or(0, |offset| offset.saturating_add(1)),
        level: Level::Error,
        code: string(value, "/test_id"),
        message: string(value, "/issue_text"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::ToolGoal;

    #[track_caller]
    fn check(output: ToolOutput, said: &str, expect: &[&str]) {
        let tool = Tool { output, ..Tool::new("tool", ToolGoal::Lint) };
        let files = BTreeSet::from(["a.py", "lib/a.py"]);
        let (found, others) = findings(&tool, said, &files);
        let shown = found.iter().map(|one| {
            let Finding { path, line, column, level, code, message } = one;
            format!("{path}:{line}:{column} {level:?} [{code}] {message}")
        });
        assert_eq!(shown.chain(others).collect::<Vec<_>>(), expect, "{said}");
    }

    #[test]
    fn lines_are_of_files_or_not() {
        let text = "lib/a.py:3:1: F401 'os' imported\n\n/x/y/lib/a.py:3: W1: late\n./a.py: bad: thing\nb.py:1:1: E1 x\n";
        check(
            ToolOutput::Text,
            text,
            &[
                "lib/a.py:3:1 Error [F401] 'os' imported",
                "lib/a.py:3:0 Error [W1] late",
                "a.py:0:0 Error [] bad: thing",
                "b.py:1:1: E1 x",
            ],
        );
        let mypy = "a.py:1:5: error: Bad [type]  [assignment]\na.py:1:5: note: See\nlib/a.py: error: Twice\nSuccess\n";
        check(
            ToolOutput::Mypy,
            mypy,
            &[
                "a.py:1:5 Error [assignment] Bad [type]",
                "a.py:1:5 Note [] See",
                "lib/a.py:0:0 Error [] Twice",
                "Success",
            ],
        );
    }

    #[test]
    fn json_is_read() {
        check(
            ToolOutput::Ruff,
            r#"[{"code": null, "filename": "/s/lib/a.py", "location": {"row": 2, "column": 3}, "message": "no"}]"#,
            &["lib/a.py:2:3 Error [] no"],
        );
        check(
            ToolOutput::Pyright,
            r#"note
{"generalDiagnostics": [{"file": "/s/a.py", "severity": "warning", "message": "m", "range": {"start": {"line": 0, "character": 4}}, "rule": "r"}]}"#,
            &["a.py:1:5 Warning [r] m"],
        );
        check(
            ToolOutput::Bandit,
            r#"{"errors": [], "results": [{"filename": "./a.py", "line_number": 7, "col_offset": 0, "test_id": "B101", "issue_text": "assert"}]}"#,
            &["a.py:7:1 Error [B101] assert"],
        );
        check(ToolOutput::Ruff, "[]", &[]);
        check(ToolOutput::Ruff, "no JSON\n", &["no JSON"]);
    }
}

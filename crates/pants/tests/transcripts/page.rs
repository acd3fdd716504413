//! A transcript as data: the commands of its `console` blocks with the output that follows each. Runs nothing.

use std::ops::Range;

/// A command and what it is said to print.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Example {
    /// The line of the page that the command is in, from 1.
    pub(crate) line: usize,
    /// What a shell gets; lines that start with `> ` continue it.
    pub(crate) command: String,
    /// The output, `[exit N]` included.
    pub(crate) expected: String,
    /// The lines of the output, from 0.
    lines: Range<usize>,
}

/// All commands of a page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) examples: Vec<Example>,
}

impl Page {
    /// Finds the commands. Fails with the line where a block starts with something else, or does not end.
    pub(crate) fn parse(text: &str) -> Result<Page, String> {
        let lines: Vec<&str> = text.lines().collect();
        let mut examples = Vec::new();
        let mut at = 0;
        while at < lines.len() {
            if lines[at] != "```console" {
                at += 1;
                continue;
            }
            let start = at + 1;
            let length = lines[start..].iter().position(|line| *line == "```");
            let end = start + length.ok_or_else(|| format!("line {}: the block does not end", at + 1))?;
            block(&lines, start..end, &mut examples)?;
            at = end + 1;
        }
        Ok(Page { examples })
    }

    /// The page with what was really printed, where that differs.
    pub(crate) fn with(&self, text: &str, outcomes: &[String]) -> String {
        let mut lines: Vec<&str> = text.lines().collect();
        for (example, outcome) in self.examples.iter().zip(outcomes).rev() {
            if !crate::compare::matches(&example.expected, outcome) {
                lines.splice(example.lines.clone(), outcome.lines());
            }
        }
        lines.join("\n") + "\n"
    }
}

/// The commands of one block.
fn block(lines: &[&str], range: Range<usize>, examples: &mut Vec<Example>) -> Result<(), String> {
    let mut at = range.start;
    while at < range.end {
        let Some(command) = lines[at].strip_prefix("$ ") else {
            return Err(format!("line {}: expected a command after `$ `", at + 1));
        };
        let line = at + 1;
        let mut command = command.to_owned();
        at += 1;
        while let Some(more) = lines[at].strip_prefix("> ").or((lines[at] == ">").then_some("")) {
            command.push('\n');
            command.push_str(more);
            at += 1;
        }
        let start = at;
        while at < range.end && !lines[at].starts_with("$ ") {
            at += 1;
        }
        let expected = lines[start..at].iter().map(|line| format!("{line}\n")).collect();
        examples.push(Example { line, command, expected, lines: start..at });
    }
    Ok(())
}

#[test]
fn commands_and_outputs_are_found() {
    let text = "# T\n\n```console\n$ a <<E\n> b\n> E\nx\n[exit 2]\n$ c\n```\n\n```\n$ no\n```\n";
    let page = Page::parse(text).unwrap();
    let found: Vec<_> =
        (page.examples.iter()).map(|one| (one.line, one.command.as_str(), one.expected.as_str())).collect();
    assert_eq!(found, [(4, "a <<E\nb\nE", "x\n[exit 2]\n"), (9, "c", "")]);
    let blessed = page.with(text, &["y\n".to_owned(), "z\n".to_owned()]);
    assert_eq!(blessed, text.replace("x\n[exit 2]\n", "y\n").replace("$ c\n", "$ c\nz\n"));
}

#[test]
fn broken_pages_are_refused() {
    assert_eq!(Page::parse("```console\nx\n```\n").unwrap_err(), "line 2: expected a command after `$ `");
    assert_eq!(Page::parse("```console\n$ x\n").unwrap_err(), "line 1: the block does not end");
}

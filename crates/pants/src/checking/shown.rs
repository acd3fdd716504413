//! What tools found, as people and programs read it.

use std::collections::BTreeSet;

use python::tools::{Finding, Level};
use serde_json::{Value, json};

use super::Work;
use super::found::{Found, OfTool};
use super::sarif::{annotations, sarif};
use crate::cli::{Form, Output};
use crate::diagnostic::{Diagnostic, Exit};
use crate::report::{Report, exit_of};
use crate::session::Session;
use crate::together::Planned;

/// Has the tools look at the files, and answer with what they found.
pub(crate) fn look<'a>(
    session: &'a Session<'a>,
    goal: &'static str,
    work: Work<'a>,
) -> Result<Planned<'a>, Vec<Diagnostic>> {
    work.planned(&python::look, move |work, ran| {
        let mut found = Found::default();
        let (report, told) =
            ran.take(session, &mut |batch, execution| found.add(session, &work.tools, batch, execution));
        session.console.diagnostics(told.err().unwrap_or_default());
        session.console.diagnostics(session.take_warnings());
        Ok(tell(session, goal, &found, &report))
    })
}

/// Answers with what was found.
fn tell(session: &Session<'_>, goal: &str, found: &Found, report: &Report) -> Exit {
    let console = session.console;
    let said = console.said();
    let exit = match exit_of(&said) {
        Exit::Done if found.is_wrong() => Exit::Failed,
        exit => exit,
    };
    match console.output {
        Output::Json => {
            let mut told = report.json(goal, exit, &said, session.start);
            told["tools"] = found.0.iter().map(|(name, one)| json(name, one)).collect();
            console.answer(&format!("{told:#}\n"));
        }
        Output::Text if console.form == Form::Sarif => {
            let log = sarif(found, exit_of(&said) == Exit::Done);
            console.answer(&format!("{log:#}\n"));
        }
        Output::Text => {
            console.answer(&lines(found));
            if console.annotates {
                console.message(annotations(found).trim_end());
            }
            if !console.quiet && !report.is_empty() {
                console.message(&report.summary(session.start));
            }
        }
    }
    exit
}

/// The findings of each tool, and a line for each tool after all of them.
fn lines(found: &Found) -> String {
    let mut text = String::new();
    for (name, one) in &found.0 {
        if !(one.findings.is_empty() && one.others.is_empty()) {
            text.push_str(&format!("{name}:\n"));
        }
        for line in one.findings.iter().map(line).chain(one.others.iter().cloned()) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    for (name, one) in &found.0 {
        let sign = if one.failed { '✗' } else { '✓' };
        let cached = if one.cached { " (cached)" } else { "" };
        text.push_str(&format!("{sign} {name}: {}{cached}\n", summary(one)));
    }
    text
}

/// A finding as compilers tell of them.
fn line(finding: &Finding) -> String {
    let Finding { path, line, column, level, code, message } = finding;
    let mut text = path.clone();
    for number in [line, column] {
        if *number > 0 {
            text.push_str(&format!(":{number}"));
        }
    }
    let level = match level {
        Level::Error => "",
        Level::Warning => "warning: ",
        Level::Note => "note: ",
    };
    let code = if code.is_empty() { String::new() } else { format!("{code} ") };
    format!("{text}: {level}{code}{message}")
}

fn summary(one: &OfTool) -> String {
    let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let of = |level| one.findings.iter().filter(|finding| finding.level == level).count();
    let files: BTreeSet<&str> = one.findings.iter().map(|finding| finding.path.as_str()).collect();
    let all = count(one.files, "file");
    // What files import is told too.
    let some = match files.len() {
        some if some > one.files => count(some, "file"),
        some => format!("{some} of {all}"),
    };
    match (of(Level::Error), of(Level::Warning)) {
        (0, 0) if one.failed => format!("failed on {all}"),
        (0, 0) => format!("nothing in {all}"),
        (0, warnings) => format!("{} in {some}", count(warnings, "warning")),
        (errors, 0) => format!("{} in {some}", count(errors, "finding")),
        (errors, warnings) => {
            format!("{} and {} in {some}", count(errors, "finding"), count(warnings, "warning"))
        }
    }
}

fn json(name: &str, one: &OfTool) -> Value {
    let findings = one.findings.iter().map(|finding| {
        let level = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        };
        json!({
            "path": finding.path,
            "line": finding.line,
            "column": finding.column,
            "level": level,
            "code": finding.code,
            "message": finding.message,
        })
    });
    json!({
        "tool": name,
        "files": one.files,
        "failed": one.failed,
        "cached": one.cached,
        "findings": findings.collect::<Vec<_>>(),
        "output": one.others,
    })
}

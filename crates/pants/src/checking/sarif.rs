//! What tools found in the forms of services: SARIF, and the annotations of GitHub Actions.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use python::tools::{Finding, Level};
use serde_json::{Value, json};

use super::found::{Found, OfTool};
use crate::annotation::Annotation;

/// The version of the format, and where its schema is.
const VERSION: &str = "2.1.0";
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// All findings as one log of SARIF, with a run for each tool; `is_whole` where all tools ran.
pub(super) fn sarif(found: &Found, is_whole: bool) -> Value {
    let runs: Vec<Value> = found.0.iter().map(|(name, one)| run(name, one, is_whole)).collect();
    json!({ "$schema": SCHEMA, "version": VERSION, "runs": runs })
}

fn run(name: &str, one: &OfTool, is_whole: bool) -> Value {
    let codes: BTreeSet<&str> =
        one.findings.iter().map(|finding| finding.code.as_str()).filter(|code| !code.is_empty()).collect();
    let rules: Vec<Value> = codes.iter().map(|code| json!({ "id": code })).collect();
    json!({
        "tool": { "driver": { "name": name, "rules": rules } },
        "columnKind": "unicodeCodePoints",
        "invocations": [{ "executionSuccessful": is_whole }],
        "results": one.findings.iter().map(result).collect::<Vec<_>>(),
    })
}

fn result(finding: &Finding) -> Value {
    let level = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let mut place = json!({ "artifactLocation": { "uri": uri(&finding.path), "uriBaseId": "%SRCROOT%" } });
    if finding.line > 0 {
        place["region"] = json!({ "startLine": finding.line });
        if finding.column > 0 {
            place["region"]["startColumn"] = json!(finding.column);
        }
    }
    let mut result = json!({
        "level": level,
        "message": { "text": finding.message },
        "locations": [{ "physicalLocation": place }],
    });
    if !finding.code.is_empty() {
        result["ruleId"] = json!(finding.code);
    }
    result
}

/// A path as a relative URI.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// A line for each finding by which GitHub Actions shows it at its line.
pub(super) fn annotations(found: &Found) -> String {
    let mut text = String::new();
    for (name, one) in &found.0 {
        for finding in &one.findings {
            let level = match finding.level {
                Level::Error => "error",
                Level::Warning => "warning",
                Level::Note => "notice",
            };
            let title = format!("{name} {}", finding.code);
            let annotation = Annotation {
                level,
                place: Some((&finding.path, finding.line, finding.column)),
                title: title.trim_end(),
                message: &finding.message,
            };
            let _ = writeln!(text, "{annotation}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_get_what_they_read() {
        let finding = |line, column, code: &str, message: &str| Finding {
            path: "a b/c,d.py".to_owned(),
            line,
            column,
            level: Level::Error,
            code: code.to_owned(),
            message: message.to_owned(),
        };
        let findings = BTreeSet::from([finding(0, 0, "", "50% of\nit"), finding(2, 3, "E1", "m: n")]);
        let found = Found(vec![("tool".to_owned(), OfTool { findings, ..OfTool::default() })]);
        assert_eq!(
            annotations(&found),
            "::error file=a b/c%2Cd.py,title=tool::50%25 of%0Ait\n\
             ::error file=a b/c%2Cd.py,line=2,col=3,title=tool E1::m: n\n"
        );
        let log = sarif(&found, true);
        let results = &log["runs"][0]["results"];
        let place = &results[1]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/c%2Cd.py");
        assert_eq!(place["region"], json!({ "startLine": 2, "startColumn": 3 }));
        assert_eq!((&results[1]["ruleId"], &results[1]["level"]), (&json!("E1"), &json!("error")));
        assert!(results[0].get("ruleId").is_none(), "{log}");
        assert!(results[0]["locations"][0]["physicalLocation"].get("region").is_none(), "{log}");
    }
}

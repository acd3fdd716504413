//! What the repository asks for, and what of it is missing.

use std::process::Stdio;

use super::{Finding, counted};
use crate::changed::git::Git;
use crate::config::FILE;
use crate::session::Session;

pub(super) fn look(session: &Session<'_>) -> Vec<Finding> {
    let mut findings = vec![Finding::ok(format!("its root is {}", session.root.display()))];
    findings.extend(locks(session));
    findings.extend(others(session));
    findings.extend(ignored(session));
    findings
}

/// Whether the lock of each resolve is there and can be read.
fn locks(session: &Session<'_>) -> Vec<Finding> {
    let read = session.config.resolves.iter().flat_map(|(name, path)| match session.lock(path) {
        Ok(Some(_)) => vec![Finding::ok(format!("the lock of `{name}` is {path}"))],
        Ok(None) => {
            let what = format!("the resolve `{name}` has no lock: there is no {path}");
            vec![Finding::warning(what, format!("`pants lock --resolve {name}` writes it"))]
        }
        Err(diagnostics) => diagnostics.iter().map(Finding::told).collect(),
    });
    read.collect()
}

fn others(session: &Session<'_>) -> Option<Finding> {
    let others = &session.config.others;
    (!others.is_empty()).then(|| {
        let what = format!("the configuration has {} of Pants without effect", counted(others.len(), "key"));
        Finding::warning(what, format!("`pants help {FILE}` lists those that have one"))
    })
}

/// What is built should not be committed.
fn ignored(session: &Session<'_>) -> Option<Finding> {
    let git = Git::new(session.root.clone(), session.offline);
    let ignored = git.run(&["check-ignore", "--quiet", "dist/x"], Stdio::null()).ok()?;
    // 1 is the answer that it is not; all else is no answer.
    (ignored.status.code() == Some(1)).then(|| {
        Finding::warning(
            "git does not ignore `dist/`, where what is built goes",
            "add `/dist/` to `.gitignore`",
        )
    })
}

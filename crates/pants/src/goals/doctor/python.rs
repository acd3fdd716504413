//! The interpreters of the machine, and whether they are those that the configuration asks for.

use packaging::constraints::InterpreterConstraints;
use packaging::interpreter::{Finder, Interpreter};
use packaging::python::Wanted;

use super::Finding;
use crate::machine;
use crate::session::Session;

const ADVICE: &str = "install one, or add the folder that it is in to `[python] interpreter_search_paths`; for other \
                      platforms none is needed unless something is built from source";

pub(super) fn look(session: &Session<'_>) -> Vec<Finding> {
    let config = &session.config;
    let memo = match machine::memo(session) {
        Ok(memo) => memo,
        Err(diagnostics) => return diagnostics.iter().map(Finding::told).collect(),
    };
    let search = machine::search_paths(session.environment, &session.root, &config.interpreter_search_paths);
    let (interpreters, others) = Finder::new(&search, &memo).survey();
    let mut findings: Vec<Finding> = interpreters.iter().map(of_one).collect();
    findings.extend(others.iter().map(|path| {
        let what = format!("{} is named like an interpreter and does not answer as one", path.display());
        Finding::warning(what, "start it by hand to see why; remove or repair it if it should be one")
    }));
    if interpreters.is_empty() {
        findings.push(Finding::error("no interpreter was found", ADVICE));
    }
    for text in config.interpreters.iter().flatten() {
        let wanted = text.parse::<Wanted>().ok();
        if !wanted.is_some_and(|wanted| interpreters.iter().any(|one| one.is(wanted))) {
            let what = format!("`[python] interpreters` names {text}, which is not here");
            findings.push(Finding::warning(what, ADVICE));
        }
    }
    findings.extend(constrained(&config.interpreter_constraints, &interpreters));
    findings
}

fn of_one(interpreter: &Interpreter) -> Finding {
    Finding::ok(format!("{interpreter}, {}", interpreter.abi))
}

/// Whether one of the interpreters is accepted where targets say nothing else.
fn constrained(texts: &[String], interpreters: &[Interpreter]) -> Option<Finding> {
    let constraints = InterpreterConstraints::parse(texts).ok().filter(|_| !texts.is_empty())?;
    let accepted = interpreters
        .iter()
        .any(|one| constraints.accepts(&one.implementation, one.abi.free_threaded, &one.version));
    (!accepted).then(|| {
        let what = format!("`[python] interpreter_constraints` ({}) accept none of them", texts.join(", "));
        Finding::warning(what, ADVICE)
    })
}

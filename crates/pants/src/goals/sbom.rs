//! The goal `sbom`: what is inside of a program, as a bill of materials.

use std::path::PathBuf;

use clap::Args;
use packaging::licence::Licence;
use packaging::sbom::Bill;
use python::Artifact;
use python::entry_point::programs;

use super::Targets;
use crate::build;
use crate::diagnostic::{Diagnostic, Exit};
use crate::inside::{self, Licences};
use crate::session::Session;

/// Print what is inside of a python_binary, as CycloneDX
///
/// The distributions of all its files with their versions, licences and hashes, and which needs which. The same program
/// makes the same document. Wheels are fetched, since they say their licences; nothing is assembled.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// Write it to a file
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Say when it was written, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = timestamp)]
    timestamp: Option<String>,

    /// Print nothing; fail if a licence is not allowed by `[licences]` in pants.toml
    #[arg(long, conflicts_with_all = ["out", "timestamp"])]
    check: bool,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    // What is built is what is inside.
    session.builds.get_or_init(|| ());
    let repository = session.repository()?;
    let chosen = arguments.targets.select(session, &repository)?;
    let programs = programs(&repository.graph, &chosen);
    if programs.is_empty() || (programs.len() > 1 && !arguments.check) {
        return Err(vec![not_one(programs.len(), arguments)]);
    }
    let (artifacts, licences) = build::inside(session, &repository, &programs)?;
    session.console.diagnostics(session.take_warnings());
    if arguments.check {
        let denied = inside::denied(session, &artifacts, &licences);
        if denied.is_empty() && !session.console.quiet {
            session.console.message(&format!("the licences of {} distributions are allowed", licences.len()));
        }
        return if denied.is_empty() { Ok(Exit::Done) } else { Err(denied) };
    }
    let document = bill(&artifacts, &licences, arguments.timestamp.clone()).cyclonedx();
    let text = format!("{document:#}\n");
    match &arguments.out {
        None => session.console.answer(&text),
        Some(path) => write(&session.environment.folder.join(path), &text)?,
    }
    Ok(Exit::Done)
}

fn not_one(count: usize, arguments: &Arguments) -> Diagnostic {
    let asked = arguments.targets.targets.join("`, `");
    let message = match count {
        0 => format!("no `python_binary` is among `{asked}`"),
        count => format!("`{asked}` are {count} programs, and a document is about one"),
    };
    let help = "`pants list --type python_binary ::` names all that there are";
    Diagnostic::error(Exit::Wrong, "sbom::not_one", message).help(Some(help))
}

/// What is inside of the files of one program.
fn bill(artifacts: &[Artifact], licences: &Licences, timestamp: Option<String>) -> Bill {
    let tool = ("pants".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let mut bill = Bill { timestamp, tool, ..Bill::default() };
    let mut property = |name: &str, value: String| {
        bill.properties.entry(format!("pants:{name}")).or_default().insert(value);
    };
    for artifact in artifacts {
        property("path", format!("dist/{}", artifact.path));
        for configuration in &artifact.configurations {
            property("interpreter", configuration.interpreter_tag());
            property("platform", configuration.platform.to_string());
        }
    }
    for artifact in artifacts {
        bill.program = artifact.label.to_string();
        for one in &artifact.distributions {
            bill.add(one.item(), licences.get(&one.wheel).cloned().unwrap_or(Licence::Unknown));
        }
    }
    bill
}

/// Writes a file so that it is either there as a whole or as it was.
fn write(path: &std::path::Path, text: &str) -> Result<(), Vec<Diagnostic>> {
    let failed = |error: std::io::Error| {
        let message = format!("cannot write `{}`: {error}", path.display());
        vec![Diagnostic::error(Exit::Environment, "sbom::write", message)]
    };
    let folder = path.parent().expect("a file is in a folder");
    let file = tempfile::Builder::new().prefix(".sbom-").tempfile_in(folder).map_err(failed)?;
    std::fs::write(file.path(), text).map_err(failed)?;
    super::readable(file.as_file()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A time in UTC, to the second.
fn timestamp(text: &str) -> Result<String, &'static str> {
    let pattern = b"0000-00-00T00:00:00Z";
    let fits =
        |(found, wanted): (u8, &u8)| if *wanted == b'0' { found.is_ascii_digit() } else { found == *wanted };
    let is_one = text.len() == pattern.len() && text.bytes().zip(pattern).all(fits);
    if is_one { Ok(text.to_owned()) } else { Err("expected a time in UTC such as 2026-01-31T12:00:00Z") }
}

//! What goals that write BUILD files have in common: which ones, whether at all, and what is said.

use clap::Args;
use graph::Pattern;
use serde_json::{Value, json};

use crate::cli::Form;
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::rewrite::{self, Rewrite};
use crate::session::Session;

/// Which folders a goal is about.
#[derive(Debug, Args)]
pub(super) struct Folders {
    /// Folders (svc:), folders and all below (svc::, ::), or files
    #[arg(value_name = "PATTERN", required = true)]
    patterns: Vec<String>,
}

/// Whether files are written.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Mode {
    /// Write nothing; show what would change, and fail if something would
    #[arg(long)]
    check: bool,

    /// Write nothing; show what would change
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
}

impl Mode {
    /// Whether files are written.
    pub(crate) fn writes(self) -> bool {
        !self.check && !self.dry_run
    }

    /// Whether it fails for what would change.
    pub(crate) fn fails(self) -> bool {
        self.check
    }
}

/// Folders and files that patterns name.
pub(super) struct Asked(Vec<Pattern>);

impl Folders {
    pub(super) fn parse(&self, session: &Session<'_>) -> Result<Asked, Vec<Diagnostic>> {
        let is_file = |path: &str| session.root.join(path).is_file();
        let (mut patterns, mut errors) = (Vec::new(), Vec::new());
        for text in &self.patterns {
            match Pattern::parse(text, is_file) {
                Ok(pattern) if self.is_there(session, &pattern) => patterns.push(pattern),
                Ok(pattern) => {
                    let message = format!("there is no folder for `{pattern}`");
                    errors.push(Diagnostic::error(Exit::Wrong, "rewrite::no_folder", message));
                }
                Err(error) => errors.push(explain::label(&error)),
            }
        }
        if errors.is_empty() { Ok(Asked(patterns)) } else { Err(errors) }
    }

    fn is_there(&self, session: &Session<'_>, pattern: &Pattern) -> bool {
        match pattern {
            Pattern::Below(folder) | Pattern::Directory(folder) => session.root.join(folder).is_dir(),
            Pattern::Label(label) => session.root.join(label.package()).is_dir(),
            Pattern::File(_) => true,
        }
    }
}

impl Asked {
    /// Whether a folder is asked about.
    pub(super) fn has_folder(&self, folder: &str) -> bool {
        self.0.iter().any(|pattern| match pattern {
            Pattern::Below(above) => {
                above.is_empty()
                    || folder == above
                    || folder.strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
            Pattern::Directory(asked) => asked == folder,
            Pattern::Label(label) => label.package() == folder,
            Pattern::File(file) => file.rsplit_once('/').map_or("", |(folder, _)| folder) == folder,
        })
    }
}

/// Writes files or shows what would be written, and answers with what was done: as text, and for programs.
pub(super) fn finish(
    session: &Session<'_>,
    mode: Mode,
    goal: &str,
    rewrites: &[Rewrite],
    (text, files): (String, Vec<Value>),
) -> Result<Exit, Vec<Diagnostic>> {
    let writes = mode.writes();
    if writes {
        rewrite::write(&session.root, rewrites)?;
    }
    let exit = if mode.fails() && !rewrites.is_empty() { Exit::Failed } else { Exit::Done };
    let diff = || rewrites.iter().map(Rewrite::diff).collect::<String>();
    if session.console.form == Form::Json {
        let answer = json!({
            "goal": goal,
            "exit_code": exit as i32,
            "written": writes,
            "files": files,
            "diff": diff(),
            "diagnostics": session.console.said().iter().map(Diagnostic::json).collect::<Vec<_>>(),
        });
        session.console.answer(&format!("{answer:#}\n"));
    } else {
        session.console.answer(&if writes { text } else { diff() });
    }
    if exit == Exit::Failed && !session.console.quiet {
        let one = rewrites.len() == 1;
        let (noun, them) = if one { ("BUILD file", "it") } else { ("BUILD files", "them") };
        let message = format!("{} {noun} would change: `pants {goal}` writes {them}", rewrites.len());
        session.console.message(&message);
    }
    Ok(exit)
}
